/** What a field is at first, read from the section's JSON Schema, so that a form can say it. */

import { formatYuan } from "../../shared/money";
import { locale } from "../../shared/i18n";
import { writeClock, writeFold, writePercent, writeTimes } from "../model/figures";
import { c } from "../text/common";
import { say } from "../text/phrases";
import type { Field, Json, Row } from "./spec";

type Schema = Row;

/** The part that a reference or an "or nothing" stands for. */
function plain(schema: Schema, root: Schema): Schema {
  const ref = schema["$ref"];
  if (typeof ref === "string") {
    const found = ((root["$defs"] ?? {}) as Row)[ref.replace("#/$defs/", "")];
    return plain((found ?? {}) as Schema, root);
  }
  const any = schema["anyOf"];
  if (Array.isArray(any)) {
    const some = (any as Schema[]).find((each) => each["type"] !== "null");
    return some === undefined ? {} : plain(some, root);
  }
  return schema;
}

/** The default at a path; undefined where the schema has none. Numbers in a path are rows. */
export function usualAt(root: Schema, path: string): Json | undefined {
  let here: Schema = plain(root, root);
  let usual: Json | undefined;
  for (const name of path.split(".")) {
    if (/^\d+$/.test(name)) {
      here = plain((here["items"] ?? {}) as Schema, root);
      usual = undefined;
      continue;
    }
    const found = ((here["properties"] ?? {}) as Row)[name] as Schema | undefined;
    if (found === undefined) return undefined;
    const outer = usual !== null && typeof usual === "object" && !Array.isArray(usual) ? usual[name] : undefined;
    usual = outer ?? (Object.hasOwn(found, "default") ? found["default"] : undefined);
    here = plain(found, root);
  }
  return usual;
}

/** As people read it; null for what needs no telling. */
export function usualText(field: Field, usual: Json | undefined): string | null {
  if (usual === undefined) return null;
  if (field.kind === "yes" && typeof usual === "boolean") return c(usual ? "on" : "off");
  if (field.kind === "choice") {
    const found = field.of.find(([value]) => value === usual);
    return found === undefined ? null : say(found[1]);
  }
  if (field.kind !== "figure") return null;
  if (usual === null) return field.optional === undefined ? null : say(field.optional);
  if (typeof usual !== "number") return null;
  const unit = field.unit === undefined ? "" : ` ${say(field.unit)}`;
  switch (field.as) {
    case "money":
      return formatYuan(usual);
    case "rate":
      return locale.value === "en" ? `${writePercent(usual)} %` : `${writeFold(usual)} 折`;
    case "percent":
      return `${writePercent(usual)} %`;
    case "times":
      return writeTimes(usual);
    case "clock":
      return writeClock(usual);
    case "whole":
      return `${usual}${unit}`;
  }
}
