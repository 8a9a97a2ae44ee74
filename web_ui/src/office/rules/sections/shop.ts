/** The shop itself: store, receipt, parameters, shifts (F5, E3, A13, C8). */

import type { Field, Section } from "../spec";

const text = (at: string, label: readonly [string, string], help?: readonly [string, string]): Field => ({
  kind: "text",
  at,
  label,
  most: 120,
  ...(help === undefined ? {} : { help }),
});

export const store: Section = {
  name: "store",
  title: ["店铺资料", "Shop"],
  lead: ["印在小票上，也是监管部门要求登记的内容。", "Printed on receipts, and what the authorities want on record."],
  blocks: [
    {
      title: ["店名与联系方式", "Name and contact"],
      fields: [
        { kind: "text", at: "merchant_name", label: ["商户名称", "Merchant"], most: 60, help: ["用大字印在每张小票的最上面。", "Printed in large letters on top of every receipt."] },
        text("store_name", ["门店名称", "Branch"], ["有分店时填写，例如「人民路店」。", "For a shop with branches, for example “People's Road”."]),
        text("address", ["地址", "Address"]),
        text("phone", ["电话", "Phone"], ["会员有疑问时拨打的号码，印在小票上。", "The number that members call; it is printed on receipts."]),
        text("opening_hours", ["营业时间", "Opening hours"]),
        { kind: "choice", at: "language", label: ["小票语言", "Language of receipts"], of: [["zh-CN", ["中文", "Chinese"]], ["en", ["英文", "English"]]], help: ["页面的语言由每个人自己在右上角选择。", "Everybody chooses the language of the pages in the top bar."] },
        { kind: "picture", at: "logo_png_base64", label: ["店标", "Logo"], most: 12 * 1024, help: ["黑白的 PNG 图片，不超过 12 KB，宽度 576 点以内最清楚。", "A black and white PNG of at most 12 KB; up to 576 dots wide prints best."] },
      ],
    },
    {
      title: ["登记信息", "Registration"],
      lead: ["发行单用途预付卡的商户需要备案；没有的项目可以空着。", "Merchants that issue prepaid cards file with the authorities; leave empty what you do not have."],
      fields: [
        text("licence_number", ["统一社会信用代码", "Unified social credit code"]),
        text("filing_number", ["预付卡备案号", "Prepaid card filing number"]),
        text("tax_id", ["纳税人识别号", "Tax number"]),
      ],
    },
  ],
};

export const receipt: Section = {
  name: "receipt",
  title: ["小票", "Receipt"],
  lead: ["除了金额之外，小票上还印什么。右边是样张。", "What receipts say besides the figures. A specimen is shown beside it."],
  blocks: [
    {
      title: ["票尾与内容", "Footer and contents"],
      fields: [
        { kind: "lines", at: "footer", label: ["票尾文字", "Footer"], most: 8, longest: 120, wide: true, help: ["每行一句，最多 8 行。空着就印「谢谢惠顾」。", "One sentence a line, at most 8 lines. Left empty, it says thank you."] },
        { kind: "yes", at: "show_qr", label: ["印查询二维码", "Print the QR code"], help: ["会员用手机扫码，可以查余额和记录，码里没有个人信息。", "Members scan it to see balance and records. It holds no personal data."] },
        { kind: "yes", at: "show_points", label: ["印积分", "Print points"], help: ["本次获得和现有的积分。", "What the sale earned and what is held."] },
        { kind: "yes", at: "show_refund_hint", label: ["充值小票印退款提示", "Print the refund hint on recharges"], help: ["法规要求：付款七天内没有消费可以全额退款，应当告知。", "The law: within seven days an unused payment may be taken back, and the buyer is told."] },
      ],
    },
  ],
};

const pinAbove = (at: string, label: readonly [string, string], help: readonly [string, string]): Field => ({
  kind: "part",
  at,
  label,
  help,
  fields: [
    { kind: "figure", as: "money", at: "pin_above_fen", label: ["超过多少要密码", "PIN above"], help: ["填 0 表示每次都要密码。", "0: every sale asks for the PIN."] },
    { kind: "figure", as: "money", at: "per_day_fen", label: ["每张卡每天最多", "At most a day and card"], optional: ["不限", "no limit"] },
  ],
});

export const parameters: Section = {
  name: "parameters",
  title: ["参数", "Parameters"],
  lead: ["收款、充值和退款时用到的规定。不确定的，保持默认就是稳妥的。", "What sales, recharges and refunds go by. The values that are there at first are the safe ones."],
  blocks: [
    {
      title: ["收款", "Selling"],
      fields: [
        { kind: "choice", at: "spend_order", label: ["先用哪个余额", "Which balance pays first"], of: [["principal_first", ["先用本金", "Principal first"]], ["bonus_first", ["先用赠金", "Bonus first"]], ["in_proportion", ["按比例同时用", "Both, in proportion"]]], help: ["本金是会员付的钱，赠金是充值时送的。按比例最公平，退款也最好算。", "The principal was paid for, the bonus was given. In proportion is the fairest and the simplest to refund."] },
        { kind: "choice", at: "wipe_fen", label: ["抹零", "Odd fen"], of: [[1, ["不抹零", "Keep every fen"]], [10, ["抹到角", "Down to 0.10 yuan"]], [50, ["抹到五角", "Down to 0.50 yuan"]], [100, ["抹到元", "Down to whole yuan"]], [1000, ["抹到十元", "Down to ten yuan"]]], help: ["应收金额总是往下取，零头算店里的。", "What is due is always cut down; the shop bears the rest."] },
        { kind: "figure", as: "money", at: "most_sale_fen", label: ["单笔最多", "Largest single sale"], help: ["多打一个零时，它会拦住。", "It stops a slip of the finger."] },
        { kind: "figure", as: "whole", at: "void_window_min", unit: ["分钟", "minutes"], most: 10_080, label: ["多久之内可以作废", "Voiding is possible for"], help: ["收银员在这段时间内可以作废自己的单，之后走退款。", "So long a cashier may void; after that it is a refund."] },
        { kind: "figure", as: "whole", at: "double_tap_s", unit: ["秒", "seconds"], most: 600, label: ["重复刷卡提醒", "Ask again on a double tap"], help: ["这段时间内同一张卡、同样金额，会先问一句。", "The same card and amount within this time asks first."] },
        { kind: "figure", as: "whole", at: "card_wait_s", unit: ["秒", "seconds"], least: 10, most: 1_800, label: ["等刷卡", "Wait for the card"] },
        { kind: "figure", as: "whole", at: "pin_wait_s", unit: ["秒", "seconds"], least: 10, most: 600, label: ["等输密码", "Wait for the PIN"] },
      ],
    },
    {
      title: ["支付密码", "Payment PIN"],
      lead: ["能证明自己的卡更安全，可以放宽；只有一个号码的卡谁都能复制，应当收紧。", "Cards that prove themselves can be trusted with more. A card that only shows a number can be copied by anyone."],
      fields: [
        {
          kind: "part",
          at: "profiles",
          label: ["按卡的种类", "By kind of card"],
          fields: [
            pinAbove("desfire", ["安全芯片卡", "Secure chip card"], ["用密钥证明自己，复制不了。", "Proves itself with a key and cannot be copied."]),
            pinAbove("magstripe", ["磁条卡", "Magnetic card"], ["最容易复制，建议每次都要密码并限额。", "The easiest to copy; ask for the PIN each time and set a limit."]),
            pinAbove("uid", ["普通卡（只有卡号）", "Plain card (a number only)"], ["谁都能复制，建议每次都要密码并限额。", "Anyone can copy it; ask for the PIN each time and set a limit."]),
          ],
        },
        {
          kind: "part",
          at: "member_without_card",
          label: ["没带卡的会员", "Members without their card"],
          help: ["报手机号或会员号付款，每次都要密码。", "They pay by number or phone, always with the PIN."],
          fields: [
            { kind: "yes", at: "allowed", label: ["允许不带卡付款", "Allowed"] },
            { kind: "figure", as: "money", at: "per_day_fen", label: ["每人每天最多", "At most a day"], optional: ["不限", "no limit"] },
          ],
        },
      ],
    },
    {
      title: ["法规限额", "Limits of the law"],
      lead: ["单用途预付卡的规定。可以比法规更严，不能更宽。", "Rules on single-purpose prepaid cards. A shop may be stricter, never laxer."],
      fields: [
        {
          kind: "part",
          at: "limits",
          label: ["限额", "Limits"],
          fields: [
            { kind: "figure", as: "money", at: "named_ceiling_fen", label: ["记名卡余额上限", "Ceiling of a named card"], help: ["法规：5,000 元。", "The law: 5,000 yuan."] },
            { kind: "figure", as: "money", at: "unnamed_ceiling_fen", label: ["不记名卡余额上限", "Ceiling of an unnamed card"], help: ["法规：1,000 元。", "The law: 1,000 yuan."] },
            { kind: "figure", as: "money", at: "real_name_fen", label: ["一次买卡要登记身份", "Identity on record from"], help: ["法规：一次购买不记名卡 10,000 元起。", "The law: from 10,000 yuan of unnamed cards at once."] },
            { kind: "figure", as: "money", at: "unit_transfer_fen", label: ["单位购卡须转账", "Firms pay by transfer from"], help: ["法规：5,000 元起不收现金。", "The law: no cash from 5,000 yuan."] },
            { kind: "figure", as: "money", at: "person_transfer_fen", label: ["个人购卡须转账", "Persons pay by transfer from"], help: ["法规：50,000 元起不收现金。", "The law: no cash from 50,000 yuan."] },
            { kind: "figure", as: "money", at: "cash_refund_fen", label: ["可用现金退款的上限", "Refunds in cash up to"], help: ["超过的退到本人的银行账户。", "Above it, to an account in the buyer's name."] },
            { kind: "yes", at: "bonus_counts", label: ["赠金也算进上限", "The bonus counts too"] },
          ],
        },
      ],
    },
    {
      title: ["退余额与次卡", "Refunds of balances, passes"],
      fields: [
        { kind: "choice", at: "refund_method", label: ["有赠金时怎么退", "Refund of a balance with bonus"], of: [["in_ratio", ["按付款比例折算（推荐）", "In ratio (recommended)"]], ["whole", ["消费的全从本金里扣", "All that was spent counts against the principal"]]], help: ["例：付 3,000 送 1,000，用掉 1,000：按比例退 2,250，全扣退 2,000。充值时的办法一直跟着那笔钱。", "Example: 3,000 paid, 1,000 given, 1,000 spent: 2,250 comes back in ratio, 2,000 otherwise. The method of the day of payment stays with the money."] },
        { kind: "figure", as: "whole", at: "pass_valid_days", unit: ["天", "days"], label: ["次卡有效期", "Passes are valid for"], optional: ["一直有效", "for ever"], help: ["商品自己没有写有效期时用它。", "For goods that do not say so themselves."] },
      ],
    },
  ],
};

export const shifts: Section = {
  name: "shifts",
  title: ["班次与钱箱", "Shifts and drawer"],
  lead: ["开班数备用金，交班盲点现金，差多少一目了然。", "A float to begin with, a blind count to end with, and the difference is on paper."],
  blocks: [
    {
      title: ["规定", "Rules"],
      fields: [
        { kind: "yes", at: "required", label: ["不开班不能收款", "No sale without an open shift"], help: ["打开后，每一笔都算在某个人的班里。", "Then every sale belongs to somebody's shift."] },
        { kind: "figure", as: "money", at: "float_fen", label: ["通常的备用金", "Usual float"], help: ["开班时先填好这个数，可以改。", "Filled in when a shift is opened; it can be changed."] },
        { kind: "sums", at: "notes_fen", label: ["点钞时列出的面值", "Notes and coins to count"], most: 30, wide: true, help: ["交班时按面值数张数，总额自动算。", "At the end of a shift they are counted one by one, and added up."] },
      ],
    },
  ],
};
