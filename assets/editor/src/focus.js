// Which point of a picture stays in view where a layout cuts it: chosen on the picture, or by two sliders.
import { el, dialog } from "./dom.js";
import { t } from "./strings.js";

export function chooseFocus(page, slot) {
  const info = page.meta.get(slot) || {}, at = { x: Math.round(100 * (info.focus?.[0] ?? 0.5)), y: Math.round(100 * (info.focus?.[1] ?? 0.5)) };
  if (!info.picture) return;
  const point = el("div", { class: "il-focus-point" }), img = el("img", { src: `${page.route()}/pictures/${info.picture.digest}`, alt: "" });
  const frame = el("div", { class: "il-crop il-focus" }, img, point), sliders = {};
  const draw = () => { point.style.left = `${at.x}%`; point.style.top = `${at.y}%`; sliders.x.value = at.x; sliders.y.value = at.y; };
  const slider = (name) => {
    sliders[name] = el("input", { type: "range", min: 0, max: 100, name, "aria-label": t(`focus.${name}`) });
    sliders[name].addEventListener("input", () => { at[name] = Number(sliders[name].value); draw(); });
    return el("label", { class: "il-field" }, el("span", {}, t(`focus.${name}`)), sliders[name]);
  };
  frame.addEventListener("click", (event) => {
    const box = img.getBoundingClientRect(), percent = (part, whole) => Math.round(Math.min(100, Math.max(0, (100 * part) / whole)));
    at.x = percent(event.clientX - box.left, box.width);
    at.y = percent(event.clientY - box.top, box.height);
    draw();
  });
  const form = el("form", { class: "il-form" }, el("p", {}, t("focus.hint")), frame, slider("x"), slider("y"), el("div", { class: "il-row" }, el("button", { type: "submit", class: "il-main", "data-do": "focus" }, t("save"))));
  const box = dialog(page.root, t("look.focus"), form);
  draw();
  form.addEventListener("submit", async (event) => { event.preventDefault(); if (await page.send({ action: "arrange", id: slot, x: at.x, y: at.y })) box.close(); });
}
