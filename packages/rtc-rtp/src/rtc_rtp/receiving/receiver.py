"""What one media section receives: streams as they turn up, and what belongs to which."""

from typing import TypeAlias

from rtc_rtp.context import Context
from rtc_rtp.extensions.stream_identification import MID, REPAIRED_RID, RID
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters, RtpCodec, SourceAssociation, StreamId
from rtc_rtp.receiving.repair import FecStream, RepairStream
from rtc_rtp.receiving.sources import Role, Source, Sources
from rtc_rtp.receiving.stream import ReceiveStream

Stream: TypeAlias = ReceiveStream | RepairStream | FecStream

MAX_NAMES = 256
"""SSRCs of which the name is remembered, the latest ones, since senders stop telling it."""


class Receiver:
    """The streams of one receiver by SSRC."""

    __slots__ = (
        "_associations",
        "_codecs",
        "_context",
        "_fec_associations",
        "_names",
        "_repairs",
        "_sources",
        "_wrappings",
        "id",
        "parameters",
        "streams",
    )

    def __init__(self, context: Context, receiver_id: StreamId, parameters: ReceiveParameters) -> None:
        self._context = context
        self.id = receiver_id
        self.streams: dict[int, Stream] = {}
        self._names: dict[int, str] = {}
        self._sources = Sources()
        self.update(parameters)

    def update(self, parameters: ReceiveParameters) -> None:
        """Go on with what was negotiated anew."""
        self.parameters = parameters
        self._codecs: dict[int, RtpCodec] = {codec.payload_type: codec for codec in parameters.codecs}
        self._repairs: dict[int, int] = {
            codec.rtx_payload_type: codec.payload_type
            for codec in parameters.codecs
            if codec.rtx_payload_type is not None
        }
        self._associations = {
            association.rtx_ssrc: ssrc
            for ssrc, association in parameters.ssrcs.items()
            if association.rtx_ssrc is not None
        }
        self._fec_associations = {
            association.fec_ssrc: ssrc
            for ssrc, association in parameters.ssrcs.items()
            if association.fec_ssrc is not None
        }
        self._wrappings = {parameters.red_payload_type, *parameters.telephone_event_payload_types.values()}
        for stream in self.streams.values():
            match stream:
                case ReceiveStream():
                    stream.update(parameters)
                case RepairStream():
                    stream.payload_types = self._repairs
                case FecStream():
                    stream.payload_type = parameters.flexfec_payload_type

    def primaries(self) -> list[ReceiveStream]:
        """The streams that carry media."""
        return [stream for stream in self.streams.values() if isinstance(stream, ReceiveStream)]

    def adopt(self, packet: RtpPacket) -> Stream | None:
        """Make the stream that a packet of a new SSRC begins; ``None`` if it cannot be used."""
        stream: Stream | None
        if packet.payload_type in self._repairs:
            stream = self._adopt_repair(packet)
        elif packet.payload_type == self.parameters.flexfec_payload_type:
            stream = self._adopt_fec(packet)
        else:
            stream = self._adopt_primary(packet)
        if stream is not None:
            self.streams[packet.ssrc] = stream
        return stream

    def _adopt_primary(self, packet: RtpPacket) -> Stream | None:
        codec = self._codecs.get(packet.payload_type)
        if codec is None and packet.payload_type in self._wrappings:
            # What it wraps will tell; until then, the codec that is preferred.
            codec = self.parameters.codecs[0] if self.parameters.codecs else None
        if codec is None:
            # [rfc3550:5.1/7]
            self._context.drop("unknown_payload_type")
            return None
        rid = self._name(packet, RID)
        is_known = packet.ssrc in self.parameters.ssrcs or rid is not None or self._names_us(packet)
        probation = 0 if is_known else self._context.options.probation
        return ReceiveStream(
            self._context, self.id, self.parameters, codec, packet, rid, self._sources, probation=probation
        )

    def _adopt_fec(self, packet: RtpPacket) -> Stream | None:
        candidates = self.primaries()
        told = self.streams.get(self._fec_associations.get(packet.ssrc, -1))
        primary = told if isinstance(told, ReceiveStream) else None
        if primary is None and len(candidates) == 1:
            primary = candidates[0]
        if primary is None:
            self._context.drop("unassociated_parity")
            return None
        return FecStream(self._context, packet, primary)

    def _adopt_repair(self, packet: RtpPacket) -> Stream | None:
        primary = self._primary_of(packet)
        if primary is None:
            self._context.drop("unassociated_retransmission")
            return None
        # [rfc8834:6.1/2]
        return RepairStream(self._context, packet, primary, self._repairs)

    def _primary_of(self, packet: RtpPacket) -> ReceiveStream | None:
        """Find the stream that a retransmission belongs to: by signalling, by name, or by what was asked for."""
        told = self.streams.get(self._associations.get(packet.ssrc, -1))
        if isinstance(told, ReceiveStream):
            return told
        candidates = self.primaries()
        rid = self._name(packet, REPAIRED_RID)
        if rid is not None:
            return next((stream for stream in reversed(candidates) if stream.rid == rid), None)
        # [rfc4588:5.3/1] [rfc4588:5.3/5]
        if len(packet.payload) >= 2:
            number = int.from_bytes(packet.payload[:2], "big")
            asked = [stream for stream in candidates if stream.misses(number)]
            if len(asked) == 1:
                return asked[0]
        return candidates[0] if len(candidates) == 1 else None

    def _names_us(self, packet: RtpPacket) -> bool:
        """Whether a packet says that it belongs to this media section. See :rfc:`9143#section-15.2`."""
        identifier = self.parameters.header_extensions.id_of(MID)
        value = None if identifier is None else packet.extension(identifier)
        return value is not None and self.parameters.mid is not None and value == self.parameters.mid.encode()

    def _name(self, packet: RtpPacket, uri: str) -> str | None:
        """Return the name of the encoding that a packet belongs to, or repairs, as told by it or one before."""
        identifier = self.parameters.header_extensions.id_of(uri)
        value = None if identifier is None else packet.extension(identifier)
        if value:
            name = value.decode("ascii", "replace")
            self._remember(packet.ssrc, name)
            return name
        return self._names.get(packet.ssrc) or self.parameters.ssrcs.get(packet.ssrc, SourceAssociation()).rid

    def name(self, ssrc: int, rid: str) -> None:
        """RTCP tells the encoding that a source belongs to, or repairs: only names that were negotiated are taken."""
        if rid not in self.parameters.rids:
            return
        self._remember(ssrc, rid)
        stream = self.streams.get(ssrc)
        if isinstance(stream, ReceiveStream) and stream.rid is None:
            stream.rid = stream.stats.rid = rid

    def _remember(self, ssrc: int, name: str) -> None:
        if len(self._names) >= MAX_NAMES and ssrc not in self._names:
            del self._names[next(iter(self._names))]
        self._names[ssrc] = name

    def stream(self, rid: str | None) -> ReceiveStream | None:
        """Return the latest stream of an encoding, of the only one for ``None``; ``None`` if nothing came of it."""
        return next((each for each in reversed(self.primaries()) if rid is None or each.rid == rid), None)

    def sources(self, role: Role) -> list[Source]:
        """Return whom one hears of late in this role, the latest first."""
        for stream in self.primaries():
            stream.note_latest()
        return self._sources.recent(role, self._context.now)
