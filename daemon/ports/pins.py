"""Slow hashes for short secrets."""

from __future__ import annotations

from typing import Protocol


class PinHasher(Protocol):
    """argon2id off the event loop. PINs are 4 to 8 digits and never logged."""

    async def hash(self, pin: str) -> str:
        """A self-describing hash with its own salt."""
        ...

    async def matches(self, hashed: str, pin: str) -> bool: ...
