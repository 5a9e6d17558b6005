"""Which media section an arriving RTP stream belongs to (RFC 9143 section 9.2).

All sections of a bundle share one transport, so the address says nothing. What a packet says decides, the surest first::

    MID extension, or MID item of SDES ──┐
    SSRC signalled by a=ssrc ────────────┼──► SSRC ──► section ──► does its payload type fit?
    RID extension, unique in the group ──┤
    payload type, unique in the group ───┘

A stream that was associated once stays where it is: a change of its payload type does not move it, only a newer MID does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from rtc_peer.dataclass import dataclass

if TYPE_CHECKING:
    from rtc_rtp import RtpPacket

K = TypeVar("K", bytes, int)

MAX_SOURCES: Final = 1024
"""Streams that are remembered; beyond that the one that was associated first is forgotten."""
_HALF: Final = 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedSection:
    """What tells the streams of one media section from those of the others."""

    receiver_id: int | str
    """What the RTP session calls the receiver."""
    mid: str
    payload_types: frozenset[int]
    """All that may be received, those of retransmissions, redundancy and tones included."""
    ssrcs: tuple[int, ...] = ()
    """Signalled by the peer."""
    rids: tuple[str, ...] = ()
    """Names of the encodings that the peer may send."""
    mid_extension_id: int | None = None
    rid_extension_ids: tuple[int, ...] = ()
    """Of RID and of repaired RID, as far as negotiated."""


class _Source:
    """An SSRC that was associated."""

    __slots__ = ("mid", "newest", "said", "said_at")

    def __init__(self, mid: bytes, sequence_number: int, *, said: bool) -> None:
        self.mid = mid
        self.newest = sequence_number
        """Highest extended sequence number."""
        self.said = said
        """Whether the stream itself named its section; a guess gives way to what descriptions signal later."""
        self.said_at = sequence_number
        """Extended sequence number of the packet that did so last."""


class BundleRouter:
    """The tables of one transport: fed with sections by negotiation and with packets by the RTP session."""

    __slots__ = ("_by_mid", "_by_payload_type", "_by_rid", "_by_ssrc", "_mid_ids", "_rid_ids", "_sources")

    def __init__(self) -> None:
        self._sources: dict[int, _Source] = {}
        self.configure(())

    def configure(self, sections: Iterable[RoutedSection]) -> None:
        """Take the sections that receive from now on; streams that are known stay with theirs.

        Args:
            sections: All of this transport.
        """
        sections = tuple(sections)
        # [rfc9143:9.2/1] What two sections share tells nothing and stays out of the tables.
        self._by_mid = {each.mid.encode(): each for each in sections}
        self._by_ssrc = {ssrc: each.mid.encode() for each in sections for ssrc in each.ssrcs}
        self._by_payload_type = _unique((each.payload_types, each.mid.encode()) for each in sections)
        self._by_rid = _unique(([rid.encode() for rid in each.rids], each.mid.encode()) for each in sections)
        self._mid_ids = tuple({each.mid_extension_id: None for each in sections if each.mid_extension_id is not None})
        self._rid_ids = tuple({number: None for each in sections for number in each.rid_extension_ids})
        self._sources = {ssrc: each for ssrc, each in self._sources.items() if each.said or self._holds(ssrc, each.mid)}

    def route(self, packet: RtpPacket) -> int | str | None:
        """Return the receiver of the section that a packet belongs to; None if there is none, or the payload type is not its.

        See :rfc:`9143#section-9.2`.
        """
        ssrc, sequence_number = packet.ssrc, packet.sequence_number
        source = self._sources.get(ssrc)
        # [rfc8834:5.2.4/1] [rfc5576:5/2]
        mid = _first(packet, self._mid_ids)
        if source is None:
            found = mid or self._guess(packet)
            if found is None:
                return None
            self._remember(ssrc, _Source(found, sequence_number, said=mid is not None))
        else:
            found = source.mid
            ahead = (sequence_number - source.newest + _HALF & 0xFFFF) - _HALF
            extended = source.newest + ahead
            if ahead > 0:
                source.newest = extended
            # An older packet that comes late does not move the stream back.
            if mid is not None and (extended > source.said_at or not source.said):
                source.mid, source.said, source.said_at = mid, True, extended
                found = mid
        section = self._by_mid.get(found)
        if section is None or packet.payload_type not in section.payload_types:
            return None
        return section.receiver_id

    def describe(self, ssrc: int, mid: str) -> None:
        """Take the MID item of an SDES chunk."""
        # [rfc8834:4.1/7]
        name = mid.encode()
        if name not in self._by_mid:
            return
        source = self._sources.get(ssrc)
        if source is None:
            self._remember(ssrc, _Source(name, 0, said=False))
        elif source.mid != name:
            source.mid, source.said, source.said_at = name, True, source.newest

    def forget(self, ssrc: int) -> None:
        """A stream has ended, and stragglers are no longer expected."""
        self._sources.pop(ssrc, None)

    def _guess(self, packet: RtpPacket) -> bytes | None:
        """Return the MID of a stream that does not name one itself."""
        # [rfc8834:4.8/1] [rfc8834:4.8/3]
        signalled = self._by_ssrc.get(packet.ssrc)
        if signalled is not None:
            return signalled
        rid = _first(packet, self._rid_ids)
        if rid is not None and rid in self._by_rid:
            return self._by_rid[rid]
        # [rfc5576:5/5]
        return self._by_payload_type.get(packet.payload_type)

    def _holds(self, ssrc: int, mid: bytes) -> bool:
        """Whether a guess still stands: its section is there, and no description names another."""
        return mid in self._by_mid and self._by_ssrc.get(ssrc, mid) == mid

    def _remember(self, ssrc: int, source: _Source) -> None:
        if len(self._sources) >= MAX_SOURCES:
            del self._sources[next(iter(self._sources))]
        self._sources[ssrc] = source


def _first(packet: RtpPacket, ids: tuple[int, ...]) -> bytes | None:
    """Return the value of the first of some header extensions that a packet has; None if it is empty or there is none."""
    for number in ids:
        value = packet.extension(number)
        if value:
            return value
    return None


def _unique(keys_of: Iterable[tuple[Iterable[K], bytes]]) -> dict[K, bytes]:
    """Return the section of each key that belongs to no other section."""
    table: dict[K, bytes] = {}
    ambiguous: set[K] = set()
    for keys, mid in keys_of:
        for key in keys:
            if table.setdefault(key, mid) != mid:
                ambiguous.add(key)
    return {key: mid for key, mid in table.items() if key not in ambiguous}
