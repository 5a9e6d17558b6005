"""Everything that a session receives but RTCP: receivers, and the streams of every SSRC."""

from collections.abc import Iterator
from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.errors import StateError
from rtc_rtp.events import EndReason, StreamEnded
from rtc_rtp.extensions.stream_identification import MID
from rtc_rtp.outbound import Outbound
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters, StreamId
from rtc_rtp.payload import payload_format
from rtc_rtp.receiving.arrivals import Arrivals
from rtc_rtp.receiving.receiver import Receiver, Stream
from rtc_rtp.receiving.reception import MAX_MISORDER
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.receiving.synchronization import synchronize
from rtc_rtp.router import Router, SoleReceiver
from rtc_rtp.stats import InboundStats

STRAGGLING: Final = 2.0
"""Seconds for which packets may come that were sent before a goodbye."""

CLOCK_INTERVAL: Final = 0.02
"""Seconds between two comparisons of the clocks that packets tell: each looks at all streams, and every packet may tell one."""

MAX_LEFT: Final = 64
_NEVER: Final = float("inf")


class Inbound:
    """The receivers of a session."""

    __slots__ = (
        "_context",
        "_left",
        "_outbound",
        "_router",
        "_synchronized_at",
        "arrivals",
        "deadline",
        "ended_ssrcs",
        "mid_id",
        "mids",
        "receivers",
        "routed",
        "streams",
    )

    def __init__(self, context: Context, outbound: Outbound) -> None:
        self._context = context
        self._outbound = outbound
        self._router: Router | None = None
        self.arrivals = Arrivals(context)
        self._left: dict[int, tuple[int, float]] = {}
        """Highest sequence number of SSRCs that said goodbye, and until when packets before it may straggle in."""

        self.receivers: dict[StreamId, Receiver] = {}
        self.streams: dict[int, Stream] = {}
        """By SSRC, of all receivers."""

        self.routed: dict[int, Stream] = {}
        """Those that are where the router wants them."""

        self.mids: dict[int, bytes] = {}
        """The section that the packets of a stream named, by its SSRC."""

        self.mid_id: int | None = None
        """Identifier of the header extension that names the section; ``None`` if there is nothing to choose from."""

        self.ended_ssrcs: list[int] = []
        """SSRCs of ours that were left to the peer and of which it must be told."""

        self.deadline = _NEVER
        """When a frame is due."""

        self._synchronized_at = -_NEVER
        """When clocks that packets told were compared last."""

    # --- receivers ---

    def set_router(self, router: Router) -> None:
        """Ask another router from now on, of known SSRCs too."""
        self._router = router
        self.routed.clear()
        self._configure()

    def add(self, receiver_id: StreamId, parameters: ReceiveParameters) -> None:
        """Add or change a receiver.

        Raises:
            ValueError: A codec has a format parameter that its payload format does not allow.
        """
        for codec in parameters.codecs:
            # Streams make theirs when packets come: that must not be when it fails.
            payload_format(codec.mime_type, codec.parameters)
        receiver = self.receivers.get(receiver_id)
        if receiver is None:
            self.receivers[receiver_id] = Receiver(self._context, receiver_id, parameters)
        else:
            receiver.update(parameters)
        self._configure()

    def _configure(self) -> None:
        """Take what all receivers together have negotiated."""
        parameters = [receiver.parameters for receiver in self.receivers.values()]
        self.arrivals.configure(parameters)
        identifiers = [each.header_extensions.id_of(MID) for each in parameters]
        has_choice = self._router is not None and len(parameters) > 1
        # Identifiers of extensions are the same in all sections of a transport.
        self.mid_id = next((each for each in identifiers if each is not None), None) if has_choice else None

    def clear(self) -> None:
        """Forget all streams."""
        self.streams.clear()
        self.routed.clear()
        self.mids.clear()

    def remove(self, receiver_id: StreamId) -> None:
        """Remove a receiver and its streams.

        Raises:
            StateError: There is no such receiver.
        """
        receiver = self.receiver(receiver_id)
        del self.receivers[receiver_id]
        for ssrc in receiver.streams:
            self.streams.pop(ssrc, None)
            self.routed.pop(ssrc, None)
            self.mids.pop(ssrc, None)
            self._context.waiting.pop(ssrc, None)
        self._configure()

    def receiver(self, receiver_id: StreamId) -> Receiver:
        """Return a receiver.

        Raises:
            StateError: There is none of this name.
        """
        found = self.receivers.get(receiver_id)
        if found is None:
            raise StateError(f"there is no receiver {receiver_id!r}")
        return found

    def stats(self, receiver_id: StreamId) -> list[InboundStats]:
        """Return the counters of a receiver's streams.

        Raises:
            StateError: There is no such receiver.
        """
        return [stream.refresh() for stream in self.receiver(receiver_id).primaries()]

    def request_key_frame(self, receiver_id: StreamId, rid: str | None) -> None:
        """Ask for a key frame of an encoding, or of all that arrive.

        Raises:
            StateError: There is no such receiver.
        """
        for stream in self.receiver(receiver_id).primaries():
            if rid is None or stream.rid == rid:
                stream.request_key_frame()

    # --- streams ---

    def route(self, packet: RtpPacket) -> Stream | None:
        """Return the stream of a packet whose SSRC is new, or may belong elsewhere; ``None`` if nobody wants it, which is counted."""
        context, ssrc = self._context, packet.ssrc
        known = self.streams.get(ssrc)
        if known is None:
            # [rfc3550:8.2/1] [rfc3550:8.2/5] [rfc5576:5/1]
            if ssrc in self._outbound.by_ssrc and not self.resolve_conflict(ssrc):
                return None
            if len(self.streams) >= context.options.max_sources:
                context.drop("too_many_sources")
                return None
            if self._straggles(packet):
                context.drop("straggler")
                return None
        router = self._router
        if router is None:
            router = SoleReceiver(next(iter(self.receivers)) if len(self.receivers) == 1 else None)
        receiver_id = router.route(packet)
        receiver = None if receiver_id is None else self.receivers.get(receiver_id)
        if receiver is None:
            # [rfc9143:15/3]
            context.drop("unrouted")
            return None
        stream = receiver.streams.get(ssrc)
        if stream is None:
            # [rfc9143:9.2/3] It may have been elsewhere: what a stream says last of its section holds.
            self.end(ssrc, EndReason.MOVED)
            stream = receiver.adopt(packet)
        if stream is not None:
            self.streams[ssrc] = self.routed[ssrc] = stream
            if self.mid_id is not None and (mid := packet.extension(self.mid_id)) is not None:
                self.mids[ssrc] = mid
        return stream

    def _straggles(self, packet: RtpPacket) -> bool:
        """Whether a packet was sent before the goodbye of its SSRC; what goes on behind it begins a new stream."""
        left = self._left.get(packet.ssrc)
        if left is None:
            return False
        highest, until = left
        # [rfc3550:6.2.1/4]
        if self._context.now < until and (highest - packet.sequence_number) & 0xFFFF < MAX_MISORDER:
            return True
        del self._left[packet.ssrc]
        return False

    def describe(self, ssrc: int, mid: str) -> None:
        """The peer tells by RTCP which section a source belongs to."""
        if self._router is not None:
            self._router.describe(ssrc, mid)
            self.routed.pop(ssrc, None)

    def name(self, ssrc: int, rid: str) -> None:
        """The peer tells by RTCP which encoding a source is, or repairs."""
        for receiver in self.receivers.values():
            receiver.name(ssrc, rid)

    def resolve_conflict(self, ssrc: int) -> bool:
        """The peer uses an SSRC of ours: leave it to the peer; tell whether that was done."""
        self._context.drop("source_conflict")
        # [rfc4588:4/5] [rfc4588:4/6] The SSRC is over, whose packets were sent under it; others are not.
        was_used = self._outbound.has_used(ssrc)
        if self._outbound.resolve_conflict(ssrc, self.streams, self._signalled_ssrcs()) is None:
            return False
        if was_used:
            # [rfc3550:8.2/2]
            self.ended_ssrcs.append(ssrc)
        return True

    def _signalled_ssrcs(self) -> Iterator[int]:
        for receiver in self.receivers.values():
            for ssrc, told in receiver.parameters.ssrcs.items():
                yield ssrc
                yield from (each for each in (told.rtx_ssrc, told.fec_ssrc) if each is not None)

    def progress(self) -> None:
        """Hand on the frames that are due."""
        context = self._context
        now = context.now
        if context.has_new_clock and now >= self._synchronized_at + CLOCK_INTERVAL:
            context.has_new_clock = False
            self._synchronized_at = now
            self.synchronize()
        deadline = _NEVER
        for stream in list(context.waiting.values()):
            at = stream.progress(now)
            if at < deadline:
                deadline = at
            elif at == _NEVER and stream.feedback_deadline() == _NEVER:
                del context.waiting[stream.ssrc]
        self.deadline = deadline

    def synchronize(self) -> None:
        """Play in step what belongs together."""
        groups: dict[str, list[ReceiveStream]] = {}
        for receiver in self.receivers.values():
            if (group := receiver.parameters.synchronization_group) is not None:
                groups.setdefault(group, []).extend(receiver.primaries())
        for streams in groups.values():
            # [rfc5888:7/1]
            synchronize(streams)

    def end(self, ssrc: int, reason: EndReason) -> None:
        """End the stream of an SSRC, if there is one."""
        stream = self.streams.pop(ssrc, None)
        self.routed.pop(ssrc, None)
        self.mids.pop(ssrc, None)
        # [rfc4588:5.3/4] What does not wait does not ask for anything.
        self._context.waiting.pop(ssrc, None)
        if stream is None:
            return
        if reason is EndReason.BYE:
            self._left[ssrc] = (stream.reception.highest & 0xFFFF, self._context.now + STRAGGLING)
            if len(self._left) > MAX_LEFT:
                del self._left[next(iter(self._left))]
        for receiver in self.receivers.values():
            receiver.streams.pop(ssrc, None)
        if isinstance(stream, ReceiveStream):
            stream.note_latest()
            if stream.is_valid:
                self._context.record("stream_ended", ssrc=ssrc, reason=reason.value)
                self._context.events.append(StreamEnded(stream.receiver_id, ssrc, stream.rid, reason))
            for other in list(self.streams.values()):
                if not isinstance(other, ReceiveStream) and other.primary is stream:
                    self.end(other.ssrc, reason)

    def expire(self, oldest: float) -> None:
        """End the streams that were not heard of since a time."""
        for ssrc in [ssrc for ssrc, stream in self.streams.items() if stream.heard_at < oldest]:
            self.end(ssrc, EndReason.TIMEOUT)
