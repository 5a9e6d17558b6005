"""Packets of others under our own numbers: what a forwarder does that switches between sources."""

from typing import Protocol

from rtc_rtp.packet import RtpPacket


class Numbered(Protocol):
    """The part of a stream that its next packet continues."""

    next_sequence_number: int

    @property
    def mapping(self) -> tuple[int, float] | None:
        """The timestamp sent last and the time it stands for."""
        ...


class Rewriting:
    """Keeps distances between the packets of one source, gaps included, and joins sources without one."""

    __slots__ = ("_sequence_offset", "_ssrc", "_timestamp_offset")

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._sequence_offset = 0
        self._timestamp_offset = 0

    def renumber(self, packet: RtpPacket, stream: Numbered, clock_rate: int, now: float) -> tuple[int, int]:
        """Return sequence number and timestamp of a packet in our stream."""
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._sequence_offset = stream.next_sequence_number - packet.sequence_number
            if (mapping := stream.mapping) is not None:
                timestamp, at = mapping
                # At least one tick: two sources never share a timestamp.
                elapsed = max(1, round((now - at) * clock_rate))
                self._timestamp_offset = timestamp + elapsed - packet.timestamp
        number = packet.sequence_number + self._sequence_offset & 0xFFFF
        return number, packet.timestamp + self._timestamp_offset & 0xFFFF_FFFF
