/** The sentences of the stage: title and advice for every scene, in the language in force. */

import { computed } from "vue";
import { reasonText, t } from "../../shared/i18n";
import type { ReasonText } from "../../shared/i18n/reason-keys";
import { formatYuan } from "../../shared/money";
import type { IconName } from "../../shared/ui/SvgIcon.vue";
import { splitOf, splitWords } from "./chain";
import { sceneOf, shownResult, type Scene, type Shop } from "./shop";
import { shop } from "./store";
import { sumOf } from "./till";

export const scene = computed<Scene>(() => sceneOf(shop.value));

/** The sale that the stage is about: the one under way, else the last result. */
export const stageSale = computed(() => {
  const { counter } = shop.value;
  return shownResult(shop.value) ?? counter.sale;
});

export const ICONS: Record<Scene, IconName> = {
  idle: "wallet",
  card_ready: "card",
  awaiting_card: "tap",
  tap_again: "tap",
  lift_first: "tap",
  awaiting_pin: "key",
  working: "clock",
  approved: "check",
  voided: "undo",
  declined: "close",
  cancelled: "close",
  unknown: "question",
};

function refusal(of: Shop): ReasonText {
  if (of.refusal !== null) return reasonText(of.refusal.reason, of.refusal.facts);
  const sale = shownResult(of);
  const split = splitOf(sale);
  if (split !== null) return splitWords(split, of.status?.sync.chain);
  if (sale?.status === "cancelled" && sale.reason === null) {
    return reasonText("cancelled_by_cashier");
  }
  return reasonText(sale?.reason ?? null, sale?.facts);
}

export const stageWords = computed<ReasonText>(() => {
  const sale = stageSale.value;
  const amount = formatYuan(sale === null ? 0 : sumOf(sale));
  switch (scene.value) {
    case "declined":
    case "cancelled":
      return refusal(shop.value);
    case "unknown":
      if (shop.value.counter.ask !== "tap_same_card") return reasonText("card_torn");
      return { title: t("scene.other_card"), advice: reasonText("card_torn").advice };
    case "approved":
      return { title: t("scene.approved"), advice: amount };
    default:
      return {
        title: t(`scene.${scene.value}`),
        advice: t(`scene.${scene.value}.advice`, { amount }),
      };
  }
});
