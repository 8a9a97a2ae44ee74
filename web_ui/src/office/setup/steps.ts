/** The steps of the guided set-up, as the device names them. */

import type { Phrase } from "../text/phrases";

export type StepName = "shop" | "staff" | "categories" | "codes" | "cards";

export interface SetUpState {
  steps: { step: StepName; state: "open" | "done" | "skipped"; counted: number }[];
  sample: string | null;
  may_begin: boolean;
  finished: boolean;
}

export const STEPS: readonly { step: StepName; name: Phrase; lead: Phrase; to: string; outside?: boolean }[] = [
  { step: "shop", name: ["店铺资料", "The shop"], lead: ["店名、电话、备案号：印在小票上。", "Name, phone, filing number: they are on every receipt."], to: "/rules/store" },
  { step: "staff", name: ["员工", "The staff"], lead: ["给每个人一个工号和密码，不要共用。", "A number and a PIN for everybody; nobody shares one."], to: "/staff" },
  { step: "categories", name: ["会员类别", "Member categories"], lead: ["不同的卡有什么折扣、积分和收费。", "What different cards bring and cost."], to: "/rules/member_categories" },
  { step: "codes", name: ["商品与价格", "Goods and prices"], lead: ["卖什么、多少钱；像填表格一样。", "What is sold, and for how much; like a spreadsheet."], to: "/rules/catalogue" },
  { step: "cards", name: ["办第一张卡", "The first card"], lead: ["在收银台新增会员，把卡放到读卡器上。", "At the checkout: add a member and lay a card on the reader."], to: "/", outside: true },
];
