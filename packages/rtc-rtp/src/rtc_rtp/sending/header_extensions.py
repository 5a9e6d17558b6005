"""Which header extensions the packets of a sender carry, and how long they are."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from rtc_rtp.extensions.audio_level import AUDIO_LEVEL, AudioLevel
from rtc_rtp.extensions.stream_identification import MID, REPAIRED_RID, RID
from rtc_rtp.extensions.time import ABS_CAPTURE_TIME, ABS_SEND_TIME, NTP_64, AbsoluteCaptureTime
from rtc_rtp.extensions.transport_sequence_number import TRANSPORT_SEQUENCE_NUMBER
from rtc_rtp.extensions.video import VIDEO_ORIENTATION, VideoOrientation
from rtc_rtp.header_extension import MAX_ONE_BYTE_ID, MAX_ONE_BYTE_LENGTH, ONE_BYTE_PROFILE, ExtensionMap
from rtc_rtp.ntp import ntp_timestamp
from rtc_rtp.packet import RtpPacket

_STAMPS: Final = Struct("!BHB3sx")
"""Header and value of two elements in one-byte form, and padding to a whole word."""


class HeaderExtensions:
    """What was negotiated, looked up once."""

    __slots__ = (
        "_abs_capture_time",
        "_audio_level",
        "_identification",
        "_ntp",
        "_orientation",
        "_repaired_identification",
        "_stamp_headers",
        "_translated",
        "_translation",
        "abs_send_time",
        "hop_by_hop",
        "map",
        "max_length",
        "tells_clock",
        "transport_sequence_number",
        "two_byte",
    )

    def __init__(self, negotiated: ExtensionMap, mid: str | None, rid: str | None) -> None:
        self.map = negotiated
        self.abs_send_time = negotiated.id_of(ABS_SEND_TIME)
        self.transport_sequence_number = negotiated.id_of(TRANSPORT_SEQUENCE_NUMBER)
        self._audio_level = negotiated.id_of(AUDIO_LEVEL)
        self._abs_capture_time = negotiated.id_of(ABS_CAPTURE_TIME)
        self._ntp = negotiated.id_of(NTP_64)
        self.tells_clock = self._ntp is not None
        """Whether the peer wants to know what time it is by our reports."""

        self._orientation = negotiated.id_of(VIDEO_ORIENTATION)
        names = {MID: mid, RID: rid, REPAIRED_RID: rid}
        named = {uri: (negotiated.id_of(uri), (name or "").encode()) for uri, name in names.items()}
        self._identification = {
            identifier: value
            for uri, (identifier, value) in named.items()
            if identifier and value and uri != REPAIRED_RID
        }
        self._repaired_identification = {
            identifier: value for uri, (identifier, value) in named.items() if identifier and value and uri != RID
        }
        self.hop_by_hop = frozenset(
            {identifier for identifier, _ in named.values()}
            | {self.abs_send_time, self.transport_sequence_number, self._ntp}
        )
        """Identifiers that a packet passed on must not bring along."""

        lengths = [len(value) for _, value in named.values()]
        # One form for all packets, unless the peer takes a mixture.
        # [rfc8285:4.1.2/9] [rfc8285:6/3] [rfc8285:6/6]
        self.two_byte = not negotiated.allow_mixed and (
            max(lengths, default=0) > MAX_ONE_BYTE_LENGTH or max(negotiated, default=0) > MAX_ONE_BYTE_ID
        )
        self._stamp_headers = self._headers_of_stamps()
        self.max_length = self._longest()
        self._translated: ExtensionMap | None = ExtensionMap()
        self._translation: dict[int, int] = {}

    def _headers_of_stamps(self) -> tuple[int, int] | None:
        """What goes before the two stamps if both were negotiated and the one-byte form has room for them."""
        number, time = self.transport_sequence_number, self.abs_send_time
        if number is None or time is None or self.two_byte or max(number, time) > MAX_ONE_BYTE_ID:
            return None
        # [rfc8285:4.2/2]
        return number << 4 | 2 - 1, time << 4 | 3 - 1

    def _longest(self) -> int:
        """Bytes of the extension of a packet that carries everything."""
        values = [*self._identification.values(), *self._repaired_identification.values()]
        values += [bytes(length) for identifier, length in self._fixed() if identifier is not None]
        return 4 + sum(len(value) + 2 for value in values) + 3 if values else 0

    def _fixed(self) -> list[tuple[int | None, int]]:
        return [
            (self.abs_send_time, 3),
            (self.transport_sequence_number, 2),
            (self._audio_level, 1),
            (self._abs_capture_time, 16),
            (self._ntp, 8),
            (self._orientation, 1),
        ]

    def translation(self, theirs: ExtensionMap | None) -> dict[int, int]:
        """Return our identifiers, by theirs, of what a packet may bring along from elsewhere; ``None`` for the same ones."""
        if theirs is not self._translated:
            self._translated = theirs
            uris = self.map if theirs is None else theirs
            ids = {number: self.map.id_of(uri) for number, uri in uris.items()}
            self._translation = {
                number: ours for number, ours in ids.items() if ours is not None and ours not in self.hop_by_hop
            }
        return self._translation

    # [rfc8834:5.2/2] All of what follows may be ignored: how to read the payload, the payload type alone says.
    def identify(self, elements: dict[int, bytes]) -> None:
        """Say to which media section and encoding a packet belongs. See :rfc:`9143#section-15` and :rfc:`8852`."""
        # [rfc8853:5.5/3] [rfc9143:15/2] [rfc8851:4/1]
        elements.update(self._identification)

    def identify_repair(self, elements: dict[int, bytes]) -> None:
        """Say the same of a packet that repairs. See :rfc:`8852#section-3.2`."""
        # [rfc8851:4/2]
        elements.update(self._repaired_identification)

    def tell_level(self, elements: dict[int, bytes], level: AudioLevel) -> None:
        """Say how loud a packet is. See :rfc:`6464`."""
        if self._audio_level is not None:
            # [rfc8834:5.2.2/1]
            elements[self._audio_level] = AUDIO_LEVEL.serialize(level)

    def tell_orientation(self, elements: dict[int, bytes], value: VideoOrientation) -> None:
        """Say how a picture is to be turned, in its last packet."""
        # [rfc8834:5.2.5/1]
        if self._orientation is not None:
            elements[self._orientation] = VIDEO_ORIENTATION.serialize(value)

    def tell_capture_time(self, elements: dict[int, bytes], capture_time: float) -> None:
        """Say when a frame was captured, in seconds since 1970."""
        if self._abs_capture_time is not None:
            value = AbsoluteCaptureTime(ntp_timestamp(capture_time))
            elements[self._abs_capture_time] = ABS_CAPTURE_TIME.serialize(value)

    def tell_clock(self, elements: dict[int, bytes], instant: float) -> None:
        """Say what the wall clock of our sender reports is at a packet's timestamp. See :rfc:`6051#section-3.3`."""
        if self._ntp is not None:
            # [rfc6051:3.3/1] [rfc6051:3.3/2]
            elements[self._ntp] = NTP_64.serialize(ntp_timestamp(instant))

    def serialize(self, packets: Sequence[RtpPacket], transport_sequence_number: int, send_time: bytes) -> list[bytes]:
        """Return the bytes of packets that say which of all packets of the transport they are, and that they leave now.

        Args:
            packets: In their order.
            transport_sequence_number: Of the first; it does not wrap, what is said does.
            send_time: As an element says it.
        """
        datagrams: list[bytes] = []
        headers, number = self._stamp_headers, transport_sequence_number
        for packet in packets:
            if headers is None or packet.extensions:
                self.stamp(packet, number & 0xFFFF, send_time)
                data = packet.serialize(two_byte=self.two_byte)
            else:
                # What nearly all packets of WebRTC look like: they say nothing else.
                stamps = _STAMPS.pack(headers[0], number & 0xFFFF, headers[1], send_time)
                data = packet.serialize_with(ONE_BYTE_PROFILE, stamps)
            datagrams.append(data)
            number += 1
        return datagrams

    def stamp(self, packet: RtpPacket, transport_sequence_number: int, send_time: bytes) -> None:
        """Give a packet the elements that say which of all packets of the transport it is, and when it leaves."""
        elements = packet.extensions
        if self.transport_sequence_number is not None:
            elements[self.transport_sequence_number] = transport_sequence_number.to_bytes(2, "big")
        if self.abs_send_time is not None:
            elements[self.abs_send_time] = send_time
