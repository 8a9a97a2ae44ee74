// Prints what each page loads, gzipped, and fails the build when a page is over its budget.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET_KIB = { "index.html": 100 };

const out = fileURLToPath(new URL("../../daemon/web/static/", import.meta.url));
const manifest = JSON.parse(readFileSync(`${out}manifest.json`, "utf8"));

/** Every file that a page may load: its chunk, what that imports (at once or later), styles, assets. */
function filesOf(entry, seen = new Set()) {
  const chunk = manifest[entry];
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const file of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) seen.add(file);
  for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) filesOf(next, seen);
  return seen;
}

let failed = false;
for (const [page, budgetKib] of Object.entries(BUDGET_KIB)) {
  let total = 0;
  for (const file of [page, ...filesOf(page)]) {
    const raw = readFileSync(out + file);
    const zipped = gzipSync(raw, { level: 9 }).length;
    total += zipped;
    console.log(`${(zipped / 1024).toFixed(1).padStart(8)} KiB gz ${(raw.length / 1024).toFixed(1).padStart(8)} KiB  ${file}`);
  }
  const totalKib = total / 1024;
  const over = totalKib > budgetKib;
  failed ||= over;
  console.log(`${totalKib.toFixed(1).padStart(8)} KiB gz of ${budgetKib} for ${page}${over ? "  OVER BUDGET" : ""}`);
}
process.exit(failed ? 1 : 0);
