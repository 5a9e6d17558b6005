"""Everything that a session sends but RTCP: senders, and the queue in front of the wire."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.errors import BufferFullError, StateError
from rtc_rtp.events import KeyFrameRequested, SourceConflict
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.header_extension import ExtensionMap
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import SendParameters, StreamId
from rtc_rtp.rtcp import MaximumBitrate, TemporaryMaximumBitrateNotification
from rtc_rtp.sending.departures import NEWS, Departures
from rtc_rtp.sending.dialling import Dialling
from rtc_rtp.sending.sender import Sender
from rtc_rtp.sending.stream import SendStream
from rtc_rtp.stats import OutboundStats

MAX_CONFLICTS: Final = 8
"""How often SSRCs of a session are changed because the peer uses them."""

SENDING: Final = 2.0
"""Seconds since the latest packet within which a stream is one that sends."""

DITHER: Final = 0.5
"""Part of the interval of reports for which a receiver holds feedback back. See :rfc:`4585#section-3.4`."""

_NEVER: Final = float("inf")


class Outbound:
    """The senders of a session."""

    __slots__ = (
        "_context",
        "_dialling",
        "_held_back",
        "_left_ssrcs",
        "_limits",
        "_loose_at",
        "_unsettled",
        "by_ssrc",
        "departures",
        "has_begun",
        "senders",
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self.senders: dict[StreamId, Sender] = {}
        self.by_ssrc: dict[int, tuple[Sender, SendStream]] = {}
        """Every SSRC of ours, those of retransmissions included."""

        self._dialling: dict[StreamId, Dialling] = {}
        self.departures = Departures(context)
        self._unsettled: list[SendStream] = []
        """Streams that were given media since the last flush."""

        self.has_begun = False
        """Whether anything was ever given to be sent; until then nothing leaves, and nothing is due."""

        self._left_ssrcs: set[int] = set()
        """Those that were left to the peer."""

        self._held_back: dict[int, str] = {}
        """Why streams may not send, by SSRC."""

        self._limits: dict[int, float] = {}
        """What streams may send at most because the circuit breaker says so, by SSRC."""

        self._loose_at = _NEVER
        """When a stream may send more because a bound of a receiver ended, at the earliest."""

    # --- senders ---

    def add(self, sender_id: StreamId, parameters: SendParameters) -> list[int]:
        """Add or change a sender; return the SSRCs that ended by this.

        Raises:
            ValueError: An SSRC belongs to another sender.
        """
        for encoding in parameters.encodings:
            for ssrc in (encoding.ssrc, encoding.rtx_ssrc):
                owner = None if ssrc is None else self.by_ssrc.get(ssrc)
                # [rfc3550:3/2]
                if owner is not None and owner[0].id != sender_id:
                    raise ValueError(f"SSRC {ssrc} belongs to sender {owner[0].id!r}")
        sender = self.senders.get(sender_id)
        before = set(self.by_ssrc)
        used: list[int] = []
        if sender is None:
            self.senders[sender_id] = Sender(self._context, sender_id, parameters)
        else:
            used = [ssrc for stream in sender.streams.values() for ssrc in stream.used_ssrcs()]
            events_before = sender.parameters.telephone_event_payload_types
            ended = sender.update(parameters)
            for stream in ended:
                stream.end()
            if ended or parameters.telephone_event_payload_types != events_before:
                self._dialling.pop(sender_id, None)
        self._index()
        self.departures.progress(self.senders.values())
        gone = before - set(self.by_ssrc)
        return [ssrc for ssrc in used if ssrc in gone]

    def remove(self, sender_id: StreamId) -> list[int]:
        """Remove a sender; return the SSRCs that sent something.

        Raises:
            StateError: There is no such sender.
        """
        sender = self._sender(sender_id)
        del self.senders[sender_id]
        self._dialling.pop(sender_id, None)
        ended = [ssrc for stream in sender.streams.values() for ssrc in stream.used_ssrcs()]
        for stream in sender.streams.values():
            stream.end()
        self._index()
        return ended

    def has_used(self, ssrc: int) -> bool:
        """Whether something left under an SSRC of ours."""
        return ssrc in self.by_ssrc[ssrc][1].used_ssrcs()

    def resolve_conflict(self, ssrc: int, heard: Container[int], signalled: Iterable[int]) -> int | None:
        """Give a stream another SSRC because the peer uses the same; return it, or ``None`` if this happens too often.

        Args:
            ssrc: One of ours.
            heard: The SSRCs of the peer.
            signalled: Those that its descriptions name.

        See :rfc:`3550#section-8.2`.
        """
        sender, stream = self.by_ssrc[ssrc]
        # A peer that repeats our own packets must not make us run from one SSRC to the next.
        if len(self._left_ssrcs) >= MAX_CONFLICTS:
            return None
        self._left_ssrcs.add(ssrc)
        # [rfc5576:5/3] [rfc5576:5/9]
        taken = self._left_ssrcs.union(self.by_ssrc, signalled)
        # [rfc3550:8/1] [rfc3550:5.1/12]
        new_ssrc = self._context.random_32()
        # [rfc3550:8.2/11] [rfc3550:8.2/12]
        while not new_ssrc or new_ssrc in taken or new_ssrc in heard:
            new_ssrc = self._context.random_32()
        # [rfc4588:4/7] The stream that it happened to, and no other.
        if ssrc == stream.ssrc:
            encoding = replace(stream.encoding, ssrc=new_ssrc)
        else:
            encoding = replace(stream.encoding, rtx_ssrc=new_ssrc)
        encodings = [encoding if each.rid == encoding.rid else each for each in sender.parameters.encodings]
        sender.rename(replace(sender.parameters, encodings=tuple(encodings)), stream, encoding)
        self._index()
        # [rfc3550:8.2/14]
        self._context.events.append(SourceConflict(sender.id, encoding.rid, ssrc, new_ssrc))
        return new_ssrc

    def _index(self) -> None:
        self.by_ssrc = {
            ssrc: (sender, stream)
            for sender in self.senders.values()
            for stream in sender.streams.values()
            for ssrc in stream.ssrcs()
        }
        self.departures.configure(self.senders.values())

    def _sender(self, sender_id: StreamId) -> Sender:
        found = self.senders.get(sender_id)
        if found is None:
            raise StateError(f"there is no sender {sender_id!r}")
        return found

    def stats(self, sender_id: StreamId) -> dict[str | None, OutboundStats]:
        """Return the counters of a sender's encodings.

        Raises:
            StateError: There is no such sender.
        """
        return {rid: stream.total_stats() for rid, stream in self._sender(sender_id).streams.items()}

    # --- media in ---

    def send_frame(self, sender_id: StreamId, frame: EncodedFrame, rid: str | None, *, is_timed: bool) -> None:
        """Queue the packets of a frame; raises as `RtpSession.send_frame` says.

        Args:
            sender_id: As it was added.
            frame: Whole.
            rid: Name of the encoding.
            is_timed: Whether the session was told the time together with the frame.
        """
        stream = self._sender(sender_id).stream(rid)
        dialling = self._dialling.get(sender_id)
        # Where a tone sounds, there is no other sound; see :rfc:`4733#section-2.5.1.2`.
        if not stream.may_send or (dialling is not None and dialling.is_sounding):
            stream.stats.frames_dropped += 1
            return
        self.departures.check_room(len(frame.data))
        media, parity = stream.packetize(frame)
        self.has_begun = True
        if is_timed:
            stream.settle()
        else:
            self._unsettled.append(stream)
        self.departures.add(media)
        if parity is not None:
            self.departures.add(parity)

    def send_packets(
        self,
        sender_id: StreamId,
        packets: Sequence[RtpPacket],
        rid: str | None,
        rewrite: bool,
        payload_types: Mapping[int, int] | None,
        extension_map: ExtensionMap | None,
    ) -> None:
        """Queue packets; raises as `RtpSession.send_packets` says."""
        stream = self._sender(sender_id).stream(rid)
        if not stream.may_send:
            return
        departures = self.departures
        departures.check_room(sum([len(packet.payload) for packet in packets]))
        passed = stream.pass_on(packets, rewrite=rewrite, payload_types=payload_types, extension_map=extension_map)
        self.has_begun = True
        self._unsettled.append(stream)
        departures.add(passed)

    # --- tones ---

    def send_tones(self, sender_id: StreamId, tones: str, duration: float, gap: float) -> None:
        """Dial; raises as `RtpSession.send_tones` says."""
        sender = self._sender(sender_id)
        dialling = self._dialling.get(sender_id)
        if dialling is None:
            dialling = Dialling(self._context, sender_id, sender.parameters, sender.stream(None))
        dialling.dial(tones, duration, gap)
        self.has_begun = True
        self._dialling[sender_id] = dialling
        self.progress()

    def tones_left(self, sender_id: StreamId) -> str:
        """Return the tones of a sender that have not begun.

        Raises:
            StateError: There is no such sender.
        """
        self._sender(sender_id)
        dialling = self._dialling.get(sender_id)
        return "" if dialling is None else dialling.tones_left

    def progress(self) -> None:
        """Do what is due: tones, and what the bandwidth estimate has to do."""
        for dialling in self._dialling.values():
            with suppress(BufferFullError):  # as if the network had lost it: the next one says the same
                self.departures.add(dialling.progress())
        now = self._context.now
        if self._loose_at <= now:
            for stream in self._streams():
                stream.bounds.let_go(now)
            self._bounds_changed()
        self.departures.progress(self.senders.values())

    # --- what the peer asks for ---

    def repeat(self, ssrc: int, sequence_numbers: list[int]) -> bool:
        """Queue packets again that did not arrive; tell whether the SSRC is ours."""
        found = self.by_ssrc.get(ssrc)
        if found is None:
            return False
        stream = found[1]
        stream.stats.nack_count += 1
        room = self.departures.repair_room
        repeated = stream.repeat(sequence_numbers, self._context.round_trip_time.assumed, room)
        try:
            self.departures.add(repeated)
        except BufferFullError:
            # Many that are small take more room with their headers than there is: the peer asks again if it still wants them.
            stream.stats.retransmissions_denied += len(repeated.packets)
        return True

    def key_frame_requested(self, ssrc: int) -> bool:
        """Tell the application of a request, unless it knows; tell whether the SSRC is ours."""
        found = self.by_ssrc.get(ssrc)
        if found is None:
            return False
        sender, stream = found
        # [rfc4585:6.3.1.1/1] Requests are told at intervals, and what answers them leaves at the pace of the estimate.
        if stream.key_frames.ask(self._context.now, self._context.round_trip_time.assumed):
            self._context.record("key_frame_requested", ssrc=ssrc)
            self._context.events.append(KeyFrameRequested(sender.id, stream.encoding.rid))
        return True

    def watch_silence(self, heard_at: float, interval: float) -> None:
        """Hold back what the peer reports nothing of, and let go on what has rested. See :rfc:`8083#section-4`."""
        now = self._context.now
        has_proof = self.departures.has_proof
        for sender in self.senders.values():
            for stream in sender.streams.values():
                is_sending = stream.sent_at is not None and now - stream.sent_at < SENDING
                stream.breaker.watch_silence(now, is_sending=is_sending, heard_at=heard_at, interval=interval)
                stream.breaker.progress(now, has_proof=has_proof)
        self.look_at_breakers()

    def resume(self, sender_id: StreamId, rid: str | None) -> None:
        """Let streams of a sender go on; raises as `RtpSession.resume_sender` says."""
        sender = self._sender(sender_id)
        for stream in sender.streams.values() if rid is None else (sender.stream(rid),):
            stream.breaker.resume()
            stream.breaker.progress(self._context.now, has_proof=False)
        self.look_at_breakers()

    def hear(self) -> None:
        """Note that the peer speaks at all."""
        if self._held_back:
            for sender in self.senders.values():
                for stream in sender.streams.values():
                    stream.breaker.hear()
            self.look_at_breakers()

    def look_at_breakers(self) -> None:
        """Tell the application if other streams are held back than before, or another part of them."""
        held_back = {
            stream.ssrc: stream.breaker.reason.value
            for sender in self.senders.values()
            for stream in sender.streams.values()
            if stream.breaker.reason is not None
        }
        limits = {
            stream.ssrc: stream.breaker.limit_bps
            for sender in self.senders.values()
            for stream in sender.streams.values()
            if stream.breaker.limit_bps is not None
        }
        if limits != self._limits:
            self._context.record("circuit_limited", bitrates_bps={ssrc: round(limit) for ssrc, limit in limits.items()})
            self._limits = limits
            if held_back == self._held_back:
                self.departures.bounds_changed(self.senders.values())
        if held_back != self._held_back:
            self._context.record("circuit_broken", streams=held_back)
            resumed = self._held_back.keys() - held_back.keys()
            self._held_back = held_back
            self.departures.bounds_changed(self.senders.values())
            for ssrc in sorted(resumed & self.by_ssrc.keys()):
                self.key_frame_requested(ssrc)

    def bounded(self, ssrc: int, requester: int, bound: MaximumBitrate) -> TemporaryMaximumBitrateNotification | None:
        """Keep a stream below a bit rate; return what to answer, ``None`` if the SSRC is not ours."""
        found = self.by_ssrc.get(ssrc)
        if found is None:
            return None
        stream = found[1]
        stream.bounds.measure(stream.stats.packets_sent, stream.stats.bytes_sent)
        stream.bounds.set(requester, bound, self._context.now, self._next_loose_at())
        # [rfc5104:4.2.1.2/6] [rfc5104:4.2.1.2/7] [rfc5104:4.2.2.2/4]
        self._bounds_changed()
        return TemporaryMaximumBitrateNotification(ssrc, 0, stream.bounds.bounding_set())

    def requester_left(self, requester: int) -> list[TemporaryMaximumBitrateNotification]:
        """Lift the bounds that somebody set who left; return what tells of it."""
        now, loose_at = self._context.now, self._next_loose_at()
        answers = [
            TemporaryMaximumBitrateNotification(stream.ssrc, 0, stream.bounds.bounding_set())
            for stream in self._streams()
            if stream.bounds.forget(requester, now, loose_at)
        ]
        if answers:
            self._bounds_changed()
        return answers

    def silent_requesters(self, oldest: float, heard: Container[int]) -> set[int]:
        """Return whose bounds have to end: they were set before a time, and their owners are not among those heard since."""
        return {ssrc for stream in self._streams() for ssrc in stream.bounds.silent(oldest, heard)}

    def measure_bounds(self) -> None:
        """Look what the bounds of receivers leave for payloads of the size that they have now."""
        is_changed = False
        for stream in self._streams():
            before = stream.bounds.bitrate_bps
            stream.bounds.measure(stream.stats.packets_sent, stream.stats.bytes_sent)
            after = stream.bounds.bitrate_bps
            is_changed |= before is not None and after is not None and abs(after - before) > NEWS * before
        if is_changed:
            self._bounds_changed()

    def _bounds_changed(self) -> None:
        self._loose_at = min([stream.bounds.loose_at() for stream in self._streams()], default=_NEVER)
        self.departures.bounds_changed(self.senders.values())

    def _next_loose_at(self) -> float:
        """When a bound may be exceeded that ends now: every receiver has had the time to object. See :rfc:`5104#section-4.2.1.2`."""
        context = self._context
        return context.now + 2 * context.round_trip_time.assumed + DITHER * context.options.report_interval

    def _streams(self) -> Iterator[SendStream]:
        return (stream for sender in self.senders.values() for stream in sender.streams.values())

    # --- packets out ---

    def flush(self) -> list[bytes]:
        """Return the packets that leave now."""
        if not self.has_begun:
            return []
        if self._unsettled:
            for stream in self._unsettled:
                stream.settle()
            self._unsettled.clear()
        return self.departures.take()

    def deadline(self) -> float:
        """When there is more to send that was queued already, or to tell."""
        if not self.has_begun:
            return self._loose_at
        deadline = min(self._loose_at, self.departures.deadline())
        for dialling in self._dialling.values():
            deadline = min(deadline, dialling.deadline())
        return deadline
