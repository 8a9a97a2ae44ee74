"""The device's side over real TLS: who gets in, what is served, which receipts count."""

from __future__ import annotations

import json
import ssl
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from daemon.core.errors import KeyMissing
from daemon.sync.envelope import Position, SeedKey, SyncReceipt, decode_batches, open_batch
from daemon.sync.receipts import progress
from daemon.sync.tls import TlsFiles, make_identity, server_context
from tests.sync.appliance import IDENTITY, NOW, Served


def client_context(files: TlsFiles, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files.ca))
    if certificate is not None and key is not None:
        context.load_cert_chain(certificate, key)
    return context


@pytest.fixture
async def session(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    context = client_context(served.files, served.files.client, served.files.client_key)
    async with aiohttp.ClientSession(
        served.url, connector=aiohttp.TCPConnector(ssl=context)
    ) as opened:
        yield opened


async def ask(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with session.get(path) as response:
        body = await response.read()
        if response.content_type == "application/cbor":
            return response.status, body
        return response.status, json.loads(body)


async def acknowledge(session: aiohttp.ClientSession, message: bytes) -> tuple[int, Any]:
    async with session.post("/sync/v1/receipts", data=message) as response:
        return response.status, json.loads(await response.read())


async def heads(served: Served) -> list[bytes]:
    return [batch.head for batch in await served.appliance.ledger.batches_after(0, 100)]


async def test_batches_are_served_behind_a_number(
    served: Served, session: aiohttp.ClientSession
) -> None:
    await served.appliance.trade(119)
    signer = served.appliance.signer
    trusted = {signer.key_id: signer.public_key}
    status, body = await ask(session, "/sync/v1/batches?after=0&max=2")
    assert status == 200
    position = Position(IDENTITY)
    for raw in decode_batches(body):
        position = open_batch(raw.message, raw.leaves, trusted, position).position
    assert position.bseq == 2
    status, body = await ask(session, "/sync/v1/batches?after=2")
    (raw,) = decode_batches(body)
    assert open_batch(raw.message, raw.leaves, trusted, position).position.dseq == 120
    assert (await ask(session, "/sync/v1/batches?after=3"))[1] == b"\x80"
    assert (await ask(session, "/sync/v1/batches?after=999999"))[1] == b"\x80"


async def test_the_device_says_who_it_is(served: Served, session: aiohttp.ClientSession) -> None:
    status, words = await ask(session, "/sync/v1/device")
    assert (status, words["head"], words["receipted"]) == (200, None, 0)
    await served.appliance.trade(3)
    _, words = await ask(session, "/sync/v1/device")
    assert words["head"] == {"bseq": 1, "hash": (await heads(served))[0].hex()}
    assert words["public_key"] == served.appliance.signer.public_key.hex()
    assert (words["merchant"], words["store"], words["device"], words["epoch"]) == (
        "M-0001",
        "012",
        "D-7F3A",
        1,
    )


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "max=0", "max=101", "after=" + "9" * 30, "after=1.5", "after="]
)
async def test_a_query_that_makes_no_sense(
    served: Served, session: aiohttp.ClientSession, query: str
) -> None:
    status, problem = await ask(session, f"/sync/v1/batches?{query}")
    assert (status, problem["key"]) == (400, "request_invalid")
    assert problem["type"] == "urn:counterd:problem:request_invalid"
    assert problem["status"] == 400


async def test_other_paths_methods_and_sizes_are_problems_too(
    served: Served, session: aiohttp.ClientSession
) -> None:
    status, problem = await ask(session, "/sync/v1/nothing")
    assert (status, problem["key"]) == (404, "not_found")
    async with session.post("/sync/v1/device") as response:
        assert (response.status, (await response.json(content_type=None))["key"]) == (
            405,
            "method_not_allowed",
        )
    status, problem = await acknowledge(session, bytes(100_000))
    assert status == 413


async def test_a_receipt_counts_once_and_never_backwards(
    served: Served, session: aiohttp.ClientSession
) -> None:
    await served.appliance.trade(119)
    await served.appliance.sealer.seal_all()
    first, second, _ = await heads(served)
    two = SyncReceipt("D-7F3A", 1, 2, second).sealed_by(served.cloud_key)
    assert await acknowledge(session, two) == (200, {"upto": 2, "receipted": 2})
    marked = await served.appliance.ledger.batches_after(0, 10)
    assert [batch.receipted_ms is not None for batch in marked] == [True, True, False]
    assert await acknowledge(session, two) == (200, {"upto": 2, "receipted": 2})
    one = SyncReceipt("D-7F3A", 1, 1, first).sealed_by(served.cloud_key)
    assert await acknowledge(session, one) == (200, {"upto": 1, "receipted": 2})
    assert await served.appliance.ledger.batches_after(0, 10) == marked
    come = await progress(served.appliance.ledger)
    assert (come.sealed, come.receipted) == (3, 2)


async def test_receipts_that_do_not_count(served: Served, session: aiohttp.ClientSession) -> None:
    await served.appliance.trade(3)
    await served.appliance.sealer.seal_all()
    (head,) = await heads(served)
    key = served.cloud_key
    right = SyncReceipt("D-7F3A", 1, 1, head)
    sealed = right.sealed_by(key)
    cases = [
        (replace(right, head=bytes(32)).sealed_by(key), 409, "receipt_fork"),
        (replace(right, upto=2).sealed_by(key), 409, "receipt_ahead"),
        (replace(right, device="D-0000").sealed_by(key), 409, "receipt_device"),
        (replace(right, epoch=2).sealed_by(key), 409, "receipt_device"),
        (right.sealed_by(SeedKey(bytes(32))), 403, "receipt_key_unknown"),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), 403, "receipt_signature"),
        (b"", 400, "receipt_malformed"),
        (b"\xd2\x84", 400, "receipt_malformed"),
    ]
    for message, status, name in cases:
        answer, problem = await acknowledge(session, message)
        assert (answer, problem["key"]) == (status, name)
    assert (await progress(served.appliance.ledger)).receipted == 0


async def test_no_certificate_no_request(served: Served, tmp_path: Path) -> None:
    strangers = make_identity(tmp_path / "other", ["127.0.0.1"], "D-0000", NOW)
    pairs = [
        (None, None),
        (strangers.client, strangers.client_key),
        (served.files.server, served.files.server_key),
    ]
    for certificate, key in pairs:
        context = client_context(served.files, certificate, key)
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(served.url, connector=connector) as session:
            with pytest.raises(aiohttp.ClientError):
                await ask(session, "/sync/v1/device")


async def test_tls_1_2_is_refused(served: Served) -> None:
    context = client_context(served.files, served.files.client, served.files.client_key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(served.url, connector=connector) as session:
        with pytest.raises(aiohttp.ClientError):
            await ask(session, "/sync/v1/device")


async def test_stopping_twice_is_harmless(served: Served) -> None:
    await served.server.stop()
    await served.server.stop()


def test_keys_are_private_and_set_up_may_run_again(tmp_path: Path) -> None:
    files = make_identity(tmp_path / "tls", ["shop.local", "10.0.0.5"], "D-7F3A", NOW)
    for key in (files.ca_key, files.server_key, files.client_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}
    assert make_identity(tmp_path / "tls", ["shop.local"], "D-7F3A", NOW) == files
    assert {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()} == before
    files.client.unlink()
    make_identity(tmp_path / "tls", ["shop.local"], "D-7F3A", NOW)
    server_context(files.client, files.client_key, files.ca)


def test_a_certificate_without_its_key_is_named(tmp_path: Path) -> None:
    files = make_identity(tmp_path, ["shop.local"], "D-7F3A", NOW)
    files.server_key.unlink()
    with pytest.raises(KeyMissing, match="tls_key_unusable"):
        make_identity(tmp_path, ["shop.local"], "D-7F3A", NOW)
    with pytest.raises(KeyMissing, match="tls_key_unusable"):
        server_context(files.server, files.server_key, files.ca)
    files.ca.write_text("no certificate")
    with pytest.raises(KeyMissing, match="tls_key_unusable"):
        make_identity(tmp_path, ["shop.local"], "D-7F3A", NOW)
