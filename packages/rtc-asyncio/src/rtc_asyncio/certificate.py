"""`RTCCertificate` (WebRTC 1.0, section 4.10)."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from rtc_dtls import Certificate, CertificateKind

from .dataclass import dataclass
from .errors import NotSupportedError

DEFAULT_EXPIRES: Final = 30 * 24 * 60 * 60 * 1000
"""Milliseconds that a certificate is valid where nothing else is asked for."""
MAX_EXPIRES: Final = 365 * 24 * 60 * 60 * 1000
"""The longest validity, in milliseconds; longer wishes are cut to it."""

_EXPONENT: Final = b"\x01\x00\x01"


@dataclass(slots=True)
class RTCDtlsFingerprint:
    """A certificate's hash, written as in SDP (:rfc:`8122`)."""

    algorithm: str
    value: str


class RTCCertificate:
    """A certificate with its private key. Make one with `RTCPeerConnection.generateCertificate`.

    It can be pickled and stored; whoever reads the store can then speak in its owner's name.
    """

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate

    @property
    def expires(self) -> int:
        """Milliseconds since 1970-01-01 after which a new connection refuses it."""
        return int(self._certificate.expires.timestamp() * 1000)

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """The hashes that a peer may check it by."""
        made = [self._certificate.fingerprint(name) for name in self._certificate.fingerprint_algorithms]
        return [RTCDtlsFingerprint(each.algorithm, each.digest.hex(":")) for each in made]

    @property
    def machine_certificate(self) -> Certificate:
        """The certificate as `rtc_dtls` and `rtc_peer` take it."""
        return self._certificate

    @property
    def pem(self) -> str:
        """Private key and certificate, to keep them: :meth:`from_pem` reads them back."""
        return self._certificate.to_pem()

    @classmethod
    def from_pem(cls, pem: str | bytes) -> "RTCCertificate":
        """Take a private key and certificate that were stored, or made elsewhere.

        Raises:
            ValueError: The text does not hold both, or they do not belong together.
        """
        return cls(Certificate.from_pem(pem))

    def __repr__(self) -> str:
        return f"RTCCertificate({self.getFingerprints()[0].value})"


async def generate(algorithm: str | Mapping[str, object]) -> RTCCertificate:
    """Make a certificate as Web Crypto describes it; see `RTCPeerConnection.generateCertificate`."""
    wish: Mapping[str, object] = {"name": algorithm} if isinstance(algorithm, str) else algorithm
    expires = wish.get("expires", DEFAULT_EXPIRES)
    if not isinstance(expires, int) or expires < 0:
        raise TypeError("expires is a number of milliseconds")
    kind = _kind(wish)
    certificate = await asyncio.to_thread(
        Certificate.generate,
        rng=os.urandom,
        wall_clock=datetime.now(UTC),
        kind=kind,
        lifetime=timedelta(milliseconds=min(expires, MAX_EXPIRES)),
    )
    return RTCCertificate(certificate)


def _kind(wish: Mapping[str, object]) -> CertificateKind:
    match str(wish.get("name", "")).upper():
        case "ECDSA":
            curve = wish.get("namedCurve", "P-256")
            kinds: dict[object, CertificateKind] = {"P-256": "ecdsa-p256", "P-384": "ecdsa-p384"}
            if curve in kinds:
                return kinds[curve]
            raise NotSupportedError(f"the curve {curve!r} is not supported; P-256 and P-384 are")
        case "RSASSA-PKCS1-V1_5":
            length = wish.get("modulusLength", 2048)
            hash_name = wish.get("hash", "SHA-256")
            if isinstance(hash_name, Mapping):
                hash_name = hash_name.get("name")
            if wish.get("publicExponent", _EXPONENT) != _EXPONENT:
                raise NotSupportedError("the public exponent is 65537, as the bytes 1, 0, 1")
            lengths: dict[object, CertificateKind] = {2048: "rsa-2048", 3072: "rsa-3072", 4096: "rsa-4096"}
            if length in lengths and hash_name == "SHA-256":
                return lengths[length]
            raise NotSupportedError(
                f"RSA with {length} bits and {hash_name} is not supported; 2048 bits and SHA-256 are"
            )
        case _:
            raise NotSupportedError(
                f"the algorithm {wish.get('name')!r} is not supported; ECDSA and RSASSA-PKCS1-v1_5 are"
            )
