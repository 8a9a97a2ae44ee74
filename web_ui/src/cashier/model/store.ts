/** The page's one copy of the shop, kept up to date by the live line. */

import { computed, ref, shallowRef } from "vue";
import { ApiProblem, NoAnswer, get } from "../../shared/api/client";
import { LiveLine } from "../../shared/api/events";
import { Intentions, type Intention } from "../../shared/api/intentions";
import { askApproved } from "../../shared/approval/approval";
import type { LastRun, RechargeTier, Receipt, Sale, Scan, ServerEvent, Session } from "../../shared/api/types";
import { t } from "../../shared/i18n";
import { sound } from "../../shared/sound";
import { tell, tellProblem } from "./notices";
import { typed, typedFen } from "./screen";
import { isNewBoot, notYetSeen, remember } from "./restarts";
import { isUnderWay, NOTHING_YET, reduce, signalFor, type Shop, type ShopEvent } from "./shop";

export const shop = shallowRef<Shop>(NOTHING_YET);
export const session = ref<Session | null>(null);
/** Whether the first question about the session has been answered. */
export const ready = ref(false);
export const tiers = ref<RechargeTier[]>([]);

/** What a scanner of the device has sent last; the counter's page takes it up. */
export const scan = shallowRef<Scan | null>(null);

/** Requests about money that have no answer yet, and which of them are being asked right now. */
export const openIntentions = shallowRef<Intention[]>([]);
const asking = ref(new Set<string>());
export const unanswered = computed(() =>
  openIntentions.value.filter((intention) => !asking.value.has(intention.key)),
);

const intentions = new Intentions(
  sessionStorage,
  (open) => {
    openIntentions.value = open;
  },
  // Where the device wants a manager's yes, the same request is sent again with it.
  ({ path, body, key }) => askApproved({ method: "POST", path, body, idempotencyKey: key }),
);
openIntentions.value = intentions.open();

/** Older ones are not sent again without asking: the customer may be long gone. */
const ASK_AGAIN_WITHIN_MS = 120_000;

let line: LiveLine | null = null;

export function dispatch(event: ShopEvent): void {
  const before = shop.value;
  const after = reduce(before, event);
  shop.value = after;
  const signal = signalFor(before, after);
  if (signal !== null) sound(signal);
}

function onEvent(event: ServerEvent, id: string): void {
  const before = shop.value;
  dispatch(event);
  if (event.kind === "swipe") tellProblem(event.body.reason);
  if (event.kind === "scan") scan.value = event.body;
  if (event.kind === "snapshot") void catchUp(before, isNewBoot(id), event.body.last_run);
}

/** A snapshot has come: load what it does not hold, and find out what was missed before it. */
async function catchUp(before: Shop, newBoot: boolean, left: LastRun | null): Promise<void> {
  const missed = before.status === null ? null : await lookUpMissed(before);
  await loadLists();
  const ended = left?.sales ?? [];
  const known = ended.some((sale) => sale.sale_id === missed?.sale_id);
  const sales = notYetSeen(newBoot && missed !== null && !known ? [missed, ...ended] : ended);
  const receipts_waiting = left?.receipts_waiting ?? 0;
  if (sales.length > 0 || (newBoot && receipts_waiting > 0)) {
    dispatch({ kind: "last_run", body: { sales, receipts_waiting } });
  } else if (newBoot) tell("last_run.nothing", {}, "plain");
}

export function lastRunSeen(): void {
  remember(shop.value.lastRun?.sales ?? []);
  dispatch({ kind: "last_run_seen" });
}

/** The line was away while a sale was under way: ask how that ended. */
async function lookUpMissed(before: Shop): Promise<Sale | null> {
  const { sale } = before.counter;
  if (sale === null || !isUnderWay(before.counter)) return null;
  if (shop.value.counter.sale?.sale_id === sale.sale_id) return null;
  let found: Sale | null = null;
  await quietly(async () => {
    found = await get<Sale>(`/sales/${sale.sale_id}`);
    dispatch({ kind: "settled_meanwhile", body: found });
  });
  return found;
}

async function loadLists(): Promise<void> {
  await quietly(async () => {
    const { sales } = await get<{ sales: Sale[] }>("/sales?limit=20");
    dispatch({ kind: "sales_loaded", body: sales });
  });
  await quietly(async () => {
    const { receipts } = await get<{ receipts: Receipt[] }>("/receipts?limit=20");
    dispatch({ kind: "receipts_loaded", body: receipts });
  });
  await quietly(async () => {
    tiers.value = (await get<{ tiers: RechargeTier[] }>("/recharge-rules")).tiers;
  });
}

/** Run something whose failure is told, not thrown. Answers whether it went well. */
export async function quietly(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ApiProblem) {
      if (error.status === 401) signedOut();
      else tellProblem(error.key, error.facts);
      return false;
    }
    if (error instanceof NoAnswer) {
      // An open intention tells it by itself, unless a dialog covers it.
      const covered = document.querySelector("dialog[open]") !== null;
      if (covered || unanswered.value.length === 0) tellProblem("no_answer");
      return false;
    }
    throw error;
  }
}

/** @throws {ApiProblem} refused  @throws {NoAnswer} unknown, kept open */
export async function settle<T>(intention: Intention): Promise<T> {
  asking.value = new Set(asking.value).add(intention.key);
  try {
    return await intentions.settle<T>(intention);
  } finally {
    const left = new Set(asking.value);
    left.delete(intention.key);
    asking.value = left;
  }
}

/** Move money once. The same request asked again before there is an answer is the same intention. */
export function intend<T>(path: string, body: unknown, label: Intention["label"]): Promise<T> {
  return settle<T>(intentions.begin(path, body, label, Date.now()));
}

export async function resolveIntention(intention: Intention): Promise<boolean> {
  return quietly(async () => {
    const answer = await settle<Partial<Sale>>(intention);
    const { kind, amount_fen } = intention.label;
    // What was typed for it has become it: left there, the next amount would be typed behind it.
    if (kind === "sale" && typedFen.value === amount_fen) typed.value = "";
    tell("open.settled", { what: t(`open.${kind}`), amount_fen });
    if (answer.sale_id !== undefined) await refreshSale(answer.sale_id);
  });
}

export function giveUpIntention(intention: Intention): void {
  intentions.forget(intention.key);
}

async function refreshSale(sale_id: string): Promise<void> {
  dispatch({ kind: "sale", body: await get<Sale>(`/sales/${sale_id}`) });
}

function onLine(state: Shop["line"]): void {
  const back = state === "live" && shop.value.line !== "live";
  dispatch({ kind: "line", body: state });
  if (!back) return;
  for (const intention of unanswered.value) {
    if (Date.now() - intention.made_ms < ASK_AGAIN_WITHIN_MS) void resolveIntention(intention);
  }
}

export function signedIn(now: Session): void {
  session.value = now;
  line?.close();
  line = new LiveLine({ event: onEvent, line: onLine, signedOut });
}

export function signedOut(): void {
  line?.close();
  line = null;
  session.value = null;
  shop.value = NOTHING_YET;
}

/** Ask whether there is a session; the page opens with this. */
export async function start(): Promise<void> {
  try {
    signedIn(await get<Session>("/session"));
  } catch (error) {
    if (error instanceof NoAnswer) {
      setTimeout(() => void start(), 1_500);
      return;
    }
    if (!(error instanceof ApiProblem)) throw error;
  }
  ready.value = true;
}
