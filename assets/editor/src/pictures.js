// Everything about the pictures of slots: the tray with candidates, search, upload, generation; alt text, look, moving.
import { el, button, dialog, field, menu, ask } from "./dom.js";
import { topIndex } from "./blocks.js";
import { chooseFocus } from "./focus.js";
import { t } from "./strings.js";
import { createDrawing } from "./drawing.js";
import { chooseCrop } from "./crop.js";
import { stateCredit } from "./credit.js";

// What has no name of its own in the world is worded; all other sources and licences go by their names.
const NAMED = { yours: "licence.yours", unknown: "licence.unknown", Author: "source.author" };
const named = (word) => (NAMED[word] ? t(NAMED[word]) : word);

export function createPictures(page) {
  let tray = null, waiting = false;
  const { root } = page;
  const info = (slot) => page.meta.get(slot) || {};
  const send = (action, slot, more = {}) => page.send({ action, id: slot, ...more });

  async function upload(slot, file) {
    page.say(t("upload.working"));
    const done = await page.answer(`slots/${slot}/picture?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    if (done) page.say(t("upload.done"));
    return done;
  }
  async function slotAfter(index, text) {
    const after = await page.idAt(index);
    return page.send({ action: "add", what: "slot", after, text, quiet: true });
  }
  const choose = (accept, many) => new Promise((resolve) => {
    const input = el("input", { type: "file", accept, multiple: many, hidden: true });
    input.addEventListener("change", () => { resolve([...input.files]); input.remove(); });
    input.addEventListener("cancel", () => { resolve([]); input.remove(); });
    root.append(input);
    input.click();
  });
  async function uploadFiles(files, index = topIndex(page.editor.state)) {
    await page.sync.settled();
    const after = await page.idAt(index);
    for (const file of files) {
      page.say(t("upload.working"));
      await page.answer(`pictures?after=${after}&name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    }
  }
  async function addSlot(index = topIndex(page.editor.state)) {
    const { doc } = page.editor.state, near = doc.child(Math.min(index, doc.childCount - 1)).textContent.slice(0, 80);
    const given = await ask(root, t("slot.add"), [field("text", t("slot.query"), "", { hint: near ? t("slot.hint") : "" })], t("slot.find"));
    if (!given) return;
    const after = await page.idAt(index);
    page.send({ action: "add", what: "slot", after, text: given.text });
  }

  // ---- the tray ------------------------------------------------------------------------------------------------
  async function openTray(slot) {
    tray?.box.close();
    const cards = el("div", { class: "il-cards", role: "group", "aria-label": t("tray.candidates") }), m = info(slot);
    const state = el("p", { class: "il-tray-state", role: "status" });
    const query = field("query", t("tray.query"), m.query);
    const value = (f) => f.querySelector("input, textarea").value;
    const now = el("div", { class: "il-now", hidden: true }, el("img", { alt: "" }), el("progress", { "aria-label": t("run.draw") }), button(t("stop"), () => page.send({ action: "stop", early: true }), { "data-do": "stop-drawing" }));
    const draws = createDrawing({ page, slot, send, root, info: () => info(slot) });
    const content = el("div", { class: "il-tray" },
      el("p", { class: "il-why" }, el("strong", {}, t("tray.why")), " ", m.purpose || t("tray.asked")),
      state, now, cards,
      el("div", { class: "il-row" },
        button(t("tray.upload"), async () => { const [file] = await choose("image/*"); if (file) upload(slot, file); }, { "data-do": "upload" }),
        button(t("tray.none"), () => send("choose", slot, { digest: "" }), { "data-do": "clear" }),
        button(t("tray.refine"), () => send("refine", slot), { "data-do": "refine", title: t("tray.refine.hint") }),
        button(t("tray.crop"), () => crop(slot), { "data-do": "crop" })),
      el("form", { class: "il-form il-line", onsubmit: (e) => { e.preventDefault(); send("seek", slot, { query: value(query) }); } }, query, el("button", { type: "submit", "data-do": "seek" }, t("tray.search"))),
      draws.node);
    const box = dialog(root, t("tray"), content, { wide: true });
    box.dataset.slot = slot;
    content.addEventListener("dragover", (e) => e.preventDefault());
    content.addEventListener("drop", (e) => { e.preventDefault(); const f = [...e.dataTransfer.files].find((x) => x.type.startsWith("image/")); if (f) upload(slot, f); });
    content.addEventListener("paste", (e) => { const f = [...e.clipboardData.files].find((x) => x.type.startsWith("image/")); if (f) { e.preventDefault(); upload(slot, f); } });
    box.addEventListener("close", () => { if (tray?.box === box) tray = null; });
    tray = { slot, box, cards, state, now, draws };
    fill();
  }
  async function fill() {
    if (!tray) return;
    const mine = tray, got = await page.answer(`slots/${mine.slot}/tray`);
    if (!got || tray !== mine) return;
    mine.draws.show(got);
    showNow(mine.now, got.now);
    if (JSON.stringify(got.candidates) + got.chosen === mine.shown) return;
    mine.shown = JSON.stringify(got.candidates) + got.chosen;
    const focused = document.activeElement?.dataset?.digest;
    mine.cards.replaceChildren(...got.candidates.map((c) => card(mine.slot, c, c.digest === got.chosen)));
    if (!got.candidates.length) mine.cards.append(el("p", {}, t("tray.empty")));
    if (focused) mine.cards.querySelector(`[data-digest="${focused}"]`)?.focus();
  }
  function showNow(node, now) {
    node.hidden = !now;
    if (!now) return;
    const [img, bar] = node.children;
    if (now.preview) img.src = now.preview; else if (!img.src) img.hidden = true;
    img.hidden = !img.src;
    if (now.total) { bar.max = now.total; bar.value = now.done; } else bar.removeAttribute("value");
  }
  const card = (slot, c, chosen) => el("button", { type: "button", class: "il-candidate", "aria-pressed": String(chosen), "data-digest": c.digest, onclick: () => send("choose", slot, { digest: c.digest }),
    "aria-label": [c.caption || t("tray.picture"), named(c.source), named(c.licence), c.generated ? t("figure.ai") : ""].filter(Boolean).join(", ") },
    el("img", { src: `${page.route()}/pictures/${c.digest}?px=320`, alt: "", loading: "lazy", width: c.width || null, height: c.height || null }),
    el("span", { class: "il-badges" }, c.generated && el("em", {}, t("tray.ai")), el("span", {}, named(c.source)), el("span", {}, named(c.licence))), el("small", {}, t("tray.fits", { n: Math.round(c.relevance * 100) })));

  function crop(slot) {
    const { picture } = info(slot);
    if (!picture) page.say(t("crop.none"));
    else chooseCrop({ page, picture, done: (area) => send("crop", slot, area) });
  }

  // ---- words and look ------------------------------------------------------------------------------------------
  async function words(slot) {
    const m = info(slot);
    const alt = field("alt", t("figure.alt.label"), m.alt, { rows: 3, hint: t("figure.alt.hint") });
    const deco = el("label", { class: "il-check" }, el("input", { type: "checkbox", name: "decorative", checked: m.decorative }), t("figure.decorative"));
    const suggestion = el("div", { class: "il-suggestion", role: "status" });
    const area = alt.querySelector("textarea");
    const form = el("form", { class: "il-form" }, el("img", { class: "il-alt-picture", src: m.picture ? `${page.route()}/pictures/${m.picture.digest}?px=320` : null, alt: "", hidden: !m.picture }), alt, deco, suggestion,
      el("div", { class: "il-row" }, el("button", { type: "submit", class: "il-main", "data-do": "words" }, t("save")), button(t("figure.suggest"), suggest, { "data-do": "suggest" })));
    const box = dialog(root, t("figure.alt.title"), form);
    async function suggest() {
      suggestion.textContent = t("working") + " …";
      const got = await page.answer(`slots/${slot}/words`, { method: "POST" });
      suggestion.replaceChildren();
      if (!got) return;
      const apply = button(t("apply"), () => { area.value = got.alt; suggestion.replaceChildren(); if (got.caption !== m.caption) page.send({ action: "words", id: slot, alt: got.alt, caption: got.caption, digest: got.digest }); });
      suggestion.append(el("p", {}, el("strong", {}, t("figure.alt.label")), " ", got.alt), el("p", {}, el("strong", {}, t("figure.caption")), " ", got.caption), el("div", { class: "il-row" }, apply, button(t("dismiss"), () => suggestion.replaceChildren())));
    }
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      const done = await page.send({ action: "words", id: slot, alt: area.value, digest: m.picture?.digest });
      const decorative = deco.querySelector("input").checked;
      if (done && decorative !== m.decorative) await page.send({ action: "arrange", id: slot, decorative });
      if (done) box.close();
    });
    area.focus();
  }
  function look(slot, anchor) {
    const m = info(slot), set = (name, value) => ({ label: t(`look.${value}`), act: value, checked: m[name] === value, run: () => page.send({ action: "arrange", id: slot, [name]: value }) });
    menu(root, anchor.getBoundingClientRect(), [{ head: t("look.size") }, set("size", "small"), set("size", "column"), set("size", "wide"), { head: t("look.align") }, set("align", "start"), set("align", "center"), set("align", "end"),
      m.picture && { label: t("look.focus"), act: "focus", keep: true, run: () => chooseFocus(page, slot) },
      { label: t("figure.decorative"), act: "decorative", checked: m.decorative, run: () => page.send({ action: "arrange", id: slot, decorative: !m.decorative }) }], { label: t("figure.look"), back: anchor });
  }
  const acts = {
    tray: openTray, alt: words, look, credit: (slot) => stateCredit(page, slot), lock: (slot) => send("lock", slot, { locked: !info(slot).locked }),
    menu: (slot, anchor) => menu(root, anchor.getBoundingClientRect(), [
      { label: t("figure.why"), act: "why", keep: true, run: () => dialog(root, t("figure.why"), el("p", {}, info(slot).purpose || t("tray.asked"))) },
      { label: t("credit.open"), act: "credit", keep: true, disabled: !info(slot).picture, run: () => stateCredit(page, slot) },
      { label: t("up"), act: "up", run: () => send("move", slot, { up: true }) }, { label: t("down"), act: "down", run: () => send("move", slot, { up: false }) },
      { label: t("tray.upload"), act: "upload", run: async () => { const [file] = await choose("image/*"); if (file) upload(slot, file); } },
      { label: t("tray.none"), act: "clear", disabled: !info(slot).picture, run: () => send("choose", slot, { digest: "" }) },
      { label: t("remove"), act: "remove", danger: true, run: () => send("remove", slot) }], { label: t("figure.more"), back: anchor }),
  };
  return {
    act: (name, slot, anchor) => acts[name](slot, anchor),
    addSlot, uploadFiles,
    uploadAfter: async (index) => { const files = await choose("image/*", true); if (files.length) uploadFiles(files, index); },
    heard(news) {
      if (!tray) return;
      tray.state.textContent = page.last.running ? `${t("working")}: ${t(`run.${page.last.running}`)} …` : "";
      if (news.blocks[tray.slot]) fill();
      else if ("running" in news && !waiting) { waiting = true; setTimeout(() => { waiting = false; fill(); }, 400); }  // previews, not more often
    },
  };
}
