"""The Merkle tree of RFC 9162 section 2.1 (SHA-256): one hash for a whole batch, and a short proof
that one entry was in it, for the day that a receipt is disputed.

Leaves are hashed behind 0x00 and nodes behind 0x01 (section 2.1.1), so that no node can be passed
off as a leaf. A tree of n leaves splits at the largest power of two below n.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

HASH_BYTES = 32


def leaf_hash(leaf: bytes) -> bytes:
    """MTH({d(0)}) = SHA-256(0x00 || d(0)), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]), 32 bytes; of no leaves at all SHA-256 of the empty string (section 2.1.1)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    return _subtree([leaf_hash(leaf) for leaf in leaves])


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, D[n]), from the leaf's sibling up to the root's child (section 2.1.3.1)."""
    assert 0 <= index < len(leaves)
    return tuple(_path([leaf_hash(leaf) for leaf in leaves], index))


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether `proof` shows `leaf` at `index` in the tree of `size` leaves with `expected_root`.

    The algorithm of RFC 9162 section 2.1.3.2, step by step; anything may be passed in.
    """
    if not 0 <= index < size:
        return False
    position, last = index, size - 1
    hashed = leaf_hash(leaf)
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if position & 1 or position == last:
            hashed = node_hash(sibling, hashed)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            hashed = node_hash(hashed, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and hashed == expected_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(hashes: Sequence[bytes]) -> bytes:
    """Pair by pair, level by level; one that is left over goes up as it is. A split at the largest
    power of two below n, again and again, makes the same tree."""
    level = hashes
    while len(level) > 1:
        above = [
            node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    cut = _split(len(hashes))
    if index < cut:
        return [*_path(hashes[:cut], index), _subtree(hashes[cut:])]
    return [*_path(hashes[cut:], index - cut), _subtree(hashes[:cut])]
