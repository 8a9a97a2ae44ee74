/** What is wrong with a field, as the device names it (daemon/rules/mistakes.py, checks.py). */

import { formatYuan } from "../../shared/money";
import { writePercent } from "../model/figures";
import type { Facts } from "../../shared/api/types";
import { say, type Phrase } from "./phrases";

const MISTAKES: Readonly<Record<string, Phrase>> = {
  field_missing: ["这一项要填", "This is needed"],
  field_unknown: ["设备不认识这一项", "The device does not know this field"],
  not_a_whole_number: ["要填整数", "A whole number is needed"],
  not_yes_or_no: ["要填是或否", "Yes or no is needed"],
  not_a_text: ["要填文字", "A text is needed"],
  not_a_choice: ["请从列表中选择", "Choose from the list"],
  not_a_day: ["日期不对", "That is not a day"],
  not_a_list: ["格式不对", "The form is wrong"],
  not_an_object: ["格式不对", "The form is wrong"],
  malformed: ["格式不对", "The form is wrong"],
  empty_text: ["不能是空的", "It may not be empty"],
  too_short: ["太短，至少 {limit} 个字", "Too short: at least {limit} characters"],
  too_long: ["太长，最多 {limit} 个字", "Too long: at most {limit} characters"],
  wrong_form: ["写法不对：代码只能用数字、字母、- 和 _", "Wrong form: digits, letters, - and _ only"],
  too_few_rows: ["至少要有 {limit} 行", "At least {limit} rows are needed"],
  too_many_rows: ["太多了，最多 {limit} 行", "Too many: at most {limit} rows"],
  too_small: ["太小，至少是 {limit}", "Too small: at least {limit}"],
  too_large: ["太大，最多是 {limit}", "Too large: at most {limit}"],
  not_printable: ["里面有不能打印的字符", "It has characters that cannot be printed"],
  not_a_png: ["这不是 PNG 图片", "That is not a PNG"],
  image_too_large: ["图片太大", "The picture is too large"],
  permission_unknown: ["没有这个权限：{permission}", "There is no permission {permission}"],
  commission_malformed: ["代码和类别只能填一个", "A code or a category, not both"],
  days_malformed: ["开始的日期在结束之后", "It would begin after it ends"],
  days_missing: ["请填天数", "Say how many days"],
  row_twice: ["和前面的一行重复", "The same as a row before"],
  choices_malformed: ["只有「从几项中选」才有选项，而且至少一个", "Only a choice has choices, and at least one"],
  range_malformed: ["卡号的起止要一样长，从小到大", "Both numbers have the same length, the lower one first"],
  numbers_overlap: ["这段卡号和另一类别重叠", "These numbers overlap with another category"],
  laxer_than_law: ["比法规宽，最多 {limit}", "Laxer than the law: at most {limit}"],
  no_extension_fee: ["记名卡不能收延期费", "A named card may not pay for an extension"],
  named_may_not_expire: ["记名卡不能过期", "A named card may not expire"],
  valid_too_short: ["法规要求不记名卡至少 {limit} 天", "The law: an unnamed card is valid for at least {limit} days"],
  trigger_does_nothing: ["券、积分、消息，至少选一样", "A coupon, points or a message: choose at least one"],
  promotion_malformed: ["每档填「减多少」或「减百分之几」其中一样，档位不能重复", "Each tier takes off a sum or a share, one of the two; no tier twice"],
  points_rule_malformed: ["积分规则不对", "The points rule does not fit"],
  pass_malformed: ["次卡要选可用的代码和次数", "A pass needs codes and a count"],
  only_pieces: ["按重量卖的商品不能做次卡或礼品", "Goods sold by weight cannot be passes or gifts"],
  price_malformed: ["价格不对", "The price does not fit"],
  category_unknown: ["这个消费类别不存在", "This kind of goods does not exist"],
  code_unknown: ["这个消费代码不存在：{id}", "There is no code {id}"],
  member_category_unknown: ["这个会员类别不存在", "This member category does not exist"],
  level_unknown: ["这个等级不存在", "This level does not exist"],
  grade_unknown: ["这个级别不存在", "This grade does not exist"],
  campaign_unknown: ["这个券活动不存在", "This campaign does not exist"],
  role_in_use: ["还有 {employees} 名员工是这个岗位，不能删除", "{employees} employees have this role; it cannot go"],
  grade_in_use: ["还有 {employees} 名员工是这个级别，不能删除", "{employees} employees have this grade; it cannot go"],
  member_category_in_use: ["还有会员属于这一类，不能删除", "Members belong to this category; it cannot go"],
  level_in_use: ["还有会员在这一级，不能删除", "Members stand at this level; it cannot go"],
  campaign_in_use: ["这个活动的券还在会员手里，不能删除；可以停用", "Its coupons are out; switch it off instead"],
  field_kind_in_use: ["已经有会员填了这一项，不能改种类，否则原来的内容就读不懂了。请新加一项，旧的可以删除（内容会留着）", "Members have filled this in: as another kind it could not be read. Add a new field; this one may go, what was filled in stays"],
  field_kept_in_use: ["已经有会员填了这一项，不能改保存方式：公开的内容不会自动加密。请新加一项", "Members have filled this in, and how it is kept cannot change: what lies open would not be sealed. Add a new field"],
  code_in_use: ["有会员的次卡还能用它：{id}，不能删除", "Members hold passes for {id}; it cannot go"],
  nobody_could_change_the_rules: ["至少要有一个岗位（并有人在岗）能改设置和管员工", "Somebody must keep the permissions to change settings and manage staff"],
  group_twice: ["互斥组重复", "A group is there twice"],
  credit_below_sale: ["不能低于一笔的上限（{limit}），否则这样的一笔永远不会放行", "It may not be below the limit of one sale ({limit}): a sale of that much would never be given"],
  credit_never: ["这里填 0 就不会有任何赊账；要么把「一笔最多」改为 0，要么这里大于 0", "With 0 here no credit is ever given: set the limit of one sale to 0, or more than 0 here"],
  levels_malformed: ["等级的门槛要各不相同", "Levels need different thresholds"],
};

/** The sentence at a field. A limit of money is told in yuan, one of a share in percent. */
export function mistakeText(at: string, key: string, facts: Facts = {}): string {
  const limit = facts["limit"];
  const shown: Facts = { ...facts };
  if (typeof limit === "number" && at.endsWith("_fen")) shown["limit"] = formatYuan(limit);
  if (typeof limit === "number" && at.endsWith("_bp")) shown["limit"] = `${writePercent(limit)} %`;
  const found = MISTAKES[key];
  return found === undefined ? say(["这里不对（{key}）", "This does not fit ({key})"], { key }) : say(found, shown);
}
