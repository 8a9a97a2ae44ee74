import { describe, expect, it } from "vitest";
import { actionFor } from "../src/cashier/model/keys";
import { Wedge } from "../src/cashier/model/wedge";

function type(wedge: Wedge, text: string, gap_ms: number, from_ms = 1_000): string | null {
  let at_ms = from_ms;
  let heard: string | null = null;
  for (const key of [...text, "Enter"]) heard = wedge.press(key, (at_ms += gap_ms));
  return heard;
}

describe("a scanner", () => {
  it("is told from a person by its pace", () => {
    expect(type(new Wedge(), "6901234567892", 6)).toBe("6901234567892");
    expect(type(new Wedge(), "6901234567892", 120)).toBeNull();
    expect(type(new Wedge(), "1850", 6)).toBeNull();
  });

  it("is heard anew after a hand has typed", () => {
    const wedge = new Wedge();
    wedge.press("1", 0);
    wedge.press("8", 300);
    expect(type(wedge, "6901234567892", 5)).toBe("6901234567892");
    expect(wedge.press("Enter", 1_080)).toBeNull();
  });

  it("is not heard through other keys", () => {
    const wedge = new Wedge();
    for (const [at, key] of [..."690123", "Backspace", "4", "5"].entries()) wedge.press(key, at * 5);
    expect(wedge.press("Enter", 50)).toBeNull();
  });
});

describe("keys of the goods", () => {
  const pressed = (key: string) => ({
    key,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    shiftKey: false,
    repeat: false,
  });
  const where = { dialog: false, typing: false, onButton: false, underWay: false, goods: true };

  it("look for goods, where the pad would take digits for an amount", () => {
    for (const key of ["c", "5", "剪", "*"]) expect(actionFor(pressed(key), where)).toEqual({ do: "entry" });
    expect(actionFor(pressed("5"), { ...where, goods: false })).toEqual({ do: "amount", key: "5" });
    expect(actionFor(pressed("Shift"), where)).toBeNull();
    expect(actionFor(pressed(" "), where)).toBeNull();
    expect(actionFor(pressed("c"), { ...where, typing: true })).toBeNull();
  });

  it("have one key for each way on", () => {
    expect(actionFor(pressed("Enter"), where)).toEqual({ do: "charge" });
    expect(actionFor(pressed("F3"), where)).toEqual({ do: "switch" });
    expect(actionFor(pressed("F6"), { ...where, typing: true })).toEqual({ do: "tender" });
    expect(actionFor(pressed("F10"), where)).toEqual({ do: "shift" });
    expect(actionFor({ ...pressed("F6"), repeat: true }, where)).toBeNull();
    expect(actionFor(pressed("F6"), { ...where, dialog: true })).toBeNull();
  });
});
