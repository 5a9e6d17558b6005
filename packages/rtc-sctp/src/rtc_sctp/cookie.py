"""The State Cookie: what an INIT said, kept by the peer until it comes back.

Nobody can make or change a cookie without the key, and the key never leaves the jar. What a cookie says is no secret: both tags and
both initial TSNs have gone over the same path. See :rfc:`9260#section-5.1.3` and :rfc:`9260#section-5.1.5`.
"""

import hmac
import struct
from collections.abc import Callable
from typing import Final

from .dataclass import dataclass
from .errors import SctpError

COOKIE_LIFE: Final = 60.0
"""Valid.Cookie.Life: seconds a cookie is good for. See :rfc:`9260#section-16`."""

KEY_LIFE: Final = 3600.0
"""Seconds after which the next cookie is sealed under a fresh key; the key before it still opens."""

MAXIMUM_LIFE: Final = KEY_LIFE
"""Longest life of a cookie in seconds, whatever the peer wishes: two keys open no older one."""

_KEY_LENGTH: Final = 32
_MAC_LENGTH: Final = 32
_HASH: Final = "sha256"
_FORWARD_TSN: Final = 0x01
_ZERO_CHECKSUM: Final = 0x02

_FIXED: Final = struct.Struct("!ddHHLLLLLHHLLB")


@dataclass(slots=True, kw_only=True)
class CookieContents:
    """Everything that a transmission control block is made of."""

    source_port: int
    destination_port: int
    local_tag: int
    """Initiate tag of our INIT ACK."""
    peer_tag: int
    """Initiate tag of the peer's INIT."""
    local_initial_tsn: int
    peer_initial_tsn: int
    peer_a_rwnd: int
    outbound_streams: int
    """Streams we may send on: the lesser of what we want and what the peer accepts."""
    inbound_streams: int
    """Streams the peer may send on."""
    local_tie_tag: int = 0
    """Our tag of an association that was there when the INIT came; 0 if there was none."""
    peer_tie_tag: int = 0
    """The peer's tag of that association."""
    peer_forward_tsn: bool = False
    """The INIT brought Forward-TSN-Supported."""
    peer_zero_checksum: bool = False
    """The INIT accepts zero checksums under the condition that we fulfil."""
    peer_extensions: tuple[int, ...] = ()
    """Chunk types from the Supported Extensions of the INIT."""


class CookieError(SctpError):
    """The State Cookie does not open; one of the two subclasses tells why."""


class ForgedCookieError(CookieError):
    """The cookie was not made by this instance, or was changed on the way."""


class StaleCookieError(CookieError):
    """The cookie is ours and unchanged, but older than it may be."""

    def __init__(self, contents: CookieContents, staleness: float) -> None:
        super().__init__(f"the cookie expired {staleness:.6f} s ago")
        self.contents = contents
        """What the cookie says; it still counts where it repeats what is known. See :rfc:`9260#section-5.2.4`."""
        self.staleness = staleness
        """Seconds since the cookie expired, above 0; a Stale Cookie cause reports them in microseconds."""

    def __reduce__(self) -> tuple[type["StaleCookieError"], tuple[CookieContents, float]]:
        return StaleCookieError, (self.contents, self.staleness)


class CookieJar:
    """Seals and opens the cookies of one association.

    Args:
        rng: Returns as many random bytes as it is asked for; the keys come from here.
        lifetime: Seconds that a cookie is good for.
    """

    __slots__ = ("_key", "_key_since", "_lifetime", "_previous_key", "_rng")

    def __init__(self, rng: Callable[[int], bytes], *, lifetime: float = COOKIE_LIFE) -> None:
        self._rng = rng
        self._lifetime = lifetime
        # [rfc9260:5.1.3/4] [rfc9260:14.1/1]
        self._key = rng(_KEY_LENGTH)
        self._previous_key = self._key
        self._key_since: float | None = None

    def seal(self, contents: CookieContents, now: float, *, added_lifetime: float = 0.0) -> bytes:
        """Make a cookie.

        Args:
            contents: What `open` shall return.
            now: The time.
            added_lifetime: Seconds that a Cookie Preservative asked for; granted up to `MAXIMUM_LIFE` in all.
        """
        self._change_key(now)
        flags = (_FORWARD_TSN if contents.peer_forward_tsn else 0) | (
            _ZERO_CHECKSUM if contents.peer_zero_checksum else 0
        )
        # [rfc9260:5.1.3/2] [rfc9260:3.3.3.1.1/1] [rfc9260:5.1.3/7] [rfc9260:3.3.11/3]
        body = _FIXED.pack(
            now,
            min(self._lifetime + added_lifetime, MAXIMUM_LIFE),
            contents.source_port,
            contents.destination_port,
            contents.local_tag,
            contents.peer_tag,
            contents.local_initial_tsn,
            contents.peer_initial_tsn,
            contents.peer_a_rwnd,
            contents.outbound_streams,
            contents.inbound_streams,
            contents.local_tie_tag,
            contents.peer_tie_tag,
            flags,
        ) + bytes(contents.peer_extensions)
        # [rfc9260:5.1.3/1] [rfc9260:5.1.3/3] [rfc9260:5.1.3/6]
        return hmac.digest(self._key, body, _HASH) + body

    def open(self, cookie: bytes, now: float) -> CookieContents:
        """Read a cookie that came back.

        Raises:
            ForgedCookieError: Nothing proves that we made it.
            StaleCookieError: We made it, but too long ago.
        """
        mac, body = cookie[:_MAC_LENGTH], cookie[_MAC_LENGTH:]
        # [rfc9260:5.1.5/1] [rfc9260:5.1.5/2]
        genuine = [hmac.compare_digest(mac, hmac.digest(key, body, _HASH)) for key in (self._key, self._previous_key)]
        if not any(genuine) or len(body) < _FIXED.size:
            raise ForgedCookieError("no key of ours made this cookie")
        created, lifetime, *numbers, flags = _FIXED.unpack_from(body)
        contents = CookieContents(
            source_port=numbers[0],
            destination_port=numbers[1],
            local_tag=numbers[2],
            peer_tag=numbers[3],
            local_initial_tsn=numbers[4],
            peer_initial_tsn=numbers[5],
            peer_a_rwnd=numbers[6],
            outbound_streams=numbers[7],
            inbound_streams=numbers[8],
            local_tie_tag=numbers[9],
            peer_tie_tag=numbers[10],
            peer_forward_tsn=bool(flags & _FORWARD_TSN),
            peer_zero_checksum=bool(flags & _ZERO_CHECKSUM),
            peer_extensions=tuple(body[_FIXED.size :]),
        )
        staleness = now - created - lifetime
        # [rfc9260:5.1.5/4]
        if staleness > 0:
            raise StaleCookieError(contents, staleness)
        return contents

    def _change_key(self, now: float) -> None:
        if self._key_since is None:
            self._key_since = now
        elif now - self._key_since >= KEY_LIFE:
            # [rfc9260:5.1.3/5]
            self._previous_key, self._key = self._key, self._rng(_KEY_LENGTH)
            self._key_since = now
