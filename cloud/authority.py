"""The merchant's certificate authority: it signs the server of the cloud and every device.

P-256 keys, written with mode 0600, never overwritten. The two kinds of leaf cannot stand in for
each other (extended key usage, RFC 5280 section 4.2.1.12). Requests are PKCS#10, answers the
certs-only PKCS#7 of EST (RFC 7030 section 4.2.3).
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daemon.core.errors import BadRequest, KeyMissing

AUTHORITY_DAYS: Final = 7300
SERVER_DAYS: Final = 825
DEVICE_DAYS: Final = 365
"""A device asks for a new one by itself (simplereenroll) long before."""
BACKDATED: Final = datetime.timedelta(days=1)
_LeafKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """PEM files of a server: its certificate, its key, and the authority of its clients."""

    certificate: Path
    key: Path
    clients: Path

    def context(self) -> ssl.SSLContext:
        """TLS 1.3. A client's certificate is checked if it has one: a device that enrols has none
        yet. Raises KeyMissing("tls_key_unusable")."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_OPTIONAL
        try:
            context.load_cert_chain(self.certificate, self.key)
            context.load_verify_locations(cafile=self.clients)
        except (OSError, ssl.SSLError) as error:
            raise KeyMissing("tls_key_unusable", file=self.certificate.name) from error
        return context


@dataclass(frozen=True, slots=True)
class Issued:
    """`fingerprint` is SHA-256 over the certificate's DER."""

    certificate: x509.Certificate
    fingerprint: bytes
    not_after_ms: int


class Authority:
    """Made by `open_authority`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    def sign_device(
        self, request: bytes, merchant: str, store: str, device: str, now: datetime.datetime
    ) -> Issued:
        """`request` is PKCS#10 in DER; its subject is not listened to. Raises
        BadRequest("request_malformed" | "request_key_unsuitable")."""
        key = _request_key(request)
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, merchant[:64]),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, store[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, device[:64]),
            ]
        )
        use = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._sign(name, key, use, (), now, DEVICE_DAYS)

    def sign_server(
        self, key: ec.EllipticCurvePublicKey, names: Sequence[str], now: datetime.datetime
    ) -> Issued:
        subject = _name("counterd cloud")
        return self._sign(subject, key, ExtendedKeyUsageOID.SERVER_AUTH, names, now, SERVER_DAYS)

    def _sign(
        self,
        subject: x509.Name,
        key: _LeafKey,
        use: x509.ObjectIdentifier,
        names: Sequence[str],
        now: datetime.datetime,
        days: int,
    ) -> Issued:
        ours = self._key.public_key()
        builder = (
            _builder(subject, self.certificate.subject, key, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
        )
        if names:
            alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        return issued(builder.sign(self._key, hashes.SHA256()))


def issued(certificate: x509.Certificate) -> Issued:
    der = certificate.public_bytes(serialization.Encoding.DER)
    not_after_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
    return Issued(certificate, hashlib.sha256(der).digest(), not_after_ms)


def certs_only(certificates: Sequence[x509.Certificate]) -> bytes:
    """PKCS#7 in DER, RFC 7030 section 4.1.3."""
    return pkcs7.serialize_certificates(list(certificates), serialization.Encoding.DER)


def make_files(
    folder: Path, merchant: str, names: Sequence[str], now: datetime.datetime
) -> tuple[Authority, ServerFiles]:
    """What a cloud needs in `folder`, made where it is missing. Raises
    KeyMissing("tls_key_unusable")."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = ServerFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    authority = open_authority(folder, merchant, now)
    if not files.certificate.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = authority.sign_server(key.public_key(), names, now).certificate
        files.key.unlink(missing_ok=True)
        _write_pair(files.certificate, files.key, leaf, key)
    return authority, files


def open_authority(folder: Path, merchant: str, now: datetime.datetime) -> Authority:
    """`ca.pem` and `ca.key`, made where there are none. Raises KeyMissing("tls_key_unusable")."""
    certificate_file, key_file = folder / "ca.pem", folder / "ca.key"
    if certificate_file.exists():
        return _read_authority(certificate_file, key_file)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"counterd authority of {merchant}")
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file.unlink(missing_ok=True)
    _write_pair(certificate_file, key_file, certificate, key)
    return Authority(certificate, key)


def _read_authority(certificate_file: Path, key_file: Path) -> Authority:
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise KeyMissing("tls_key_unusable", file=key_file.name) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyMissing("tls_key_unusable", file=key_file.name)
    return Authority(certificate, key)


def _request_key(request: bytes) -> _LeafKey:
    try:
        asked = x509.load_der_x509_csr(request)
        valid = asked.is_signature_valid
        key = asked.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadRequest("request_malformed") from error
    if not valid:
        raise BadRequest("request_malformed")
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise BadRequest("request_key_unsuitable")


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _LeafKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    # RFC 5280 appendix A.1: a common name holds at most 64 characters.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_pair(
    certificate_file: Path,
    key_file: Path,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    """The key first: a certificate is only there when its key is."""
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key_file, encoded, 0o600)
    _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
