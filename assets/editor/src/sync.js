// Keeps the editor's document and the article the same: sends what the person did as small patches, takes in what the
// model and other tabs did. Every patch has an id and is taken once; what could not be sent is kept and sent later.
import { same, rebase, merged, keepCaret, staying, withText, difference } from "./patch.js";
import { isTemp, metaKey } from "./schema.js";
import { TextSelection } from "@tiptap/pm/state";

const IDLE = 500, BUSY = 2500;  // ms: after the last key; at the latest while typing goes on
const patchId = () => crypto.randomUUID().replaceAll("-", "");

export function createSync({ editor, article, meta, head, tell }) {
  const tab = sessionStorage.getItem("il-tab") || patchId().slice(0, 8);
  sessionStorage.setItem("il-tab", tab);
  const draftKey = `il-draft-${article}-${tab}`;
  const base = new Map();       // id -> { node, seq }: each block as the program and this tab both know it
  const told = new Map();       // id -> node: each block as the program told it last, which what it adds is added to
  const waiting = new Set();    // blocks that were merged there: quiet until the news of them is in
  const held = new Map();       // news of the block in which an input method is composing
  let order = [], socket = null, seq = 0, inflight = null, queue = [], idle = 0, busy = 0, retry = 0, closed = false, next = patchId();
  let flushed = [], follow = false, synced = false;

  const view = () => editor.view;
  const schema = () => editor.schema;
  const positions = () => { const found = new Map(); editor.state.doc.forEach((node, pos) => found.set(node.attrs.id, { node, pos })); return found; };
  const blank = (node) => node.type.name === "paragraph" && !node.content.size;
  const dirty = (id, node) => { const b = base.get(id); return b && !same(b.node, node); };

  // ---- what the person did ------------------------------------------------------------------------------------
  function changes() {
    const list = [], sent = new Map(), present = new Set(), row = [];
    editor.state.doc.forEach((node) => {
      const id = node.attrs.id;
      present.add(id);
      if (!isTemp(id) ? base.has(id) : !blank(node) && node.type.name !== "figure") row.push([id, node]);
    });
    const stay = staying(row.map(([id]) => id), order);
    let after = null;
    for (const [id, node] of row) {
      if (waiting.has(id)) { after = id; continue; }
      if (isTemp(id)) { list.push({ kind: "add", temp: id, after, node: node.toJSON() }); sent.set(id, node); }
      else {
        if (!stay.has(id)) list.push({ kind: "move", id, after });
        if (dirty(id, node)) {
          list.push(node.type.name === "figure" ? { kind: "caption", id, text: node.textContent } : { kind: "text", id, base: base.get(id).seq, node: node.toJSON() });
          sent.set(id, node);
        }
      }
      after = id;
    }
    for (const id of order) if (!present.has(id) && base.has(id)) list.push({ kind: "remove", id, base: base.get(id).seq });
    list.push(...head.changes());
    return { list, sent, row: row.map(([id]) => id) };
  }
  function flush(more = false) {
    clearTimeout(idle);
    if (!synced || inflight || editor.view.composing || editor.isDestroyed) return;
    const { list, sent, row } = changes();
    if (!list.length) { busy = 0; forget(); settle(); tell.saved(true); return; }
    inflight = { patch: { id: next, changes: list, more }, sent, row, heads: head.sent() };
    next = patchId();
    busy = 0;
    keep(inflight.patch);
    if (socket?.readyState === 1) socket.send(JSON.stringify({ patch: inflight.patch }));
  }
  const settle = () => { if (!inflight) { const all = flushed; flushed = []; for (const done of all) done(); } };
  const keep = (patch) => { try { localStorage.setItem(draftKey, JSON.stringify(patch)); } catch { /* full or forbidden: the page still has it */ } };
  const forget = () => { try { localStorage.removeItem(draftKey); } catch { /* the same */ } };
  // A draft is kept within a moment of each change, so that a crash of the browser loses next to nothing.
  let drafting = 0;
  function draft() {
    drafting ||= setTimeout(() => {
      drafting = 0;
      if (inflight || !synced || editor.isDestroyed) return;
      const { list } = changes();
      if (list.length) keep({ id: next, changes: list });
    }, 250);
  }
  function touched() {
    if (!synced) return;
    tell.saved(false);
    draft();
    clearTimeout(idle);
    idle = setTimeout(() => flush(false), IDLE);
    busy ||= Date.now();
    if (Date.now() - busy > BUSY) flush(true);
  }
  editor.on("transaction", ({ transaction }) => {
    if (transaction.docChanged && !transaction.getMeta("remote")) touched();
  });
  const composed = () => setTimeout(() => { const all = [...held.values()]; held.clear(); for (const news of all) blocks(news); touched(); }, 0);
  view().dom.addEventListener("compositionend", composed);

  // ---- what the program answers -------------------------------------------------------------------------------
  function acknowledged(ack) {
    const mine = inflight?.patch.id === ack.ack ? inflight : null;
    if (!mine) return;
    inflight = null;
    forget();
    retry = 0;
    const own = new Set(ack.own), tr = editor.state.tr, real = (id) => ack.ids[id] || id;
    editor.state.doc.forEach((node, pos) => { if (ack.ids[node.attrs.id]) tr.setNodeAttribute(pos, "id", ack.ids[node.attrs.id]); });
    for (const [id, node] of mine.sent) {
      const name = real(id), known = own.has(name);
      if (isTemp(id) && !ack.ids[id]) continue;
      base.set(name, { node, seq: known ? ack.seq : base.get(name)?.seq ?? ack.seq });
      if (known) told.set(name, node); else waiting.add(name);
    }
    for (const change of mine.patch.changes) if (change.kind === "remove") base.delete(change.id);
    head.acknowledged(mine.heads);
    order = mine.row.map(real);
    if (tr.docChanged) dispatch(tr);
    for (const note of ack.notes) tell.note(note);
    const left = changes().list.length;
    if (left && !flushed.length) { busy ||= Date.now(); idle = setTimeout(() => flush(false), IDLE); }
    else if (left) flush();
    else { settle(); tell.saved(true); }
  }
  function refused(answer) {
    if (inflight?.patch.id === answer.refused) { inflight = null; forget(); }
    tell.error(answer.error);
    settle();
  }

  // ---- what others did ----------------------------------------------------------------------------------------
  const dispatch = (tr) => view().dispatch(keepCaret(tr, editor.state));
  function heard(news) {
    if (news.first) { waiting.clear(); held.clear(); }
    seq = news.seq;
    for (const [id, block] of Object.entries(news.blocks)) if (block.meta) meta.set(id, block.meta);
    blocks(news);
    const first = !synced;
    synced = true;
    tell.news(news, first);
    if (news.first && !inflight) flush();
  }
  function blocks(news) {
    const composing = view().composing ? editor.state.selection.$from.node(1)?.attrs.id : null;
    if (composing && (news.gone?.includes(composing) || news.order)) { held.set("all", news); return; }
    const tr = editor.state.tr, before = editor.state.doc;
    const known = new Map(), changed = [];
    for (const [id, block] of Object.entries(news.blocks)) {
      const node = block.node ? schema().nodeFromJSON({ ...block.node, attrs: { ...block.node.attrs, id } }) : block.append && told.get(id) ? withText(told.get(id), block.append) : null;
      if (node) { known.set(id, node); told.set(id, node); }
    }
    for (const id of news.gone || []) remove(tr, id);
    for (const [id, node] of known) {
      const here = find(tr.doc, id);
      if (id === composing) { held.set(id, { ...news, gone: [], places: [], order: null, blocks: { [id]: { node: node.toJSON() } } }); continue; }
      waiting.delete(id);
      if (!here) { base.set(id, { node, seq: news.seq }); continue; }
      const before = base.get(id)?.node || here.node, sent = inflight?.sent.get(id);
      if (rebase(tr, here.pos, before, node)) {
        if (sent) inflight.sent.set(id, merged(before, sent, node) || sent);  // the answer to it will not tell of this news
        base.set(id, { node, seq: news.seq });
        changed.push(id);
      }
      else touched();
    }
    for (const id of Object.keys(news.blocks)) if (!known.has(id) && base.has(id)) base.get(id).seq = news.seq;
    if (news.order) reorder(tr, news.order);
    for (const [id, after] of news.places || []) insert(tr, id, after);
    if (news.places) {
      order = order.filter((id) => !news.gone.includes(id));
      for (const [id, after] of news.places) if (!order.includes(id)) order.splice(after ? order.indexOf(after) + 1 : 0, 0, id);
    }
    if (news.first) order = news.order;
    else if (news.order) order = news.order;
    else if (news.gone && !news.places) order = order.filter((id) => !news.gone.includes(id));
    tr.setMeta(metaKey, true);
    if (follow && tr.docChanged) jump(tr, before); else keepCaret(tr, editor.state);
    view().dispatch(tr);
    if (changed.some((id) => !waiting.has(id) && dirty(id, find(editor.state.doc, id)?.node || base.get(id).node))) touched();
  }
  function find(doc, id) {
    let found = null;
    doc.forEach((node, pos) => { if (node.attrs.id === id) found = { node, pos }; });
    return found;
  }
  function remove(tr, id) {
    const here = find(tr.doc, id);
    const known = base.get(id);
    base.delete(id); told.delete(id); meta.delete(id); waiting.delete(id);
    if (!here) return;
    if (known && !same(known.node, here.node) && here.node.type.name !== "figure") { tr.setNodeAttribute(here.pos, "id", "n-" + patchId().slice(0, 10)); return; }
    if (tr.doc.childCount === 1) tr.replaceWith(0, tr.doc.content.size, schema().nodes.paragraph.create());
    else tr.delete(here.pos, here.pos + here.node.nodeSize);
  }
  function insert(tr, id, after) {
    if (find(tr.doc, id) || !base.has(id)) return;
    const anchor = after ? find(tr.doc, after) : null;
    const only = tr.doc.childCount === 1 && blank(tr.doc.firstChild) && isTemp(tr.doc.firstChild.attrs.id) && !view().hasFocus();
    const node = withId(base.get(id).node, id);
    if (only) tr.replaceWith(0, tr.doc.content.size, node);
    else tr.insert(anchor ? anchor.pos + anchor.node.nodeSize : after ? tr.doc.content.size : 0, node);
  }
  const withId = (node, id) => node.type.create({ ...node.attrs, id }, node.content);
  // The program's order; blocks that it does not know yet stay behind the block they stood behind.
  function reorder(tr, wanted) {
    const here = new Map();
    tr.doc.forEach((node) => here.set(node.attrs.id, node));
    const old = [...here.keys()].filter((id) => wanted.includes(id));
    if (!old.length || (!synced && wanted.length)) {
      const nodes = wanted.filter((id) => base.has(id)).map((id) => withId(base.get(id).node, id));
      if (nodes.length) tr.replaceWith(0, tr.doc.content.size, nodes);
      return;
    }
    const keep = staying(old, wanted);
    for (const id of old) if (!keep.has(id)) { const at = find(tr.doc, id); tr.delete(at.pos, at.pos + at.node.nodeSize); }
    let after = null;
    for (const id of wanted) {
      if (!keep.has(id)) {
        const node = here.get(id) || (base.has(id) && withId(base.get(id).node, id));
        if (!node) continue;
        const anchor = after && find(tr.doc, after);
        tr.insert(anchor ? anchor.pos + anchor.node.nodeSize : 0, node);
      }
      after = id;
    }
  }
  // After undo and redo the caret goes where something changed.
  function jump(tr, before) {
    follow = false;
    const change = difference(before, tr.doc);
    if (change) {
      const at = tr.doc.resolve(Math.min(change.endB, tr.doc.content.size));
      tr.setSelection(TextSelection.between(at, at, -1)).scrollIntoView();
    }
    tr.setMeta("remote", true).setMeta("addToHistory", false);
  }

  // ---- the connection -----------------------------------------------------------------------------------------
  function connect() {
    const address = new URL(`live/${article}`, document.baseURI);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = address.hash = "";
    const mine = socket = new WebSocket(address);
    mine.onopen = () => {
      const patches = inflight ? [inflight.patch] : queue;
      mine.send(JSON.stringify({ patches }));
    };
    mine.onmessage = (event) => {
      const message = JSON.parse(event.data);
      retry = 0;
      if (message.gone && !message.seq) { closed = true; tell.error(message.gone); return; }
      if (message.ack && queue.some((p) => p.id === message.ack)) { drop(message.ack); if (message.notes.length) message.notes.forEach(tell.note); }
      else if (message.refused && queue.some((p) => p.id === message.refused)) { drop(message.refused); tell.error(message.error); }
      else if (message.ack) acknowledged(message);
      else if ("refused" in message) refused(message);
      else { tell.online(true); heard(message); }
    };
    mine.onclose = () => {
      if (socket !== mine || closed) return;
      tell.online(false);
      setTimeout(() => { if (socket === mine && !closed) connect(); }, Math.min(5000, 250 * 2 ** retry++));
    };
  }
  const drop = (id) => { queue = queue.filter((p) => p.id !== id); for (const key of drafts()) if (JSON.parse(localStorage.getItem(key) || "{}").id === id) localStorage.removeItem(key); };
  const drafts = () => { try { return Object.keys(localStorage).filter((k) => k.startsWith(`il-draft-${article}-`)); } catch { return []; } };
  // What a crashed or closed tab could not send any more is sent first; the program knows what it has already.
  for (const key of drafts()) try { queue.push(JSON.parse(localStorage.getItem(key))); } catch { localStorage.removeItem(key); }
  connect();

  return {
    touched, flush,
    get seq() { return seq; },
    get online() { return socket?.readyState === 1; },
    get pending() { return Boolean(inflight) || (synced && changes().list.length > 0); },
    base: (id) => base.get(id),
    // Resolves when everything the person did so far has been taken.
    settled: () => new Promise((done) => { flushed.push(done); if (inflight) return; flush(); }),
    cut: () => socket.close(),  // as a broken line would; it connects again by itself
    followNext: () => { follow = true; },
    positions,
    close() { closed = true; flush(); clearTimeout(idle); clearTimeout(drafting); socket.onclose = socket.onmessage = null; setTimeout(() => socket.close(), 50); },
  };
}
