// Pure parts of keeping two documents the same: what differs between two nodes, and how one change is made in a document
// that has moved on. No sockets and no page here.
import { Fragment } from "@tiptap/pm/model";
import { Selection, TextSelection } from "@tiptap/pm/state";

const bare = (node) => (node.attrs.id ? node.type.create({ ...node.attrs, id: null }, node.content, node.marks) : node);
export const same = (a, b) => a === b || (a.type === b.type && a.content.eq(b.content) && bare(a).hasMarkup(b.type, bare(b).attrs, b.marks));

// The one range in which the contents of two nodes differ; null where they are equal.
export function difference(a, b) {
  const start = a.content.findDiffStart(b.content);
  if (start === null) return null;
  let { a: endA, b: endB } = a.content.findDiffEnd(b.content);
  const overlap = start - Math.min(endA, endB);
  if (overlap > 0) { endA += overlap; endB += overlap; }
  return { start, endA, endB };
}

// Bring the node at `pos` from `base` to `next`, keeping what was changed in it since `base`. False where both changed
// the same place: then the program merges the texts when it gets them.
export function rebase(tr, pos, base, next) {
  const local = tr.doc.nodeAt(pos);
  if (same(local, next)) return true;
  const markup = local.type !== next.type || !sameAttrs(local, next);
  if (markup) {
    if (!same(local, base)) return false;
    tr.replaceWith(pos, pos + local.nodeSize, next.type.create({ ...next.attrs, id: local.attrs.id }, next.content));
    return true;
  }
  const at = landing(base, local, next);
  if (!at) return false;
  if (!at.theirs) return true;
  const { theirs, shift } = at;
  try {
    tr.replace(pos + 1 + theirs.start + shift, pos + 1 + theirs.endA + shift, next.slice(theirs.start, theirs.endB));
  } catch { return false; }
  return true;
}
// Where the change from `base` to `next` falls in `local`, which changed as well; null where both touch one place.
function landing(base, local, next) {
  const theirs = difference(base, next), mine = difference(base, local);
  if (!theirs || !mine) return { theirs, shift: 0 };
  if (theirs.start >= mine.endA && !(theirs.start === mine.start && mine.endA === mine.start)) return { theirs, shift: mine.endB - mine.endA };
  return theirs.endA > mine.start ? null : { theirs, shift: 0 };
}
// What was sent of a node, with another's change to the same node that came before the answer; null where they touch.
export function merged(base, sent, next) {
  if (same(sent, next)) return next;
  if (sent.type !== next.type || !sameAttrs(sent, next)) return same(sent, base) ? next : null;
  const at = landing(base, sent, next);
  if (!at?.theirs) return at && sent;
  const { theirs, shift } = at;
  return sent.copy(sent.content.cut(0, theirs.start + shift).append(next.content.cut(theirs.start, theirs.endB)).append(sent.content.cut(theirs.endA + shift)));
}
const sameAttrs = (a, b) => Object.keys(a.attrs).every((k) => k === "id" || a.attrs[k] === b.attrs[k]);

// Keep the caret and the marks that the next key will have: another's text goes in without touching either.
export function keepCaret(tr, state) {
  const { anchor, head } = state.selection;
  if (state.selection instanceof TextSelection && tr.docChanged) {
    const at = (p) => tr.doc.resolve(Math.min(tr.mapping.map(p, -1), tr.doc.content.size));
    const a = at(anchor), h = at(head);
    tr.setSelection(a.parent.inlineContent && h.parent.inlineContent ? TextSelection.create(tr.doc, a.pos, h.pos) : Selection.near(h, -1));
  }
  if (state.storedMarks) tr.setStoredMarks(state.storedMarks);
  return tr.setMeta("remote", true).setMeta("addToHistory", false);
}

// Ids of the longest row that keeps its order: everything else has moved.
export function staying(ids, before) {
  const rank = new Map(before.map((id, i) => [id, i]));
  const row = ids.filter((id) => rank.has(id)), tails = [], previous = new Map();
  for (const id of row) {
    let low = 0, high = tails.length;
    while (low < high) { const mid = (low + high) >> 1; if (rank.get(tails[mid]) < rank.get(id)) low = mid + 1; else high = mid; }
    if (low) previous.set(id, tails[low - 1]);
    tails[low] = id;
  }
  const kept = new Set();
  for (let id = tails[tails.length - 1]; id; id = previous.get(id)) kept.add(id);
  return kept;
}

export function withText(node, text) {
  const last = node.lastChild;
  const fresh = node.type.schema.text(text, last?.isText ? last.marks : []);
  const content = last?.isText ? node.content.replaceChild(node.childCount - 1, last.withText(last.text + text)) : node.content.append(Fragment.from(fresh));
  return node.copy(content);
}
