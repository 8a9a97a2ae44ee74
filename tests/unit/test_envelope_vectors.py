"""The envelope's bytes against the standard's example and against two independent programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest

from daemon.sync.envelope import SeedKey, SyncReceipt, key_id_of, open_manifest, open_receipt
from daemon.sync.envelope.cose import is_signed_by, to_be_signed
from tests.unit.batch_samples import CLOUD_KEY, KEY, TRUSTED, sealed_batches

VECTORS = Path(__file__).parent.parent / "vectors" / "batches.json"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    loaded = json.loads(VECTORS.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_the_signed_bytes_are_those_of_the_cose_working_group(vectors: dict[str, Any]) -> None:
    example = vectors["eddsa_sig_01"]
    tagged = cbor2.loads(bytes.fromhex(example["message"]))
    protected, _, payload, signature = tagged.value
    key = SeedKey(bytes.fromhex(example["seed"]))
    assert key.public_key.hex() == example["public_key"]
    assert key.sign(to_be_signed(protected, payload)) == signature
    assert is_signed_by(key.public_key, to_be_signed(protected, payload), signature)
    assert not is_signed_by(key.public_key, to_be_signed(protected, payload + b"."), signature)


def test_manifests_are_what_another_program_wrote(vectors: dict[str, Any]) -> None:
    sealed = sealed_batches(3, 2)
    assert KEY.public_key.hex() == vectors["device_public_key"]
    for batch, vector in zip(sealed, vectors["manifests"], strict=True):
        assert batch.manifest.payload().hex() == vector["payload"]
        assert batch.message.hex() == vector["message"]
        manifest, key_id = open_manifest(bytes.fromhex(vector["message"]), TRUSTED)
        assert manifest == batch.manifest
        assert key_id == key_id_of(KEY.public_key)


def test_the_receipt_is_what_another_program_wrote(vectors: dict[str, Any]) -> None:
    head = sealed_batches(3, 2)[1].position.head
    receipt = SyncReceipt("D-7F3A", 1, 2, head)
    assert receipt.sealed_by(CLOUD_KEY).hex() == vectors["receipt"]
    trusted = {CLOUD_KEY.key_id: bytes.fromhex(vectors["cloud_public_key"])}
    assert open_receipt(bytes.fromhex(vectors["receipt"]), trusted) == receipt


def test_an_ordinary_cbor_reader_understands_a_manifest(vectors: dict[str, Any]) -> None:
    body = cbor2.loads(bytes.fromhex(vectors["manifests"][1]["payload"]))
    assert body[15] == {
        1: [
            2,
            [["members", "bonus", -300], ["members", "principal", -3400], ["shop", "sales", 3700]],
        ]
    }
    assert ["tender:cash", "taken", -50_000, 0, -50_000] in body[16]
