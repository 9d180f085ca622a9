// The panel of the look: words, reference pictures, the card they make with its colours, and how much it counts.
import { el, button, icon, field } from "./dom.js";
import { t } from "./strings.js";

export function stylePanel(page) {
  let given = null;
  const save = (values) => page.send({ action: "style", ...values }).then((ok) => ok && page.say(t("saved")));
  return async function draw(content) {
    const got = await page.answer("style");
    if (!got || !content.isConnected || (given === JSON.stringify(got) && content.childElementCount)) return;
    given = JSON.stringify(got);
    const words = field("style", t("style.words"), got.style, { rows: 3, hint: t("style.hint") });
    const file = el("input", { type: "file", accept: "image/*", multiple: true, hidden: true, onchange: async () => {
      for (const one of file.files) await page.answer(`references?name=${encodeURIComponent(one.name)}`, { method: "POST", body: one });
      redraw();
    } });
    const redraw = () => { given = null; draw(content); };
    content.replaceChildren(
      el("form", { class: "il-form", onsubmit: (e) => { e.preventDefault(); save({ style: words.querySelector("textarea").value }); } }, words, el("button", { type: "submit", class: "il-main" }, t("save"))),
      el("h3", {}, t("style.references")),
      got.references.length ? el("ul", { class: "il-references" }, got.references.map((digest) => el("li", {},
        el("img", { src: `${page.route()}/pictures/${digest}?px=320`, alt: t("style.reference") }),
        button(icon("close"), async () => { if (await page.send({ action: "unreference", digest })) redraw(); }, { class: "il-icon", "aria-label": t("style.unreference") })))) : el("p", {}, t("style.none")),
      el("div", { class: "il-row" }, button(t("style.add"), () => file.click()), file),
      ...(got.card ? card(got, redraw) : []));
  };

  function card({ card, strength }, redraw) {
    const slider = el("input", { type: "range", name: "strength", min: 0, max: 100, step: 5, value: strength });
    slider.addEventListener("change", () => save({ strength: Number(slider.value) }));
    const medium = el("select", { name: "medium" }, ["photo", "drawing", "line art"].map((m) => el("option", { value: m, selected: m === card.medium }, t(`medium.${m}`))));
    medium.addEventListener("change", () => save({ medium: medium.value }).then(redraw));
    const paint = (palette) => save({ palette }).then(redraw);
    const colours = card.palette.map((colour, n) => el("li", {},
      el("input", { type: "color", value: colour, "aria-label": t("card.colour", { n: n + 1 }), onchange: (e) => paint(card.palette.map((c, i) => (i === n ? e.target.value : c))) }),
      card.palette.length > 1 && button(icon("close"), () => paint(card.palette.filter((_, i) => i !== n)), { class: "il-icon", "aria-label": t("card.colour.remove", { n: n + 1 }) })));
    return [
      el("h3", {}, t("style.card")), el("p", {}, card.words),
      el("div", { class: "il-form" },
        el("label", { class: "il-field" }, el("span", {}, t("search.strength")), slider),
        el("label", { class: "il-field" }, el("span", {}, t("card.medium")), medium)),
      el("p", { class: "il-palette-name" }, t("card.palette")), el("ul", { class: "il-palette" }, colours),
      card.palette.length < 8 && el("div", { class: "il-row" }, button(t("card.colour.add"), () => paint([...card.palette, "#808080"]))),
      el("dl", { class: "il-card-values" }, ["brightness", "contrast", "edges"].flatMap((key) => [el("dt", {}, t(`card.${key}`)), el("dd", {}, key === "edges" ? `${card[key]} %` : String(card[key]))])),
    ].filter(Boolean);
  }
}
