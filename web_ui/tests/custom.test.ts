import { describe, expect, it } from "vitest";
import type { CustomField } from "../src/shared/api/till-types";
import { told, unfit } from "../src/cashier/model/custom";

const field = (field: string, kind: CustomField["kind"], required = false): CustomField => ({
  field,
  name: field,
  kind,
  choices: kind === "choice" ? [{ choice: "dry", name: "干性" }] : [],
  required,
});
const FIELDS = [field("hair", "choice", true), field("size", "number", true), field("wedding", "date"), field("note", "text")];
const unfitIds = (typed: Record<string, string>): string[] => unfit(FIELDS, typed).map((each) => each.field);

describe("the merchant's own fields", () => {
  it("lack what must be there, and only that", () => {
    expect(unfitIds({})).toEqual(["hair", "size"]);
    expect(unfitIds({ hair: "dry", size: " " })).toEqual(["size"]);
    expect(unfitIds({ hair: "dry", size: "0" })).toEqual([]);
  });

  it("hold what their kind is", () => {
    expect(unfitIds({ hair: "curly", size: "4.5", wedding: "last year", note: "x".repeat(201) })).toEqual(["hair", "size", "wedding", "note"]);
    expect(unfitIds({ hair: "dry", size: "1000000000000001", wedding: "2015-10-01", note: "x" })).toEqual(["size"]);
    expect(unfitIds({ hair: "dry", size: "-42" })).toEqual([]);
  });

  it("are told as the device reads them, without what is empty or gone", () => {
    expect(told(FIELDS, { hair: "dry", size: " 42 ", wedding: "", note: " left ", gone: "x" })).toEqual({ hair: "dry", size: 42, note: "left" });
  });
});
