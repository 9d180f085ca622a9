// Who made a picture and under which terms: to be said by the person where it did not come with the picture.
import { el, dialog, field } from "./dom.js";
import { t } from "./strings.js";

const LICENCES = ["yours", "CC0 1.0", "CC BY 4.0", "CC BY-SA 4.0", "Public domain", "unknown"];
const named = (licence) => (licence === "yours" || licence === "unknown" ? t(`licence.${licence}`) : licence);

export async function stateCredit(page, slot) {
  const got = await page.answer(`slots/${slot}/credit`);
  if (!got) return;
  if (!got.open) { dialog(page.root, t("credit"), el("p", {}, t("credit.fixed"))); return; }
  const known = LICENCES.includes(got.licence) || !got.licence ? LICENCES : [got.licence, ...LICENCES];
  const licence = el("select", { name: "licence" }, known.map((name) => el("option", { value: name, selected: name === (got.licence || "unknown") }, named(name))));
  const fields = ["title", "author", "source", "url"].map((name) => field(name, t(`credit.${name}`), got[name], { type: name === "url" ? "url" : "text" }));
  const form = el("form", { class: "il-form" }, fields.slice(0, 2), el("label", { class: "il-field" }, el("span", {}, t("credit.licence")), licence), fields.slice(2),
    el("div", { class: "il-row" }, el("button", { type: "submit", class: "il-main", "data-do": "credit" }, t("save"))));
  const box = dialog(page.root, t("credit"), form);
  const foreign = () => fields.slice(2).forEach((f) => { f.hidden = licence.value === "yours"; });  // one's own picture comes from nowhere else
  licence.addEventListener("change", foreign);
  foreign();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await page.send({ action: "credit", id: slot, digest: got.digest, ...Object.fromEntries(new FormData(form)) })) box.close();
  });
}
