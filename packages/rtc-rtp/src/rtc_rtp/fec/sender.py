"""Making parity for a stream: how many packets protect how many others."""

from collections.abc import Mapping
from math import ceil
from typing import Final

from rtc_rtp.fec.mutable import zeroed
from rtc_rtp.fec.parity import Parity
from rtc_rtp.fec.scheme import FecScheme, Protection

MAX_FRAMES: Final = 4
"""Over how many small frames a group may reach before its parity is sent: more would come too late to help."""
MAX_GROUP: Final = 48
"""Packets of one group, as browsers have them; never more than a format can protect."""


class FecSender:
    """Collects the packets of a stream into groups and makes parity for each, as much as was asked for.

    The packets of a group take turns: of three that protect a group, the first has every third packet, so that a burst of
    up to three lost in a row is made good.
    """

    def __init__(
        self, scheme: FecScheme, *, ssrc: int, protection: float = 0.0, mutable: Mapping[int, int] | None = None
    ) -> None:
        """Begin a group.

        Args:
            scheme: `ULPFEC` or `FLEXFEC`.
            ssrc: Of the protected stream.
            protection: Parity packets for each packet, see `protection`.
            mutable: What `mutable_extensions` returned for the stream.
        """
        self._scheme = scheme
        self._ssrc = ssrc
        self._mutable = dict(mutable or {})
        self._group: list[tuple[int, Parity]] = []
        self._frames = 0
        self._protection = 0.0
        self.protection = protection

    @property
    def protection(self) -> float:
        """Parity packets for each packet: 0 sends none, 1 protects each packet by one of its own. Set it as losses change."""
        return self._protection

    @protection.setter
    def protection(self, protection: float) -> None:
        # [rfc5109:12/1] What is added comes out of the session's bitrate: its share is set, never raised here.
        if not 0 <= protection <= 1:
            raise ValueError(f"protection is from 0 to 1, not {protection}")
        self._protection = protection

    @property
    def overhead(self) -> int:
        """Bytes by which a payload of parity can be longer than the longest packet behind its fixed header."""
        return self._scheme.max_header_length

    def protect(self, packet: bytes, *, ends_frame: bool) -> list[bytes]:
        """Take a packet as it goes out and return the payloads of parity that are to go after it.

        Args:
            packet: An RTP packet in its wire form, before encryption and without RED, with its sequence number.
            ends_frame: It is the last of its frame.

        Returns:
            For `ULPFEC` to be put into RED, in packets of the same stream; for `FLEXFEC` in packets of the FEC stream.
        """
        if not self._protection:
            self._clear()
            return []
        number = packet[2] << 8 | packet[3]
        reach = min(MAX_GROUP, self._scheme.max_packets)
        parities: list[bytes] = []
        if self._group and (number - self._group[0][0]) & 0xFFFF >= reach:
            parities = self._finish()
        self._group.append((number, Parity.of(zeroed(packet, self._mutable))))
        self._frames += ends_frame
        enough = self._frames >= MAX_FRAMES or len(self._group) * self._protection >= 1
        if ends_frame and enough:
            parities += self._finish()
        return parities

    def _finish(self) -> list[bytes]:
        """Return the parity of the group and begin the next."""
        group = self._group
        count = min(ceil(len(group) * self._protection), len(group))
        parities = []
        for turn in range(count):
            chosen = group[turn::count]
            parity = chosen[0][1].copy()
            for _, other in chosen[1:]:
                parity.add(other)
            numbers = tuple([number for number, _ in chosen])
            parities.append(self._scheme.serialize(Protection(self._ssrc, numbers, parity)))
        self._clear()
        return parities

    def _clear(self) -> None:
        self._group = []
        self._frames = 0
