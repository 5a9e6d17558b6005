"""What repairs a stream without being asked: RED (:rfc:`2198`), ULPFEC inside it (:rfc:`5109`) and FlexFEC beside it."""

from copy import copy

from rtc_rtp.errors import ParseError
from rtc_rtp.fec import FLEXFEC, ULPFEC, FecReceiver, FecScheme, mutable_extensions
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters
from rtc_rtp.red import RedReceiver, parse_red
from rtc_rtp.stats import InboundStats


class Redundancy:
    """The redundancy of one stream."""

    __slots__ = ("_fec", "_parameters", "_red", "_ssrc", "_stats")

    def __init__(self, parameters: ReceiveParameters, ssrc: int, stats: InboundStats) -> None:
        self._parameters = parameters
        self._ssrc = ssrc
        self._stats = stats
        self._red = RedReceiver()
        self._fec: FecReceiver | None = None

    def unwrap(self, packet: RtpPacket) -> tuple[RtpPacket | None, list[RtpPacket]]:
        """Return what a RED packet carries: the packet itself, if it is media, and others that it repairs.

        Raises:
            ParseError: It is not RED.
        """
        if self._parameters.kind == "audio":
            packets = self._red.unwrap(packet)
            itself = next((each for each in packets if each.sequence_number == packet.sequence_number), None)
            return itself, [each for each in packets if each is not itself]
        block = parse_red(packet.payload)[-1]
        if block.payload_type == self._parameters.ulpfec_payload_type:
            return None, self.correct(ULPFEC, block.data)
        itself = copy(packet)
        itself.payload_type = block.payload_type
        itself.payload = block.data
        return itself, []

    def correct(self, scheme: FecScheme, payload: bytes) -> list[RtpPacket]:
        """Take parity; return the packets that it brings back."""
        stats = self._stats
        stats.fec_packets_received += 1
        stats.fec_bytes_received += len(payload)
        if self._fec is None:
            # Only who is sent parity has to remember packets for it.
            mutable = mutable_extensions(self._parameters.header_extensions)
            self._fec = FecReceiver(scheme, ssrc=self._ssrc, mutable=mutable)
        packets = _parse(self._fec.add_parity(payload))
        stats.fec_packets_discarded = sum(self._fec.dropped.values())
        return packets

    def correct_flexible(self, payload: bytes) -> list[RtpPacket]:
        """Take parity of a stream of its own; return the packets that it brings back."""
        return self.correct(FLEXFEC, payload)

    def remember(self, packet: RtpPacket) -> list[RtpPacket]:
        """Take a packet of media, which may complete what parity waits for; return the packets that come back."""
        return [] if self._fec is None else _parse(self._fec.add_packet(packet.serialize()))


def _parse(recovered: list[bytes]) -> list[RtpPacket]:
    packets: list[RtpPacket] = []
    for data in recovered:
        try:
            packets.append(RtpPacket.parse(data))
        except ParseError:
            # Parity of something else than what we have: nonsense comes out.
            continue
    return packets
