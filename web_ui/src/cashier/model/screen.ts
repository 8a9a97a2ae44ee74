/** What is open on top of the counter, and what has been typed. */

import { computed, ref } from "vue";
import type { Member, Sale } from "../../shared/api/types";
import { parseYuan } from "../../shared/money";

export type Dialog =
  | { name: "recharge"; member: Member | null }
  | { name: "members" }
  | { name: "new_member" }
  | { name: "issue_card"; member: Member | null }
  | { name: "set_pin"; member: Member }
  | { name: "sales" }
  | { name: "parked" }
  | { name: "line"; line_id: string }
  | { name: "price" }
  | { name: "benefits" }
  | { name: "tender"; after?: { sale: Sale; stored_fen: number } }
  | { name: "shift" }
  | { name: "sale"; sale_id: string }
  | { name: "card_service"; member: Member; card_id: string }
  | { name: "device" };

export const dialog = ref<Dialog | null>(null);
/** These two lie on top of a dialog. */
export const voiding = ref<Sale | null>(null);
export const receiptShown = ref<string | null>(null);

export const typed = ref("");
export const typedFen = computed(() => parseYuan(typed.value) ?? 0);

export function closeDialog(): void {
  dialog.value = null;
}
