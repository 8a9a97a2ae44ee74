/** Promotions (D1), campaigns (D4), recharge tiers (C1), triggers. */

import { freshId, type Field, type Row, type Section, type Variant } from "../spec";

const SCOPE: readonly Field[] = [
  { kind: "picks", from: "goods_categories", at: "categories", label: ["消费类别", "Categories"], none: ["不限", "any"] },
  { kind: "picks", from: "codes", at: "codes", label: ["消费代码", "Codes"], none: ["不限", "any"] },
  { kind: "picks", from: "codes", at: "but_codes", label: ["这些除外", "Except"], none: ["没有例外", "none"] },
];

export const freshScope = (): Row => ({ codes: [], categories: [], but_codes: [] });

export const WEEKDAYS = [
  [0, ["周一", "Mon"]],
  [1, ["周二", "Tue"]],
  [2, ["周三", "Wed"]],
  [3, ["周四", "Thu"]],
  [4, ["周五", "Fri"]],
  [5, ["周六", "Sat"]],
  [6, ["周日", "Sun"]],
] as const;

const CONDITIONS: readonly Field[] = [
  { kind: "day", at: "from_day", label: ["从哪天", "From"], optional: ["马上开始", "at once"] },
  { kind: "day", at: "to_day", label: ["到哪天（含）", "To (included)"], optional: ["不结束", "no end"] },
  { kind: "choices", at: "weekdays", label: ["星期", "Weekdays"], of: WEEKDAYS, wide: true, help: ["都不选就是每天。", "None chosen: every day."] },
  {
    kind: "rows", at: "hours", label: ["时段", "Hours"], layout: "table", add: ["加一个时段", "Add hours"], none: ["全天", "All day"], wide: true, most: 10,
    fresh: () => ({ from_minute: 600, to_minute: 840 }),
    fields: [
      { kind: "figure", as: "clock", at: "from_minute", label: ["从", "From"] },
      { kind: "figure", as: "clock", at: "to_minute", label: ["到", "To"] },
    ],
  },
  { kind: "picks", from: "member_categories", at: "member_categories", label: ["会员类别", "Member categories"], none: ["所有人，包括非会员", "Everybody, members or not"] },
  { kind: "picks", from: "levels", at: "levels", label: ["会员等级", "Levels"], none: ["不看等级", "Any level"] },
  { kind: "picks", from: "tags", at: "tags", free: true, label: ["标签（有一个就行）", "Tags (one is enough)"], none: ["不看标签", "Any"] },
  { kind: "picks", from: "stores", at: "stores", free: true, label: ["门店", "Stores"], none: ["所有门店", "All stores"] },
  {
    kind: "part", at: "birthday", label: ["只在生日前后", "Around the birthday only"], wide: true,
    fresh: () => ({ days_before: 0, days_after: 0, whole_month: true }),
    fields: [
      { kind: "yes", at: "whole_month", label: ["整个生日月", "The whole month"] },
      { kind: "figure", as: "whole", at: "days_before", unit: ["天", "days"], most: 180, label: ["生日前", "Before"], when: (row) => row["whole_month"] !== true },
      { kind: "figure", as: "whole", at: "days_after", unit: ["天", "days"], most: 180, label: ["生日后", "After"], when: (row) => row["whole_month"] !== true },
    ],
  },
  {
    kind: "part", at: "habit", label: ["按消费习惯挑会员（RFM）", "By habit of the member (RFM)"], wide: true,
    fresh: () => ({ away_days_least: null, away_days_most: null, visits_least: null, visits_most: null, spent_least_fen: null, spent_most_fen: null }),
    fields: [
      { kind: "figure", as: "whole", at: "away_days_least", unit: ["天", "days"], label: ["至少多久没来", "Away for at least"], optional: ["不限", "any"] },
      { kind: "figure", as: "whole", at: "away_days_most", unit: ["天", "days"], label: ["至多多久没来", "Away for at most"], optional: ["不限", "any"] },
      { kind: "figure", as: "whole", at: "visits_least", unit: ["次", "times"], label: ["至少来过", "Visits at least"], optional: ["不限", "any"] },
      { kind: "figure", as: "whole", at: "visits_most", unit: ["次", "times"], label: ["至多来过", "Visits at most"], optional: ["不限", "any"] },
      { kind: "figure", as: "money", at: "spent_least_fen", label: ["至少消费过", "Spent at least"], optional: ["不限", "any"] },
      { kind: "figure", as: "money", at: "spent_most_fen", label: ["至多消费过", "Spent at most"], optional: ["不限", "any"] },
    ],
  },
];

export const freshConditions = (): Row => ({
  member_categories: [], levels: [], tags: [], stores: [], from_day: null, to_day: null, weekdays: [], hours: [], birthday: null, habit: null,
});

const BONUS_TIERS: Field = {
  kind: "rows", at: "tiers", label: ["充值档位", "Tiers"], layout: "table", add: ["加一档", "Add a tier"], none: ["还没有档位", "No tiers"], wide: true, most: 20,
  help: ["按一次付的钱，取达到的最高一档。比例和固定金额可以同时送。", "What is paid at once reaches the highest tier it can. A share and a sum may both be given."],
  fresh: (rows) => ({ from_fen: rows.length === 0 ? 10_000 : Number(rows.at(-1)?.["from_fen"] ?? 0) * 2, bonus_bp: 1_000, bonus_fen: 0 }),
  fields: [
    { kind: "figure", as: "money", at: "from_fen", label: ["充满", "From"] },
    { kind: "figure", as: "percent", at: "bonus_bp", most: 100_000, label: ["赠送比例", "Bonus share"] },
    { kind: "figure", as: "money", at: "bonus_fen", label: ["另送", "Bonus sum"] },
  ],
};

const SALE_EFFECTS: readonly Variant[] = [
  {
    kind: "spend_tiers", name: ["满减 / 满折", "Money off from a sum"],
    fresh: () => ({ kind: "spend_tiers", tiers: [{ from_fen: 10_000, off_fen: 1_500, off_bp: 0 }], counts: "member_price", every: false, most_off_fen: null }),
    fields: [
      {
        kind: "rows", at: "tiers", label: ["档位", "Tiers"], layout: "table", add: ["加一档", "Add a tier"], none: ["还没有档位", "No tiers"], wide: true, most: 20, least: 1,
        help: ["每档填「减多少」或「减百分之几」，二选一。", "Each tier takes off a sum or a share, one of the two."],
        fresh: (rows) => ({ from_fen: Number(rows.at(-1)?.["from_fen"] ?? 5_000) * 2, off_fen: 1_000, off_bp: 0 }),
        fields: [
          { kind: "figure", as: "money", at: "from_fen", label: ["满", "From"] },
          { kind: "figure", as: "money", at: "off_fen", label: ["减", "Sum off"] },
          { kind: "figure", as: "percent", at: "off_bp", label: ["或减百分之", "or share off"] },
        ],
      },
      { kind: "yes", at: "every", label: ["每满都减", "For each time it is reached"], when: (row) => Array.isArray(row["tiers"]) && row["tiers"].length === 1 },
      { kind: "choice", at: "counts", label: ["按什么价算满", "What counts"], of: [["member_price", ["会员价", "Member price"]], ["list", ["原价", "List price"]]] },
      { kind: "figure", as: "money", at: "most_off_fen", label: ["最多减", "At most"], optional: ["不限", "no limit"] },
    ],
  },
  {
    kind: "percent_off", name: ["打折", "Percentage"],
    fresh: () => ({ kind: "percent_off", rate_bp: 8_800 }),
    fields: [{ kind: "figure", as: "rate", at: "rate_bp", label: ["付", "Customer pays"] }],
  },
  {
    kind: "fixed_price", name: ["一口价", "Fixed price"],
    fresh: () => ({ kind: "fixed_price", price_fen: 990 }),
    fields: [{ kind: "figure", as: "money", at: "price_fen", label: ["每件", "For one"] }],
  },
  {
    kind: "buy_n", name: ["买几送几 / 第二件半价", "Buy some, get some"],
    fresh: () => ({ kind: "buy_n", buy: 2, get: 1, off_bp: 10_000, most_sets: null }),
    fields: [
      { kind: "figure", as: "whole", at: "buy", unit: ["件", "pieces"], most: 1_000, label: ["买", "Buy"] },
      { kind: "figure", as: "whole", at: "get", unit: ["件", "pieces"], least: 1, most: 1_000, label: ["送", "Get"] },
      { kind: "figure", as: "percent", at: "off_bp", label: ["送的那几件减", "These are cheaper by"], help: ["100 % 就是免费，50 % 就是半价。", "100 %: free. 50 %: half price."] },
      { kind: "figure", as: "whole", at: "most_sets", unit: ["组", "sets"], label: ["一单最多", "At most"], optional: ["不限", "no limit"] },
    ],
  },
];

const EFFECTS: readonly Variant[] = [
  ...SALE_EFFECTS,
  {
    kind: "points_times", name: ["多倍积分", "Points times"],
    fresh: () => ({ kind: "points_times", times_bp: 20_000 }),
    fields: [{ kind: "figure", as: "times", at: "times_bp", label: ["积分", "Points"] }],
  },
  {
    kind: "recharge_bonus", name: ["充值活动", "Recharge bonus"],
    fresh: () => ({ kind: "recharge_bonus", tiers: [{ from_fen: 50_000, bonus_bp: 1_000, bonus_fen: 0 }] }),
    fields: [BONUS_TIERS],
  },
];

const STACKING: readonly Field[] = [
  { kind: "yes", at: "with_member_discount", label: ["可与会员折扣同享", "Beside the member discount"] },
  { kind: "yes", at: "with_line_promotions", label: ["可与单品促销同享", "Beside promotions on a line"] },
  { kind: "yes", at: "earns_points", label: ["照常积分", "Earns points"] },
  { kind: "choice", at: "exclusive", label: ["独占", "Exclusive"], of: [["no", ["否，可与别的促销同享", "No"]], ["goods", ["它的商品不再参加别的", "Its goods get nothing else"]], ["sale", ["整单不再参加别的", "The whole sale gets nothing else"]]] },
  { kind: "text", at: "group", label: ["互斥组", "Group"], most: 32, help: ["同组的两个促销不会用在同一件商品上。", "Two of one group never meet on the same goods."] },
  { kind: "text", at: "say", label: ["小票上写", "On the receipt"], most: 120, help: ["空着就写名称。", "Empty: its name."] },
];

export const promotionFields: readonly Field[] = [
  { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
  { kind: "yes", at: "active", label: ["启用", "Active"] },
  { kind: "one_of", at: "effect", label: ["怎么优惠", "What it does"], of: EFFECTS, wide: true },
  { kind: "part", at: "scope", label: ["哪些商品", "Which goods"], fields: SCOPE, wide: true },
  { kind: "part", at: "conditions", label: ["什么人、什么时候", "For whom and when"], fields: CONDITIONS, wide: true },
];
export const stackingFields = STACKING;

export const freshPromotion = (rows: readonly Row[]): Row => ({
  promotion_id: freshId("promo", "promotion_id", rows), name: "", active: true,
  effect: { kind: "spend_tiers", tiers: [{ from_fen: 10_000, off_fen: 1_500, off_bp: 0 }], counts: "member_price", every: false, most_off_fen: null },
  scope: freshScope(), conditions: freshConditions(), group: "promotion", exclusive: "no",
  with_member_discount: true, with_line_promotions: true, earns_points: true, say: "",
});

export const promotions: Section = {
  name: "promotions",
  title: ["促销", "Promotions"],
  lead: ["多个促销同时符合时，系统自动取对顾客最划算的组合，并在小票上写明。", "Where several fit, the customer gets the best that may stand together, and the receipt says which."],
  blocks: [],
};

export const campaignFields: readonly Field[] = [
  { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
  { kind: "yes", at: "active", label: ["可以发券", "Coupons may be issued"], help: ["关掉后不再发新券，已发的照常使用。", "Off: no new ones; those out there stay good."] },
  { kind: "one_of", at: "effect", label: ["券的优惠", "What a coupon does"], of: SALE_EFFECTS, wide: true },
  { kind: "figure", as: "money", at: "minimum_fen", label: ["满多少可用", "From"], help: ["0 就是没有门槛。", "0: no minimum."] },
  { kind: "figure", as: "whole", at: "valid_days", unit: ["天", "days"], label: ["发出后有效", "Valid after issue"], optional: ["看下面的日期", "see the days"] },
  { kind: "day", at: "from_day", label: ["从哪天", "From"], optional: ["发出就能用", "at once"] },
  { kind: "day", at: "to_day", label: ["到哪天（含）", "To (included)"], optional: ["不结束", "no end"] },
  { kind: "figure", as: "whole", at: "most_issued", unit: ["张", "coupons"], label: ["最多发", "At most"], optional: ["不限", "no limit"] },
  { kind: "part", at: "scope", label: ["哪些商品", "Which goods"], fields: SCOPE, wide: true },
  { kind: "part", at: "conditions", label: ["什么人、什么时候", "For whom and when"], fields: CONDITIONS, wide: true },
  { kind: "yes", at: "with_member_discount", label: ["可与会员折扣同享", "Beside the member discount"] },
  { kind: "yes", at: "with_promotions", label: ["可与促销同享", "Beside promotions"] },
  { kind: "yes", at: "earns_points", label: ["照常积分", "Earns points"] },
];

export const freshCampaign = (rows: readonly Row[]): Row => ({
  campaign: freshId("coupon", "campaign", rows), name: "", active: true,
  effect: { kind: "spend_tiers", tiers: [{ from_fen: 10_000, off_fen: 1_000, off_bp: 0 }], counts: "member_price", every: false, most_off_fen: null },
  scope: freshScope(), conditions: freshConditions(), minimum_fen: 0, group: "coupon", with_promotions: true,
  with_member_discount: true, earns_points: true, valid_days: 30, from_day: null, to_day: null, most_issued: null, say: "",
});

export const campaigns: Section = {
  name: "campaigns",
  title: ["券活动", "Coupon campaigns"],
  lead: ["先在这里定好券怎么用，再到「优惠券」里发放。每张券有自己的号码，只能用一次。", "Say here what the coupons do, then issue them under Coupons. Each has its own number and is good once."],
  blocks: [],
};

export const recharge: Section = {
  name: "recharge",
  title: ["充值赠送", "Recharge bonus"],
  lead: ["充值时送多少。本金和赠金分开记，退款时各退各的。", "What is given on top of a recharge. Principal and bonus are kept apart."],
  blocks: [
    {
      title: ["充多少送多少", "Tiers"],
      fields: [
        BONUS_TIERS,
        { kind: "figure", as: "whole", at: "bonus_valid_days", unit: ["天", "days"], label: ["赠金有效期", "The bonus is valid for"], optional: ["一直有效", "for ever"], help: ["到期只收回赠金，本金不会过期。", "Only the bonus ends; the principal never does."] },
        { kind: "sums", at: "quick_fen", label: ["收银台的快捷金额", "Buttons at the checkout"], most: 12, wide: true },
      ],
    },
  ],
};

const ON = [
  ["birthday", ["生日", "Birthday"]],
  ["first_visit", ["第一次到店", "First visit"]],
  ["absent", ["很久没来", "Absent"]],
  ["promoted", ["升级", "Promoted"]],
  ["expiring", ["快到期", "About to expire"]],
] as const;

export const triggers: Section = {
  name: "triggers",
  title: ["自动关怀", "Triggers"],
  lead: ["生日、久未光临、快到期……到时候系统自动送券、送积分或发消息。", "On a birthday, after a long absence, before an end: a coupon, points or a message go out by themselves."],
  blocks: [
    {
      title: ["规则", "Rules"],
      fields: [
        {
          kind: "rows", at: "triggers", label: ["规则", "Rules"], layout: "cards", add: ["加一条", "Add a trigger"], none: ["还没有自动关怀", "No triggers yet"], wide: true, most: 100,
          title: (row) => String(row["name"] ?? ""),
          fresh: (rows) => ({ trigger_id: freshId("trigger", "trigger_id", rows), name: "", active: true, on: "birthday", days: 0, campaign: null, points: 0, message_kind: null }),
          fields: [
            { kind: "text", at: "name", label: ["名称", "Name"], most: 60 },
            { kind: "yes", at: "active", label: ["启用", "Active"] },
            { kind: "choice", at: "on", label: ["什么时候", "On"], of: ON },
            { kind: "figure", as: "whole", at: "days", unit: ["天", "days"], most: 3_650, label: ["提前或超过", "Days"], when: (row) => ["birthday", "absent", "expiring"].includes(String(row["on"])), help: ["生日、到期：提前几天；没来：满几天。", "Before a birthday or an end; since the last visit."] },
            { kind: "pick", from: "campaigns", at: "campaign", label: ["送一张券", "A coupon of"], optional: ["不送券", "none"] },
            { kind: "figure", as: "whole", at: "points", unit: ["分", "points"], most: 1_000_000, label: ["送积分", "Points"] },
            { kind: "text", at: "message_kind", label: ["消息种类", "Kind of message"], most: 32, help: ["小写字母，例如 birthday；空着不发。", "Lower case, for example birthday; empty: none."] },
          ],
        },
      ],
    },
  ],
};
