"""What each problem key means, in one English sentence for whoever writes a client.

The page has its own sentences, in zh-CN and en; it goes by the key alone."""

from __future__ import annotations

from typing import Final

TITLES: Final[dict[str, str]] = {
    # The request itself.
    "request_invalid": "The request does not fit the schema; `errors` says where.",
    "body_not_json": "The body is not JSON.",
    "body_too_large": "The body is larger than any request of this interface.",
    "media_type_unsupported": "The body must be sent as application/json in UTF-8.",
    "not_found": "There is nothing under this path.",
    "method_not_allowed": "This path does not know this method; `Allow` names those it knows.",
    "host_refused": "The device is not known by this host name.",
    "origin_refused": "A page of another origin may not do this.",
    "idempotency_key_missing": "A request that moves money needs the header Idempotency-Key.",
    "idempotency_key_malformed": "Idempotency-Key must be 1 to 64 visible ASCII characters.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request.",
    "too_many_requests": "Too much at once; try again after `Retry-After` seconds.",
    "internal": "The device failed to answer. Look up by its id or key whether it was done.",
    # Who asks.
    "not_signed_in": "Sign in first.",
    "session_over": "The session has ended; sign in again.",
    "sign_in_failed": "The number or the PIN is wrong; `left` tries until a lock.",
    "sign_in_locked": "Too many wrong tries; locked for `seconds`.",
    "void_not_allowed": "Only a manager may void another's or an older operation.",
    # Sales at the counter.
    "counter_busy": "Another sale is current, or the state of this one forbids it.",
    "sale_not_current": "This sale is not the current one of the counter.",
    "sale_not_parked": "This sale is not parked.",
    "nothing_to_confirm": "Nobody asked for a confirmation.",
    "pin_not_asked": "Nobody asked for a PIN.",
    "pin_wrong": "The member's PIN is wrong; `left` tries until a lock.",
    "pin_locked": "The member's PIN is locked for `seconds`.",
    "pin_malformed": "A PIN is 4 to 8 digits.",
    "amount_not_positive": "The amount must be above zero.",
    "amount_too_large": "The amount is above the shop's limit.",
    "already_voided": "It was voided before.",
    "not_voidable": "Only what was approved can be voided.",
    # Members, cards, money.
    "member_frozen": "The member's account is frozen.",
    "balance_ceiling": "The balance would go above the legal ceiling; `room_fen` is left.",
    "recharge_spent": "Money of this recharge was spent since.",
    "tender_unknown": "No such tender.",
    "name_malformed": "A name is 1 to 60 printable characters.",
    "phone_malformed": "A phone number is 5 to 15 digits.",
    "number_malformed": "A member number is 1 to 20 letters and digits.",
    "member_number_taken": "Another member has this number.",
    "card_status_unknown": "No such card status.",
    "card_returned": "The card was returned; it cannot be used again.",
    "card_already_issued": "This card belongs to a member already.",
    "card_key_missing": "This device does not hold the card key that is needed.",
    "sale_unknown": "There is no such sale.",
    "recharge_unknown": "There is no such recharge.",
    "member_unknown": "There is no such member.",
    "card_unknown": "There is no such card.",
    "issue_unknown": "There is no such card issue.",
    "receipt_unknown": "There is no such receipt.",
    "receipt_malformed": "The kept receipt cannot be read.",
    # The shop's rules.
    "rules_invalid": "The rules would not hold together; `errors` says where and why.",
    "rules_changed_meanwhile": "Somebody changed the section since `base_version`.",
    "section_unknown": "There is no such section of the rules.",
    "version_unknown": "There is no such version.",
    "sample_unknown": "There is no such sample shop.",
    "step_unknown": "There is no such step of the set-up.",
    "shop_has_sold": "A sample shop can only be taken before the first sale or recharge.",
    "note_malformed": "A note is at most 200 printable characters.",
    # The device.
    "ledger_stopped": "A write failed: the ledger and the counter have stopped.",
    "ledger_failed": "The ledger failed.",
    "ledger_full": "The disk is full.",
    "ledger_read_only": "The disk cannot be written.",
    "ledger_corrupt": "The ledger does not read back as it was written.",
}


def title_of(key: str) -> str:
    return TITLES.get(key) or key.replace("_", " ").capitalize() + "."
