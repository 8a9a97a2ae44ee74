"""Identity papers (C8): who bought a card, and who did the errand. Sealed with the person, shown
masked, erased with them; the number never leaves the office."""

from __future__ import annotations

import re
from typing import Any, Final

from daemon.core.entry import Draft, Kind
from daemon.core.errors import BadRequest, Conflict, NotFound
from daemon.core.ids import is_id
from daemon.core.masking import mask_name
from daemon.core.permissions import Permission
from daemon.core.records import IdentityPaper
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books

KINDS: Final = ("id_card", "passport", "licence")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"


def require_number(kind: str, number: str) -> str:
    """The number as it is kept: without blanks, letters large. Of an identity card the 18 digits
    with their check character (GB 11643-1999, section 4.2.4, ISO 7064 MOD 11-2).

    Raises BadRequest("paper_kind_unknown" | "paper_number_malformed")."""
    if kind not in KINDS:
        raise BadRequest("paper_kind_unknown")
    clean = "".join(number.split()).upper()
    if kind == "id_card":
        good = re.fullmatch(r"[0-9]{17}[0-9X]", clean, re.ASCII) is not None
        if good:
            total = sum(w * int(d) for w, d in zip(_WEIGHTS, clean[:17], strict=True))
            good = _CHECKS[total % 11] == clean[17]
    else:
        good = re.fullmatch(r"[0-9A-Z]{5,24}", clean, re.ASCII) is not None
    if not good:
        raise BadRequest("paper_number_malformed")
    return clean


def mask_number(number: str) -> str:
    """`110101199003077571 -> 1****************1`."""
    if len(number) < 6:
        return "*" * len(number)
    return f"{number[0]}{'*' * (len(number) - 2)}{number[-1]}"


def checked(paper: IdentityPaper) -> IdentityPaper:
    """Raises BadRequest("paper_kind_unknown" | "paper_number_malformed" | "name_malformed")."""
    agent = (paper.agent_kind, paper.agent_number, paper.agent_name)
    if any(agent) and not all(agent):
        raise BadRequest("agent_incomplete")
    return IdentityPaper(
        paper.kind,
        require_number(paper.kind, paper.number),
        _require_name(paper.name),
        paper.agent_kind,
        require_number(paper.agent_kind, paper.agent_number) if paper.agent_kind else "",
        _require_name(paper.agent_name) if paper.agent_name else "",
    )


def _require_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= 60 or not clean.isprintable():
        raise BadRequest("name_malformed")
    return clean


async def keep_identity(
    shop: Shop, actor: Actor, member_id: str, paper: IdentityPaper
) -> dict[str, Any]:
    """Puts a paper on record, in place of an earlier one; the journal says that, never what.

    Raises NotFound("member_unknown"), Conflict("member_erased"), BadRequest as `checked`."""
    kept = checked(paper)

    def work(books: Books) -> dict[str, Any]:
        _require(books, member_id)
        if books.personal(member_id) is None:
            raise Conflict("member_erased")
        books.put_identity(member_id, kept)
        _note(shop, books, actor, member_id, Kind.MEMBER_CHANGED, "keep_identity")
        return _view(kept)

    return await shop.ledger.write(work)


async def identity_of(
    shop: Shop, actor: Actor, member_id: str, *, whole: bool = False
) -> dict[str, Any]:
    """The paper on record, masked; `whole` needs the permission and leaves a trace.

    Raises NotFound("member_unknown" | "identity_unknown"), NotAllowed("permission_needed")."""
    if whole:
        actor.require(Permission.MEMBER_UNMASK)

    def look(books: Books) -> dict[str, Any]:
        _require(books, member_id)
        paper = books.identity(member_id)
        if paper is None:
            raise NotFound("identity_unknown")
        return _view(paper, whole=whole)

    def traced(books: Books) -> dict[str, Any]:
        view = look(books)
        _note(shop, books, actor, member_id, Kind.UNMASKED, "unmask_identity")
        return view

    return await (shop.ledger.write(traced) if whole else shop.ledger.read(look))


def _require(books: Books, member_id: str) -> None:
    if not is_id(member_id) or books.member(member_id) is None:
        raise NotFound("member_unknown")


def _note(shop: Shop, books: Books, actor: Actor, member_id: str, kind: Kind, event: str) -> None:
    approved = {"approver": actor.approver} if actor.approver else {}
    books.append(
        Draft(
            op_id=shop.clock.new_id(),
            kind=kind,
            at_ms=shop.clock.now_ms(),
            actor=actor.number,
            member_id=member_id,
            detail={"event": event, **approved},
        )
    )


def _view(paper: IdentityPaper, *, whole: bool = False) -> dict[str, Any]:
    def shown(number: str) -> str:
        return number if whole else mask_number(number)

    def named(name: str) -> str:
        return name if whole else mask_name(name)

    agent = None
    if paper.agent_number:
        agent = {
            "kind": paper.agent_kind,
            "number": shown(paper.agent_number),
            "name": named(paper.agent_name),
        }
    return {
        "kind": paper.kind,
        "number": shown(paper.number),
        "name": named(paper.name),
        "agent": agent,
    }
