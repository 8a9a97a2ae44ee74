/**
 * A manager's yes to one action. Where the device answers 403 `permission_needed`, a manager types
 * number and PIN, and the very same request is sent again with the token (docs/shop.md).
 */

import { shallowRef } from "vue";
import { ApiProblem, ask, post, type Asked } from "../api/client";

export interface Wanted {
  permission: string;
  settle(token: string | null): void;
}

/** What the dialog shows; null while nothing is wanted. */
export const wanted = shallowRef<Wanted | null>(null);

/** @throws {ApiProblem} the manager may not, or number or PIN are wrong  @throws {NoAnswer} */
export async function approve(permission: string, employee: string, pin: string): Promise<string> {
  const answer = await post<{ token: string }>("/approvals", { permission, employee, pin });
  return answer.token;
}

function tokenFor(permission: string): Promise<string | null> {
  wanted.value?.settle(null);
  return new Promise((resolve) => {
    wanted.value = {
      permission,
      settle(token) {
        wanted.value = null;
        resolve(token);
      },
    };
  });
}

/** As `ask`; a refusal for want of a permission asks a manager first.
 * @throws {ApiProblem} also when no manager said yes  @throws {NoAnswer} */
export async function askApproved<T>(
  asked: Asked,
  send: (asked: Asked) => Promise<T> = ask<T>,
): Promise<T> {
  try {
    return await send(asked);
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.key !== "permission_needed") throw error;
    const token = await tokenFor(String(error.facts["permission"] ?? ""));
    if (token === null) throw error;
    return await send({ ...asked, approval: token });
  }
}
