/** The merchant's own fields of members, as a new member is asked for them. */

import type { CustomField } from "../../shared/api/till-types";

const LARGEST_NUMBER = 10 ** 15;

/** What is typed, by the field's id. */
export type Typed = Readonly<Record<string, string>>;

function fits(field: CustomField, text: string): boolean {
  if (field.kind === "number") return /^-?\d{1,16}$/.test(text) && Math.abs(Number(text)) <= LARGEST_NUMBER;
  if (field.kind === "date") return /^\d{4}-\d\d-\d\d$/.test(text);
  if (field.kind === "choice") return field.choices.some(({ choice }) => choice === text);
  return text.length <= 200;
}

/** Those that lack what they must have, or hold what they cannot. */
export function unfit(fields: readonly CustomField[], typed: Typed): CustomField[] {
  return fields.filter((field) => {
    const text = (typed[field.field] ?? "").trim();
    return text === "" ? field.required : !fits(field, text);
  });
}

/** As the device takes them: what is empty is not told. A field that the shop has taken out while
 * the form was open is left out too. */
export function told(fields: readonly CustomField[], typed: Typed): Record<string, string | number> {
  const filled = fields.map((field) => [field, (typed[field.field] ?? "").trim()] as const).filter(([, text]) => text !== "");
  return Object.fromEntries(filled.map(([field, text]) => [field.field, field.kind === "number" ? Number(text) : text]));
}
