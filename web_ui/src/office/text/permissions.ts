/** What each permission is called (daemon/core/permissions.py), in the groups of the roles page. */

import type { Phrase } from "./phrases";

export const PERMISSION_GROUPS: readonly { name: Phrase; permissions: Readonly<Record<string, Phrase>> }[] = [
  {
    name: ["收款", "Selling"],
    permissions: {
      sell: ["收款", "Sell"],
      open_amount: ["直接输入金额", "Key in an amount"],
      price_override: ["改价", "Change a price"],
      void_own: ["作废自己的单", "Void one's own sale"],
      void_any: ["作废任何人的单", "Void anybody's sale"],
      refund: ["退货退款", "Refund"],
      credit: ["同意断网赊账", "Agree to credit while offline"],
      recharge: ["充值", "Recharge"],
      balance_refund: ["退余额", "Refund a balance"],
      purse_settle: ["判定卡内钱包的未知交易", "Settle unknown purse transactions"],
      coupon: ["发券、核销券", "Give out and take coupons"],
    },
  },
  {
    name: ["会员与卡", "Members and cards"],
    permissions: {
      member_add: ["新增会员", "Add members"],
      member_change: ["修改会员", "Change members"],
      member_unmask: ["查看完整资料", "See personal data in full"],
      member_batch: ["批量操作", "Batch operations"],
      member_import: ["导入会员", "Import members"],
      member_export: ["导出会员", "Export members"],
      member_erase: ["删除个人资料", "Erase personal data"],
      pin_reset: ["重置支付密码", "Reset a payment PIN"],
      card_issue: ["办卡", "Issue cards"],
      card_service: ["补卡、修卡、延期、转让", "Reissue, repair, extend, transfer"],
      card_lost: ["挂失、解挂", "Report a loss, lift it"],
      card_unlock: ["解锁卡", "Unlock cards"],
      card_return: ["退卡", "Take cards back"],
    },
  },
  {
    name: ["积分与礼品", "Points and gifts"],
    permissions: {
      points_adjust: ["调整积分", "Adjust points"],
      check_in: ["签到", "Check in"],
      gift: ["兑换礼品", "Hand out gifts"],
      stock: ["礼品库存", "Stock of gifts"],
    },
  },
  {
    name: ["班次与管理", "Shifts and office"],
    permissions: {
      shift: ["开班、交班", "Open and close one's shift"],
      shift_any: ["接管别人的班次", "Take over any shift"],
      cash_move: ["存入、取出现金", "Cash in and out"],
      rules_read: ["查看设置", "See settings"],
      rules_change: ["修改设置", "Change settings"],
      staff: ["员工管理", "Manage staff"],
      log: ["查看日志", "See the log"],
      records: ["查看全部记录", "See all records"],
      export: ["导出", "Export"],
    },
  },
];

export const PERMISSIONS: Readonly<Record<string, Phrase>> = Object.assign(
  {},
  ...PERMISSION_GROUPS.map((group) => group.permissions),
);
