"""One member's file in the office: seen masked, changed, read in full, frozen, erased.

Whatever is done here leaves an entry that names the member and what was touched, never what it was
before or became: the journal holds no personal data.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

from daemon.core.entry import Kind
from daemon.core.errors import Conflict, NotFound, Refused
from daemon.core.masking import mask_name, mask_phone
from daemon.core.permissions import Permission
from daemon.core.records import Member, Personal
from daemon.operations.member_form import Form, changed_member, version_of
from daemon.operations.members import append_event, require_new_phone
from daemon.operations.shop import Actor, Shop
from daemon.operations.views import member_view, owner_of
from daemon.ports.ledger import Books
from daemon.ports.office_books import Listed

ACTIVE: Final = "active"
FROZEN: Final = "frozen"
ERASED: Final = "erased"
MOST_JOBS: Final = 20
_HIDDEN: Final = "***"


def require_member(books: Books, member_id: str) -> Listed:
    """Raises NotFound("member_unknown")."""
    found = books.listed([member_id])
    if not found:
        raise NotFound("member_unknown")
    return found[0]


async def member_file(shop: Shop, member_id: str) -> dict[str, Any]:
    """Everything that the office shows of a member; personal data masked.

    Raises NotFound("member_unknown")."""
    return await shop.ledger.read(lambda books: file_view(books, require_member(books, member_id)))


def file_view(books: Books, listed: Listed) -> dict[str, Any]:
    member, personal = listed.member, listed.personal
    referrer = books.member(member.referrer) if member.referrer else None
    jobs = books.jobs_of(member.member_id, MOST_JOBS)
    return {
        **row_view(listed),
        "member": member_view(books, member, listed.cards),
        "version": version_of(member, personal),
        "named": member.named,
        "fields": dict(member.fields),
        "personal_fields": dict.fromkeys(personal.fields, _HIDDEN) if personal else {},
        "referrer": {"member_id": referrer.member_id, "number": referrer.number}
        if referrer
        else None,
        "cards": [
            {
                "card_id": card.card_id,
                "status": card.status.value,
                "number": card.number,
                "issued_ms": card.issued_ms,
                "valid_to": card.valid_to,
            }
            for card in listed.cards
        ],
        "jobs": [
            {"job_id": job.job_id, "kind": job.kind, "created_ms": job.created_ms, "by": job.actor}
            for job in jobs
        ],
    }


def row_view(listed: Listed) -> dict[str, Any]:
    """What a list shows of a member; personal data masked."""
    member, personal, standing = listed.member, listed.personal, listed.standing
    who = personal or Personal("")
    return {
        "member_id": member.member_id,
        "number": member.number,
        "name": mask_name(who.name),
        "phone": mask_phone(who.phone),
        "gender": who.gender,
        "birthday": mask_birthday(who.birthday),
        "category": member.category,
        "level": member.level,
        "status": member.status,
        "erased": personal is None,
        "created_ms": member.created_ms,
        "valid_to": member.valid_to,
        "tags": list(member.tags),
        "standing": {
            name: value for name, value in asdict(standing).items() if name != "member_id"
        },
    }


def mask_birthday(birthday: str) -> str:
    """`1990-05-17 -> --05-**`: the month is what the counter congratulates for."""
    return f"--{birthday[-5:-3]}-**" if birthday else ""


async def change_member(
    shop: Shop, actor: Actor, member_id: str, version: str, form: Form, *, phone_may_repeat: bool
) -> dict[str, Any]:
    """Changes what the form speaks of, if the member is still as the page saw it.

    Raises what `changed_member` raises, NotFound("member_unknown"),
    Conflict("member_changed_since" | "member_erased" | "member_number_taken" | "phone_taken")."""
    rules = shop.rules

    def work(books: Books) -> dict[str, Any]:
        listed = require_member(books, member_id)
        personal = _require_person(listed)
        member = listed.member
        if version_of(member, personal) != version:
            raise Conflict("member_changed_since", version=version_of(member, personal))
        changed, who = changed_member(rules, member, personal, form)
        if who.phone and who.phone != personal.phone and not phone_may_repeat:
            require_new_phone(books, who.phone, own=member_id)
        touched = _touched(member, changed) + _touched(personal, who)
        if touched:
            if changed != member:
                books.change_member(changed)
            if who != personal:
                books.change_personal(member_id, who)
            detail: dict[str, int | str] = {"event": "change_member", "what": ",".join(touched)}
            if changed.category != member.category:
                detail |= {"from": member.category, "to": changed.category}
            if changed.valid_to != member.valid_to:
                detail |= {"valid_from": member.valid_to or "", "valid_to": changed.valid_to or ""}
            now_ms = shop.clock.now_ms()
            append_event(shop, books, actor, Kind.MEMBER_CHANGED, member_id, detail, now_ms)
        return file_view(books, require_member(books, member_id))

    return await shop.ledger.write(work)


def _touched(before: Member | Personal, after: Member | Personal) -> list[str]:
    """Names of what differs; custom fields one by one."""
    names: list[str] = []
    for name, value in asdict(before).items():
        now = getattr(after, name)
        if name == "fields":
            codes = sorted(set(value) | set(now))
            names += [f"field:{code}" for code in codes if value.get(code) != now.get(code)]
        elif now != value:
            names.append(name)
    return names


def _require_person(listed: Listed) -> Personal:
    """Raises Conflict("member_erased")."""
    if listed.personal is None:
        raise Conflict("member_erased")
    return listed.personal


async def unmask(shop: Shop, actor: Actor, member_id: str, reason: str) -> dict[str, Any]:
    """The whole personal data, once, and an entry of who read it and why. `reason` is a short
    code without personal data.

    Raises NotAllowed("permission_needed"), NotFound("member_unknown"),
    Conflict("member_erased")."""
    actor.require(Permission.MEMBER_UNMASK)

    def work(books: Books) -> dict[str, Any]:
        listed = require_member(books, member_id)
        personal = _require_person(listed)
        detail: dict[str, int | str] = {"event": "unmask_member", "reason": reason}
        now_ms = shop.clock.now_ms()
        append_event(shop, books, actor, Kind.UNMASKED, member_id, detail, now_ms)
        return {
            "member_id": member_id,
            "name": personal.name,
            "phone": personal.phone,
            "gender": personal.gender,
            "birthday": personal.birthday,
            "fields": dict(personal.fields),
            "version": version_of(listed.member, personal),
        }

    return await shop.ledger.write(work)


async def freeze(
    shop: Shop, actor: Actor, member_id: str, *, frozen: bool, reason: str
) -> dict[str, Any]:
    """Freezes the account, or lifts that; asking twice changes nothing.

    Raises NotFound("member_unknown"), Conflict("member_erased")."""

    def work(books: Books) -> dict[str, Any]:
        listed = require_member(books, member_id)
        _require_person(listed)
        status = FROZEN if frozen else ACTIVE
        if listed.member.status != status:
            books.change_member(replace(listed.member, status=status))
            event = "freeze_member" if frozen else "unfreeze_member"
            detail: dict[str, int | str] = {"event": event}
            if reason:
                detail["reason"] = reason
            now_ms = shop.clock.now_ms()
            append_event(shop, books, actor, Kind.MEMBER_CHANGED, member_id, detail, now_ms)
        return file_view(books, require_member(books, member_id))

    return await shop.ledger.write(work)


def held_by(books: Books, listed: Listed) -> dict[str, int | str]:
    """What an erased member would leave behind: money, points, passes, open cards."""
    held: dict[str, int] = {"principal_fen": 0, "bonus_fen": 0, "points": 0, "passes": 0}
    for holding in books.holdings(owner_of(listed.member.member_id)):
        asset = holding.account.asset
        name = {"principal": "principal_fen", "bonus": "bonus_fen", "points": "points"}
        held[name.get(asset, "passes")] += holding.balance
    held["cards"] = sum(not card.status.ended for card in listed.cards)
    return {name: count for name, count in held.items() if count}


async def erase_member(
    shop: Shop, actor: Actor, member_id: str, *, despite: bool
) -> dict[str, Any]:
    """Destroys the member's personal data, identity paper, search words, tags and own fields; the
    number, the money and the history stay, and the account is frozen for good.

    Raises NotFound("member_unknown"), Refused("member_has_assets", with what is left) unless
    `despite`. Erasing again changes nothing."""

    def work(books: Books) -> dict[str, Any]:
        listed = require_member(books, member_id)
        if listed.personal is not None:
            held = held_by(books, listed)
            if held and not despite:
                raise Refused("member_has_assets", **held)
            books.erase_personal(member_id)
            blank = replace(listed.member, status=ERASED, pin_hash=None, tags=(), fields={})
            books.change_member(blank)
            books.forget_rows_of(member_id)
            detail: dict[str, int | str] = {"event": "erase_member", **held}
            now_ms = shop.clock.now_ms()
            append_event(shop, books, actor, Kind.MEMBER_ERASED, member_id, detail, now_ms)
        return file_view(books, require_member(books, member_id))

    return await shop.ledger.write(work)
