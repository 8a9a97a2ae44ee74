import { describe, expect, it } from "vitest";
import {
  bonusFor,
  formatYuan,
  MAX_AMOUNT_FEN,
  parseYuan,
  plainYuan,
  typeAmount,
  typedYuan,
} from "../src/shared/money";

const type = (keys: string): string => [...keys].reduce(typeAmount, "");

describe("parseYuan", () => {
  it.each([
    ["18.50", 1850],
    ["18.5", 1850],
    ["18.", 1800],
    ["18", 1800],
    [".5", 50],
    ["0.01", 1],
    ["0", 0],
    [" 7.10 ", 710],
    ["99999.99", 9_999_999],
  ])("reads %s as %i fen", (text, fen) => expect(parseYuan(text)).toBe(fen));

  it.each(["", ".", "1.234", "-1", "1e3", "１２", "1,000", "abc", "1..2", "12345678"])(
    "refuses %j",
    (text) => expect(parseYuan(text)).toBeNull(),
  );

  it("is the inverse of plainYuan for every fen of a range and for large amounts", () => {
    for (let fen = 0; fen <= 12_345; fen += 1) {
      expect(parseYuan(plainYuan(fen).replaceAll(",", ""))).toBe(fen);
    }
    expect(parseYuan(plainYuan(MAX_AMOUNT_FEN).replaceAll(",", ""))).toBe(MAX_AMOUNT_FEN);
  });
});

describe("format", () => {
  it.each([
    [0, "¥0.00"],
    [5, "¥0.05"],
    [1850, "¥18.50"],
    [123_450, "¥1,234.50"],
    [123_456_789, "¥1,234,567.89"],
    [-1850, "−¥18.50"],
  ])("writes %i as %s", (fen, text) => expect(formatYuan(fen)).toBe(text));

  it.each([
    ["", "0.00"],
    ["0.", "0."],
    ["1234.5", "1,234.5"],
    ["1234", "1,234"],
  ])("shows %j, typed, as %s", (typed, text) => expect(typedYuan(typed)).toBe(text));
});

describe("typeAmount", () => {
  it.each([
    ["18.5", "18.5"],
    [".5", "0.5"],
    ["1.2.3", "1.23"],
    ["1.239", "1.23"],
    ["007", "7"],
    ["0.05", "0.05"],
    ["999999", "99999"],
    ["1x2", "12"],
  ])("types %s into %s", (keys, typed) => expect(type(keys)).toBe(typed));

  it("goes back and clears", () => {
    expect(typeAmount("18.5", "Backspace")).toBe("18.");
    expect(typeAmount("", "Backspace")).toBe("");
    expect(typeAmount("18.5", "Clear")).toBe("");
    expect(typeAmount("5", "00")).toBe("500");
  });

  it("never leaves a buffer that is not an amount within the limit", () => {
    let seed = 20_240_917;
    const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648);
    const keys = ["0", "1", "5", "9", ".", "Backspace", "00"];
    let typed = "";
    for (let step = 0; step < 20_000; step += 1) {
      typed = typeAmount(typed, keys[next() % keys.length] ?? "0");
      const fen = typed === "" ? 0 : parseYuan(typed);
      expect(fen, typed).not.toBeNull();
      expect(fen).toBeLessThanOrEqual(MAX_AMOUNT_FEN);
    }
  });
});

describe("bonusFor", () => {
  const tiers = [
    { from_fen: 50_000, bonus_bp: 1_000 },
    { from_fen: 20_000, bonus_bp: 500 },
    { from_fen: 100_000, bonus_bp: 1_500 },
  ];
  it.each([
    [0, 0],
    [19_999, 0],
    [20_000, 1_000],
    [50_000, 5_000],
    [100_001, 15_000],
  ])("brings, for %i, %i", (amount, bonus) => expect(bonusFor(amount, tiers)).toBe(bonus));
  it("brings nothing without tiers", () => expect(bonusFor(50_000, [])).toBe(0));
});
