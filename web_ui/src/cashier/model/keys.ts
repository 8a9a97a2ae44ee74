/** The keyboard of the counter: what each key means where. Pure; `App.vue` listens and acts. */

export type Action =
  | { do: "amount"; key: string }
  | { do: "charge" }
  | { do: "recharge" }
  | { do: "members" }
  | { do: "park" }
  | { do: "parked" }
  | { do: "switch" }
  | { do: "tender" }
  | { do: "shift" }
  | { do: "entry" }
  | { do: "escape" };

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  repeat: boolean;
}

export interface Where {
  /** A dialog is open: it has the keyboard, but for the function keys that have no meaning there. */
  dialog: boolean;
  /** The focus is in a text field. */
  typing: boolean;
  /** The focus is on something that Enter and Space press. */
  onButton: boolean;
  /** A sale is under way, so that F8 parks it; else F8 opens the list of parked sales. */
  underWay: boolean;
  /** Goods are on the screen: what is typed looks for one. */
  goods?: boolean;
}

export function actionFor(pressed: Pressed, where: Where): Action | null {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey) return null;
  if (where.dialog) return null;
  switch (pressed.key) {
    case "F2":
      return pressed.repeat ? null : { do: "charge" };
    case "F3":
      return pressed.repeat ? null : { do: "switch" };
    case "F6":
      return pressed.repeat ? null : { do: "tender" };
    case "F10":
      return pressed.repeat ? null : { do: "shift" };
    case "F4":
      return pressed.repeat ? null : { do: "recharge" };
    case "F8":
      if (pressed.repeat) return null;
      return { do: where.underWay ? "park" : "parked" };
    case "F9":
      return pressed.repeat ? null : { do: "members" };
    case "Escape":
      return { do: "escape" };
    case "Enter":
      // Holding Enter down must not charge again and again.
      if (where.onButton || where.typing || pressed.repeat) return null;
      return { do: "charge" };
    default:
      break;
  }
  if (where.typing) return null;
  if (where.goods === true) return /^[^\s]$/u.test(pressed.key) ? { do: "entry" } : null;
  if (pressed.key === "Backspace") return { do: "amount", key: "Backspace" };
  if (pressed.key === "Delete") return { do: "amount", key: "Clear" };
  if (pressed.key === "." || pressed.key === "," || pressed.key === "Decimal" || pressed.key === "。") {
    return { do: "amount", key: "." };
  }
  if (/^[0-9]$/.test(pressed.key)) return { do: "amount", key: pressed.key };
  return null;
}

/** Function keys that the browser would take for itself (F4 address list, F9 ...). */
export const OURS = new Set(["F2", "F3", "F4", "F6", "F8", "F9", "F10"]);
