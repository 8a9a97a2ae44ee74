/** Sections of the rules as the office edits them: read, checked, kept, taken back. */

import { ref, shallowRef } from "vue";
import { get } from "../../shared/api/client";
import type { Facts } from "../../shared/api/types";
import { ApiProblem } from "../../shared/api/client";
import type { Option } from "../fields/form";
import type { Json, ListName, Row } from "../rules/spec";
import { change } from "./doing";
import { may } from "./session";

export interface SectionView {
  section: string;
  version: number;
  changed_ms: number | null;
  actor: string | null;
  actor_name: string | null;
  note: string;
  content: Row;
}

export interface Mistake {
  at: string;
  key: string;
  facts: Facts;
}

export interface Difference {
  path: string;
  before: Json;
  after: Json;
}

export type VersionView = Omit<SectionView, "content"> & { content: Row; changes: Difference[] };

export const readSection = (section: string): Promise<SectionView> => get<SectionView>(`/rules/${section}`);

/** What the device found, where it refused a document. */
export function mistakesOf(error: unknown): Mistake[] | null {
  if (!(error instanceof ApiProblem) || error.key !== "rules_invalid") return null;
  const told = (error.facts as Record<string, unknown>)["errors"];
  return Array.isArray(told) ? (told as Mistake[]) : [];
}

/** @throws {ApiProblem} `rules_invalid` with mistakes, `rules_changed_meanwhile`  @throws {NoAnswer} */
export async function saveSection(section: string, content: Json, base_version: number, note: string): Promise<SectionView> {
  const kept = await change<SectionView>("PUT", `/rules/${section}`, { content, base_version, note });
  forget(section);
  return kept;
}

export async function restoreSection(section: string, version: number, base_version: number): Promise<SectionView> {
  const kept = await change<SectionView>("POST", `/rules/${section}/restore`, { version, base_version });
  forget(section);
  return kept;
}

// -- what fields pick from ---------------------------------------------------------------------

const known = new Map<string, Promise<Row>>();

/** The content of a section, kept until it is changed here. */
export function contentOf(section: string): Promise<Row> {
  let content = known.get(section);
  if (content === undefined) {
    content = readSection(section).then((view) => view.content);
    content.catch(() => known.delete(section));
    known.set(section, content);
  }
  return content;
}

export function forget(section: string): void {
  known.delete(section);
}

interface Source {
  section: string;
  at: string;
  id: string;
}

const SOURCES: Partial<Record<ListName, Source>> = {
  goods_categories: { section: "catalogue", at: "categories", id: "category" },
  codes: { section: "catalogue", at: "codes", id: "code" },
  member_categories: { section: "member_categories", at: "member_categories", id: "category" },
  levels: { section: "levels", at: "rungs", id: "level" },
  grades: { section: "staff", at: "grades", id: "grade" },
  roles: { section: "staff", at: "roles", id: "role" },
  campaigns: { section: "campaigns", at: "campaigns", id: "campaign" },
};

export function optionsFrom(content: Row, { at, id }: { at: string; id: string }, withId = false): Option[] {
  const rows = (content[at] ?? []) as Row[];
  return rows.map((row) => {
    const value = String(row[id] ?? "");
    const name = String(row["name"] ?? "");
    return { value, name: withId ? `${value} ${name}` : name || value };
  });
}

export type Lists = Partial<Record<ListName, Option[]>>;

/** All lists; those of `draft`'s section come from the draft, so that a new row can be picked. */
export async function readLists(draft?: { section: string; content: Row }): Promise<Lists> {
  const lists: Lists = {};
  const entries = Object.entries(SOURCES) as [ListName, Source][];
  await Promise.all(
    entries.map(async ([name, source]) => {
      const content = draft?.section === source.section ? draft.content : await contentOf(source.section);
      lists[name] = optionsFrom(content, source, name === "codes");
    }),
  );
  return lists;
}

/** Names of ids for pages that only show them. */
export const lists = shallowRef<Lists>({});
export const listsRead = ref(false);

export async function refreshLists(): Promise<void> {
  if (!may("rules_read")) return;
  lists.value = await readLists();
  listsRead.value = true;
}

export function nameIn(list: ListName, value: unknown): string {
  const found = lists.value[list]?.find((each) => each.value === value);
  return found?.name ?? (value === null || value === undefined || value === "" ? "—" : String(value));
}
