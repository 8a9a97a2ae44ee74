/** Two languages, typed: a key that is missing in one of them does not compile.
 *
 * The sentences of a page come with it. What can be wrong is longer and seldom said: it comes beside
 * the page, the language that is shown first. */

import { computed, ref, shallowReactive, watch } from "vue";
import { formatYuan } from "../money";
import type { Facts } from "../api/types";
import { en } from "./en";
import type { ReasonKey, ReasonText } from "./reason-keys";
import { zh, type MessageKey } from "./zh-CN";

export type Locale = "zh-CN" | "en";
export const LOCALES: readonly Locale[] = ["zh-CN", "en"];

const messages: Record<Locale, Record<MessageKey, string>> = { "zh-CN": zh, en };
type Reasons = Record<ReasonKey, ReasonText>;
const fetchReasons: Record<Locale, () => Promise<Reasons>> = {
  "zh-CN": async () => (await import("./zh-CN-reasons")).zhReasons,
  en: async () => (await import("./en-reasons")).enReasons,
};
const reasons = shallowReactive(new Map<Locale, Reasons>());
const AGAIN_AFTER_MS = 2_000;

const SHELF_NAME = "counterd.language";

function firstLocale(): Locale {
  const kept = globalThis.localStorage?.getItem(SHELF_NAME);
  return kept === "en" ? "en" : "zh-CN";
}

export const locale = ref<Locale>(firstLocale());

export const otherLocale = computed<Locale>(() => (locale.value === "en" ? "zh-CN" : "en"));

export function setLocale(next: Locale): void {
  locale.value = next;
  localStorage.setItem(SHELF_NAME, next);
}

/** Until the reasons of both languages are here; while the device is away they are asked for again. */
export async function keepReasons(): Promise<void> {
  for (const language of [locale.value, otherLocale.value]) {
    while (!reasons.has(language)) {
      try {
        reasons.set(language, await fetchReasons[language]());
      } catch {
        await new Promise((again) => setTimeout(again, AGAIN_AFTER_MS));
      }
    }
  }
}

/** 75 -> "1:15". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Put facts into `{name}` places: `_fen` becomes money, `seconds` a duration, none a dash. */
export function fill(text: string, facts: Facts = {}): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const fact = facts[name];
    if (fact === undefined || fact === null) return "—";
    if (name.endsWith("_fen") && typeof fact === "number") return formatYuan(fact);
    if (name === "seconds" && typeof fact === "number") return duration(fact);
    return String(fact);
  });
}

export function tIn(language: Locale, key: MessageKey, facts?: Facts): string {
  return fill(messages[language][key], facts);
}

export function t(key: MessageKey, facts?: Facts): string {
  return tIn(locale.value, key, facts);
}

/** What is wrong and what to do. An unknown key is shown as it is, for whoever is phoned. */
export function reasonText(key: string | null, facts?: Facts): ReasonText {
  const known: Record<string, ReasonText> = reasons.get(locale.value) ?? reasons.get(otherLocale.value) ?? {};
  const found = key !== null && Object.hasOwn(known, key) ? known[key] : undefined;
  if (found !== undefined) {
    return { title: fill(found.title, facts), advice: fill(found.advice, facts) };
  }
  return { title: t("reason.other"), advice: t("reason.other_advice", { key: key ?? "—" }) };
}

/** A word that the device chose (a status, a role); unknown words are shown as they are. */
export function word(group: string, name: string | null | undefined): string {
  if (name === null || name === undefined || name === "") return "—";
  const key = `${group}.${name}`;
  const known = messages[locale.value] as Record<string, string>;
  return Object.hasOwn(known, key) ? (known[key] ?? name) : name;
}

const clocks = new Map<Locale, Intl.DateTimeFormat>();

export function clockTime(ms: number): string {
  const language = locale.value;
  let format = clocks.get(language);
  if (format === undefined) {
    format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    clocks.set(language, format);
  }
  return format.format(ms);
}

/** "10:32", with the day in front where it was another. */
export function sinceTime(ms: number, now_ms = Date.now()): string {
  const language = locale.value === "en" ? "en-GB" : locale.value;
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const today = new Date(ms).toDateString() === new Date(now_ms).toDateString();
  return new Intl.DateTimeFormat(language, today ? clock : { month: "2-digit", day: "2-digit", ...clock }).format(ms);
}

/** The day alone, with its year. */
export function clockDay(ms: number): string {
  const language = locale.value === "en" ? "en-GB" : locale.value;
  return new Date(ms).toLocaleDateString(language, { year: "numeric", month: "2-digit", day: "2-digit" });
}

/** Keep the document's language and title in step. */
export function bindDocument(titleKey: MessageKey): void {
  watch(
    locale,
    (language) => {
      document.documentElement.lang = language;
      document.title = t(titleKey);
    },
    { immediate: true },
  );
}
