"""A device comes into the chain: a one-time code and a certificate request become a certificate and
a pinned batch key. Revoking takes both away.

The code is given out by an operator for one device of one store, kept as a hash, good once and for
a while. The batch key proves itself by a signature over the request, so nobody can pin the key of
somebody else.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import secrets
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from cloud.authority import Authority, Issued
from cloud.books import CloudBooks, CloudStore
from cloud.epochs import end_epoch
from cloud.records import DAY_MS, Device, DeviceState
from daemon.core.errors import BadRequest, NotAllowed, NotFound
from daemon.sync.envelope.cose import is_signed_by

CODE_BYTES: Final = 10
"""80 bits: nobody tries them out within a day."""
CODE_VALID_MS: Final = DAY_MS
PROOF_PREFIX: Final = b"counterd enrol\0"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a device sends. `request` is PKCS#10 in DER, `proof` the batch key's signature over
    PROOF_PREFIX and the request."""

    device: str
    code: str
    request: bytes
    batch_key: bytes
    proof: bytes


async def make_code(store: CloudStore, device: str, branch: str, who: str, now_ms: int) -> str:
    """A code for one device of a store, to be typed in at the device."""
    code = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode("ascii")
    expires_ms = now_ms + CODE_VALID_MS

    async def work(books: CloudBooks) -> None:
        await books.devices.put_code(_hash(code), device, branch, expires_ms, who)
        await books.devices.log(now_ms, who, "enrol_code", device, "", store=branch)

    await store.run(work)
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


async def enrol(
    store: CloudStore, authority: Authority, merchant: str, asked: Enrolment, now_ms: int
) -> tuple[Issued, Device]:
    """Raises NotAllowed("enrol_code_refused" | "enrol_proof_wrong" | "device_key_mismatch" |
    "device_revoked"), BadRequest as `Authority.sign_device`. A request that is refused for another
    reason leaves the code unused."""
    if len(asked.batch_key) != 32 or not is_signed_by(
        asked.batch_key, PROOF_PREFIX + asked.request, asked.proof
    ):
        raise NotAllowed("enrol_proof_wrong")
    return await store.run(
        partial(_enrol, authority=authority, merchant=merchant, asked=asked, now_ms=now_ms)
    )


async def _enrol(
    books: CloudBooks, *, authority: Authority, merchant: str, asked: Enrolment, now_ms: int
) -> tuple[Issued, Device]:
    used = await books.devices.use_code(_hash(asked.code), now_ms)
    if used is None or used[0] != asked.device:
        raise NotAllowed("enrol_code_refused")
    branch = used[1]
    known = await books.devices.device(asked.device, hold=True)
    if known is not None and known.public_key != asked.batch_key:
        raise NotAllowed("device_key_mismatch")
    if known is not None and known.state is DeviceState.REVOKED:
        raise NotAllowed("device_revoked")
    device = known or Device(asked.device, merchant, branch, asked.batch_key, enrolled_ms=now_ms)
    certificate = await _certify(books, authority, device, asked.request, now_ms)
    await books.devices.put_device(replace(device, store=branch))
    await books.devices.log(now_ms, asked.device, "enrol", asked.device, "", store=branch)
    return certificate, device


async def enrol_again(
    store: CloudStore, authority: Authority, device: str, request: bytes, now_ms: int
) -> Issued:
    """A new certificate for who shows a good one. Raises NotAllowed("device_revoked"), BadRequest
    as `Authority.sign_device`."""

    async def work(books: CloudBooks) -> Issued:
        known = await books.devices.device(device, hold=True)
        if known is None or known.state is not DeviceState.ACTIVE:
            raise NotAllowed("device_revoked")
        return await _certify(books, authority, known, request, now_ms)

    return await store.run(work)


async def _certify(
    books: CloudBooks, authority: Authority, device: Device, request: bytes, now_ms: int
) -> Issued:
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    made = authority.sign_device(request, device.merchant, device.store, device.device, now)
    await books.devices.put_certificate(made.fingerprint, device.device, made.not_after_ms, now_ms)
    return made


async def certified(store: CloudStore, fingerprint: bytes, now_ms: int) -> str:
    """Whose certificate that is. Raises NotAllowed("certificate_unknown" | "certificate_revoked" |
    "certificate_expired")."""
    async with store.transaction() as books:
        known = await books.devices.certificate(fingerprint)
    if known is None:
        raise NotAllowed("certificate_unknown")
    device, not_after_ms, counts = known
    if not counts:
        raise NotAllowed("certificate_revoked", device=device)
    if now_ms >= not_after_ms:
        raise NotAllowed("certificate_expired", device=device)
    return device


async def revoke(store: CloudStore, device: str, who: str, reason: str, now_ms: int) -> None:
    """The device is out of the chain: its certificates and signatures count no more, what it held
    is forced and booked as at risk. Raises NotFound("device_unknown"), BadRequest("reason_needed").
    """
    if not reason.strip():
        raise BadRequest("reason_needed")

    async def work(books: CloudBooks) -> None:
        known = await books.devices.device(device, hold=True)
        if known is None:
            raise NotFound("device_unknown", device=device)
        newest = await books.journals.newest(device)
        if newest is not None:
            await end_epoch(books, known, newest, reason, now_ms)
        await books.devices.revoke_certificates(device)
        await books.devices.put_device(replace(known, state=DeviceState.REVOKED, reason=reason))
        await books.devices.log(now_ms, who, "revoke", device, reason)

    await store.run(work)


async def force(store: CloudStore, device: str, who: str, reason: str, now_ms: int) -> None:
    """What the device holds is given back to the accounts and booked as at risk; when it comes
    back, it begins a new epoch. Raises NotFound("device_unknown"), BadRequest("reason_needed")."""
    if not reason.strip():
        raise BadRequest("reason_needed")

    async def work(books: CloudBooks) -> None:
        known = await books.devices.device(device, hold=True)
        newest = await books.journals.newest(device)
        if known is None or newest is None:
            raise NotFound("device_unknown", device=device)
        await end_epoch(books, known, newest, reason, now_ms)
        await books.devices.log(now_ms, who, "force", device, reason, epoch=newest.epoch)

    await store.run(work)


def _hash(code: str) -> bytes:
    typed = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(b"enrol" + typed.encode("utf-8")).digest()
