/** What a restart left, told once: what was seen is remembered on this screen. */

import type { Sale } from "../../shared/api/types";

const SEEN = "counterd.restarts_seen";
const BOOT = "counterd.boot";
const MOST_KEPT = 100;

function seen(): Set<string> {
  return new Set((localStorage.getItem(SEEN) ?? "").split(" "));
}

export function notYetSeen(sales: readonly Sale[]): Sale[] {
  const known = seen();
  return sales.filter((sale) => !known.has(sale.sale_id));
}

export function remember(sales: readonly Sale[]): void {
  const all = [...seen(), ...sales.map((sale) => sale.sale_id)];
  localStorage.setItem(SEEN, all.slice(-MOST_KEPT).join(" "));
}

/** Event ids begin with the boot of the daemon. True where it is another than this page last saw. */
export function isNewBoot(eventId: string): boolean {
  const boot = eventId.split("-")[0] ?? "";
  const before = sessionStorage.getItem(BOOT);
  sessionStorage.setItem(BOOT, boot);
  return before !== null && before !== boot;
}
