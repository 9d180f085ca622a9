// The interface's words in the reader's language, from templates/interface/*.toml by way of the page.
let table = {};
export const setStrings = (value) => { table = value || {}; };
export const t = (key, values = {}) => (table[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
