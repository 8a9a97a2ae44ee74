import { describe, expect, it } from "vitest";
import { actionFor, type Pressed, type Where } from "../src/cashier/model/keys";

const pressed = (key: string, more: Partial<Pressed> = {}): Pressed => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  shiftKey: false,
  repeat: false,
  ...more,
});
const free: Where = { dialog: false, typing: false, onButton: false, underWay: false };

describe("the keyboard", () => {
  it.each([
    ["F2", { do: "charge" }],
    ["F4", { do: "recharge" }],
    ["F8", { do: "parked" }],
    ["F9", { do: "members" }],
    ["Escape", { do: "escape" }],
    ["Enter", { do: "charge" }],
    ["7", { do: "amount", key: "7" }],
    [".", { do: "amount", key: "." }],
    [",", { do: "amount", key: "." }],
    ["Backspace", { do: "amount", key: "Backspace" }],
    ["Delete", { do: "amount", key: "Clear" }],
  ])("%s", (key, action) => expect(actionFor(pressed(key), free)).toEqual(action));

  it("ignores what it does not know", () => {
    for (const key of ["a", "F5", "Tab", "ArrowUp", " ", "１"]) {
      expect(actionFor(pressed(key), free), key).toBeNull();
    }
  });

  it("parks with F8 while a sale is under way", () =>
    expect(actionFor(pressed("F8"), { ...free, underWay: true })).toEqual({ do: "park" }));

  it("leaves a dialog alone", () => {
    for (const key of ["F2", "Enter", "7", "Escape"]) {
      expect(actionFor(pressed(key), { ...free, dialog: true })).toBeNull();
    }
  });

  it("leaves a text field its letters but not the function keys", () => {
    const typing = { ...free, typing: true };
    expect(actionFor(pressed("7"), typing)).toBeNull();
    expect(actionFor(pressed("Enter"), typing)).toBeNull();
    expect(actionFor(pressed("F4"), typing)).toEqual({ do: "recharge" });
  });

  it("lets Enter press the button that has the focus, and only that", () => {
    const onButton = { ...free, onButton: true };
    expect(actionFor(pressed("Enter"), onButton)).toBeNull();
    expect(actionFor(pressed("7"), onButton)).toEqual({ do: "amount", key: "7" });
  });

  it("charges once however long the key is held", () => {
    for (const key of ["Enter", "F2"]) {
      expect(actionFor(pressed(key, { repeat: true }), free)).toBeNull();
    }
  });

  it("leaves the browser its own combinations", () => {
    expect(actionFor(pressed("2", { ctrlKey: true }), free)).toBeNull();
    expect(actionFor(pressed("F4", { altKey: true }), free)).toBeNull();
  });
});
