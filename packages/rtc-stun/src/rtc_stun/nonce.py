"""Nonces: the cookie in front that guards against bidding down, and a server's stateless way to make them.

    o b M a t J o s 2 | 4 base64 characters: 24 feature bits | whatever the server likes

See :rfc:`8489#section-9.2`, :rfc:`8489#section-9.2.1` and :rfc:`8489#section-18.1`.
"""

import base64
import binascii
import enum
import hmac
from typing import Final

from rtc_stun.datagram import Address

_COOKIE: Final = b"obMatJos2"
_FEATURES_LENGTH: Final = 4
COOKIE_LENGTH: Final = len(_COOKIE) + _FEATURES_LENGTH

_TICKS_PER_SECOND: Final = 10
_TIME_LENGTH: Final = 3
"""Bytes: ticks come again after 19 days, of which a nonce lives minutes."""
_TAG_LENGTH: Final = 5
"""Bytes. A client that guesses a tag still has to know the key; but every byte makes challenges longer than what they answer."""
_TICKS: Final = 256**_TIME_LENGTH
_TIME_DIGITS: Final = 4 * _TIME_LENGTH // 3
_TAG_DIGITS: Final = 7


class SecurityFeature(enum.IntFlag):
    """What a server announces in its nonce cookie, so that nobody on the path can hide it."""

    NONE = 0
    PASSWORD_ALGORITHMS = 1 << 23
    """Bit 0 of the RFC, the leftmost."""
    USERNAME_ANONYMITY = 1 << 22
    """Bit 1 of the RFC."""


def nonce_cookie(features: SecurityFeature) -> bytes:
    """Return the 13 characters that a server of :rfc:`8489` puts in front of its nonces."""
    # [rfc8489:9.2/1] [rfc8489:9.2/2]
    return _COOKIE + base64.b64encode(features.to_bytes(3, "big"))


def security_features(nonce: bytes) -> SecurityFeature | None:
    """Return what the cookie of a nonce announces, or None if the nonce has no cookie: an older server.

    Bits that nobody has defined yet are kept.
    """
    if len(nonce) < COOKIE_LENGTH or not nonce.startswith(_COOKIE):
        return None
    try:
        bits = base64.b64decode(nonce[len(_COOKIE) : COOKIE_LENGTH], validate=True)
    except binascii.Error:
        return None
    return SecurityFeature(int.from_bytes(bits, "big")) if len(bits) == 3 else None


class NonceMint:
    """Make nonces that prove themselves: time and client are bound to a secret, so that a server need not remember any.

    A nonce is good for one source address for `lifetime` seconds. Mints with the same secret and the same clock know
    each other's nonces.
    """

    __slots__ = ("_cookie", "_lifetime", "_secret")

    def __init__(self, secret: bytes, features: SecurityFeature, lifetime: float) -> None:
        self._secret = secret
        self._cookie = nonce_cookie(features)
        self._lifetime = lifetime

    def mint(self, source: Address, now: float) -> bytes:
        """Return a nonce for a client."""
        # [rfc8489:9.2.4/5] The tag covers the source: no two clients get the same nonce.
        text = self._cookie + base64.b64encode(_ticks(now).to_bytes(_TIME_LENGTH, "big"))
        return text + self._tag(text, source)

    def is_valid(self, nonce: bytes, source: Address, now: float) -> bool:
        """Tell whether this mint made the nonce, for this client, not too long ago; False is a 438, not an error."""
        end = COOKIE_LENGTH + _TIME_DIGITS
        text, tag = nonce[:end], nonce[end:]
        if len(tag) != _TAG_DIGITS or not hmac.compare_digest(tag, self._tag(text, source)):
            return False
        minted_at = int.from_bytes(base64.b64decode(text[COOKIE_LENGTH:]), "big")
        # A nonce from the future is of another clock, such as that before a restart, and who knows how old.
        return (_ticks(now) - minted_at) % _TICKS <= self._lifetime * _TICKS_PER_SECOND

    def _tag(self, text: bytes, source: Address) -> bytes:
        covered = b"%b %b %d" % (text, source.host.encode(), source.port)
        return base64.b64encode(hmac.digest(self._secret, covered, "sha256")[:_TAG_LENGTH])[:_TAG_DIGITS]


def _ticks(now: float) -> int:
    return int(now * _TICKS_PER_SECOND) % _TICKS
