"""Which code point (DSCP) each packet leaves with, by what it carries and how important that is (RFC 8837).

What nobody has called more or less important than usual has the code point 0, and nothing is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import rtc_stun
from rtc_stun import Address, Datagram, MarkedAddress

if TYPE_CHECKING:
    from rtc_peer.negotiated import NegotiatedMedia
    from rtc_rtp.parameters import SendParameters

FlowType: TypeAlias = Literal["audio", "video", "data"]
Importance: TypeAlias = Literal["very-low", "low", "medium", "high"]

# [rfc8837:5/1] [rfc8837:5/2] [rfc8837:5/3] [rfc8837:5/4] All video is interactive.
CODE_POINTS: Final[dict[FlowType, dict[Importance, int]]] = {
    "audio": {"very-low": 1, "low": 0, "medium": 46, "high": 46},
    "video": {"very-low": 1, "low": 0, "medium": 36, "high": 34},
    "data": {"very-low": 1, "low": 0, "medium": 10, "high": 18},
}
"""LE is 1, EF 46, AF42 36, AF41 34, AF11 10 and AF21 18. See :rfc:`8837#section-5`, table 1."""

_BY_PRIORITY: Final[tuple[tuple[int, Importance], ...]] = (
    (512, "high"),
    (256, "medium"),
    (128, "low"),
    (0, "very-low"),
)
_RTCP_FIRST: Final = 192
_RTCP_LAST: Final = 223
_RTP_FIRST: Final = 128
_SSRC: Final = slice(8, 12)
_RTCP_SSRC: Final = slice(4, 8)


def code_point_of_channels(priorities: Iterable[int]) -> int:
    """Return the code point of an association by the priorities of its channels.

    Those of 0 are left out: that is what peers write that know no priorities.
    """
    # [rfc8835:4.2/3] [rfc8837:5/10]
    highest = max(priorities, default=0)
    importance = next(name for above, name in _BY_PRIORITY if highest > above) if highest else "low"
    return CODE_POINTS["data"][importance]


class Marking:
    """The code points of one transport's packets."""

    __slots__ = ("_addresses", "_flows", "_ssrcs", "is_active", "records")

    def __init__(self) -> None:
        self.is_active = False
        """Whether anything is marked."""
        self.records: int | None = None
        """The code point of DTLS, and so of the association inside it: one for all of it. None before there is an association."""
        self._ssrcs: dict[bytes, int] = {}
        """By SSRC; those of 0 are left out."""
        self._flows: set[int] = set()
        """All code points of media, 0 among them."""
        self._addresses: dict[tuple[Address, int], MarkedAddress] = {}

    def mark_media(self, media: Sequence[NegotiatedMedia]) -> None:
        """Take what is sent from now on, all of it."""
        found = {ssrc: dscp for each in media if each.send is not None for ssrc, dscp in _streams(each.send)}
        self._flows = set(found.values())
        self._ssrcs = {ssrc: dscp for ssrc, dscp in found.items() if dscp}
        self.is_active = bool(self._ssrcs or self.records)

    def mark_records(self, dscp: int | None) -> None:
        """Take the code point of the association, None for none."""
        self.records = dscp
        self.is_active = bool(self._ssrcs or dscp)

    def wrap(self, packets: Iterable[bytes], local: Address, remote: Address) -> list[Datagram]:
        """Address packets of DTLS, RTP and RTCP, marked."""
        return [Datagram(packet, self._from(local, self._code_point(packet)), remote) for packet in packets]

    def mark_checks(self, datagrams: list[Datagram]) -> list[Datagram]:
        """Mark checks like the data: if some of those have 0, with 0, for a network may lose the others; else with the highest."""
        # [rfc8445:7.2.3/1] [rfc8445:7.2.3/2] [rfc8445:7.3/10]
        flows = self._flows if self.records is None else self._flows | {self.records}
        if 0 in flows:
            return datagrams
        dscp = max(flows)
        return [
            Datagram(each.data, self._from(each.local, dscp), each.remote)
            if each.transport == "udp" and rtc_stun.is_stun(each.data)
            else each
            for each in datagrams
        ]

    def _code_point(self, packet: bytes) -> int:
        if packet[0] < _RTP_FIRST:
            # [rfc8835:4.2/2] [rfc8837:5/8]
            return self.records or 0
        # [rfc8835:4.2/1] [rfc8837:5/6] RTCP goes with the stream that it tells of.
        is_rtcp = _RTCP_FIRST <= packet[1] <= _RTCP_LAST
        return self._ssrcs.get(packet[_RTCP_SSRC if is_rtcp else _SSRC], 0)

    def _from(self, local: Address, dscp: int) -> Address:
        """Return one and the same object for an address and a code point: who sends finds by it what goes together."""
        if not dscp:
            return local
        key = (local, dscp)
        marked = self._addresses.get(key)
        if marked is None:
            marked = self._addresses[key] = MarkedAddress(local.host, local.port, dscp)
        return marked


def _streams(send: SendParameters) -> Iterable[tuple[bytes, int]]:
    """The streams of a sender with their code points."""
    for encoding in send.encodings:
        dscp = CODE_POINTS[send.kind][encoding.network_priority]
        for ssrc in (encoding.ssrc, encoding.rtx_ssrc, encoding.fec_ssrc):
            if ssrc is not None:
                yield ssrc.to_bytes(4, "big"), dscp
