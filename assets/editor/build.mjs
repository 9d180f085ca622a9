// Builds dist/editor.js from src/. The same lock file gives the same bytes.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const out = process.argv[2] ?? "dist";
await build({
  entryPoints: ["src/main.js"], bundle: true, minify: true, format: "iife", target: "es2022", charset: "utf8",
  outfile: `${out}/editor.js`, legalComments: "eof", logLevel: "warning",
});
console.log(createHash("sha256").update(readFileSync(`${out}/editor.js`)).digest("hex"));
