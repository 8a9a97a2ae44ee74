// Prints what each page loads, gzipped, and fails the build when a page is over its budget.
//
// A page is judged by its first screen: its own chunk and the one of the screen that it opens with;
// or, where `opensWith` is null, by all that it ever loads. The cashier's has both budgets: what a
// plain sale waits for, and the dialogs that are fetched a moment later.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

// What can be wrong, in the language that is shown: the longer of the two.
const REASONS = "src/shared/i18n/zh-CN-reasons.ts";

const PAGES = [
  { figure: "cashier_page_kb_gz", page: "index.html", budgetKib: 97, opensWith: [REASONS] },
  { figure: "cashier_all_kb_gz", page: "index.html", budgetKib: 140, opensWith: null },
  {
    figure: "office_first_page_kb_gz",
    page: "office.html",
    budgetKib: 300,
    opensWith: ["src/office/pages/HomePage.vue", REASONS],
  },
];

const out = fileURLToPath(new URL("../../daemon/web/static/", import.meta.url));
const manifest = JSON.parse(readFileSync(`${out}manifest.json`, "utf8"));

/** Every file that an entry loads: its chunk, what that imports, styles, assets; `later`: also what
 * it may load afterwards. */
function filesOf(entry, later, seen = new Set()) {
  const chunk = manifest[entry];
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const file of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) seen.add(file);
  const next = [...(chunk.imports ?? []), ...(later ? (chunk.dynamicImports ?? []) : [])];
  for (const each of next) filesOf(each, later, seen);
  return seen;
}

function filesOfPage({ page, opensWith }) {
  const files = filesOf(page, opensWith === null);
  for (const screen of opensWith ?? []) filesOf(screen, false, files);
  return [page, ...files];
}

const quiet = process.argv.includes("--json");
const figures = {};
let failed = false;
for (const each of PAGES) {
  let total = 0;
  for (const file of filesOfPage(each)) {
    const raw = readFileSync(out + file);
    const zipped = gzipSync(raw, { level: 9 }).length;
    total += zipped;
    if (!quiet) {
      console.log(
        `${(zipped / 1024).toFixed(1).padStart(8)} KiB gz ${(raw.length / 1024).toFixed(1).padStart(8)} KiB  ${file}`,
      );
    }
  }
  const totalKib = total / 1024;
  const over = totalKib > each.budgetKib;
  failed ||= over;
  figures[each.figure] = Number(totalKib.toFixed(1));
  if (!quiet) {
    console.log(
      `${totalKib.toFixed(1).padStart(8)} KiB gz of ${each.budgetKib} for ${each.page} (${each.figure})${over ? "  OVER BUDGET" : ""}`,
    );
  }
}
if (quiet) console.log(JSON.stringify(figures));
process.exit(failed ? 1 : 0);
