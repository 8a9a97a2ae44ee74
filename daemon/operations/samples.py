"""Sample shops to start from: their rules are files beside the models, read like any document."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib import resources
from typing import Any, Final

from daemon.core.errors import Conflict, NotFound
from daemon.operations.rules import Change, keep
from daemon.operations.shop import Actor, Shop
from daemon.ports.ledger import Books
from daemon.rules.sections import SECTIONS, as_content, read_section
from daemon.rules.store import SetUp, Store

SAMPLES: Final = ("canteen", "hair_salon", "bakery", "car_wash")


@cache
def sample(name: str) -> dict[str, Any]:
    """`name` and `about` for the page (each in zh-CN and en), `sections` by name.

    Raises NotFound("sample_unknown")."""
    if name not in SAMPLES:
        raise NotFound("sample_unknown")
    text = resources.files("daemon.rules.samples").joinpath(f"{name}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    assert set(found["sections"]) <= set(SECTIONS)
    return found


async def list_samples() -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: [_view(name) for name in SAMPLES])


def _view(name: str) -> dict[str, Any]:
    found = sample(name)
    sections = found["sections"]
    return {
        "sample": name,
        "name": found["name"],
        "about": found["about"],
        "codes": len(sections["catalogue"]["codes"]),
        "member_categories": len(sections["member_categories"]["member_categories"]),
        "promotions": len(sections["promotions"]["promotions"]),
    }


async def take_sample(shop: Shop, actor: Actor, name: str) -> None:
    """Writes every section of the sample as a version of its own, all in one transaction. What the
    shop said of itself stays, where it said anything.

    Raises NotFound("sample_unknown"), Conflict("shop_has_sold"), RulesInvalid."""
    sections = (await asyncio.to_thread(sample, name))["sections"]
    documents = {section: read_section(section, sections[section]) for section in sections}

    def look(books: Books) -> tuple[bool, Any]:
        set_up = books.document("setup")
        return books.document("store") is not None, set_up.content if set_up else {}

    registered, said = await shop.ledger.read(look)
    if registered:
        documents.pop("store", None)
    elif isinstance(store := documents.get("store"), Store):
        kept = {**as_content(store), "merchant_name": shop.head.name, "store_name": shop.head.store}
        documents["store"] = read_section("store", kept)
    documents["setup"] = read_section("setup", {**said, "sample": name})
    assert isinstance(documents["setup"], SetUp)
    changes = [Change(section, document, None, name) for section, document in documents.items()]
    await keep(shop, actor, changes, _require_unsold)


def _require_unsold(books: Books) -> None:
    if books.has_sold():
        raise Conflict("shop_has_sold")
