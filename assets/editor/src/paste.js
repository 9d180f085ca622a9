// What comes in from Word, Google Docs, web pages and Markdown, as the plain marks and blocks that an article has.
import { Extension } from "@tiptap/core";
import { Fragment, Slice } from "@tiptap/pm/model";
import { Plugin, PluginKey } from "@tiptap/pm/state";
import DOMPurify from "dompurify";

const TAGS = "p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code strong b em i s del strike a br hr table thead tbody tr th td".split(" ");
const BULLET = /^[\s\u00a0]*([·•◦▪§o\-–‣\uf0b7]|\d{1,3}[.)]|[a-zA-Z][.)])[\s\u00a0]+/;

export function cleanHtml(html) {
  const from = DOMPurify.sanitize(html.replace(/<!--\[if[\s\S]*?<!\[endif\]-->/g, ""), { ADD_ATTR: ["style", "class"], WHOLE_DOCUMENT: false });
  const doc = new DOMParser().parseFromString(from, "text/html");
  for (const junk of doc.querySelectorAll("style, script, title, meta, o\\:p, img, svg, iframe, form, input, button, [style*='mso-hide'], sup[id^='cite']")) junk.remove();
  for (const node of doc.querySelectorAll("[id^='docs-internal-guid']")) if (node.tagName === "B") node.replaceWith(...node.childNodes);  // Google wraps all in a bold that is none
  wordHeadings(doc);
  wordLists(doc);
  styledMarks(doc);
  googleLists(doc);
  const plain = DOMPurify.sanitize(doc.body.innerHTML, { ALLOWED_TAGS: TAGS, ALLOWED_ATTR: ["href", "title", "start"], ALLOWED_URI_REGEXP: /^(https?:|mailto:|tel:|#)/i });
  return demoted(plain);
}
// The title is the page's only first-level heading.
const demoted = (html) => html.replace(/<(\/?)h1>/gi, "<$1h2>");

const rename = (node, tag) => { const fresh = node.ownerDocument.createElement(tag); fresh.append(...node.childNodes); node.replaceWith(fresh); return fresh; };
function wordHeadings(doc) {
  for (const p of doc.querySelectorAll("p[class*='MsoTitle'], p[class*='MsoHeading']")) rename(p, "h2");
}
// Word writes lists as paragraphs with a class, a level in the style and a bullet typed in front.
function wordLists(doc) {
  let lists = [];
  for (const p of [...doc.querySelectorAll("p")]) {
    const style = p.getAttribute("style") || "", item = /mso-list:\s*l\d+\s+level(\d)/.exec(style) || (/MsoListParagraph/.test(p.className) ? [0, "1"] : null);
    if (!item) { lists = []; continue; }
    if (lists.length && lists[0].root.nextElementSibling !== p) lists = [];
    for (const ignored of p.querySelectorAll("[style*='mso-list:Ignore'], [style*='mso-list: Ignore']")) { p.dataset.bullet = ignored.textContent; ignored.remove(); }
    const level = Number(item[1]), text = p.dataset.bullet ?? p.textContent, ordered = /^[\s\u00a0]*(\d{1,3}|[a-zA-Z])[.)]/.test(text);
    if (p.dataset.bullet === undefined) stripBullet(p);
    while (lists.length && lists[lists.length - 1].level > level) lists.pop();
    let list = lists[lists.length - 1];
    if (!list || list.level < level) {
      const node = doc.createElement(ordered ? "ol" : "ul");
      if (list) list.node.lastElementChild.append(node); else p.before(node);
      list = { node, level, root: lists[0]?.root ?? node };
      lists.push(list);
    }
    const li = doc.createElement("li");
    li.append(...p.childNodes);
    list.node.append(li);
    p.remove();
  }
}
function stripBullet(p) {
  const walker = p.ownerDocument.createTreeWalker(p, NodeFilter.SHOW_TEXT), first = walker.nextNode();
  if (first) first.data = first.data.replace(BULLET, "");
}
// Bold and italic given by style alone, as Google Docs and Word for the web do.
function styledMarks(doc) {
  for (const node of doc.querySelectorAll("span[style], p[style] > font")) {
    const style = node.style, wraps = [];
    if (/^(bold|[6-9]00)$/.test(style.fontWeight)) wraps.push("strong");
    if (style.fontStyle === "italic") wraps.push("em");
    if (/line-through/.test(style.textDecoration + style.textDecorationLine)) wraps.push("s");
    for (const tag of wraps) { const mark = doc.createElement(tag); mark.append(...node.childNodes); node.append(mark); }
  }
}
// Google Docs puts a nested list beside its item instead of into it.
function googleLists(doc) {
  for (const list of doc.querySelectorAll("ul > ul, ul > ol, ol > ul, ol > ol")) list.previousElementSibling?.tagName === "LI" && list.previousElementSibling.append(list);
}

const MARKDOWN = /^(#{1,6} |[-*+] \S|\d{1,9}[.)] |> |```|\|.+\|\s*$)|\*\*\S|\[[^\]]+\]\([^)]+\)|`[^`]+`/m;

export const Paste = Extension.create({
  name: "cleanPaste",
  addOptions: () => ({ page: null }),
  addProseMirrorPlugins() {
    const page = this.options.page, editor = this.editor;
    return [new Plugin({
      key: new PluginKey("cleanPaste"),
      props: {
        transformPastedHTML: cleanHtml,
        transformPasted: (slice, view) => (view.dragging ? slice : strip(slice)),
        handlePaste: (view, event) => {
          const html = event.clipboardData?.getData("text/html") || "", pictures = html.includes("data-pm-slice") ? figuresIn(html) : [];
          if (pictures.length) setTimeout(() => page.pasteFigures(pictures), 0);  // once the text around them stands
          if (pictures.length && !textIn(html)) return true;
          const files = [...(event.clipboardData?.files || [])].filter((f) => f.type.startsWith("image/"));
          if (files.length && !event.clipboardData.getData("text/html").replace(/<[^>]*>/g, "").trim()) { page.uploadFiles(files); return true; }
          const text = event.clipboardData?.getData("text/plain") || "";
          if (event.clipboardData?.getData("text/html") || view.state.selection.$from.parent.type.spec.code || !(MARKDOWN.test(text) || /\n\s*\n/.test(text))) return false;
          pasteMarkdown(editor, page, text);
          return true;
        },
        handleDrop: (view, event, slice, moved) => {
          const files = [...(event.dataTransfer?.files || [])].filter((f) => f.type.startsWith("image/"));
          if (moved || !files.length) return false;
          const at = view.posAtCoords({ left: event.clientX, top: event.clientY });
          event.preventDefault();
          page.uploadFiles(files, at ? view.state.doc.resolve(at.pos).index(0) : undefined);
          return true;
        },
      },
    })];
  },
});
const read = (html) => new DOMParser().parseFromString(html, "text/html");
// The slots among what was copied in an editor like this one: which, and of which article.
const figuresIn = (html) => [...read(html).querySelectorAll("figure[data-block]")].map((f) => ({ id: f.dataset.block, article: f.dataset.article }));
const textIn = (html) => { const doc = read(html); for (const f of doc.querySelectorAll("figure")) f.remove(); return Boolean(doc.body.textContent.trim()); };
// The program reads Markdown the same way everywhere, so it reads this too.
async function pasteMarkdown(editor, page, text) {
  const bookmark = editor.state.selection.getBookmark();
  const answer = await page.read(text);
  if (!answer) return;
  const nodes = answer.nodes.map((n) => editor.schema.nodeFromJSON(n)), selection = bookmark.resolve(editor.state.doc);
  const inline = nodes.length === 1 && nodes[0].type.name === "paragraph";
  const tr = editor.state.tr.setSelection(selection).replaceSelection(inline ? new Slice(nodes[0].content, 0, 0) : new Slice(Fragment.from(nodes), nodes[0].isTextblock ? 0 : 0, 0));
  editor.view.dispatch(tr.scrollIntoView());
}
// Pasted blocks are new blocks, and a picture is not copied by its place: it has a slot of its own.
function strip(slice) {
  const clean = (fragment) => {
    const nodes = [];
    fragment.forEach((node) => {
      if (node.type.name === "figure") return;
      nodes.push(node.isText ? node : node.type.create("id" in node.attrs ? { ...node.attrs, id: null } : node.attrs, clean(node.content), node.marks));
    });
    return Fragment.from(nodes);
  };
  const content = clean(slice.content);
  return content.childCount === slice.content.childCount ? new Slice(content, slice.openStart, slice.openEnd) : Slice.maxOpen(content);
}
