/** The merchant's own fields of members, as fields of a form; each stands under `field:<id>`. */

import type { Field } from "../rules/spec";

export interface CustomField {
  field: string;
  name: string;
  kind: "text" | "number" | "date" | "choice";
  choices: { choice: string; name: string }[];
  personal: boolean;
  required: boolean;
}

export function customFields(custom: readonly CustomField[]): Field[] {
  return custom.map((each): Field => {
    const common = { at: `field:${each.field}`, label: [each.name, each.name] as const };
    if (each.kind === "number") return { ...common, kind: "figure", as: "whole", optional: ["不填", "not told"] };
    if (each.kind === "date") return { ...common, kind: "day", optional: ["不填", "not told"] };
    if (each.kind === "choice") {
      return { ...common, kind: "choice", optional: ["不填", "not told"], of: each.choices.map(({ choice, name }) => [choice, [name, name] as const] as const) };
    }
    return { ...common, kind: "text", most: 200 };
  });
}
