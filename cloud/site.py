"""The folder of a cloud: its keys, certificates and, unless another database is named, its books.

ca.pem ca.key          the merchant's authority
server.pem server.key  the server's certificate
signing.key .pub       what receipts and orders are signed with
operator.token         what an operator shows
cloud.db               the books (SQLite)
"""

from __future__ import annotations

import datetime
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud import keys
from cloud.authority import Authority, ServerFiles, make_files
from cloud.books import CloudStore
from cloud.sqlite_books import SqliteStore
from daemon.core.errors import BadRequest, KeyMissing
from daemon.core.lease.policy import Bearer, ChainPolicy
from daemon.sync.envelope import SeedKey

MERCHANT = "merchant"
POLICY = "chain_policy"


@dataclass(frozen=True, slots=True)
class Site:
    merchant: str
    key: SeedKey
    authority: Authority
    tls: ServerFiles
    token: str


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def make_site(folder: Path, merchant: str, names: Sequence[str]) -> Site:
    """What is missing in `folder`. Raises KeyMissing."""
    now = datetime.datetime.now(datetime.UTC)
    authority, tls = make_files(folder, merchant, names, now)
    signing = folder / "signing.key"
    key = keys.load(signing) if signing.exists() else keys.generate(signing)
    token = folder / "operator.token"
    if not token.exists():
        keys.write(token, secrets.token_urlsafe(24), 0o600)
    return Site(merchant, key, authority, tls, token.read_text("ascii").strip())


def open_site(folder: Path, merchant: str) -> Site:
    """Raises KeyMissing("cloud_not_set_up")."""
    if not (folder / "signing.key").exists():
        raise KeyMissing("cloud_not_set_up", folder=str(folder))
    return make_site(folder, merchant, ())


@asynccontextmanager
async def open_store(folder: Path, database: str | None) -> AsyncIterator[CloudStore]:
    """`database` is a PostgreSQL URL, or None for the SQLite file of the folder. Raises
    SyncError("store_unusable")."""
    store: CloudStore
    if database is None:
        store = await SqliteStore.open(folder / "cloud.db")
    else:
        from cloud.postgres_books import PostgresStore

        store = await PostgresStore.open(database)
    try:
        yield store
    finally:
        await store.close()


async def merchant_of(store: CloudStore) -> str:
    """Raises KeyMissing("cloud_not_set_up")."""
    async with store.transaction() as books:
        merchant = await books.devices.setting(MERCHANT)
    if merchant is None:
        raise KeyMissing("cloud_not_set_up")
    return merchant


async def policy_of(store: CloudStore) -> ChainPolicy:
    """The merchant's, or the safe one. Raises BadRequest("chain_setting_out_of_bounds")."""
    async with store.transaction() as books:
        text = await books.devices.setting(POLICY)
    return read_policy(text or "{}")


def read_policy(text: str) -> ChainPolicy:
    """Raises BadRequest("chain_policy_malformed" | "chain_setting_out_of_bounds")."""
    try:
        told: dict[str, Any] = json.loads(text)
        if "overspend_bearer" in told:
            told["overspend_bearer"] = Bearer(told["overspend_bearer"])
        return ChainPolicy(**told)
    except (ValueError, TypeError) as error:
        raise BadRequest("chain_policy_malformed") from error
