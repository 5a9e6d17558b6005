"""One RTP stream that is received: its numbers, its losses, and where its packets go."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from rtc_rtp.context import Context
from rtc_rtp.errors import ParseError
from rtc_rtp.events import FrameReceived, PacketReceived, StreamDiscovered, ToneReceived
from rtc_rtp.extensions.audio_level import AudioLevel
from rtc_rtp.extensions.time import NTP_64
from rtc_rtp.extensions.video import VIDEO_ORIENTATION, VideoOrientation
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.ntp import ntp_middle, seconds_to_short
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters, RtpCodec, StreamId
from rtc_rtp.payload import PayloadFormat, payload_format
from rtc_rtp.receiving.audio_buffer import AudioBuffer
from rtc_rtp.receiving.key_frames import KeyFrameDemand
from rtc_rtp.receiving.losses import Losses
from rtc_rtp.receiving.received_extensions import audio_level, capture_time, ntp_time, orientation, source_levels
from rtc_rtp.receiving.reception import MAX_DROPOUT, REPEATED_RESTART_COUNT, Reception
from rtc_rtp.receiving.redundancy import Redundancy
from rtc_rtp.receiving.sender_clock import SenderClock
from rtc_rtp.receiving.sources import Source, Sources, linear_level
from rtc_rtp.receiving.video_buffer import VideoBuffer
from rtc_rtp.rtcp import GenericNack, ReportBlock, RtcpPacket
from rtc_rtp.rtcp.extended_block import ExtendedBlock
from rtc_rtp.stats import InboundStats
from rtc_rtp.tone_receiver import ToneReceiver

if TYPE_CHECKING:
    from rtc_rtp.receiving.observation import Observation

MAX_NACKED: Final = 256
"""Packets that one NACK asks for."""

MAX_HELD: Final = 8
"""Packets kept while a source is on probation."""

_NEVER: Final = float("inf")


class ReceiveStream:
    """The packets of one SSRC, in by `receive` and `repair`, out as events."""

    __slots__ = (
        "_codecs",
        "_context",
        "_formats",
        "_held",
        "_is_direct",
        "_key_frames",
        "_latest",
        "_ntp_id",
        "_orientation",
        "_orientation_id",
        "_parameters",
        "_redundancy",
        "_restarts",
        "_sources",
        "_tones",
        "_wrappings",
        "buffer",
        "clock",
        "codec",
        "heard_at",
        "is_valid",
        "losses",
        "observation",
        "receiver_id",
        "reception",
        "reported_count",
        "rid",
        "ssrc",
        "stats",
    )

    def __init__(
        self,
        context: Context,
        receiver_id: StreamId,
        parameters: ReceiveParameters,
        codec: RtpCodec,
        packet: RtpPacket,
        rid: str | None,
        sources: Sources,
        *,
        probation: int,
    ) -> None:
        self._context = context
        self.receiver_id = receiver_id
        self.ssrc = packet.ssrc
        self.rid = rid
        self.codec = codec
        self.reception = Reception(packet.sequence_number, clock_rate=codec.clock_rate, probation=probation)
        self.losses = Losses()
        self.reception.awaited = self.losses.missing
        if "nack" in codec.feedback:
            self.reception.restart_count = REPEATED_RESTART_COUNT
        self.clock = SenderClock()
        # [rfc3550:6.4.1/6]
        self.stats = InboundStats(packet.ssrc, rid)
        self.is_valid = not probation
        self.heard_at = context.now
        self.reported_count = 0
        """Packets received when the last report was made."""

        self.observation: Observation | None = None
        """What the peer wants to be told packet by packet."""

        self.buffer: AudioBuffer | VideoBuffer | None = None
        self._held: list[tuple[int, RtpPacket]] = []
        self._redundancy: Redundancy | None = None
        self._tones: ToneReceiver | None = None
        self._restarts = 0
        self._sources = sources
        self._orientation: VideoOrientation | None = None
        self._latest: tuple[RtpPacket, float] | None = None
        """The packet handed on last, and when, if it tells of no source but its own."""

        self._key_frames = KeyFrameDemand(context, self.stats)
        self._codecs: dict[int, RtpCodec] = {}
        self._formats: dict[int, PayloadFormat] = {}
        """By payload type; also of codecs that are negotiated no more, for packets of theirs may wait."""

        self._parameters = parameters
        self.update(parameters)
        if self.is_valid:
            self._discover()

    def update(self, parameters: ReceiveParameters) -> None:
        """Go on with what was negotiated anew."""
        if _unwrapping(parameters) != _unwrapping(self._parameters):
            self._redundancy = None
        self._parameters = parameters
        self._ntp_id = parameters.header_extensions.id_of(NTP_64)
        self._orientation_id = parameters.header_extensions.id_of(VIDEO_ORIENTATION)
        self._take_codecs(parameters.codecs)
        self.codec = self._codecs.get(self.codec.payload_type, self.codec)
        self._wrappings = frozenset(
            {parameters.red_payload_type, *parameters.telephone_event_payload_types.values()} - {None}
        )
        if parameters.extended_reports is None:
            self.observation = None
        elif self.observation is None:
            from rtc_rtp.receiving.observation import Observation

            self.observation = Observation(self._context.random_32())
        if self._tones is None and parameters.telephone_event_payload_types:
            self._tones = ToneReceiver(clock_rate=self.codec.clock_rate)
        if parameters.deliver == "packets":
            self.buffer = None
        elif self.buffer is None:
            self.buffer = self._make_buffer()
        else:
            self.buffer.playout.minimum = parameters.jitter.target_delay or 0.0
            self.buffer.playout.maximum = parameters.jitter.maximum_delay
        self._choose_way()

    def _choose_way(self) -> None:
        """See whether all packets go to the buffer and nowhere else, so that none of them has to be asked where it goes."""
        self._is_direct = (
            self.is_valid
            and self._parameters.deliver == "frames"
            and self.codec.payload_type in self._formats
            and not self._wrappings
            and self._redundancy is None
            and self.observation is None
        )

    def _take_codecs(self, codecs: Sequence[RtpCodec]) -> None:
        """Make the payload formats of codecs; those of codecs that stay go on, for they remember what the stream told them."""
        before = self._codecs
        self._codecs = {codec.payload_type: codec for codec in codecs}
        for payload_type, codec in self._codecs.items():
            known = before.get(payload_type)
            if known is not None and known.has_format_of(codec):
                continue
            replaced = self._formats.pop(payload_type, None)
            if replaced is not None and replaced.mime_type.lower() != codec.mime_type.lower():
                # What waits under the payload type cannot be read any more.
                self.buffer = None
            found = payload_format(codec.mime_type, codec.parameters)
            if found is not None:
                self._formats[payload_type] = found

    def _make_buffer(self) -> AudioBuffer | VideoBuffer:
        if self._parameters.kind == "audio":
            return AudioBuffer(self._formats, self.stats, self._parameters.jitter, self.codec.clock_rate)
        return VideoBuffer(self._formats, self.stats, self._parameters.jitter, can_repair=self._asks_again)

    @property
    def _asks_again(self) -> bool:
        return "nack" in self.codec.feedback

    # --- packets in ---

    def receive(self, packet: RtpPacket, size: int) -> None:
        """Take a packet of this SSRC as it came."""
        context = self._context
        if packet.payload_type != self.codec.payload_type and not self._knows(packet):
            # [rfc3550:5.1/7]
            context.drop("unknown_payload_type")
            return
        now = context.now
        reception = self.reception
        number = reception.follow(packet.sequence_number, packet.timestamp, now)
        if number is None:
            number = self._place(packet, now)
            if number is None:
                return
        elif self.observation is not None:
            self.observation.note(number, packet.timestamp, now, reception.clock_rate)
        self.heard_at = now
        if self._ntp_id is not None and self.clock.reported_at is None:
            self._take_clock(packet)
        stats = self.stats
        stats.packets_received += 1
        length = len(packet.payload)
        stats.bytes_received += length
        stats.header_bytes_received += size - length
        buffer = self.buffer
        if self._is_direct and buffer is not None:
            buffer.insert(number, packet, now)
            context.waiting[self.ssrc] = self
        elif self.is_valid:
            self._deliver(number, packet, now, is_repair=False)
        else:
            self._hold(number, packet, now)

    def _place(self, packet: RtpPacket, now: float) -> int | None:
        """Return the number of a packet that does not follow the one before; ``None`` if it is not to be used."""
        reception = self.reception
        before = reception.highest
        number = reception.accept(packet.sequence_number)
        if number is None:
            self._context.drop(reception.reason)
            return None
        if self.observation is not None:
            self.observation.note(number, packet.timestamp, now, reception.clock_rate)
        if number != before + 1 and not self._is_new(number, before, now):
            return None
        reception.time(packet.timestamp, now)
        return number

    def _take_clock(self, packet: RtpPacket) -> None:
        """Take what a packet says of the sender's clock before the first report does."""
        # [rfc8834:5.2.1/1]
        if (timestamp := ntp_time(packet, self._parameters.header_extensions)) is not None:
            self.clock.tell(timestamp, packet.timestamp)
            self._context.has_new_clock = True

    def repair(self, packet: RtpPacket) -> bool:
        """Take a packet that came by a detour: a retransmission or what error correction made. Tell whether it was news."""
        number = self._extend(packet.sequence_number)
        now = self._context.now
        if number > self.reception.highest + MAX_DROPOUT:
            # Nobody repairs what is so far ahead; to follow it would make all that really comes late.
            self._context.drop("unexpected_repair")
            return False
        if number > self.reception.highest:
            # It comes before anybody missed it.
            self._open_gap(number, now)
            self.reception.go_to(number)
        else:
            found = self.losses.close_gap(number, now)
            if found is None:
                self.stats.packets_duplicated += 1
                return False
            if found.requests:
                self._context.answers.append((self.ssrc, packet.sequence_number))
            if found.requests == 1:
                self._context.round_trip_time.estimate(now - found.requested_at)
        if packet.payload_type in self._codecs and self.is_valid:
            self._deliver(number, packet, now, is_repair=True)
        return True

    def _extend(self, sequence_number: int) -> int:
        highest = self.reception.highest
        return highest + (sequence_number - highest + 0x8000 & 0xFFFF) - 0x8000

    def misses(self, sequence_number: int) -> bool:
        """Whether this packet was asked for and has not come."""
        found = self.losses.missing.get(self._extend(sequence_number))
        return found is not None and found.requests > 0

    def _knows(self, packet: RtpPacket) -> bool:
        """Tell whether a payload type is one of ours, and go over to its codec if it has one."""
        codec = self._codecs.get(packet.payload_type)
        if codec is None:
            return packet.payload_type in self._wrappings
        # [rfc3550:5.1/5] [rfc8834:4.3/4]
        self.codec = codec
        if codec.clock_rate != self.reception.clock_rate:
            self.reception.change_clock_rate(codec.clock_rate)
            if isinstance(self.buffer, AudioBuffer):
                self.buffer.change_clock_rate(codec.clock_rate, packet.timestamp, self._context.now)
        if isinstance(self.buffer, VideoBuffer):
            self.buffer.can_repair = self._asks_again
        self._choose_way()
        return True

    def _is_new(self, number: int, before: int, now: float) -> bool:
        """Note that a packet does not follow the one before; tell whether it had not come yet."""
        if not self.is_valid:
            self._held.clear()
            return True
        if self.reception.restarts != self._restarts:
            self._restarts = self.reception.restarts
            self.losses = Losses()
            self.reception.awaited = self.losses.missing
            self.buffer = None if self.buffer is None else self._make_buffer()
            return True
        if number > before:
            self._open_gap(number, now, before)
            return True
        found = self.losses.close_gap(number, now)
        if found is None:
            self.reception.reject_duplicate()
            self.stats.packets_duplicated += 1
            self._context.drop("duplicate")
            return False
        if found.requests and now >= found.requested_at + self._context.round_trip_time.assumed / 2:
            self._context.answers.append((self.ssrc, number & 0xFFFF))
        return True

    def _open_gap(self, number: int, now: float, before: int | None = None) -> None:
        """Note that the packets between the highest one before and this one are missing."""
        first = (self.reception.highest if before is None else before) + 1
        given_up = self.losses.open_gap(first, number, now)
        if given_up and isinstance(self.buffer, VideoBuffer):
            self.buffer.give_up(given_up, now)
        self._context.wait_for(self)

    def _hold(self, number: int, packet: RtpPacket, now: float) -> None:
        """Keep a packet until the source is valid. See :rfc:`3550#appendix-A.1`."""
        if len(self._held) < MAX_HELD:
            # [rfc3550:A.1/3]
            self._held.append((number, packet))
        if not self.reception.probation:
            self.is_valid = True
            self._choose_way()
            self._discover()
            for held_number, held in self._held:
                self._deliver(held_number, held, now, is_repair=False)
            self._held.clear()

    def _discover(self) -> None:
        self._context.record("stream_discovered", ssrc=self.ssrc, rid=self.rid)
        self._context.events.append(StreamDiscovered(self.receiver_id, self.ssrc, self.rid))

    def _deliver(self, number: int, packet: RtpPacket, now: float, *, is_repair: bool) -> None:
        if packet.payload_type in self._wrappings:
            self._unwrap(number, packet, now)
            return
        if self._redundancy is not None:
            self._take_back(self._redundancy.remember(packet))
        if self._parameters.deliver != "frames":
            self._context.events.append(PacketReceived(self.receiver_id, packet))
        buffer = self.buffer
        if buffer is None:
            self._latest = packet, now
            return
        if packet.payload_type not in self._formats:
            self._context.drop("no_payload_format")
            return
        if self.observation is None:
            buffer.insert(number, packet, now, is_repair=is_repair)
        else:
            discarded = self.stats.packets_discarded
            buffer.insert(number, packet, now, is_repair=is_repair)
            was_discarded = self.stats.packets_discarded != discarded
            self.observation.note_delivery(number, was_repaired=is_repair, was_discarded=was_discarded)
        self._context.wait_for(self)

    # --- packets in packets ---

    def _unwrap(self, number: int, packet: RtpPacket, now: float) -> None:
        """Take a packet that is not media itself; its number must not look like a loss."""
        itself: RtpPacket | None = None
        repaired: list[RtpPacket] = []
        if packet.payload_type == self._parameters.red_payload_type:
            try:
                itself, repaired = self._ensure_redundancy().unwrap(packet)
            except ParseError:
                self._context.drop("malformed_red")
            if itself is not None and itself.payload_type not in self._codecs:
                self._context.drop("unknown_payload_type")
                itself = None
        elif self._tones is not None:
            # Browsers send telephone events of 8000 Hz beside Opus: durations have a clock of their own.
            types = self._parameters.telephone_event_payload_types
            clock_rate = next((rate for rate, each in types.items() if each == packet.payload_type), None)
            self._tones.receive(packet.payload, packet.timestamp, now, marker=packet.marker, clock_rate=clock_rate)
            self._context.wait_for(self)
        self._take_back(repaired)
        if itself is not None:
            self._deliver(number, itself, now, is_repair=False)
        elif self.buffer is not None and self.codec.payload_type in self._formats:
            filler = RtpPacket(self.codec.payload_type, packet.sequence_number, packet.timestamp, self.ssrc)
            self.buffer.insert(number, filler, now, is_repair=True)

    def correct(self, payload: bytes) -> None:
        """Take parity that came in a stream of its own."""
        self._take_back(self._ensure_redundancy().correct_flexible(payload))

    def _ensure_redundancy(self) -> Redundancy:
        if self._redundancy is None:
            self._redundancy = Redundancy(self._parameters, self.ssrc, self.stats)
            self._choose_way()
        return self._redundancy

    def _take_back(self, packets: list[RtpPacket]) -> None:
        for packet in packets:
            self.stats.packets_repaired += self.repair(packet)

    # --- frames out ---

    def progress(self, now: float) -> float:
        """Hand on the frames that are due; return when there is more to do."""
        deadline = _NEVER if self._tones is None else self._progress_tones(self._tones, now)
        buffer = self.buffer
        if buffer is None:
            return deadline
        for frame, first, last in buffer.take(now):
            self._complete(frame, first, last, now)
        if self.losses.missing and (next_number := buffer.next_number) is not None:
            self.losses.forget_before(next_number)
        return min(deadline, buffer.deadline)

    def _progress_tones(self, tones: ToneReceiver, now: float) -> float:
        tones.handle_timeout(now)
        for tone in tones.events():
            event = ToneReceived(self.receiver_id, tone.code, tone.duration, -tone.volume, tone.ended)
            self._context.events.append(event)
        timeout = tones.next_timeout()
        return _NEVER if timeout is None else timeout

    def _complete(self, frame: EncodedFrame, packet: RtpPacket, last: RtpPacket, now: float) -> None:
        """Say of a frame what its payload does not, and hand it on."""
        codec, parameters = self.codec, self._parameters
        if frame.payload_type != codec.payload_type:
            codec = self._codecs.get(frame.payload_type or 0, codec)
        if frame.keyframe:
            self._key_frames.answered()
            if self._key_frames.is_answer(now):
                self._context.answers.append((self.ssrc, -1))
        frame.ssrc = self.ssrc
        frame.rid = self.rid
        frame.mime_type = codec.mime_type
        # By the clock of who sends the stream: it is the one that its other streams share.
        frame.capture_time = self.clock.capture_time(frame.timestamp, codec.clock_rate)
        if frame.capture_time is None:
            frame.capture_time = capture_time(packet, parameters.header_extensions)
        if parameters.kind == "audio":
            frame.audio_level = audio_level(packet, parameters)
        else:
            self._turn(frame, last)
        self.stats.estimated_playout_timestamp = frame.capture_time
        if frame.audio_level is None and not packet.csrcs:
            self._latest = packet, now
        else:
            self._latest = None
            self._note_sources(packet, frame.audio_level, now)
        self._context.events.append(FrameReceived(self.receiver_id, frame))

    def _turn(self, frame: EncodedFrame, last: RtpPacket) -> None:
        """Say how a picture is to be turned: as its last packet says, or as it was said since the latest key frame."""
        # [rfc8834:5.2.5/1]
        value = None if self._orientation_id is None else last.extension(self._orientation_id)
        found = None if value is None else orientation(value)
        if found is not None or frame.keyframe:
            self._orientation = found
        frame.orientation = self._orientation

    def note_latest(self) -> None:
        """Make the sources of the packet handed on last known; for every packet this would be too dear."""
        latest, self._latest = self._latest, None
        if latest is not None:
            packet, now = latest
            level = audio_level(packet, self._parameters) if self._parameters.kind == "audio" else None
            self._note_sources(packet, level, now)

    def _note_sources(self, packet: RtpPacket, level: AudioLevel | None, now: float) -> None:
        source = Source(self.ssrc, now, packet.timestamp)
        if level is not None:
            self.stats.audio_level = source.audio_level = linear_level(level.level)
            source.voice_activity = level.voice_activity
        self._sources.note("synchronization", source)
        if packet.csrcs:
            levels = source_levels(packet, self._parameters.header_extensions)
            for ssrc, loudness in zip(packet.csrcs, levels, strict=True):
                contribution = None if loudness is None else linear_level(loudness)
                self._sources.note("contributing", Source(ssrc, now, packet.timestamp, contribution))

    # --- feedback ---

    def request_key_frame(self) -> None:
        """Ask for a key frame with the next feedback."""
        # Without a buffer only the application sees key frames, so every wish of it is a new command.
        self._key_frames.want(is_command=self.buffer is None)
        self._context.wait_for(self)

    def feedback_deadline(self) -> float:
        """When there is feedback to send; in the past if there is some now."""
        deadline = self.losses.deadline
        if deadline != _NEVER and not self._asks_again:
            deadline = _NEVER
        return min(deadline, self._ask_for_key_frame_at())

    def _ask_for_key_frame_at(self) -> float:
        is_needed = self.buffer is not None and self.buffer.wants_key_frame
        return self._key_frames.deadline(self.codec) if is_needed or self._key_frames.requests_left else _NEVER

    @property
    def is_ambiguous(self) -> bool:
        """Whether nothing but what was asked for will tell which stream retransmissions belong to. See :rfc:`4588#section-5.3`."""
        told = self._parameters.ssrcs.get(self.ssrc)
        is_told = self.rid is not None or (told is not None and told.rtx_ssrc is not None)
        return self.codec.rtx_payload_type is not None and self.stats.rtx_ssrc is None and not is_told

    def outstanding(self) -> list[int]:
        """The sequence numbers that were asked for and have not come."""
        return [number & 0xFFFF for number, entry in self.losses.missing.items() if entry.requests]

    def take_feedback(self, reporter_ssrc: int, taken: AbstractSet[int] = frozenset()) -> list[RtcpPacket]:
        """Return what there is to tell the sender now.

        Args:
            reporter_ssrc: Who tells it.
            taken: Sequence numbers that must not be asked for now.
        """
        now = self._context.now
        packets: list[RtcpPacket] = []
        if self._asks_again and self.losses.deadline <= now:
            due, given_up = self.losses.take_due(now, self._context.round_trip_time.assumed, taken)
            if given_up and isinstance(self.buffer, VideoBuffer):
                self.buffer.give_up(given_up, now)
                self._context.has_given_up = True
            if due or given_up:
                self._context.record("packets_missing", ssrc=self.ssrc, asked_for=len(due), given_up=len(given_up))
            for at in range(0, len(due), MAX_NACKED):
                numbers = [number & 0xFFFF for number in due[at : at + MAX_NACKED]]
                # [rfc4588:6.3/1] [rfc4588:6.3/2]
                packets.append(GenericNack(reporter_ssrc, self.ssrc, numbers))
                self.stats.nack_count += 1
        if self._ask_for_key_frame_at() <= now:
            packets.append(self._key_frames.request(reporter_ssrc, self.codec))
        return packets

    # --- reports ---

    def take_report(self) -> ReportBlock | None:
        """Return the report block, if anything came since the last one. See :rfc:`3550#section-6.4`."""
        reception = self.reception
        if not self.is_valid or self.stats.packets_received == self.reported_count:
            return None
        self.reported_count = self.stats.packets_received
        self.refresh()
        clock = self.clock
        delay = 0 if clock.reported_at is None else seconds_to_short(self._context.now - clock.reported_at)
        # [rfc3550:6.4.1/11] [rfc3550:6.4.1/12]
        return ReportBlock(
            self.ssrc,
            reception.take_fraction_lost(),
            reception.lost,
            reception.highest - 0x1_0000 & 0xFFFF_FFFF,
            min(int(reception.jitter), 0xFFFF_FFFF),
            ntp_middle(clock.ntp_timestamp),
            delay,
        )

    def take_extended_blocks(self, most: int) -> list[ExtendedBlock]:
        """Return what the peer wants to be told besides of what came since the last call, in blocks of so many bytes at most."""
        wanted = self._parameters.extended_reports
        if wanted is None or self.observation is None:
            return []
        blocks = self.observation.take_blocks(self.ssrc, self.reception.clock_rate, wanted, most)
        if wanted.voip_metrics and self._parameters.kind == "audio":
            playout = self.buffer.playout if isinstance(self.buffer, AudioBuffer) else None
            latest = self._context.round_trip_time.latest
            blocks.append(self.observation.take_metrics(self.ssrc, latest, playout))
        return blocks

    def refresh(self) -> InboundStats:
        """Return the counters, with what is computed from others."""
        stats, reception = self.stats, self.reception
        stats.packets_lost = reception.lost
        stats.jitter = reception.jitter / reception.clock_rate
        stats.payload_type = self.codec.payload_type
        stats.last_packet_received_at = self.heard_at
        return stats


def _unwrapping(parameters: ReceiveParameters) -> tuple[object, ...]:
    """Return what the redundancy of a stream depends on."""
    return parameters.ulpfec_payload_type, parameters.header_extensions
