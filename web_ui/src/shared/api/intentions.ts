/**
 * Requests that move money. An intention gets its Idempotency-Key once, keeps it across retries and
 * reloads until the device has answered, and is then forgotten: asking again can never double it.
 */

import { ApiProblem, NoAnswer, ask } from "./client";

export interface Intention {
  key: string;
  path: string;
  body: unknown;
  /** What to call it on the screen. */
  label: {
    kind: "sale" | "void" | "recharge" | "recharge_void" | "refund" | "service" | "shift" | "drawer" | "check_in";
    amount_fen: number;
    who: string;
  };
  made_ms: number;
}

type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const SHELF_NAME = "counterd.intentions";
const RETRY_AFTER_MS = [400, 1_200, 3_000];

/** 26 characters of Crockford base 32 from the system's random source. */
export function freshKey(): string {
  const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const bytes = crypto.getRandomValues(new Uint8Array(26));
  return Array.from(bytes, (byte) => letters[byte % 32]).join("");
}

function readShelf(shelf: Shelf): Intention[] {
  try {
    const read: unknown = JSON.parse(shelf.getItem(SHELF_NAME) ?? "[]");
    return Array.isArray(read) ? (read as Intention[]) : [];
  } catch {
    return []; // Not ours or torn: there is nothing to keep.
  }
}

export class Intentions {
  constructor(
    private readonly shelf: Shelf,
    private readonly changed: (open: Intention[]) => void = () => undefined,
    private readonly send: <T>(intention: Intention) => Promise<T> = (intention) =>
      ask({
        method: "POST",
        path: intention.path,
        body: intention.body,
        idempotencyKey: intention.key,
      }),
    private readonly pause: (ms: number) => Promise<void> = (ms) =>
      new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  open(): Intention[] {
    return readShelf(this.shelf);
  }

  private keep(open: Intention[]): void {
    this.shelf.setItem(SHELF_NAME, JSON.stringify(open));
    this.changed(open);
  }

  /** The open intention to do just this, or a new one. */
  begin(path: string, body: unknown, label: Intention["label"], now_ms: number): Intention {
    const open = this.open();
    const same = JSON.stringify(body);
    const found = open.find((kept) => kept.path === path && JSON.stringify(kept.body) === same);
    if (found !== undefined) return found;
    const made: Intention = { key: freshKey(), path, body, label, made_ms: now_ms };
    this.keep([...open, made]);
    return made;
  }

  forget(key: string): void {
    this.keep(this.open().filter((kept) => kept.key !== key));
  }

  /**
   * Send it until there is an answer, a few times.
   * @throws {ApiProblem} the device said no; the intention is settled
   * @throws {NoAnswer} still unknown; the intention stays open
   */
  async settle<T>(intention: Intention): Promise<T> {
    for (const wait_ms of [...RETRY_AFTER_MS, null]) {
      try {
        const answer = await this.send<T>(intention);
        this.forget(intention.key);
        return answer;
      } catch (error) {
        // Without a session nothing was done, but the same intention may be sent after signing in.
        // A device in trouble (503) may have done it: that is looked up when it is well again.
        const refused = error instanceof ApiProblem && error.status !== 401 && error.status < 500;
        if (refused) this.forget(intention.key);
        if (!(error instanceof NoAnswer) || wait_ms === null) throw error;
        await this.pause(wait_ms);
      }
    }
    throw new NoAnswer(intention.path);
  }
}
