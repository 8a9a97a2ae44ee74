/** A price that is tried out at the office: what is asked, and the promotions that could be switched. Pure. */

import type { Row } from "./spec";

export interface Tried {
  code: string;
  name: string;
  count: number;
  /** A unit of goods that are weighed has so many parts. */
  parts: number;
}

/** The order that is quoted; null while nothing was chosen. */
export function orderOf(tried: readonly Tried[], member_id: string | null, leave_out: readonly string[]): Record<string, unknown> | null {
  const lines = tried.filter(({ count }) => count > 0);
  if (lines.length === 0) return null;
  return {
    lines: lines.map(({ code, count, parts }, at) => ({ line_id: String(at + 1), code, quantity: count * parts })),
    ...(member_id === null ? {} : { member_id }),
    ...(leave_out.length > 0 ? { leave_out } : {}),
  };
}

/** The section with one promotion switched; null where it has no such promotion, or it is so already. */
export function switched(content: Row, promotion_id: string, active: boolean): Row | null {
  const rows = (content["promotions"] ?? []) as Row[];
  const found = rows.find((each) => each["promotion_id"] === promotion_id);
  if (found === undefined || (found["active"] ?? true) === active) return null;
  return { ...content, promotions: rows.map((each) => (each === found ? { ...each, active } : each)) };
}

/** Ids of promotions, by whether they are on. */
export function promotionsOf(content: Row): { on: Set<string>; off: { id: string; name: string }[] } {
  const rows = (content["promotions"] ?? []) as Row[];
  const active = (each: Row): boolean => (each["active"] ?? true) === true;
  return {
    on: new Set(rows.filter(active).map((each) => String(each["promotion_id"]))),
    off: rows.filter((each) => !active(each)).map((each) => ({ id: String(each["promotion_id"]), name: String(each["name"]) })),
  };
}
