// The search page: asks the program, shows a grid; the address keeps the question, so that it can be reloaded and shared.
"use strict";
(async () => {
  const $ = (selector) => document.querySelector(selector);
  const code = navigator.language.split("-")[0].toLowerCase();
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", paint);
  paint();
  const words = await (await fetch(`interface/${/^[a-z]+$/.test(code) ? code : "en"}`)).json();
  const t = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key] ?? key);
  document.documentElement.lang = code === "zh" ? "zh" : "en";
  document.title = `${t("search.title")} – Interleave`;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);

  const form = $("form"), grid = $(".il-grid"), state = $(".il-state"), strength = $("[name=strength]");
  const el = (tag, attrs, ...children) => { const node = Object.assign(document.createElement(tag), attrs); node.append(...children); return node; };
  const say = (text, bad = false) => { state.textContent = text; state.toggleAttribute("data-bad", bad); };
  const option = (value, text) => el("option", { value, textContent: text });
  const about = await (await fetch("library/about")).json();
  const choices = {
    use: ["any", "commercial", "modify", "both"].map((v) => option(v, t(`search.use.${v}`))),
    look: ["", "photo", "drawing"].map((v) => option(v, t(`search.look.${v || "any"}`))),
    orientation: ["", "landscape", "portrait", "square"].map((v) => option(v, t(`search.orientation.${v || "any"}`))),
    colour: ["", ...about.colours].map((v) => option(v, v ? t(`colour.${v}`) : t("search.colour.any"))),
    source: ["", ...about.sources].map((v) => option(v, v || t("search.source.any"))),
  };
  for (const [name, options] of Object.entries(choices)) form[name].append(...options);

  const given = new URLSearchParams(location.search);
  const asked = { like: given.get("like") || "", style: (given.get("style") || "").split(",").filter(Boolean), k: 60 };
  for (const field of form.elements) if (field.name && given.has(field.name)) field.value = given.get(field.name);
  if (given.has("strength")) strength.value = given.get("strength");
  if (innerWidth < 700) $("details").open = false;

  const question = () => {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value && value !== "0" && value !== "any") query.set(name, value);
    if (asked.like) query.set("like", asked.like);
    if (asked.style.length) { query.set("style", asked.style.join(",")); query.set("strength", strength.value); }
    return query;
  };
  let turn = 0;
  async function search({ keep = false } = {}) {
    const mine = ++turn, query = question();
    if (!keep) asked.k = 60;
    history.replaceState(null, "", query.size ? `search?${query}` : "search");
    query.set("k", asked.k);
    say(t("search.working"));
    const got = await fetch(`library/search?${query}`).then((r) => r.json()).catch(() => null);
    if (mine !== turn) return;
    if (!got || got.error) { say(got?.error || t("error.silent"), true); return; }
    grid.replaceChildren(...got.pictures.map(shown));
    $("[data-do=more]").hidden = !got.more || asked.k >= 240;
    card(got.card);
    $(".il-like").hidden = !asked.like;
    $(".il-like p").textContent = asked.like ? t("search.like.of") : "";
    say(!about.count ? t("search.empty", { packs: "python -m retrieval packs install", index: "python -m retrieval index FOLDER" }) : got.pictures.length ? t("search.found", { count: got.pictures.length, all: about.count }) : t("search.none"));
  }
  function shown(p) {
    const picked = asked.style.includes(p.digest);
    const name = p.caption || p.tags.join(", ") || t("tray.picture");
    const like = el("button", { type: "button", textContent: t("search.similar"), onclick: () => { asked.like = p.digest; form.q.value = ""; search(); scrollTo(0, 0); } });
    const style = el("button", { type: "button", textContent: t("search.reference"), onclick: () => { asked.style = picked ? asked.style.filter((d) => d !== p.digest) : [...asked.style, p.digest].slice(-8); search({ keep: true }); } });
    style.setAttribute("aria-pressed", String(picked));
    for (const b of [like, style]) b.setAttribute("aria-label", `${b.textContent}: ${name}`);
    const image = el("img", { src: `library/pictures/${p.digest}?px=320`, alt: name, loading: "lazy", width: 320, height: 240 });
    const about = el("div", {}, el("p", { textContent: name }), el("small", { textContent: p.credit }), el("small", { textContent: `${p.width} × ${p.height} px${p.relevance ? ` · ${Math.round(100 * p.relevance)} %` : ""}` }));
    return el("li", {}, image, about, el("div", { className: "il-row" }, like, style));
  }
  function card(got) {
    $(".il-style-card").hidden = !got;
    if (!got) return;
    $(".il-references").replaceChildren(...asked.style.map((d) => el("img", { src: `library/pictures/${d}?px=128`, alt: t("style.reference") })));
    $(".il-card-words").textContent = got.words;
    $(".il-palette").replaceChildren(...got.palette.map((colour) => { const swatch = el("span", { title: colour }); swatch.setAttribute("role", "img"); swatch.setAttribute("aria-label", colour); swatch.style.background = colour; return swatch; }));
    const values = { medium: t(`medium.${got.medium}`), brightness: `${got.brightness} / 100`, contrast: got.contrast, edges: `${got.edges} %` };
    $(".il-card-values").replaceChildren(...Object.entries(values).flatMap(([key, value]) => [el("dt", { textContent: t(`card.${key}`) }), el("dd", { textContent: value })]));
  }
  form.addEventListener("submit", (event) => { event.preventDefault(); asked.like = ""; search(); });
  form.addEventListener("change", (event) => { if (event.target.name !== "q") search(); });
  strength.addEventListener("change", () => search({ keep: true }));
  const acts = { unstyle: () => { asked.style = []; search({ keep: true }); }, unlike: () => { asked.like = ""; search(); }, more: () => { asked.k = Math.min(240, asked.k + 60); search({ keep: true }); } };
  document.addEventListener("click", (event) => acts[event.target.dataset?.do]?.());
  search();
})();
