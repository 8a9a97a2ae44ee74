"""Permissions that a later release brought, in the books of a shop that wrote its roles before
(docs/shop.md, "Permissions").

A role that the shop left as its sample made it gets what the sample gives it today, once, by a
version that the device writes itself. A role that the shop wrote is the shop's: the page says which
permissions are new, and who has them. As soon as a person writes the roles, nothing is new.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.permissions import LATER
from daemon.core.records import Document
from daemon.operations.rules import PERMISSIONS_KNOWN, Change, keep, know_permissions
from daemon.operations.samples import SAMPLES, sample
from daemon.operations.shop import Actor, Shop
from daemon.operations.sign_in import note
from daemon.ports.ledger import Books
from daemon.rules.crew import Staff, as_sampled
from daemon.rules.sections import read_section

log = logging.getLogger(__name__)

DEVICE: Final = Actor("", "device", "", "")
NOTE: Final = "新版本的权限 / permissions of a new release"


async def give_new_permissions(shop: Shop) -> None:
    """Once, when the books are opened and the rules in force. A counter of a chain leaves the roles
    alone: they are every branch's, and a branch of an earlier release could not read them."""

    def look(books: Books) -> tuple[frozenset[str], Document | None, Document | None]:
        alone = books.chain_state() is None
        fresh = _fresh(books) if alone else frozenset[str]()
        return fresh, books.document("staff"), books.document("setup")

    fresh, written, set_up = await shop.ledger.read(look)
    taken = set_up.content.get("sample") if set_up is not None else None
    if not fresh or written is None or taken not in SAMPLES:
        return
    sampled = await asyncio.to_thread(_sampled, str(taken))
    staff = _read(written.content)
    by_id = {role.role: role for role in sampled.roles}
    roles = tuple(
        as_sampled(role, by_id[role.role], fresh) if role.role in by_id else role
        for role in staff.roles
    )
    before = {role.role: set(role.permissions) for role in staff.roles}
    given = {name for role in roles for name in set(role.permissions) - before[role.role]}
    if not given:
        return
    widened = staff.model_copy(update={"roles": roles})
    given_now = tuple(sorted(given))
    await keep(shop, DEVICE, [Change("staff", widened, written.version, NOTE, given=given_now)])
    log.info("roles of the sample shop have new permissions: %s", ", ".join(given_now))


async def new_permissions(shop: Shop) -> list[dict[str, Any]]:
    """What came with a release since a person last wrote the roles, and that no role names: each
    with the `roles`, as the shop calls them, that have it because they may do everything."""
    fresh, written = await shop.ledger.read(lambda books: (_fresh(books), books.document("staff")))
    if written is None:
        return []
    roles = _read(written.content).roles
    named = {name for role in roles for name in role.permissions}
    everything = [role.name for role in roles if role.everything]
    return [{"permission": name, "roles": everything} for name in sorted(fresh - named)]


async def leave_new_permissions(shop: Shop, actor: Actor) -> None:
    """A person has seen them and leaves the roles as they are. Asked again it changes nothing."""

    def work(books: Books) -> None:
        fresh = _fresh(books)
        if fresh and books.document("staff") is not None:
            know_permissions(books)
            facts = {"permissions": ", ".join(sorted(fresh))}
            if actor.approver:
                facts["approver"] = actor.approver
            note(shop, books, Kind.RULES_CHANGED, actor.number, "permissions_left", **facts)

    await shop.ledger.write(work)


def _fresh(books: Books) -> frozenset[str]:
    later = frozenset(permission.value for permission in LATER)
    known = books.setting(PERMISSIONS_KNOWN)
    return later - frozenset(json.loads(known)) if known is not None else later


def _sampled(name: str) -> Staff:
    return _read(sample(name)["sections"]["staff"])


def _read(content: Mapping[str, Any]) -> Staff:
    staff = read_section("staff", content)
    assert isinstance(staff, Staff)
    return staff
