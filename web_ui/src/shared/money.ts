/** Money on the screen. Inside it is integer fen; text is yuan with at most two decimals. */

/** The largest amount that can be typed: 99,999.99. A larger one is a slip of the finger. */
export const MAX_AMOUNT_FEN = 9_999_999;

const YUAN = /^(\d{1,7})?(?:\.(\d{0,2}))?$/;

/** "18.5" -> 1850. `null` where the text is not an amount of money. */
export function parseYuan(text: string): number | null {
  const match = YUAN.exec(text.trim());
  if (match === null || (match[1] === undefined && !match[2])) return null;
  return Number(match[1] ?? "0") * 100 + Number((match[2] ?? "").padEnd(2, "0"));
}

function grouped(yuan: number): string {
  return String(yuan).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** 123450 -> "1,234.50"; a minus sign goes in front. */
export function plainYuan(fen: number): string {
  const size = Math.abs(fen);
  const text = `${grouped(Math.floor(size / 100))}.${String(size % 100).padStart(2, "0")}`;
  return fen < 0 ? `−${text}` : text;
}

/** 123450 -> "¥1,234.50". */
export function formatYuan(fen: number): string {
  return fen < 0 ? `−¥${plainYuan(-fen)}` : `¥${plainYuan(fen)}`;
}

/** What the screen shows while "1234.5" is being typed: grouped, the decimals as typed. */
export function typedYuan(typed: string): string {
  if (typed === "") return "0.00";
  const [yuan = "", decimals] = typed.split(".");
  const whole = grouped(Number(yuan === "" ? "0" : yuan));
  return decimals === undefined ? whole : `${whole}.${decimals}`;
}

/** The amount buffer after one more key. A key that would make no sense changes nothing. */
export function typeAmount(typed: string, key: string): string {
  if (key === "Backspace") return typed.slice(0, -1);
  if (key === "Clear") return "";
  let next = typed;
  for (const mark of key) {
    if (mark === ".") {
      if (!next.includes(".")) next = next === "" ? "0." : `${next}.`;
      continue;
    }
    if (mark < "0" || mark > "9") return typed;
    const longer = next === "0" ? mark : next + mark;
    const fen = parseYuan(longer);
    if (fen !== null && fen <= MAX_AMOUNT_FEN) next = longer;
  }
  return next;
}

/** Bonus that a recharge of `amount_fen` brings: the highest tier it reaches, in basis points. */
export function bonusFor(
  amount_fen: number,
  tiers: readonly { from_fen: number; bonus_bp: number }[],
): number {
  let reached = { from_fen: -1, bonus_bp: 0 };
  for (const tier of tiers) {
    if (amount_fen >= tier.from_fen && tier.from_fen > reached.from_fen) reached = tier;
  }
  return Math.floor((amount_fen * reached.bonus_bp) / 10_000);
}
