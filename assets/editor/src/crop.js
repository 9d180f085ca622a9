// What stays of a picture: a frame drawn, moved and pulled on the picture itself, or four sliders.
import { el, dialog } from "./dom.js";
import { t } from "./strings.js";

const EDGES = ["left", "right", "top", "bottom"], NEAR = 16, LEAST = 2;  // px from an edge that take hold of it; % that must be left
const within = (value, low, high) => Math.min(Math.max(value, low), high);

// The frame after a pointer that took hold at `from` went to `to`; all in percent of the picture.
export function pulled(area, held, from, to) {
  if (!held.length) {
    const [left, right] = [from.x, to.x].sort((a, b) => a - b), [top, bottom] = [from.y, to.y].sort((a, b) => a - b);
    return { left, right, top, bottom };
  }
  if (held[0] === "all") {
    const x = within(to.x - from.x, -area.left, 100 - area.right), y = within(to.y - from.y, -area.top, 100 - area.bottom);
    return { left: area.left + x, right: area.right + x, top: area.top + y, bottom: area.bottom + y };
  }
  const next = { ...area };
  for (const edge of held) next[edge] += edge === "left" || edge === "right" ? to.x - from.x : to.y - from.y;
  return { left: within(next.left, 0, area.right - LEAST), right: within(next.right, area.left + LEAST, 100), top: within(next.top, 0, area.bottom - LEAST), bottom: within(next.bottom, area.top + LEAST, 100) };
}

export function chooseCrop({ page, picture, done }) {
  let area = { left: 0, top: 0, right: 100, bottom: 100 }, hold = null;
  const frame = el("div", { class: "il-crop-frame" }), img = el("img", { src: `${page.route()}/pictures/${picture.digest}`, alt: "", draggable: "false" });
  const box = el("div", { class: "il-crop il-cropping" }, img, frame), sliders = {};
  const draw = () => {
    frame.style.inset = `${area.top}% ${100 - area.right}% ${100 - area.bottom}% ${area.left}%`;
    for (const name of EDGES) sliders[name].value = Math.round(area[name]);
  };
  const slider = (name) => {
    const input = sliders[name] = el("input", { type: "range", min: 0, max: 100, value: area[name], name, "aria-label": t(`crop.${name}`) });
    input.addEventListener("input", () => { area = pulled(area, [name], { x: area[name], y: area[name] }, { x: Number(input.value), y: Number(input.value) }); draw(); });
    return el("label", { class: "il-field" }, el("span", {}, t(`crop.${name}`)), input);
  };
  const at = (event) => {
    const r = img.getBoundingClientRect();
    return { x: within((100 * (event.clientX - r.left)) / r.width, 0, 100), y: within((100 * (event.clientY - r.top)) / r.height, 0, 100), rect: r };
  };
  // Near an edge of the frame: that edge; inside a frame that is not the whole picture: all of it; else a new frame.
  const holdAt = (p) => {
    const near = (edge) => (Math.abs((edge === "left" || edge === "right" ? p.x : p.y) - area[edge]) * (edge === "left" || edge === "right" ? p.rect.width : p.rect.height)) / 100 <= NEAR;
    const inside = p.x > area.left && p.x < area.right && p.y > area.top && p.y < area.bottom, whole = EDGES.every((e) => area[e] === (e === "left" || e === "top" ? 0 : 100));
    const held = whole ? [] : EDGES.filter(near).filter((e, i, all) => !(e === "right" && all.includes("left")) && !(e === "bottom" && all.includes("top")));
    return held.length ? held : inside && !whole ? ["all"] : [];
  };
  box.addEventListener("pointerdown", (event) => { const from = at(event); hold = { from, area, held: holdAt(from) }; box.setPointerCapture(event.pointerId); event.preventDefault(); });
  box.addEventListener("pointermove", (event) => { if (hold) { area = pulled(hold.area, hold.held, hold.from, at(event)); draw(); } });
  for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, () => {
    if (hold && (area.right - area.left < LEAST || area.bottom - area.top < LEAST)) area = hold.area;  // a click draws no frame
    hold = null;
    draw();
  });
  const form = el("form", { class: "il-form" }, el("p", {}, t("crop.hint")), box, EDGES.map(slider), el("div", { class: "il-row" }, el("button", { type: "submit", class: "il-main" }, t("crop.do"))));
  const shown = dialog(page.root, t("tray.crop"), form);
  draw();
  form.addEventListener("submit", async (event) => { event.preventDefault(); if (await done(Object.fromEntries(EDGES.map((e) => [e, Math.round(10 * area[e]) / 10])))) shown.close(); });
}
