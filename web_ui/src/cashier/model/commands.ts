/** What the cashier can do. Each tells its own failures and answers whether it went well. */

import { ref } from "vue";
import { ApiProblem, del, get, post } from "../../shared/api/client";
import type { TenderOffer } from "../../shared/api/till-types";
import type { Facts, Member, Recharge, Sale, Session } from "../../shared/api/types";
import { tell } from "./notices";
import type { Intention } from "../../shared/api/intentions";
import { dispatch, intend, quietly, settle, shop, signedIn, signedOut } from "./store";
import { askApproved } from "../../shared/approval/approval";
import { voiding } from "./screen";

/** A command is being sent; the buttons that would send another wait for it. */
export const busy = ref(false);

export async function alone(work: () => Promise<void>): Promise<boolean> {
  if (busy.value) return false;
  busy.value = true;
  try {
    return await quietly(work);
  } finally {
    busy.value = false;
  }
}

/** @throws {ApiProblem} sign_in_failed, sign_in_locked  @throws {NoAnswer} */
export async function signIn(employee: string, pin: string): Promise<void> {
  signedIn(await post<Session>("/session", { employee, pin }));
}

export async function signOut(): Promise<void> {
  await quietly(() => del("/session"));
  signedOut();
}

const current = (): string | null => shop.value.counter.sale?.sale_id ?? null;

/** Apart from `busy`: a sale must be cancelled also while its own request waits for an answer. */
let acting = false;

type Verb = "cancel" | "park" | "confirm" | "resume";

async function about(verb: Verb, sale_id: string | null): Promise<boolean> {
  if (sale_id === null) return false;
  if (acting) return false;
  acting = true;
  try {
    return await quietly(async () => {
      await post<Sale>(`/sales/${sale_id}/${verb}`);
    });
  } finally {
    acting = false;
  }
}

export const cancelSale = (sale_id = current()): Promise<boolean> => about("cancel", sale_id);
export const confirmSale = (): Promise<boolean> => about("confirm", current());
export const resumeSale = (sale_id: string): Promise<boolean> => about("resume", sale_id);

export async function parkSale(): Promise<void> {
  if (await about("park", current())) tell("parked.done");
}

/** Null when the PIN was taken; else why not. */
export async function sendPin(pin: string): Promise<{ key: string; facts: Facts } | null> {
  let refused: { key: string; facts: Facts } | null = null;
  await alone(async () => {
    try {
      await post<Sale>(`/sales/${current()}/pin`, { pin });
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status === 401) throw error;
      refused = { key: error.key, facts: error.facts };
    }
  });
  return refused;
}

export async function voidSale(sale: Sale): Promise<void> {
  await alone(async () => {
    const label = {
      kind: "void",
      amount_fen: sale.amount_fen,
      who: sale.member?.name ?? "",
    } as const;
    const done = await intend<Sale>(`/sales/${sale.sale_id}/void`, {}, label);
    dispatch({ kind: "sale", body: done });
    tell("void.done", { amount_fen: done.amount_fen });
  });
  voiding.value = null;
}

export async function recharge(
  member: Member,
  amount_fen: number,
  tenders: readonly TenderOffer[],
): Promise<Recharge | null> {
  let done: Recharge | null = null;
  await alone(async () => {
    const [only] = tenders;
    // One that pays the whole is told by its name.
    const pays =
      tenders.length === 1 && only?.amount_fen === undefined ? { tender: only?.kind ?? "cash" } : { tenders };
    const body = { member_id: member.member_id, amount_fen, ...pays };
    const label = { kind: "recharge", amount_fen, who: member.name } as const;
    done = await intend<Recharge>("/recharges", body, label);
  });
  return done;
}

/** Ask again for the answer to a recharge that was sent before; it is not done twice. */
export async function settleRecharge(open: Intention): Promise<Recharge | null> {
  let done: Recharge | null = null;
  await alone(async () => {
    done = await settle<Recharge>(open);
  });
  return done;
}

export async function voidRecharge(made: Recharge): Promise<Recharge | null> {
  let done: Recharge | null = null;
  await alone(async () => {
    const { amount_fen } = made;
    const label = { kind: "recharge_void", amount_fen, who: made.member.name } as const;
    done = await intend<Recharge>(`/recharges/${made.recharge_id}/void`, {}, label);
  });
  return done;
}

export async function reprint(receipt_id: string): Promise<void> {
  await alone(async () => {
    await post(`/receipts/${receipt_id}/reprint`);
    tell("receipt.reprinting");
  });
}

export async function findMembers(q: string): Promise<Member[]> {
  return (await get<{ members: Member[] }>(`/members?q=${encodeURIComponent(q)}&limit=20`)).members;
}

export async function setCardStatus(
  card_id: string,
  status: "active" | "lost" | "locked",
): Promise<Member | null> {
  let member: Member | null = null;
  await alone(async () => {
    member = await askApproved<Member>({ method: "POST", path: `/cards/${card_id}/status`, body: { status } });
  });
  return member;
}
