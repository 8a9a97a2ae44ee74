/** Short messages at the foot of the page: they cover nothing that is needed and move nothing. */

import { ref } from "vue";
import type { Facts } from "../../shared/api/types";
import { reasonText, t } from "../../shared/i18n";
import type { MessageKey } from "../../shared/i18n/zh-CN";

export interface Notice {
  id: number;
  tone: "good" | "bad" | "plain";
  title: () => string;
  advice: () => string;
}

const SHOWN_MS = 7_000;
const MOST = 3;

export const notices = ref<Notice[]>([]);
let serial = 0;

export function dropNotice(id: number): void {
  notices.value = notices.value.filter((kept) => kept.id !== id);
}

function put(tone: Notice["tone"], title: () => string, advice: () => string): void {
  const id = ++serial;
  const others = notices.value.filter((kept) => kept.title() !== title());
  notices.value = [...others, { id, tone, title, advice }].slice(-MOST);
  setTimeout(() => dropNotice(id), SHOWN_MS);
}

export function tellProblem(key: string, facts: Facts = {}): void {
  put(
    "bad",
    () => reasonText(key, facts).title,
    () => reasonText(key, facts).advice,
  );
}

export function tell(key: MessageKey, facts: Facts = {}, tone: Notice["tone"] = "good"): void {
  put(
    tone,
    () => t(key, facts),
    () => "",
  );
}
