/** Who is signed in at the office, and what that person may do. */

import { computed, ref } from "vue";
import { ApiProblem, NoAnswer, ask, get, post } from "../../shared/api/client";
import type { Session, Status } from "../../shared/api/types";

/** The session as the office reads it: the role's permissions come with it. */
export type OfficeSession = Session & { employee: { permissions?: string[] }; permissions?: string[] };

export const session = ref<OfficeSession | null>(null);
export const ready = ref(false);
export const device = ref<Status["device"] | null>(null);
export const demo = ref(false);

const permissions = computed(
  () => new Set(session.value?.permissions ?? session.value?.employee.permissions ?? []),
);

/** Whether the session may; the device decides all the same. */
export function may(permission: string | null | undefined): boolean {
  if (permission === null || permission === undefined) return true;
  return permissions.value.has(permission);
}

async function entered(now: OfficeSession): Promise<void> {
  session.value = now;
  const status = await get<Status>("/status").catch(() => null);
  device.value = status?.device ?? null;
  demo.value = status?.demo ?? false;
}

/** @throws {ApiProblem} wrong or locked  @throws {NoAnswer} */
export async function signIn(employee: string, pin: string): Promise<void> {
  await post("/session", { employee, pin });
  await entered(await get<OfficeSession>("/session"));
}

export async function signOut(): Promise<void> {
  await ask<void>({ method: "DELETE", path: "/session" }).catch((error: unknown) => {
    if (!(error instanceof ApiProblem) && !(error instanceof NoAnswer)) throw error;
  });
  signedOut();
}

export function signedOut(): void {
  session.value = null;
}

/** Whether there is a session already; the page opens with this. */
export async function start(): Promise<void> {
  try {
    await entered(await get<OfficeSession>("/session"));
  } catch (error) {
    if (error instanceof NoAnswer) {
      setTimeout(() => void start(), 1_500);
      return;
    }
    if (!(error instanceof ApiProblem)) throw error;
  }
  ready.value = true;
}
