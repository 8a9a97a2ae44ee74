/** What the device's own scanner has sent, done at the counter: goods into the basket, a coupon beside
 *  them, a member as the one whom the sale is for. */

import { get } from "../../shared/api/client";
import type { Member, Scan } from "../../shared/api/types";
import { withMember } from "./basket";
import { codeNamed } from "./codes";
import { tell, tellProblem } from "./notices";
import { add, takeCoupon } from "./selling";
import { isUnderWay } from "./shop";
import { quietly, shop } from "./store";
import { basket, catalogue, customer, hasGoods, keep, setMode } from "./till";

/** One page has the scanner: that which is looked at. A sale under way keeps what it has. */
export async function takeScan(sent: Scan): Promise<void> {
  if (document.visibilityState !== "visible") return;
  if ("reason" in sent) return tellProblem(sent.reason);
  if (isUnderWay(shop.value.counter)) return tellProblem("scan_under_way");
  if (sent.kind === "goods") return takeGoods(sent.code);
  if (sent.kind === "coupon") {
    if (hasGoods.value) setMode("goods");
    await takeCoupon(sent.code);
    return;
  }
  await takeMember(sent.member_id);
}

function takeGoods(text: string): void {
  const code = codeNamed(catalogue.value, text);
  if (code === undefined || code.gift) return tell("goods.unknown", { code: text }, "bad");
  add(code);
  setMode("goods");
}

async function takeMember(member_id: string): Promise<void> {
  await quietly(async () => {
    const member = await get<Member>(`/members/${member_id}`);
    if (member.status !== "active") return tellProblem("member_frozen");
    // A coupon that was scanned before the first member stands for whoever brings it.
    const first = customer.value === null;
    keep(first ? { ...basket.value, member } : withMember(basket.value, member));
  });
}
