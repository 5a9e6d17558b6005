"""Access tokens: what an authorization server tells a STUN or TURN server about a client, by way of the client.

::

    | length, 16 bits | nonce | sealed: | length, 16 bits | session key | timestamp, 64 bits | lifetime, 32 bits |

The seal is that of an AEAD under a key that both servers know, and covers the name of the STUN server. The session key is
what the client proves itself with; it learns it from the authorization server as well, and cannot read the token.

See :rfc:`7635#section-6.2`.
"""

from struct import Struct
from typing import Final, Protocol, Self

from rtc_turn.dataclass import dataclass
from rtc_turn.errors import ParseError

# [rfc7635:6.2/2]
SESSION_KEY_LENGTH: Final = 20
"""Bytes of the session key for HMAC-SHA-1."""
MAX_KEY_LENGTH: Final = 64

_LENGTH: Final = Struct("!H")
_TAIL: Final = Struct("!QI")
_FRACTIONS: Final = 64_000
"""Parts of a second in the last 16 bits of a timestamp."""


class TokenKey(Protocol):
    """An AEAD with its key, such as AES-256-GCM: two lines around ``AESGCM`` of the package cryptography."""

    # [rfc7635:4.1/1] [rfc7635:4.1.1/3] Which one it is, is the caller's to say: no cryptography is built in here.

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Encrypt and authenticate."""

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Decrypt; None if it is not authentic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenContents:
    """What a token holds."""

    session_key: bytes
    timestamp: float
    """When it was made, in seconds since 1970."""
    lifetime: int
    """Seconds."""

    def seal(self, key: TokenKey, nonce: bytes, server_name: str) -> bytes:
        """Return the value of ACCESS-TOKEN, as an authorization server makes it.

        Args:
            key: What it shares with the server.
            nonce: Never the same twice under one key.
            server_name: What the server calls itself in THIRD-PARTY-AUTHORIZATION.
        """
        seconds = int(self.timestamp)
        stamp = seconds << 16 | int((self.timestamp - seconds) * _FRACTIONS)
        # [rfc7635:10/1]
        block = _LENGTH.pack(len(self.session_key)) + self.session_key + _TAIL.pack(stamp, self.lifetime)
        # [rfc7635:6.2/4]
        return _LENGTH.pack(len(nonce)) + nonce + key.seal(nonce, block, server_name.encode())

    @classmethod
    def open(cls, token: bytes, key: TokenKey, server_name: str) -> Self:
        """Read the value of ACCESS-TOKEN.

        Raises:
            ParseError: It is malformed, not authentic, or for another server.
        """
        length = int.from_bytes(token[:2], "big")
        nonce, sealed = token[2 : 2 + length], token[2 + length :]
        block = key.open(nonce, sealed, server_name.encode()) if len(nonce) == length and sealed else None
        if block is None:
            raise ParseError("the token is not authentic")
        key_length = int.from_bytes(block[:2], "big")
        if len(block) != 2 + key_length + _TAIL.size or not 0 < key_length <= MAX_KEY_LENGTH:
            raise ParseError("the token holds no key, time and lifetime")
        stamp, lifetime = _TAIL.unpack_from(block, 2 + key_length)
        timestamp = (stamp >> 16) + (stamp & 0xFFFF) / _FRACTIONS
        return cls(session_key=block[2 : 2 + key_length], timestamp=timestamp, lifetime=lifetime)
