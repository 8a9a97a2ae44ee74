import { describe, expect, it } from "vitest";
import { ApiProblem, NoAnswer } from "../src/shared/api/client";
import { freshKey, Intentions, type Intention } from "../src/shared/api/intentions";

function newShelf(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

/** A far side that remembers keys as the device does, and loses answers when told to. */
class FarSide {
  readonly done = new Map<string, unknown>();
  asked = 0;
  constructor(private losses: number) {}
  answer = <T>(intention: Intention): Promise<T> => {
    this.asked += 1;
    if (!this.done.has(intention.key)) this.done.set(intention.key, { nth: this.done.size + 1 });
    if (this.losses-- > 0) return Promise.reject(new NoAnswer("cut"));
    return Promise.resolve(this.done.get(intention.key) as T);
  };
}

const label = { kind: "recharge", amount_fen: 50_000, who: "张*" } as const;
const body = { member_id: "M1", amount_fen: 50_000, tender: "cash" };
const noPause = (): Promise<void> => Promise.resolve();
const quiet = (): void => undefined;

describe("an intention", () => {
  it("keeps its key over lost answers, and is done once", async () => {
    const far = new FarSide(2);
    const shelf = newShelf();
    const all = new Intentions(shelf, quiet, far.answer, noPause);
    await expect(all.settle(all.begin("/recharges", body, label, 0))).resolves.toEqual({ nth: 1 });
    expect([far.asked, far.done.size, all.open().length]).toEqual([3, 1, 0]);
  });

  it("survives a reload with its key until it is answered", async () => {
    const far = new FarSide(4);
    const shelf = newShelf();
    const before = new Intentions(shelf, quiet, far.answer, noPause);
    const made = before.begin("/recharges", body, label, 0);
    await expect(before.settle(made)).rejects.toBeInstanceOf(NoAnswer);
    const after = new Intentions(shelf, quiet, far.answer, noPause);
    expect(after.open()).toEqual([made]);
    expect(after.begin("/recharges", { ...body }, label, 9).key).toBe(made.key);
    await after.settle(made);
    expect([far.done.size, after.open().length]).toEqual([1, 0]);
  });

  it("is a new one for another body, and after an answer", async () => {
    const far = new FarSide(0);
    const all = new Intentions(newShelf(), quiet, far.answer, noPause);
    const first = all.begin("/recharges", body, label, 0);
    expect(all.begin("/recharges", { ...body, amount_fen: 1 }, label, 0).key).not.toBe(first.key);
    await all.settle(first);
    expect(all.begin("/recharges", body, label, 0).key).not.toBe(first.key);
  });

  it("is settled by a refusal, but not by a missing session or a device in trouble", async () => {
    let status = 401;
    const refuse = (): Promise<never> =>
      Promise.reject(new ApiProblem({ status, key: "refused", title: "" }));
    const all = new Intentions(newShelf(), quiet, refuse, noPause);
    const made = all.begin("/sales", {}, label, 0);
    await expect(all.settle(made)).rejects.toBeInstanceOf(ApiProblem);
    expect(all.open()).toHaveLength(1);
    status = 503;
    await expect(all.settle(made)).rejects.toBeInstanceOf(ApiProblem);
    expect(all.open()).toHaveLength(1);
    status = 409;
    await expect(all.settle(made)).rejects.toBeInstanceOf(ApiProblem);
    expect(all.open()).toHaveLength(0);
  });

  it("tells what is open, and starts empty over a torn shelf", () => {
    const shelf = newShelf();
    shelf.setItem("counterd.intentions", "{torn");
    const told: number[] = [];
    const all = new Intentions(shelf, (open) => told.push(open.length));
    expect(all.open()).toEqual([]);
    all.forget(all.begin("/sales", {}, label, 0).key);
    expect(told).toEqual([1, 0]);
  });

  it("has keys of 26 visible characters that differ", () => {
    const keys = Array.from({ length: 500 }, freshKey);
    for (const key of keys) expect(key).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(new Set(keys).size).toBe(500);
  });
});
