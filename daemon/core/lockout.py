"""How long a PIN stays locked after wrong tries. Persisted by the caller, so that pulling the plug
does not give new tries."""

from __future__ import annotations

FREE_TRIES = 5
LOCKS_S = (60, 300, 900)
"""One, five, then fifteen minutes: a six-digit PIN would take years to try."""


def tries_left(failures: int) -> int:
    """How many more wrong tries until the next lock."""
    return FREE_TRIES - failures % FREE_TRIES


def lock_after(failures: int) -> int:
    """Seconds of lock that the `failures`-th wrong try in a row brings; 0 if none."""
    assert failures > 0
    if failures % FREE_TRIES:
        return 0
    return LOCKS_S[min(failures // FREE_TRIES, len(LOCKS_S)) - 1]


def seconds_locked(locked_until_ms: int, now_ms: int) -> int:
    """Whole seconds until the lock ends, rounded up; 0 if it is open."""
    return max(0, -(-(locked_until_ms - now_ms) // 1000))
