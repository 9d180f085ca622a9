// The map of the keyboard.
import { el, dialog } from "./dom.js";
import { t } from "./strings.js";

const mac = /Mac|iPhone|iPad/.test(navigator.platform);
const rows = [["/", "slash"], ["Mod+B", "bold"], ["Mod+I", "italic"], ["Mod+E", "code"], ["Mod+K", "link"], ["Mod+J", "assist"], ["Mod+Enter", "menu"], ["Alt+↑ / Alt+↓", "move"], ["Alt+F10", "toolbar"],
  ["Mod+Z", "undo"], ["Mod+Shift+Z", "redo"], ["Mod+S", "save"], ["## ␣, - ␣, 1. ␣, > ␣, ```", "marks"], ["Tab", "figure"], ["Mod+A", "all"], ["?", "keys"]];
export const showKeys = (root) => dialog(root, t("keys"), el("table", { class: "il-keys" }, el("tbody", {}, rows.map(([key, name]) =>
  el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key.replaceAll("Mod", mac ? "⌘" : "Ctrl"))), el("td", {}, t(`keys.${name}`)))))));
