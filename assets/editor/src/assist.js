// The model at hand: asks for a proposal on the selection or block, shows it beside the old text as it comes, and puts
// in what the person accepts, change by change. The article is not touched before that.
import { TextSelection } from "@tiptap/pm/state";
import { Fragment, Slice } from "@tiptap/pm/model";
import { el, button, dialog, field, ask, menu } from "./dom.js";
import { same } from "./patch.js";
import { topIndex, topPos } from "./blocks.js";
import { t } from "./strings.js";

const TASKS = ["rewrite", "expand", "shorten", "continue", "simplify", "fix", "tone", "translate", "insert"];
const ASKING = { tone: "assist.tone", translate: "assist.language", insert: "assist.about" };

export function createAssist(page) {
  const { root } = page;
  let place = null, card = null;  // what was asked about; the proposal on the page

  function target(index) {
    const { editor } = page, { state } = editor, { selection } = state;
    if (index === undefined || index === null) {
      const { $from, $to } = selection;
      if (selection instanceof TextSelection && !selection.empty && $from.depth === 1 && $from.sameParent($to) && $from.parent.isTextblock && $from.parent.type.name !== "figure" && !$from.parent.type.spec.code) {
        return { from: $from.index(0), to: $from.index(0), range: [$from.pos, $to.pos], part: { type: "paragraph", content: $from.parent.slice($from.parentOffset, $to.parentOffset).content.toJSON() } };
      }
      return { from: $from.depth ? $from.index(0) : topIndex(state), to: $to.depth ? $to.index(0) : topIndex(state) };
    }
    return { from: index, to: index };
  }
  async function open(index, task) {
    const at = target(index);
    if (task) return start(task, at);
    const { view, state } = page.editor;
    const rect = at.range ? { left: view.coordsAtPos(at.range[0]).left, top: view.coordsAtPos(at.range[0]).top, bottom: view.coordsAtPos(at.range[1]).bottom } : view.nodeDOM(topPos(state.doc, at.from))?.getBoundingClientRect() || root.getBoundingClientRect();
    menu(root, rect, TASKS.map((name) => ({ label: t(`assist.${name}`), act: name, keep: true, run: () => start(name, at) })).concat([
      { label: t("assist.with"), act: "with", keep: true, run: async () => { const given = await ask(root, t("assist.with"), [field("instruction", t("assist.instruction.must"), "", { rows: 2 })], t("assist.go")); if (given) propose({ task: "rewrite", instruction: given.instruction, at }); } },
    ]), { label: t("assist.open"), back: page.editor.view.dom });
  }
  async function start(task, at) {
    if (!ASKING[task]) return propose({ task, at });
    const given = await ask(root, t(`assist.${task}`), [field("instruction", t(ASKING[task]), task === "translate" ? t("assist.language.first") : "")], t("assist.go"));
    if (given) propose({ task, instruction: given.instruction, at });
    else page.editor.commands.focus();
  }
  async function propose({ task, instruction = "", at = target() }) {
    const { editor, sync } = page;
    await sync.settled();
    const nodes = [];
    for (let i = at.from; i <= at.to && i < editor.state.doc.childCount; i++) nodes.push(editor.state.doc.child(i));
    const texts = nodes.filter((n) => n.type.name !== "figure" && !n.attrs.id.startsWith("n-"));
    const behind = texts.length ? "" : await page.idAt(at.from);  // in a new paragraph or on a picture: what comes stands here
    for (let i = at.from; !texts.length && i >= 0; i--) {
      const node = editor.state.doc.maybeChild(i);
      if (node && node.type.name !== "figure" && node.type.name !== "horizontalRule" && !node.attrs.id.startsWith("n-")) texts.push(node);
    }
    if (!texts.length) { page.note("warning", t("assist.nothing")); return; }
    place?.stop?.();
    place = { nodes: texts, ids: texts.map((n) => n.attrs.id), range: at.range, part: Boolean(at.part), behind };
    const tracked = place;
    const follow = ({ transaction }) => { if (tracked.range) tracked.range = tracked.range.map((p, i) => transaction.mapping.map(p, i ? -1 : 1)); };
    editor.on("transaction", follow);
    place.stop = () => editor.off("transaction", follow);
    const got = await page.answer("proposals", { method: "POST", body: JSON.stringify({ task, instruction, blocks: place.ids, selection: at.part || null }) });
    if (!got) { place.stop(); return; }
    place.id = got.id;
    page.say(t("working"));
  }

  // ---- the card ------------------------------------------------------------------------------------------------
  function heard(proposals) {
    const now = proposals.find((p) => p.id === place?.id) || proposals[0];
    if (!now) { if (card) close(false); return; }
    if (!card || card.id !== now.id) make(now);
    if (card.seen === JSON.stringify(now)) return;
    card.seen = JSON.stringify(now);
    draw(now);
  }
  function make(p) {
    card?.node.remove();
    const text = el("div", { class: "il-diff", tabindex: 0, role: "group", "aria-label": t("assist.proposal"), lang: page.last.lang, dir: page.last.dir });
    const state = el("small", { role: "status" }), row = el("div", { class: "il-row" });
    const node = el("section", { class: "il-proposal", "aria-label": t("assist.proposal"), "data-proposal": p.id }, el("div", { class: "il-row" }, el("strong", {}, t(`assist.${p.task}`)), state), text, row);
    root.querySelector("article").append(node);
    node.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); dismiss(); } });
    card = { id: p.id, node, text, state, row, off: new Set() };
  }
  function draw(p) {
    card.p = p;
    card.state.textContent = p.error ? p.error : p.done ? t("assist.done") : `${t("working")} …`;
    if (!p.done || p.adds || p.error) card.text.textContent = p.text;
    else changes(p);
    const buttons = p.done && !p.error
      ? [button(t("assist.accept"), accept, { class: "il-main", "data-do": "accept" }), !p.adds && button(t("assist.below"), () => accept({ below: true }), { "data-do": "below" }), button(t("assist.again"), again, { "data-do": "again" }), button(t("assist.discard"), dismiss, { "data-do": "discard" })]
      : [button(p.done ? t("close") : t("stop"), dismiss, { class: p.done ? null : "il-stop", "data-do": "discard" })];
    if (card.row.dataset.done !== String(p.done)) {
      card.row.replaceChildren(...buttons.filter(Boolean));
      card.row.dataset.done = String(p.done);
      if (p.done) { page.say(p.error || t("assist.done")); if (!p.error && page.editor.view.hasFocus() === false) card.row.firstChild.focus({ preventScroll: true }); }
    }
  }
  // Each change is a button of its own: pressed is taken, released keeps the old words.
  function changes(p) {
    const parts = [], { pieces } = p;
    // A word or a space that stays between two changes is read more easily as part of one change.
    const bridge = (at) => at > 0 && pieces[at][0] === "same" && (at + 1 < pieces.length ? pieces[at][1].trim().length < 6 : !/[\p{L}\p{N}]/u.test(pieces[at][1]));
    let i = 0;
    while (i < pieces.length) {
      const [kind, text] = pieces[i];
      if (kind === "same") { parts.push(document.createTextNode(text)); i++; continue; }
      let gone = "", fresh = "";
      while (i < pieces.length && (pieces[i][0] !== "same" || bridge(i))) { if (pieces[i][0] !== "new") gone += pieces[i][1]; if (pieces[i][0] !== "gone") fresh += pieces[i][1]; i++; }
      const n = parts.length;
      const toggle = el("button", { type: "button", "aria-pressed": String(!card.off.has(n)), "aria-label": t("assist.change", { old: gone.trim() || "–", new: fresh.trim() || "–" }),
        onclick: () => { if (card.off.has(n)) card.off.delete(n); else card.off.add(n); toggle.setAttribute("aria-pressed", String(!card.off.has(n))); } }, gone && el("del", {}, gone), fresh && el("ins", {}, fresh));
      toggle.words = [gone, fresh];
      parts.push(toggle);
    }
    card.text.replaceChildren(...parts);
  }
  const chosen = () => (card.p.adds ? card.p.text : [...card.text.childNodes].map((n, i) => (n.words ? n.words[card.off.has(i) ? 0 : 1] : n.textContent)).join(""));

  async function accept({ below = false } = {}) {
    const { editor, sync } = page, p = card.p, markdown = chosen(), got = await page.read(markdown);
    if (!got) return;
    const nodes = got.nodes.map((n) => editor.schema.nodeFromJSON(n)), mine = await aboutWhat(p);
    const here = sync.positions(), tr = editor.state.tr;
    const found = p.blocks.map((id) => here.get(id)).filter(Boolean);
    const untouched = mine && (mine.range ? mine.nodes.every((n) => here.get(n.attrs.id)) : mine.nodes.every((n) => here.get(n.attrs.id) && same(here.get(n.attrs.id).node, n)));
    if (!found.length || !nodes.length) { page.note("warning", t("patch.gone")); dismiss(); return; }
    const last = (p.adds && here.get(mine?.behind)) || found[found.length - 1], end = last.pos + last.node.nodeSize;
    if (p.adds || below || !mine || !untouched) {
      if (!p.adds && !below) page.note("warning", t("assist.moved"));
      tr.insert(end, nodes);
      tr.setSelection(TextSelection.near(tr.doc.resolve(Math.min(end + nodes[0].nodeSize - 1, tr.doc.content.size)), -1));
    } else if (mine.range) {
      const inline = nodes.length === 1 && nodes[0].isTextblock ? nodes[0].content : Fragment.from(editor.schema.text(markdown.replace(/\s+/g, " ")));
      tr.replace(mine.range[0], mine.range[1], new Slice(inline, 0, 0));
      tr.setSelection(TextSelection.create(tr.doc, mine.range[0], mine.range[0] + inline.size));
    } else replaceBlocks(tr, found, nodes);
    editor.view.dispatch(tr.scrollIntoView());
    editor.view.focus();
    dismiss();
    sync.flush();
    page.say(t("assist.taken"));
  }
  // New blocks take the old ones' places one by one, so that pictures between them stay where they are.
  function replaceBlocks(tr, found, nodes) {
    found.forEach(({ pos, node }, i) => {
      const at = tr.mapping.map(pos), fresh = nodes[i];
      if (!fresh) tr.delete(at, at + node.nodeSize);
      else tr.replaceWith(at, at + node.nodeSize, i === found.length - 1 ? [keep(fresh, node), ...nodes.slice(i + 1)] : keep(fresh, node));
    });
  }
  const keep = (fresh, old) => (old.type.name === "heading" && fresh.type.name === "paragraph" ? old.copy(fresh.content) : fresh.type.create({ ...fresh.attrs, id: old.attrs.id }, fresh.content));

  // What a proposal is about. Where this page did not ask for it itself (it was loaded anew), the old text says it.
  async function aboutWhat(p) {
    if (place?.id === p.id) return place;
    const got = await page.read(p.old), here = page.sync.positions(), found = p.blocks.map((id) => here.get(id)).filter(Boolean);
    const nodes = (got?.nodes || []).map((n) => page.editor.schema.nodeFromJSON(n));
    if (found.length !== p.blocks.length || !nodes.length) return null;
    if (p.part) { const range = rangeOf(found[0], nodes[0]); return range && { nodes: [found[0].node], ids: p.blocks, range, part: true }; }
    if (nodes.length !== found.length && !p.adds) return null;
    return { nodes: p.adds ? found.map((f) => f.node) : nodes.map((n, i) => n.type.create({ ...n.attrs, id: p.blocks[i] }, n.content)), ids: p.blocks };
  }
  // Where a block holds a part, word for word and with its marks; null unless there is one such place.
  function rangeOf({ node, pos }, part) {
    const plain = (n) => n.textBetween(0, n.content.size, null, "\ufffc"), at = plain(node).indexOf(plain(part));
    if (at < 0 || plain(node).indexOf(plain(part), at + 1) >= 0 || !node.content.cut(at, at + part.content.size).eq(part.content)) return null;
    return [pos + 1 + at, pos + 1 + at + part.content.size];
  }
  async function again() {
    const p = card.p, about = await aboutWhat(p), { doc } = page.editor.state;
    close();
    const from = indexOf(p.blocks[0]), to = indexOf(p.blocks[p.blocks.length - 1]);
    if (from < 0 || to < 0) { page.note("warning", t("patch.gone")); return; }
    const [start, end] = about?.range || [];
    const text = end > start && doc.resolve(start), part = text && { type: "paragraph", content: text.parent.slice(start - text.start(), end - text.start()).content.toJSON() };
    propose({ task: p.task, instruction: p.instruction, at: part ? { from, to, range: [start, end], part } : { from, to } });
  }
  const indexOf = (id) => { let found = -1, i = 0; page.editor.state.doc.forEach((n) => { if (n.attrs.id === id) found = i; i++; }); return found; };
  const dismiss = () => close();
  function close(tell = true) {
    if (!card) return;
    const inside = card.node.contains(document.activeElement);
    if (tell) page.answer(`proposals/${card.id}/dismiss`, { method: "POST" });
    card.node.remove();
    card = null;
    place?.stop?.();
    place = null;
    if (inside) page.editor.view.focus();
  }
  return { open, propose, heard };
}
