"""The cryptography of DTLS 1.2, a second time: PRF, keys, records, key exchange, signatures, identities."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.dtls.conformance.wire import Record

ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xC02B
ECDHE_ECDSA_AES_256_GCM_SHA384 = 0xC02C
ECDHE_RSA_AES_128_GCM_SHA256 = 0xC02F
ECDHE_RSA_AES_256_GCM_SHA384 = 0xC030
ECDHE_RSA_CHACHA20_POLY1305_SHA256 = 0xCCA8
ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 = 0xCCA9

P256, P384, X25519 = 23, 24, 29

ECDSA_SHA256, ECDSA_SHA384 = 0x0403, 0x0503
RSA_PKCS1_SHA256, RSA_PSS_SHA256 = 0x0401, 0x0804
ED25519 = 0x0807
ECDSA_SHA1, RSA_PKCS1_SHA1 = 0x0203, 0x0201


@dataclass(frozen=True)
class Suite:
    """What a cipher suite fixes."""

    hash_name: str
    key_length: int
    salt_length: int
    explicit_length: int
    """Bytes of the nonce that travel in the record."""
    certificate: str


SUITES = {
    ECDHE_ECDSA_AES_128_GCM_SHA256: Suite("sha256", 16, 4, 8, "ecdsa"),
    ECDHE_ECDSA_AES_256_GCM_SHA384: Suite("sha384", 32, 4, 8, "ecdsa"),
    ECDHE_RSA_AES_128_GCM_SHA256: Suite("sha256", 16, 4, 8, "rsa"),
    ECDHE_RSA_AES_256_GCM_SHA384: Suite("sha384", 32, 4, 8, "rsa"),
    ECDHE_RSA_CHACHA20_POLY1305_SHA256: Suite("sha256", 32, 12, 0, "rsa"),
    ECDHE_ECDSA_CHACHA20_POLY1305_SHA256: Suite("sha256", 32, 12, 0, "ecdsa"),
}


def prf(hash_name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """RFC 5246, section 5."""
    seed = label + seed
    output, chain = b"", seed
    while len(output) < length:
        chain = hmac.digest(secret, chain, hash_name)
        output += hmac.digest(secret, chain + seed, hash_name)
    return output[:length]


def digest(hash_name: str, data: bytes) -> bytes:
    return hashlib.new(hash_name, data).digest()


class Protection:
    """One direction of an epoch."""

    def __init__(self, suite: Suite, key: bytes, salt: bytes) -> None:
        self.key = key
        self._suite = suite
        self._salt = salt
        self._aead: AESGCM | ChaCha20Poly1305 = AESGCM(key) if suite.explicit_length else ChaCha20Poly1305(key)

    def seal(self, record: Record, explicit: bytes | None = None) -> Record:
        """Protect a plaintext record under its own epoch and sequence number."""
        number = record.nonce_number
        explicit = number if explicit is None else explicit
        sealed = self._aead.encrypt(
            self._nonce(number, explicit), record.fragment, self._additional(record, len(record.fragment))
        )
        return record.with_fragment(explicit[: self._suite.explicit_length] + sealed)

    def open(self, record: Record) -> Record:
        """Unprotect; raises `cryptography.exceptions.InvalidTag`."""
        at = self._suite.explicit_length
        explicit, sealed = record.fragment[:at], record.fragment[at:]
        additional = self._additional(record, len(sealed) - 16)
        return record.with_fragment(self._aead.decrypt(self._nonce(record.nonce_number, explicit), sealed, additional))

    def _nonce(self, number: bytes, explicit: bytes) -> bytes:
        if self._suite.explicit_length:
            return self._salt + explicit
        return bytes(a ^ b for a, b in zip(self._salt, bytes(4) + number, strict=True))

    def _additional(self, record: Record, length: int) -> bytes:
        return (
            record.nonce_number
            + bytes([record.content_type])
            + record.version.to_bytes(2, "big")
            + length.to_bytes(2, "big")
        )


def protections(
    suite: Suite, master: bytes, client_random: bytes, server_random: bytes
) -> tuple[Protection, Protection]:
    """Client's and server's write side; RFC 5246, 6.3."""
    size, salt = suite.key_length, suite.salt_length
    block = prf(suite.hash_name, master, b"key expansion", server_random + client_random, 2 * (size + salt))
    salts = block[2 * size :]
    return Protection(suite, block[:size], salts[:salt]), Protection(suite, block[size : 2 * size], salts[salt:])


# --- ephemeral keys ---


class Ephemeral:
    """One side's share of the key exchange."""

    def __init__(self, group: int) -> None:
        self.group = group
        self._key: X25519PrivateKey | ec.EllipticCurvePrivateKey
        self._key = X25519PrivateKey.generate() if group == X25519 else ec.generate_private_key(_curve(group))

    @property
    def point(self) -> bytes:
        if isinstance(self._key, X25519PrivateKey):
            return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def compressed_point(self) -> bytes:
        assert isinstance(self._key, ec.EllipticCurvePrivateKey)
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    @property
    def parameters(self) -> bytes:
        """ServerECDHParams, RFC 8422, 5.4."""
        return b"\x03" + self.group.to_bytes(2, "big") + bytes([len(self.point)]) + self.point

    def exchange(self, point: bytes) -> bytes:
        if isinstance(self._key, X25519PrivateKey):
            return self._key.exchange(X25519PublicKey.from_public_bytes(point))
        public = ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, point)
        return self._key.exchange(ec.ECDH(), public)


def _curve(group: int) -> ec.EllipticCurve:
    return {P256: ec.SECP256R1(), P384: ec.SECP384R1()}[group]


# --- identities and signatures ---

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Identity:
    """A key and its self-signed certificate."""

    key: PrivateKey
    certificate: bytes

    def sign(self, algorithm: int, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        hash_algorithm = _hash(algorithm)
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(hash_algorithm))
        return self.key.sign(data, _padding(algorithm), hash_algorithm)

    @property
    def algorithm(self) -> int:
        """The usual algorithm for this key."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return ED25519
        return ECDSA_SHA256 if isinstance(self.key, ec.EllipticCurvePrivateKey) else RSA_PKCS1_SHA256


def verify(certificate: bytes, algorithm: int, signature: bytes, data: bytes) -> None:
    """Raises `cryptography.exceptions.InvalidSignature`."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        assert algorithm & 0xFF == 3, "an ECDSA key signs with ECDSA"
        key.verify(signature, data, ec.ECDSA(_hash(algorithm)))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        assert algorithm == ED25519, "an Ed25519 key signs with Ed25519"
        key.verify(signature, data)
    else:
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(signature, data, _padding(algorithm), _hash(algorithm))


def _hash(algorithm: int) -> hashes.HashAlgorithm:
    known: dict[int, hashes.HashAlgorithm] = {
        2: hashes.SHA1(),
        4: hashes.SHA256(),
        5: hashes.SHA384(),
        6: hashes.SHA512(),
        8: hashes.SHA256(),
    }
    return known[algorithm >> 8]


def _padding(algorithm: int) -> padding.AsymmetricPadding:
    return padding.PSS(padding.MGF1(hashes.SHA256()), 32) if algorithm >> 8 == 8 else padding.PKCS1v15()


@cache
def identity(kind: str = "ecdsa", name: str = "scripted") -> Identity:
    """A kept identity: ``ecdsa`` (P-256), ``p384``, ``ed25519`` or ``rsa``."""
    key: PrivateKey
    if kind == "rsa":
        key = rsa.generate_private_key(65537, 2048)
    elif kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(ec.SECP384R1() if kind == "p384" else ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=3650))
    return Identity(key, builder.sign(key, None if kind == "ed25519" else hashes.SHA256()).public_bytes(Encoding.DER))
