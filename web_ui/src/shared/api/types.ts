/** The shapes of /api/v1. Money is integer fen, instants are milliseconds since 1970. */

import type { MemberChain, Order, SoldLine, TenderTaken } from "./till-types";

export interface Balance {
  principal_fen: number;
  bonus_fen: number;
}

export interface Employee {
  id: string;
  number: string;
  name: string;
  role: string;
}

export interface Session {
  employee: Employee;
  expires_ms: number;
}

export interface Card {
  card_id: string;
  technology: string;
  status: string;
  issued_ms: number;
}

export interface Member {
  member_id: string;
  number: string;
  name: string;
  phone: string;
  category: string | null;
  status: string;
  balance: Balance;
  has_pin: boolean;
  cards: Card[];
}

export interface MemberCard {
  member: Member;
  /** What its purse says is on it. */
  on_card_fen?: number | null;
  technology: string;
  weak: boolean;
  status: string;
}

/** Why a card that was laid down without a sale cannot pay. */
export interface Refusal {
  reason: string;
  facts: Facts;
}

export type SaleStatus =
  | "awaiting_card"
  | "awaiting_pin"
  | "approved"
  | "declined"
  | "cancelled"
  | "unknown"
  | "parked";

export type Facts = Record<string, number | string | boolean | null>;

export interface Sale {
  sale_id: string;
  amount_fen: number;
  status: SaleStatus;
  reason: string | null;
  facts: Facts;
  /** In a chain, of a sale that was short: what could be spent here, and who held the rest. */
  usable_here_fen?: number | null;
  elsewhere?: { store: string; fen: number; offline_since: number | null }[];
  member: Member | null;
  technology: string | null;
  weak: boolean;
  taken: Balance | null;
  balance: Balance | null;
  /** What the purse that paid has left. */
  on_card_fen?: number | null;
  receipt_id: string | null;
  receipt_number: string | null;
  created_ms: number;
  settled_ms: number | null;
  voided: boolean;
  voidable: boolean;
  /** Until when it may be voided, where the device says so; the page then counts down. */
  voidable_until_ms?: number | null;
  /** What was asked for, as POST /sales takes it. */
  basket?: Order;
  lines?: SoldLine[];
  list_fen?: number | null;
  tenders?: TenderTaken[];
  change_fen?: number;
  coupons?: string[];
  points_used?: number;
  points_earned?: number;
  points_left?: number | null;
  refunds?: { refund_id: string; paid_fen: number; lines: Record<string, number>; created_ms: number; receipt_id: string }[];
  refundable?: boolean;
}

export type CounterState =
  | "idle"
  | "amount"
  | "awaiting_card"
  | "awaiting_pin"
  | "authenticating"
  | "deciding"
  | "committed"
  | "printing"
  | "done"
  | "declined"
  | "cancelled"
  | "unknown";

export interface Counter {
  state: CounterState;
  sale: Sale | null;
  card: MemberCard | null;
  refusal: Refusal | null;
  ask: "double_tap" | "tap_again" | "tap_same_card" | "card_of_other" | null;
}

export interface ReaderStatus {
  name: string;
  state: string;
  card_present: boolean;
  problem: string | null;
}

export interface PrinterStatus {
  reachable: boolean | null;
  online: boolean | null;
  cover_open: boolean | null;
  paper: "ok" | "near_end" | "out" | "unknown";
  problem: string | null;
  waiting: number;
}

export interface NamedPrinter extends PrinterStatus {
  name: string;
  role: "customer" | "shop" | "kitchen";
  connection: "network" | "serial" | "usb_lp" | "usb";
}

/** A lamp, buzzer, button, key switch or display on the customer's side. */
export interface PanelPart {
  name: string;
  kind: "lamp" | "buzzer" | "button" | "key" | "display";
  state: "absent" | "opening" | "ready" | "faulted";
  problem: string | null;
  last: string | null;
  failures: number;
}

export interface PanelStatus {
  key: "open" | "office" | "off" | null;
  parts: PanelPart[];
}

export interface LedgerStatus {
  ok: boolean;
  stopped: string | null;
}

/** The line to the merchant's cloud. */
export interface ChainLink {
  online: boolean;
  since_ms: number | null;
  contact_ms: number | null;
  waiting: number;
}

export interface SyncStatus {
  sealed: number;
  receipted: number;
  last_pull_ms: number | null;
  /** None for a shop that is not part of a chain. */
  chain?: ChainLink | null;
}

/** Why the system's clock is not followed. */
export interface ClockStatus {
  now_ms: number;
  wall_ms: number;
  problem: "clock_ahead" | "clock_behind" | null;
}

export interface Status {
  device: { id: string; store: string; name: string; shop: string };
  ledger: LedgerStatus;
  readers: ReaderStatus[];
  /** The customer's. */
  printer: PrinterStatus;
  /** All that are configured. */
  printers?: NamedPrinter[];
  panel?: PanelStatus;
  sync: SyncStatus;
  clock: ClockStatus;
  counter: Counter;
  last_run: LastRun | null;
  demo: boolean;
  languages: string[];
}

/** What a restart left behind: the sales that it ended, and paper that is still to come. */
export interface LastRun {
  sales: Sale[];
  receipts_waiting: number;
}

export type Tender = "cash" | "bank_card" | "wechat" | "alipay";
export const TENDERS: readonly Tender[] = ["cash", "wechat", "alipay", "bank_card"];

export interface Recharge {
  recharge_id: string;
  member: Member;
  amount_fen: number;
  bonus_fen: number;
  tender: Tender;
  balance: Balance;
  receipt_id: string | null;
  created_ms: number;
  voided: boolean;
}

export interface RechargeTier {
  from_fen: number;
  bonus_bp: number;
}

export type ReceiptState = "waiting" | "printing" | "printed" | "unconfirmed" | "failed";

export interface Receipt {
  receipt_id: string;
  number: string;
  created_ms: number;
  state: ReceiptState;
  prints: number;
  sale_id?: string | null;
  recharge_id?: string | null;
  service_id?: string | null;
  kind?: string;
}

export interface CardIssue {
  issue_id: string;
  status: "awaiting_card" | "working" | "done" | "failed";
  reason: string | null;
  card: Card | null;
}

export interface Problem {
  status: number;
  title: string;
  detail?: string;
  key: string;
  fault?: string;
  retry?: string;
  facts?: Facts;
  errors?: { at: string; why: string }[];
}

/** What a scanner has sent, as the device understands it. */
export type Scan =
  | { reader: string; kind: "goods"; code: string }
  | { reader: string; kind: "coupon"; code: string }
  | { reader: string; kind: "member"; member_id: string }
  | { reader: string; kind: "unknown" | "refused"; reason: string };

export type ServerEvent =
  | { kind: "snapshot"; body: Status }
  | { kind: "counter"; body: Counter }
  | { kind: "reader"; body: ReaderStatus }
  | { kind: "printer"; body: PrinterStatus }
  | { kind: "printers"; body: { printers: NamedPrinter[] } }
  | { kind: "panel"; body: PanelStatus }
  | { kind: "receipt"; body: { receipt_id: string; state: ReceiptState } }
  | { kind: "sale"; body: Sale }
  | { kind: "recharge"; body: Recharge }
  | { kind: "ledger"; body: LedgerStatus }
  | { kind: "sync"; body: SyncStatus }
  | { kind: "clock"; body: ClockStatus }
  | { kind: "rules"; body: unknown }
  | { kind: "shift"; body: unknown }
  | { kind: "issue"; body: CardIssue }
  | { kind: "swipe"; body: { reader: string; reason: string } }
  | { kind: "scan"; body: Scan }
  | { kind: "whole"; body: { member_id: string; chain: MemberChain } };

export const EVENT_KINDS = [
  "snapshot",
  "counter",
  "reader",
  "printer",
  "printers",
  "panel",
  "receipt",
  "sale",
  "recharge",
  "ledger",
  "sync",
  "clock",
  "rules",
  "shift",
  "issue",
  "swipe",
  "scan",
  "whole",
] as const satisfies readonly ServerEvent["kind"][];
