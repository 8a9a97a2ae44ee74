/**
 * What another page sent the counter to do: `/#do=recharge&member=<id>&card=<id>`. The address is
 * read once and cleared, so that a reload does not open the dialog again.
 */

import { get } from "../../shared/api/client";
import type { Member } from "../../shared/api/types";
import type { Dialog } from "./screen";

export const ERRANDS = ["recharge", "set_pin", "issue", "card"] as const;

export interface Errand {
  what: (typeof ERRANDS)[number];
  member_id: string;
  card_id: string | null;
}

const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

/** What the part of the address after `#` asks for; null for anything else. */
export function readErrand(hash: string): Errand | null {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const what = ERRANDS.find((each) => each === asked.get("do"));
  const member_id = asked.get("member") ?? "";
  const card_id = asked.get("card");
  if (what === undefined || !ID.test(member_id) || (card_id !== null && !ID.test(card_id))) return null;
  return { what, member_id, card_id };
}

/** The dialog of an errand; null where it needs a card and names none. */
export function dialogFor({ what, card_id }: Errand, member: Member): Dialog | null {
  if (what === "recharge") return { name: "recharge", member };
  if (what === "set_pin") return { name: "set_pin", member };
  if (what === "issue") return { name: "issue_card", member };
  return card_id === null ? null : { name: "card_service", member, card_id };
}

/** Takes the errand out of the address. @throws {ApiProblem} no such member  @throws {NoAnswer} */
export async function takeErrand(): Promise<Dialog | null> {
  const errand = readErrand(location.hash);
  if (errand === null) return null;
  history.replaceState(null, "", location.pathname);
  return dialogFor(errand, await get<Member>(`/members/${errand.member_id}`));
}
