// The page around the editor is Gradio's: what it says in English only is worded here.
import { t } from "./strings.js";

const UPLOAD = "Click to upload or drop files";
export function nameParts(root) {
  const name = () => { for (const node of document.querySelectorAll(`[aria-label="${UPLOAD}"]`)) node.setAttribute("aria-label", t("upload.label")); };
  new MutationObserver((changes) => { if (changes.some((c) => !root.contains(c.target))) name(); }).observe(document.body, { childList: true, subtree: true });
  name();
}
// The form can make room for the article; on a phone it does so by itself.
export function showForm(root, shown, { keep = true } = {}) {
  document.body.classList.toggle("il-formless", !shown);
  root.querySelector("[data-do=form]").setAttribute("aria-expanded", String(shown));
  if (keep) localStorage.setItem("il-form", shown ? "yes" : "no");
  if (keep && shown && innerWidth < 768) document.querySelector("#form-side")?.scrollIntoView();
}
