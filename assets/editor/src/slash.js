// "/" in the text opens a list of what can stand here; typing on narrows it.
import { Extension } from "@tiptap/core";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { el, place } from "./dom.js";
import { t } from "./strings.js";

export const slashKey = new PluginKey("slash");
const QUERY = /(?:^|[\s\u2e80-\u9fff\uff00-\uffef])\/([^\s/]{0,20})$/u;  // behind a space, or a Chinese character or mark

export const Slash = Extension.create({
  name: "slash",
  addOptions: () => ({ root: null, page: null }),
  addProseMirrorPlugins() {
    const { root, page } = this.options, editor = this.editor;
    return [new Plugin({ key: slashKey, view: () => new List(editor, root, page), props: { handleKeyDown: (view, event) => editor.slashList?.key(event) || false } })];
  },
});

const block = (run) => (editor, range) => run(editor.chain().focus().deleteRange(range)).run();
const choices = (page) => [
  ["text", block((c) => c.setParagraph())], ["h2", block((c) => c.setHeading({ level: 2 }))], ["h3", block((c) => c.setHeading({ level: 3 }))], ["h4", block((c) => c.setHeading({ level: 4 }))],
  ["bullets", block((c) => c.toggleBulletList())], ["numbers", block((c) => c.toggleOrderedList())], ["quote", block((c) => c.toggleBlockquote())], ["code", block((c) => c.toggleCodeBlock())],
  ["table", block((c) => c.insertTable({ rows: 3, cols: 3, withHeaderRow: true }))], ["rule", block((c) => c.setHorizontalRule())],
  ["picture", (editor, range) => { editor.chain().focus().deleteRange(range).run(); page.addSlot(); }],
  ["upload", (editor, range) => { editor.chain().focus().deleteRange(range).run(); page.uploadAfter(); }],
  ["continue", (editor, range) => { editor.chain().focus().deleteRange(range).run(); page.propose("continue"); }],
  ["insert", (editor, range) => { editor.chain().focus().deleteRange(range).run(); page.assist(null, "insert"); }],
].map(([name, run]) => ({ name, run, label: t(`slash.${name}`), words: `${name} ${t(`slash.${name}`)} ${t(`slash.${name}.words`)}`.toLowerCase() }));

class List {
  constructor(editor, root, page) {
    Object.assign(this, { editor, root, page, at: 0, gone: null });
    this.node = el("div", { class: "il-menu il-slash", role: "listbox", id: "il-slash", "aria-label": t("slash"), hidden: true });
    root.append(this.node);
    editor.slashList = this;
    editor.on("blur", () => setTimeout(() => this.hide(), 150));
  }
  update(view) {
    const { selection } = view.state, { $from } = selection;
    const parent = $from.parent;
    if (!selection.empty || !parent.isTextblock || parent.type.spec.code || parent.type.name === "figure" || $from.depth !== 1 || view.composing || !view.hasFocus()) return this.hide();
    const found = QUERY.exec(parent.textBetween(0, $from.parentOffset, null, "\ufffc"));
    if (!found) { this.gone = null; return this.hide(); }
    const start = selection.from - found[1].length - 1;
    if (this.gone === start) return this.hide();
    this.range = { from: start, to: selection.from };
    const query = found[1].toLowerCase();
    this.items = choices(this.page).filter((c) => c.words.includes(query));
    if (!this.items.length) return this.hide();
    this.at = Math.min(this.at, this.items.length - 1);
    this.draw(view);
  }
  draw(view) {
    this.node.replaceChildren(...this.items.map((item, i) => el("div", { role: "option", id: `il-slash-${i}`, "aria-selected": String(i === this.at), "data-slash": item.name,
      onmousedown: (event) => { event.preventDefault(); this.pick(i); } }, item.label)));
    this.node.hidden = false;
    place(this.node, view.coordsAtPos(this.range.from), this.root);
    view.dom.setAttribute("aria-controls", "il-slash");
    view.dom.setAttribute("aria-activedescendant", `il-slash-${this.at}`);
    this.node.children[this.at].scrollIntoView({ block: "nearest" });
  }
  hide() {
    if (this.node.hidden) return;
    this.node.hidden = true;
    this.at = 0;
    this.editor.view.dom.removeAttribute("aria-activedescendant");
    this.editor.view.dom.removeAttribute("aria-controls");
  }
  pick(i) { const item = this.items[i], range = this.range; this.hide(); item.run(this.editor, range); }
  key(event) {
    if (this.node.hidden || event.isComposing) return false;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) { this.at = (this.at + by + this.items.length) % this.items.length; this.draw(this.editor.view); return true; }
    if (event.key === "Enter" || event.key === "Tab") { this.pick(this.at); return true; }
    if (event.key === "Escape") { this.gone = this.range.from; this.hide(); return true; }
    return false;
  }
  destroy() { this.node.remove(); }
}
