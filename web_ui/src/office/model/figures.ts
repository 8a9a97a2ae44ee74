/**
 * Figures as people write them, and as the device keeps them: yuan and fen, 折 or percent and basis
 * points, times and basis points, hours and minutes. `null` where a text is not such a figure.
 */

import { parseYuan } from "../../shared/money";

/** Basis points in a whole: 10 000 is all of the price, or once the points. */
export const WHOLE_BP = 10_000;

const DECIMAL = /^\d{1,7}(?:\.\d{1,4})?$/;

/** A decimal text in units of 1/scale, exact; null where it has more decimals than fit. */
function scaled(text: string, scale: number): number | null {
  const typed = text.trim();
  if (!DECIMAL.test(typed)) return null;
  const value = Math.round(Number(typed) * scale * 1_000) / 1_000;
  return Number.isInteger(value) ? value : null;
}

function plain(value: number, scale: number): string {
  return String(Math.round((value / scale) * 10_000) / 10_000);
}

/** "12.50" and "12" are 1250 and 1200 fen; commas and a ¥ in front are read over. */
export function readYuan(text: string): number | null {
  return parseYuan(text.replaceAll(",", "").replace(/^\s*[¥￥]/, ""));
}

/** 1850 -> "18.5", 1800 -> "18": as one would type it. */
export function writeYuan(fen: number): string {
  return fen % 100 === 0 ? String(fen / 100) : (fen / 100).toFixed(2);
}

/** 折: "8.8" and "88" are both 8 800 bp, "10" is the whole price. */
export function readFold(text: string): number | null {
  const tenths = scaled(text.replace(/\s*折\s*$/, ""), 1_000);
  if (tenths === null) return null;
  if (tenths <= WHOLE_BP) return tenths;
  return tenths < 100_000 && tenths % 10 === 0 ? tenths / 10 : null;
}

export function writeFold(bp: number): string {
  return plain(bp, 1_000);
}

/** "88" and "88 %" are 8 800 bp. */
export function readPercent(text: string): number | null {
  return scaled(text.replace(/\s*[%％]\s*$/, ""), 100);
}

export function writePercent(bp: number): string {
  return plain(bp, 100);
}

/** "1.5" times is 15 000 bp. */
export function readTimes(text: string): number | null {
  return scaled(text.replace(/\s*(?:倍|×|x)\s*$/i, ""), WHOLE_BP);
}

export function writeTimes(bp: number): string {
  return plain(bp, WHOLE_BP);
}

/** "9:30" is 570 minutes after midnight, "24:00" the end of the day. */
export function readClock(text: string): number | null {
  const match = /^(\d{1,2})[:：](\d{2})$/.exec(text.trim());
  if (match === null) return null;
  const minutes = Number(match[1]) * 60 + Number(match[2]);
  return Number(match[2]) < 60 && minutes <= 1_440 ? minutes : null;
}

export function writeClock(minutes: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

export function readWhole(text: string): number | null {
  return /^\d{1,13}$/.test(text.trim()) ? Number(text.trim()) : null;
}

/** "2026-05-01" for an instant, in the shop's (the browser's) day. */
export function dayOf(ms: number): string {
  const when = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
}
