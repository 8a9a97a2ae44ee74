import { describe, expect, it } from "vitest";
import type { Catalogue, Code } from "../src/shared/api/till-types";
import type { Member } from "../src/shared/api/types";
import * as basket from "../src/cashier/model/basket";
import { codeNamed, codesFor, readEntry, shelves } from "../src/cashier/model/codes";

const code = (id: string, more: Partial<Code> = {}): Code => ({
  code: id,
  name: id,
  pinyin: id,
  category: "cut",
  price_fen: 6_800,
  unit: "件",
  parts: 1,
  quick: true,
  pass_count: null,
  gift: false,
  ...more,
});

const member = (id: string): Member => ({
  member_id: id,
  number: id,
  name: "张*",
  phone: "",
  category: null,
  status: "active",
  balance: { principal_fen: 0, bonus_fen: 0 },
  has_pin: false,
  cards: [],
});

const PASS = { pass_id: "pass:t1@7", codes: ["c1"], left: 3 };

describe("a basket", () => {
  it("counts one code on one line, until somebody served it", () => {
    let it = basket.addCode(basket.addCode(basket.EMPTY, code("c1")), code("c1"));
    expect(it.lines.map((line) => [line.line_id, line.quantity])).toEqual([["1", 2]]);
    it = basket.setStaff(it, "1", [{ employee_id: "e1", name: "Wu", weight: 1 }]);
    it = basket.addCode(it, code("c1"));
    expect(it.lines.map((line) => [line.line_id, line.quantity])).toEqual([
      ["1", 2],
      ["2", 1],
    ]);
    expect(basket.EMPTY.lines).toEqual([]);
  });

  it("keeps a changed price on its own line, also when it was parked", () => {
    const override = { price_fen: 5_000, reason: "goodwill" } as const;
    let it = basket.setOverride(basket.addCode(basket.EMPTY, code("c1")), "1", override);
    it = basket.addCode(it, code("c1"));
    expect(it.lines.map((line) => [line.line_id, line.quantity, line.override ?? null])).toEqual([
      ["1", 1, override],
      ["2", 1, null],
    ]);
    const order = basket.orderOf(it);
    expect(order.lines?.map((line) => line.override)).toEqual([override, undefined]);
    const back = basket.fromOrder(order, () => code("c1"), () => "");
    expect(back.lines.map((line) => line.override)).toEqual([override, undefined]);
    expect(basket.orderOf(basket.setOverride(it, "1", null)).lines?.[0]).toEqual({ line_id: "1", code: "c1", quantity: 1 });
  });

  it("never gives an id twice, also after a line was taken out", () => {
    let it = basket.addCode(basket.EMPTY, code("c1"));
    it = basket.removeLine(it, "1");
    it = basket.addCode(it, code("c2"));
    expect(it.lines[0]?.line_id).toBe("2");
  });

  it("adds up list prices in whole fen, half up, also of goods by weight", () => {
    let it = basket.addCode(basket.EMPTY, code("salad", { price_fen: 3_299, parts: 1000 }), 350);
    expect(basket.listTotal(it)).toBe(1_155); // 1154.65
    it = basket.addAmount(it, 1_850, { category: "other", name: "其他" });
    it = basket.addGift(it, { code: "mug", name: "杯子" });
    expect(basket.listTotal(it)).toBe(3_005);
    expect(basket.addAmount(it, 0, { category: "other", name: "" })).toBe(it);
    expect(basket.addAmount(it, 0.5, { category: "other", name: "" })).toBe(it);
  });

  it("takes a line out below one, with the passes that paid for it", () => {
    let it = basket.addCode(basket.EMPTY, code("c1"), 3);
    it = basket.usePass(it, { line_id: "1", pass_id: PASS.pass_id, count: 3 });
    it = basket.setQuantity(it, "1", 2);
    expect(it.passes).toEqual([{ line_id: "1", pass_id: PASS.pass_id, count: 2 }]);
    it = basket.setQuantity(it, "1", 0);
    expect([it.lines, it.passes]).toEqual([[], []]);
  });

  it("uses no more of a pass than is left, nor more than there are pieces", () => {
    let it = basket.addCode(basket.EMPTY, code("c1"), 2);
    it = basket.setStaff(it, "1", [{ employee_id: "e1", name: "", weight: 1 }]);
    it = basket.addCode(it, code("c1"), 2);
    it = basket.addCode(it, code("c2"), 2);
    const [first, second, other] = it.lines as [basket.BasketLine, basket.BasketLine, basket.BasketLine];
    expect(basket.mostUses(it, first, PASS)).toBe(2);
    expect(basket.mostUses(it, other, PASS)).toBe(0);
    it = basket.usePass(it, { line_id: "1", pass_id: PASS.pass_id, count: 2 });
    expect(basket.mostUses(it, second, PASS)).toBe(1);
    expect(basket.mostUses(it, first, PASS)).toBe(2);
    expect(basket.usesOf(it, PASS.pass_id)).toBe(2);
    it = basket.usePass(it, { line_id: "1", pass_id: PASS.pass_id, count: 0 });
    expect(it.passes).toEqual([]);
  });

  it("forgets what belonged to somebody else", () => {
    let it = basket.withMember(basket.EMPTY, member("a"));
    it = { ...basket.toggleCoupon(it, "X"), points: 500 };
    expect(basket.withMember(it, member("a")).coupons).toEqual(["X"]);
    const other = basket.withMember(it, member("b"));
    expect([other.coupons, other.points, other.member?.member_id]).toEqual([[], 0, "b"]);
    expect(basket.toggleCoupon(it, "X").coupons).toEqual([]);
  });

  it("shares a line between who served it", () => {
    const one = basket.toggleServer([], { employee_id: "a", name: "A" });
    const two = basket.toggleServer(one, { employee_id: "b", name: "B" });
    expect(two.map((share) => share.weight)).toEqual([1, 1]);
    expect(basket.toggleServer(two, { employee_id: "a", name: "A" }).map((s) => s.name)).toEqual(["B"]);
  });

  it("asks the device for just what was keyed", () => {
    let it = basket.addCode(basket.EMPTY, code("c1"));
    it = basket.addAmount(it, 500, { category: "other", name: "" });
    expect(basket.orderOf(it)).toEqual({
      lines: [
        { line_id: "1", code: "c1", quantity: 1 },
        { line_id: "2", category: "other", quantity: 500 },
      ],
    });
    it = basket.setStaff(it, "1", [{ employee_id: "e", name: "E", weight: 2 }]);
    it = { ...basket.withMember(it, member("m")), coupons: ["K"], points: 300 };
    expect(basket.orderOf(it, [{ kind: "cash" }])).toMatchObject({
      lines: [{ staff: [{ employee_id: "e", weight: 2 }] }, {}],
      member_id: "m",
      coupons: ["K"],
      points_to_use: 300,
      tenders: [{ kind: "cash" }],
    });
    expect(basket.orderOfAmount(1_850)).toEqual({ amount_fen: 1_850 });
  });

  it("comes back from what the device kept of it", () => {
    let it = basket.addCode(basket.EMPTY, code("c1"), 2);
    it = basket.addAmount(it, 500, { category: "cut", name: "剪发" });
    const back = basket.fromOrder(basket.orderOf(it), (id) => code(id), () => "剪发");
    expect(back).toEqual(it);
  });
});

describe("finding a code", () => {
  const catalogue = {
    categories: [
      { category: "cut", name: "剪发" },
      { category: "gift", name: "礼品" },
      { category: "none", name: "空" },
    ],
    codes: [
      code("c1", { name: "剪发", pinyin: "jf" }),
      code("c2", { name: "总监剪发", pinyin: "zjjf" }),
      code("mug", { name: "杯子", pinyin: "bz", category: "gift", gift: true }),
      code("6901234567892", { name: "洗发水", pinyin: "xfs", quick: false }),
    ],
  } as unknown as Catalogue;
  const found = (typed: string): string[] => codesFor(catalogue, typed, null).map((it) => it.code);

  it("knows it by code, pinyin and any part of the name, the best first", () => {
    expect(found("jf")).toEqual(["c1", "c2"]);
    expect(found("剪")).toEqual(["c1", "c2"]);
    expect(found("ZJ")).toEqual(["c2"]);
    expect(found("69012")).toEqual(["6901234567892"]);
    expect(found("")).toEqual(["c1", "c2"]);
    expect(found("nothing")).toEqual([]);
    expect(codesFor(null, "", null)).toEqual([]);
  });

  it("takes what a scanner sends, and a count before it", () => {
    expect(codeNamed(catalogue, " 6901234567892 ")?.name).toBe("洗发水");
    expect(codeNamed(catalogue, "690")).toBeUndefined();
    expect(readEntry("3*c1")).toEqual({ quantity: 3, code: "c1" });
    expect(readEntry("6901234567892")).toEqual({ quantity: 1, code: "6901234567892" });
    expect(readEntry("0*c1").quantity).toBe(1);
  });

  it("has a shelf for each category with a button", () => {
    expect(shelves(catalogue).map((it) => it.name)).toEqual(["剪发"]);
  });
});
