/** How many members a filter finds: counted in parts, so that the device sells in between. */

import { get } from "../../shared/api/client";
import { BARE_OPS, type Condition } from "./types";

/** Only whole conditions are asked for; one that is being typed changes nothing yet. */
export function wholeFilter(conditions: readonly Condition[]): string {
  const whole = conditions.filter((each) => BARE_OPS.includes(each.op) || (each.value !== undefined && each.value !== ""));
  return whole.length === 0 ? "" : JSON.stringify(whole);
}

/** Tells each sum as it grows; ends where it is no longer `wanted`. Whether it came to the end. */
export async function countMembers(filter: string, wanted: () => boolean, tell: (sum: number) => void): Promise<boolean> {
  let after: string | null = null;
  let sum = 0;
  do {
    const query: string = [filter === "" ? "" : `filter=${encodeURIComponent(filter)}`, after === null ? "" : `after=${after}`].filter((part) => part !== "").join("&");
    const page: { count: number; next: string | null } = await get(`/office/members/count?${query}`);
    if (!wanted()) return false;
    sum += page.count;
    after = page.next;
    tell(sum);
  } while (after !== null);
  return true;
}
