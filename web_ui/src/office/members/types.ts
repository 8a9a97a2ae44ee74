/** Members as the office is told of them (GET /office/members and what is around it). */

import type { Facts } from "../../shared/api/types";
import type { Phrase } from "../text/phrases";

export interface Standing {
  first_day: string | null;
  last_day: string | null;
  visits: number;
  spent_fen: number;
  recharged_fen: number;
  points_earned: number;
  principal_fen: number;
  bonus_fen: number;
  points: number;
}

export interface OfficeMember {
  member_id: string;
  number: string;
  name: string;
  phone: string;
  gender: string;
  birthday: string;
  category: string;
  level: string | null;
  status: string;
  erased: boolean;
  created_ms: number;
  valid_to: string | null;
  tags: string[];
  standing: Standing;
}

export interface FileCard {
  card_id: string;
  status: string;
  number: string | null;
  issued_ms: number;
  valid_to: string | null;
}

export interface MemberFile extends OfficeMember {
  version: string;
  named: boolean;
  fields: Record<string, string | number>;
  personal_fields: Record<string, string>;
  referrer: { member_id: string; number: string } | null;
  cards: FileCard[];
  jobs: { job_id: string; kind: string; created_ms: number; by: string }[];
}

export interface WholePerson {
  name: string;
  phone: string;
  gender: string;
  birthday: string;
  fields: Record<string, string | number>;
}

export interface FieldAbout {
  field: string;
  kind: string;
  ops: string[];
  name: string;
  choices: Record<string, string>;
  personal: boolean;
}

export interface Condition {
  field: string;
  op: string;
  value?: string | number | (string | number)[];
}

export interface SavedFilter {
  filter_id: string;
  name: string;
  filter: Condition[];
  by: string;
}

export type JobState = "ready" | "running" | "stopping" | "undoing" | "done" | "stopped" | "undone";

export interface Job {
  job_id: string;
  kind: string;
  action: string | null;
  state: JobState;
  by: string;
  created_ms: number;
  total: number;
  done: number;
  refused: number;
  undoable: boolean;
  answer: Facts & { left?: string[] };
}

export interface Sample {
  member_id: string;
  number: string;
  name: string;
  what: string;
  before: unknown;
  after: unknown;
  refused: string | null;
}

export const STATUS: Readonly<Record<string, Phrase>> = {
  active: ["正常", "Active"],
  frozen: ["已冻结", "Frozen"],
  closed: ["已销户", "Closed"],
  erased: ["已删除资料", "Erased"],
};

export const CARD_STATUS: Readonly<Record<string, Phrase>> = {
  active: ["正常", "Active"],
  lost: ["已挂失", "Lost"],
  locked: ["已锁定", "Locked"],
  returned: ["已退卡", "Returned"],
  replaced: ["已换卡", "Replaced"],
  blank: ["空白", "Blank"],
};

export const GENDER: Readonly<Record<string, Phrase>> = { f: ["女", "Female"], m: ["男", "Male"] };

export const FIELD_NAMES: Readonly<Record<string, Phrase>> = {
  number: ["会员号", "Number"],
  category: ["会员类别", "Category"],
  level: ["等级", "Level"],
  status: ["状态", "Status"],
  tags: ["标签", "Tags"],
  created: ["入会日期", "Joined"],
  valid_to: ["有效期至", "Valid to"],
  first_day: ["第一次到店", "First visit"],
  last_day: ["最近到店", "Last visit"],
  visits: ["到店次数", "Visits"],
  spent_fen: ["累计消费", "Spent"],
  recharged_fen: ["累计充值", "Recharged"],
  balance_fen: ["余额", "Balance"],
  principal_fen: ["本金", "Principal"],
  bonus_fen: ["赠金", "Bonus"],
  points: ["积分", "Points"],
  birthday_month: ["生日月份", "Birthday month"],
  birthday: ["生日", "Birthday"],
  gender: ["性别", "Gender"],
  referrer: ["介绍人会员号", "Brought by (number)"],
};

export const OP_NAMES: Readonly<Record<string, Phrase>> = {
  is: ["等于", "is"],
  is_not: ["不是", "is not"],
  in: ["是其中之一", "is one of"],
  starts: ["开头是", "begins with"],
  has: ["有", "has"],
  has_not: ["没有", "has not"],
  at_least: ["至少", "at least"],
  at_most: ["至多", "at most"],
  from: ["从", "from"],
  to: ["到", "to"],
  older_than_days: ["早于多少天前", "more than … days ago"],
  within_days: ["在多少天内", "within … days"],
  empty: ["没有填", "is empty"],
  filled: ["填了", "is filled"],
};

/** Operators that ask for no value. */
export const BARE_OPS: readonly string[] = ["empty", "filled"];
/** Operators that count days. */
export const DAY_OPS: readonly string[] = ["older_than_days", "within_days"];

export const REASONS: readonly (readonly [string, Phrase])[] = [
  ["member_asked", ["会员本人要求", "The member asked"]],
  ["contact_member", ["联系会员", "To contact the member"]],
  ["check_identity", ["核对身份", "To check who it is"]],
  ["correct_data", ["更正资料", "To correct data"]],
  ["complaint", ["处理投诉", "A complaint"]],
  ["misuse", ["疑似盗用", "Suspected misuse"]],
  ["goodwill", ["补偿、赠送", "Goodwill"]],
  ["mistake", ["之前操作有误", "A mistake before"]],
  ["other", ["其他", "Other"]],
];
