"""Every route of /api/v1, in the order of docs/api.md, and the document that describes them."""

from __future__ import annotations

from typing import Final

from daemon.web.api import (
    baskets,
    cards,
    device,
    loyalty,
    members,
    office_members,
    receipts,
    recharges,
    records,
    rules,
    sales,
    shifts,
    signing,
    staff,
)
from daemon.web.api.route import Route

ROUTES: Final[tuple[Route, ...]] = (
    signing.open_session,
    signing.see_session,
    signing.close_session,
    device.see_status,
    device.see_health,
    device.listen,
    sales.begin_sale,
    sales.see_sales,
    sales.see_sale,
    sales.give_pin,
    sales.confirm_sale,
    sales.cancel_sale,
    sales.park_sale,
    sales.resume_sale,
    sales.void_sale,
    recharges.recharge,
    recharges.quote_recharge,
    recharges.see_recharge,
    recharges.void_recharge,
    recharges.see_recharge_rules,
    members.see_members,
    members.new_member,
    members.see_member,
    members.begin_issue,
    members.see_issue,
    members.cancel_issue,
    receipts.see_receipts,
    receipts.see_receipt,
    receipts.reprint_receipt,
    *baskets.ROUTES,
    *cards.ROUTES,
    *loyalty.ROUTES,
    *office_members.ROUTES,
    *shifts.ROUTES,
    *records.ROUTES,
    *staff.ROUTES,
    *rules.ROUTES,
)
