// The toolbar over a selection, and the one for a table. One tab stop, arrow keys inside (the toolbar pattern).
import { CellSelection } from "@tiptap/pm/tables";
import { TextSelection } from "@tiptap/pm/state";
import { el, button, icon, ask, field, place } from "./dom.js";
import { t } from "./strings.js";

export function createToolbar({ root, editor, page }) {
  const mark = (name, label, keys, run) => ({ name, label, title: `${t(`mark.${name}`)}${keys ? ` (${keys})` : ""}`, on: () => editor.isActive(name), run });
  const marks = [
    mark("bold", el("b", {}, "B"), "Ctrl+B", () => editor.chain().focus().toggleBold().run()), mark("italic", el("i", {}, "I"), "Ctrl+I", () => editor.chain().focus().toggleItalic().run()),
    mark("strike", el("s", {}, "S"), "", () => editor.chain().focus().toggleStrike().run()), mark("code", el("code", {}, "<>"), "Ctrl+E", () => editor.chain().focus().toggleCode().run()),
    mark("link", icon("link"), "Ctrl+K", () => link()),
    { name: "h2", label: "H2", title: t("turn.h2"), on: () => editor.isActive("heading", { level: 2 }), run: () => editor.chain().focus().toggleHeading({ level: 2 }).run() },
    { name: "h3", label: "H3", title: t("turn.h3"), on: () => editor.isActive("heading", { level: 3 }), run: () => editor.chain().focus().toggleHeading({ level: 3 }).run() },
    { name: "bullets", label: "•", title: t("turn.bullets"), on: () => editor.isActive("bulletList"), run: () => editor.chain().focus().toggleBulletList().run() },
    { name: "numbers", label: "1.", title: t("turn.numbers"), on: () => editor.isActive("orderedList"), run: () => editor.chain().focus().toggleOrderedList().run() },
    { name: "quote", label: "❝", title: t("turn.quote"), on: () => editor.isActive("blockquote"), run: () => editor.chain().focus().toggleBlockquote().run() },
    { name: "assist", label: t("assist.short"), title: `${t("assist.open")} (Ctrl+J)`, on: () => false, run: () => page.assist() },
  ];
  const table = [["addRowAfter", "table.row"], ["addColumnAfter", "table.column"], ["deleteRow", "table.no_row"], ["deleteColumn", "table.no_column"], ["deleteTable", "table.remove"]]
    .map(([name, key]) => ({ name, label: t(key), title: t(key), on: () => false, run: () => editor.chain().focus()[name]().run() }));
  const bar = el("div", { class: "il-toolbar", role: "toolbar", "aria-label": t("toolbar"), hidden: true });
  root.append(bar);
  let shown = null, down = false;

  const build = (items) => {
    if (shown !== items) bar.replaceChildren(...items.map((item, i) => button(item.label, item.run, { "data-mark": item.name, "aria-label": item.title, title: item.title, tabindex: i ? -1 : 0, onmousedown: (e) => e.preventDefault() })));
    shown = items;
    items.forEach((item, i) => bar.children[i].setAttribute("aria-pressed", String(item.on())));
  };
  const update = () => {
    if (editor.isDestroyed) return;
    const { selection } = editor.state, inTable = editor.isActive("table");
    const text = selection instanceof TextSelection && !selection.empty && selection.$from.parent.type.name !== "figure" && selection.$from.parent.type.name !== "source";
    const here = editor.view.hasFocus() || bar.contains(document.activeElement);
    if (!here || editor.view.composing || down || !(text || inTable || selection instanceof CellSelection)) { bar.hidden = true; return; }
    build(text ? marks : table);
    bar.hidden = false;
    const from = editor.view.coordsAtPos(selection.from), to = editor.view.coordsAtPos(selection.to);
    const dom = text ? null : editor.view.domAtPos(selection.from).node.parentElement?.closest("table")?.getBoundingClientRect();
    place(bar, dom || { left: Math.min(from.left, to.left), top: from.top, bottom: to.bottom }, root, { above: true });
  };
  let frame = 0;
  const soon = () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(update); };
  editor.on("selectionUpdate", soon);
  editor.on("blur", () => setTimeout(soon, 50));
  editor.on("transaction", ({ transaction }) => { if (!bar.hidden || transaction.selectionSet) soon(); });
  editor.view.dom.addEventListener("pointerdown", () => { down = true; soon(); });
  addEventListener("pointerup", () => { if (down) { down = false; soon(); } });
  addEventListener("scroll", soon, { passive: true, capture: true });
  bar.addEventListener("keydown", (event) => {
    const list = [...bar.children], at = list.indexOf(document.activeElement), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (to !== undefined) { list[(to + list.length) % list.length].focus(); event.preventDefault(); }
    if (event.key === "Escape") { editor.commands.focus(); event.preventDefault(); }
  });

  async function link() {
    const old = editor.getAttributes("link").href || "";
    const given = await ask(root, t("mark.link"), [field("href", t("link.address"), old, { hint: t("link.hint") })], t("save"));
    if (!given) { editor.commands.focus(); return; }
    const href = given.href.trim();
    const chain = editor.chain().focus().extendMarkRange("link");
    if (!href) chain.unsetLink().run();
    else if (editor.state.selection.empty && !old) editor.chain().focus().insertContent({ type: "text", text: href, marks: [{ type: "link", attrs: { href: full(href) } }] }).run();
    else chain.setLink({ href: full(href) }).run();
  }
  const full = (href) => (/^([a-z][\w+.-]*:|#|\/|\.)/i.test(href) ? href : `https://${href}`);
  return { link, focus: () => { update(); if (bar.hidden) return false; bar.firstChild.focus(); return true; } };
}
