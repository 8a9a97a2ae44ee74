/** Points (C4), staff rules (E1, E2), catalogue (C2, C4, C5): the parts that are plain forms. */

import { freshId, type Field, type Row, type Section } from "../spec";
import { EARNS, freshEarns } from "./membership";
import { freshScope } from "./offers";

export const points: Section = {
  name: "points",
  title: ["积分", "Points"],
  lead: ["怎么得积分、怎么用积分。一般的积分比例在「会员类别」里，这里写例外。", "How points are earned and spent. The general rate is with the member category; this is for what differs."],
  blocks: [
    {
      title: ["得积分", "Earning"],
      fields: [
        { kind: "yes", at: "bonus_earns", label: ["用赠金消费也积分", "Spending the bonus earns"] },
        { kind: "figure", as: "whole", at: "valid_days", unit: ["天", "days"], label: ["积分有效期", "Points are valid for"], optional: ["一直有效", "for ever"] },
        {
          kind: "rows", at: "by_goods", label: ["按消费类别", "By kind of goods"], layout: "table", add: ["加一行", "Add a row"], none: ["没有例外", "No exceptions"], wide: true,
          fresh: () => ({ member_category: "", category: "", earns: freshEarns() }),
          fields: [
            { kind: "pick", from: "member_categories", at: "member_category", label: ["会员类别", "Member category"] },
            { kind: "pick", from: "goods_categories", at: "category", label: ["消费类别", "Goods"] },
            { kind: "part", at: "earns", label: ["积分", "Points"], fields: EARNS },
          ],
        },
        {
          kind: "rows", at: "by_code", label: ["按消费代码", "By code"], layout: "table", add: ["加一行", "Add a row"], none: ["没有例外", "No exceptions"], wide: true,
          fresh: () => ({ member_category: "", code: "", earns: freshEarns() }),
          fields: [
            { kind: "pick", from: "member_categories", at: "member_category", label: ["会员类别", "Member category"] },
            { kind: "pick", from: "codes", at: "code", label: ["消费代码", "Code"] },
            { kind: "part", at: "earns", label: ["积分", "Points"], fields: EARNS },
          ],
        },
      ],
    },
    {
      title: ["积分抵现", "Points as money"],
      fields: [
        {
          kind: "part", at: "offset", label: ["积分可以抵现金", "Points pay"], wide: true,
          fresh: () => ({ step_points: 100, step_fen: 100, most_share_bp: 2_000, minimum_fen: 0, scope: freshScope(), member_categories: [] }),
          fields: [
            { kind: "figure", as: "whole", at: "step_points", unit: ["分", "points"], least: 1, label: ["每", "Each"] },
            { kind: "figure", as: "money", at: "step_fen", label: ["抵", "are worth"] },
            { kind: "figure", as: "percent", at: "most_share_bp", label: ["最多抵应付的", "At most this share"] },
            { kind: "figure", as: "money", at: "minimum_fen", label: ["满多少才能抵", "From"] },
            { kind: "picks", from: "member_categories", at: "member_categories", label: ["谁可以", "Who may"], none: ["所有会员", "all members"] },
          ],
        },
      ],
    },
    {
      title: ["签到", "Check-in"],
      fields: [
        {
          kind: "part", at: "check_in", label: ["签到得积分", "Check-in earns points"], wide: true, help: ["每天一次，刷卡或在手机上。", "Once a day, by card or on the phone."],
          fresh: () => ({ points: 1, streaks: [] }),
          fields: [
            { kind: "figure", as: "whole", at: "points", unit: ["分", "points"], label: ["每次", "Each time"] },
            {
              kind: "rows", at: "streaks", label: ["连续签到", "In a row"], layout: "table", add: ["加一档", "Add"], none: ["没有额外奖励", "Nothing extra"], wide: true, most: 20,
              fresh: () => ({ days: 7, points: 5 }),
              fields: [
                { kind: "figure", as: "whole", at: "days", unit: ["天", "days"], least: 2, most: 366, label: ["连续", "Days"] },
                { kind: "figure", as: "whole", at: "points", unit: ["分", "points"], label: ["再送", "More"] },
              ],
            },
          ],
        },
      ],
    },
    {
      title: ["分享", "Sharing"],
      fields: [
        {
          kind: "part", at: "sharing", label: ["介绍朋友得积分", "Points for bringing friends"], wide: true, help: ["朋友第一次消费时给，不能介绍自己。", "Given on the friend's first sale; nobody brings themselves."],
          fresh: () => ({ referrer_points: 50, friend_points: 20, most_per_month: 10, minimum_fen: 0 }),
          fields: [
            { kind: "figure", as: "whole", at: "referrer_points", unit: ["分", "points"], label: ["介绍人得", "Who brought them"] },
            { kind: "figure", as: "whole", at: "friend_points", unit: ["分", "points"], label: ["朋友得", "The friend"] },
            { kind: "figure", as: "whole", at: "most_per_month", unit: ["人", "friends"], least: 1, label: ["每月最多", "At most a month"], optional: ["不限", "no limit"] },
            { kind: "figure", as: "money", at: "minimum_fen", label: ["朋友首单满", "First sale from"] },
          ],
        },
      ],
    },
  ],
};

const BASIS = [
  ["paid", ["实付金额", "What was paid"]],
  ["due", ["应付金额（积分抵扣前）", "What was due, before points"]],
  ["list", ["原价", "List price"]],
] as const;

export const staff: Section = {
  name: "staff",
  title: ["岗位与提成规则", "Roles and commission"],
  lead: ["每个岗位能做什么，每种服务提成多少。", "What each role may do, and what each service brings to whom."],
  blocks: [
    {
      title: ["员工级别", "Grades"],
      lead: ["提成可以按级别不同，例如「总监」「技师」。", "Commission may differ by grade, for example director and stylist."],
      fields: [
        {
          kind: "rows", at: "grades", label: ["级别", "Grades"], layout: "table", add: ["加一个级别", "Add a grade"], none: ["不分级别", "No grades"], wide: true, most: 50,
          fresh: (rows) => ({ grade: freshId("grade", "grade", rows), name: "" }),
          fields: [{ kind: "text", at: "name", label: ["名称", "Name"], most: 60 }],
        },
      ],
    },
    {
      title: ["提成", "Commission"],
      lead: ["越具体的越优先：代码先于类别，类别先于全部；写明级别的先于不写的。退货时提成一起退。", "The nearest counts: a code before a category before all goods, and a grade of its own before any grade. Refunds take it back."],
      fields: [
        {
          kind: "rows", at: "commission", label: ["提成规则", "Rules"], layout: "table", add: ["加一条提成", "Add a rule"], none: ["没有提成", "No commission"], wide: true, most: 2_000,
          fresh: (rows) => ({ rule: freshId("rule", "rule", rows), code: null, category: null, grade: null, per_count_fen: 0, share_bp: 0, basis: "paid" }),
          fields: [
            { kind: "pick", from: "goods_categories", at: "category", label: ["消费类别", "Category"], optional: ["全部", "all"] },
            { kind: "pick", from: "codes", at: "code", label: ["或消费代码", "or code"], optional: ["不限", "any"] },
            { kind: "pick", from: "grades", at: "grade", label: ["级别", "Grade"], optional: ["不限", "any"] },
            { kind: "figure", as: "money", at: "per_count_fen", label: ["每次", "For each"] },
            { kind: "figure", as: "percent", at: "share_bp", label: ["比例", "Share"] },
            { kind: "choice", at: "basis", label: ["按", "of"], of: BASIS },
          ],
        },
      ],
    },
  ],
};

export const catalogue: Section = {
  name: "catalogue",
  title: ["类别与消费代码", "Categories and codes"],
  lead: ["卖什么、多少钱。像填表格一样：Tab 到下一格，回车到下一行，最后一行回车会再加一行。", "What is sold, and for how much. Like a spreadsheet: Tab for the next cell, Enter for the next row; Enter on the last adds one."],
  blocks: [],
};

export const goodsCategoryFields: readonly Field[] = [
  { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
  { kind: "part", at: "earns", label: ["自己的积分规则", "Points of its own"], fields: EARNS, fresh: freshEarns },
];

/** What the table of codes does not show; edited beside it. */
export const codeDetailFields: readonly Field[] = [
  { kind: "text", at: "pinyin", label: ["拼音首字母", "Initials"], most: 60, help: ["收银台输入它就能找到。空着按名称自动得出。", "Typed at the checkout to find it."] },
  {
    kind: "part", at: "unit", label: ["单位", "Unit"], fields: [
      { kind: "text", at: "name", label: ["单位", "Unit"], most: 10 },
      { kind: "figure", as: "whole", at: "parts", least: 1, most: 1_000_000, label: ["等于多少小单位", "Counted in parts"], help: ["按件填 1；按公斤卖、按克称填 1000。", "1 for pieces; 1000 for kilograms that are weighed in grams."] },
    ],
  },
  { kind: "yes", at: "quick", label: ["收银台有按钮", "A button at the checkout"] },
  { kind: "colour", at: "colour", label: ["按钮颜色", "Colour of the button"] },
  { kind: "yes", at: "fixed", label: ["不打折、不积分", "No discounts, no points"], help: ["用于手续费、烟草、购物袋。", "For fees, tobacco, bags."] },
  { kind: "yes", at: "stocked", label: ["记库存", "Stock is counted"] },
  { kind: "day", at: "from_day", label: ["开始销售", "On sale from"], optional: ["已经开始", "already"] },
  { kind: "day", at: "to_day", label: ["销售到（含）", "On sale to"], optional: ["一直", "no end"] },
  { kind: "part", at: "earns", label: ["自己的积分规则", "Points of its own"], fields: EARNS, fresh: freshEarns },
  {
    kind: "part", at: "grants", label: ["这是次卡", "It is a pass"], help: ["卖出后会员得到若干次服务。", "Selling it gives the member so many uses."],
    fresh: () => ({ codes: [], count: 10, valid_days: null }),
    fields: [
      { kind: "picks", from: "codes", at: "codes", label: ["可用于", "Uses of"], none: ["请选择", "choose"] },
      { kind: "figure", as: "whole", at: "count", unit: ["次", "times"], least: 1, most: 10_000, label: ["次数", "Uses"] },
      { kind: "figure", as: "whole", at: "valid_days", unit: ["天", "days"], label: ["有效期", "Validity"], optional: ["按参数里的规定", "as the parameters say"] },
    ],
  },
  {
    kind: "rows", at: "gift_points", label: ["积分兑换价", "As a gift for points"], layout: "table", add: ["加一行", "Add a price"], none: ["不能用积分换", "Not a gift"], wide: true, most: 50,
    fresh: () => ({ member_category: null, points: 100 }),
    fields: [
      { kind: "pick", from: "member_categories", at: "member_category", label: ["会员类别", "Member category"], optional: ["其他所有", "all others"] },
      { kind: "figure", as: "whole", at: "points", unit: ["分", "points"], least: 1, label: ["积分", "Points"] },
    ],
  },
];

export const freshCode = (category: string): Row => ({
  code: "", name: "", pinyin: "", category, price_fen: 0, unit: { name: "件", parts: 1 }, fixed: false, earns: null, grants: null,
  gift_points: [], stocked: false, from_day: null, to_day: null, quick: true, colour: "",
});
