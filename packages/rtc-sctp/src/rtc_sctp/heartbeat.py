"""Asking an idle peer whether it is there. See :rfc:`9260#section-8.3`."""

import struct
from typing import Final

from .chunks import HeartbeatAckChunk, HeartbeatChunk
from .context import Context
from .rto import RtoEstimator
from .timers import Timer

_INFO: Final = struct.Struct("!dQ")
_MAX_AWAITED: Final = 8
"""Heartbeats whose answers are still welcome."""


class Heartbeat:
    """The heartbeats of the one path there is."""

    __slots__ = ("_awaited", "_context", "_interval", "_rto")

    def __init__(self, context: Context, rto: RtoEstimator) -> None:
        self._context = context
        self._rto = rto
        self._interval = context.config.heartbeat_interval
        self._awaited: dict[bytes, float] = {}
        """What was sent in heartbeats, and when; the answer to any of them proves that the peer is there."""

    def postpone(self) -> None:
        """Start waiting anew: the path is in use."""
        if self._interval is not None and not self._awaited:
            # [rfc9260:8.3/1] [rfc9260:8.3/13]
            jitter = 0.5 + int.from_bytes(self._context.rng(2), "big") / 0xFFFF
            self._context.timers.start(Timer.HEARTBEAT, self._context.now + self._interval + self._rto.rto * jitter)

    def expire(self, *, path_in_use: bool) -> None:
        """The timer ran out: ask, or count that the last question was not answered.

        Raises:
            PeerGoneError: It was not answered too often.
        """
        if self._awaited:
            # [rfc9260:8.3/3] [rfc9260:8.3/13] Unanswered within an RTO: ask again, after twice the time.
            self._rto.back_off()
            self._context.count_error()
        elif path_in_use:
            self.postpone()
            return
        self._send()

    def measure(self) -> None:
        """Ask at once: what was retransmitted measures nothing, and without a measurement the timeout stays backed off."""
        if self._interval is not None:
            self._send()

    def _send(self) -> None:
        context = self._context
        # [rfc9260:3.3.5/1] [rfc9260:3.3.5/2] [rfc9260:8.3/6] [rfc9260:8.3/14]
        info = _INFO.pack(context.now, int.from_bytes(context.rng(8), "big"))
        self._awaited[info] = context.now
        if len(self._awaited) > _MAX_AWAITED:
            del self._awaited[next(iter(self._awaited))]
        context.control.append(HeartbeatChunk(info).serialize())
        context.timers.start(Timer.HEARTBEAT, context.now + self._rto.rto)

    def answer(self, chunk: HeartbeatChunk) -> None:
        """Send back what the peer asked with."""
        # [rfc9260:3.3.6/1] [rfc9260:3.3.6/2] [rfc9260:8.3/2] [rfc9260:8.3/8]
        self._context.control.append(HeartbeatAckChunk(chunk.info).serialize())

    def receive_answer(self, chunk: HeartbeatAckChunk) -> None:
        """Take the peer's answer, if it is one."""
        context = self._context
        sent_at = self._awaited.get(chunk.info)
        if sent_at is None:
            context.drop("unexpected_heartbeat_ack")
            return
        self._awaited.clear()
        # [rfc9260:8.1/7] [rfc9260:8.3/7] [rfc9260:8.3/11]
        context.error_count = 0
        # [rfc9260:8.3/12]
        self._rto.measure(context.now - sent_at)
        self.postpone()
