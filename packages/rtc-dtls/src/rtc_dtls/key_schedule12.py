"""From the premaster secret to every other secret of DTLS 1.2.

    premaster ──► master ──┬─► key block ─► client key, server key, client IV, server IV
      (EMS: bound to the   ├─► verify_data of the two Finished
       transcript)         └─► exported keying material (SRTP)

See :rfc:`5246#section-6.3`, :rfc:`5246#section-8.1`, :rfc:`7627#section-4` and :rfc:`5705#section-4`.
"""

from dataclasses import field
from typing import Final

from .cipher_suite import CipherSuite
from .dataclass import dataclass
from .presentation import vector
from .prf import prf

MASTER_SECRET_LENGTH: Final = 48
VERIFY_DATA_LENGTH: Final = 12

# [rfc5705:6/1]
RESERVED_LABELS: Final = frozenset(
    {"client finished", "server finished", "master secret", "key expansion", "extended master secret"}
)
"""Labels that the protocol itself uses: exporting under one of them would hand out its secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionKeys:
    """What one direction of an epoch needs."""

    key: bytes = field(repr=False)
    iv: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterSecret:
    """The master secret with what every derivation from it needs."""

    suite: CipherSuite
    client_random: bytes
    server_random: bytes
    extended: bool
    """Whether it is bound to the transcript (:rfc:`7627`)."""
    secret: bytes = field(repr=False)

    @classmethod
    def derive(
        cls,
        suite: CipherSuite,
        premaster: bytes,
        client_random: bytes,
        server_random: bytes,
        session_hash: bytes | None,
    ) -> "MasterSecret":
        """Derive it, from the session hash where the extension was negotiated, from the randoms otherwise."""
        if session_hash is not None:
            # [rfc7627:4/1] [rfc7627:5.1/1]
            secret = prf(suite.hash_name, premaster, b"extended master secret", session_hash, MASTER_SECRET_LENGTH)
        else:
            seed = client_random + server_random
            # [rfc5246:8.1/1] [rfc7627:5.2/6]
            secret = prf(suite.hash_name, premaster, b"master secret", seed, MASTER_SECRET_LENGTH)
        return cls(
            suite=suite,
            client_random=client_random,
            server_random=server_random,
            extended=session_hash is not None,
            secret=secret,
        )

    def key_block(self) -> tuple[DirectionKeys, DirectionKeys]:
        """Return the keys of the client's and the server's direction. AEAD suites have no MAC keys."""
        key, iv = self.suite.key_length, self.suite.fixed_iv_length
        # [rfc5246:6.3/2]
        seed = self.server_random + self.client_random
        block = prf(self.suite.hash_name, self.secret, b"key expansion", seed, 2 * key + 2 * iv)
        # [rfc5246:6.3/1] [rfc5246:6.2.3.3/2]
        client = DirectionKeys(key=block[:key], iv=block[2 * key : 2 * key + iv])
        server = DirectionKeys(key=block[key : 2 * key], iv=block[2 * key + iv :])
        return client, server

    def verify_data(self, *, by_client: bool, transcript_hash: bytes) -> bytes:
        """Return the content of a Finished message."""
        label = b"client finished" if by_client else b"server finished"
        # [rfc5246:7.4.9/2] [rfc5246:7.4.9/5]
        return prf(self.suite.hash_name, self.secret, label, transcript_hash, VERIFY_DATA_LENGTH)

    def export(self, label: str, length: int, context: bytes | None) -> bytes:
        """Export keying material. An absent context and an empty one give different keys.

        See :rfc:`5705#section-4`.
        """
        # [rfc5705:4/1]
        seed = self.client_random + self.server_random
        # [rfc5705:4/2] [rfc5705:4/3] [rfc5705:4/7]
        if context is not None:
            seed += vector(2, context)
        return prf(self.suite.hash_name, self.secret, label.encode("ascii"), seed, length)
