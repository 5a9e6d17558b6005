"""The certificate and key of this side: made, kept as PEM, signed with.

Importing an X.509 library costs as much time as everything else here, so it happens only where PEM or a date is read.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .errors import ProtocolError
from .fingerprint import Fingerprint
from .group import NIST_CURVES, GroupId, NistCurve, group_of, random_scalar
from .peer_certificate import PeerKey, signature_hash
from .self_signed import self_signed
from .signature import KeyType, PrivateKey, choose_scheme_13, key_type_of, sign

CertificateKind = Literal["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"]

DEFAULT_LIFETIME: Final = timedelta(days=30)
MIN_RSA_BITS: Final = 2048
_BACKDATED: Final = timedelta(days=1)
_CURVES: Final[dict[str, NistCurve]] = {
    "ecdsa-p256": NIST_CURVES[GroupId.SECP256R1],
    "ecdsa-p384": NIST_CURVES[GroupId.SECP384R1],
}


class Certificate:
    """A certificate chain with the private key of its first certificate. Immutable."""

    __slots__ = ("_key", "chain")

    def __init__(self, chain: Iterable[bytes], private_key: bytes) -> None:
        """Take a chain and its key.

        Args:
            chain: DER certificates, our own first.
            private_key: The key as PKCS #8 DER, not encrypted: ECDSA on P-256 or P-384, Ed25519,
                or RSA of 2048 bits and more.

        Raises:
            ValueError: The chain is empty, its first certificate cannot be read or is not that of the key, or the key
                is of another kind.
        """
        self.chain = tuple(chain)
        if not self.chain:
            raise ValueError("a certificate chain has at least one certificate")
        self._key = _load_key(private_key)
        try:
            belongs = PeerKey(self.chain[0]).belongs_to(self._key)
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        if not belongs:
            raise ValueError("the first certificate is not that of the private key")

    def __getstate__(self) -> tuple[tuple[bytes, ...], bytes]:
        return self.chain, self._private_key

    def __setstate__(self, state: tuple[tuple[bytes, ...], bytes]) -> None:
        self.chain, private_key = state
        self._key = _load_key(private_key)

    def __eq__(self, other: object) -> bool:
        # There are no two keys that a certificate belongs to.
        return isinstance(other, Certificate) and self.chain == other.chain

    def __hash__(self) -> int:
        return hash(self.chain)

    def __repr__(self) -> str:
        return f"<Certificate {self.fingerprint()}>"

    @classmethod
    def generate(
        cls,
        *,
        rng: Callable[[int], bytes],
        wall_clock: datetime,
        # The curve that every peer of WebRTC has. [rfc5246:7.4.6/7]
        kind: CertificateKind = "ecdsa-p256",
        lifetime: timedelta = DEFAULT_LIFETIME,
        common_name: str = "WebRTC",
    ) -> Self:
        """Make a self-signed certificate.

        Args:
            rng: Source of randomness; RSA keys alone come from the library's own.
            wall_clock: The time of day, with its zone.
            kind: The key. ECDSA and Ed25519 take microseconds, RSA tens of milliseconds and more.
            lifetime: How long it is valid from now on. It is valid for the day before, too: clocks differ.
            common_name: Subject and issuer, 1 to 64 bytes of UTF-8. Everyone who connects can read it.

        Raises:
            ValueError: The name is too long or empty, or the certificate would never be valid.
        """
        key: PrivateKey
        if kind in _CURVES:
            curve = _CURVES[kind]
            key = ec.derive_private_key(random_scalar(curve, rng), curve.curve)
        elif kind == "ed25519":
            key = ed25519.Ed25519PrivateKey.from_private_bytes(rng(32))
        else:
            key = rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
        certificate = self_signed(
            key,
            serial_number=int.from_bytes(rng(16), "big") | 1,
            common_name=common_name,
            not_before=wall_clock - _BACKDATED,
            not_after=wall_clock + lifetime,
        )
        self = cls.__new__(cls)
        self.chain, self._key = (certificate,), key
        return self

    @classmethod
    def from_pem(cls, pem: str | bytes) -> Self:
        """Read a private key and one or more certificates, our own first, from one PEM text.

        Raises:
            ValueError: There is no key or no certificate, they do not belong together, or the key is encrypted.
        """
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization

        data = pem.encode() if isinstance(pem, str) else pem
        certificates = x509.load_pem_x509_certificates(data)
        start = data.find(b"-----BEGIN", data.find(b"PRIVATE KEY-----") - len(b"-----BEGIN ENCRYPTED "))
        try:
            key = serialization.load_pem_private_key(data[max(start, 0) :], password=None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(f"the private key cannot be read: {error}") from error
        return cls(
            (certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates),
            key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )

    def to_pem(self) -> str:
        """Write the private key and the chain as PEM. Keep it secret."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        key = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = (x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM) for der in self.chain)
        return (key + b"".join(chain)).decode("ascii")

    def fingerprint(self, algorithm: str = "sha-256") -> Fingerprint:
        """Return the fingerprint to signal to the peer.

        Raises:
            ValueError: The hash function is unknown or too weak.
        """
        return Fingerprint.of(self.chain[0], algorithm)

    @property
    def fingerprint_algorithms(self) -> tuple[str, ...]:
        """The hash functions to make fingerprints with: SHA-256, and that of the certificate's signature.

        See :rfc:`8122#section-5.1`.
        """
        # [rfc8122:5.1/2]
        return tuple(dict.fromkeys(("sha-256", signature_hash(self.chain[0]) or "sha-256")))

    @property
    def expires(self) -> datetime:
        """When it stops being valid, in UTC."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.chain[0]).not_valid_after_utc

    @property
    def key_type(self) -> KeyType:
        """Which cipher suites and signature schemes it fits."""
        return key_type_of(self._key)

    @property
    def group(self) -> int | None:
        """The curve of an ECDSA key, as a group's code point."""
        return group_of(self._key) if isinstance(self._key, ec.EllipticCurvePrivateKey) else None

    def choose_scheme_13(self, offered: tuple[int, ...]) -> int | None:
        """Pick the scheme to sign with in DTLS 1.3, or None if the peer takes none that fits the key."""
        return choose_scheme_13(self._key, offered)

    def sign(self, scheme: int, message: bytes) -> bytes:
        """Sign with a scheme that fits `key_type`."""
        return sign(self._key, scheme, message)

    @property
    def _private_key(self) -> bytes:
        """As PKCS #8 DER; the library's object can neither be copied nor pickled."""
        from cryptography.hazmat.primitives import serialization

        return self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def _load_key(private_key: bytes) -> PrivateKey:
    """Read PKCS #8 DER.

    Raises:
        ValueError: It cannot be read, or the key is of a kind that certificates of ours do not have.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        key = load_der_private_key(private_key, None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"the private key cannot be read: {error}") from error
    match key:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1() | ec.SECP384R1()) | ed25519.Ed25519PrivateKey():
            return key
        case rsa.RSAPrivateKey(key_size=size) if size >= MIN_RSA_BITS:
            return key
        case _:
            raise ValueError(f"a certificate's key is P-256, P-384, Ed25519 or RSA of {MIN_RSA_BITS} bits and more")
