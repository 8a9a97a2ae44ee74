/** The office's places: what each is called, where it is, and which permission opens it. */

import type { Phrase } from "./text/phrases";

export interface Place {
  path: string;
  name: Phrase;
  /** Null: whoever is signed in. */
  needs: string | null;
}

export interface Chapter {
  name: Phrase;
  places: readonly Place[];
}

export const CHAPTERS: readonly Chapter[] = [
  {
    name: ["经营", "Business"],
    places: [
      { path: "/", name: ["首页", "Home"], needs: null },
      { path: "/members", name: ["会员", "Members"], needs: "member_change" },
      { path: "/coupons", name: ["优惠券", "Coupons"], needs: "coupon" },
      { path: "/stock", name: ["礼品库存", "Gift stock"], needs: "stock" },
      { path: "/messages", name: ["消息", "Messages"], needs: "records" },
    ],
  },
  {
    name: ["记录", "Records"],
    places: [
      { path: "/records", name: ["消费记录", "Sales records"], needs: "records" },
      { path: "/shifts", name: ["班次", "Shifts"], needs: "shift" },
      { path: "/statements", name: ["提成", "Commission"], needs: "staff" },
      { path: "/log", name: ["日志", "Log"], needs: "log" },
    ],
  },
  {
    name: ["店铺", "Shop"],
    places: [
      { path: "/rules/store", name: ["店铺资料", "Shop"], needs: "rules_read" },
      { path: "/rules/receipt", name: ["小票", "Receipt"], needs: "rules_read" },
      { path: "/rules/parameters", name: ["参数", "Parameters"], needs: "rules_read" },
      { path: "/rules/shifts", name: ["班次与钱箱", "Shifts and drawer"], needs: "rules_read" },
      { path: "/chain", name: ["连锁", "Chain"], needs: "rules_read" },
      { path: "/staff", name: ["员工", "Employees"], needs: "staff" },
      { path: "/rules/staff", name: ["岗位与提成规则", "Roles and commission"], needs: "rules_read" },
    ],
  },
  {
    name: ["商品与价格", "Goods and prices"],
    places: [
      { path: "/rules/catalogue", name: ["类别与消费代码", "Categories and codes"], needs: "rules_read" },
      { path: "/rules/promotions", name: ["促销", "Promotions"], needs: "rules_read" },
      { path: "/rules/campaigns", name: ["券活动", "Coupon campaigns"], needs: "rules_read" },
      { path: "/try", name: ["试算价格", "Try a price"], needs: "rules_read" },
      { path: "/rules/recharge", name: ["充值赠送", "Recharge bonus"], needs: "rules_read" },
    ],
  },
  {
    name: ["会员规则", "Member rules"],
    places: [
      { path: "/rules/member_categories", name: ["会员类别", "Member categories"], needs: "rules_read" },
      { path: "/rules/levels", name: ["会员等级", "Levels"], needs: "rules_read" },
      { path: "/rules/points", name: ["积分", "Points"], needs: "rules_read" },
      { path: "/rules/fields", name: ["自定义资料", "Custom fields"], needs: "rules_read" },
      { path: "/rules/triggers", name: ["自动关怀", "Triggers"], needs: "rules_read" },
    ],
  },
];

export const PLACES: readonly Place[] = CHAPTERS.flatMap((chapter) => chapter.places);

/** The place that a path belongs to: the longest that it begins with. */
export function placeOf(path: string): Place | null {
  const fits = PLACES.filter((place) => path === place.path || path.startsWith(`${place.path}/`));
  return fits.sort((one, other) => other.path.length - one.path.length)[0] ?? null;
}
