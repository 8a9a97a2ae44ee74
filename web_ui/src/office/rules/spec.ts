/**
 * What a form of the rules is made of. A section says its fields in both languages, with help; one
 * set of components shows them. `at` is the name in the document, so that a mistake which the device
 * finds at `catalogue.codes.3.price_fen` is shown at that very field.
 */

import type { Phrase } from "../text/phrases";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Row = { [name: string]: Json };
export type Choice = readonly [value: string | number, name: Phrase];

/** Lists that fields pick from; most of them are other parts of the rules. */
export type ListName =
  | "goods_categories"
  | "codes"
  | "member_categories"
  | "levels"
  | "grades"
  | "roles"
  | "campaigns"
  | "tags"
  | "stores";

interface Common {
  at: string;
  label: Phrase;
  help?: Phrase;
  /** Shown only while this holds. */
  when?: (row: Row) => boolean;
  wide?: boolean;
}

export type Figure = "money" | "rate" | "percent" | "times" | "whole" | "clock";

export type Field = Common &
  (
    | { kind: "text"; most: number; lines?: boolean; hint?: Phrase }
    | { kind: "figure"; as: Figure; unit?: Phrase; optional?: Phrase; most?: number; least?: number }
    | { kind: "day"; optional?: Phrase }
    | { kind: "yes" }
    | { kind: "choice"; of: readonly Choice[]; optional?: Phrase }
    | { kind: "choices"; of: readonly Choice[] }
    | { kind: "pick"; from: ListName; optional?: Phrase }
    | { kind: "picks"; from: ListName; none: Phrase; free?: boolean }
    | { kind: "colour" }
    | { kind: "picture"; most: number }
    | { kind: "lines"; most: number; longest: number }
    | { kind: "sums"; most: number }
    | { kind: "rates" }
    | { kind: "part"; fields: readonly Field[]; fresh?: () => Row }
    | { kind: "one_of"; of: readonly Variant[] }
    | {
        kind: "rows";
        fields: readonly Field[];
        layout: "table" | "cards";
        add: Phrase;
        none: Phrase;
        fresh: (rows: readonly Row[]) => Row;
        title?: (row: Row) => string;
        most?: number;
        least?: number;
      }
  );

/** One shape of a part that says which it is in `kind`. */
export interface Variant {
  kind: string;
  name: Phrase;
  fields: readonly Field[];
  fresh: () => Row;
}

export interface Block {
  title: Phrase;
  lead?: Phrase;
  fields: readonly Field[];
}

export interface Section {
  name: string;
  title: Phrase;
  lead: Phrase;
  blocks: readonly Block[];
}

/** A name for the books that nobody has to think of: `stem-1`, `stem-2`, ... */
export function freshId(stem: string, at: string, rows: readonly Row[]): string {
  const taken = new Set(rows.map((row) => row[at]));
  let number = rows.length + 1;
  while (taken.has(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}

/** What is at a dotted path; undefined where there is nothing. */
export function valueAt(value: Json | undefined, path: string): Json | undefined {
  let here: Json | undefined = value;
  for (const name of path === "" ? [] : path.split(".")) {
    if (here === null || typeof here !== "object") return undefined;
    here = Array.isArray(here) ? here[Number(name)] : here[name];
  }
  return here;
}

export const copyOf = <T extends Json>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
export const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
