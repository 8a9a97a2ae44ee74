/** Asking the device, with its refusals told to the person and its approvals asked for. */

import { ref, type Ref } from "vue";
import { ElMessage } from "element-plus/es/components/message/index.mjs";
import { ApiProblem, NoAnswer, askFile, get, type Asked } from "../../shared/api/client";
import { askApproved } from "../../shared/approval/approval";
import { freshKey } from "../../shared/api/intentions";
import { reasonText } from "../../shared/i18n";
import { c } from "../text/common";
import { signedOut } from "./session";

const SHOWN_MS = 6_000;

export function tellGood(text: string): void {
  ElMessage({ message: text, type: "success", duration: 3_000, grouping: true });
}

export function tellBad(text: string): void {
  ElMessage({ message: text, type: "error", duration: SHOWN_MS, showClose: true, grouping: true });
}

/** What went wrong, in a sentence. */
export function sentence(error: unknown): string {
  if (error instanceof ApiProblem) {
    const told = reasonText(error.key, error.facts);
    return `${told.title} · ${told.advice}`;
  }
  if (error instanceof NoAnswer) return c("no_answer");
  throw error;
}

/** Run something whose failure is told, not thrown. Whether it went well. */
export async function told(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 401) signedOut();
    else tellBad(sentence(error));
    return false;
  }
}

/** Keys of requests that nobody has answered: asked again, the very same one keeps its key. */
const unanswered = new Map<string, string>();

/** A request that changes something. Money, points, passes and coupons: `once` gives it a key, and
 * what is asked again because no answer came is done once. */
export async function change<T>(
  method: Asked["method"],
  path: string,
  body: unknown = {},
  { once = false }: { once?: boolean } = {},
): Promise<T> {
  if (!once) return askApproved<T>({ method, path, body });
  const asked = JSON.stringify([method, path, body]);
  const idempotencyKey = unanswered.get(asked) ?? freshKey();
  unanswered.set(asked, idempotencyKey);
  try {
    const answer = await askApproved<T>({ method, path, body, idempotencyKey });
    unanswered.delete(asked);
    return answer;
  } catch (error) {
    // A device in trouble (5xx) may have done it.
    if (error instanceof ApiProblem && error.status < 500) unanswered.delete(asked);
    throw error;
  }
}

export interface Loaded<T> {
  value: Ref<T | null>;
  problem: Ref<string | null>;
  busy: Ref<boolean>;
  load(): Promise<void>;
}

/** Something that a page reads when it opens; the last question wins. */
export function loaded<T>(path: () => string): Loaded<T> {
  const value = ref<T | null>(null) as Ref<T | null>;
  const problem = ref<string | null>(null);
  const busy = ref(false);
  let turn = 0;
  async function load(): Promise<void> {
    const mine = ++turn;
    busy.value = true;
    try {
      const answer = await get<T>(path());
      if (mine === turn) [value.value, problem.value] = [answer, null];
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) signedOut();
      else if (mine === turn) problem.value = sentence(error);
    } finally {
      if (mine === turn) busy.value = false;
    }
  }
  return { value, problem, busy, load };
}

/** Asks for a file and gives it to the browser to keep. Refusals are told. */
export function keepFile(method: "GET" | "POST", path: string, name: string, body?: unknown): Promise<boolean> {
  return told(async () => {
    const asked: Asked = { method, path, ...(body === undefined ? {} : { body }) };
    const url = URL.createObjectURL(await askApproved(asked, askFile));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  });
}
