/**
 * What the cashier has keyed: lines, who served them, and what the member wants to use. Pure: every
 * change is a new basket, money and quantities are whole numbers, the device makes the price.
 */

import type { Code, Order, OrderLine, Override, PassUse, TenderOffer } from "../../shared/api/till-types";
import type { Member } from "../../shared/api/types";

export interface Share {
  employee_id: string;
  name: string;
  /** Part of the commission; 60 and 40 as much as 3 and 2. */
  weight: number;
}

export interface BasketLine {
  line_id: string;
  /** Null for an open amount in `category`; its quantity is fen. */
  code: string | null;
  category: string;
  name: string;
  /** Pieces, or parts of the unit: grams, fen. */
  quantity: number;
  unit: string;
  parts: number;
  price_fen: number;
  gift: boolean;
  staff: Share[];
  /** The cashier's own price for one unit. */
  override?: Override | null;
}

export interface Basket {
  lines: BasketLine[];
  /** Whom the cashier found without a card. */
  member: Member | null;
  coupons: string[];
  points: number;
  passes: PassUse[];
  /** Rules that the customer does not want to use today. */
  leaveOut: string[];
  /** The next line's id. */
  next: number;
}

export const EMPTY: Basket = {
  lines: [],
  member: null,
  coupons: [],
  points: 0,
  passes: [],
  leaveOut: [],
  next: 1,
};

/** The device takes no more; far above a till's basket. */
export const MOST_LINES = 200;
export const MOST_QUANTITY = 10_000_000;
/** Parts of an open amount: fen of a yuan. */
const FEN_PARTS = 100;

export const isEmpty = (basket: Basket): boolean => basket.lines.length === 0;

export const isPiece = (line: Pick<BasketLine, "parts" | "code">): boolean =>
  line.code !== null && line.parts === 1;

const whole = (quantity: number): number =>
  Math.min(MOST_QUANTITY, Math.max(1, Math.trunc(quantity)));

/** Price times quantity, half up to a fen: what the device calls the list price. */
export function listFen(line: Pick<BasketLine, "price_fen" | "quantity" | "parts">): number {
  const product = line.price_fen * line.quantity;
  return Math.floor((2 * product + line.parts) / (2 * line.parts));
}

export const listTotal = (basket: Basket): number =>
  basket.lines.reduce((sum, line) => sum + (line.gift ? 0 : listFen(line)), 0);

function withLine(basket: Basket, line: Omit<BasketLine, "line_id">): Basket {
  if (basket.lines.length >= MOST_LINES) return basket;
  const made = { ...line, line_id: String(basket.next) };
  return { ...basket, lines: [...basket.lines, made], next: basket.next + 1 };
}

/** One more of a code: on the line that has it already, where nobody has touched who served it. */
export function addCode(basket: Basket, code: Code, quantity = code.parts): Basket {
  const found =
    code.parts === 1 && code.pass_count === null
      ? basket.lines.find((line) => line.code === code.code && !line.gift && line.staff.length === 0 && !line.override)
      : undefined;
  if (found !== undefined) return setQuantity(basket, found.line_id, found.quantity + quantity);
  return withLine(basket, {
    code: code.code,
    category: code.category,
    name: code.name,
    quantity: whole(quantity),
    unit: code.unit,
    parts: code.parts,
    price_fen: code.price_fen,
    gift: false,
    staff: [],
  });
}

/** A gift is taken for points instead of money. */
export function addGift(basket: Basket, gift: { code: string; name: string }): Basket {
  return withLine(basket, {
    code: gift.code,
    category: "",
    name: gift.name,
    quantity: 1,
    unit: "",
    parts: 1,
    price_fen: 0,
    gift: true,
    staff: [],
  });
}

export function addAmount(basket: Basket, amount_fen: number, category: { category: string; name: string }): Basket {
  if (!Number.isSafeInteger(amount_fen) || amount_fen <= 0) return basket;
  return withLine(basket, {
    code: null,
    category: category.category,
    name: category.name,
    quantity: whole(amount_fen),
    unit: "",
    parts: FEN_PARTS,
    price_fen: FEN_PARTS,
    gift: false,
    staff: [],
  });
}

function changed(basket: Basket, line_id: string, change: Partial<BasketLine>): Basket {
  const lines = basket.lines.map((line) => (line.line_id === line_id ? { ...line, ...change } : line));
  return { ...basket, lines };
}

/** Below one it is taken out. Passes never cover more than is there. */
export function setQuantity(basket: Basket, line_id: string, quantity: number): Basket {
  if (quantity < 1) return removeLine(basket, line_id);
  const after = changed(basket, line_id, { quantity: whole(quantity) });
  const passes = after.passes.map((use) =>
    use.line_id === line_id ? { ...use, count: Math.min(use.count, whole(quantity)) } : use,
  );
  return { ...after, passes };
}

export function removeLine(basket: Basket, line_id: string): Basket {
  return {
    ...basket,
    lines: basket.lines.filter((line) => line.line_id !== line_id),
    passes: basket.passes.filter((use) => use.line_id !== line_id),
  };
}

export const setStaff = (basket: Basket, line_id: string, staff: Share[]): Basket =>
  changed(basket, line_id, { staff });

/** Null puts the list price back. */
export const setOverride = (basket: Basket, line_id: string, override: Override | null): Basket =>
  changed(basket, line_id, { override });

/** On or off; who is new gets an equal part. */
export function toggleServer(staff: readonly Share[], who: Omit<Share, "weight">): Share[] {
  if (staff.some((share) => share.employee_id === who.employee_id)) {
    return staff.filter((share) => share.employee_id !== who.employee_id);
  }
  const weight = staff.length === 0 ? 1 : Math.max(...staff.map((share) => share.weight));
  return [...staff, { ...who, weight }];
}

export function toggleCoupon(basket: Basket, code: string): Basket {
  const has = basket.coupons.includes(code);
  const coupons = has ? basket.coupons.filter((kept) => kept !== code) : [...basket.coupons, code];
  return { ...basket, coupons };
}

/** How many uses of a pass pay for pieces of a line; 0 takes it off. */
export function usePass(basket: Basket, use: PassUse): Basket {
  const others = basket.passes.filter(
    (kept) => kept.line_id !== use.line_id || kept.pass_id !== use.pass_id,
  );
  return { ...basket, passes: use.count > 0 ? [...others, use] : others };
}

/** Uses of a pass that the whole basket takes. */
export const usesOf = (basket: Basket, pass_id: string): number =>
  basket.passes.reduce((sum, use) => sum + (use.pass_id === pass_id ? use.count : 0), 0);

/** The most of a pass that a line can take: pieces not covered yet, and uses that are left. */
export function mostUses(
  basket: Basket,
  line: BasketLine,
  held: { pass_id: string; left: number; codes: readonly string[] },
): number {
  if (line.code === null || line.gift || !held.codes.includes(line.code)) return 0;
  const here = basket.passes.find(
    (use) => use.pass_id === held.pass_id && use.line_id === line.line_id,
  );
  const covered = basket.passes.reduce(
    (sum, use) => sum + (use.line_id === line.line_id && use !== here ? use.count : 0),
    0,
  );
  const spare = held.left - usesOf(basket, held.pass_id) + (here?.count ?? 0);
  return Math.max(0, Math.min(line.quantity - covered, spare));
}

/** Somebody else stands there: what belonged to the first one is not theirs to use. */
export function withMember(basket: Basket, member: Member | null): Basket {
  if (basket.member?.member_id === member?.member_id) return { ...basket, member };
  return { ...basket, member, coupons: [], points: 0, passes: [] };
}

function lineOf(line: BasketLine): OrderLine {
  return {
    line_id: line.line_id,
    ...(line.code === null ? { category: line.category } : { code: line.code }),
    quantity: line.quantity,
    ...(line.gift ? { gift: true } : {}),
    ...(line.staff.length > 0
      ? { staff: line.staff.map(({ employee_id, weight }) => ({ employee_id, weight })) }
      : {}),
    ...(line.override ? { override: line.override } : {}),
  };
}

/** Member, coupons, points: what holds for a bare amount as well. */
function wishes(basket: Basket, tenders: readonly TenderOffer[]): Order {
  return {
    ...(basket.member === null ? {} : { member_id: basket.member.member_id }),
    ...(basket.coupons.length > 0 ? { coupons: basket.coupons } : {}),
    ...(basket.points > 0 ? { points_to_use: basket.points } : {}),
    ...(basket.leaveOut.length > 0 ? { leave_out: basket.leaveOut } : {}),
    ...(tenders.length > 0 ? { tenders: [...tenders] } : {}),
  };
}

export const orderOf = (basket: Basket, tenders: readonly TenderOffer[] = []): Order => ({
  lines: basket.lines.map(lineOf),
  ...wishes(basket, tenders),
  ...(basket.passes.length > 0 ? { passes: basket.passes } : {}),
});

export const orderOfAmount = (
  amount_fen: number,
  basket: Basket = EMPTY,
  tenders: readonly TenderOffer[] = [],
): Order => ({ amount_fen, ...wishes(basket, tenders) });

/** A sale that was parked on the device, taken up again to be changed: its basket. */
export function fromOrder(order: Order, names: (code: string) => Code | undefined, categories: (category: string) => string): Basket {
  let basket: Basket = { ...EMPTY };
  for (const line of order.lines ?? []) {
    const code = line.code === undefined ? undefined : names(line.code);
    const before = basket.lines.length;
    if (code !== undefined && line.gift !== true) {
      basket = withLine(basket, { ...lineFrom(code), quantity: line.quantity });
    } else if (line.code !== undefined) {
      basket = addGift(basket, { code: line.code, name: code?.name ?? line.code });
    } else {
      const category = line.category ?? "";
      basket = addAmount(basket, line.quantity, { category, name: categories(category) });
    }
    if (basket.lines.length > before) {
      const staff = (line.staff ?? []).map((share) => ({ ...share, name: "" }));
      const line_id = basket.lines[before]?.line_id ?? "";
      basket = setStaff(basket, line_id, staff);
      if (line.override) basket = setOverride(basket, line_id, line.override);
    }
  }
  return { ...basket, coupons: order.coupons ?? [], leaveOut: order.leave_out ?? [] };
}

const lineFrom = (code: Code): Omit<BasketLine, "line_id" | "quantity"> => ({
  code: code.code,
  category: code.category,
  name: code.name,
  unit: code.unit,
  parts: code.parts,
  price_fen: code.price_fen,
  gift: false,
  staff: [],
});

/** Everything is taken out but can be put back. */
export interface Undo {
  before: Basket;
  what: "clear" | "remove";
}
