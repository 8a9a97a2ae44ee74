/** Finding a consumption code: by what is typed, by pinyin, by what a scanner sends. Pure. */

import type { Catalogue, Code } from "../../shared/api/till-types";

const fold = (text: string): string => text.trim().toLowerCase();

/** The code that was keyed or scanned whole. */
export function codeNamed(catalogue: Catalogue | null, typed: string): Code | undefined {
  const wanted = fold(typed);
  return wanted === "" ? undefined : catalogue?.codes.find((code) => fold(code.code) === wanted);
}

/** How well a code fits: smaller is better, -1 not at all. */
function rank(code: Code, words: string): number {
  const id = fold(code.code);
  const pinyin = fold(code.pinyin);
  const name = fold(code.name);
  if (id === words) return 0;
  if (id.startsWith(words)) return 1;
  if (pinyin.startsWith(words)) return 2;
  if (name.startsWith(words)) return 3;
  if (name.includes(words)) return 4;
  if (pinyin.includes(words)) return 5;
  return -1;
}

/** What the words may mean, best first; where nothing is typed the quick codes of a category. */
export function codesFor(catalogue: Catalogue | null, typed: string, category: string | null): Code[] {
  if (catalogue === null) return [];
  const words = fold(typed);
  if (words === "") {
    return catalogue.codes.filter(
      (code) => code.quick && !code.gift && (category === null || code.category === category),
    );
  }
  return catalogue.codes
    .map((code, at) => ({ code, at, rank: rank(code, words) }))
    .filter((found) => found.rank >= 0)
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map((found) => found.code);
}

/** Categories that have a button, in the office's order. */
export function shelves(catalogue: Catalogue | null): { category: string; name: string }[] {
  if (catalogue === null) return [];
  const used = new Set(
    catalogue.codes.filter((code) => code.quick && !code.gift).map((code) => code.category),
  );
  return catalogue.categories.filter((each) => used.has(each.category));
}

/** "3*c1" is three of c1; "c1" one. Scanners send the code alone. */
export function readEntry(typed: string): { quantity: number; code: string } {
  const match = /^(\d{1,4})\s*[*x×]\s*(.+)$/i.exec(typed.trim());
  if (match === null) return { quantity: 1, code: typed.trim() };
  return { quantity: Math.max(1, Number(match[1])), code: match[2] ?? "" };
}
