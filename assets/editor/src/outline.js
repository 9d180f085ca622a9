// The outline: every section with what is wanted of it and how far it is, to be changed before and after writing.
import { el, button, icon, field, ask, menu, dialog } from "./dom.js";
import { isSection, sectionEnd } from "./blocks.js";
import { t } from "./strings.js";

const CJK = /[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]/g;
const count = (text) => (text.match(CJK) || []).length + (text.replace(CJK, " ").match(/[\p{L}\p{N}]+(?:['’.,-][\p{L}\p{N}]+)*/gu) || []).length;

export function outlinePanel(page) {
  let dragged = null;
  function sections() {
    const { doc } = page.editor.state, found = [];
    for (let i = 0; i < doc.childCount; i++) {
      if (!isSection(doc.child(i))) continue;
      const end = sectionEnd(doc, i);
      let words = 0, pictures = 0, open = 0, locked = true;
      for (let j = i; j < end; j++) {
        const node = doc.child(j), info = page.meta.get(node.attrs.id);
        if (node.attrs.id.startsWith("n-")) continue;
        if (!info?.locked) locked = false;
        if (node.type.name === "figure") { pictures++; if (!info?.picture) open++; } else if (j > i) words += count(node.textContent);
      }
      const blocks = [];
      for (let j = i + 1; j < end; j++) blocks.push(doc.child(j));
      found.push({ id: doc.child(i).attrs.id, title: doc.child(i).textContent, plan: page.meta.get(doc.child(i).attrs.id)?.plan, words, pictures, open, locked, blocks });
    }
    return found;
  }
  async function draw(content) {
    const all = sections(), again = () => draw(content), send = async (request) => { const ok = await page.send(request); if (ok) setTimeout(again, 200); return ok; };
    content.replaceChildren(
      all.length ? el("ol", {}, all.map((s, i) => row(s, i, all, send))) : el("p", {}, t("outline.none")),
      button(t("outline.add"), async () => {
        const given = await ask(page.root, t("outline.add"), [field("title", t("outline.title")), field("purpose", t("outline.purpose"), "", { rows: 2 })], t("outline.add"));
        if (given) send({ action: "add_section", title: given.title, purpose: given.purpose, after: "" });  // at the end, whatever moved meanwhile
      }, { class: "il-main", "data-do": "add_section", "data-key": "add" }));
  }
  function row(s, i, all, send) {
    const goal = s.plan?.words || 0, share = goal ? Math.min(100, Math.round((100 * s.words) / goal)) : 0;
    const here = page.atWork && [s.id, ...s.blocks.map((b) => b.attrs.id)].includes(page.atWork);
    const item = el("li", { draggable: "true", "data-section": s.id, class: here ? "il-at-work" : null, "aria-current": here ? "step" : null },
      button(s.title || "…", () => page.jump(s.id), { class: "il-link", "data-key": `jump-${s.id}` }),
      s.plan?.purpose && el("small", {}, s.plan.purpose),
      el("small", {}, [here ? t("outline.now") : "", goal ? t("outline.words", { n: s.words, goal }) : t("plan.words", { n: s.words }), t("outline.pictures", { n: s.pictures }), s.open ? t("outline.open", { n: s.open }) : "", s.locked ? t("outline.locked") : ""].filter(Boolean).join(" · ")),
      goal > 0 && el("div", { class: "il-meter", role: "progressbar", "aria-valuenow": share, "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": t("outline.progress", { title: s.title }) }, el("i", { style: `width:${share}%` })),
      el("div", { class: "il-row" },
        button(t("outline.edit"), () => edit(s, send), { "data-do": "edit", "data-key": `edit-${s.id}` }),
        button(icon("up"), () => send({ action: "place_section", id: s.id, after: i > 1 ? all[i - 2].id : "" }), { class: "il-icon", "aria-label": `${t("up")}: ${s.title}`, disabled: i === 0, "data-key": `up-${s.id}`, "data-do": "up" }),
        button(icon("down"), () => send({ action: "place_section", id: s.id, after: all[i + 1].id }), { class: "il-icon", "aria-label": `${t("down")}: ${s.title}`, disabled: i === all.length - 1, "data-key": `down-${s.id}`, "data-do": "down" }),
        button("…", (e) => more(s, i, e.currentTarget, send), { "aria-label": `${t("outline.more")}: ${s.title}`, "aria-haspopup": "menu", "data-key": `more-${s.id}`, "data-do": "more" })));
    item.addEventListener("dragstart", (e) => { dragged = s.id; e.dataTransfer.setData("text/plain", s.title); });
    item.addEventListener("dragover", (e) => { if (dragged && dragged !== s.id) e.preventDefault(); });
    item.addEventListener("drop", (e) => { e.preventDefault(); const id = dragged; dragged = null; if (id && id !== s.id) { const upper = e.offsetY < item.offsetHeight / 2; send({ action: "place_section", id, after: upper ? (i ? all[i - 1].id : "") : s.id }); } });
    return item;
  }
  async function edit(s, send) {
    const given = await ask(page.root, t("outline.edit"), [field("title", t("outline.title"), s.title), field("purpose", t("outline.purpose"), s.plan?.purpose, { rows: 3 }),
      field("words", t("outline.goal"), s.plan?.words || "", { type: "number" }), field("images", t("outline.budget"), s.plan?.images ?? "", { type: "number" })], t("save"));
    if (given) send({ action: "plan_section", id: s.id, ...given });
  }
  const more = (s, i, anchor, send) => menu(page.root, anchor.getBoundingClientRect(), [
    { label: t("outline.write"), act: "write", disabled: Boolean(page.last.running), run: () => send({ action: "write_section", id: s.id }) },
    { label: t("section.rewrite"), act: "rewrite", keep: true, disabled: !s.words, run: () => page.reviseSection(s.id, "rewrite") },
    { label: t("section.below"), act: "below", keep: true, disabled: !s.words, run: () => page.reviseSection(s.id, "below") },
    { label: t("outline.picture"), act: "picture", disabled: !s.words, run: () => send({ action: "section_picture", id: s.id }) },
    { label: t("outline.split"), act: "split", keep: true, disabled: s.blocks.length < 2, run: () => split(s, send) },
    { label: t("outline.merge"), act: "merge", disabled: i === 0, run: () => send({ action: "merge_section", id: s.id }) },
    { label: s.locked ? t("unlock") : t("lock"), act: "lock", run: () => send({ action: "lock_section", id: s.id, locked: !s.locked }) },
    { label: t("section.remove"), act: "remove", danger: true, run: () => send({ action: "remove", id: s.id, whole: true }) },
  ], { label: `${t("outline.more")}: ${s.title}`, back: anchor });
  async function split(s, send) {
    const select = el("select", { name: "id" }, s.blocks.slice(1).filter((b) => !b.attrs.id.startsWith("n-")).map((b) => el("option", { value: b.attrs.id }, b.textContent.slice(0, 60) || t("tray.picture"))));
    const given = await ask(page.root, t("outline.split"), [field("title", t("outline.title")), el("label", { class: "il-field" }, el("span", {}, t("outline.from")), select)], t("outline.split"));
    if (given) send({ action: "split_section", id: given.id, title: given.title });
  }
  return draw;
}
