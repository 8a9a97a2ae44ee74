/**
 * The office's sentences: both languages side by side, so that neither can be forgotten. What is
 * wrong or declined is said by the shared reasons (shared/i18n), as on the cashier's page.
 */

import type { Facts } from "../../shared/api/types";
import { fill, locale, type Locale } from "../../shared/i18n";

export type Phrase = readonly [zh: string, en: string];

export function sayIn(language: Locale, phrase: Phrase, facts?: Facts): string {
  return fill(phrase[language === "en" ? 1 : 0], facts);
}

/** In the language in force; reactive where it is called while rendering. */
export function say(phrase: Phrase, facts?: Facts): string {
  return sayIn(locale.value, phrase, facts);
}

/** A page's own words: `const w = words({...})`, then `w("save")`. */
export function words<K extends string>(table: Record<K, Phrase>): (key: K, facts?: Facts) => string {
  return (key, facts) => say(table[key], facts);
}

/** A word that the device chose (a status, a kind); an unknown one is shown as it is. */
export function wordOf(table: Readonly<Record<string, Phrase>>, name: unknown): string {
  if (name === null || name === undefined || name === "") return "—";
  const found = Object.hasOwn(table, String(name)) ? table[String(name)] : undefined;
  return found === undefined ? String(name) : say(found);
}
