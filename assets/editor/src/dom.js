// Small tools for building the page's own parts. Everything said by people or models goes in as text, never as markup.
import { t } from "./strings.js";

export function el(tag, attrs = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}
export const button = (label, run, attrs = {}) => el("button", { type: "button", onclick: run, ...attrs }, label);
export const field = (name, label, value = "", { rows = 1, type = "text", hint = "" } = {}) =>
  el("label", { class: "il-field" }, el("span", {}, label), rows > 1
    ? el("textarea", { name, rows, value: String(value ?? "") })
    : el("input", { name, type, value: String(value ?? "") }), hint && el("small", {}, hint));

const icons = {
  drag: "M9 5h.01M9 12h.01M9 19h.01M15 5h.01M15 12h.01M15 19h.01", plus: "M12 5v14M5 12h14", undo: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 0 12h-1", redo: "m15 7 5 5-5 5M20 12H10a6 6 0 0 0 0 12h1",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1.5 1.5M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1.5-1.5", close: "M6 6l12 12M18 6 6 18", lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v10H5z", up: "M12 19V5M5 12l7-7 7 7", down: "M12 5v14M5 12l7 7 7-7",
};
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", icons[name]);
  svg.setAttribute("viewBox", name.endsWith("do") ? "0 2 24 24" : "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  return svg;
}

// A menu beside something: arrow keys, Home, End, letters, Escape; focus goes back where it was.
let open = null;
export function closeMenu({ refocus = true } = {}) {
  if (!open) return;
  const { node, back, done } = open;
  open = null;
  node.remove();
  document.removeEventListener("pointerdown", done, true);
  if (refocus && back?.isConnected) back.focus({ preventScroll: true });
}
export function menu(root, rect, items, { label, back = document.activeElement } = {}) {
  closeMenu({ refocus: false });
  const rows = items.filter(Boolean).map((item) => item.head
    ? el("div", { class: "il-menu-head", role: "presentation" }, item.head)
    : el("button", { type: "button", role: item.checked === undefined ? "menuitem" : "menuitemcheckbox", "aria-checked": item.checked === undefined ? null : String(item.checked), tabindex: -1, "data-act": item.act,
        class: item.danger ? "il-danger" : null, disabled: Boolean(item.disabled),
        onclick: () => { const stay = item.keep; closeMenu({ refocus: !stay }); item.run(); } }, el("span", {}, item.label), item.keys && el("kbd", {}, item.keys)));
  const node = el("div", { class: "il-menu", role: "menu", "aria-label": label }, rows);
  node.addEventListener("keydown", (event) => {
    const list = [...node.querySelectorAll("button:not(:disabled)")], at = list.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: list.length - 1 }[event.key];
    if (to !== undefined) { list[(to + list.length) % list.length].focus(); event.preventDefault(); }
    else if (event.key === "Escape" || event.key === "Tab") { closeMenu(); event.preventDefault(); }
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      const hit = [...list.slice(at + 1), ...list].find((b) => b.textContent.toLowerCase().startsWith(event.key.toLowerCase()));
      hit?.focus();
    }
    event.stopPropagation();
  });
  node.querySelector("button:not(:disabled)")?.setAttribute("tabindex", "0");
  root.append(node);
  place(node, rect, root);
  const done = (event) => { if (!node.contains(event.target)) closeMenu({ refocus: false }); };
  document.addEventListener("pointerdown", done, true);
  open = { node, back, done };
  node.querySelector("button:not(:disabled)")?.focus({ preventScroll: true });
  return node;
}
// Puts something beside a rectangle of the viewport, inside the window.
export function place(node, rect, root, { above = false } = {}) {
  node.style.position = "fixed";
  const box = node.getBoundingClientRect(), gap = 6;
  const x = Math.min(Math.max(8, rect.left), innerWidth - box.width - 8);
  const below = rect.bottom + gap, over = rect.top - box.height - gap;
  const y = above ? (over > 4 ? over : below) : (below + box.height < innerHeight - 4 ? below : Math.max(4, over));
  node.style.left = `${x}px`;
  node.style.top = `${Math.max(4, Math.min(y, innerHeight - box.height - 4))}px`;
}
// A dialogue of the browser's own: focus is held in it and given back.
export function dialog(root, title, content, { wide = false } = {}) {
  const id = "il-d" + Math.random().toString(36).slice(2, 7);
  const box = el("dialog", { class: wide ? "il-dialog il-wide" : "il-dialog", "aria-labelledby": id },
    el("header", {}, el("h2", { id }, title), button(icon("close"), () => box.close(), { class: "il-icon", "aria-label": t("close") })), content);
  const opener = document.activeElement, place = opener?.closest?.("[data-block]")?.dataset.block;
  box.addEventListener("close", () => {
    box.remove();
    if (!opener?.isConnected && place) root.querySelector(`[data-block="${place}"] [data-do="${opener.dataset.do}"]`)?.focus();  // drawn anew meanwhile
  });
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  root.append(box);
  box.showModal();
  return box;
}
// A question with a field or two; resolves to the values, or null.
export function ask(root, title, fields, ok) {
  return new Promise((resolve) => {
    let given = null;
    const form = el("form", { class: "il-form", method: "dialog" }, fields, el("div", { class: "il-row" },
      el("button", { type: "submit", class: "il-main" }, ok), button(t("cancel"), () => box.close())));
    form.addEventListener("submit", (event) => { event.preventDefault(); given = Object.fromEntries(new FormData(form)); box.close(); });
    const box = dialog(root, title, form);
    box.addEventListener("close", () => resolve(given));
    form.querySelector("input, textarea, select")?.focus();
  });
}
