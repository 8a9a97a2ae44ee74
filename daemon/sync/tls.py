"""Certificates of the appliance: its own small authority, the server's leaf, the cloud's client.

The authority lives on the device and signs two kinds of leaf that cannot stand in for each other
(extended key usage, RFC 5280 section 4.2.1.12). Keys are P-256, written with mode 0600; nothing is
ever overwritten, so set-up may run as often as it likes.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daemon.core.errors import KeyMissing

VALID_DAYS: Final = 3650
"""The life of an appliance. A shorter one would stop shops that nobody visits; a lost client is
taken off the trust list instead."""
BACKDATED_DAYS: Final = 365
"""An appliance without a battery may start with a clock that is behind the one it was set up by."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `ca` is both what the cloud checks the device against and, as long as nothing
    else is configured, the trust list that clients are checked against."""

    ca: Path
    ca_key: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_identity(
    directory: Path, names: Sequence[str], device: str, now: datetime.datetime
) -> TlsFiles:
    """Makes what is missing in `directory`: the authority, the server's certificate for `names`
    (host names and addresses) and one client certificate for the cloud.

    Raises KeyMissing("tls_key_unusable") if there is a certificate without its key, or the reverse.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = TlsFiles(
        ca=directory / "ca.pem",
        ca_key=directory / "ca.key",
        server=directory / "server.pem",
        server_key=directory / "server.key",
        client=directory / "cloud.pem",
        client_key=directory / "cloud.key",
    )
    issuer = _authority(files, device, now)
    server_use = ExtendedKeyUsageOID.SERVER_AUTH
    client_use = ExtendedKeyUsageOID.CLIENT_AUTH
    if not _is_made(files.server, files.server_key):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(issuer, key, f"counterd {device}", server_use, names, now)
        _write_pair(files.server, files.server_key, leaf, key)
    if not _is_made(files.client, files.client_key):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(issuer, key, f"cloud of {device}", client_use, (), now)
        _write_pair(files.client, files.client_key, leaf, key)
    return files


def server_context(certificate: Path, key: Path, trusted_clients: Path) -> ssl.SSLContext:
    """TLS 1.3 only; a client certificate from `trusted_clients` is required.

    Raises KeyMissing("tls_key_unusable") if a file is missing or does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(cafile=trusted_clients)
    except (OSError, ssl.SSLError) as error:
        raise KeyMissing("tls_key_unusable", file=certificate.name) from error
    return context


def _authority(files: TlsFiles, device: str, now: datetime.datetime) -> _Issuer:
    if _is_made(files.ca, files.ca_key):
        try:
            key = serialization.load_pem_private_key(files.ca_key.read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate(files.ca.read_bytes())
        except ValueError as error:
            raise KeyMissing("tls_key_unusable", file=files.ca.name) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyMissing("tls_key_unusable", file=files.ca_key.name)
        return _Issuer(certificate, key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"counterd authority of {device}")
    builder = _builder(name, name, key, now)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_pair(files.ca, files.ca_key, certificate, key)
    return _Issuer(certificate, key)


def _leaf(
    issuer: _Issuer,
    key: ec.EllipticCurvePrivateKey,
    common_name: str,
    use: x509.ObjectIdentifier,
    names: Sequence[str],
    now: datetime.datetime,
) -> x509.Certificate:
    public = issuer.key.public_key()
    builder = (
        _builder(_name(common_name), issuer.certificate.subject, key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    if names:
        alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=BACKDATED_DAYS))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
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


def _is_made(certificate: Path, key: Path) -> bool:
    if certificate.exists() and not key.exists():
        raise KeyMissing("tls_key_unusable", file=key.name)
    return certificate.exists()


def _write_pair(
    certificate_file: Path,
    key_file: Path,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> None:
    """The key first: a certificate is only there when its key is (a power cut in between leaves a
    key that the next run replaces)."""
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(key_file, encoded, 0o600)
    _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others for a moment."""
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
