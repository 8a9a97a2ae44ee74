/** The badges of the top bar: one for each thing that a sale depends on. */

import { computed } from "vue";
import type { ClockStatus, PanelStatus, PrinterStatus, ReaderStatus, SyncStatus } from "../../shared/api/types";
import { t, word } from "../../shared/i18n";
import type { IconName } from "../../shared/ui/SvgIcon.vue";
import { linkWords } from "./chain";
import type { Shop } from "./shop";
import { shop } from "./store";

export interface Badge {
  name: "line" | "reader" | "printer" | "panel" | "sync" | "clock";
  tone: "good" | "warn" | "bad" | "plain";
  icon: IconName;
  text: string;
}

function lineBadge(line: Shop["line"]): Badge {
  const good = line === "live";
  return {
    name: "line",
    tone: good ? "good" : line === "lost" ? "bad" : "plain",
    icon: "line",
    text: t(`line.${line}`),
  };
}

export const readerWorks = (reader: ReaderStatus): boolean =>
  reader.state.toLowerCase() === "ready" && reader.problem === null;

function readerBadge(readers: ReaderStatus[]): Badge {
  const broken = readers.find((reader) => !readerWorks(reader));
  const working = readers.length > 0 && broken !== readers[0];
  if (readers.length === 0) {
    return { name: "reader", tone: "bad", icon: "reader", text: t("reader.none") };
  }
  if (broken === undefined) {
    return { name: "reader", tone: "good", icon: "reader", text: t("reader.ready") };
  }
  const text = `${t("reader")} ${word("reader_state", broken.state.toLowerCase())}`;
  return { name: "reader", tone: working ? "warn" : "bad", icon: "reader", text };
}

export function printerBadge(printer: PrinterStatus): Badge {
  const badge = (tone: Badge["tone"], text: string): Badge => ({
    name: "printer",
    tone,
    icon: "printer",
    text: printer.waiting > 0 ? `${text} · ${t("printer.waiting", { count: printer.waiting })}` : text,
  });
  if (printer.reachable === false) return badge("bad", t("printer.unreachable"));
  if (printer.cover_open === true) return badge("bad", t("printer.cover_open"));
  if (printer.paper === "out") return badge("bad", t("printer.paper_out"));
  if (printer.online === false) return badge("bad", t("printer.offline"));
  if (printer.problem !== null) return badge("bad", word("printer_problem", printer.problem));
  if (printer.paper === "near_end") return badge("warn", t("printer.near_end"));
  if (printer.reachable === null || printer.paper === "unknown") return badge("warn", t("printer.unknown"));
  return badge(printer.waiting > 0 ? "warn" : "good", t("printer.ok"));
}

function syncBadge(sync: SyncStatus): Badge {
  if (sync.chain) {
    // Quiet: a branch that is cut off goes on selling.
    return { name: "sync", tone: sync.chain.online ? "good" : "plain", icon: "cloud", text: linkWords(sync.chain) };
  }
  const open = Math.max(0, sync.sealed - sync.receipted);
  const text = open === 0 ? t("sync.done") : t("sync.open", { count: open });
  return { name: "sync", tone: open === 0 ? "good" : "plain", icon: "cloud", text };
}

/** Only where the system's clock is not believed. */
function clockBadge({ problem }: ClockStatus): Badge[] {
  if (problem === null) return [];
  return [{ name: "clock", tone: "bad", icon: "clock", text: t(problem) }];
}

/** Only where lamps, buttons or displays of the customer's side are configured. */
function panelBadge(panel: PanelStatus | undefined): Badge[] {
  if (panel === undefined || panel.parts.length === 0) return [];
  const badge = (tone: Badge["tone"], text: string): Badge => ({ name: "panel", tone, icon: "user", text });
  if (panel.key !== null && panel.key !== "open") return [badge("bad", word("till_key", panel.key))];
  const count = panel.parts.filter((part) => part.problem !== null).length;
  return [count === 0 ? badge("good", t("panel.ready")) : badge("warn", t("panel.broken", { count }))];
}

export const badges = computed<Badge[]>(() => {
  const { line, status } = shop.value;
  if (status === null) return [lineBadge(line)];
  return [
    lineBadge(line),
    readerBadge(status.readers),
    printerBadge(status.printer),
    ...panelBadge(status.panel),
    syncBadge(status.sync),
    ...clockBadge(status.clock),
  ];
});
