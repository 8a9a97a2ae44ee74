/** How a sum is paid: parts of it by several means, change out of cash. Pure, in whole fen. */

import type { TenderKind, TenderOffer } from "../../shared/api/till-types";

export interface Part {
  kind: TenderKind;
  /** What was handed over; of cash it may be more than is due. */
  amount_fen: number;
}

const sum = (parts: readonly Part[]): number => parts.reduce((all, part) => all + part.amount_fen, 0);

/** What is still to be paid; never below zero. */
export const restFen = (due_fen: number, parts: readonly Part[]): number =>
  Math.max(0, due_fen - sum(parts));

/** What goes back to the customer: only cash can be too much. */
export const changeFen = (due_fen: number, parts: readonly Part[]): number =>
  parts.some((part) => part.kind === "cash") ? Math.max(0, sum(parts) - due_fen) : 0;

/** Whether one more part is fine: of cash any sum, of everything else at most what is left. */
export function mayAdd(due_fen: number, parts: readonly Part[], part: Part): boolean {
  const rest = restFen(due_fen, parts);
  if (!Number.isSafeInteger(part.amount_fen) || rest === 0) return due_fen === 0;
  if (part.amount_fen <= 0) return false;
  return part.kind === "cash" || part.amount_fen <= rest;
}

/** A second part of the same kind is added to the first. */
export function addPart(parts: readonly Part[], part: Part): Part[] {
  const found = parts.some((kept) => kept.kind === part.kind);
  if (!found) return [...parts, part];
  return parts.map((kept) =>
    kept.kind === part.kind ? { ...kept, amount_fen: kept.amount_fen + part.amount_fen } : kept,
  );
}

/**
 * What the device is told. The last part, where it pays just the rest, is sent without its amount:
 * where the price changes at the tap (a member's discount), the rest still is the rest.
 */
export function offersOf(due_fen: number, parts: readonly Part[]): TenderOffer[] {
  if (sum(parts) !== due_fen) return parts.map((part) => ({ ...part }));
  return parts.map((part, at) =>
    at === parts.length - 1 ? { kind: part.kind } : { kind: part.kind, amount_fen: part.amount_fen },
  );
}

const MOST_QUICK = 4;

/** Sums that a customer is likely to hand over: the next whole note of each kind above what is due. */
export function quickCash(due_fen: number, notes_fen: readonly number[]): number[] {
  const large = notes_fen.filter((note) => note >= 100).sort((a, b) => a - b);
  const sums = new Set<number>();
  for (const note of large) {
    const next = Math.ceil(due_fen / note) * note;
    if (next > due_fen) sums.add(next);
  }
  return [...sums].sort((a, b) => a - b).slice(0, MOST_QUICK);
}

export const NOTES_FEN: readonly number[] = [10_000, 5_000, 2_000, 1_000, 500, 100];
