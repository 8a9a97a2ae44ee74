/**
 * Services on cards as the office offers them (B4): what each is called, what it asks for, and the
 * order that the device is sent. Pure.
 */

import type { Field, Row } from "../rules/spec";
import { formatYuan } from "../../shared/money";
import type { Facts } from "../../shared/api/types";
import type { Phrase } from "../text/phrases";
import { TENDER_NAMES } from "../text/records";
import { REASONS } from "./types";

export interface Refusal {
  reason: string;
  facts: Facts;
}

export interface Able {
  service: string;
  permitted: boolean;
  fee_fen: number;
  extensions: { days: number; fee_fen: number }[];
  refusals: Refusal[];
}

export interface BackLot {
  lot: number;
  bought_ms: number;
  paid_fen: number;
  bonus_fen: number;
  bonus_ended_fen: number;
  principal_left_fen: number;
  bonus_left_fen: number;
  method: "in_ratio" | "whole";
  cooling_off: boolean;
  refund_fen: number;
  from_shop_fen: number;
}

/** What a balance comes to when it is paid out. */
export interface BalanceBack {
  lots: BackLot[];
  fee_fen: number;
  refund_fen: number;
  points_kept: number;
  passes_kept: { code: string; left: number }[];
}

export interface ServiceQuote {
  service: string;
  fee_fen: number;
  listed_fen: number;
  waived: string | null;
  valid_to: string | null;
  number: string | null;
  refund: BalanceBack | null;
  moved: { money: { principal_fen: number; bonus_fen: number }; passes: { code: string; left: number }[]; points_kept: number } | null;
  permitted: boolean;
  refusals: Refusal[];
}

export interface ServiceDone {
  service_id: string;
  service: string;
  status: "awaiting_card" | "working" | "done" | "failed";
  reason: string | null;
  new_card: { number: string | null } | null;
  fee_fen: number;
  change_fen: number;
  valid_to: string | null;
  refund: BalanceBack | null;
  receipt_id: string | null;
}

export const SERVICES: Readonly<Record<string, Phrase>> = {
  issue: ["办卡", "Issue a card"],
  reissue: ["补卡", "Reissue"],
  repair: ["修卡", "Repair"],
  extend: ["延期", "Extend"],
  report_lost: ["挂失", "Report lost"],
  lift_loss: ["解挂", "Lift the report"],
  lock: ["锁定", "Lock"],
  unlock: ["解锁", "Unlock"],
  return: ["退卡", "Return"],
  transfer: ["转让", "Transfer"],
};

export const ABOUT: Readonly<Record<string, Phrase>> = {
  issue: ["一张新卡，放到本机的读卡器上写好。", "A new card, written on this device's reader."],
  reissue: ["卡丢了换一张新的，旧卡立即作废，余额不变。", "Another card after a loss: the old one ends, the balance stays."],
  repair: ["卡坏了换一张新的，旧卡立即作废，余额不变。", "Another card for a damaged one: the old one ends, the balance stays."],
  extend: ["延长会员权益的有效期。本金不会过期。", "Benefits last longer. The principal never ends."],
  report_lost: ["卡马上不能用，在所有设备上，余额不变。", "The card is refused at once and everywhere; the balance stays."],
  lift_loss: ["卡找回来了，恢复使用。", "The card was found and is good again."],
  lock: ["暂时停用这张卡。", "The card is put out of use for a while."],
  unlock: ["恢复使用。", "The card is good again."],
  return: ["卡作废，余额按购买时的约定退给本人。", "The card ends, and the balance is paid out as it was agreed when it was bought."],
  transfer: ["余额和次卡转给另一位会员，积分留下。", "Balance and passes go to another member; points stay."],
};

/** These need the new card on the reader. */
export const AT_READER: readonly string[] = ["issue", "reissue", "repair"];
/** What is offered first; those that end the account or move it come last. */
export const ORDER: readonly string[] = ["report_lost", "lift_loss", "lock", "unlock", "reissue", "repair", "extend", "transfer", "return"];

export const bySense = (all: readonly Able[]): Able[] =>
  [...all].sort((one, other) => ORDER.indexOf(one.service) - ORDER.indexOf(other.service));

const named = (kinds: readonly string[]): (readonly [string, Phrase])[] =>
  kinds.map((kind) => [kind, TENDER_NAMES[kind] ?? [kind, kind]] as const);

/** Stored value asks for the member's PIN, which is typed at the counter and nowhere else. */
export const FEE_TENDERS = named(["cash", "wechat", "alipay", "bank_card"]);
export const PAY_TENDERS = named(["cash", "wechat", "alipay", "bank_card", "bank_transfer"]);
export const PAYOUT_TENDERS = named(["cash", "bank_transfer", "wechat", "alipay", "bank_card"]);

export const outside = (row: Row): boolean => row["tender"] !== "cash";

/** How money is paid back, and what the law asks of it. */
export const PAYOUT_FIELDS: readonly Field[] = [
  { kind: "choice", at: "tender", label: ["怎么退", "Paid out by"], of: PAYOUT_TENDERS },
  { kind: "text", at: "voucher", most: 40, label: ["转账凭证号", "Number of the transfer"], help: ["银行或支付平台的流水号，不要填账号。", "The bank's or platform's number; no account number."], when: outside },
  { kind: "yes", at: "same_name", label: ["收款账户是购卡人本人的", "The account is in the buyer's own name"], when: outside },
  { kind: "yes", at: "paper_shown", label: ["已核对收款人的证件", "The receiver's paper was looked at"] },
  { kind: "yes", at: "had_same_before", label: ["付款前已经消费过同样的商品或服务", "Had the same goods or services before paying"], help: ["是的话，没有七日内全额退款。", "Then there are no seven days in which all of it comes back."] },
];

export const freshPayout = (): Row => ({ tender: "cash", voucher: "", same_name: false, paper_shown: false, had_same_before: false });

export function payoutOf(row: Row): Record<string, unknown> {
  const to = outside(row);
  return {
    tender: row["tender"],
    voucher: to ? String(row["voucher"] ?? "").trim() : "",
    same_name: to && row["same_name"] === true,
    paper_shown: row["paper_shown"] === true,
    had_same_before: row["had_same_before"] === true,
  };
}

/** What one service asks for. */
export function fieldsFor(able: Able): Field[] {
  const all: Field[] = [];
  if (able.service === "extend") {
    const of = able.extensions.map(({ days, fee_fen }) => [days, [`${days} 天 · ${formatYuan(fee_fen)}`, `${days} days · ${formatYuan(fee_fen)}`]] as const);
    all.push({ kind: "choice", at: "days", label: ["延长", "By"], of });
  }
  if (AT_READER.includes(able.service)) {
    all.push({ kind: "text", at: "number", most: 20, label: ["卡面号", "Number on the card"], help: ["空着就用号段里的下一个。", "Left empty: the next of the range."] });
  }
  if (able.service === "return") all.push(...PAYOUT_FIELDS);
  all.push({ kind: "choice", at: "reason", label: ["原因", "Reason"], of: REASONS });
  return all;
}

export const PAID_BY: Field = { kind: "choice", at: "paid_by", label: ["收费方式", "Fee paid by"], of: FEE_TENDERS };
export const HANDED: Field = {
  kind: "figure", as: "money", at: "handed_fen", optional: ["正好", "exactly"], label: ["收到现金", "Cash handed over"], when: (row) => row["paid_by"] === "cash",
};

export const freshService = (able: Able): Row => ({
  ...freshPayout(),
  days: able.extensions[0]?.days ?? 0,
  number: "",
  reason: "member_asked",
  paid_by: "cash",
  handed_fen: null,
  to_member_id: null,
});

/** One tender for the whole; of cash what was handed over. */
export function tendersOf(row: Row, kind: unknown, due_fen: number): { kind: unknown; amount_fen?: number }[] {
  const handed_fen = row["handed_fen"];
  if (due_fen <= 0) return [];
  const told = kind === "cash" && typeof handed_fen === "number" && handed_fen > due_fen;
  return [told ? { kind, amount_fen: handed_fen } : { kind }];
}

/** The order as it is quoted; null while it is not whole. `card_id` null: for the member. */
export function orderFor(able: Able, member_id: string, card_id: string | null, row: Row): Record<string, unknown> | null {
  const { service } = able;
  if (service === "extend" && !row["days"]) return null;
  if (service === "transfer" && !row["to_member_id"]) return null;
  return {
    service,
    reason: row["reason"] ?? "",
    ...(card_id === null ? { member_id } : { card_id }),
    ...(service === "extend" ? { days: Number(row["days"]) } : {}),
    ...(AT_READER.includes(service) && row["number"] ? { number: String(row["number"]).trim() } : {}),
    ...(service === "transfer" ? { to_member_id: row["to_member_id"] } : {}),
    ...(service === "return" ? { payout: payoutOf(row) } : {}),
  };
}

/** What the shop keeps of a balance that is paid out: money left that does not come back. */
export const keptOf = (back: BalanceBack): number =>
  back.lots.reduce((sum, lot) => sum + Math.max(0, lot.principal_left_fen + lot.bonus_left_fen - lot.refund_fen), 0) + back.fee_fen;

export type Errand = "recharge" | "set_pin" | "issue" | "card";

/** The cashier's page, at this member with this dialog open. */
export function atTheCounter(errand: Errand, member_id: string, card_id: string | null = null): string {
  return `/#do=${errand}&member=${member_id}${card_id === null ? "" : `&card=${card_id}`}`;
}
