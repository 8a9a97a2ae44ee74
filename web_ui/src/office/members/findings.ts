/** What the looking through of a member file finds wrong with a cell or a row, in short: it stands
 * beside the cell. The file of bad rows says the same at length (daemon/operations/import_rows.py,
 * whose list tests/office/test_import_words.py compares with this one). */

import { reasonText } from "../../shared/i18n";
import { wordOf, type Phrase } from "../text/phrases";

export const FINDINGS: Readonly<Record<string, Phrase>> = {
  name_malformed: ["姓名不对", "Not a name"],
  name_missing: ["没有姓名", "No name"],
  masked: ["带星号，是脱敏的导出", "Masked, with asterisks"],
  phone_malformed: ["手机号不对", "Not a phone number"],
  number_malformed: ["会员号不对", "Not a member number"],
  gender_malformed: ["性别不对", "Not a gender"],
  birthday_malformed: ["生日不对", "Not a birthday"],
  day_malformed: ["日期不对", "Not a day"],
  member_category_unknown: ["没有这个会员类别", "There is no such category"],
  level_unknown: ["没有这个等级", "There is no such level"],
  tags_malformed: ["标签太多或太长", "Too many tags, or one too long"],
  field_malformed: ["不是这种内容", "Not what this field holds"],
  field_no_choice: ["不在选项里", "Not one of the choices"],
  field_missing: ["必填的资料没有填", "A required field is empty"],
  referrer_unknown: ["没有这个介绍人", "There is no such referrer"],
  duplicate_number: ["会员号在文件里重复", "The number is in the file twice"],
  duplicate_phone: ["手机号在文件里重复", "The phone is in the file twice"],
  phone_ambiguous: ["这个手机号有好几个会员", "Several members have this phone"],
  phone_of_another: ["手机号是另一个会员的", "The phone is another member's"],
  member_erased: ["这个会员的资料已删除", "This member was erased"],
  member_known: ["已经是会员，按设定跳过", "Known already, skipped as set"],
  row_too_wide: ["这一行的列太多", "The row has too many columns"],
};

/** One of a later device in the sentence that all its refusals have. */
export function why(key: string): string {
  return key in FINDINGS ? wordOf(FINDINGS, key) : reasonText(key).title;
}
