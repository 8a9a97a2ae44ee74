import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { KeysetPages, MOST_HELD, TALLEST_PX, windowOf, type Page } from "../src/office/list/keyset";
import { placeOf, PLACES } from "../src/office/menu";
import {
  readClock, readFold, readPercent, readTimes, readWhole, readYuan,
  writeClock, writeFold, writePercent, writeTimes, writeYuan,
} from "../src/office/model/figures";
import { freshId, valueAt, type Field } from "../src/office/rules/spec";
import { SECTIONS } from "../src/office/rules/sections";
import { campaignFields, freshCampaign, freshPromotion, promotionFields, stackingFields } from "../src/office/rules/sections/offers";
import { codeDetailFields, freshCode, goodsCategoryFields } from "../src/office/rules/sections/loyalty";
import { summary, weekdayText } from "../src/office/rules/summary";
import { usualAt, usualText } from "../src/office/rules/usual";
import { mistakeText } from "../src/office/text/mistakes";
import { PERMISSIONS } from "../src/office/text/permissions";
import { sayIn, wordOf } from "../src/office/text/phrases";
import { locale } from "../src/shared/i18n";

afterAll(() => void (locale.value = "zh-CN"));

describe("figures", () => {
  it("are yuan outside and fen inside", () => {
    expect([readYuan("12.5"), readYuan("¥1,200"), readYuan("0"), readYuan(".5")]).toEqual([1250, 120_000, 0, 50]);
    expect([readYuan("1.234"), readYuan("-3"), readYuan("x"), readYuan("")]).toEqual([null, null, null, null]);
    expect([writeYuan(1850), writeYuan(1800), writeYuan(5)]).toEqual(["18.50", "18", "0.05"]);
  });

  it("are 折 outside and basis points inside, written either way", () => {
    expect([readFold("8.8"), readFold("88"), readFold("88折"), readFold("10"), readFold("9.55"), readFold("0")]).toEqual([8_800, 8_800, 8_800, 10_000, 9_550, 0]);
    expect([readFold("100"), readFold("-1"), readFold("九折")]).toEqual([null, null, null]);
    expect([writeFold(8_800), writeFold(10_000), writeFold(9_550)]).toEqual(["8.8", "10", "9.55"]);
  });

  it("are percent and times", () => {
    expect([readPercent("12.5"), readPercent("12.5 %"), readPercent("0.01"), readPercent("0.001")]).toEqual([1_250, 1_250, 1, null]);
    expect([readTimes("1.5"), readTimes("2倍"), readTimes("1.23456")]).toEqual([15_000, 20_000, null]);
    expect([writePercent(1_250), writeTimes(15_000)]).toEqual(["12.5", "1.5"]);
  });

  it("are times of the day in minutes", () => {
    expect([readClock("9:30"), readClock("09：05"), readClock("24:00"), readClock("0:00")]).toEqual([570, 545, 1_440, 0]);
    expect([readClock("24:01"), readClock("9:60"), readClock("930")]).toEqual([null, null, null]);
    expect([writeClock(570), writeClock(1_440), writeClock(5)]).toEqual(["09:30", "24:00", "00:05"]);
    expect([readWhole("12"), readWhole("1.5"), readWhole("")]).toEqual([12, null, null]);
  });

  it("come back as they were written, for every whole basis point and fen", () => {
    const lost: string[] = [];
    const back = (written: string, read: number | null, value: number): void => {
      if (read !== value) lost.push(`${value} as ${written}`);
    };
    for (let bp = 0; bp <= 10_000; bp += 1) {
      back(writeFold(bp), readFold(writeFold(bp)), bp);
      back(writePercent(bp), readPercent(writePercent(bp)), bp);
      back(writeTimes(bp), readTimes(writeTimes(bp)), bp);
      back(writeYuan(bp), readYuan(writeYuan(bp)), bp);
    }
    for (let minute = 0; minute <= 1_440; minute += 1) back(writeClock(minute), readClock(writeClock(minute)), minute);
    expect(lost).toEqual([]);
  });
});

describe("a long list", () => {
  const TOTAL = 100_000;
  const source = (sizes: number): { read: (after: string | null) => Promise<Page<number>>; asked: () => number } => {
    let asked = 0;
    return {
      asked: () => asked,
      read: (after) => {
        asked += 1;
        const first = after === null ? 0 : Number(after);
        const rows = Array.from({ length: Math.min(sizes, TOTAL - first) }, (_, at) => first + at);
        const next = first + rows.length;
        return Promise.resolve({ rows, next: next < TOTAL ? String(next) : null });
      },
    };
  };

  it("is read as far as it is wanted, and held only near where it is looked at", async () => {
    const { read, asked } = source(100);
    const pages = new KeysetPages(read);
    await pages.want(0, 30);
    expect([asked(), pages.known, pages.row(30), pages.ended]).toEqual([1, 100, 30, false]);
    for (let at = 0; at < 5_000; at += 50) await pages.want(at, at + 40);
    expect(pages.row(4_960)).toBe(4_960);
    expect(pages.row(0)).toBeUndefined();
    const held = Array.from({ length: 50 }, (_, page) => pages.row(page * 100)).filter((row) => row !== undefined);
    expect(held.length).toBeLessThanOrEqual(MOST_HELD);
    await pages.want(0, 40);
    expect(pages.row(40)).toBe(40);
  });

  it("asks for a page once, however often it is wanted at the same time", async () => {
    const { read, asked } = source(100);
    const pages = new KeysetPages(read);
    await Promise.all([pages.want(0, 10), pages.want(0, 20), pages.want(5, 9)]);
    expect(asked()).toBe(1);
  });

  it("ends", async () => {
    const pages = new KeysetPages((after) => Promise.resolve({ rows: after === null ? ["a", "b"] : [], next: null }));
    await pages.want(0, 50);
    expect([pages.known, pages.ended, pages.row(1), pages.row(2)]).toEqual([2, true, "b", undefined]);
    await pages.want(0, 50);
    expect(pages.known).toBe(2);
  });

  it("goes on where a page is empty and not the last", async () => {
    const pages = new KeysetPages((after) => Promise.resolve(after === null ? { rows: [], next: "x" } : { rows: [1], next: null }));
    await pages.want(0, 5);
    expect([pages.known, pages.row(0), pages.ended]).toEqual([1, 1, true]);
  });

  it("draws what is in sight, the last row of a million too, in no box that is too high", () => {
    expect(windowOf(1_000, 64, 0, 640, 2)).toEqual({ first: 0, end: 12, top_px: 0, height_px: 64_000 });
    const rows = 1_000_000;
    const whole = windowOf(rows, 64, 0, 640);
    expect(whole.height_px).toBe(TALLEST_PX);
    const last = windowOf(rows, 64, TALLEST_PX - 640, 640);
    expect(last.end).toBe(rows);
    expect(rows - last.first).toBeLessThan(30);
    expect(last.top_px + (last.end - last.first) * 64).toBeCloseTo(TALLEST_PX, 0);
    const middle = windowOf(rows, 64, TALLEST_PX / 2, 640);
    expect(Math.abs((middle.first + middle.end) / 2 - rows / 2)).toBeLessThan(40);
    expect(middle.top_px).toBeGreaterThan(TALLEST_PX / 2 - 1_000);
  });
});

describe("a promotion in one sentence", () => {
  const name = (_: string, id: string): string => ({ vip: "VIP", gold: "金卡", drinks: "饮料" })[id] ?? id;
  const workdays = { ...freshPromotion([]) };
  workdays["conditions"] = { ...(workdays["conditions"] as object), weekdays: [4, 0, 1, 2, 3], member_categories: ["vip"] } as never;

  it("says the effect, the people and the days", () => {
    expect(summary(workdays, "zh-CN", name)).toBe("满100减15，VIP，周一至周五");
    expect(summary(workdays, "en", name)).toBe("15 off from 100, VIP, Mon to Fri");
  });

  it("knows every effect in both languages", () => {
    const of = (effect: object, more: object = {}): [string, string] => {
      const offer = { ...freshPromotion([]), effect, ...more } as never;
      return [summary(offer, "zh-CN", name), summary(offer, "en", name)];
    };
    expect(of({ kind: "percent_off", rate_bp: 8_800 })).toEqual(["打8.8折", "12 % off"]);
    expect(of({ kind: "fixed_price", price_fen: 990 })).toEqual(["一口价 9.90 元", "9.90 yuan each"]);
    expect(of({ kind: "buy_n", buy: 2, get: 1, off_bp: 10_000, most_sets: null })).toEqual(["买2送1", "Buy 2, get 1 free"]);
    expect(of({ kind: "buy_n", buy: 1, get: 1, off_bp: 5_000, most_sets: null })).toEqual(["第二件半价", "Second one half price"]);
    expect(of({ kind: "points_times", times_bp: 20_000 })).toEqual(["2 倍积分", "2 times the points"]);
    expect(of({ kind: "recharge_bonus", tiers: [{ from_fen: 50_000, bonus_bp: 1_000, bonus_fen: 2_000 }] })).toEqual(["充500送10%+20", "Recharge 500, get 10% + 20"]);
    const every = { kind: "spend_tiers", tiers: [{ from_fen: 10_000, off_fen: 1_000, off_bp: 0 }], every: true };
    expect(of(every, { scope: { categories: ["drinks"], codes: [], but_codes: ["9"] } })).toEqual(["每满100减10，饮料，除 9", "10 off each 100, 饮料, not 9"]);
    const birthday = { ...(freshPromotion([])["conditions"] as object), birthday: { whole_month: true, days_before: 0, days_after: 0 }, hours: [{ from_minute: 600, to_minute: 840 }], to_day: "2026-12-31" };
    expect(of({ kind: "percent_off", rate_bp: 9_000 }, { conditions: birthday })).toEqual(["打9折，生日当月，10:00–14:00，到 2026-12-31", "10 % off, in the month of the birthday, 10:00–14:00, until 2026-12-31"]);
    const coupon = freshCampaign([]);
    expect(summary({ ...coupon, minimum_fen: 5_000 }, "zh-CN", name)).toBe("满100减10，满50可用，发出后 30 天内有效");
  });

  it("joins days that follow each other", () => {
    expect([weekdayText([5, 6], false), weekdayText([0, 2, 4], true), weekdayText([0, 1, 2], true)]).toEqual(["周六、周日", "Mon, Wed, Fri", "Mon to Wed"]);
  });
});

describe("forms of the rules", () => {
  const all: [string, Field][] = [];
  function collect(where: string, fields: readonly Field[]): void {
    for (const field of fields) {
      all.push([`${where}.${field.at}`, field]);
      if (field.kind === "part" || field.kind === "rows") collect(`${where}.${field.at}`, field.fields);
      if (field.kind === "one_of") for (const each of field.of) collect(`${where}.${field.at}.${each.kind}`, each.fields);
    }
  }
  for (const section of Object.values(SECTIONS)) for (const block of section.blocks) collect(section.name, block.fields);
  for (const [where, fields] of [["promotion", promotionFields], ["promotion", stackingFields], ["campaign", campaignFields], ["code", codeDetailFields], ["goods", goodsCategoryFields]] as const) collect(where, fields);

  it("say every label and help in both languages", () => {
    expect(all.length).toBeGreaterThan(150);
    for (const [where, field] of all) {
      for (const phrase of [field.label, field.help].filter((each) => each !== undefined)) {
        expect(phrase[0].trim(), where).not.toBe("");
        expect(phrase[1].trim(), where).not.toBe("");
        expect(phrase[1], where).not.toMatch(/[\u4e00-\u9fff]/);
      }
    }
  });

  it("make fresh rows that hold every field that they show", () => {
    for (const [where, field] of all) {
      if (field.kind !== "rows") continue;
      const row = field.fresh([]);
      for (const each of field.fields) expect(Object.hasOwn(row, each.at), `${where}.${each.at}`).toBe(true);
    }
    for (const each of [...promotionFields, ...stackingFields]) expect(Object.hasOwn(freshPromotion([]), each.at), each.at).toBe(true);
    for (const each of campaignFields) expect(Object.hasOwn(freshCampaign([]), each.at), each.at).toBe(true);
    for (const each of codeDetailFields) expect(Object.hasOwn(freshCode("x"), each.at), each.at).toBe(true);
  });

  it("find names that nobody has, and values at a path", () => {
    expect(freshId("goods", "category", [])).toBe("goods-1");
    expect(freshId("goods", "category", [{ category: "goods-2" }])).toBe("goods-3");
    expect(valueAt({ a: [{ b: 1 }] }, "a.0.b")).toBe(1);
    expect(valueAt({ a: null }, "a.b.c")).toBeUndefined();
  });
});

describe("what a field is at first", () => {
  const schema = {
    $defs: { Limits: { properties: { ceiling_fen: { type: "integer", default: 500_000 }, days: { anyOf: [{ type: "integer" }, { type: "null" }], default: null } } }, Row: { properties: { fee_fen: { default: 0 } } } },
    properties: { limits: { $ref: "#/$defs/Limits", default: { ceiling_fen: 400_000, days: null } }, rows: { items: { $ref: "#/$defs/Row" } }, on: { default: true } },
  };

  it("is read from the schema, through references, rows and defaults around it", () => {
    expect(usualAt(schema, "limits.ceiling_fen")).toBe(400_000);
    expect(usualAt(schema, "limits.days")).toBe(null);
    expect(usualAt(schema, "rows.3.fee_fen")).toBe(0);
    expect(usualAt(schema, "on")).toBe(true);
    expect(usualAt(schema, "nothing.there")).toBeUndefined();
  });

  it("is told in the units of the form", () => {
    const money: Field = { kind: "figure", as: "money", at: "x", label: ["甲", "a"], optional: ["不限", "no limit"] };
    expect(usualText(money, 400_000)).toBe("¥4,000.00");
    expect(usualText(money, null)).toBe("不限");
    expect(usualText({ kind: "yes", at: "x", label: ["甲", "a"] }, true)).toBe("开");
    expect(usualText(money, undefined)).toBe(null);
  });
});

describe("the office's sentences", () => {
  it("tell limits of money in yuan, and what they do not know as it is", () => {
    locale.value = "zh-CN";
    expect(mistakeText("parameters.limits.named_ceiling_fen", "laxer_than_law", { limit: 500_000 })).toBe("比法规宽，最多 ¥5,000.00");
    expect(mistakeText("store.phone", "too_long", { limit: 120 })).toBe("太长，最多 120 个字");
    expect(mistakeText("store.phone", "new_key")).toContain("new_key");
    expect(wordOf(PERMISSIONS, "new_permission")).toBe("new_permission");
    expect(sayIn("en", ["一", "one"])).toBe("one");
  });

  it("know every place of the menu by its address", () => {
    expect(placeOf("/rules/store")?.path).toBe("/rules/store");
    expect(placeOf("/members/import")?.path).toBe("/members");
    expect(placeOf("/")?.path).toBe("/");
    expect(new Set(PLACES.map((place) => place.path)).size).toBe(PLACES.length);
  });

  it("have both languages wherever words are declared", () => {
    const root = new URL("../src/office", import.meta.url);
    const sources = readdirSync(root, { recursive: true }).map(String).filter((path) => /\.(vue|ts)$/.test(path));
    expect(sources.length).toBeGreaterThan(40);
    for (const path of sources) {
      const text = readFileSync(new URL(`../src/office/${path}`, import.meta.url), "utf8");
      // A tuple of two texts whose first has Chinese: the second must be English and not empty.
      for (const [, zh = "", en = ""] of text.matchAll(/\["([^"\n]*[\u4e00-\u9fff][^"\n]*)", "([^"\n]*)"\]/g)) {
        expect(en.trim(), `${path}: ${zh}`).not.toBe("");
        expect(en, `${path}: ${zh}`).not.toMatch(/[\u4e00-\u9fff]/);
      }
    }
  });
});
