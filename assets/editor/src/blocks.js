// What can be done to whole blocks: the handle beside the block under the pointer or caret, its menu, moving by drag or key.
import { Extension } from "@tiptap/core";
import { NodeSelection } from "@tiptap/pm/state";
import { el, button, icon, menu, ask, field } from "./dom.js";
import { newId, isTemp } from "./schema.js";
import { t } from "./strings.js";

export const topIndex = (state) => state.selection.$from.depth ? state.selection.$from.index(0) : state.doc.resolve(state.selection.from).index(0);
export const topPos = (doc, index) => { let pos = 0; for (let i = 0; i < index; i++) pos += doc.child(i).nodeSize; return pos; };

// Where the section that begins at `index` ends: the next level-2 heading, or the end.
export function sectionEnd(doc, index) {
  let end = index + 1;
  while (end < doc.childCount && !isSection(doc.child(end))) end++;
  return end;
}
export const isSection = (node) => node.type.name === "heading" && node.attrs.level === 2;

export function move(editor, index, by) {
  const { doc, tr, selection } = editor.state, node = doc.child(index), to = index + by;
  if (to < 0 || to >= doc.childCount) return false;
  const from = topPos(doc, index), offset = selection.from - from, size = node.nodeSize;
  const target = by < 0 ? topPos(doc, to) : topPos(doc, to + 1) - size;
  tr.delete(from, from + size).insert(target, node);
  const inside = offset >= 0 && offset <= size;
  if (inside) tr.setSelection(selection instanceof NodeSelection ? NodeSelection.create(tr.doc, target) : selection.constructor.near(tr.doc.resolve(Math.min(target + offset, tr.doc.content.size))));
  editor.view.dispatch(tr.scrollIntoView());
  return true;
}

// The browser tells of a click's caret a moment later; a key that follows at once must not act on the old one.
export const readSelection = (view) => { view.domObserver.flush(); };

export const BlockKeys = Extension.create({
  name: "blockKeys",
  priority: 1000,
  addKeyboardShortcuts() {
    const shift = (by) => ({ editor }) => move(editor, topIndex(editor.state), by);
    const { run } = this.options;
    return {
      "Alt-ArrowUp": shift(-1), "Alt-ArrowDown": shift(1),
      "Mod-a": ({ editor }) => {  // first the block, then everything
        readSelection(editor.view);
        const { $from, $to, node, from, to } = editor.state.selection, { parent } = $from;
        if (node?.type.name === "figure") return editor.commands.setTextSelection({ from: from + 1, to: to - 1 });  // a chosen figure: its caption
        if (!parent.isTextblock || ($from.start() === $from.pos && $to.pos === $from.end())) return parent.type.name === "figure";
        return $to.parent === parent && parent.content.size > 0 && editor.commands.setTextSelection({ from: $from.start(), to: $from.end() });
      },
      "Mod-Enter": () => run("menu"), "Mod-k": () => run("link"), "Mod-j": () => run("assist"),
      "Mod-z": () => run("undo"), "Mod-y": () => run("redo"), "Mod-Shift-z": () => run("redo"), "Mod-s": () => run("save"), "Alt-F10": () => run("toolbar"),
    };
  },
});

export function createHandle({ root, editor, meta, page }) {
  const drag = button(icon("drag"), () => openMenu(), { class: "il-icon il-drag", draggable: "true", "aria-label": t("block.menu"), "aria-haspopup": "menu", title: t("block.drag") });
  const plus = button(icon("plus"), () => addBelow(), { class: "il-icon", "aria-label": t("block.add"), title: t("block.add") });
  const handle = el("div", { class: "il-handle", role: "group", "aria-label": t("block.tools") }, plus, drag);
  const body = editor.view.dom.parentElement;
  body.append(handle);
  let at = -1;

  const show = (index) => {
    if (index < 0 || index >= editor.state.doc.childCount) { handle.hidden = true; return; }
    const dom = editor.view.nodeDOM(topPos(editor.state.doc, index));
    if (!dom?.getBoundingClientRect) return;
    at = index;
    handle.hidden = false;
    const outer = body.getBoundingClientRect(), box = dom.getBoundingClientRect();
    handle.style.top = `${box.top - outer.top + Math.min(6, box.height / 6)}px`;
  };
  body.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || handle.contains(event.target)) return;
    const box = editor.view.dom.getBoundingClientRect();
    const found = editor.view.posAtCoords({ left: Math.min(Math.max(event.clientX, box.left + 20), box.right - 20), top: event.clientY });
    if (found) show(editor.state.doc.resolve(found.inside >= 0 ? found.inside : found.pos).index(0));
  });
  editor.on("selectionUpdate", () => { if (editor.view.hasFocus()) show(topIndex(editor.state)); });
  editor.on("focus", () => show(topIndex(editor.state)));

  drag.addEventListener("dragstart", (event) => {
    const { state, view } = editor, pos = topPos(state.doc, at);
    const selection = NodeSelection.create(state.doc, pos);
    view.dispatch(state.tr.setSelection(selection));
    const dom = view.nodeDOM(pos);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", selection.node.textContent || " ");
    if (dom) event.dataTransfer.setDragImage(dom, 10, 10);
    view.dragging = { slice: selection.content(), move: true, node: selection };
  });
  drag.addEventListener("keydown", (event) => {
    const by = event.altKey && { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by) { event.preventDefault(); if (move(editor, at, by)) { show(at + by); page.say(t("moved")); } }
  });

  const addBelow = () => {
    const pos = topPos(editor.state.doc, at + 1);
    editor.chain().insertContentAt(pos, { type: "paragraph", attrs: { id: newId() } }).setTextSelection(pos + 1).focus().insertContent("/").run();
  };
  const openMenu = (anchor = drag, index = at) => {
    const node = editor.state.doc.child(index);
    menu(root, anchor.getBoundingClientRect(), items(node, index), { label: t("block.menu"), back: editor.view.dom });
    return true;
  };
  const select = (index) => editor.chain().focus().setTextSelection(topPos(editor.state.doc, index) + 1);
  const turn = (index, name, run, checked) => ({ label: t(`turn.${name}`), checked, act: `turn-${name}`, run: () => run(select(index)).run() });

  function items(node, index) {
    const id = node.attrs.id, info = meta.get(id) || {}, text = !["figure", "horizontalRule"].includes(node.type.name);
    const rows = [];
    if (text) {
      rows.push({ label: t("assist.open"), act: "assist", keys: "Ctrl+J", keep: true, run: () => page.assist(index) });
      rows.push({ label: t("block.picture"), act: "find", run: () => page.addSlot(index) }, { label: t("block.upload"), act: "upload", run: () => page.uploadAfter(index) });
    }
    if (isSection(node)) rows.push(...section(id, index));
    if (text && node.type.name !== "table" && node.type.name !== "source") rows.push({ head: t("turn.into") }, ...turns(node, index));
    rows.push({ head: t("block.block") });
    rows.push({ label: t("up"), act: "up", keys: "Alt+↑", disabled: index === 0, run: () => { editor.commands.focus(); move(editor, index, -1); } });
    rows.push({ label: t("down"), act: "down", keys: "Alt+↓", disabled: index === editor.state.doc.childCount - 1, run: () => { editor.commands.focus(); move(editor, index, 1); } });
    if (!isTemp(id)) rows.push({ label: info.locked ? t("unlock") : t("lock"), act: "lock", run: () => page.send({ action: "lock", id, locked: !info.locked }) });
    rows.push({ label: t("remove"), act: "remove", danger: true, run: () => remove(index, index + 1) });
    return rows;
  }
  const turns = (node, index) => {
    const is = (name, attrs = {}) => node.type.name === name && Object.entries(attrs).every(([k, v]) => node.attrs[k] === v);
    return [
      turn(index, "text", (c) => c.clearNodes(), is("paragraph")),
      ...[2, 3, 4].map((level) => turn(index, `h${level}`, (c) => c.clearNodes().setHeading({ level }), is("heading", { level }))),
      turn(index, "bullets", (c) => c.toggleBulletList(), is("bulletList")), turn(index, "numbers", (c) => c.toggleOrderedList(), is("orderedList")),
      turn(index, "quote", (c) => c.toggleBlockquote(), is("blockquote")), turn(index, "code", (c) => c.toggleCodeBlock(), is("codeBlock")),
    ];
  };
  const section = (id) => [
    { head: t("section.section") },
    { label: t("section.rewrite"), act: "rewrite-section", run: () => page.reviseSection(id, "rewrite") },
    { label: t("section.below"), act: "rewrite-below", run: () => page.reviseSection(id, "below") },
    { label: t("section.remove"), act: "remove-section", danger: true, run: () => { const i = indexOf(id); remove(i, sectionEnd(editor.state.doc, i)); } },
  ];
  const indexOf = (id) => { let found = -1, i = 0; editor.state.doc.forEach((n) => { if (n.attrs.id === id) found = i; i++; }); return found; };
  const remove = (from, to) => {
    const { doc, tr } = editor.state;
    if (from === 0 && to >= doc.childCount) tr.replaceWith(0, doc.content.size, editor.schema.nodes.paragraph.create());
    else tr.delete(topPos(doc, from), topPos(doc, to));
    editor.view.dispatch(tr);
    editor.commands.focus();
    page.say(t("removed"));
  };
  return { openMenu, show, indexOf, openHere: () => { const i = topIndex(editor.state); show(i); return openMenu(drag, i); } };
}
