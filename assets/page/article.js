// The article on the page: follows it over a WebSocket, patches only the blocks that changed, and sends what the person
// does. Knows the routes of composer/ui/live.py; keeps no copy of the article but what is on the screen.
// Mounted once in a gr.HTML component whose value is the id of the article shown.

window.mountArticle = (element, props, watch) => {
  const root = element.querySelector(".il");
  const $ = (selector, inside = root) => inside.querySelector(selector);
  const body = $(".il-body"), status = $(".il-status"), notes = $(".il-notes");
  let id = "", socket = null, known = {}, last = null, retry = 0, openTray = "";

  const make = (html) => { const t = document.createElement("template"); t.innerHTML = html.trim(); return t.content.firstChild; };
  const say = (kind, text) => {
    const line = document.createElement("li");
    line.className = "il-note il-" + kind;
    line.textContent = text;
    notes.prepend(line);
    while (notes.children.length > 30) notes.lastChild.remove();
    $(".il-notes-box").hidden = false;
    if (kind === "error") $(".il-notes-box").open = true;
  };
  const send = async (request) => {
    const answer = await fetch(`articles/${id}/do`, { method: "POST", body: JSON.stringify(request) }).catch(() => null);
    const value = answer && await answer.json().catch(() => null);
    if (!value || !value.ok) say("error", value?.error || "The program does not answer. What you see is kept; try again.");
    return Boolean(value?.ok);
  };

  // ---- following -------------------------------------------------------------------------------------------------
  const follow = (article) => {
    if (article === id && (socket || !id)) return;  // at first the address still names the article to come back to
    id = article; known = {}; last = null; openTray = "";
    body.replaceChildren(); notes.replaceChildren(); $(".il-notes-box").hidden = true;
    if (socket) { socket.onclose = null; socket.close(); socket = null; }
    root.hidden = !id;
    const url = new URL(location.href);
    if (id) url.searchParams.set("article", id); else url.searchParams.delete("article");
    history.replaceState(null, "", url);
    if (id) connect();
    if (id && innerWidth < 768) root.scrollIntoView();
  };
  const connect = () => {
    const address = new URL(`live/${id}`, document.baseURI);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = "";
    const mine = socket = new WebSocket(address);
    mine.onmessage = (event) => { retry = 0; show(JSON.parse(event.data)); };
    mine.onclose = () => {
      if (socket !== mine) return;
      status.textContent = "Connection lost, trying again …";
      setTimeout(() => { if (socket === mine && id) { known = {}; connect(); } }, Math.min(5000, 300 * 2 ** retry++));
    };
  };

  const show = (news) => {
    if (news.gone) { say("error", news.gone); socket.onclose = null; return; }
    last = news;
    root.lang = news.lang; root.dir = /^(ar|he|fa|ur)/.test(news.lang) ? "rtl" : "ltr";
    if (!$(".il-head form")) headline();
    for (const [key, block] of Object.entries(news.blocks)) draw(key, block);
    const wanted = new Set(news.order);
    for (const child of [...body.children]) if (!wanted.has(child.dataset.block)) child.remove();
    news.order.forEach((key, place) => {
      const node = known[key];
      if (node && body.children[place] !== node) body.insertBefore(node, body.children[place] || null);
    });
    for (const note of news.notes) {
      if (note.kind === "warning" || note.kind === "error") say(note.kind, note.text);
      else if (note.kind === "done") say("done", note.text);
    }
    status.textContent = news.running ? `The model works: ${news.progress || news.running} …` : "";
    root.classList.toggle("il-running", Boolean(news.running));
    $("[data-do=stop]").hidden = !news.running;
    const open = !news.running && news.order.length > 0 && unfinished(news);
    $("[data-do=write]").hidden = !open;
    $("[data-do=undo]").disabled = !news.undo;
    $("[data-do=redo]").disabled = !news.redo;
    $(".il-downloads").hidden = news.order.length === 0;
  };
  const headline = () => {
    $(".il-title").textContent = last.title || "Untitled";
    $(".il-summary").textContent = last.summary;
  };
  const unfinished = (news) => news.order.some((key) => known[key]?.source?.written === false);

  const draw = (key, block) => {
    let node = known[key];
    if (!node) {
      node = make('<div tabindex="-1"><div class="il-content"></div><div class="il-tools" role="group"></div><div class="il-panel" hidden></div></div>');
      node.dataset.block = key;
      known[key] = node;
    }
    node.className = block.classes + (node.classList.contains("il-editing") ? " il-editing" : "");
    Object.assign(node, { source: block.source, tray: block.tray, html: block.html });
    if (!node.classList.contains("il-editing")) patch($(".il-content", node), node.html);
    tools(node);
    if (openTray === key) tray(node);
  };
  // An image that is the same one is kept, so that nothing flickers or moves while text streams in.
  const patch = (target, html) => {
    const fresh = document.createElement("div");
    fresh.innerHTML = html;
    const old = $("img", target), now = $("img", fresh);
    if (old && now && old.getAttribute("src") === now.getAttribute("src")) { old.alt = now.alt; now.replaceWith(old); }
    target.replaceChildren(...fresh.childNodes);
  };

  // ---- tools of a block ------------------------------------------------------------------------------------------
  const button = (act, label, title = "") => `<button type="button" data-do="${act}" title="${title || label}">${label}</button>`;
  const tools = (node) => {
    const s = node.source, heading = node.classList.contains("il-heading");
    const parts = s.kind === "image"
      ? [button("tray", "Pictures", "Candidates, search, upload, caption and alt text"), button("clear", "No picture", "Leave this slot open")]
      : [button("edit", "Edit"), button("model", heading ? "Section …" : "Model …", "Rewrite, expand, shorten or continue")];
    parts.push(button("add", "+", "Add a paragraph, section or picture below"), button("up", "↑", "Move up"), button("down", "↓", "Move down"));
    parts.push(button("lock", s.locked ? "Unlock" : "Lock", s.locked ? "Let the model change it" : "The model never changes it"));
    parts.push(button("remove", "Remove"));
    const html = parts.join("");
    const holder = $(".il-tools", node);
    if (holder.dataset.html !== html) { holder.innerHTML = html; holder.dataset.html = html; holder.setAttribute("aria-label", "Tools of this block"); }
  };
  const panel = (node, html) => {
    const box = $(".il-panel", node);
    box.innerHTML = html;
    box.hidden = !html;
    $("textarea, input, button", box)?.focus();
    return box;
  };
  const close = (node) => {
    if (node.classList.contains("il-editing")) { node.classList.remove("il-editing"); patch($(".il-content", node), node.html); }
    panel(node, "");
    if (openTray === node.dataset.block) openTray = ""; };
  const field = (name, label, value, rows = 1) => {
    const text = String(value ?? "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
    return `<label>${label}${rows > 1 ? `<textarea name="${name}" rows="${rows}">${text}</textarea>` : `<input name="${name}" value="${text}">`}</label>`;
  };

  const edit = (node) => {
    const s = node.source, heading = node.classList.contains("il-heading");
    node.classList.add("il-editing");
    const rows = Math.min(20, Math.max(3, Math.ceil(s.markdown.length / 70)));
    const plan = heading && "purpose" in s ? field("purpose", "What the section tells", s.purpose, 2) + field("words", "Words", s.words) : "";
    const text = heading ? field("markdown", "Heading", s.markdown.replace(/^#+\s*/, "")) : field("markdown", "Text (Markdown)", s.markdown, rows);
    panel(node, `<form data-form="edit">${text}${plan}<div>${button("save", "Save")}${button("cancel", "Cancel")}</div></form>`);
  };
  const model = (node) => {
    const form = field("instruction", "Instruction (may stay empty)", "", 2);
    const tasks = ["rewrite", "expand", "shorten", "continue"].map((t) => `<button type="button" data-do="revise" data-task="${t}">${t[0].toUpperCase() + t.slice(1)}</button>`);
    panel(node, `<form data-form="model">${form}<div>${tasks.join("")}${button("cancel", "Cancel")}</div></form>`);
  };
  const add = (node) => {
    panel(node, `<form data-form="add">${field("text", "Text, heading, or what the picture should show", "", 2)}
      <div><button type="button" data-do="insert" data-what="text">Add paragraph</button><button type="button" data-do="insert" data-what="section">Add section</button>
      <button type="button" data-do="insert" data-what="slot">Find a picture</button>${button("cancel", "Cancel")}</div></form>`);
  };
  const tray = (node) => {
    const s = node.source, again = openTray === node.dataset.block && $("form[data-form=words]", node);
    openTray = node.dataset.block;
    const cards = node.tray || "<p>Nothing was found. Try other words, or upload a picture.</p>";
    if (again) {
      $(".il-cards", node).innerHTML = cards;
      for (const name of ["caption", "alt"]) {
        const input = $(`[name=${name}]`, node);
        if (input !== document.activeElement && !input.dataset.typed) input.value = s[name];
      }
      return;
    }
    panel(node, `<p class="il-why"><strong>Why here:</strong> <span></span></p><div class="il-cards" role="group" aria-label="Candidates">${cards}</div>
      <form data-form="seek">${field("query", "Search again for", s.query)}<div>${button("seek", "Search")}
      <label class="il-upload">Upload<input type="file" accept="image/*" data-file></label></div></form>
      <form data-form="words">${field("caption", "Caption (why it is here)", s.caption, 2)}${field("alt", "Alt text (what is to be seen)", s.alt, 2)}
      <div>${button("words", "Save words")}${button("suggest", "Suggest words")}${button("cancel", "Close")}</div></form>`);
    $(".il-why span", node).textContent = s.purpose || "you asked for it";
  };

  // ---- what the person does --------------------------------------------------------------------------------------
  const value = (node, name) => $(`[name=${name}]`, $(".il-panel", node))?.value ?? "";
  const block = {
    edit, model, add, tray,
    cancel: close,
    save: async (n) => {
      const request = { action: "edit", id: n.dataset.block, markdown: value(n, "markdown") };
      if ($("[name=purpose]", n)) Object.assign(request, { purpose: value(n, "purpose"), words: value(n, "words") });
      if (await send(request)) close(n);
    },
    revise: async (n, b) => { if (await send({ action: "revise", id: n.dataset.block, task: b.dataset.task, instruction: value(n, "instruction") })) close(n); },
    insert: async (n, b) => { if (await send({ action: "add", after: n.dataset.block, what: b.dataset.what, text: value(n, "text") })) close(n); },
    up: (n) => send({ action: "move", id: n.dataset.block, up: true }),
    down: (n) => send({ action: "move", id: n.dataset.block, up: false }),
    lock: (n) => send({ action: "lock", id: n.dataset.block, locked: !n.source.locked }),
    remove: (n) => send({ action: "remove", id: n.dataset.block, whole: n.classList.contains("il-heading") }),
    clear: (n) => send({ action: "choose", id: n.dataset.block, digest: "" }),
    choose: (n, b) => send({ action: "choose", id: n.dataset.block, digest: b.dataset.digest }).then(() => forget(n)),
    seek: (n) => send({ action: "seek", id: n.dataset.block, query: value(n, "query") }),
    words: (n) => send({ action: "words", id: n.dataset.block, caption: value(n, "caption"), alt: value(n, "alt") }).then(() => forget(n)),
    suggest: (n) => { forget(n); return send({ action: "suggest", id: n.dataset.block }); },
  };
  const forget = (n) => { for (const i of n.querySelectorAll("[data-typed]")) delete i.dataset.typed; };
  const whole = {
    stop: () => send({ action: "stop" }), undo: () => send({ action: "undo" }), redo: () => send({ action: "redo" }), write: () => send({ action: "write" }),
    retitle: () => {
      const head = $(".il-head");
      if ($("form", head)) return;
      head.append(make(`<form>${field("title", "Title", last.title)}${field("summary", "Summary", last.summary, 2)}<div>${button("savetitle", "Save")}${button("canceltitle", "Cancel")}</div></form>`));
      $("input", head).focus();
    },
    savetitle: async () => { const f = $(".il-head form"); if (await send({ action: "title", title: f.elements.title.value, summary: f.elements.summary.value })) { f.remove(); headline(); } },
    canceltitle: () => { $(".il-head form").remove(); headline(); },
    download: (b) => { location.href = `articles/${id}/download/${b.dataset.form}`; },
  };
  root.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do]");
    if (!pressed) return;
    const node = pressed.closest("[data-block]"), act = pressed.dataset.do;
    if (node && block[act]) block[act](node, pressed);
    else if (whole[act]) whole[act](pressed);
  });
  root.addEventListener("input", (event) => { event.target.dataset.typed = "1"; });
  root.addEventListener("submit", (event) => { event.preventDefault(); $("[data-do]", event.target)?.click(); });
  root.addEventListener("keydown", (event) => {
    const node = event.target.closest("[data-block]");
    if (event.key === "Escape" && node) { close(node); $(".il-tools button", node)?.focus(); }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") event.target.closest("form")?.requestSubmit();
  });
  root.addEventListener("change", async (event) => {
    const file = event.target.matches("[data-file]") && event.target.files[0];
    if (!file) return;
    const node = event.target.closest("[data-block]");
    status.textContent = "Uploading …";
    const answer = await fetch(`articles/${id}/slots/${node.dataset.block}/picture?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file }).catch(() => null);
    const said = answer && await answer.json().catch(() => null);
    status.textContent = "";
    if (!said || !said.ok) say("error", said?.error || "The upload did not arrive. Try again.");
    event.target.value = "";
    forget(node);
  });
  watch("value", () => follow(props.value || ""));
  follow(props.value || "");
};
