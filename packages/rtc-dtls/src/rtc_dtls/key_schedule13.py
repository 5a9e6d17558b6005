"""From the key exchange's secret to every other secret of DTLS 1.3.

               0
               │
    0 ──► HKDF-Extract = early secret (there is no pre-shared key)
               │ "derived"
 (EC)DHE ──► Extract = handshake secret ─┬─► client handshake traffic secret (epoch 2) ─► Finished
               │ "derived"               └─► server handshake traffic secret (epoch 2) ─► Finished
    0 ──► HKDF-Extract = main secret ────┬─► client application traffic secret (epoch 3) ─► epoch 4 ─► ...
                                         ├─► server application traffic secret (epoch 3) ─► epoch 4 ─► ...
                                         └─► exporter secret

    traffic secret ──► key, IV, and the key that record numbers are encrypted with

See :rfc:`8446#section-7` and, for the label prefix and the record number key, :rfc:`9147#section-5.9` and
:rfc:`9147#section-4.2.3`.
"""

import hashlib
import hmac
from dataclasses import field
from typing import ClassVar, Final

from .cipher_suite13 import CipherSuite13
from .dataclass import dataclass
from .presentation import vector

# [rfc9147:5.9/1]
LABEL_PREFIX: Final = b"dtls13"

IV_LENGTH: Final = 12

MAX_LABEL_LENGTH: Final = 255 - len(LABEL_PREFIX)


def expand_label(
    hash_name: str, secret: bytes, label: bytes, context: bytes, length: int, prefix: bytes = LABEL_PREFIX
) -> bytes:
    """HKDF-Expand-Label of :rfc:`8446#section-7.1`; the prefix is another in TLS."""
    # [rfc8446:7.1/1]
    info = length.to_bytes(2, "big") + vector(1, prefix + label) + vector(1, context)
    output = block = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = hmac.digest(secret, block + info + counter.to_bytes(1, "big"), hash_name)
        output += block
    return output[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficKeys:
    """What one direction of an epoch needs."""

    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    sequence_number_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSecret:
    """The secret of one direction of one epoch."""

    suite: CipherSuite13
    secret: bytes = field(repr=False)

    def keys(self) -> TrafficKeys:
        """Derive the keys. See :rfc:`8446#section-7.3`."""
        return TrafficKeys(
            key=self._expand(b"key", self.suite.key_length),
            iv=self._expand(b"iv", IV_LENGTH),
            # [rfc9147:4.2.3/2]
            sequence_number_key=self._expand(b"sn", self.suite.key_length),
        )

    def successor(self) -> "TrafficSecret":
        """Derive the secret that a KeyUpdate brings. See :rfc:`8446#section-7.2`."""
        return TrafficSecret(suite=self.suite, secret=self._expand(b"traffic upd", self.suite.hash_length))

    def verify_data(self, transcript_hash: bytes) -> bytes:
        """Return the content of a Finished message. See :rfc:`8446#section-4.4.4`."""
        finished_key = self._expand(b"finished", self.suite.hash_length)
        return hmac.digest(finished_key, transcript_hash, self.suite.hash_name)

    def _expand(self, label: bytes, length: int) -> bytes:
        return expand_label(self.suite.hash_name, self.secret, label, b"", length)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterSecret:
    """What keys for other protocols are derived from. See :rfc:`8446#section-7.5`."""

    extended: ClassVar[bool] = True
    """Whether it is bound to the whole handshake: in DTLS 1.3 everything is."""

    suite: CipherSuite13
    secret: bytes = field(repr=False)

    def export(self, label: str, length: int, context: bytes | None) -> bytes:
        """Export keying material. Other than in DTLS 1.2, no context is the same as an empty one.

        Raises:
            ValueError: The label or the keys are longer than HKDF-Expand-Label has them.
        """
        if len(label) > MAX_LABEL_LENGTH or length > 255 * self.suite.hash_length:
            raise ValueError(f"{length} bytes for a label of {len(label)} are too long")
        name = self.suite.hash_name
        secret = _derive(self.suite, self.secret, label.encode("ascii"), _hash(name, b""))
        # [rfc8446:7.5/1]
        return expand_label(name, secret, b"exporter", _hash(name, context or b""), length)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSecrets:
    """What is left when the handshake is over."""

    client: TrafficSecret
    server: TrafficSecret
    exporter: ExporterSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeSecrets:
    """What the hellos bring."""

    suite: CipherSuite13
    client: TrafficSecret
    server: TrafficSecret
    main_secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, suite: CipherSuite13, shared_secret: bytes, hellos: bytes) -> "HandshakeSecrets":
        """Derive them.

        Args:
            suite: The suite.
            shared_secret: What came out of the key exchange.
            hellos: Hash of the transcript up to and with the ServerHello.
        """
        zeros = bytes(suite.hash_length)
        empty = _hash(suite.hash_name, b"")
        early = _extract(suite, zeros, zeros)
        handshake = _extract(suite, _derive(suite, early, b"derived", empty), shared_secret)
        return cls(
            suite=suite,
            client=_traffic(suite, handshake, b"c hs traffic", hellos),
            server=_traffic(suite, handshake, b"s hs traffic", hellos),
            main_secret=_extract(suite, _derive(suite, handshake, b"derived", empty), zeros),
        )

    def application(self, transcript_hash: bytes) -> ApplicationSecrets:
        """Derive what comes after; the hash is that of the transcript up to and with the server's Finished."""
        suite = self.suite
        return ApplicationSecrets(
            client=_traffic(suite, self.main_secret, b"c ap traffic", transcript_hash),
            server=_traffic(suite, self.main_secret, b"s ap traffic", transcript_hash),
            exporter=ExporterSecret(
                suite=suite, secret=_derive(suite, self.main_secret, b"exp master", transcript_hash)
            ),
        )


def _extract(suite: CipherSuite13, salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt, secret, suite.hash_name)


def _derive(suite: CipherSuite13, secret: bytes, label: bytes, transcript_hash: bytes) -> bytes:
    """Derive-Secret of :rfc:`8446#section-7.1`, the hash being made already."""
    return expand_label(suite.hash_name, secret, label, transcript_hash, suite.hash_length)


def _traffic(suite: CipherSuite13, secret: bytes, label: bytes, transcript_hash: bytes) -> TrafficSecret:
    return TrafficSecret(suite=suite, secret=_derive(suite, secret, label, transcript_hash))


def _hash(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data).digest()
