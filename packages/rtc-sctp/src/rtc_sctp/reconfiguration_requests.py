"""Asking the peer to let our outgoing streams be reset. See :rfc:`6525#section-5.1`."""

from typing import Final

from .chunks import ReconfigChunk
from .context import Context
from .events import OutgoingStreamsReset, StreamsResetFailed
from .reconfiguration import OutgoingSsnResetRequest, ReconfigurationResponse, ReconfigurationResult
from .rto import RtoEstimator
from .send_queue import SendQueue
from .sender import Sender
from .serial import MASK_32
from .timers import Timer

_FIXED_LENGTH: Final = 12 + 4 + 16
"""Packet header, chunk header, and the request without its streams."""


class ReconfigurationRequests:
    """Our requests, one at a time, sent again until they are answered."""

    __slots__ = (
        "_capacity",
        "_context",
        "_in_flight",
        "_in_progress",
        "_interval",
        "_next_sequence",
        "_queue",
        "_rto",
        "_sender",
        "answers",
    )

    def __init__(
        self,
        context: Context,
        queue: SendQueue,
        sender: Sender,
        rto: RtoEstimator,
        *,
        initial_tsn: int,
        remote_initial_tsn: int,
    ) -> None:
        self._context = context
        self._queue = queue
        self._sender = sender
        self._rto = rto
        self._next_sequence = initial_tsn
        self._capacity = (context.config.max_packet_size - _FIXED_LENGTH) // 2
        self._in_flight: OutgoingSsnResetRequest | None = None
        self._interval = 0.0
        self._in_progress = False
        """Whether the peer said that it needs more time."""

        self.answers = (remote_initial_tsn - 1) & MASK_32
        """Number of the peer's last request, which our requests name; they answer it if it was one for a reset."""

    @property
    def is_pending(self) -> bool:
        """Whether a request is in flight."""
        return self._in_flight is not None

    def send_next(self) -> None:
        """Send the next request if streams wait for it and none is in flight."""
        # [rfc6525:5.1.1/5] [rfc6525:5.1.1/6]
        if self._in_flight is not None or not self._queue.reset_ready:
            return
        ready = self._queue.reset_ready
        streams, self._queue.reset_ready = ready[: self._capacity], ready[self._capacity :]
        # [rfc6525:5.1.2/1] Their queues stand still until the answer. [rfc6525:5.1.2/2] [rfc6525:5.1.2/4]
        # [rfc6525:5.1.2/5] [rfc6525:5.1.2/6] [rfc6525:5.1.2/8] [rfc6525:4.1/1]
        self._in_flight = OutgoingSsnResetRequest(
            self._next_sequence, self.answers, self._sender.last_assigned_tsn, tuple(streams)
        )
        # [rfc6525:5.1.2/3]
        self._next_sequence = (self._next_sequence + 1) & MASK_32
        # [rfc6525:5.1.1/7] [rfc6525:5.1.1/9]
        self._interval = self._rto.rto
        self._in_progress = False
        self._transmit(self._in_flight)

    def _transmit(self, request: OutgoingSsnResetRequest) -> None:
        # [rfc6525:4.1/2] [rfc6525:5.1.2/9] [rfc6525:5.1.2/10] [rfc6525:5.1.2/11] Alone in its RE-CONFIG.
        self._context.control.append(ReconfigChunk((request,)).serialize())
        self._context.timers.start(Timer.RECONFIGURATION, self._context.now + self._interval)

    def expire(self) -> None:
        """The timer ran out: send the request again.

        Raises:
            PeerGoneError: It was sent too often.
        """
        if self._in_flight is None:
            return
        # [rfc6525:5.1.1/11] [rfc6525:5.2.7/3] [rfc6525:5.2.7/4]
        if self._in_progress:
            self._in_progress = False
        else:
            self._context.count_error()
            # [rfc6525:5.1.1/10]
            self._interval = min(self._interval * 2, self._context.config.rto_max)
        self._transmit(self._in_flight)

    def receive_response(self, response: ReconfigurationResponse) -> None:
        """Take the peer's answer."""
        request = self._in_flight
        if request is None or response.response_sequence != request.request_sequence:
            self._context.drop("unexpected_reconfiguration_response")
            return
        self._context.error_count = 0
        if response.result == ReconfigurationResult.IN_PROGRESS:
            self._in_progress = True
            self._interval = self._rto.rto
            self._context.timers.start(Timer.RECONFIGURATION, self._context.now + self._interval)
            return
        # [rfc6525:5.2.7/1] [rfc6525:5.2.7/2]
        self._in_flight = None
        self._context.timers.stop(Timer.RECONFIGURATION)
        performed = response.result in (ReconfigurationResult.PERFORMED, ReconfigurationResult.NOTHING_TO_DO)
        # [rfc6525:5.2.7/5]
        for stream_id in request.streams:
            self._queue.finish_reset(stream_id, performed=performed)
        self._context.events.append(
            OutgoingStreamsReset(request.streams) if performed else StreamsResetFailed(request.streams)
        )

    def answer_incoming_request(self, sequence: int, streams: tuple[int, ...]) -> bool:
        """The peer wants our outgoing streams to be reset; returns whether the request that says so leaves at once."""
        # [rfc6525:5.2.3/1] [rfc6525:5.2.3/4] [rfc6525:5.1.2/5]
        for stream_id in streams or tuple(self._queue.streams):
            self._queue.request_reset(stream_id)
        # [rfc6525:5.1.2/6]
        self.answers = sequence
        ready = set(self._queue.reset_ready)
        return not self.is_pending and ready.issuperset(streams)
