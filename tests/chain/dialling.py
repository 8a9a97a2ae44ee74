"""A counter that dials in: enrols with a code, keeps its certificate, exchanges over TLS."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from cloud.enrol import PROOF_PREFIX
from daemon.sync.link.messages import Orders
from tests.chain.counter import Counter


@dataclass
class Refusal(Exception):
    """What a server said instead of an answer."""

    status: int
    key: str


class Line:
    """From one counter to a server at `url`, whose authority is in the file `ca`."""

    def __init__(self, counter: Counter, url: str, ca: Path, folder: Path) -> None:
        self.counter = counter
        self.url = url
        self.ca = ca
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.key_file = folder / f"{counter.name}.key"
        self.certificate = folder / f"{counter.name}.pem"
        self.key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def request(self) -> bytes:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anything")])
        made = x509.CertificateSigningRequestBuilder().subject_name(name)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    async def enrol(self, code: str) -> dict[str, str]:
        request = self.request()
        signer = self.counter.key
        headers = {
            "Authorization": aiohttp.encode_basic_auth(self.counter.name, code)
            if hasattr(aiohttp, "encode_basic_auth")
            else aiohttp.BasicAuth(self.counter.name, code).encode(),
            "Counterd-Batch-Key": signer.public_key.hex(),
            "Counterd-Batch-Proof": signer.sign(PROOF_PREFIX + request).hex(),
        }
        body, told = await self._post(
            "/enrol/v1/simpleenroll", base64.b64encode(request), headers, certified=False
        )
        self._keep(body)
        return told

    async def enrol_again(self) -> None:
        body, _ = await self._post("/enrol/v1/simplereenroll", self.request(), {})
        self._keep(body)

    def _keep(self, body: bytes) -> None:
        (certificate,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    async def talk(self, **more: int) -> Orders:
        return self.counter.obey(await self.post(self.counter.message(**more)))

    async def post(self, message: bytes) -> bytes:
        return (await self._post("/link/v1/exchange", message, {}))[0]

    def context(self, *, certified: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if certified:
            context.load_cert_chain(self.certificate, self.key_file)
        return context

    async def _post(
        self, path: str, body: bytes, headers: dict[str, str], *, certified: bool = True
    ) -> tuple[bytes, dict[str, str]]:
        context: Any = self.context(certified=certified) if self.url.startswith("https") else True
        connector = aiohttp.TCPConnector(ssl=context)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(self.url + path, data=body, headers=headers) as response,
        ):
            content = await response.read()
            if response.status != 200:
                told = await response.json(content_type=None)
                raise Refusal(response.status, told["key"])
            return content, dict(response.headers)
