/** Where a device stands in its chain (GET /chain), as rows of a sheet. Pure. */

import type { Locale } from "../../shared/i18n";
import { sayIn, type Phrase } from "../text/phrases";

export interface ChainStanding {
  belongs: boolean;
  device: string;
  store: string;
  merchant: string;
  cloud: string;
  online: boolean;
  since_ms: number | null;
  contact_ms: number | null;
  waiting: number;
  journal: { epoch: number; number: number } | null;
  valid_until_ms: number | null;
  held: { members: number; principal_fen: number; bonus_fen: number; points: number; uses: number } | null;
}

export interface StandingRow {
  name: string;
  text: string;
}

interface Writing {
  time: (ms: number) => string;
  yuan: (fen: number) => string;
}

const NAMES = {
  since: ["从何时起", "Since"],
  contact: ["最近一次联系", "Last heard"],
  waiting: ["还没有上传", "Waits to go up"],
  valid: ["断网时储值可用到", "Spends offline until"],
  cloud: ["云端", "Cloud"],
  device: ["设备", "Device"],
  journal: ["账本号", "Journal"],
  members: ["会员", "Members"],
  principal: ["本金", "Principal"],
  bonus: ["赠金", "Bonus"],
  points: ["积分", "Points"],
  uses: ["次卡次数", "Uses of passes"],
} as const satisfies Record<string, Phrase>;
const NEVER: Phrase = ["还没有", "not yet"];
const NOTHING: Phrase = ["没有，都在云端了", "nothing, the cloud has it all"];
const DIALS_IN: Phrase = ["由云端连接这台设备", "it dials this device"];
const PARCELS: Phrase = ["{count} 件", "{count}"];
const JOURNAL: Phrase = ["{number} 号，第 {epoch} 期", "number {number}, epoch {epoch}"];

export function standingRows(
  of: ChainStanding,
  language: Locale,
  { time, yuan }: Writing,
): { link: StandingRow[]; held: StandingRow[] } {
  const say = (phrase: Phrase, facts = {}): string => sayIn(language, phrase, facts);
  const when = (ms: number | null): string => (ms === null ? say(NEVER) : time(ms));
  const row = (name: keyof typeof NAMES, text: string): StandingRow => ({ name: say(NAMES[name]), text });
  const link = [
    row("since", when(of.since_ms)),
    row("contact", when(of.contact_ms)),
    row("waiting", of.waiting === 0 ? say(NOTHING) : say(PARCELS, { count: of.waiting })),
    row("valid", when(of.valid_until_ms)),
    row("cloud", of.cloud === "" ? say(DIALS_IN) : of.cloud),
    row("device", `${of.store} · ${of.device}`),
  ];
  if (of.journal !== null) link.push(row("journal", say(JOURNAL, { ...of.journal })));
  if (of.held === null) return { link, held: [] };
  const { members, principal_fen, bonus_fen, points, uses } = of.held;
  return {
    link,
    held: [
      row("members", String(members)),
      row("principal", yuan(principal_fen)),
      row("bonus", yuan(bonus_fen)),
      row("points", String(points)),
      row("uses", String(uses)),
    ],
  };
}
