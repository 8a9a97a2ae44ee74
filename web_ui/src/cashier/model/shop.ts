/**
 * What the page knows of the device, as one value, and how an event changes it. Pure: no DOM, no
 * clock, no network. `signalFor` compares two of these values and says what to sound and announce.
 */

import type { Line } from "../../shared/api/events";
import type { MemberChain } from "../../shared/api/till-types";
import type {
  Counter,
  LastRun,
  ReaderStatus,
  Receipt,
  ReceiptState,
  Refusal,
  Sale,
  ServerEvent,
  Status,
} from "../../shared/api/types";

export interface Shop {
  line: Line;
  status: Omit<Status, "counter" | "last_run"> | null;
  counter: Counter;
  /** The last settled sale of this counter; stays on the screen until the next tap or amount. */
  result: Sale | null;
  refusal: Refusal | null;
  /** The sale whose result the cashier has put away; it must not come back by itself. */
  putAway: string | null;
  /** A sale that began while a card of before still lay there: it must be lifted first. */
  liftFirst: string | null;
  /** Newest first. */
  sales: Sale[];
  receipts: Record<string, ReceiptState>;
  lastRun: LastRun | null;
  /** How often the shop's rules and the shift were said to have changed. */
  rules: number;
  shifts: number;
  /** The cloud's last word on what a member has in all branches. */
  whole: { member_id: string; chain: MemberChain } | null;
}

export type ShopEvent =
  | ServerEvent
  | { kind: "line"; body: Line }
  | { kind: "sales_loaded"; body: Sale[] }
  | { kind: "receipts_loaded"; body: Receipt[] }
  | { kind: "settled_meanwhile"; body: Sale }
  | { kind: "dismissed" }
  | { kind: "last_run"; body: LastRun }
  | { kind: "last_run_seen" };

export const NOTHING_YET: Shop = {
  line: "connecting",
  status: null,
  counter: { state: "idle", sale: null, card: null, refusal: null, ask: null },
  result: null,
  refusal: null,
  putAway: null,
  liftFirst: null,
  sales: [],
  receipts: {},
  lastRun: null,
  rules: 0,
  shifts: 0,
  whole: null,
};

/** How many sales the page keeps; the list in the dialog asks the device for its own. */
export const SALES_KEPT = 30;

const SETTLED = new Set(["approved", "declined", "cancelled", "unknown"]);

export const isSettled = (sale: Sale): boolean => SETTLED.has(sale.status);

/** A sale is under way: the amount is fixed and the card is awaited or being worked on. */
export function isUnderWay(counter: Counter): boolean {
  return (
    counter.sale !== null &&
    (counter.sale.status === "awaiting_card" ||
      counter.sale.status === "awaiting_pin" ||
      counter.state === "authenticating" ||
      counter.state === "deciding")
  );
}

/** A new sale may be started: nothing is current, or what is current has been settled. Nobody waits
 * for paper. */
export function mayStart(shop: Shop): boolean {
  return (
    shop.line === "live" &&
    shop.status?.ledger.ok === true &&
    !isUnderWay(shop.counter) &&
    shop.counter.state !== "unknown"
  );
}

/** The sale to show as a result now, or null where the screen belongs to something else. */
export function shownResult(shop: Shop): Sale | null {
  return isUnderWay(shop.counter) ? null : shop.result;
}

function withSale(sales: Sale[], sale: Sale): Sale[] {
  const at = sales.findIndex((kept) => kept.sale_id === sale.sale_id);
  if (at >= 0) return sales.map((kept, index) => (index === at ? sale : kept));
  const next = [sale, ...sales].sort((a, b) => b.created_ms - a.created_ms);
  return next.slice(0, SALES_KEPT);
}

function onCounter(shop: Shop, counter: Counter): Shop {
  const { sale, card, refusal } = counter;
  if (sale === null) {
    if (refusal !== null) return { ...shop, counter, result: null, refusal: { ...refusal } };
    // Idle again: the result stays until a card is laid down. Also the same member's: the counter
    // is armed then, and the next amount is taken at once, which must not stand under "approved".
    const keep = card === null;
    return {
      ...shop,
      counter,
      result: keep ? shop.result : null,
      refusal: card === null ? shop.refusal : null,
    };
  }
  const sales = withSale(shop.sales, sale);
  const begun = sale.sale_id !== shop.counter.sale?.sale_id;
  const liftFirst = begun ? (counter.ask === "tap_again" ? sale.sale_id : null) : shop.liftFirst;
  const ended = isSettled(sale) && !isUnderWay(counter) && sale.sale_id !== shop.putAway;
  return { ...shop, counter, sales, liftFirst, refusal: null, result: ended ? sale : null };
}

function onSale(shop: Shop, sale: Sale): Shop {
  const current = shop.counter.sale?.sale_id === sale.sale_id;
  const counter = current ? { ...shop.counter, sale } : shop.counter;
  const result = shop.result?.sale_id === sale.sale_id ? sale : shop.result;
  const sales = withSale(shop.sales, sale);
  return { ...shop, counter, result, sales };
}

function onSnapshot(shop: Shop, status: Status): Shop {
  const { counter, last_run: _, ...rest } = status; // The caller tells what was not seen yet.
  // A sale that was under way when the line broke and is gone now is looked up by the caller.
  const after = onCounter({ ...shop, status: rest }, counter);
  // The refusal that was on the screen before is not a new one.
  const same = after.refusal?.reason === shop.refusal?.reason;
  return same ? { ...after, refusal: shop.refusal } : after;
}

function onReader(readers: ReaderStatus[], reader: ReaderStatus): ReaderStatus[] {
  const known = readers.some((kept) => kept.name === reader.name);
  if (!known) return [...readers, reader];
  return readers.map((kept) => (kept.name === reader.name ? reader : kept));
}

function onDevice(shop: Shop, part: Partial<NonNullable<Shop["status"]>>): Shop {
  return shop.status === null ? shop : { ...shop, status: { ...shop.status, ...part } };
}

export function reduce(shop: Shop, event: ShopEvent): Shop {
  switch (event.kind) {
    case "snapshot":
      return onSnapshot(shop, event.body);
    case "counter":
      return onCounter(shop, event.body);
    case "sale":
      return onSale(shop, event.body);
    case "reader":
      return onDevice(shop, { readers: onReader(shop.status?.readers ?? [], event.body) });
    case "printer":
      return onDevice(shop, { printer: event.body });
    case "printers":
      return onDevice(shop, { printers: event.body.printers });
    case "panel":
      return onDevice(shop, { panel: event.body });
    case "ledger":
      return onDevice(shop, { ledger: event.body });
    case "sync":
      return onDevice(shop, { sync: event.body });
    case "clock":
      return onDevice(shop, { clock: event.body });
    case "receipt":
      return {
        ...shop,
        receipts: { ...shop.receipts, [event.body.receipt_id]: event.body.state },
      };
    case "recharge":
    case "issue":
      return shop; // Shown by whoever asked for it; balances come with the member.
    case "rules":
      return { ...shop, rules: shop.rules + 1 };
    case "swipe":
    case "scan":
      return shop;
    case "shift":
      return { ...shop, shifts: shop.shifts + 1 };
    case "whole":
      return { ...shop, whole: event.body };
    case "line":
      return shop.line === event.body ? shop : { ...shop, line: event.body };
    case "sales_loaded":
      return { ...shop, sales: event.body.reduceRight(withSale, shop.sales) };
    case "receipts_loaded":
      return {
        ...shop,
        receipts: {
          ...Object.fromEntries(event.body.map((it) => [it.receipt_id, it.state])),
          ...shop.receipts,
        },
      };
    case "settled_meanwhile":
      return {
        ...shop,
        sales: withSale(shop.sales, event.body),
        result: isSettled(event.body) ? event.body : shop.result,
      };
    case "dismissed":
      return {
        ...shop,
        result: null,
        refusal: null,
        putAway: shop.result?.sale_id ?? shop.putAway,
      };
    case "last_run":
      return { ...shop, lastRun: event.body };
    case "last_run_seen":
      return { ...shop, lastRun: null };
  }
}

export type Signal = "approve" | "decline" | "unknown" | "ask";

/** What has just happened that must be heard, or null. The first snapshot is never news. */
export function signalFor(before: Shop, after: Shop): Signal | null {
  if (before.status === null) return null;
  if (after.counter.ask === "double_tap" && before.counter.ask !== "double_tap") return "ask";
  if (after.refusal !== null && after.refusal !== before.refusal) return "decline";
  const now = after.result;
  if (now === null) return null;
  const was = before.result;
  if (was !== null && was.sale_id === now.sale_id && was.status === now.status) return null;
  if (now.status === "approved") return "approve";
  if (now.status === "unknown") return "unknown";
  // What somebody cancelled is no news; what timed out is.
  const own = now.status === "cancelled" && (now.reason ?? "").startsWith("cancelled_by_");
  return own ? null : "decline";
}

/** What the stage shows. One word per picture, so that the templates hold no rules. */
export type Scene =
  | "idle"
  | "card_ready"
  | "awaiting_card"
  | "tap_again"
  | "lift_first"
  | "awaiting_pin"
  | "working"
  | "approved"
  | "voided"
  | "declined"
  | "cancelled"
  | "unknown";

export function sceneOf(shop: Shop): Scene {
  const { counter } = shop;
  if (counter.state === "authenticating" || counter.state === "deciding") return "working";
  if (counter.sale?.status === "awaiting_pin") return "awaiting_pin";
  if (counter.sale?.status === "awaiting_card") {
    if (counter.ask !== "tap_again") return "awaiting_card";
    return shop.liftFirst === counter.sale.sale_id ? "lift_first" : "tap_again";
  }
  const result = shownResult(shop);
  if (result !== null) {
    if (result.status === "approved") return result.voided ? "voided" : "approved";
    if (result.status === "declined") return "declined";
    if (result.status === "cancelled") return "cancelled";
    if (result.status === "unknown") return "unknown";
  }
  if (shop.refusal !== null) return "declined";
  return counter.card === null ? "idle" : "card_ready";
}
