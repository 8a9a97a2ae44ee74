"""Putting one thing in another's place for a while: chance by a seed, a decision by a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def instead(owner: object, **things: object) -> Iterator[None]:
    """In `owner` each name means what is given here, until the block ends. The names are there."""
    before = {name: getattr(owner, name) for name in things}
    try:
        for name, thing in things.items():
            setattr(owner, name, thing)
        yield
    finally:
        for name, thing in before.items():
            setattr(owner, name, thing)
