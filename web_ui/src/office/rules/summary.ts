/**
 * A promotion or a campaign in one plain sentence: "满100减15，会员，周一至周五". Pure: names of ids come
 * from `name`, the language is said.
 */

import type { Locale } from "../../shared/i18n";
import { writeClock, writeFold, writePercent, writeTimes, writeYuan } from "../model/figures";
import type { Row } from "./spec";

export type NameOf = (list: "goods_categories" | "codes" | "member_categories" | "levels", id: string) => string;

type Texts = (zh: string, en: string) => string;

const DAY_NAMES = {
  zh: ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
  en: ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
};

function listed(names: readonly string[], english: boolean, most = 3): string {
  const shown = names.slice(0, most).join(english ? ", " : "、");
  if (names.length <= most) return shown;
  return english ? `${shown} and ${names.length - most} more` : `${shown}等 ${names.length} 项`;
}

const fen = (row: Row, at: string): string => writeYuan(Number(row[at] ?? 0));

function tierText(tier: Row, every: boolean, t: Texts): string {
  const from = fen(tier, "from_fen");
  const off = Number(tier["off_fen"] ?? 0);
  const bp = Number(tier["off_bp"] ?? 0);
  if (off > 0) return every ? t(`每满${from}减${writeYuan(off)}`, `${writeYuan(off)} off each ${from}`) : t(`满${from}减${writeYuan(off)}`, `${writeYuan(off)} off from ${from}`);
  return t(`满${from}打${writeFold(10_000 - bp)}折`, `${writePercent(bp)} % off from ${from}`);
}

function buyText(effect: Row, t: Texts): string {
  const buy = Number(effect["buy"]);
  const get = Number(effect["get"]);
  const off = Number(effect["off_bp"]);
  if (buy === 1 && get === 1 && off === 5_000) return t("第二件半价", "second one half price");
  if (off === 10_000) return buy === 0 ? t(`免费 ${get} 件`, `${get} free`) : t(`买${buy}送${get}`, `buy ${buy}, get ${get} free`);
  return t(`买${buy}件，另${get}件${writeFold(10_000 - off)}折`, `buy ${buy}, ${get} more at ${writePercent(off)} % off`);
}

function bonusText(tier: Row, t: Texts): string {
  const parts: string[] = [];
  if (Number(tier["bonus_bp"]) > 0) parts.push(`${writePercent(Number(tier["bonus_bp"]))}%`);
  if (Number(tier["bonus_fen"]) > 0) parts.push(fen(tier, "bonus_fen"));
  const from = fen(tier, "from_fen");
  return t(`充${from}送${parts.join("+") || "0"}`, `recharge ${from}, get ${parts.join(" + ") || "0"}`);
}

function effectText(effect: Row, t: Texts, english: boolean): string {
  const tiers = (effect["tiers"] ?? []) as Row[];
  switch (effect["kind"]) {
    case "percent_off":
      return t(`打${writeFold(Number(effect["rate_bp"]))}折`, `${writePercent(10_000 - Number(effect["rate_bp"]))} % off`);
    case "fixed_price":
      return t(`一口价 ${fen(effect, "price_fen")} 元`, `${fen(effect, "price_fen")} yuan each`);
    case "buy_n":
      return buyText(effect, t);
    case "spend_tiers":
      return tiers.map((tier) => tierText(tier, effect["every"] === true, t)).join(english ? "; " : "；");
    case "points_times":
      return t(`${writeTimes(Number(effect["times_bp"]))} 倍积分`, `${writeTimes(Number(effect["times_bp"]))} times the points`);
    case "recharge_bonus":
      return tiers.map((tier) => bonusText(tier, t)).join(english ? "; " : "；");
    default:
      return "—";
  }
}

/** [0,1,2,3,4] -> "周一至周五". */
export function weekdayText(days: readonly number[], english: boolean): string {
  const names = english ? DAY_NAMES.en : DAY_NAMES.zh;
  const sorted = [...days].sort((one, other) => one - other);
  const run = sorted.length > 2 && sorted.every((day, at) => day === (sorted[0] ?? 0) + at);
  const name = (day: number | undefined): string => names[day ?? 0] ?? "";
  if (run) return english ? `${name(sorted[0])} to ${name(sorted.at(-1))}` : `${name(sorted[0])}至${name(sorted.at(-1))}`;
  return sorted.map(name).join(english ? ", " : "、");
}

function birthdayText(birthday: Row, t: Texts): string {
  if (birthday["whole_month"] === true) return t("生日当月", "in the month of the birthday");
  const [before, after] = [Number(birthday["days_before"]), Number(birthday["days_after"])];
  if (before + after === 0) return t("生日当天", "on the birthday");
  return t(`生日前 ${before} 天到后 ${after} 天`, `from ${before} days before to ${after} after the birthday`);
}

function whoText(conditions: Row, t: Texts, name: NameOf, english: boolean): string[] {
  const parts: string[] = [];
  const ids = (at: string): string[] => (conditions[at] ?? []) as string[];
  if (ids("member_categories").length > 0) parts.push(listed(ids("member_categories").map((id) => name("member_categories", id)), english));
  if (ids("levels").length > 0) parts.push(listed(ids("levels").map((id) => name("levels", id)), english));
  if (ids("tags").length > 0) parts.push(t("标签 ", "tagged ") + listed(ids("tags"), english));
  if (conditions["birthday"] !== null && conditions["birthday"] !== undefined) parts.push(birthdayText(conditions["birthday"] as Row, t));
  if (conditions["habit"] !== null && conditions["habit"] !== undefined) parts.push(t("按消费习惯挑选", "by habit"));
  return parts;
}

function whenText(conditions: Row, t: Texts, english: boolean): string[] {
  const parts: string[] = [];
  const days = (conditions["weekdays"] ?? []) as number[];
  if (days.length > 0 && days.length < 7) parts.push(weekdayText(days, english));
  for (const hours of (conditions["hours"] ?? []) as Row[]) {
    parts.push(`${writeClock(Number(hours["from_minute"]))}–${writeClock(Number(hours["to_minute"]))}`);
  }
  const [from, to] = [conditions["from_day"], conditions["to_day"]];
  if (from && to) parts.push(t(`${String(from)} 到 ${String(to)}`, `${String(from)} to ${String(to)}`));
  else if (from) parts.push(t(`${String(from)} 起`, `from ${String(from)}`));
  else if (to) parts.push(t(`到 ${String(to)}`, `until ${String(to)}`));
  return parts;
}

/** `minimum_fen` and `valid_days` are of campaigns. */
export function summary(offer: Row, language: Locale, name: NameOf): string {
  const english = language === "en";
  const t: Texts = (zh, en) => (english ? en : zh);
  const scope = (offer["scope"] ?? {}) as Row;
  const conditions = (offer["conditions"] ?? {}) as Row;
  const parts = [effectText((offer["effect"] ?? {}) as Row, t, english)];
  if (Number(offer["minimum_fen"] ?? 0) > 0) parts.push(t(`满${fen(offer, "minimum_fen")}可用`, `from ${fen(offer, "minimum_fen")}`));
  const goods = [
    ...((scope["categories"] ?? []) as string[]).map((id) => name("goods_categories", id)),
    ...((scope["codes"] ?? []) as string[]).map((id) => name("codes", id)),
  ];
  if (goods.length > 0) parts.push(listed(goods, english));
  const but = ((scope["but_codes"] ?? []) as string[]).map((id) => name("codes", id));
  if (but.length > 0) parts.push(t("除 ", "not ") + listed(but, english));
  parts.push(...whoText(conditions, t, name, english), ...whenText(conditions, t, english));
  if (typeof offer["valid_days"] === "number") parts.push(t(`发出后 ${offer["valid_days"]} 天内有效`, `valid for ${offer["valid_days"]} days`));
  const text = parts.join(english ? ", " : "，");
  return english ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
