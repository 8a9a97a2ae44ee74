/** A sale in a chain that found too little here: what there is, what is missing, and where. Pure. */

import type { Balance, ChainLink, Sale } from "../../shared/api/types";
import type { MemberChain, Quote } from "../../shared/api/till-types";
import { sinceTime, t } from "../../shared/i18n";
import type { ReasonText } from "../../shared/i18n/reason-keys";

const SPLITS = new Set(["needs_network", "held_elsewhere", "credit_needs_manager"]);

/** Others hold the rest, and what is here can pay its part. */
export interface Split {
  reason: string;
  /** What stored value can pay now: held here, and free in the cloud. */
  usable_fen: number;
  short_fen: number;
  /** What may be owed where a manager agrees; 0 where that is not the question. */
  credit_fen: number;
  /** What the sale comes to. */
  due_fen: number;
  elsewhere: NonNullable<Sale["elsewhere"]>;
}

const fact = (sale: Sale, name: string): number => {
  const told = sale.facts[name];
  return typeof told === "number" ? told : 0;
};

/** Null where the sale was not declined for want of what others hold. */
export function splitOf(sale: Sale | null): Split | null {
  if (sale === null || sale.status !== "declined" || !SPLITS.has(sale.reason ?? "")) return null;
  const usable_fen = fact(sale, "available_fen");
  const short_fen = fact(sale, "short_fen");
  const mixed = sale.basket?.tenders?.some((part) => part.kind !== "stored") ?? false;
  return {
    reason: sale.reason ?? "",
    usable_fen,
    short_fen,
    credit_fen: sale.reason === "credit_needs_manager" ? fact(sale, "credit_fen") : 0,
    // A member's price is lower than the list: what stored value was asked for is the better word.
    due_fen: mixed ? sale.amount_fen : usable_fen + short_fen,
    elsewhere: sale.elsewhere ?? [],
  };
}

/** What is to be paid now: the price of what lies there for this member, else what was refused. */
export const splitDue = (split: Split, sale: Sale, quote: Quote | null): number =>
  quote !== null && quote.member_id !== null && quote.member_id === sale.member?.member_id
    ? quote.paid_fen
    : split.due_fen;

function restWords(split: Split): string {
  const { short_fen } = split;
  const places = split.elsewhere
    .map(({ store, offline_since }) =>
      offline_since === null
        ? t("split.place", { store })
        : t("split.place_offline", { store, since: sinceTime(offline_since) }),
    )
    .join(t("list.separator"));
  if (places === "") return t("split.network", { short_fen });
  return t(split.reason === "held_elsewhere" ? "split.held" : "split.network_or_held", { short_fen, places });
}

export function splitWords(split: Split, link: ChainLink | null | undefined): ReasonText {
  const rest = restWords(split);
  const since = link?.online === false && link.since_ms !== null ? sinceTime(link.since_ms) : null;
  return {
    title: split.usable_fen > 0 ? t("split.some", { usable_fen: split.usable_fen }) : t("split.none"),
    advice: since === null ? t("split.advice_now", { rest }) : t("split.advice", { rest, since }),
  };
}

/** "Online", or since when it is not. */
export function linkWords(link: ChainLink): string {
  if (link.online) return t("chain.online");
  return link.since_ms === null ? t("chain.offline_now") : t("chain.offline", { since: sinceTime(link.since_ms) });
}

type Told = MemberChain | null | undefined;

/** Of what the live line told and what was read with the member. */
export const newerWord = (told: Told, read: Told): Told =>
  (told?.here.at_ms ?? 0) >= (read?.here.at_ms ?? 0) ? (told ?? read) : read;

/** What is here now: a sale that is over tells what it left, which may have been called in since. */
export function hereNow(sale: Sale | null, word: Told): Balance | null {
  const left = sale?.balance ?? null;
  return word && (left === null || word.here.at_ms >= (sale?.settled_ms ?? 0)) ? word.here : left;
}

/** What the cloud last said that the member has in all branches; null in a shop that is part of no chain. */
export function wholeWords(chain: Told): string | null {
  if (chain === null || chain === undefined) return null;
  const { whole } = chain;
  if (whole === null) return t("chain.whole_unknown");
  const { owed_fen } = whole;
  const facts = { whole_fen: whole.principal_fen + whole.bonus_fen, owed_fen, when: sinceTime(whole.as_of_ms) };
  return t(owed_fen > 0 ? "chain.whole_owed" : "chain.whole", facts);
}

/** What a balance is called: in a chain it is what is held here, never the whole. */
export const balanceName = (name: string, link: ChainLink | null | undefined): string =>
  link === null || link === undefined ? name : t("chain.here", { name });
