/** Every section that has a page, by name. */

import type { Section } from "../spec";
import { chain } from "./chain";
import { catalogue, points, staff } from "./loyalty";
import { fields, levels, memberCategories } from "./membership";
import { campaigns, promotions, recharge, triggers } from "./offers";
import { parameters, receipt, shifts, store } from "./shop";

export const SECTIONS: Readonly<Record<string, Section>> = Object.fromEntries(
  [store, receipt, parameters, memberCategories, levels, catalogue, promotions, campaigns, recharge, points, staff, fields, triggers, shifts, chain].map(
    (section) => [section.name, section],
  ),
);
