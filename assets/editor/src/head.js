// The title and the sentence under it, edited where they stand.
export function createHead({ title, summary, changed, next }) {
  const fields = [{ kind: "title", node: title, base: "" }, { kind: "summary", node: summary, base: "" }];
  const text = (node) => node.textContent.replace(/\s+/g, " ").trim();
  for (const f of fields) {
    const fresh = f.node.cloneNode(false);  // without listeners of an article shown before
    f.node.replaceWith(fresh);
    f.node = fresh;
    fresh.contentEditable = "plaintext-only";
    if (fresh.contentEditable !== "plaintext-only") fresh.contentEditable = "true";
    fresh.addEventListener("input", changed);
    fresh.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); if (f.kind === "title") fields[1].node.focus(); else next(); }
    });
  }
  return {
    changes: () => fields.filter((f) => text(f.node) !== f.base).map((f) => ({ kind: f.kind, text: text(f.node) })),
    sent: () => fields.map((f) => text(f.node)),
    acknowledged: (sent) => fields.forEach((f, i) => { f.base = sent[i]; }),
    heard(...values) {
      fields.forEach((f, i) => {
        const value = values[i].replace(/\s+/g, " ").trim(), dirty = text(f.node) !== f.base;
        if (value === f.base || dirty) { if (!dirty && text(f.node) !== value) f.node.textContent = value; if (!dirty) f.base = value; return; }
        f.base = value;
        f.node.textContent = value;
      });
    },
  };
}
