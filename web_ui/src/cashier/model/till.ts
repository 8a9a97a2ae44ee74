/**
 * The basket on the screen and what the device says about it: catalogue, price, the member's wallet.
 * The price is asked for a moment after the last touch and never keeps anybody from typing.
 */

import { computed, ref, shallowRef, watch } from "vue";
import { ApiProblem, NoAnswer, get, post } from "../../shared/api/client";
import type {
  Acquaintance,
  Catalogue,
  Code,
  CrewMember,
  CurrentShift,
  Order,
  Quote,
  Wallet,
} from "../../shared/api/till-types";
import type { Facts, Member, Sale } from "../../shared/api/types";
import { t } from "../../shared/i18n";
import * as pure from "./basket";
import type { Basket, Undo } from "./basket";
import { typedFen } from "./screen";
import { session, shop } from "./store";

export type Mode = "goods" | "amount";

const MODE_SHELF = "counterd.mode";
const BASKET_SHELF = "counterd.basket";
const PARKED_SHELF = "counterd.parked_baskets";

function read<T>(shelf: Storage, name: string, otherwise: T): T {
  try {
    const kept: unknown = JSON.parse(shelf.getItem(name) ?? "null");
    return kept === null ? otherwise : (kept as T);
  } catch {
    return otherwise; // Torn or not ours: nothing to keep.
  }
}

export const catalogue = shallowRef<Catalogue | null>(null);
export const crew = shallowRef<CrewMember[]>([]);
export const shift = shallowRef<CurrentShift | null>(null);

/** A shop without goods has the number pad and nothing else. */
export const hasGoods = computed(() => (catalogue.value?.codes.length ?? 0) > 0);
const chosen = ref<Mode | null>(read<Mode | null>(localStorage, MODE_SHELF, null));
export const mode = computed<Mode>(() => (hasGoods.value ? (chosen.value ?? "goods") : "amount"));

export function setMode(next: Mode): void {
  chosen.value = next;
  localStorage.setItem(MODE_SHELF, JSON.stringify(next));
}

/** What is typed into the search of goods. */
export const entry = ref("");
export const shelf = ref<string | null>(null);

// -- the basket ---------------------------------------------------------------------------------

export const basket = shallowRef<Basket>({ ...pure.EMPTY, ...read(sessionStorage, BASKET_SHELF, {}) });
export const undo = shallowRef<Undo | null>(null);
/** The sale that this basket became; when that is paid the basket is done with. */
export const soldAs = ref<string | null>(null);

/** What a member without a card was told: the device's price, before the PIN is typed. */
const agreed = shallowRef<{ sale_id: string; paid_fen: number } | null>(null);

export function noteSold(sale_id: string, paid_fen: number | null): void {
  soldAs.value = sale_id;
  agreed.value = paid_fen === null ? null : { sale_id, paid_fen };
}

/** The sum of a sale that waits for a PIN: as it was priced for this member, where that is known. */
export const sumOf = (sale: Sale): number =>
  agreed.value?.sale_id === sale.sale_id && sale.status === "awaiting_pin"
    ? agreed.value.paid_fen
    : sale.amount_fen;

export function keep(next: Basket, undoable: Undo | null = null): void {
  basket.value = next;
  undo.value = undoable;
  sessionStorage.setItem(BASKET_SHELF, JSON.stringify(next));
}

export function emptied(): void {
  soldAs.value = null;
  keep(pure.EMPTY);
}

export function clearBasket(): void {
  const before = basket.value;
  if (before === pure.EMPTY) return;
  keep(pure.EMPTY, pure.isEmpty(before) ? null : { before, what: "clear" });
}

export function takeOut(line_id: string): void {
  const before = basket.value;
  keep(pure.removeLine(before, line_id), { before, what: "remove" });
}

export function putBack(): void {
  if (undo.value !== null) keep(undo.value.before);
}

export interface ParkedBasket {
  basket: Basket;
  parked_ms: number;
}

export const parkedBaskets = shallowRef<ParkedBasket[]>(read(localStorage, PARKED_SHELF, []));

function keepParked(next: ParkedBasket[]): void {
  parkedBaskets.value = next;
  localStorage.setItem(PARKED_SHELF, JSON.stringify(next));
}

/** Set aside on this screen: the device hears of it when it is sold. */
export function parkBasket(now_ms = Date.now()): boolean {
  if (pure.isEmpty(basket.value)) return false;
  keepParked([{ basket: basket.value, parked_ms: now_ms }, ...parkedBaskets.value]);
  keep(pure.EMPTY);
  return true;
}

/** Takes it up again; what lies there now is set aside in its place. */
export function takeUp(parked: ParkedBasket): void {
  const others = parkedBaskets.value.filter((kept) => kept !== parked);
  const now = basket.value;
  keepParked(pure.isEmpty(now) ? others : [{ basket: now, parked_ms: Date.now() }, ...others]);
  keep(parked.basket);
  setMode("goods");
}

export function dropParked(parked: ParkedBasket): void {
  keepParked(parkedBaskets.value.filter((kept) => kept !== parked));
}

// -- who stands there ---------------------------------------------------------------------------

/** The member that a price is for: found by the cashier, else whose card lies there. */
export const customer = computed<Member | null>(
  () => basket.value.member ?? shop.value.counter.card?.member ?? null,
);
/** Who stands there: also whose sale has just ended, until the next one. */
const standing = computed<Member | null>(() => customer.value ?? shop.value.result?.member ?? null);
export const wallet = shallowRef<Wallet | null>(null);
export const known = shallowRef<Acquaintance | null>(null);

/** Ask, and be content without an answer: the counter sells without it. */
async function perhaps<T>(path: string): Promise<T | null> {
  try {
    return await get<T>(path);
  } catch (error) {
    if (error instanceof ApiProblem || error instanceof NoAnswer) return null;
    throw error;
  }
}

export async function loadWallet(member_id = standing.value?.member_id): Promise<void> {
  if (member_id === undefined) return;
  const [held, met] = await Promise.all([
    perhaps<Wallet>(`/members/${member_id}/wallet`),
    perhaps<Acquaintance>(`/members/${member_id}/acquaintance`),
  ]);
  if (standing.value?.member_id !== member_id) return;
  wallet.value = held;
  known.value = met;
}

watch(
  () => standing.value?.member_id,
  (member_id) => {
    wallet.value = null;
    known.value = null;
    void loadWallet(member_id);
  },
);

// A card laid down instead of another: coupons and points of the first are not theirs.
let cardMember: string | null = null;
watch(
  () => shop.value.counter.card?.member.member_id ?? null,
  (member_id) => {
    if (member_id === null) return;
    if (cardMember !== null && cardMember !== member_id && basket.value.member === null) {
      keep({ ...basket.value, coupons: [], points: 0, passes: [] });
    }
    cardMember = member_id;
  },
);

// -- what the device knows ----------------------------------------------------------------------

export async function loadTill(): Promise<void> {
  const [goods, people] = await Promise.all([
    perhaps<Catalogue>("/catalogue"),
    perhaps<{ crew: CrewMember[] }>("/crew"),
    loadShift(),
  ]);
  if (goods !== null) catalogue.value = goods;
  if (people !== null) crew.value = people.crew;
}

export async function loadShift(): Promise<void> {
  shift.value = (await perhaps<CurrentShift>("/shifts/current")) ?? shift.value;
}

export const codeOf = (code: string): Code | undefined =>
  catalogue.value?.codes.find((each) => each.code === code);

export const categoryName = (category: string): string =>
  catalogue.value?.categories.find((each) => each.category === category)?.name ?? "";

// -- what people are called ----------------------------------------------------------------------

/** Kinds of cards that belong to nobody known (不记名卡). */
export const unnamedKinds = computed(() => catalogue.value?.member_categories.filter((each) => each.named === false) ?? []);

/** A card without a name goes by its kind. */
export function called(member: Member): string {
  if (member.name !== "") return member.name;
  const kind = catalogue.value?.member_categories.find((each) => each.category === member.category);
  return kind?.name ?? t("card.unnamed");
}

/** Number and phone, where there is one. */
export const numbered = (member: Member): string => [member.number, member.phone].filter((part) => part !== "").join(" · ");

// -- the price ----------------------------------------------------------------------------------

const ASK_AFTER_MS = 180;

/** What a price is asked for; null where there is nothing to price. */
const question = computed<Order | null>(() => {
  if (session.value === null) return null;
  if (!pure.isEmpty(basket.value)) return pure.orderOf(basket.value);
  // A bare amount costs what it says; only a member may make it cost something else.
  if (typedFen.value > 0 && customer.value !== null && catalogue.value !== null) {
    return pure.orderOfAmount(typedFen.value, basket.value);
  }
  return null;
});
const asked = computed(() =>
  question.value === null
    ? null
    : JSON.stringify([question.value, shop.value.counter.card?.member.member_id ?? null]),
);

const answer = shallowRef<{ asked: string; quote: Quote } | null>(null);
export const quoteProblem = shallowRef<{ key: string; facts: Facts } | null>(null);
/** The price of what lies there now; null while it is being asked for. */
export const quote = computed(() =>
  answer.value !== null && answer.value.asked === asked.value ? answer.value.quote : null,
);
/** The newest price that there is, also while the next one is being asked for. */
export const lastQuote = computed(() => (question.value === null ? null : (answer.value?.quote ?? null)));
/** What this basket came to before the member's card lay there. */
const without = shallowRef<{ lines: string; paid_fen: number } | null>(null);

let pause: ReturnType<typeof setTimeout> | undefined;

async function askPrice(wanted: string, order: Order): Promise<void> {
  try {
    const made = await post<Quote>("/quotes", order);
    if (asked.value !== wanted) return;
    answer.value = { asked: wanted, quote: made };
    quoteProblem.value = null;
    if (made.member_id === null) {
      without.value = { lines: JSON.stringify(order.lines), paid_fen: made.paid_fen };
    }
  } catch (error) {
    if (asked.value !== wanted) return;
    if (error instanceof ApiProblem) quoteProblem.value = { key: error.key, facts: error.facts };
    else if (!(error instanceof NoAnswer)) throw error;
  }
}

watch(asked, (wanted) => {
  clearTimeout(pause);
  quoteProblem.value = null;
  const order = question.value;
  if (wanted === null || order === null) return;
  pause = setTimeout(() => void askPrice(wanted, order), ASK_AFTER_MS);
});

/** How much less this member pays than somebody without a card; 0 where it is not known. */
export const memberSaves_fen = computed(() => {
  const order = question.value;
  const now = quote.value;
  if (order === null || now === null || now.member_id === null || without.value === null) return 0;
  if (without.value.lines !== JSON.stringify(order.lines)) return 0;
  return Math.max(0, without.value.paid_fen - now.paid_fen);
});

/** What the sale comes to as far as is known: the price, else the list. */
export const due_fen = computed(() => {
  if (quote.value !== null) return quote.value.paid_fen;
  return pure.isEmpty(basket.value) ? typedFen.value : pure.listTotal(basket.value);
});

// -- when it is sold ----------------------------------------------------------------------------

watch(
  () => shop.value.sales.find((sale) => sale.sale_id === soldAs.value)?.status,
  (status) => {
    if (status === "approved" || status === "parked") emptied();
    else if (status === "cancelled" || status === "declined") soldAs.value = null;
  },
);
watch(
  () => shop.value.result?.sale_id,
  () => void loadWallet(),
);
watch(
  () => [shop.value.line === "live" && shop.value.status !== null, shop.value.rules],
  ([live]) => {
    if (live === true) void loadTill();
  },
);
watch(
  () => shop.value.shifts,
  () => void loadShift(),
);
