// What can be drawn for a slot: a picture from words, the same again, variations, a changed or brushed or enlarged one.
import { el, button, dialog, field } from "./dom.js";
import { t } from "./strings.js";

export function createDrawing({ page, slot, send, root, info }) {
  const value = (f) => f.querySelector("input, textarea").value;
  const set = (f, text) => { f.querySelector("input, textarea").value = text ?? ""; };
  const prompt = field("prompt", t("tray.prompt"), info().query, { rows: 2 });
  const negative = field("negative", t("draw.negative"), "", { rows: 2 });
  const seed = field("seed", t("tray.seed"), "", { type: "number" });
  const count = el("label", { class: "il-field" }, el("span", {}, t("draw.count")), el("input", { type: "number", name: "count", min: 1, max: 8, value: 1 }));
  const strength = el("label", { class: "il-field" }, el("span", {}, t("draw.strength")), el("input", { type: "range", name: "strength", min: 5, max: 100, value: 55 }));
  const about = el("p", { class: "il-soft", "data-part": "references" }), why = el("p", { class: "il-soft", "data-part": "way" });
  const recipe = el("p", { class: "il-soft", "data-part": "recipe" });
  const asked = () => ({ prompt: value(prompt), negative: negative.hidden ? undefined : value(negative), seed: value(seed) });
  const share = () => strength.querySelector("input").value / 100;
  const does = {
    again: button(t("draw.again"), () => send("redraw", slot, { digest: last.chosen }), { "data-do": "redraw" }),
    seed: button(t("draw.use"), () => { const r = chosen()?.recipe; set(seed, r.seed); set(prompt, r.query || r.prompt); set(negative, r.negative); }, { "data-do": "use-recipe" }),
    change: button(t("draw.change"), () => send("change", slot, { ...asked(), strength: share() }), { "data-do": "change", title: t("draw.change.hint") }),
    brush: button(t("draw.brush"), () => brush(), { "data-do": "brush" }),
    enlarge: button(t("draw.enlarge"), () => send("enlarge", slot), { "data-do": "enlarge" }),
    chart: button(t("draw.chart"), () => send("chart", slot), { "data-do": "chart" }),
  };
  const way = el("select", { name: "way", onchange: () => send("fill_by", slot, { way: way.value }) },
    ["", "found", "drawn", "chart"].map((v) => el("option", { value: v }, t(`way.as.${v || "proposed"}`))));
  const form = el("form", { class: "il-form", onsubmit: (e) => { e.preventDefault(); send("draw", slot, { ...asked(), count: count.querySelector("input").value }); } },
    prompt, negative, el("div", { class: "il-row" }, seed, count), about,
    el("div", { class: "il-row" }, el("button", { type: "submit", "data-do": "draw" }, t("tray.generate"))), strength, el("div", { class: "il-row" }, does.change, does.brush), recipe, el("div", { class: "il-row" }, does.again, does.seed));
  const none = el("p", { class: "il-soft", hidden: true }, t("draw.none"));
  const node = el("details", { class: "il-draw" }, el("summary", {}, t("tray.draw")), el("label", { class: "il-field" }, el("span", {}, t("way.title")), way), why, none, form, el("div", { class: "il-row" }, does.enlarge, does.chart));
  let last = null, filled = false;
  const chosen = () => last?.candidates.find((c) => c.digest === last.chosen);

  function show(got) {
    last = got;
    const d = got.drawing, made = chosen()?.recipe;
    none.hidden = Boolean(d);
    form.hidden = !d;
    does.enlarge.disabled = !got.chosen;
    does.chart.hidden = !got.chart;
    way.value = got.said;
    why.textContent = got.said ? "" : t(`way.${got.way}`);
    if (!d) return;
    if (!filled) { set(negative, d.negative); filled = true; }
    negative.hidden = !d.can.negative;
    about.textContent = [`${d.model}, ${d.width} × ${d.height}.`, d.style && `${t("draw.style")} ${d.style}.`, d.references ? d.references_do : ""].filter(Boolean).join(" ");
    recipe.textContent = made ? `${t("draw.recipe")} ${made.prompt} · ${t("draw.seed")} ${made.seed}${made.steps ? ` · ${t("draw.steps")} ${made.steps}` : ""} · ${made.model}` : "";
    does.again.hidden = does.seed.hidden = !made;
    does.again.disabled = made ? !made.again || made.model !== d.model : true;
    for (const [name, can] of [["change", d.can.start], ["brush", d.can.mask]]) does[name].disabled = !can || !got.chosen;
    strength.hidden = !d.can.start || !got.chosen;
  }

  // A canvas over the picture: what is brushed white is drawn anew. Arrow keys move the brush, Space brushes.
  function brush() {
    const p = info().picture;
    if (!p) return;
    const img = el("img", { src: `${page.route()}/pictures/${p.digest}`, alt: "" }), canvas = el("canvas", { class: "il-brush", tabindex: 0, role: "img", "aria-label": t("brush.area") });
    const size = el("label", { class: "il-field" }, el("span", {}, t("brush.size")), el("input", { type: "range", min: 2, max: 40, value: 12 }));
    const words = field("prompt", t("tray.prompt"), value(prompt), { rows: 2 });
    const ink = canvas.getContext("2d"), at = { x: 0, y: 0 };
    const radius = () => (size.querySelector("input").value / 100) * canvas.width;
    const dab = (x, y) => { ink.fillStyle = "#fff"; ink.beginPath(); ink.arc(x, y, radius(), 0, 7); ink.fill(); };
    const place = (e) => { const r = canvas.getBoundingClientRect(); return [(e.clientX - r.left) * canvas.width / r.width, (e.clientY - r.top) * canvas.height / r.height]; };
    img.addEventListener("load", () => { const k = Math.min(1, 512 / Math.max(img.naturalWidth, img.naturalHeight)); canvas.width = img.naturalWidth * k; canvas.height = img.naturalHeight * k; at.x = canvas.width / 2; at.y = canvas.height / 2; });
    canvas.addEventListener("pointerdown", (e) => { canvas.setPointerCapture(e.pointerId); dab(...place(e)); });
    canvas.addEventListener("pointermove", (e) => { if (e.buttons) dab(...place(e)); });
    canvas.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (move) { at.x += move[0] * radius(); at.y += move[1] * radius(); e.preventDefault(); }
      if (move && e.shiftKey || e.key === " ") { dab(at.x, at.y); e.preventDefault(); }
    });
    const mask = () => { const m = el("canvas", { width: canvas.width, height: canvas.height }), c = m.getContext("2d"); c.fillStyle = "#000"; c.fillRect(0, 0, m.width, m.height); c.drawImage(canvas, 0, 0); return m.toDataURL("image/png"); };
    const box = dialog(root, t("draw.brush"), el("form", { class: "il-form", onsubmit: async (e) => { e.preventDefault(); if (await send("change", slot, { prompt: value(words), seed: value(seed), mask: mask() })) box.close(); } },
      el("p", {}, t("brush.hint")), el("div", { class: "il-crop" }, img, canvas), size, words,
      el("div", { class: "il-row" }, el("button", { type: "submit", class: "il-main", "data-do": "draw-brushed" }, t("brush.do")), button(t("brush.clear"), () => ink.clearRect(0, 0, canvas.width, canvas.height)))));
  }
  return { node, show };
}
