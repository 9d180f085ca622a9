// A picture slot in the text: the picture, its caption in place, and beside it what belongs to it: alt text, credit,
// size, alignment, lock, "decorative". Only the caption is text of the document; the rest comes from `meta`.
import { Node } from "@tiptap/core";
import { el, button } from "./dom.js";
import { t } from "./strings.js";

export const figureNode = ({ meta, actions }) => Node.create({
  name: "figure", group: "top", content: "text*", marks: "", draggable: true, isolating: true, selectable: true, defining: true,
  parseHTML: () => [],
  renderHTML: ({ HTMLAttributes }) => ["figure", { ...HTMLAttributes, "data-article": actions.id }, ["figcaption", 0]],  // as it is copied
  addNodeView() {
    return ({ node, editor, getPos }) => new Figure(node, { editor, getPos, meta, actions });
  },
  addKeyboardShortcuts() {
    return {
      Enter: ({ editor }) => {
        const { $from } = editor.state.selection;
        if ($from.parent.type.name !== "figure") return false;
        const after = $from.after();
        return editor.chain().insertContentAt(after, { type: "paragraph" }).setTextSelection(after + 1).run();
      },
    };
  },
});

class Figure {
  constructor(node, { editor, getPos, meta, actions }) {
    Object.assign(this, { node, editor, getPos, meta, actions });
    this.contentDOM = el("div", { class: "il-caption", role: "textbox", "aria-label": t("figure.caption") });
    this.picture = el("div", { class: "il-picture", contenteditable: "false" });
    this.credit = el("small", { class: "il-credit", contenteditable: "false" });
    this.tools = el("div", { class: "il-figure-tools", contenteditable: "false", role: "group", "aria-label": t("figure.tools") });
    this.dom = el("figure", { class: "il-slot" }, this.tools, this.picture, el("figcaption", {}, this.contentDOM, this.credit));
    this.refresh();
  }
  get id() { return this.node.attrs.id; }
  get info() { return this.meta.get(this.id) || {}; }
  refresh() {
    const info = this.info, seen = JSON.stringify([this.id, info]);
    this.dom.dataset.block = this.id;
    this.contentDOM.dataset.empty = this.node.content.size ? "" : t("figure.empty");
    if (seen === this.seen) return;
    this.seen = seen;
    const p = info.picture;
    this.dom.className = ["il-slot il-block", p ? "" : "il-open", `il-${info.size || "column"}`, `il-${info.align || "center"}`, info.locked ? "il-locked" : "", info.decorative ? "il-decorative" : ""].filter(Boolean).join(" ");
    this.draw(p, info);
    const [x, y] = info.focus || [0.5, 0.5];
    this.dom.style.setProperty("--focus", `${100 * x}% ${100 * y}%`);
    this.credit.textContent = p ? [p.generated ? t("figure.ai") : "", p.credit].filter(Boolean).join(" · ") : "";
    this.draw_tools(info);
  }
  draw(p, info) {
    if (!p) {
      this.src = "";
      this.picture.replaceChildren(el("div", { class: "il-empty" }, el("strong", {}, info.candidates ? t("figure.none") : t("figure.wanted")), el("span", {}, info.query || ""), el("small", {}, info.purpose || "")));
      return;
    }
    const src = `${this.actions.route()}/pictures/${p.digest}`;
    const alt = info.decorative ? "" : info.alt || "";
    if (src === this.src) { this.picture.querySelector("img").alt = alt; return; }
    this.src = src;
    // The picture's shape is known before its file is there, so nothing moves when it comes.
    const shape = p.width && p.height ? `--px:${p.width}px;--ratio:${p.width / p.height}` : null;
    this.picture.replaceChildren(el("img", { src, alt, width: p.width || null, height: p.height || null, style: shape, loading: "lazy", decoding: "async", draggable: "false" }));
  }
  draw_tools(info) {
    const wordless = info.picture && !info.alt && !info.decorative;  // an open place has nothing to describe yet
    const act = (name, label, attrs = {}) => button(label, (event) => this.actions.figure(name, this.id, event.currentTarget), { "data-do": name, ...attrs });
    const focused = this.tools.contains(document.activeElement) && document.activeElement.dataset.do;
    this.tools.replaceChildren(
      act("tray", t("figure.pictures")), act("alt", t(wordless ? "figure.alt_missing" : "figure.alt"), { class: wordless ? "il-warn" : null }),
      act("look", t("figure.look"), { "aria-haspopup": "menu" }), act("lock", info.locked ? t("unlock") : t("lock"), { "aria-pressed": String(Boolean(info.locked)) }),
      act("menu", "…", { "aria-label": t("figure.more"), "aria-haspopup": "menu" }),
    );
    if (focused) this.tools.querySelector(`[data-do="${focused}"]`)?.focus();
  }
  update(node) {
    if (node.type !== this.node.type) return false;
    this.node = node;
    this.refresh();
    return true;
  }
  selectNode() { this.dom.classList.add("il-selected"); }
  deselectNode() { this.dom.classList.remove("il-selected"); }
  stopEvent(event) { return this.tools.contains(event.target) && !/^drag|^drop/.test(event.type); }
  ignoreMutation(change) { return change.type !== "selection" && !this.contentDOM.contains(change.target); }
}
