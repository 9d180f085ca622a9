// The editor's document: top-level nodes are the article's blocks, each with an id. composer/ui/document.py speaks the
// same schema. Ids: "b7" is the server's, "n-..." is a new block's until the server has named it.
import { Extension, Node, mergeAttributes } from "@tiptap/core";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import { Decoration, DecorationSet } from "@tiptap/pm/view";
import StarterKit from "@tiptap/starter-kit";
import Code from "@tiptap/extension-code";
import Document from "@tiptap/extension-document";
import ListItem from "@tiptap/extension-list-item";
import { Table, TableCell, TableHeader, TableRow } from "@tiptap/extension-table";
import { t } from "./strings.js";

export const TOP = ["paragraph", "heading", "bulletList", "orderedList", "blockquote", "codeBlock", "horizontalRule", "table", "figure", "source"];
export const newId = () => "n-" + Math.random().toString(36).slice(2, 12);
export const isTemp = (id) => String(id).startsWith("n-");

const Ids = Extension.create({
  name: "ids",
  addGlobalAttributes() {
    const id = { default: null, keepOnSplit: false, parseHTML: () => null, renderHTML: (a) => (a.id ? { "data-block": a.id } : {}) };
    return [{ types: TOP, attributes: { id } }];
  },
  addProseMirrorPlugins() {
    return [new Plugin({ key: new PluginKey("ids"), appendTransaction: giveIds })];
  },
});

// Every top-level node has an id of its own. A block that was turned into another kind keeps its id: the node that
// stands where a block vanished is that block.
function giveIds(transactions, before, after) {
  if (!transactions.some((tr) => tr.docChanged)) return null;
  const seen = new Set(), bare = [];
  let nested = false;
  after.doc.forEach((node, pos) => {
    const id = node.attrs.id;
    if (id && !seen.has(id)) seen.add(id); else bare.push({ node, pos });
    if (!node.isTextblock && !node.isAtom) node.descendants((child) => { if (child.attrs.id) nested = true; return !nested; });
  });
  if (!bare.length && !nested) return null;
  const vanished = [];
  before.doc.forEach((node, pos) => {
    if (node.attrs.id && !seen.has(node.attrs.id)) vanished.push({ id: node.attrs.id, pos: transactions.reduce((p, tr) => tr.mapping.map(p, 1), pos) });
  });
  const tr = after.tr;
  for (const { node, pos } of bare) {
    const place = vanished.findIndex((v) => v.pos >= pos && v.pos <= pos + node.nodeSize);
    const id = place >= 0 ? vanished.splice(place, 1)[0].id : newId();
    tr.setNodeAttribute(pos, "id", id);
  }
  if (nested) after.doc.descendants((node, pos, parent) => { if (parent !== after.doc && node.attrs.id) tr.setNodeAttribute(pos, "id", null); });
  if (transactions.every((x) => x.getMeta("remote") || !x.docChanged)) tr.setMeta("remote", true);
  return tr.setMeta("addToHistory", false);
}

const Source = Node.create({
  name: "source", group: "top", content: "text*", marks: "", code: true, defining: true, isolating: true,
  parseHTML: () => [{ tag: "pre[data-source]" }],
  renderHTML: ({ HTMLAttributes }) => ["pre", mergeAttributes(HTMLAttributes, { "data-source": "", class: "il-source", title: t("block.source") }), ["code", 0]],
});

const Stray = Node.create({
  name: "stray", group: "inline", inline: true, atom: true,
  addAttributes: () => ({ src: { default: "" }, alt: { default: "" }, title: { default: null } }),
  renderHTML: ({ node }) => ["span", { class: "il-stray", title: node.attrs.src }, `🖼 ${node.attrs.alt || node.attrs.src}`],
});

const cell = (base) => base.extend({ content: "paragraph", addAttributes() { return { ...this.parent?.(), align: { default: null, parseHTML: (e) => e.style.textAlign || null, renderHTML: (a) => (a.align ? { style: `text-align:${a.align}` } : {}) } }; } });

// What the page knows of a block beside its text, shown on it: locks, the person's hand, a plan not yet written.
export const metaKey = new PluginKey("meta");
const planNote = (plan) => () => {
  const note = document.createElement("p");
  note.className = "il-plan";
  note.contentEditable = "false";
  note.textContent = [plan.purpose, plan.words ? t("plan.words", { n: plan.words }) : ""].filter(Boolean).join(" · ");
  return note;
};
const Meta = Extension.create({
  name: "meta",
  addOptions: () => ({ meta: new Map() }),
  addProseMirrorPlugins() {
    const meta = this.options.meta;
    const build = (doc) => {
      const found = [];
      doc.forEach((node, pos) => {
        const m = meta.get(node.attrs.id), classes = ["il-block"];
        if (m?.locked) classes.push("il-locked");
        if (m?.author === "person") classes.push("il-person");
        found.push(Decoration.node(pos, pos + node.nodeSize, { class: classes.join(" "), ...(m?.locked ? { "aria-description": t("block.locked") } : {}) }));
        if (m?.plan && !m.plan.written && (m.plan.purpose || m.plan.words)) {
          found.push(Decoration.widget(pos + node.nodeSize, planNote(m.plan), { side: -1, key: `${node.attrs.id}:${m.plan.purpose}:${m.plan.words}`, ignoreSelection: true }));
        }
      });
      return DecorationSet.create(doc, found);
    };
    return [new Plugin({
      key: metaKey,
      state: {
        init: (_, state) => build(state.doc),
        apply: (tr, old, before, state) => {
          if (tr.getMeta(metaKey)) return build(state.doc);
          if (!tr.docChanged) return old;
          return sameRow(before.doc, state.doc) ? old.map(tr.mapping, tr.doc) : build(state.doc);
        },
      },
      props: { decorations: (state) => metaKey.getState(state) },
    })];
  },
});
function sameRow(a, b) {
  if (a.childCount !== b.childCount) return false;
  for (let i = 0; i < a.childCount; i++) {
    const x = a.child(i), y = b.child(i);
    if (x !== y && (x.attrs.id !== y.attrs.id || x.type !== y.type)) return false;
  }
  return true;
}

export const extensions = ({ meta, figure, more }) => [
  StarterKit.configure({
    document: false, code: false, listItem: false, undoRedo: false, underline: false, trailingNode: { node: "paragraph", notAfter: ["paragraph"] },
    link: { openOnClick: false, autolink: true, linkOnPaste: true, protocols: ["mailto", "tel"], HTMLAttributes: { rel: "noopener noreferrer", target: null } },
    dropcursor: { color: "var(--main)", width: 3 },
  }),
  Document.extend({ content: "(block | top)+" }),
  Code.extend({ excludes: "" }),
  ListItem.extend({ content: "block+" }),
  Table.configure({ resizable: false }), TableRow, cell(TableHeader), cell(TableCell),
  figure, Source, Stray, Ids, Meta.configure({ meta }), ...more,
];
