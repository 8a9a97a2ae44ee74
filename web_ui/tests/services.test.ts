import { describe, expect, it } from "vitest";
import { dialogFor, readErrand } from "../src/cashier/model/errand";
import {
  atTheCounter, bySense, fieldsFor, freshService, keptOf, orderFor, ORDER, payoutOf, SERVICES, tendersOf, type Able, type BackLot,
} from "../src/office/members/services";
import { orderOf as orderOfTried, promotionsOf, switched } from "../src/office/rules/trying";
import type { Member } from "../src/shared/api/types";

const MEMBER = "01JAB2C3D4E5F6G7H8J9KMNPQR";
const CARD = "01JAB2C3D4E5F6G7H8J9KMNPQS";
const able = (service: string, more: Partial<Able> = {}): Able => ({ service, permitted: true, fee_fen: 0, extensions: [], refusals: [], ...more });

describe("services on cards", () => {
  it("are offered in the order of sense, each with a name in both languages", () => {
    const all = Object.keys(SERVICES).map((service) => able(service));
    expect(bySense(all).map(({ service }) => service)).toEqual(["issue", ...ORDER]);
    for (const [zh, en] of Object.values(SERVICES)) expect([zh, en].every((word) => word.length > 0)).toBe(true);
  });

  it("are for the card, or without one for the member", () => {
    const row = freshService(able("lock"));
    expect(orderFor(able("lock"), MEMBER, CARD, row)).toEqual({ service: "lock", reason: "member_asked", card_id: CARD });
    expect(orderFor(able("issue"), MEMBER, null, { ...row, number: " VIP7 " })).toEqual({ service: "issue", reason: "member_asked", member_id: MEMBER, number: "VIP7" });
  });

  it("are not asked for before they are whole", () => {
    const extend = able("extend", { extensions: [{ days: 365, fee_fen: 500 }] });
    expect(orderFor(extend, MEMBER, CARD, freshService(extend))).toMatchObject({ days: 365 });
    expect(orderFor(able("extend"), MEMBER, CARD, freshService(able("extend")))).toBeNull();
    const row = freshService(able("transfer"));
    expect(orderFor(able("transfer"), MEMBER, CARD, row)).toBeNull();
    expect(orderFor(able("transfer"), MEMBER, CARD, { ...row, to_member_id: "x" })).toMatchObject({ to_member_id: "x" });
  });

  it("say nothing of an account where cash is paid out", () => {
    const row = { tender: "cash", voucher: "T1", same_name: true, paper_shown: true, had_same_before: false };
    expect(payoutOf(row)).toEqual({ tender: "cash", voucher: "", same_name: false, paper_shown: true, had_same_before: false });
    expect(payoutOf({ ...row, tender: "bank_transfer" })).toMatchObject({ voucher: "T1", same_name: true });
    expect(fieldsFor(able("return")).map(({ at }) => at)).toContain("voucher");
  });

  it("are paid by one tender, of cash what was handed over", () => {
    expect(tendersOf({ handed_fen: null }, "cash", 500)).toEqual([{ kind: "cash" }]);
    expect(tendersOf({ handed_fen: 1_000 }, "cash", 500)).toEqual([{ kind: "cash", amount_fen: 1_000 }]);
    expect(tendersOf({ handed_fen: 1_000 }, "wechat", 500)).toEqual([{ kind: "wechat" }]);
    expect(tendersOf({ handed_fen: 400 }, "cash", 500)).toEqual([{ kind: "cash" }]);
    expect(tendersOf({}, "cash", 0)).toEqual([]);
  });

  it("tell what does not come back", () => {
    const lot = (principal_left_fen: number, bonus_left_fen: number, refund_fen: number): BackLot =>
      ({ lot: 1, bought_ms: 0, paid_fen: 0, bonus_fen: 0, bonus_ended_fen: 0, principal_left_fen, bonus_left_fen, method: "whole", cooling_off: false, refund_fen, from_shop_fen: 0 });
    const back = { lots: [lot(10_000, 1_000, 10_000), lot(500, 0, 900)], fee_fen: 300, refund_fen: 10_600, points_kept: 0, passes_kept: [] };
    expect(keptOf(back)).toBe(1_300);
  });
});

describe("an errand to the counter", () => {
  it("is what the office asked for", () => {
    const read = (address: string): unknown => readErrand(new URL(address, "http://counter").hash);
    expect(read(atTheCounter("recharge", MEMBER))).toEqual({ what: "recharge", member_id: MEMBER, card_id: null });
    expect(read(atTheCounter("card", MEMBER, CARD))).toEqual({ what: "card", member_id: MEMBER, card_id: CARD });
  });

  it("is nothing where the address says something else", () => {
    for (const hash of ["", "#", "#/members", "#do=pay&member=" + MEMBER, "#do=issue", "#do=issue&member=../x", `#do=card&member=${MEMBER}&card=1`]) {
      expect(readErrand(hash)).toBeNull();
    }
  });

  it("opens the dialog at that member", () => {
    const member = { member_id: MEMBER } as Member;
    const errand = { member_id: MEMBER, card_id: null };
    expect(dialogFor({ ...errand, what: "issue" }, member)).toEqual({ name: "issue_card", member });
    expect(dialogFor({ ...errand, what: "card" }, member)).toBeNull();
    expect(dialogFor({ ...errand, what: "card", card_id: CARD }, member)).toEqual({ name: "card_service", member, card_id: CARD });
  });
});

describe("a price that is tried out", () => {
  const content = { promotions: [{ promotion_id: "a", name: "甲" }, { promotion_id: "b", name: "乙", active: false }], group_order: [] };

  it("asks for what was chosen, in parts where it is weighed", () => {
    expect(orderOfTried([], null, [])).toBeNull();
    expect(orderOfTried([{ code: "x", name: "", count: 2, parts: 1 }, { code: "kg", name: "", count: 1, parts: 1_000 }], MEMBER, ["a"])).toEqual({
      lines: [{ line_id: "1", code: "x", quantity: 2 }, { line_id: "2", code: "kg", quantity: 1_000 }],
      member_id: MEMBER,
      leave_out: ["a"],
    });
  });

  it("switches one promotion and nothing else", () => {
    expect(switched(content, "a", false)).toEqual({ ...content, promotions: [{ promotion_id: "a", name: "甲", active: false }, content.promotions[1]] });
    expect([switched(content, "a", true), switched(content, "b", false), switched(content, "c", false)]).toEqual([null, null, null]);
    expect(promotionsOf(content)).toEqual({ on: new Set(["a"]), off: [{ id: "b", name: "乙" }] });
  });
});
