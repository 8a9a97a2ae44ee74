"""The cards of the demo shop, made where they are missing."""

from typing import Final

from simulator.cards.rack import Rack

DEMO_CARDS: Final = (
    ("alice", "desfire", "艾丽的会员卡", "Alice's card"),
    ("bob", "uid", "阿博的 UID 卡", "Bob's UID card"),
    ("carol", "desfire", "卡萝的会员卡", "Carol's card"),
    ("dave", "desfire", "大卫的会员卡", "Dave's card"),
    ("stranger", "uid", "不认识的卡", "A stranger's card"),
)


def seed_demo(rack: Rack) -> list[str]:
    """Make the missing ones, as delivered; answers their ids. Raises ShelfError."""
    present = {card["id"] for card in rack.list_cards()}
    missing = [card for card in DEMO_CARDS if card[0] not in present]
    for card_id, kind, zh, en in missing:
        rack.create(kind, card_id, {"zh": zh, "en": en})
    return [card[0] for card in missing]
