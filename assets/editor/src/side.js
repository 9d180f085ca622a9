// The panel beside the article: outline, checks, versions, style. One at a time; Escape closes it.
import { el, button, icon, field, ask, dialog } from "./dom.js";
import { isSection, sectionEnd } from "./blocks.js";
import { outlinePanel } from "./outline.js";
import { stylePanel } from "./style.js";
import { t } from "./strings.js";

export function createSide(page, node) {
  let shown = null, opener = null, timer = 0;
  const panels = { outline: outlinePanel(page), checks: checksPanel(page), versions: versionsPanel(page), style: stylePanel(page) };

  function toggle(name, from) {
    if (shown === name) { hide(); return; }
    hide({ refocus: false });
    shown = name;
    opener = from;
    from?.setAttribute("aria-expanded", "true");
    const content = el("div", { class: `il-panel il-panel-${name}` });
    node.replaceChildren(el("header", {}, el("h2", { id: "il-side-title", tabindex: -1 }, t(name)), button(icon("close"), () => hide(), { class: "il-icon", "aria-label": t("close") })), content);
    node.setAttribute("aria-labelledby", "il-side-title");
    node.hidden = false;
    panels[name](content);
    node.querySelector("h2").focus({ preventScroll: true });
  }
  function hide({ refocus = true } = {}) {
    if (!shown) return;
    shown = null;
    node.hidden = true;
    node.replaceChildren();
    opener?.setAttribute("aria-expanded", "false");
    if (refocus) opener?.focus();
  }
  // Drawn anew when something changed, but never under the person's hands.
  function heard() {
    if (!shown || timer) return;
    timer = setTimeout(() => {
      timer = 0;
      const content = node.querySelector(".il-panel");
      if (!shown || !content || content.querySelector("input:focus, textarea:focus, select:focus")) return;
      const focused = content.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      panels[shown](content).then?.(() => focused && content.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true }));
    }, 400);
  }
  return { toggle, hide: () => hide(), heard, get shown() { return shown; } };
}

function checksPanel(page) {
  let use = localStorage.getItem("il-use") || "any";
  return async function draw(content) {
    await page.sync.settled();
    const got = await page.answer(`checks?use=${use}`);
    if (!got) return;
    const select = el("select", { name: "use", "data-key": "use", onchange: () => { use = select.value; localStorage.setItem("il-use", use); draw(content); } },
      ["any", "commercial", "modify", "both"].map((u) => el("option", { value: u, selected: u === use }, t(`use.${u}`))));
    content.replaceChildren(
      el("p", {}, t("checks.numbers", { words: got.words, minutes: got.minutes, pictures: got.pictures }), got.grade === null ? "" : ` ${t("checks.grade", { grade: got.grade })}`),
      el("label", { class: "il-field" }, el("span", {}, t("checks.use")), select),
      el("p", { role: "status" }, got.findings.length ? t("checks.found", { n: got.findings.length }) : t("checks.none")),
      el("ul", {}, got.findings.map((f, i) => el("li", { "data-code": f.code }, el("span", {}, t(`check.${f.code}`, f.values)), el("div", { class: "il-row" },
        f.block && button(t("checks.jump"), () => page.jump(f.block), { "data-key": `jump-${i}` }),
        f.code === "alt_missing" && button(t("figure.alt"), (e) => page.figure("alt", f.block, e.currentTarget), { "data-key": `alt-${i}` }),
        f.code === "fact_missing" && button(t("checks.write_fact"), () => { if (innerWidth <= 1100) page.hideSide(); page.writeFact(f.values.fact); }, { "data-key": `write-${i}`, "data-do": "write_fact" }),
        f.code === "credit_missing" && button(t("credit.open"), (e) => page.figure("credit", f.block, e.currentTarget), { "data-key": `credit-${i}`, "data-do": "credit" }),
        f.code === "slot_open" && button(t("figure.pictures"), (e) => page.figure("tray", f.block, e.currentTarget), { "data-key": `tray-${i}` }),
        f.fixable && button(t(`fix.${f.code}`), async () => { if (await page.send({ action: "fix", code: f.code, block: f.block, use })) { page.say(t("fixed")); setTimeout(() => draw(content), 150); } }, { "data-key": `fix-${i}`, "data-do": "fix" }))))));
  };
}

function versionsPanel(page) {
  return async function draw(content) {
    const got = await page.answer("versions");
    if (!got) return;
    const when = (s) => new Date(s * 1000).toLocaleString(page.root.dataset.interface);
    content.replaceChildren(
      button(t("versions.name"), async () => {
        const given = await ask(page.root, t("versions.name"), [field("name", t("versions.called"))], t("save"));
        if (given && await page.send({ action: "name_version", name: given.name })) draw(content);
      }, { class: "il-main", "data-do": "name_version", "data-key": "name" }),
      got.length ? el("ul", {}, got.map((v) => el("li", {}, el("strong", {}, v.name), el("small", {}, when(v.time)), el("div", { class: "il-row" },
        button(t("versions.compare"), () => compare(page, v), { "data-do": "compare", "data-key": `compare-${v.seq}` }),
        button(t("versions.restore"), async () => { if (await page.send({ action: "restore_version", seq: v.seq })) page.say(t("versions.restored")); }, { "data-do": "restore", "data-key": `restore-${v.seq}` }))))) : el("p", {}, t("versions.none")));
  };
}
async function compare(page, version) {
  await page.sync.settled();
  const rows = await page.answer(`versions/${version.seq}`);
  if (!rows) return;
  const marks = { same: (text) => text, gone: (text) => el("del", {}, text), new: (text) => el("ins", {}, text) };
  const changed = rows.filter((r) => r.changed || r.moved);
  dialog(page.root, t("versions.between", { name: version.name }), el("div", { class: "il-tray" },
    el("p", {}, changed.length ? t("versions.legend") : t("versions.equal")),
    rows.map((row) => {
      const head = row.pieces[0][0] === "same" && row.pieces[0][1].match(/^#{1,6} +/);
      const pieces = head ? [["same", row.pieces[0][1].slice(head[0].length)], ...row.pieces.slice(1)] : row.pieces;
      return el("div", { "data-changed": row.changed ? "yes" : null, class: row.moved ? "il-moved" : null },
        row.moved && el("small", {}, t("versions.moved")),
        row.pictures?.length > 0 && el("div", { class: "il-row il-compared" }, row.pictures.map(([kind, digest]) => el("img", { class: `il-${kind}`, src: `${page.route()}/pictures/${digest}?px=320`, alt: t(`versions.picture.${kind}`) }))),
        el("p", { class: head || row.kind === "title" ? "il-diff il-diff-head" : "il-diff" }, pieces.map(([kind, text]) => marks[kind](text))));
    })), { wide: true });
}
