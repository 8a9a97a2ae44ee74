"""The guided set-up: which steps are done, from what is there and what somebody said."""

from __future__ import annotations

from typing import Any, Final, Literal

from daemon.core.errors import NotFound
from daemon.operations.rules import Change, keep
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.rules.sections import read_section
from daemon.rules.store import SET_UP_STEPS, SetUp

State = Literal["open", "done", "skipped"]
FIRST_EMPLOYEES: Final = 2
"""The one who sets up, and one who works here: then the staff is begun."""


async def set_up_state(shop: Shop) -> dict[str, Any]:
    """A step is done when what it asks for is there, or when somebody called it done."""

    def look(books: Books) -> dict[str, Any]:
        said = _said(books)
        counted = _counted(shop, books)
        enough = {**dict.fromkeys(SET_UP_STEPS, 1), "staff": FIRST_EMPLOYEES}
        steps = [
            {
                "step": step,
                "state": _state(step, said, counted[step] >= enough[step]),
                "counted": counted[step],
            }
            for step in SET_UP_STEPS
        ]
        return {
            "steps": steps,
            "sample": said.sample,
            "may_begin": not books.has_sold(),
            "finished": all(step["state"] != "open" for step in steps),
        }

    return await shop.ledger.read(look)


def _said(books: Books) -> SetUp:
    document = books.document("setup")
    found = read_section("setup", document.content if document is not None else {})
    assert isinstance(found, SetUp)
    return found


def _state(step: str, said: SetUp, there: bool) -> State:
    if step in said.done or there:
        return "done"
    return "skipped" if step in said.skipped else "open"


def _counted(shop: Shop, books: Books) -> dict[str, int]:
    versions = {document.section: document.version for document in books.documents()}
    return {
        "shop": versions.get("store", 0),
        "staff": sum(employee.active for employee in books.employees()),
        "categories": versions.get("member_categories", 0),
        "codes": len(shop.rules.codes),
        "cards": int(books.has_cards()),
    }


async def settle_step(shop: Shop, actor: Actor, step: str, state: State) -> None:
    """Raises NotFound("step_unknown"), Conflict("rules_changed_meanwhile")."""
    if step not in SET_UP_STEPS:
        raise NotFound("step_unknown")

    def look(books: Books) -> tuple[SetUp, int]:
        document = books.document("setup")
        return _said(books), document.version if document is not None else 0

    said, version = await shop.ledger.read(look)
    content = said.model_dump(mode="json")
    for name in ("done", "skipped"):
        marked = {*content[name]} - {step} | ({step} if name == state else set())
        content[name] = [each for each in SET_UP_STEPS if each in marked]
    await keep(shop, actor, [Change("setup", read_section("setup", content), version)])
