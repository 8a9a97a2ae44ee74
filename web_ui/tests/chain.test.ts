import { afterEach, describe, expect, it } from "vitest";
import { balanceName, hereNow, linkWords, newerWord, splitDue, splitOf, splitWords, wholeWords } from "../src/cashier/model/chain";
import { standingRows, type ChainStanding } from "../src/office/model/chain";
import { SECTIONS } from "../src/office/rules/sections";
import { mistakeText } from "../src/office/text/mistakes";
import type { Quote } from "../src/shared/api/till-types";
import type { ChainLink, Sale } from "../src/shared/api/types";
import { locale, sinceTime } from "../src/shared/i18n";

afterEach(() => void (locale.value = "zh-CN"));

/** Half past ten today, on this machine's clock. */
const TEN32 = new Date(new Date().setHours(10, 32, 0, 0)).getTime();
const cut: ChainLink = { online: false, since_ms: TEN32, contact_ms: TEN32, waiting: 2 };
const there: ChainLink = { ...cut, online: true };

const declined = (reason: string, more: Partial<Sale> = {}): Sale =>
  ({
    sale_id: "S1",
    amount_fen: 10_000,
    status: "declined",
    reason,
    facts: { usable_here_fen: 1_200, online_fen: 0, available_fen: 1_200, short_fen: 8_800 },
    elsewhere: [],
    member: { member_id: "M1" },
    ...more,
  }) as Sale;
const split = (sale: Sale) => splitOf(sale) ?? expect.fail("no split");

describe("a sale for which too little is here", () => {
  it("tells what can be spent here and what needs the network", () => {
    locale.value = "en";
    expect(splitWords(split(declined("needs_network")), cut)).toEqual({
      title: "¥12.00 can be spent here now",
      advice: "¥88.00 needs the network, offline since 10:32. Nothing was taken.",
    });
  });

  it("names the branch that holds the rest, and since when that is cut off", () => {
    locale.value = "en";
    const elsewhere = [{ store: "S02", fen: 8_800, offline_since: TEN32 }];
    const held = split(declined("held_elsewhere", { elsewhere }));
    expect(splitWords(held, there).advice).toBe(
      "¥88.00 is held at branch S02 (offline since 10:32). Nothing was taken.",
    );
    const either = split(declined("needs_network", { elsewhere: [{ store: "Y", fen: 8_800, offline_since: null }] }));
    expect(splitWords(either, cut).advice).toBe(
      "¥88.00 needs the network or is held at branch Y, offline since 10:32. Nothing was taken.",
    );
    locale.value = "zh-CN";
    expect(splitWords(either, cut)).toEqual({
      title: "本店现在可用 ¥12.00",
      advice: "¥88.00 需要联网，或存放在 分店 Y，10:32 起断网。没有扣款。",
    });
  });

  it("counts what the cloud has free, and says so where there is nothing", () => {
    const online = { usable_here_fen: 1_000, online_fen: 500, available_fen: 1_500, short_fen: 8_500 };
    expect(split(declined("held_elsewhere", { facts: online })).usable_fen).toBe(1_500);
    locale.value = "en";
    const none = split(declined("needs_network", { facts: { available_fen: 0, short_fen: 10_000 } }));
    expect(splitWords(none, null).title).toBe("Nothing can be spent here now");
  });

  it("is offered too where credit would need a manager", () => {
    const asked = declined("credit_needs_manager", { facts: { credit_fen: 8_800, usable_here_fen: 1_200, available_fen: 1_200, short_fen: 8_800 } });
    expect([split(asked).usable_fen, split(asked).due_fen]).toEqual([1_200, 10_000]);
    expect(split(asked).credit_fen).toBe(8_800);
    expect(split(declined("needs_network", { facts: asked.facts })).credit_fen).toBe(0);
  });

  it("is not made of any other refusal, or of a sale that was not refused", () => {
    expect(splitOf(declined("insufficient_funds"))).toBeNull();
    expect(splitOf(declined("needs_network", { status: "approved" }))).toBeNull();
    expect(splitOf(null)).toBeNull();
  });

  it("asks for the member's price, and for the whole where another means paid already", () => {
    const cheaper = { available_fen: 1_200, short_fen: 7_800 };
    expect(split(declined("needs_network", { facts: cheaper })).due_fen).toBe(9_000);
    const basket = { tenders: [{ kind: "cash" as const, amount_fen: 5_000 }, { kind: "stored" as const }] };
    const mixed = declined("needs_network", { basket });
    expect(split(mixed).due_fen).toBe(10_000);
    const priced = { member_id: "M1", paid_fen: 9_500 } as Quote;
    expect(splitDue(split(mixed), mixed, priced)).toBe(9_500);
    expect(splitDue(split(mixed), mixed, { ...priced, member_id: "M2" })).toBe(10_000);
    expect(splitDue(split(mixed), mixed, null)).toBe(10_000);
  });
});

describe("the line to the cloud", () => {
  it("is told in a word, with the time it went", () => {
    expect([linkWords(there), linkWords(cut)]).toEqual(["已联网", "10:32 起断网"]);
    locale.value = "en";
    expect([linkWords(there), linkWords(cut)]).toEqual(["Cloud online", "Offline since 10:32"]);
    expect(linkWords({ ...cut, since_ms: null })).toBe("Offline");
  });

  it("names the day where it was another", () => {
    locale.value = "en";
    const day_ms = 24 * 3_600_000;
    expect(sinceTime(TEN32, TEN32)).toBe("10:32");
    expect(sinceTime(TEN32, TEN32 + 2 * day_ms)).toMatch(/^\d\d\/\d\d, 10:32$/);
  });

  it("makes a balance one that is here; a shop alone has just a balance", () => {
    expect([balanceName("本金", cut), balanceName("本金", null)]).toEqual(["本金 · 本店", "本金"]);
  });
});

describe("what a member has in all branches", () => {
  const here = { principal_fen: 1_200, bonus_fen: 0, at_ms: TEN32 };
  const whole = { principal_fen: 50_000, bonus_fen: 5_000, owed_fen: 0, as_of_ms: TEN32 };

  it("is told with the time it is from", () => {
    expect(wholeWords({ here, whole })).toBe("全部门店 ¥550.00（截至 10:32）");
    locale.value = "en";
    expect(wholeWords({ here, whole })).toBe("All branches ¥550.00 (as of 10:32)");
    expect(wholeWords({ here, whole: { ...whole, owed_fen: 3_000 } })).toBe("All branches ¥550.00, owes ¥30.00 (as of 10:32)");
    expect(wholeWords({ here, whole: null })).toBe("All branches: not heard from the cloud yet");
    expect([wholeWords(null), wholeWords(undefined)]).toEqual([null, null]);
  });

  it("is the newest that was heard, by the live line or with the member", () => {
    const [older, newer] = [{ here, whole }, { here: { ...here, at_ms: TEN32 + 1 }, whole }];
    expect([newerWord(newer, older), newerWord(older, newer)]).toEqual([newer, newer]);
    expect([newerWord(null, older), newerWord(older, null), newerWord(null, undefined)]).toEqual([older, older, undefined]);
  });

  it("goes with what is here now, also where that was called in after the last sale", () => {
    const left = { principal_fen: 9_000, bonus_fen: 0 };
    const sold = { balance: left, settled_ms: TEN32 } as Sale;
    expect(hereNow(sold, { here, whole })).toEqual(here);
    expect(hereNow({ ...sold, settled_ms: TEN32 + 1 }, { here, whole })).toEqual(left);
    expect([hereNow(sold, null), hereNow(null, { here, whole }), hereNow(null, null)]).toEqual([left, here, null]);
  });
});

describe("the office's page of the chain", () => {
  const standing: ChainStanding = {
    belongs: true, device: "d1", store: "S01", merchant: "m", cloud: "https://c.example", online: true,
    since_ms: 1, contact_ms: null, waiting: 0, journal: { epoch: 1, number: 7 }, valid_until_ms: 2,
    held: { members: 3, principal_fen: 12_345, bonus_fen: 0, points: 5, uses: 1 },
  };
  const writing = { time: (ms: number) => `@${ms}`, yuan: (fen: number) => (fen / 100).toFixed(2) };

  it("tells the link and what is held", () => {
    const { link, held } = standingRows(standing, "en", writing);
    expect(link.map((row) => row.text)).toEqual([
      "@1", "not yet", "nothing, the cloud has it all", "@2", "https://c.example", "S01 · d1", "number 7, epoch 1",
    ]);
    expect(held.map((row) => row.text)).toEqual(["3", "123.45", "0.00", "5", "1"]);
    const inward = standingRows({ ...standing, cloud: "", waiting: 2, held: null }, "zh-CN", writing);
    expect(inward.link.map((row) => row.text).slice(2, 5)).toEqual(["2 件", "@2", "由云端连接这台设备"]);
    expect(inward.held).toEqual([]);
  });

  it("explains a bound in the units that are typed", () => {
    locale.value = "en";
    expect(SECTIONS["chain"]?.blocks.flatMap((block) => block.fields)).toHaveLength(15);
    expect(mistakeText("chain.lease_share_bp", "too_large", { limit: 10_000 })).toBe("Too large: at most 100 %");
    expect(mistakeText("chain.credit_day_fen", "credit_below_sale", { limit: 5_000 })).toContain("¥50.00");
  });
});
