/** Members: categories (B1), levels (B5), custom fields (B2). */

import { freshId, type Field, type Section } from "../spec";

export const EARNS: readonly Field[] = [
  { kind: "figure", as: "whole", at: "points", unit: ["分", "points"], most: 1_000_000, label: ["得积分", "Points"] },
  { kind: "figure", as: "money", at: "per_fen", label: ["每消费", "for every"] },
];
export const freshEarns = (): { points: number; per_fen: number } => ({ points: 1, per_fen: 100 });

const FEES: readonly Field[] = [
  { kind: "figure", as: "money", at: "issue_fen", label: ["办卡", "Issue"] },
  { kind: "figure", as: "money", at: "reissue_fen", label: ["补卡", "Reissue after loss"] },
  { kind: "figure", as: "money", at: "repair_fen", label: ["修卡", "Repair"] },
  { kind: "figure", as: "money", at: "transfer_fen", label: ["转让", "Transfer"] },
  { kind: "figure", as: "money", at: "return_fen", label: ["退卡", "Return"] },
  {
    kind: "rows",
    at: "extend",
    label: ["延期收费", "Extension"],
    help: ["记名卡按法规不收延期费。", "By law a named card never pays for an extension."],
    layout: "table",
    add: ["加一档", "Add a duration"],
    none: ["没有延期收费", "No durations"],
    wide: true,
    most: 20,
    fresh: () => ({ days: 365, fee_fen: 0 }),
    fields: [
      { kind: "figure", as: "whole", at: "days", unit: ["天", "days"], label: ["延长", "Duration"] },
      { kind: "figure", as: "money", at: "fee_fen", label: ["收费", "Fee"] },
    ],
  },
];

const CARD: readonly Field[] = [
  { kind: "choice", at: "technology", label: ["只收这种卡", "Only this kind of card"], optional: ["都可以", "any"], of: [["desfire", ["安全芯片卡", "Secure chip card"]], ["uid", ["普通卡", "Plain card"]], ["magstripe", ["磁条卡", "Magnetic card"]]] },
  { kind: "text", at: "number_from", label: ["卡号从", "Numbers from"], most: 20 },
  { kind: "text", at: "number_to", label: ["到", "to"], most: 20 },
  { kind: "colour", at: "colour", label: ["颜色", "Colour"] },
  { kind: "picture", at: "picture_png_base64", label: ["卡面图片", "Picture"], most: 12 * 1024, help: ["PNG，不超过 12 KB，收银员用来认卡。", "A PNG of at most 12 KB; cashiers know the card by it."] },
];

export const memberCategories: Section = {
  name: "member_categories",
  title: ["会员类别", "Member categories"],
  lead: ["不同的卡有不同的待遇：折扣、积分、有效期、收费和卡面。第一类是新会员的默认类别。", "Different cards, different offers: discounts, points, validity, fees and looks. New members get the first one."],
  blocks: [
    {
      title: ["类别", "Categories"],
      fields: [
        {
          kind: "rows",
          at: "member_categories",
          label: ["类别", "Categories"],
          layout: "cards",
          add: ["加一个会员类别", "Add a category"],
          none: ["还没有类别", "No categories"],
          wide: true,
          most: 50,
          least: 1,
          title: (row) => String(row["name"] ?? ""),
          fresh: (rows) => ({
            category: freshId("member", "category", rows), name: "", named: true, valid_days: null, discounts: [], points: null,
            fees: { issue_fen: 0, reissue_fen: 0, repair_fen: 0, transfer_fen: 0, return_fen: 0, extend: [] },
            card: { technology: null, picture_png_base64: "", number_from: "", number_to: "", colour: "" },
          }),
          fields: [
            { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
            { kind: "yes", at: "named", label: ["记名卡", "Named cards"], help: ["记名卡余额可到 5,000 元，不会过期；不记名卡最多 1,000 元。", "Named: up to 5,000 yuan and no expiry. Unnamed: at most 1,000 yuan."] },
            { kind: "figure", as: "whole", at: "valid_days", unit: ["天", "days"], label: ["有效期", "Validity"], optional: ["一直有效", "for ever"], help: ["到期只停优惠和赠金，本金永远有效。", "Benefits and bonus end then, the principal never."] },
            { kind: "rates", at: "discounts", label: ["会员折扣", "Discounts"], wide: true, help: ["按消费类别填实付的折扣；空着就是原价。", "What is paid of the price, by kind of goods; empty is the full price."] },
            { kind: "part", at: "points", label: ["积分", "Points"], fields: EARNS, fresh: freshEarns, help: ["没有专门规定的商品按它积分。", "For goods without a rule of their own."] },
            { kind: "part", at: "fees", label: ["收费", "Fees"], fields: FEES, help: ["0 就是免费。", "0 is free."] },
            { kind: "part", at: "card", label: ["卡面", "Card"], fields: CARD },
          ],
        },
      ],
    },
  ],
};

export const levels: Section = {
  name: "levels",
  title: ["会员等级", "Levels"],
  lead: ["按消费、充值、积分或到店次数升级，系统自动升，也可以自动降。", "Members climb by spending, recharging, points or visits; the device promotes them, and demotes where you want it."],
  blocks: [
    {
      title: ["怎么算", "How it counts"],
      fields: [
        { kind: "choice", at: "measure", label: ["看什么", "Measured by"], of: [["spend", ["消费金额", "Spending"]], ["recharge", ["充值金额", "Recharges"]], ["points", ["获得的积分", "Points earned"]], ["visits", ["到店次数", "Visits"]]] },
        { kind: "figure", as: "whole", at: "window_days", unit: ["天", "days"], label: ["算最近多久", "Over the last"], optional: ["从开卡起全部", "everything so far"], help: ["365 就是看最近一年。", "365 looks at the last year."] },
        { kind: "yes", at: "demotes", label: ["达不到就降级", "Members can fall"], help: ["关着时，升上去就不会掉下来。", "Off: a level once reached stays."] },
        { kind: "yes", at: "bonus_counts", label: ["用赠金消费也算", "Spending the bonus counts"], when: (row) => row["measure"] === "spend" },
        { kind: "choice", at: "together", label: ["等级折扣遇到类别折扣", "With the category's discount"], of: [["better", ["取更优惠的", "The better one"]], ["multiplied", ["折上折", "Both, one upon the other"]]] },
      ],
    },
    {
      title: ["等级", "Levels"],
      lead: ["从低到高排列。", "From the lowest to the highest."],
      fields: [
        {
          kind: "rows",
          at: "rungs",
          label: ["等级", "Levels"],
          layout: "cards",
          add: ["加一个等级", "Add a level"],
          none: ["没有等级，会员只分类别", "No levels: members have categories only"],
          wide: true,
          most: 20,
          title: (row) => String(row["name"] ?? ""),
          fresh: (rows) => ({ level: freshId("level", "level", rows), name: "", from_value: 0, discounts: [], points_bp: 10_000, colour: "" }),
          fields: [
            { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
            { kind: "figure", as: "money", at: "from_value", label: ["达到", "From"], when: (row) => row[".measure"] === "spend" || row[".measure"] === "recharge" },
            { kind: "figure", as: "whole", at: "from_value", label: ["达到", "From"], when: (row) => row[".measure"] === "points" || row[".measure"] === "visits" },
            { kind: "figure", as: "times", at: "points_bp", label: ["积分倍数", "Points times"], help: ["1.5 就是一倍半积分。", "1.5 gives half as many again."] },
            { kind: "colour", at: "colour", label: ["颜色", "Colour"] },
            { kind: "rates", at: "discounts", label: ["等级折扣", "Discounts"], wide: true },
          ],
        },
      ],
    },
  ],
};

export const fields: Section = {
  name: "fields",
  title: ["自定义资料", "Custom fields"],
  lead: ["除了姓名和电话，还想记住会员的什么：发质、车牌、忌口……", "What else you want to know about members: hair type, number plate, allergies…"],
  blocks: [
    {
      title: ["资料项", "Fields"],
      fields: [
        {
          kind: "rows",
          at: "fields",
          label: ["资料项", "Fields"],
          layout: "cards",
          add: ["加一项", "Add a field"],
          none: ["还没有自定义资料", "No fields yet"],
          wide: true,
          most: 50,
          title: (row) => String(row["name"] ?? ""),
          fresh: (rows) => ({ field: freshId("field", "field", rows), name: "", kind: "text", choices: [], personal: true, required: false }),
          fields: [
            { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
            { kind: "choice", at: "kind", label: ["填什么", "Kind"], of: [["text", ["文字", "Text"]], ["number", ["数字", "Number"]], ["date", ["日期", "Date"]], ["choice", ["从几项中选", "A choice"]]] },
            { kind: "yes", at: "required", label: ["必填", "Required"] },
            { kind: "yes", at: "personal", label: ["属于个人信息", "Personal data"], help: ["会和姓名一样加密保存，删除会员资料时一起删。", "Sealed like the name, and erased with it."] },
            {
              kind: "rows", at: "choices", label: ["可选项", "Choices"], layout: "table", add: ["加一个选项", "Add a choice"], none: ["请至少加一个选项", "Add at least one"], wide: true, most: 100,
              when: (row) => row["kind"] === "choice",
              fresh: (rows) => ({ choice: freshId("choice", "choice", rows), name: "" }),
              fields: [{ kind: "text", at: "name", label: ["选项", "Choice"], most: 60 }],
            },
          ],
        },
      ],
    },
  ],
};
