import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { duration, fill, keepReasons, locale, reasonText, t, tIn, word } from "../src/shared/i18n";
import { en } from "../src/shared/i18n/en";
import { enReasons } from "../src/shared/i18n/en-reasons";
import { DECLINE_KEYS, PROBLEM_KEYS } from "../src/shared/i18n/reason-keys";
import { zh } from "../src/shared/i18n/zh-CN";
import { zhReasons } from "../src/shared/i18n/zh-CN-reasons";

/** The keys that docs/api.md promises, with the facts that come with them. */
const PROMISED: Record<string, string[]> = {
  insufficient_funds: ["short_fen", "available_fen"],
  needs_network: ["usable_here_fen", "short_fen"],
  held_elsewhere: ["usable_here_fen"],
  lease_expired: [],
  clock_unsynced_long: [],
  clock_unsynced_much: ["left_fen"],
  lease_closed: [],
  debit_reversed: [],
  debit_id_reused: [],
  credit_needs_manager: ["credit_fen"],
  card_unknown: [],
  card_lost: [],
  card_locked: [],
  card_returned: [],
  card_replaced: [],
  card_forged: [],
  card_rolled_back: [],
  card_counter_ahead: [],
  card_gone: [],
  card_silent: [],
  card_garbled: [],
  card_torn: [],
  card_blank: [],
  purse_refused: [],
  purse_blocked: [],
  purse_unsettled: [],
  member_frozen: [],
  pin_required_but_unset: [],
  pin_wrong: ["left"],
  pin_locked: ["seconds"],
  day_limit: ["limit_fen", "left_fen"],
  timed_out: [],
  cancelled_by_cashier: [],
  cancelled_by_button: [],
  ledger_stopped: [],
  ledger_full: [],
  ledger_failed: [],
  reader_absent: [],
  restarted: [],
  two_cards: [],
};

const places = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "").sort();

beforeAll(keepReasons);
afterAll(() => void (locale.value = "zh-CN"));

describe("both languages", () => {
  it("have the same keys, none empty, with the same places to fill", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const [key, text] of Object.entries(zh)) {
      const other = en[key as keyof typeof zh];
      expect(text.trim(), key).not.toBe("");
      expect(other.trim(), key).not.toBe("");
      expect(places(other), key).toEqual(places(text));
    }
  });

  it("have a title and an advice for every reason, with the same facts", () => {
    const keys = [...DECLINE_KEYS, ...PROBLEM_KEYS].sort();
    expect(Object.keys(zhReasons).sort()).toEqual(keys);
    expect(Object.keys(enReasons).sort()).toEqual(keys);
    for (const key of [...DECLINE_KEYS, ...PROBLEM_KEYS]) {
      for (const text of [zhReasons[key], enReasons[key]]) {
        expect(text.title.length, key).toBeGreaterThan(2);
        expect(text.advice.length, key).toBeGreaterThan(2);
      }
      const used = (text: { title: string; advice: string }): string[] =>
        places(text.title + text.advice);
      expect(used(enReasons[key]), key).toEqual(used(zhReasons[key]));
    }
  });

  it("cover every decline that the interface promises, and fill in all its facts", () => {
    expect([...DECLINE_KEYS].sort()).toEqual(Object.keys(PROMISED).sort());
    for (const [key, facts] of Object.entries(PROMISED)) {
      const text = zhReasons[key as keyof typeof zhReasons];
      expect(places(text.title + text.advice), key).toEqual([...facts].sort());
    }
  });

  it("have no letters of the other language", () => {
    for (const text of Object.values(en)) {
      if (text !== en["language.name"]) expect(text).not.toMatch(/[\u4e00-\u9fff]/);
    }
    for (const { title, advice } of Object.values(enReasons)) {
      expect(title + advice).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });

  it("are all in use: no sentence that nothing shows", () => {
    const sources = readdirSync(new URL("../src", import.meta.url), { recursive: true })
      .map(String)
      .filter((path) => /\.(vue|ts)$/.test(path) && !path.includes("i18n/"))
      .map((path) => readFileSync(new URL(`../src/${path}`, import.meta.url), "utf8"))
      .join("\n");
    const own = readFileSync(new URL("../src/shared/i18n/index.ts", import.meta.url), "utf8");
    const unused = Object.keys(zh).filter((key) => {
      if ((sources + own).includes(`"${key}"`) || sources.includes(`'${key}'`)) return false;
      const group = key.slice(0, key.lastIndexOf("."));
      // Composed keys: t(`group.${name}`), word("group", name).
      return !sources.includes(`\`${group}.\${`) && !sources.includes(`"${group}",`) &&
        !sources.includes(`'${group}',`) && !(key.endsWith(".advice") && sources.includes(`}.advice\``));
    });
    expect(unused).toEqual([]);
  });
});

describe("sentences", () => {
  it("fill in money, durations and plain facts; a missing fact is a dash", () => {
    expect(fill("{a_fen}/{seconds}/{n}/{none}", { a_fen: 1850, seconds: 75, n: 3 })).toBe(
      "¥18.50/1:15/3/—",
    );
    expect(duration(59.2)).toBe("1:00");
    expect(duration(-3)).toBe("0:00");
  });

  it("follow the language in force", () => {
    expect(t("charge")).toBe("收款");
    locale.value = "en";
    expect(t("charge")).toBe("Charge");
    expect(tIn("zh-CN", "charge")).toBe("收款");
    expect(word("sale_status", "parked")).toBe("Parked");
    expect(reasonText("insufficient_funds", { short_fen: 500, available_fen: 1350 }).title).toBe(
      "Not enough money: ¥5.00 short",
    );
  });

  it("show what they do not know", () => {
    expect(word("technology", "new_chip")).toBe("new_chip");
    expect(word("technology", null)).toBe("—");
    expect(reasonText("new_reason").advice).toContain("new_reason");
    expect(reasonText("constructor").advice).toContain("constructor");
  });
});
