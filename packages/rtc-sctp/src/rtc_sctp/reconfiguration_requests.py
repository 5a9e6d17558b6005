"""Asking the peer to reset or add streams, or to begin all numbers anew. See :rfc:`6525#section-5.1`."""

from typing import Final

from .chunks import ReconfigChunk
from .context import Context
from .cookie import CookieContents
from .errors import BufferFullError, StateError
from .events import (
    AssociationResetFailed,
    IncomingStreamsResetFailed,
    OutgoingStreamsReset,
    StreamsAdded,
    StreamsAddFailed,
    StreamsResetFailed,
)
from .reconfiguration import (
    AddIncomingStreams,
    AddOutgoingStreams,
    IncomingSsnResetRequest,
    OutgoingSsnResetRequest,
    ReconfigurationResponse,
    ReconfigurationResult,
    SsnTsnResetRequest,
)
from .renumbering import MAX_SEGMENT_LIFETIME, Renumbering
from .rto import RtoEstimator
from .send_queue import SendQueue
from .sender import Sender
from .serial import MASK_32
from .timers import Timer

_FIXED_LENGTH: Final = 12 + 4 + 16
"""Packet header, chunk header, and the request without its streams."""

_MAX_WISHES: Final = 1000

Wish = IncomingSsnResetRequest | SsnTsnResetRequest | AddOutgoingStreams | AddIncomingStreams
"""A request without its number, which it gets when it leaves."""

Request = OutgoingSsnResetRequest | Wish


class ReconfigurationRequests:
    """Our requests, one at a time, sent again until they are answered.

    Resets of outgoing streams come from the send queue, once what was queued before them is sent; others are wishes.
    """

    __slots__ = (
        "_agreed",
        "_capacity",
        "_context",
        "_in_flight",
        "_in_progress",
        "_interval",
        "_next_renumbering",
        "_next_sequence",
        "_queue",
        "_renumbering",
        "_rto",
        "_sender",
        "_wishes",
        "answers",
    )

    def __init__(
        self,
        context: Context,
        queue: SendQueue,
        sender: Sender,
        rto: RtoEstimator,
        renumbering: Renumbering,
        agreed: CookieContents,
    ) -> None:
        self._context = context
        self._queue = queue
        self._sender = sender
        self._rto = rto
        self._renumbering = renumbering
        self._agreed = agreed
        self._next_sequence = agreed.local_initial_tsn
        self._capacity = (context.config.max_packet_size - _FIXED_LENGTH) // 2
        self._in_flight: Request | None = None
        self._wishes: list[Wish] = []
        self._interval = 0.0
        self._next_renumbering = 0.0
        """When the next request to begin all numbers anew may be queued."""

        self._in_progress = False
        """Whether the peer said that it needs more time."""

        self.answers = (agreed.peer_initial_tsn - 1) & MASK_32
        """Number of the peer's last request, which our requests name; they answer it if it was one for a reset."""

    @property
    def is_pending(self) -> bool:
        """Whether a request is in flight."""
        return self._in_flight is not None

    @property
    def waits_for_a_request(self) -> bool:
        """Whether the request in flight is one that the peer answers by a request of its own, or when it has none.

        What the peer asks meanwhile and needs the same of us is refused: each side would wait for the other.
        """
        return isinstance(self._in_flight, (IncomingSsnResetRequest, SsnTsnResetRequest))

    @property
    def outbound_streams(self) -> int:
        """How many outgoing streams there are if the peer grants all that is asked for."""
        requests = (self._in_flight, *self._wishes)
        return self._agreed.outbound_streams + sum(
            [request.stream_count for request in requests if isinstance(request, AddOutgoingStreams)]
        )

    def add(self, wish: Wish) -> None:
        """Queue a request.

        Raises:
            BufferFullError: A thousand wait already.
            StateError: It is one to begin all numbers anew, and the last one was less than 30 seconds ago.
        """
        if isinstance(wish, SsnTsnResetRequest):
            # [rfc6525:5.1.4/7]
            if self._context.now < self._next_renumbering:
                raise StateError("numbers begin anew once in 30 seconds at most")
            self._next_renumbering = self._context.now + MAX_SEGMENT_LIFETIME
        if len(self._wishes) >= _MAX_WISHES:
            raise BufferFullError(f"{_MAX_WISHES} requests wait already")
        self._wishes.append(wish)

    def prepare(self) -> None:
        """Before data leave: hold back what must not leave before the next request."""
        if self._in_flight is None and self._wishes and isinstance(self._wishes[0], SsnTsnResetRequest):
            self._renumbering.prepare()

    def send_next(self) -> None:
        """Send the next request if there is one, and none is in flight."""
        # [rfc6525:5.1.1/5] [rfc6525:5.1.1/6]
        if self._in_flight is not None:
            return
        if self._queue.reset_ready:
            self._in_flight = self._next_reset()
        elif self._wishes:
            wish = self._wishes[0]
            if isinstance(wish, SsnTsnResetRequest):
                if not self._renumbering.prepare():
                    return
                self._renumbering.await_answer()
            # [rfc6525:5.1.3/1] [rfc6525:5.1.4/1]
            wish.request_sequence = self._next_sequence
            self._in_flight = self._wishes.pop(0)
        else:
            return
        # [rfc6525:5.1.2/3] [rfc6525:5.1.3/2] [rfc6525:5.1.4/2]
        self._next_sequence = (self._next_sequence + 1) & MASK_32
        # [rfc6525:5.1.1/7] [rfc6525:5.1.1/9]
        self._interval = self._rto.rto
        self._in_progress = False
        self._transmit(self._in_flight)

    def _next_reset(self) -> OutgoingSsnResetRequest:
        ready = self._queue.reset_ready
        streams, self._queue.reset_ready = ready[: self._capacity], ready[self._capacity :]
        # [rfc6525:5.1.2/1] Their queues stand still until the answer. [rfc6525:5.1.2/2] [rfc6525:5.1.2/4]
        # [rfc6525:5.1.2/5] [rfc6525:5.1.2/6] [rfc6525:5.1.2/8] [rfc6525:4.1/1]
        return OutgoingSsnResetRequest(
            self._next_sequence, self.answers, self._sender.last_assigned_tsn, tuple(streams)
        )

    def _transmit(self, request: Request) -> None:
        # [rfc6525:4.1/2] [rfc6525:4.2/2] [rfc6525:4.3/2] [rfc6525:4.5/3] [rfc6525:4.6/3]
        # [rfc6525:5.1.2/9] [rfc6525:5.1.2/10] [rfc6525:5.1.2/11] [rfc6525:5.1.3/5] [rfc6525:5.1.3/6] [rfc6525:5.1.3/7]
        # [rfc6525:5.1.4/4] [rfc6525:5.1.4/5] [rfc6525:5.1.4/6] Alone in its RE-CONFIG.
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

    # --- answers ---

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
        self._finish()
        if response.result in (ReconfigurationResult.PERFORMED, ReconfigurationResult.NOTHING_TO_DO):
            self._succeeded(request, response)
        else:
            self._failed(request)

    def was_answered_by(self, sequence: int) -> None:
        """Note that the peer's reset of its outgoing streams names one of our requests."""
        # [rfc6525:5.2.2/1] [rfc6525:5.2.2/2]
        if isinstance(self._in_flight, IncomingSsnResetRequest) and self._in_flight.request_sequence == sequence:
            self._finish()

    def _finish(self) -> None:
        # [rfc6525:5.2.7/1] [rfc6525:5.2.7/2]
        self._in_flight = None
        self._context.timers.stop(Timer.RECONFIGURATION)

    def _succeeded(self, request: Request, response: ReconfigurationResponse) -> None:
        events = self._context.events
        match request:
            case OutgoingSsnResetRequest():
                if response.result == ReconfigurationResult.PERFORMED:
                    # It waited for that TSN, whether its SACK came or not: were messages of before still outstanding, a
                    # FORWARD-TSN would name their numbers, which now belong to messages to come.
                    self._sender.receive_cumulative_tsn(request.last_assigned_tsn)
                # [rfc6525:5.2.7/5]
                for stream_id in request.streams:
                    self._queue.finish_reset(stream_id, performed=True)
                events.append(OutgoingStreamsReset(request.streams))
            case AddOutgoingStreams():
                # [rfc6525:5.2.7/8] [rfc6525:5.2.7/9] [rfc6525:5.1.5/1] [rfc6525:5.1.5/2]
                self._agreed.outbound_streams += request.stream_count
                events.append(StreamsAdded(self._agreed.outbound_streams, self._agreed.inbound_streams))
            case SsnTsnResetRequest() if response.next_tsns is not None:
                self._renumbering.perform_ours(*response.next_tsns)
            case SsnTsnResetRequest():
                self._failed(request)
            case IncomingSsnResetRequest() | AddIncomingStreams():
                # What was asked for comes as a request of the peer's.
                pass

    def _failed(self, request: Request) -> None:
        events = self._context.events
        match request:
            case OutgoingSsnResetRequest():
                for stream_id in request.streams:
                    self._queue.finish_reset(stream_id, performed=False)
                events.append(StreamsResetFailed(request.streams))
            case IncomingSsnResetRequest():
                events.append(IncomingStreamsResetFailed(request.streams))
            case AddOutgoingStreams() | AddIncomingStreams():
                events.append(StreamsAddFailed())
            case SsnTsnResetRequest():
                self._renumbering.cancel()
                events.append(AssociationResetFailed())

    # --- what the peer wants of our outgoing streams ---

    def answer_incoming_reset(self, request: IncomingSsnResetRequest) -> ReconfigurationResult | None:
        """Reset our outgoing streams as the peer wishes; ``None`` if the request that says so leaves at once."""
        if any(stream_id >= self._agreed.outbound_streams for stream_id in request.streams):
            return ReconfigurationResult.WRONG_SSN
        streams = request.streams or tuple(self._queue.streams)
        if isinstance(self._in_flight, OutgoingSsnResetRequest) and set(streams) <= set(self._in_flight.streams):
            # [rfc6525:5.2.3/5]
            return ReconfigurationResult.NOTHING_TO_DO
        if self.waits_for_a_request:
            return ReconfigurationResult.REQUEST_ALREADY_IN_PROGRESS
        # [rfc6525:5.2.3/1] [rfc6525:5.2.3/4] [rfc6525:5.1.2/5]
        for stream_id in streams:
            if not self._queue.ends_with_reset(stream_id):
                self._queue.request_reset(stream_id)
        # [rfc6525:5.1.2/6]
        self.answers = request.request_sequence
        if streams and self._in_flight is None and set(self._queue.reset_ready).issuperset(streams):
            return None
        # [rfc6525:5.2.3/3]
        return ReconfigurationResult.IN_PROGRESS if streams else ReconfigurationResult.NOTHING_TO_DO

    def answer_add_incoming(self, request: AddIncomingStreams) -> ReconfigurationResult:
        """Ask for more outgoing streams, as the peer wishes."""
        # [rfc6525:5.2.6/1] [rfc6525:5.2.6/2]
        total = self.outbound_streams + request.stream_count
        if total > self._context.config.max_outbound_streams or len(self._wishes) >= _MAX_WISHES:
            return ReconfigurationResult.DENIED
        if request.stream_count == 0:
            return ReconfigurationResult.NOTHING_TO_DO
        self._wishes.append(AddOutgoingStreams(0, request.stream_count))
        return ReconfigurationResult.PERFORMED
