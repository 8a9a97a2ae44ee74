"""The Merkle tree against the published vectors and against itself.

Roots and inclusion proofs: the reference inputs of the certificate-transparency project (RFC 6962
and RFC 9162 define the same tree), file testonly/constants.go and its proof tests.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core import merkle

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOFS = [
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), PROOFS)
def test_proofs_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    proof = merkle.inclusion_proof(LEAVES[:size], index)
    assert [part.hex() for part in proof] == path
    root = bytes.fromhex(ROOTS[size])
    assert merkle.proves_inclusion(LEAVES[index], index, size, proof, root)


def test_every_leaf_of_every_size_is_proved_and_nothing_else() -> None:
    leaves = [bytes([number]) for number in range(33)]
    for size in range(1, len(leaves) + 1):
        root = merkle.root(leaves[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(leaves[:size], index)
            assert merkle.proves_inclusion(leaves[index], index, size, proof, root)
            assert not merkle.proves_inclusion(b"other", index, size, proof, root)
            assert not merkle.proves_inclusion(leaves[index], index, size, proof, bytes(32))
            assert not merkle.proves_inclusion(leaves[index], index, size, [*proof, root], root)
            if proof:
                assert not merkle.proves_inclusion(leaves[index], index, size, proof[1:], root)
                assert not merkle.proves_inclusion(leaves[index], index ^ 1, size, proof, root)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = (merkle.leaf_hash(leaf) for leaf in LEAVES[:2])
    assert merkle.root([left + right]) != merkle.root(LEAVES[:2])


@given(
    st.binary(max_size=40),
    st.integers(-2, 40),
    st.integers(-2, 40),
    st.lists(st.binary(max_size=33), max_size=8),
)
def test_verification_takes_anything(
    leaf: bytes, index: int, size: int, proof: list[bytes]
) -> None:
    assert merkle.proves_inclusion(leaf, index, size, proof, bytes(32)) is False
