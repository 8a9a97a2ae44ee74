/** From a basket or an amount to a sale: adding codes, charging, tenders, coupons, check-in. */

import { post } from "../../shared/api/client";
import type { CheckedIn, Code, Order, TenderOffer } from "../../shared/api/till-types";
import type { Sale } from "../../shared/api/types";
import * as pure from "./basket";
import { codeNamed, codesFor, readEntry } from "./codes";
import { alone } from "./commands";
import { word } from "../../shared/i18n";
import { tell } from "./notices";
import { typed, typedFen } from "./screen";
import { mayStart } from "./shop";
import { dispatch, intend, quietly, shop } from "./store";
import {
  basket,
  catalogue,
  customer,
  due_fen,
  entry,
  keep,
  loadWallet,
  noteSold,
  quote,
  setMode,
  shelf,
} from "./till";

/** A new sale begins: the last result goes away. */
function fresh(): void {
  if (pure.isEmpty(basket.value)) dispatch({ kind: "dismissed" });
}

export function add(code: Code, count = 1): void {
  fresh();
  keep(pure.addCode(basket.value, code, count * (code.parts === 1 ? 1 : code.parts)));
  entry.value = "";
}

/** A keyed amount becomes a line of the basket. */
export function addTyped(): void {
  const { categories } = catalogue.value ?? { categories: [] };
  const category = categories.find((each) => each.category === shelf.value) ?? categories[0];
  if (category === undefined || typedFen.value <= 0) return;
  fresh();
  keep(pure.addAmount(basket.value, typedFen.value, category));
  typed.value = "";
  setMode("goods");
}

const COUPON = /^[0-9a-z]{4}-?[0-9a-z]{4}-?[0-9a-z]{4}$/i;

/** What was typed or scanned: a code, a count and a code, a coupon; else the first that fits. */
export function takeEntry(text = entry.value): void {
  const { quantity, code: words } = readEntry(text);
  const found = codeNamed(catalogue.value, words) ?? codesFor(catalogue.value, words, null)[0];
  if (found !== undefined) add(found, quantity);
  else if (COUPON.test(words)) void takeCoupon(words);
  else tell("goods.unknown", { code: words }, "bad");
}

interface CouponChecked {
  code: string;
  name: string;
  says: string;
  usable: boolean;
  reason: string | null;
}

export async function takeCoupon(text: string): Promise<boolean> {
  return quietly(async () => {
    const member_id = customer.value?.member_id;
    const told = await post<CouponChecked>("/coupons/check", {
      code: text,
      ...(member_id === undefined ? {} : { member_id }),
    });
    if (!told.usable && told.reason !== "other_member") {
      tell("coupon.not", { why: word("not_applied", told.reason) }, "bad");
      return;
    }
    if (!basket.value.coupons.includes(told.code)) keep(pure.toggleCoupon(basket.value, told.code));
    entry.value = "";
    tell("coupon.taken", { name: told.says || told.name });
  });
}

async function sell(order: Order, amount_fen: number): Promise<boolean> {
  if (!mayStart(shop.value)) return false;
  return alone(async () => {
    const priced_fen = quote.value?.paid_fen ?? null;
    const label = { kind: "sale", amount_fen, who: basket.value.member?.name ?? "" } as const;
    // The answer itself is not shown: the live line may have told more by now.
    const sale = await intend<Sale>("/sales", order, label);
    noteSold(sale.sale_id, priced_fen);
    typed.value = "";
  });
}

/** Stored value pays, unless `tenders` say otherwise. */
export async function chargeBasket(tenders: readonly TenderOffer[] = []): Promise<boolean> {
  if (pure.isEmpty(basket.value)) return false;
  return sell(pure.orderOf(basket.value, tenders), due_fen.value);
}

export async function chargeAmount(amount_fen = typedFen.value, tenders: readonly TenderOffer[] = []): Promise<boolean> {
  if (amount_fen <= 0) return false;
  return sell(pure.orderOfAmount(amount_fen, basket.value, tenders), amount_fen);
}

/** What lies there now: the basket, else the keyed amount. */
export const chargeNow = (tenders: readonly TenderOffer[]): Promise<boolean> =>
  pure.isEmpty(basket.value) ? chargeAmount(typedFen.value, tenders) : chargeBasket(tenders);

/** The same once more, after a refusal: the basket if it is the one that was refused. */
export async function chargeAgain(sale: Sale, tenders: readonly TenderOffer[] = []): Promise<boolean> {
  const again = sameOrder(sale, tenders);
  return sell(again.order, again.amount_fen);
}

/** The same once more, and what a manager agrees to may be owed: the device asks for that yes. */
export async function chargeOnCredit(sale: Sale, credit_fen: number): Promise<boolean> {
  const again = sameOrder(sale, sale.basket?.tenders ?? []);
  return sell({ ...again.order, credit_fen }, again.amount_fen);
}

function sameOrder(sale: Sale, tenders: readonly TenderOffer[]): { order: Order; amount_fen: number } {
  if (!pure.isEmpty(basket.value)) return { order: pure.orderOf(basket.value, tenders), amount_fen: due_fen.value };
  const { amount_fen } = sale;
  if (sale.basket?.lines === undefined || bare(sale)) {
    return { order: pure.orderOfAmount(amount_fen, basket.value, tenders), amount_fen };
  }
  return { order: tenders.length === 0 ? sale.basket : { ...sale.basket, tenders: [...tenders] }, amount_fen };
}

/** The device keeps a bare amount as one line with a code of none. */
const bare = (sale: Sale): boolean =>
  sale.basket?.lines?.length === 1 && sale.basket.lines[0]?.code === undefined;

export async function checkIn(): Promise<void> {
  const member = customer.value;
  if (member === null) return;
  await alone(async () => {
    const label = { kind: "check_in", amount_fen: 0, who: member.name } as const;
    const done = await intend<CheckedIn>(`/members/${member.member_id}/check-ins`, {}, label);
    tell("check_in.done", { points: done.points, days: done.streak });
    await loadWallet();
  });
}
