"""Becoming a device of a chain: a one-time code and a certificate request become a certificate
(EST, RFC 7030 section 4.2, `simpleenroll`).

The TLS key is made here and never leaves. The key that batches are signed with proves itself by a
signature over the request, and is pinned by the cloud from then on.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from daemon.core.errors import KeyMissing, SyncError
from daemon.ports.keys import Signer

PATH: Final = "/enrol/v1/simpleenroll"
PROOF_PREFIX: Final = b"counterd enrol\0"
MOST_ANSWER_BYTES: Final = 64 << 10
TIMEOUT_S: Final = 30.0
PKCS10: Final = "application/pkcs10"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the cloud says this device is, and the key that its orders and receipts are signed
    with."""

    merchant: str
    store: str
    cloud_key: bytes
    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Files:
    """Where it is kept: PEM, the key with mode 0600, the cloud's public key in hex."""

    certificate: Path
    key: Path
    cloud_key: Path
    authority: Path


def cloud_context(authority: Path | None) -> ssl.SSLContext:
    """TLS 1.3; the cloud's certificate must come from `authority` (None: from the system's list).

    Raises KeyMissing("tls_key_unusable")."""
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    except (OSError, ssl.SSLError) as error:
        raise KeyMissing("tls_key_unusable", file=str(authority)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def client_context(files: Files) -> ssl.SSLContext:
    """As `cloud_context`, with the device's own certificate. Raises
    KeyMissing("tls_key_unusable")."""
    context = cloud_context(files.authority)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise KeyMissing("tls_key_unusable", file=files.certificate.name) from error
    return context


async def enrol(
    url: str, context: ssl.SSLContext | None, device: str, code: str, signer: Signer
) -> Enrolled:
    """Raises SyncError("link_failed"), SyncError("link_refused") with the cloud's own key, and
    SyncError("enrol_answer_malformed")."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device[:64])])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    der = request.public_bytes(serialization.Encoding.DER)
    plain = "".join(letter for letter in code if letter.isalnum()).upper()
    who = base64.b64encode(f"{device}:{plain}".encode()).decode("ascii")
    headers = {
        "Authorization": f"Basic {who}",
        "Content-Type": PKCS10,
        "Content-Transfer-Encoding": "base64",
        "Counterd-Batch-Key": signer.public_key.hex(),
        "Counterd-Batch-Proof": signer.sign(PROOF_PREFIX + der).hex(),
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.post(
                url.rstrip("/") + PATH,
                data=base64.encodebytes(der),
                headers=headers,
                ssl=context if context is not None else True,
            ) as response,
        ):
            body = await response.content.read(MOST_ANSWER_BYTES)
            if response.status != HTTPStatus.OK:
                raise SyncError("link_refused", status=response.status, key=_key_in(body))
            told = response.headers
            return _enrolled(body, told, key)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SyncError("link_failed", reason=type(error).__name__) from error


def _enrolled(body: bytes, headers: Mapping[str, str], key: ec.EllipticCurvePrivateKey) -> Enrolled:
    try:
        found = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
        certificate = next(each for each in found if each.public_key() == key.public_key())
        cloud_key = bytes.fromhex(headers["Counterd-Cloud-Key"])
        merchant, store = headers["Counterd-Merchant"], headers["Counterd-Store"]
    except (ValueError, KeyError, StopIteration, binascii.Error) as error:
        raise SyncError("enrol_answer_malformed") from error
    if len(cloud_key) != 32:
        raise SyncError("enrol_answer_malformed")
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return Enrolled(merchant, store, cloud_key, pem, encoded)


def keep(enrolled: Enrolled, files: Files, authority: Path | None) -> None:
    """Each file is there whole or not at all; the key first, so that a certificate is never there
    without its key. `authority` is copied."""
    files.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _put(files.key, enrolled.key, 0o600)
    _put(files.certificate, enrolled.certificate, 0o644)
    _put(files.cloud_key, enrolled.cloud_key.hex().encode("ascii") + b"\n", 0o644)
    if authority is not None and authority.resolve() != files.authority.resolve():
        _put(files.authority, authority.read_bytes(), 0o644)


def read_cloud_key(path: Path) -> bytes:
    """32 bytes. Raises KeyMissing("cloud_key_unusable")."""
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise KeyMissing("cloud_key_unusable", file=path.name) from error
    if len(key) != 32:
        raise KeyMissing("cloud_key_unusable", file=path.name)
    return key


def _put(path: Path, content: bytes, mode: int) -> None:
    waiting = path.with_name(path.name + ".new")
    waiting.unlink(missing_ok=True)
    handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(waiting, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _key_in(body: bytes) -> str:
    """The key of a problem document, as far as it is one that can be printed."""
    marker = b'"key": "'
    start = body.find(marker)
    if start < 0:
        return ""
    word = body[start + len(marker) :].partition(b'"')[0][:60]
    return word.decode("ascii", "replace")
