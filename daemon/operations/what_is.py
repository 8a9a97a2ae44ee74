"""What a scanned code means: something that is sold, a coupon, a card's printed number, a member.

Goods and coupons are looked for first. Only what is neither is looked for among members, and that
so seldom that nobody can find out with a scanner which telephones are members'. The event holds ids
and the shop's own codes, never what was scanned where it might be somebody's number."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any, Final

from daemon.core.errors import BadRequest, CounterError
from daemon.core.loyalty.coupon_code import read_code
from daemon.operations.member_form import require_phone
from daemon.operations.shop import Shop
from daemon.ports.ledger import Books

log = logging.getLogger(__name__)

LONGEST: Final = 128
"""Of any code that the shop, its cards or its members have."""
WINDOW_MS: Final = 60_000
MOST_SEARCHES: Final = 30
"""Looks among members within a minute: nobody serves more people."""
MOST_MISSES: Final = 6
"""And how many of them may find nobody."""

_UNKNOWN: Final = {"kind": "unknown", "reason": "scan_unknown"}


def goods_of(shop: Shop, text: str) -> str | None:
    """The consumption code that was scanned, as the office wrote it; letters of either case."""
    wanted = text.casefold()
    codes = shop.rules.codes
    if text in codes:
        return text
    return next((code for code in codes if code.casefold() == wanted), None)


async def what_is(shop: Shop, text: str) -> dict[str, Any] | None:
    """`{kind: "goods", code}` or `{kind: "coupon", code}`; None: neither, perhaps a member's."""
    code = goods_of(shop, text)
    if code is not None:
        return {"kind": "goods", "code": code}
    coupon = read_code(text)
    if coupon is None:
        return None
    known = await shop.ledger.read(lambda books: books.coupon(coupon) is not None)
    return {"kind": "coupon", "code": coupon} if known else None


async def whose(shop: Shop, text: str) -> dict[str, Any]:
    """`{kind: "member", member_id}`, or why there is none."""

    def look(books: Books) -> dict[str, Any]:
        card_id = books.card_numbered(text)
        card = books.card(card_id) if card_id is not None else None
        if card is not None:
            return {"kind": "member", "member_id": card.member_id}
        found = books.member_numbered(text)
        if found is not None:
            return {"kind": "member", "member_id": found}
        return _by_phone(books, text)

    return await shop.ledger.read(look)


def _by_phone(books: Books, text: str) -> dict[str, Any]:
    try:
        phone = require_phone(text)
    except BadRequest:
        return _UNKNOWN
    found = books.phoned([phone]).get(phone, ())
    if len(found) > 1:
        return {"kind": "refused", "reason": "scan_several"}
    return {"kind": "member", "member_id": found[0]} if found else _UNKNOWN


class Scans:
    """What scanners of this device have sent, one after the other."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._searches: deque[int] = deque()
        self._misses: deque[int] = deque()

    async def scanned(self, reader: str, text: str) -> None:
        """Tells the page. Never raises what it can tell."""
        try:
            told = await self._meaning(text.strip())
        except CounterError as error:
            log.warning("a scanned code could not be looked up: %s", error.key)
            told = {"kind": "refused", "reason": error.key}
        self._shop.events.publish("scan", {"reader": reader, **told})

    async def _meaning(self, text: str) -> dict[str, Any]:
        if not 0 < len(text) <= LONGEST:
            return _UNKNOWN
        found = await what_is(self._shop, text)
        if found is not None:
            return found
        now_ms = self._shop.clock.now_ms()
        for times in (self._searches, self._misses):
            while times and now_ms - times[0] >= WINDOW_MS:
                times.popleft()
        if len(self._searches) >= MOST_SEARCHES or len(self._misses) >= MOST_MISSES:
            return {"kind": "refused", "reason": "scan_too_often"}
        self._searches.append(now_ms)
        told = await whose(self._shop, text)
        if told["kind"] != "member":
            self._misses.append(now_ms)
        return told
