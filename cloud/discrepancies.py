"""Something that does not agree, as a record with an owner and a deadline.

Its id follows from what it is about, so the same thing found again, by any process, is the same
record. Corrections are new entries somewhere else; a record only says what became of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from cloud.records import DAY_MS, Discrepancy, DiscrepancyState, Severity

OPERATOR: Final = "operator"
DEADLINE_DAYS: Final = {Severity.CRITICAL: 1, Severity.HIGH: 3, Severity.LOW: 14}
SEVERITIES: Final = {
    "FORK": Severity.CRITICAL,
    "ROLLBACK": Severity.CRITICAL,
    "FORGED": Severity.CRITICAL,
    "CHAIN": Severity.CRITICAL,
    "GAP": Severity.LOW,
    "EPOCH_DEAD": Severity.HIGH,
    "LOST_TAIL": Severity.HIGH,
    "GRANT_FORGED": Severity.CRITICAL,
    "DEBIT_FORGED": Severity.CRITICAL,
    "REFUND_FORGED": Severity.CRITICAL,
    "LEASE_ENTRY": Severity.CRITICAL,
    "OVERDRAWN": Severity.CRITICAL,
    "UNKNOWN_ACCOUNT": Severity.CRITICAL,
    "REFUND_OVER": Severity.HIGH,
    "OVERSPEND": Severity.HIGH,
    "LATE_AFTER_FORCE": Severity.HIGH,
    "DUP_CTR": Severity.HIGH,
    "MISSING_CTR": Severity.LOW,
    "CLOCK": Severity.LOW,
    "NEGATIVE": Severity.HIGH,
    "TOTALS": Severity.HIGH,
    "MISSING_AT_ACQUIRER": Severity.HIGH,
    "MISSING_AT_DEVICE": Severity.HIGH,
    "AMOUNT": Severity.HIGH,
}
"""Every type that there is, and how bad it is."""


def found(
    kind: str, now_ms: int, *, device: str = "", account: str = "", amount: int = 0,
    **refs: int | str,
) -> Discrepancy:  # fmt: skip
    """`kind` is one of SEVERITIES; `refs` name the sides, and with the rest what it is about."""
    severity = SEVERITIES[kind]
    about = json.dumps([kind, device, account, refs], ensure_ascii=False, sort_keys=True)
    return Discrepancy(
        discrepancy_id=hashlib.sha256(about.encode()).hexdigest()[:24],
        type=kind,
        severity=severity,
        amount=amount,
        device=device,
        account=account,
        refs=refs,
        first_seen_ms=now_ms,
        last_seen_ms=now_ms,
        times=1,
        state=DiscrepancyState.OPEN,
        owner=OPERATOR,
        deadline_ms=now_ms + DEADLINE_DAYS[severity] * DAY_MS,
    )
