/** How the merchant's counters share one balance (docs/leases.md, "Policy"). */

import type { Phrase } from "../../text/phrases";
import type { Section } from "../spec";

const HOURS: Phrase = ["小时", "hours"];
const NONE: Phrase = ["填 0 表示不赊账。", "0: no credit."];

export const chain: Section = {
  name: "chain",
  title: ["连锁与离线", "Chain and offline"],
  lead: [
    "各分店共用一个余额。每家店手里先拿着一部分，断网也能消费，合起来不会超过会员的钱。默认值是稳妥的：不赊账。",
    "All branches share one balance. Each holds a part of it, so it sells while the network is gone, and together they never spend more than there is. The first values are safe: no credit.",
  ],
  blocks: [
    {
      title: ["店内额度", "What a branch holds"],
      lead: ["常去的店先拿着会员余额的一部分，平时收款不用等网络。", "Branches that a member often visits hold part of the balance, so that a sale waits for no network."],
      fields: [
        { kind: "figure", as: "percent", at: "lease_share_bp", label: ["每家店先拿多少", "A branch holds"], help: ["会员余额里还没有分出去的部分，按这个比例给常去的店。填 0 就全部联网收款。", "This share of what is still free. At 0 every sale asks the cloud."] },
        { kind: "figure", as: "money", at: "lease_cap_fen", label: ["每家店每位会员最多", "At most a branch and member"], help: ["断网的店手里有多少，别的店就要等它联网才用得到，所以不要太大。", "What a branch that is cut off holds, others cannot use until it is back; keep it modest."] },
        { kind: "figure", as: "whole", at: "regular_branches", unit: ["家店", "branches"], label: ["常去的店算几家", "Branches that count as regular"], help: ["按到店次数排在前面的几家先拿额度，其余的店联网收款。", "The ones most visited hold something; the others ask the cloud for each sale."] },
        { kind: "figure", as: "whole", at: "regular_days", unit: ["天", "days"], label: ["看最近多少天的到店", "Visits of the last"], help: ["会员换了常去的店，额度过这么久就跟过去。", "When a member takes to another branch, what is held moves there within this time."] },
        { kind: "figure", as: "whole", at: "lease_valid_h", unit: HOURS, label: ["断网多久内可以用", "Good without contact for"], help: ["超过以后储值要联网才能用。额度不会丢，接上网络就恢复。", "After it stored value needs the network. Nothing is lost; it works again once the cloud is reached."] },
        { kind: "figure", as: "whole", at: "debit_deadline_ms", unit: ["毫秒", "ms"], label: ["最多等云端多久", "Wait for the cloud at most"], help: ["店里不够时会问云端，收银员最多等这么久。", "Where not enough is here the cloud is asked, and the cashier waits no longer than this."] },
      ],
    },
    {
      title: ["时钟没有校准时", "While the clock is not set"],
      lead: ["刚开机又没有网络，设备不确定现在几点。", "Just started and without a network, a device is not sure of the time."],
      fields: [
        { kind: "figure", as: "whole", at: "unsynced_grace_h", unit: HOURS, label: ["最多这样营业", "Sells so for at most"], help: ["从开机算起。超过后储值要等联网或校准时钟；现金等照常收。", "From the start on. After it stored value waits for the network or a clock that is set; cash goes on."] },
        { kind: "figure", as: "money", at: "unsynced_grace_fen", label: ["期间储值最多消费", "And stored value up to"], help: ["这台设备一共。限制过期额度被用掉的金额。", "Of this device in all. It bounds what could be spent of leases that have ended."] },
      ],
    },
    {
      title: ["断网时赊账", "Credit while offline"],
      lead: ["断网又超过店内额度时，可以先赊给会员，联网后从余额里扣。赊出去的钱可能收不回来，由店里担。", "Where the network is gone and more is asked for than is here, a member may owe it; it is taken from the balance later. What cannot be taken then is the merchant's risk."],
      fields: [
        { kind: "figure", as: "money", at: "credit_sale_fen", label: ["一笔最多", "At most a sale"], help: NONE },
        { kind: "figure", as: "money", at: "credit_member_fen", label: ["每位会员最多欠", "At most a member"], help: ["在这台设备上，联网之前。不能低于一笔的上限。", "On this device, until it is online again. Not below the limit of one sale."] },
        { kind: "figure", as: "money", at: "credit_day_fen", label: ["每台设备每天最多", "At most a device and day"], help: ["这是一台断网的设备一天可能带来的全部风险。", "All that one device which is cut off can put at risk in a day."] },
        { kind: "figure", as: "whole", at: "credit_in_a_row", unit: ["笔", "sales"], label: ["同一会员连续最多", "In a row for one member"], help: ["到下次联网为止。", "Until the device is online again."] },
        { kind: "figure", as: "money", at: "credit_pin_above_fen", label: ["超过多少要店长同意", "A manager agrees above"], help: ["填 0 表示每次都要。", "0: each time."] },
        { kind: "figure", as: "whole", at: "blocklist_max_age_h", unit: HOURS, label: ["挂失名单最多旧到", "List of lost cards not older than"], help: ["名单更旧时不再赊账；店内额度照常可用。", "With an older list no credit is given; what is held here still spends."] },
      ],
    },
    {
      title: ["万一用超了", "If more was spent than there was"],
      fields: [
        {
          kind: "choice",
          at: "overspend_bearer",
          label: ["由谁承担", "Who bears it"],
          of: [["member", ["会员：下次充值先补上（推荐）", "The member: the next recharge repays it first (recommended)"]], ["merchant", ["店里：记为损失", "The merchant: written off"]]],
          help: ["只有赊账或收回失联设备的额度时才可能发生。", "It can only come from credit, or from reclaiming what a lost device held."],
        },
      ],
    },
  ],
};
