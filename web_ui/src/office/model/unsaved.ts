/** Changes that are not saved yet: whoever would leave is asked first. */

import { onBeforeUnmount, watch, type Ref } from "vue";
import { ElMessageBox } from "../el/core";
import { c } from "../text/common";

let pending: (() => boolean) | null = null;

function warn(event: BeforeUnloadEvent): void {
  if (pending?.() === true) event.preventDefault();
}
globalThis.addEventListener?.("beforeunload", warn);

/** For the page that holds `dirty`, as long as it is mounted. */
export function guardUnsaved(dirty: Ref<boolean>): void {
  const mine = (): boolean => dirty.value;
  pending = mine;
  watch(dirty, () => (pending = mine));
  onBeforeUnmount(() => {
    if (pending === mine) pending = null;
  });
}

/** Whether to leave. */
export async function mayLeave(): Promise<boolean> {
  if (pending?.() !== true) return true;
  const answer = await ElMessageBox.confirm(c("leave_ask"), c("leave_title"), {
    confirmButtonText: c("leave_yes"),
    cancelButtonText: c("leave_no"),
    type: "warning",
  }).catch(() => "cancel");
  if (answer !== "confirm") return false;
  pending = null;
  return true;
}

export const leaveGuard = (): Promise<boolean> => mayLeave();
