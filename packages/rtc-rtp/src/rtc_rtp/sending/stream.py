"""One RTP stream that is sent, and the one that repairs it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rtc_rtp.congestion.pacer import PacketPriority
from rtc_rtp.context import Context
from rtc_rtp.extensions.video import VideoOrientation
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.header_extension import ExtensionMap
from rtc_rtp.packet import FIXED_HEADER_LENGTH, RtpPacket
from rtc_rtp.parameters import RtpCodec, SendEncoding, SendParameters
from rtc_rtp.payload import PayloadFormat, payload_format
from rtc_rtp.sending.bounds import Bounds
from rtc_rtp.sending.circuit_breaker import CircuitBreaker
from rtc_rtp.sending.header_extensions import HeaderExtensions
from rtc_rtp.sending.history import History
from rtc_rtp.sending.key_frames import KeyFrameRequests
from rtc_rtp.sending.loss_level import LossLevel
from rtc_rtp.sending.outgoing import Outgoing
from rtc_rtp.sending.redundancy import ParityNumbers, Redundancy, redundancy_for, without_red
from rtc_rtp.sending.retransmission import OSN_LENGTH, RetransmissionStream
from rtc_rtp.sending.rewriting import Rewriting
from rtc_rtp.stats import OutboundStats

CAPTURE_TIME_INTERVAL: Final = 1.0
"""Seconds between packets that say when their frame was captured."""

CLOCK_TOLERANCE: Final = 10.0
"""Seconds by which a capture time may differ from now; one that is further off is on somebody else's clock."""

HUGE_FRAME: Final = 2.5
FORGOTTEN: Final = 10.0
"""Seconds of silence after which the peer may have forgotten which section an SSRC belongs to."""

MAX_RESENDS: Final = 10
"""How often one packet is sent again."""


class SendStream:
    """Numbers, marks and counts the packets of one encoding."""

    __slots__ = (
        "_capture_time_told_at",
        "_clock_told_at",
        "_context",
        "_formats",
        "_frame_size",
        "_is_unsettled",
        "_mapped_at",
        "_mapped_timestamp",
        "_max_payload_length",
        "_orientation",
        "_owned",
        "_parameters",
        "_parity_numbers",
        "_redundancy",
        "_repair_priority",
        "_rewriting",
        "_timestamp_offset",
        "bounds",
        "breaker",
        "codec",
        "encoding",
        "extensions",
        "first_sequence_number",
        "header_length",
        "history",
        "is_acknowledged",
        "is_audio",
        "is_numbered",
        "is_repair_acknowledged",
        "key_frames",
        "loss_level",
        "next_sequence_number",
        "priority",
        "repair",
        "repair_stats",
        "repaired_at",
        "sent_at",
        "ssrc",
        "stats",
    )

    def __init__(self, context: Context, parameters: SendParameters, encoding: SendEncoding) -> None:
        self._context = context
        self._formats: dict[int, PayloadFormat] = {}
        self._frame_size = 0.0
        self._orientation: VideoOrientation | None = None
        self.repair_stats = OutboundStats(encoding.ssrc)
        self.repaired_at: float | None = None
        """When the latest packet of the stream of retransmissions left."""

        self.breaker = CircuitBreaker(context.options.report_interval)
        self.loss_level = LossLevel()
        self._parity_numbers: ParityNumbers | None = None
        self._redundancy: Redundancy | None = None
        self.repair: RetransmissionStream | None = None
        self.history: History | None = None
        self._parameters = parameters
        self._begin(encoding.ssrc)
        self.update(parameters, encoding)

    def _begin(self, ssrc: int) -> None:
        """Begin to count, under a new SSRC."""
        self.ssrc = ssrc
        # Below half, so that a first packet that is lost does not confuse the roll-over counter of SRTP.
        # [rfc3550:5.1/8] [rfc3550:5.1/10]
        self.next_sequence_number = self._context.random_16() >> 1
        self._timestamp_offset = self._context.random_32()
        self._mapped_timestamp: int | None = None
        self._mapped_at = 0.0
        self._is_unsettled = False
        self._capture_time_told_at = float("-inf")
        self._clock_told_at = float("-inf")
        self._rewriting: Rewriting | None = None
        self.is_acknowledged = False
        """Whether a report showed that the peer knows this SSRC."""

        self.is_repair_acknowledged = False
        self.sent_at: float | None = None
        """When the latest packet left."""

        self.first_sequence_number = 0
        """Of the packet that left first."""

        self.key_frames = KeyFrameRequests()
        self.bounds = Bounds()
        # [rfc3550:6.4.1/5]
        self.stats = OutboundStats(ssrc)

    def rename(self, parameters: SendParameters, encoding: SendEncoding) -> None:
        """Go on under another SSRC, or retransmit under another."""
        if encoding.ssrc != self.ssrc:
            self.history = None
            self._begin(encoding.ssrc)
        self.update(parameters, encoding)

    def update(self, parameters: SendParameters, encoding: SendEncoding) -> None:
        """Go on with what was negotiated anew; the SSRC is the same, and what held it back may be over."""
        self.breaker.resume()
        context = self._context
        self._keep_formats(parameters.codecs)
        self._parameters = parameters
        self.encoding = encoding
        wanted, codecs = encoding.payload_type, parameters.codecs
        self.codec = next((codec for codec in codecs if codec.payload_type == wanted), codecs[0])
        """The codec in use unless a frame says otherwise."""

        self.extensions = HeaderExtensions(parameters.header_extensions, parameters.mid, encoding.rid)
        self.header_length = FIXED_HEADER_LENGTH + self.extensions.max_length
        """Bytes of a header without sources, at most."""

        self._owned = frozenset({encoding.ssrc, encoding.rtx_ssrc, encoding.fec_ssrc} - {None})
        """The SSRCs under which packets may leave: those queued before one changed may not."""

        if encoding.fec_ssrc is not None and self._parity_numbers is None:
            self._parity_numbers = ParityNumbers(context.random_16() >> 1)
        self._redundancy = redundancy_for(context.options, parameters, encoding, self.extensions, self._parity_numbers)
        self._max_payload_length = context.options.max_packet_size - self.header_length - OSN_LENGTH
        """Of a packet without sources."""

        if self._redundancy is not None:
            self._max_payload_length -= self._redundancy.room
        if encoding.rtx_ssrc is None:
            self.repair = None
        elif self.repair is None or self.repair.ssrc != encoding.rtx_ssrc:
            self.repair = RetransmissionStream(encoding.rtx_ssrc, context.random_16() >> 1)
            self.repair_stats = OutboundStats(encoding.rtx_ssrc)
            self.is_repair_acknowledged = False
        if any("nack" in codec.feedback for codec in parameters.codecs):
            options = context.options
            self.history = self.history or History(options.history_duration, options.history_size)
        else:
            self.history = None
        self.is_audio = parameters.kind == "audio"
        self.priority = PacketPriority.AUDIO if self.is_audio else PacketPriority.VIDEO
        self._repair_priority = PacketPriority.AUDIO if self.is_audio else PacketPriority.RETRANSMISSION
        self.is_numbered = self.extensions.transport_sequence_number is not None
        self.stats.rid = encoding.rid
        self.stats.rtx_ssrc = encoding.rtx_ssrc
        self.stats.active = encoding.active

    def end(self) -> None:
        """Let nothing leave any more, what waits included: the stream was removed."""
        self._owned = frozenset()

    def _keep_formats(self, codecs: Sequence[RtpCodec]) -> None:
        """Forget the payload formats of codecs that become others; the rest go on to number their frames."""
        # [rfc7741:4.2/18]
        kept = {codec.payload_type: codec for codec in codecs}
        for codec in self._parameters.codecs:
            other = kept.get(codec.payload_type)
            if other is None or not codec.has_format_of(other):
                self._formats.pop(codec.payload_type, None)

    # --- numbers ---

    def codec_of(self, frame: EncodedFrame) -> RtpCodec:
        """Return the negotiated codec of a frame.

        Raises:
            ValueError: None of them is of the frame's media type.
        """
        codec = self.codec
        if frame.mime_type is None:
            # Only a caller that names no media type means our payload types; a frame that is passed on has the peer's.
            if frame.payload_type == codec.payload_type:
                return codec
            return next((each for each in self._parameters.codecs if each.payload_type == frame.payload_type), codec)
        wanted = frame.mime_type.lower()
        if codec.mime_type.lower() == wanted:
            return codec
        # [rfc3550:5.1/5]
        for each in self._parameters.codecs:
            if each.mime_type.lower() == wanted:
                return each
        raise ValueError(f"{frame.mime_type} was not negotiated")

    def rtp_timestamp(self, now: float) -> int:
        """Return the RTP timestamp of a moment, for a sender report. See :rfc:`3550#section-6.4.1`."""
        if self._mapped_timestamp is None:
            return self._timestamp_offset
        return self._mapped_timestamp + round((now - self._mapped_at) * self.codec.clock_rate) & 0xFFFF_FFFF

    def ssrcs(self) -> list[int]:
        """The SSRCs under which something may leave."""
        return [self.ssrc] if self.repair is None else [self.ssrc, self.repair.ssrc]

    @property
    def may_send(self) -> bool:
        """Whether media of this stream leave: the application wants it so, and the path is in a state for it."""
        return self.encoding.active and self.breaker.reason is None

    def used_ssrcs(self) -> list[int]:
        """Those under which something did leave."""
        counted = (self.stats, self.repair_stats)
        return [ssrc for ssrc, stats in zip(self.ssrcs(), counted, strict=False) if stats.packets_sent]

    def total_stats(self) -> OutboundStats:
        """Return the counters, those of retransmissions added to the stream's own."""
        own, repair = self.stats, self.repair_stats
        return replace(
            own,
            packets_sent=own.packets_sent + repair.packets_sent,
            bytes_sent=own.bytes_sent + repair.bytes_sent,
            header_bytes_sent=own.header_bytes_sent + repair.header_bytes_sent,
            remote=replace(own.remote),
        )

    def take_number(self) -> int:
        """Return the next sequence number, for a packet that is no part of a frame."""
        number = self.next_sequence_number
        self.next_sequence_number = number + 1 & 0xFFFF
        return number

    # --- frames and packets ---

    def packetize(self, frame: EncodedFrame) -> tuple[Outgoing, Outgoing | None]:
        """Cut a frame into numbered packets; return them, and the parity that follows them, if any does.

        Raises:
            ValueError: The frame is not of a negotiated format.
        """
        now, redundancy = self._context.now, self._redundancy
        codec = self.codec_of(frame)
        format_ = self._formats.get(codec.payload_type)
        if format_ is None:
            format_ = payload_format(codec.mime_type, codec.parameters)
            if format_ is None:
                raise ValueError(f"there is no payload format for {codec.mime_type}; send packets instead")
            self._formats[codec.payload_type] = format_
        csrcs = frame.csrcs
        payloads = format_.packetize(frame, self._max_payload_length - 4 * len(csrcs))
        payload_type, ssrc = codec.payload_type, self.ssrc
        timestamp = frame.timestamp + self._timestamp_offset & 0xFFFF_FFFF
        self._introduce()
        captured_at = self._captured_at(frame)
        self._mapped_timestamp, self._mapped_at = timestamp, captured_at
        # Of most packets nothing is said but what they are stamped with when they leave.
        says_more = redundancy is not None or not self.is_acknowledged or frame.audio_level is not None
        made: list[RtpPacket] = []
        number = self.next_sequence_number
        for payload, marker in payloads:
            packet = RtpPacket(payload_type, number, timestamp, ssrc, payload, marker=marker, csrcs=csrcs)
            if says_more:
                self._describe(packet.extensions, frame)
            # [rfc3550:5.1/16]
            number = number + 1 & 0xFFFF
            made.append(packet)
        if made:
            self._describe_frame(made, frame, captured_at)
        self._orientation = frame.orientation
        self.next_sequence_number = number
        is_key_frame = frame.keyframe and not self.is_audio
        self._count_frame(len(frame.data), is_key_frame=is_key_frame)
        media = Outgoing(self, made, now, self.priority, is_key_frame=is_key_frame)
        if redundancy is None:
            return media, None
        return media, self._parity(redundancy.protect(made, frame.metadata, self.stats.remote, self.take_number))

    def _describe(self, elements: dict[int, bytes], frame: EncodedFrame) -> None:
        """Say in a packet of a frame what each of them says."""
        if self._redundancy is not None:
            self._redundancy.reserve(elements)
        if not self.is_acknowledged:
            # [rfc8851:4/3]
            self.extensions.identify(elements)
        if frame.audio_level is not None:
            self.extensions.tell_level(elements, frame.audio_level)

    def _describe_frame(self, made: list[RtpPacket], frame: EncodedFrame, captured_at: float) -> None:
        """Say in one packet of a frame, or in two, what is said of the frame."""
        context, extensions, orientation = self._context, self.extensions, frame.orientation
        if context.now >= self._capture_time_told_at + CAPTURE_TIME_INTERVAL:
            self._capture_time_told_at = context.now
            capture_time = frame.capture_time or context.wall_time(captured_at)
            extensions.tell_capture_time(made[0].extensions, capture_time)
        if extensions.tells_clock:
            self._tell_clock(made, frame, captured_at)
        if orientation != self._orientation or (frame.keyframe and orientation is not None):
            extensions.tell_orientation(made[-1].extensions, orientation or VideoOrientation(0))

    def _parity(self, parity: list[RtpPacket]) -> Outgoing | None:
        """Count packets of parity, and give those in a stream of their own the priority of such."""
        if not parity:
            return None
        self.stats.fec_packets_sent += len(parity)
        self.stats.fec_bytes_sent += sum([len(packet.payload) for packet in parity])
        is_beside = parity[0].ssrc != self.ssrc and not self.is_audio
        priority = PacketPriority.FEC if is_beside else self.priority
        return Outgoing(self, parity, self._context.now, priority)

    def _tell_clock(self, made: list[RtpPacket], frame: EncodedFrame, captured_at: float) -> None:
        """Let who begins to listen play in step at once: with the first packets, a key frame, and the sound that goes with one."""
        context = self._context
        # [rfc8834:5.2.1/1] [rfc6051:3.3/3]
        if not self.is_audio and frame.keyframe:
            context.key_frame_at = context.now
        elif self.is_acknowledged and (not self.is_audio or context.key_frame_at <= self._clock_told_at):
            return
        self._clock_told_at = context.now
        # The last one, too: the first may get lost.
        for packet in {id(each): each for each in (made[0], made[-1])}.values():
            self.extensions.tell_clock(packet.extensions, context.wall_time(captured_at))

    def _introduce(self) -> None:
        """After a long pause, say anew which section and encoding the packets belong to."""
        if self.sent_at is not None and self._context.now > self.sent_at + FORGOTTEN:
            self.is_acknowledged = self.is_repair_acknowledged = False

    def settle(self) -> None:
        """Take the time of now for that of media that came without one since the last flush."""
        if self._is_unsettled:
            self._is_unsettled = False
            self._mapped_at = self._context.now

    def _captured_at(self, frame: EncodedFrame) -> float:
        now = self._context.now
        if frame.capture_time is not None:
            captured_at = self._context.session_time(frame.capture_time)
            if abs(captured_at - now) < CLOCK_TOLERANCE:
                return captured_at
        self._is_unsettled = True
        return now

    def _count_frame(self, size: int, *, is_key_frame: bool) -> None:
        stats, usual_size = self.stats, self._frame_size
        stats.frames_sent += 1
        if is_key_frame:
            stats.key_frames_sent += 1
        if not usual_size:
            self._frame_size = float(size)
            return
        if size > HUGE_FRAME * usual_size:
            stats.huge_frames_sent += 1
        self._frame_size = usual_size + (size - usual_size) * 0.1

    def pass_on(
        self,
        packets: Sequence[RtpPacket],
        *,
        rewrite: bool,
        payload_types: Mapping[int, int] | None,
        extension_map: ExtensionMap | None,
    ) -> Outgoing:
        """Take packets that somebody else made; they are not changed, but copied.

        Raises:
            ValueError: They are not to be rewritten and one has a foreign SSRC.
        """
        ssrc, now = self.ssrc, self._context.now
        if not rewrite:
            foreign = next((packet.ssrc for packet in packets if packet.ssrc != ssrc), None)
            if foreign is not None:
                raise ValueError(f"the stream has SSRC {ssrc}, not {foreign}: let the packet be rewritten")
        elif self._rewriting is None:
            self._rewriting = Rewriting()
        rewriting = self._rewriting if rewrite else None
        clock_rate = self.codec.clock_rate
        self._introduce()
        extensions = self.extensions
        numbers = extensions.translation(extension_map)
        passed: list[RtpPacket] = []
        for packet in packets:
            payload_type, number, timestamp = packet.payload_type, packet.sequence_number, packet.timestamp
            if payload_types is not None:
                payload_type = payload_types.get(payload_type, payload_type)
            if rewriting is not None:
                number, timestamp = rewriting.renumber(packet, self, clock_rate, now)
            # What a packet says of itself, under our identifiers, and nothing of its last hop.
            elements: dict[int, bytes] = {}
            if numbers:
                found = packet.peek_extensions()
                elements = {numbers[theirs]: value for theirs, value in found.items() if theirs in numbers}
            if not self.is_acknowledged:
                extensions.identify(elements)
            copy = packet.readdressed(payload_type, number, timestamp, ssrc, elements)
            following = number + 1 & 0xFFFF
            if (following - self.next_sequence_number & 0xFFFF) < 0x8000:
                self.next_sequence_number = following
                self._mapped_timestamp, self._mapped_at = timestamp, now
                self._is_unsettled = True
            passed.append(copy)
        return Outgoing(self, passed, now, self.priority)

    @property
    def mapping(self) -> tuple[int, float] | None:
        """The timestamp sent last and the time of the session's clock that it stands for."""
        return None if self._mapped_timestamp is None else (self._mapped_timestamp, self._mapped_at)

    # --- retransmission ---

    def repeat(self, sequence_numbers: Iterable[int], round_trip_time: float, room: int) -> Outgoing:
        """Return the packets that the peer asks for again, as far as they are there and were not sent a moment ago.

        Args:
            sequence_numbers: Of the stream.
            round_trip_time: Seconds.
            room: Bytes that they may have together.
        """
        context, history, stats = self._context, self.history, self.stats
        found: list[RtpPacket] = []
        if history is None:
            return self._repeated(found)
        history.max_duration = max(context.options.history_duration, 4 * round_trip_time)
        now = context.now
        for number in sequence_numbers:
            sent = history.find(number, now)
            if (
                sent is None
                or sent.size > room
                or sent.resent_count >= MAX_RESENDS
                or (sent.resent_count and now < sent.resent_at + round_trip_time)
            ):
                stats.retransmissions_denied += 1
                continue
            room -= sent.size
            sent.resent_at = now
            sent.resent_count += 1
            if (again := self._again(sent.packet)) is None:
                stats.retransmissions_denied += 1
            else:
                found.append(again)
        return self._repeated(found)

    def _again(self, packet: RtpPacket) -> RtpPacket | None:
        """Return what repeats a packet; ``None`` if its payload type has no place in the stream of retransmissions."""
        repair = self.repair
        if repair is None:
            return packet
        original = without_red(packet, self._parameters, self.codec.payload_type)
        payload_type = next(
            (each.rtx_payload_type for each in self._parameters.codecs if each.payload_type == original.payload_type),
            None,
        )
        if payload_type is None:
            return None
        extensions = self.extensions
        elements = {number: value for number, value in packet.extensions.items() if number not in extensions.hop_by_hop}
        if not self.is_repair_acknowledged:
            # [rfc8851:4/3]
            extensions.identify_repair(elements)
        return repair.wrap(original, payload_type, elements)

    def _repeated(self, packets: list[RtpPacket]) -> Outgoing:
        return Outgoing(self, packets, self._context.now, self._repair_priority, is_retransmission=True)

    @property
    def can_pad(self) -> bool:
        """Whether the peer can tell padding of this stream from media."""
        return self.repair is not None and self.history is not None and self.codec.rtx_payload_type is not None

    def pad(self, length: int) -> Outgoing | None:
        """Return a packet of about so many bytes that only fills the path, if the peer can tell it from media."""
        repair, payload_type = self.repair, self.codec.rtx_payload_type
        if repair is None or payload_type is None or self.history is None or self._mapped_timestamp is None:
            return None
        last = self.history.latest()
        if last is not None and len(last.packet.payload) <= length + 100 and last.resent_count < 2:
            # Something useful is better than zeros: the packet may have been lost.
            last.resent_count += 1
            if (again := self._again(last.packet)) is not None:
                return self._repeated([again])
        # Padding may be the first that the peer sees of this SSRC; what Firefox cannot assign it calls lost.
        elements: dict[int, bytes] = {}
        if not self.is_repair_acknowledged:
            self.extensions.identify_repair(elements)
        return self._repeated([repair.pad(self._mapped_timestamp, payload_type, length, elements)])

    # --- departure ---

    def depart(
        self, outgoing: Outgoing, packets: Sequence[RtpPacket], transport_sequence_number: int, send_time: bytes
    ) -> list[bytes]:
        """Return the bytes of packets that leave now, and count them.

        Args:
            outgoing: Those that the packets were queued with.
            packets: Of this stream, in their order, at least one.
            transport_sequence_number: Of the first among all of the transport, for a stream that is numbered so; it does not wrap.
            send_time: What header extensions say of now.

        Returns:
            Nothing if their SSRC is no longer ours. What was to be repeated and is forgotten is left out.
        """
        ssrc = packets[0].ssrc
        if ssrc not in self._owned:
            return []
        if outgoing.is_retransmission:
            return self._depart_again(packets, transport_sequence_number, send_time)
        datagrams = self.extensions.serialize(packets, transport_sequence_number, send_time)
        if ssrc != self.ssrc:  # parity in a stream of its own, which was counted when it was made
            return datagrams
        now, stats, history, count = self._context.now, self.stats, self.history, len(packets)
        size = length = 0
        # A stream of retransmissions wraps packets; only without one they leave again as they were.
        keeps_bytes = self.repair is None
        for packet, data in zip(packets, datagrams, strict=True):
            size += len(data)
            length += len(packet.payload)
            if history is not None:
                history.add(packet, data if keeps_bytes else None, len(data), now)
        stats.packets_sent += count
        stats.bytes_sent += length
        stats.header_bytes_sent += size - length
        stats.payload_type = packets[-1].payload_type
        stats.total_packet_send_delay += (now - outgoing.queued_at) * count
        if self.sent_at is None:
            self._context.has_new_stream = True
            self.first_sequence_number = packets[0].sequence_number
        self.sent_at = now
        if outgoing.is_key_frame and packets[-1] is outgoing.packets[-1]:
            self.key_frames.answered(now)
        return datagrams

    def _depart_again(
        self, packets: Sequence[RtpPacket], transport_sequence_number: int, send_time: bytes
    ) -> list[bytes]:
        """Do the same with packets that repeat others, or only fill the path."""
        now = self._context.now
        if packets[0].ssrc == self.ssrc:
            # Under its own number a packet must be the same to the bit: SRTP would use one keystream for two texts.
            history, stats = self.history, self.stats
            kept = [] if history is None else [history.find(packet.sequence_number, now) for packet in packets]
            datagrams = [sent.data for sent in kept if sent is not None and sent.data is not None]
            packets = [sent.packet for sent in kept if sent is not None and sent.data is not None]
        else:
            stats = self.repair_stats
            datagrams = self.extensions.serialize(packets, transport_sequence_number, send_time)
            self.repaired_at = now
        length = sum([len(packet.payload) for packet in packets])
        stats.packets_sent += len(packets)
        stats.bytes_sent += length
        stats.header_bytes_sent += sum(map(len, datagrams)) - length
        # Padding alone repeats nothing.
        self.stats.retransmitted_packets_sent += sum([bool(packet.payload) for packet in packets])
        self.stats.retransmitted_bytes_sent += length
        return datagrams
