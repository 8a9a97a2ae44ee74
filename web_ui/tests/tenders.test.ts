import { describe, expect, it } from "vitest";
import { addPart, changeFen, mayAdd, NOTES_FEN, offersOf, quickCash, restFen, type Part } from "../src/cashier/model/tenders";

const cash = (amount_fen: number): Part => ({ kind: "cash", amount_fen });
const wechat = (amount_fen: number): Part => ({ kind: "wechat", amount_fen });

describe("a sum and its parts", () => {
  it("knows what is left and what goes back", () => {
    expect(restFen(6_850, [])).toBe(6_850);
    expect(restFen(6_850, [wechat(2_000)])).toBe(4_850);
    expect(restFen(6_850, [wechat(2_000), cash(10_000)])).toBe(0);
    expect(changeFen(6_850, [wechat(2_000), cash(10_000)])).toBe(5_150);
    expect(changeFen(6_850, [wechat(7_000)])).toBe(0);
  });

  it("lets only cash be too much", () => {
    expect(mayAdd(6_850, [], cash(10_000))).toBe(true);
    expect(mayAdd(6_850, [], wechat(6_851))).toBe(false);
    expect(mayAdd(6_850, [], wechat(0))).toBe(false);
    expect(mayAdd(6_850, [wechat(6_850)], cash(100))).toBe(false);
    expect(mayAdd(0, [], cash(0))).toBe(true);
  });

  it("adds up parts of one kind", () => {
    expect(addPart([cash(1_000)], cash(500))).toEqual([cash(1_500)]);
    expect(addPart([cash(1_000)], wechat(500))).toEqual([cash(1_000), wechat(500)]);
  });

  it("leaves the last amount open where it is just the rest", () => {
    expect(offersOf(6_850, [wechat(2_000), cash(4_850)])).toEqual([
      { kind: "wechat", amount_fen: 2_000 },
      { kind: "cash" },
    ]);
    expect(offersOf(6_850, [cash(10_000)])).toEqual([{ kind: "cash", amount_fen: 10_000 }]);
    expect(offersOf(0, [])).toEqual([]);
  });

  it("offers the notes that a customer is likely to hand over", () => {
    expect(quickCash(6_850, NOTES_FEN)).toEqual([6_900, 7_000, 8_000, 10_000]);
    expect(quickCash(10_000, NOTES_FEN)).toEqual([]);
    expect(quickCash(1_850, [10_000, 5_000, 50, 10])).toEqual([5_000, 10_000]);
  });
});
