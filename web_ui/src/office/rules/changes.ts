/** A difference between two versions, in the words of the forms. */

import { formatYuan } from "../../shared/money";
import { writeClock, writePercent } from "../model/figures";
import { c } from "../text/common";
import { say, type Phrase } from "../text/phrases";
import { SECTIONS } from "./sections";
import { codeDetailFields, goodsCategoryFields } from "./sections/loyalty";
import { campaignFields, promotionFields, stackingFields } from "./sections/offers";
import type { Field, Json } from "./spec";

const MORE: Readonly<Record<string, Phrase>> = {
  codes: ["消费代码", "Codes"],
  categories: ["消费类别", "Categories"],
  promotions: ["促销", "Promotions"],
  campaigns: ["券活动", "Campaigns"],
  roles: ["岗位", "Roles"],
  permissions: ["权限", "Permissions"],
  everything: ["全部权限", "Everything"],
  price_fen: ["价格", "Price"],
  name: ["名称", "Name"],
  group_order: ["互斥组顺序", "Order of groups"],
  code: ["代码", "Code"],
  category: ["类别", "Category"],
};

function labelsOf(fields: readonly Field[], into: Map<string, Phrase>): void {
  for (const field of fields) {
    if (!into.has(field.at)) into.set(field.at, field.label);
    if (field.kind === "part" || field.kind === "rows") labelsOf(field.fields, into);
    if (field.kind === "one_of") for (const each of field.of) labelsOf(each.fields, into);
  }
}

function labels(section: string): Map<string, Phrase> {
  const found = new Map<string, Phrase>();
  for (const block of SECTIONS[section]?.blocks ?? []) labelsOf(block.fields, found);
  for (const fields of [codeDetailFields, goodsCategoryFields, promotionFields, stackingFields, campaignFields]) labelsOf(fields, found);
  return found;
}

/** What a field is called, by the last name of its path; "" where it has none. */
export function fieldName(section: string, path: string): string {
  const name = path.split(".").filter((part) => !/^\d+$/.test(part)).at(-1) ?? "";
  const label = labels(section).get(name) ?? MORE[name];
  return label === undefined ? "" : say(label);
}

/** "codes.0101.price_fen" -> "Codes › 0101 › Price". */
export function changePath(section: string, path: string): string {
  const known = labels(section);
  return path
    .split(".")
    .map((part) => {
      const label = known.get(part) ?? MORE[part];
      return label === undefined ? part : say(label);
    })
    .join(" › ");
}

function plain(name: string, value: Json): string {
  if (typeof value === "boolean") return value ? c("yes") : c("no");
  if (typeof value === "number") {
    if (name.endsWith("_fen")) return formatYuan(value);
    if (name.endsWith("_bp")) return `${writePercent(value)} %`;
    if (name.endsWith("_minute")) return writeClock(value);
  }
  return String(value);
}

/** One side of a difference; a whole row by its name, a list by its members. */
export function changeValue(path: string, value: Json): string {
  const name = path.split(".").at(-1) ?? "";
  if (value === null || value === "") return "—";
  if (Array.isArray(value)) {
    const all = value.map((each) => changeValue(name, each));
    return all.length === 0 ? c("none") : all.join(", ");
  }
  if (typeof value === "object") {
    const title = value["name"];
    if (typeof title === "string" && title !== "") return title;
    return Object.entries(value).filter(([, each]) => each !== null && each !== "").map(([key, each]) => plain(key, each)).join(" · ");
  }
  return name.includes("base64") ? "PNG" : plain(name, value);
}
