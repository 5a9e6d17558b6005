"""Everything that a session receives but RTCP: receivers, and the streams of every SSRC."""

from rtc_rtp.context import Context
from rtc_rtp.errors import StateError
from rtc_rtp.events import EndReason, StreamEnded
from rtc_rtp.outbound import Outbound
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters, StreamId
from rtc_rtp.payload import payload_format
from rtc_rtp.receiving.arrivals import Arrivals
from rtc_rtp.receiving.receiver import Receiver, Stream
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.receiving.synchronization import synchronize
from rtc_rtp.router import Router, SoleReceiver
from rtc_rtp.stats import InboundStats

_NEVER = float("inf")


class Inbound:
    """The receivers of a session."""

    __slots__ = ("_context", "_outbound", "_router", "arrivals", "deadline", "ended_ssrcs", "receivers", "streams")

    def __init__(self, context: Context, outbound: Outbound) -> None:
        self._context = context
        self._outbound = outbound
        self._router: Router | None = None
        self.arrivals = Arrivals(context)
        self.receivers: dict[StreamId, Receiver] = {}
        self.streams: dict[int, Stream] = {}
        """By SSRC, of all receivers."""

        self.ended_ssrcs: list[int] = []
        """SSRCs of ours that were left to the peer and of which it must be told."""

        self.deadline = _NEVER
        """When a frame is due."""

    # --- receivers ---

    def set_router(self, router: Router) -> None:
        """Ask another router from now on; known SSRCs stay where they are until receivers change."""
        self._router = router

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
        self.arrivals.configure(one.parameters for one in self.receivers.values())

    def remove(self, receiver_id: StreamId) -> None:
        """Remove a receiver and its streams.

        Raises:
            StateError: There is no such receiver.
        """
        receiver = self.receiver(receiver_id)
        del self.receivers[receiver_id]
        for ssrc in receiver.streams:
            self.streams.pop(ssrc, None)
            self._context.waiting.pop(ssrc, None)
        self.arrivals.configure(one.parameters for one in self.receivers.values())

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

    def adopt(self, packet: RtpPacket) -> Stream | None:
        """Return the stream of a packet whose SSRC is new; ``None`` if nobody wants it, which is counted."""
        context = self._context
        # [rfc3550:8.2/1] [rfc3550:8.2/5]
        if packet.ssrc in self._outbound.by_ssrc and not self.resolve_conflict(packet.ssrc):
            return None
        if len(self.streams) >= context.options.max_sources:
            context.drop("too_many_sources")
            return None
        router = self._router
        if router is None:
            router = SoleReceiver(next(iter(self.receivers)) if len(self.receivers) == 1 else None)
        receiver_id = router.route(packet)
        receiver = None if receiver_id is None else self.receivers.get(receiver_id)
        if receiver is None:
            context.drop("unrouted")
            return None
        stream = receiver.adopt(packet)
        if stream is not None:
            self.streams[packet.ssrc] = stream
        return stream

    def describe(self, ssrc: int, mid: str) -> None:
        """The peer tells by RTCP which section a source belongs to."""
        if self._router is not None:
            self._router.describe(ssrc, mid)

    def resolve_conflict(self, ssrc: int) -> bool:
        """The peer uses an SSRC of ours: leave it to the peer; tell whether that was done."""
        self._context.drop("source_conflict")
        # [rfc4588:4/5] [rfc4588:4/6] The SSRC is over, whose packets were sent under it; others are not.
        was_used = self._outbound.has_used(ssrc)
        if self._outbound.resolve_conflict(ssrc, self.streams) is None:
            return False
        if was_used:
            # [rfc3550:8.2/2]
            self.ended_ssrcs.append(ssrc)
        return True

    def progress(self) -> None:
        """Hand on the frames that are due."""
        context = self._context
        now = context.now
        deadline = _NEVER
        for stream in list(context.waiting.values()):
            at = stream.progress(now)
            deadline = min(deadline, at)
            if at == _NEVER and stream.feedback_deadline() == _NEVER:
                del context.waiting[stream.ssrc]
        self.deadline = deadline

    def synchronize(self) -> None:
        """Play in step what belongs together."""
        groups: dict[str, list[ReceiveStream]] = {}
        for receiver in self.receivers.values():
            if (group := receiver.parameters.synchronization_group) is not None:
                groups.setdefault(group, []).extend(receiver.primaries())
        for streams in groups.values():
            synchronize(streams)

    def end(self, ssrc: int, reason: EndReason) -> None:
        """End the stream of an SSRC, if there is one."""
        stream = self.streams.pop(ssrc, None)
        # [rfc4588:5.3/4] What does not wait does not ask for anything.
        self._context.waiting.pop(ssrc, None)
        if stream is None:
            return
        for receiver in self.receivers.values():
            receiver.streams.pop(ssrc, None)
        if isinstance(stream, ReceiveStream):
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
