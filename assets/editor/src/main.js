// The article on the page: one editor in one gr.HTML component, mounted once; its value is the id of the article shown.
// This file puts the parts together; each part is a file beside it.
import { Editor } from "@tiptap/core";
import { el, button, icon, dialog, closeMenu, ask, field, menu } from "./dom.js";
import { extensions, metaKey } from "./schema.js";
import { figureNode } from "./figure.js";
import { createSync } from "./sync.js";
import { createHead } from "./head.js";
import { createHandle, BlockKeys, topIndex, topPos } from "./blocks.js";
import { createToolbar } from "./toolbar.js";
import { Slash } from "./slash.js";
import { Paste } from "./paste.js";
import { createPictures } from "./pictures.js";
import { createAssist } from "./assist.js";
import { createSide } from "./side.js";
import { showKeys } from "./keys.js";
import { nameParts, showForm } from "./host.js";
import { setStrings, t } from "./strings.js";

window.mountArticle = async (element, props, watch) => {
  const language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  setStrings(await fetch(`interface/${language}`).then((r) => r.json()).catch(() => ({})));
  const root = element.querySelector(".il");
  root.dataset.interface = language;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) { node.setAttribute("aria-label", t(node.dataset.tLabel)); node.title = t(node.dataset.tLabel); }
  nameParts(root);
  let open = null;
  const follow = () => {
    const id = props.value || "";
    if (open?.id === id) return;
    open?.close();
    open = null;
    root.hidden = !id;
    if (!id) document.title = "Interleave";
    const url = new URL(location.href);
    if (id) url.searchParams.set("article", id); else url.searchParams.delete("article");
    history.replaceState(null, "", url);
    if (id) open = openArticle(root, id);
    showForm(root, !id || (innerWidth >= 768 && localStorage.getItem("il-form") !== "no"), { keep: false });
    if (id && innerWidth < 768) root.scrollIntoView();
  };
  watch("value", follow);
  if (props.value) follow();  // at first the address still names the article to come back to
};

// A link in the text is text; with Ctrl or ⌘ held a click opens it.
function followLink(view, pos, event) {
  const link = (event.ctrlKey || event.metaKey) && event.target.closest?.("a[href]");
  if (!link || !/^(https?|mailto|tel):/.test(link.href)) return false;
  window.open(link.href, "_blank", "noopener,noreferrer");
  return true;
}
function openArticle(root, id) {
  const $ = (selector) => root.querySelector(selector), meta = new Map(), offs = [];
  const status = $(".il-status"), saved = $(".il-saved"), notes = $(".il-notes"), live = $(".il-live");
  const body = $(".il-body");
  const on = (target, type, run, options) => { target.addEventListener(type, run, options); offs.push(() => target.removeEventListener(type, run, options)); };
  let last = {}, undoing = false, online = true;
  notes.replaceChildren();
  $(".il-notes-box").hidden = true;
  body.replaceChildren();
  root.querySelectorAll(".il-toolbar, .il-slash, .il-menu").forEach((n) => n.remove());

  const say = (text) => { live.textContent = ""; setTimeout(() => { live.textContent = text; }, 30); };
  const note = (kind, text, block = "") => {
    notes.prepend(el("li", { class: `il-note il-${kind}` }, block ? button(text, () => page.jump(block), { class: "il-link" }) : text));
    while (notes.children.length > 30) notes.lastChild.remove();
    $(".il-notes-box").hidden = false;
    if (kind === "error") $(".il-notes-box").open = true;
  };
  const answer = async (path, options) => {
    const got = await fetch(`articles/${id}/${path}`, options).catch(() => null);
    const value = got && await got.json().catch(() => null);
    if (!value || value.error || (got && !got.ok)) { note("error", value?.error || t("error.silent")); return null; }
    return value;
  };
  const page = {
    id, meta, root, say, note, answer,
    route: () => `articles/${id}`,
    get last() { return last; },
    get atWork() { return last.running ? atWork : ""; },  // the block that the model changed last
    send: async (request) => { if (!request.early) await sync.settled(); return answer("do", { method: "POST", body: JSON.stringify(request) }); },
    read: (markdown) => answer("read", { method: "POST", body: JSON.stringify({ markdown }) }),
    figure: (name, slot, anchor) => pictures.act(name, slot, anchor),
    jump: (block) => {
      const here = sync.positions().get(block);
      if (!here) return;
      const dom = editor.view.nodeDOM(here.pos);
      dom?.scrollIntoView?.({ block: innerWidth <= 1100 && side.shown ? "start" : "center" });  // there the panel covers the lower half
      if (here.node.isTextblock) editor.chain().setTextSelection(here.pos + 1).focus(undefined, { scrollIntoView: false }).run();
      dom?.classList?.add("il-flash");
      setTimeout(() => dom?.classList?.remove("il-flash"), 1500);
    },
    undo: (turn) => turnBack(turn),
    hideSide: () => side.hide(),
    // A paragraph of the model's about a fact that is missing, proposed at the end.
    writeFact: (fact) => {
      const last = editor.state.doc.childCount - 1;
      assist.propose({ task: "insert", instruction: fact, at: { from: last, to: last } });
    },
    // The id of the block at `index`, once the program knows it.
    idAt: async (index = topIndex(editor.state)) => {
      const find = () => editor.state.doc.child(Math.min(index, editor.state.doc.childCount - 1)).attrs.id;
      if (find().startsWith("n-")) await sync.settled();
      let at = Math.min(index, editor.state.doc.childCount - 1);
      while (at >= 0 && editor.state.doc.child(at).attrs.id.startsWith("n-")) at--;
      return at >= 0 ? editor.state.doc.child(at).attrs.id : "";
    },
    // Figures that were copied or cut: each stands again, as a slot of its own, behind the block with the caret.
    pasteFigures: async (figures) => {
      await sync.settled();
      let after = await page.idAt();
      for (const { id: slot, article } of figures) {
        const got = await answer("do", { method: "POST", body: JSON.stringify({ action: "paste", id: slot, article: article || id, after }) });
        if (!got) return;
      }
    },
    addSlot: (index) => pictures.addSlot(index), uploadAfter: (index) => pictures.uploadAfter(index), uploadFiles: (files, index) => pictures.uploadFiles(files, index),
    assist: (index, task) => assist.open(index, task), propose: (task) => assist.propose({ task }),
    reviseSection: async (heading, what) => {
      const given = await ask(root, t(what === "below" ? "section.below" : "section.rewrite"), [field("instruction", t("assist.instruction"), "", { rows: 2 })], t("assist.go"));
      if (given) page.send({ action: "revise_section", id: heading, below: what === "below", instruction: given.instruction });
    },
    get editor() { return editor; }, get sync() { return sync; },
  };
  const editor = new Editor({
    element: body,
    extensions: extensions({
      meta, figure: figureNode({ meta, actions: page }),
      more: [BlockKeys.configure({}).extend({ addOptions: () => ({ run: (name) => keys[name]?.() ?? false }) }), Slash.configure({ root, page }), Paste.configure({ page })],
    }),
    content: { type: "doc", content: [{ type: "paragraph" }] },
    editorProps: { handleClick: followLink, attributes: { class: "il-text", role: "textbox", "aria-multiline": "true", "aria-label": t("text"), spellcheck: "true" } },
    injectCSS: false,
  });
  const keys = {
    menu: () => handle.openHere(), link: () => { toolbar.link(); return true; }, assist: () => { assist.open(); return true; },
    undo: () => { turnBack("undo"); return true; }, redo: () => { turnBack("redo"); return true; }, save: () => { sync.flush(); return true; }, toolbar: () => toolbar.focus(),
  };
  const head = createHead({ title: $(".il-title"), summary: $(".il-summary"), changed: () => sync.touched(), next: () => editor.commands.focus("start") });
  const sync = createSync({
    editor, article: id, meta, head,
    tell: {
      saved: (yes) => { saved.textContent = !online ? t("offline") : yes ? t("saved") : t("saving"); saved.dataset.state = !online ? "offline" : yes ? "saved" : "saving"; },
      online: (yes) => { if (online === yes) return; online = yes; sync && (saved.textContent = yes ? t("saved") : t("offline")); saved.dataset.state = yes ? "saved" : "offline"; say(yes ? t("online") : t("offline")); bar(); },
      error: (text) => note("error", text),
      note: (key) => note("warning", t(`patch.${key}`)),
      news: (news, first) => heard(news, first),
    },
  });
  const handle = createHandle({ root, editor, meta, page });
  const toolbar = createToolbar({ root, editor, page });
  const pictures = createPictures(page);
  const assist = createAssist(page);
  const side = createSide(page, $(".il-side"));

  async function turnBack(turn) {
    if (undoing) return;
    if (!sync.online) { say(t("undo.offline")); note("warning", t("undo.offline")); return; }
    undoing = true;
    await sync.settled();
    sync.followNext();
    if (await answer("do", { method: "POST", body: JSON.stringify({ action: turn }) })) say(t(turn === "undo" ? "undone" : "redone"));
    undoing = false;
  }
  let wasRunning = "", atWork = "";
  function heard(news, first) {
    if ("title" in news) {
      last = { ...last, ...news };
      head.heard(news.title, news.summary);
      document.title = [news.title, "Interleave"].filter(Boolean).join(" · ");
      $("article").lang = news.lang;
      $("article").dir = news.dir;
    }
    for (const block of Object.keys(news.blocks)) figureView(block)?.refresh();
    if (!first && last.running) atWork = Object.keys(news.blocks).at(-1) || atWork;
    for (const n of news.notes || []) if (n.kind === "warning" || n.kind === "error") note(n.kind, n.text, n.block); else if (n.kind === "done") say(t(n.text));
    if (last.running && !wasRunning) say(t("working"));
    wasRunning = last.running;
    bar();
    assist.heard(last.proposals || []);
    pictures.heard(news);
    side.heard(news);
    if (first) comeBack();
  }
  const figureView = (block) => {
    const here = meta.get(block) && "query" in meta.get(block) ? sync.positions().get(block) : null;
    return here && editor.view.nodeDOM(here.pos)?.pmViewDesc?.spec;
  };
  function bar() {
    const busy = Boolean(last.running);
    status.textContent = busy ? `${t("working")}: ${last.progress ? progress(last.progress) : t(`run.${last.running}`)}` : "";
    root.classList.toggle("il-running", busy);
    $("[data-do=stop]").hidden = !busy;
    const unwritten = [...meta.values()].some((m) => m.plan && !m.plan.written);
    $("[data-do=write]").hidden = busy || !(unwritten || editor.state.doc.textContent === "");
    $("[data-do=undo]").disabled = !last.undo || !online;
    $("[data-do=redo]").disabled = !last.redo || !online;
    $(".il-downloads").hidden = editor.state.doc.childCount === 0;
    $(".il-welcome-text").hidden = busy || editor.state.doc.childCount > 1 || editor.state.doc.firstChild.content.size > 0;
  }
  const progress = (text) => { const [stage, done] = text.split(" "); return `${t(`run.${stage}`)} ${done || ""}`; };

  // ---- the bar and the keys of the page --------------------------------------------------------------------------
  const whole = {
    stop: () => page.send({ action: "stop", early: true }), write: () => page.send({ action: "write" }), undo: () => turnBack("undo"), redo: () => turnBack("redo"),
    outline: (b) => side.toggle("outline", b), checks: (b) => side.toggle("checks", b), versions: (b) => side.toggle("versions", b), style: (b) => side.toggle("style", b),
    keys: () => showKeys(root), form: () => showForm(root, document.body.classList.contains("il-formless")),
    download: (b) => menu(root, b.getBoundingClientRect(), ["markdown", "html", "zip"].map((form) => ({ label: t(`download.${form}`), act: form, run: async () => { await sync.settled(); location.href = `articles/${id}/download/${form}`; } })), { label: t("download"), back: b }),
  };
  on(root, "click", (event) => { const pressed = event.target.closest(".il-bar [data-do]"); if (pressed && whole[pressed.dataset.do]) whole[pressed.dataset.do](pressed); });
  on(document, "keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable=true], [contenteditable=plaintext-only]");
    if (event.key === "?" && !typing && !root.hidden) { event.preventDefault(); showKeys(root); }
    if (event.key === "Escape" && side.shown && !root.querySelector("dialog[open]") && !typing && !event.defaultPrevented) side.hide();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && /^[zy]$/i.test(event.key) && !typing) { event.preventDefault(); turnBack(event.key.toLowerCase() === "y" || event.shiftKey ? "redo" : "undo"); }
  });

  // ---- back to the same place after a reload -------------------------------------------------------------------
  const placeKey = `il-place-${id}`;
  const remember = () => {
    const { $from } = editor.state.selection;
    sessionStorage.setItem(placeKey, JSON.stringify({ block: $from.node(1)?.attrs.id, offset: $from.depth ? $from.pos - $from.before(1) : 0, focus: editor.view.hasFocus(), y: scrollY }));
  };
  const comeBack = () => {
    let place = null;
    try { place = JSON.parse(sessionStorage.getItem(placeKey)); } catch { /* nothing was kept */ }
    if (!place) return;
    const here = sync.positions().get(place.block);
    if (here) {
      const pos = Math.min(here.pos + place.offset, here.pos + here.node.nodeSize - 1);
      editor.commands.setTextSelection(pos);
      if (place.focus) editor.view.focus();
    }
    scrollTo(0, place.y);
  };
  on(window, "pagehide", () => { remember(); sync.flush(); });
  const timer = setInterval(remember, 2000);

  window.interleaveEditor = editor;  // for tests and for whoever looks under the hood
  window.interleavePage = page;
  return {
    id,
    close() {
      clearInterval(timer);
      closeMenu({ refocus: false });
      side.hide();
      sync.close();
      offs.forEach((off) => off());
      editor.destroy();
    },
  };
}
