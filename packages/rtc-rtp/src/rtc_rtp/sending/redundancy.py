"""What is sent unasked so that losses can be made good: RED (:rfc:`2198`), ULPFEC inside it (:rfc:`5109`), FlexFEC beside it."""

from collections.abc import Callable
from copy import copy
from typing import Final

from rtc_rtp.fec import FLEXFEC, ULPFEC, FecSender, mutable_extensions, protection_against
from rtc_rtp.frame import FrameMetadata
from rtc_rtp.options import SessionOptions
from rtc_rtp.packet import FIXED_HEADER_LENGTH, RtpPacket
from rtc_rtp.parameters import SendEncoding, SendParameters
from rtc_rtp.red import RedBlock, RedSender, parse_red, serialize_red
from rtc_rtp.sending.header_extensions import HeaderExtensions
from rtc_rtp.stats import RemoteReport

_RED_HEADER_LENGTH: Final = 1


class RepeatedAudio:
    """Each packet of audio repeats those before it."""

    __slots__ = ("_limit", "_payload_type", "_red")

    room = 0
    """Bytes by which payloads must be shorter: what finds no room is not repeated."""

    def __init__(self, payload_type: int, distance: int, limit: int) -> None:
        self._payload_type = payload_type
        self._red = RedSender(distance=distance)
        self._limit = limit

    def reserve(self, elements: dict[int, bytes]) -> None:
        """Change nothing: header extensions are not repeated."""

    def protect(
        self,
        packets: list[RtpPacket],
        _metadata: FrameMetadata | None,
        _report: RemoteReport,
        _take_number: Callable[[], int],
    ) -> list[RtpPacket]:
        """Put the packets into RED; add none."""
        for packet in packets:
            packet.payload = self._red.wrap(packet.payload_type, packet.timestamp, packet.payload, self._limit)
            packet.payload_type = self._payload_type
        return []


class ParityNumbers:
    """Sequence numbers of a stream of parity. They go on whatever is negotiated: SRTP must not see one twice."""

    __slots__ = ("_next",)

    def __init__(self, first: int) -> None:
        self._next = first

    def take(self) -> int:
        """Return the next."""
        number, self._next = self._next, self._next + 1 & 0xFFFF
        return number


class Parity:
    """The packets of a frame are followed by parity, as much as losses call for."""

    __slots__ = ("_extensions", "_fec", "_fec_ssrc", "_numbers", "_parameters", "_retransmits", "room")

    room: int
    """Bytes by which payloads must be shorter so that their parity fits."""

    def __init__(
        self,
        parameters: SendParameters,
        encoding: SendEncoding,
        extensions: HeaderExtensions,
        numbers: ParityNumbers | None,
    ) -> None:
        self._parameters = parameters
        self._extensions = extensions
        self._numbers = numbers if parameters.flexfec_payload_type is not None else None
        self._fec_ssrc = encoding.fec_ssrc
        scheme = ULPFEC if self._numbers is None else FLEXFEC
        mutable = mutable_extensions(parameters.header_extensions)
        self._fec = FecSender(scheme, ssrc=encoding.ssrc, mutable=mutable)
        self._retransmits = any("nack" in codec.feedback for codec in parameters.codecs)
        # Parity covers the extension of a packet too, and has one of its own.
        self.room = self._fec.overhead + extensions.max_length + 2 * _RED_HEADER_LENGTH

    def reserve(self, elements: dict[int, bytes]) -> None:
        """Make room for what is stamped when a packet leaves, since parity is made before."""
        extensions = self._extensions
        if extensions.transport_sequence_number is not None:
            elements[extensions.transport_sequence_number] = bytes(2)
        if extensions.abs_send_time is not None:
            elements[extensions.abs_send_time] = bytes(3)

    def protect(
        self,
        packets: list[RtpPacket],
        metadata: FrameMetadata | None,
        report: RemoteReport,
        take_number: Callable[[], int],
    ) -> list[RtpPacket]:
        """Return packets of parity to follow those of a frame; with ULPFEC these are put into RED.

        Args:
            packets: Of one frame, all of them, numbered.
            metadata: What is known of the frame.
            report: What the peer tells of the stream.
            take_number: Gives the next number of the stream.
        """
        # [rfc8854:8/4] Without a frame of a higher layer one picture is less smooth, and no other suffers.
        if metadata is not None and (metadata.discardable or metadata.temporal_id):
            return []
        # [rfc8854:8/2]
        self._fec.protection = protection_against(
            report.fraction_lost, round_trip_time=report.round_trip_time, retransmits=self._retransmits
        )
        if not self._fec.protection:
            return []
        parities: list[bytes] = []
        for packet in packets:
            data = packet.serialize(two_byte=self._extensions.two_byte)
            parities += self._fec.protect(data, ends_frame=packet is packets[-1])
        if self._numbers is None:
            for packet in packets:
                packet.payload = serialize_red([RedBlock(packet.payload_type, 0, packet.payload)])
                packet.payload_type = self._parameters.red_payload_type or 0
        return [self._packet(parity, packets[-1], take_number) for parity in parities]

    def _packet(self, parity: bytes, last: RtpPacket, take_number: Callable[[], int]) -> RtpPacket:
        parameters = self._parameters
        elements: dict[int, bytes] = {}
        self._extensions.identify(elements)
        if self._numbers is None or self._fec_ssrc is None:
            payload = serialize_red([RedBlock(parameters.ulpfec_payload_type or 0, 0, parity)])
            payload_type = parameters.red_payload_type or 0
            return RtpPacket(payload_type, take_number(), last.timestamp, last.ssrc, payload, extensions=elements)
        payload_type = parameters.flexfec_payload_type or 0
        number = self._numbers.take()
        return RtpPacket(payload_type, number, last.timestamp, self._fec_ssrc, parity, extensions=elements)


Redundancy = RepeatedAudio | Parity


def without_red(packet: RtpPacket, parameters: SendParameters, media_payload_type: int) -> RtpPacket:
    """Return what a packet is to be repeated as in a stream of retransmissions, which has no payload type for RED.

    Media is repeated as it was before it was put into RED. Parity comes too late to be of use; but its number must not stay
    missing, and so it is repeated without a payload.
    """
    if packet.payload_type != parameters.red_payload_type:
        return packet
    block = parse_red(packet.payload)[-1]
    original = copy(packet)
    is_parity = block.payload_type == parameters.ulpfec_payload_type
    original.payload_type = media_payload_type if is_parity else block.payload_type
    original.payload = b"" if is_parity else block.data
    return original


def redundancy_for(
    options: SessionOptions,
    parameters: SendParameters,
    encoding: SendEncoding,
    extensions: HeaderExtensions,
    numbers: ParityNumbers | None,
) -> Redundancy | None:
    """Return what protects a stream, by what was negotiated and what the options ask for; ``None`` for nothing.

    Args:
        options: Of the session.
        parameters: Of the sender.
        encoding: Of the stream.
        extensions: Of the stream.
        numbers: For parity in a stream of its own; ``None`` if it has none.
    """
    red = parameters.red_payload_type
    if parameters.kind == "audio":
        # [rfc8854:4.1/5] Packets are few and small: a stream beside them would be headers for the most part.
        if red is None or not options.audio_redundancy:
            return None
        limit = options.max_packet_size - FIXED_HEADER_LENGTH - extensions.max_length
        return RepeatedAudio(red, options.audio_redundancy, limit)
    in_band = red is not None and parameters.ulpfec_payload_type is not None
    # [rfc8854:5.1/1]
    beside = parameters.flexfec_payload_type is not None and numbers is not None
    if options.error_correction and (in_band or beside):
        return Parity(parameters, encoding, extensions, numbers)
    return None
