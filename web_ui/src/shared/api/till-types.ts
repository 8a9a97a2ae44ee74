/** The shapes of /api/v1 around a basket: catalogue, prices, wallets, refunds, shifts. */

import type { Balance, Card, Facts, Member, Sale } from "./types";

export interface Code {
  code: string;
  name: string;
  pinyin: string;
  category: string;
  price_fen: number;
  unit: string;
  /** A unit is counted in so many parts: 1 for pieces, 1 000 for grams of a kilogram. */
  parts: number;
  quick: boolean;
  colour?: string | null;
  pass_count: number | null;
  gift: boolean;
  /** No rule may touch its price. */
  fixed?: boolean;
}

/** What the shop asks of members besides name, phone and birthday. */
export interface CustomField {
  field: string;
  name: string;
  kind: "text" | "number" | "date" | "choice";
  choices: { choice: string; name: string }[];
  required: boolean;
}

/** What the shop asks of members besides name, phone and birthday. */
export interface CustomField {
  field: string;
  name: string;
  kind: "text" | "number" | "date" | "choice";
  choices: { choice: string; name: string }[];
  required: boolean;
}

export interface Catalogue {
  edition: number | string;
  categories: { category: string; name: string }[];
  codes: Code[];
  member_categories: { category: string; name: string; named?: boolean }[];
  levels: { level: string; name: string; colour?: string | null }[];
  fields: CustomField[];
  points_pay: boolean;
  quick_recharges_fen: number[];
  without_card: boolean;
  shift_required: boolean;
  notes_fen: number[];
}

export interface CrewMember {
  employee_id: string;
  number: string;
  name: string;
  grade: string;
}

export type TenderKind = "stored" | "cash" | "bank_card" | "wechat" | "alipay" | "bank_transfer" | "purse";

/** Without an amount: whatever is left to pay. */
export interface TenderOffer {
  kind: TenderKind;
  amount_fen?: number;
}

export interface TenderTaken {
  kind: TenderKind;
  amount_fen: number;
}

export const OVERRIDE_REASONS = ["damaged", "near_end", "price_match", "goodwill", "agreed", "other"] as const;
export type OverrideReason = (typeof OVERRIDE_REASONS)[number];

/** A price that the cashier lowered, for one unit. */
export interface Override {
  price_fen: number;
  reason: OverrideReason;
}

export interface OrderLine {
  line_id: string;
  code?: string;
  category?: string;
  quantity: number;
  gift?: boolean;
  staff?: { employee_id: string; weight: number }[];
  override?: Override;
}

export interface PassUse {
  line_id: string;
  pass_id: string;
  count: number;
}

export interface Order {
  amount_fen?: number;
  lines?: OrderLine[];
  member_id?: string;
  coupons?: string[];
  points_to_use?: number;
  passes?: PassUse[];
  leave_out?: string[];
  tenders?: TenderOffer[];
  /** Offline credit up to this, which a manager agrees to. */
  credit_fen?: number;
}

export type StepKind = "prepaid" | "gift" | "override" | "member" | "promotion" | "coupon" | "points" | "wipe";

export interface RuleStep {
  kind: StepKind;
  rule_id: string;
  rule: string;
  fen: number;
}

export interface SoldLine {
  line_id: string;
  code: string | null;
  category: string;
  name: string;
  quantity: number;
  gift: boolean;
  list_fen: number;
  steps: RuleStep[];
  paid_fen: number;
  points_used: number;
  points_earned: number;
  passes: { pass_id: string; name: string; uses: number }[];
  staff: string[];
  /** How much of it can still be brought back. */
  left: number;
}

export interface NotApplied {
  rule_id: string;
  rule: string;
  reason: string;
  by_rule: string | null;
  short_fen: number;
}

export interface Quote {
  member_id: string | null;
  lines: SoldLine[];
  not_applied: NotApplied[];
  list_fen: number;
  saved_fen: number;
  paid_fen: number;
  short_fen: number;
  change_fen: number;
  tenders: TenderTaken[];
  coupons: string[];
  points_offset: number;
  points_used: number;
  points_earned: number;
  level: string | null;
  needs: "nothing" | "card" | "pin";
}

export interface RefundQuote {
  lines: { line_id: string; name: string; quantity: number; paid_fen: number }[];
  whole: boolean;
  paid_fen: number;
  tenders: TenderTaken[];
  returned: Balance;
  points_back: number;
  points_taken: number;
  passes_back: { pass_id: string; uses: number }[];
  coupons: string[];
  debts: { kind: "points" | "uses"; amount: number; worth_fen: number; line_id: string | null }[];
  debt_worth_fen: number;
}

export interface Refund extends RefundQuote {
  refund_id: string;
  sale_id: string;
  balance: Balance | null;
  points_left: number | null;
  receipt_id: string;
  receipt_number: string;
  sale: Sale;
}

export interface WalletPass {
  pass_id: string;
  code: string;
  name: string;
  codes: string[];
  left: number;
  to_day: string | null;
}

export interface WalletCoupon {
  code: string;
  printed: string;
  name: string;
  says: string;
  minimum_fen: number;
  to_day: string | null;
}

/** Of a member, in a chain. */
export interface MemberChain {
  /** Held at this counter, at this device's own time. */
  here: { principal_fen: number; bonus_fen: number; at_ms: number };
  /** In all branches, as the cloud last said; null where it never did. */
  whole: { principal_fen: number; bonus_fen: number; owed_fen: number; as_of_ms: number } | null;
}

export interface Wallet {
  member_id: string;
  number: string;
  valid_to: string | null;
  benefits: boolean;
  points: { available: number; lots: { points: number; to_day: string | null }[] };
  passes: WalletPass[];
  coupons: WalletCoupon[];
  level: {
    level: string | null;
    name: string;
    measure: "spend" | "recharge" | "points" | "visits";
    progress: number;
    next: { name: string; from_value: number; missing: number } | null;
  };
  check_in: { offered: boolean; done_today: boolean; streak: number; brings: number };
  chain: MemberChain | null;
}

/** What a counter sees of who stands there, besides money. */
export interface Acquaintance {
  tags: string[];
  birthday: "today" | "soon" | null;
  visits: number;
  first_day: string | null;
  last_day: string | null;
}

export interface CheckedIn {
  streak: number;
  points: number;
  available: number;
}

export interface GiftRow {
  code: string;
  name: string;
  points: number;
  on_hand: number | null;
  affordable: boolean;
  there: boolean;
}

export interface CashFigures {
  float_fen: number;
  taken_fen: number;
  paid_out_fen: number;
  in_fen: number;
  out_fen: number;
  found_fen: number;
  expected_fen: number;
  counted_fen: number | null;
  difference_fen: number | null;
}

export interface CountAndFen {
  count: number;
  fen: number;
}

export interface ShiftReport {
  sales: CountAndFen;
  refunds: CountAndFen;
  voids: CountAndFen;
  fees: CountAndFen;
  recharges: CountAndFen;
  /** Lines whose price was lowered at the counter; reports of earlier releases have none. */
  overrides?: CountAndFen;
  tenders: { tender: string; taken_fen: number; paid_out_fen: number }[];
  cash: CashFigures;
}

export interface Shift {
  shift_id: string;
  number: number;
  opened_ms: number;
  opened_by: string;
  held_by: string;
  float_fen: number;
  closed_ms: number | null;
  report: ShiftReport | null;
  receipt_id: string | null;
}

export interface CurrentShift {
  shift: Shift | null;
  required: boolean;
  usual_float_fen: number;
  notes_fen: number[];
}

export interface RechargeQuote {
  amount_fen: number;
  bonus_fen: number;
  bonus_to_day: string | null;
  given: { rule: string; name: string; fen: number }[];
  change_fen: number;
  balance_after: Balance;
  refusals: { reason: string; facts: Facts }[];
}

export type CardService =
  | "issue"
  | "report_lost"
  | "lift_loss"
  | "lock"
  | "unlock"
  | "reissue"
  | "repair"
  | "extend"
  | "return"
  | "transfer";

export interface Refusal {
  reason: string;
  facts: Facts;
}

export interface CardDetail {
  card_id: string;
  status: string;
  member: Member;
  services: {
    service: CardService;
    permission: string;
    permitted: boolean;
    fee_fen: number;
    extensions: { days: number; fee_fen: number }[];
    refusals: Refusal[];
  }[];
}

export interface ServiceQuote {
  service: CardService;
  fee_fen: number;
  waived: string | null;
  valid_to: string | null;
  refund: { refund_fen: number; fee_fen: number } | null;
  moved: { money: Balance } | null;
  refusals: Refusal[];
}

export interface ServiceDone {
  service_id: string;
  service: CardService;
  status: "awaiting_card" | "working" | "done" | "failed";
  reason: string | null;
  /** Null: an unnamed card that is not made yet. */
  member: Member | null;
  new_card: Card | null;
  fee_fen: number;
  change_fen: number;
  valid_to: string | null;
  refund: { refund_fen: number } | null;
  receipt_id: string | null;
}
