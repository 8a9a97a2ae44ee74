/** Words of records, the log and tenders, as the device names them. */

import type { Phrase } from "./phrases";

export const RECORD_KINDS: Readonly<Record<string, Phrase>> = {
  sale: ["消费", "Sale"],
  refund: ["退货", "Refund"],
  void: ["作废", "Void"],
  recharge: ["充值", "Recharge"],
  recharge_void: ["充值作废", "Recharge voided"],
  balance_refund: ["退余额", "Balance paid out"],
  fee: ["收费", "Fee"],
  points: ["积分", "Points"],
  expired: ["到期", "Expired"],
  transfer: ["转让", "Transfer"],
};

export const TENDER_NAMES: Readonly<Record<string, Phrase>> = {
  cash: ["现金", "Cash"],
  bank_card: ["银行卡", "Bank card"],
  wechat: ["微信", "WeChat Pay"],
  alipay: ["支付宝", "Alipay"],
  bank_transfer: ["银行转账", "Bank transfer"],
  stored: ["储值", "Stored value"],
  principal: ["本金", "Principal"],
  bonus: ["赠金", "Bonus"],
  points: ["积分", "Points"],
};

export const EVENTS: Readonly<Record<string, Phrase>> = {
  rules_changed: ["修改设置", "Settings changed"],
  approval_given: ["店长同意", "Manager agreed"],
  approval_failed: ["店长同意失败", "Approval failed"],
  signed_in: ["登录", "Signed in"],
  signed_out: ["退出", "Signed out"],
  sign_in_failed: ["登录失败", "Sign-in failed"],
  sign_in_locked: ["登录锁定", "Sign-in locked"],
  employee_hired: ["新增员工", "Employee added"],
  employee_changed: ["修改员工", "Employee changed"],
  pin_reset: ["重置密码", "PIN reset"],
  lock_lifted: ["解除锁定", "Lock lifted"],
  member_added: ["新增会员", "Member added"],
  member_changed: ["修改会员", "Member changed"],
  member_unmasked: ["查看完整资料", "Data read in full"],
  unmasked: ["查看完整资料", "Data read in full"],
  member_erased: ["删除会员资料", "Member erased"],
  member_frozen: ["冻结会员", "Member frozen"],
  member_unfrozen: ["解冻会员", "Member unfrozen"],
  shift_opened: ["开班", "Shift opened"],
  shift_closed: ["交班", "Shift closed"],
  shift_handed_over: ["换班", "Shift handed over"],
  cash_moved: ["存取现金", "Cash moved"],
  cash_in: ["存入现金", "Cash in"],
  cash_out: ["取出现金", "Cash out"],
  drawer_opened: ["开钱箱", "Drawer opened"],
  points_adjusted: ["调整积分", "Points adjusted"],
  coupons_issued: ["发券", "Coupons issued"],
  coupon_withdrawn: ["作废券", "Coupon withdrawn"],
  stock_changed: ["改库存", "Stock changed"],
  card_issued: ["办卡", "Card issued"],
  exported: ["导出", "Exported"],
};

export const MESSAGE_STATES: Readonly<Record<string, Phrase>> = {
  waiting: ["等待发送", "Waiting"],
  sent: ["已发送", "Sent"],
  failed: ["发送失败", "Failed"],
  withdrawn: ["已撤回", "Withdrawn"],
};
