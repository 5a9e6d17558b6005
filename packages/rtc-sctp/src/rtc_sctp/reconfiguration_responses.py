"""Answering what the peer asks of our streams. See :rfc:`6525#section-5.2`."""

from typing import Final

from .causes import ProtocolViolation
from .chunks import ErrorChunk, ReconfigChunk
from .context import Context
from .cookie import CookieContents
from .events import IncomingStreamsReset, StreamsAdded
from .parameter import Parameter
from .receiver import Receiver
from .reconfiguration import (
    AddIncomingStreams,
    AddOutgoingStreams,
    IncomingSsnResetRequest,
    OutgoingSsnResetRequest,
    ReconfigurationResponse,
    ReconfigurationResult,
    SsnTsnResetRequest,
)
from .reconfiguration_requests import ReconfigurationRequests, Request
from .renumbering import Renumbering
from .serial import MASK_32
from .state import AssociationState

_LEGAL_PAIRS: Final = (
    {OutgoingSsnResetRequest, IncomingSsnResetRequest},
    {AddOutgoingStreams, AddIncomingStreams},
    {ReconfigurationResponse, OutgoingSsnResetRequest},
    {ReconfigurationResponse},
)
"""What may stand together in one RE-CONFIG. See :rfc:`6525#section-3.1`."""


class ReconfigurationResponses:
    """The peer's requests: each is answered, and a repeated one as before."""

    __slots__ = (
        "_agreed",
        "_context",
        "_deferred",
        "_expected",
        "_receiver",
        "_renumbering",
        "_requests",
        "_responses",
        "_to_renumber",
    )

    def __init__(
        self,
        context: Context,
        receiver: Receiver,
        requests: ReconfigurationRequests,
        renumbering: Renumbering,
        agreed: CookieContents,
    ) -> None:
        self._context = context
        self._receiver = receiver
        self._requests = requests
        self._renumbering = renumbering
        self._agreed = agreed
        self._expected = agreed.peer_initial_tsn
        self._to_renumber: int | None = None
        """Number of a request to begin all numbers anew, which waits until our data have arrived."""

        self._responses: dict[int, ReconfigurationResponse] = {}
        """Responses to the last two requests, which may have come in one chunk, by number."""

        self._deferred: OutgoingSsnResetRequest | None = None
        """A reset that waits for data sent before it."""

    def receive(self, chunk: ReconfigChunk) -> None:
        """Take one RE-CONFIG: requests and responses."""
        context = self._context
        if not _is_legal(chunk.parameters):
            # [rfc6525:3.1/1]
            information = b"parameters that do not stand together in RE-CONFIG"
            context.control.append(ErrorChunk((ProtocolViolation(information),)).serialize())
            context.drop("illegal_reconfiguration")
            return
        responses: list[Parameter] = []
        # [rfc6525:5.2.1/1]
        for parameter in chunk.parameters:
            if isinstance(parameter, ReconfigurationResponse):
                self._requests.receive_response(parameter)
            elif isinstance(parameter, Request):
                # [rfc6525:5.2.1/3]
                self._receiver.acknowledge_now()
                response = self._answer(parameter)
                if response is not None:
                    responses.append(response)
        # [rfc6525:5.2.1/2] [rfc6525:5.2.2/6] [rfc6525:5.2.2/11] [rfc6525:5.2.3/2] [rfc6525:4.4/3] [rfc6525:5.1.1/8]
        if responses:
            context.control.append(ReconfigChunk(tuple(responses)).serialize())

    def _answer(self, request: Request) -> ReconfigurationResponse | None:
        sequence = request.request_sequence
        if sequence in self._responses:
            # [rfc6525:5.2.1/4]
            return self._responses[sequence]
        if sequence != self._expected:
            return ReconfigurationResponse(sequence, ReconfigurationResult.BAD_SEQUENCE_NUMBER)
        self._expected = (self._expected + 1) & MASK_32
        self._requests.answers = sequence
        answer = self._serve(request)
        if answer is None:
            # Our own request is the answer; should it be lost, it is sent again.
            self._remember(ReconfigurationResponse(sequence, ReconfigurationResult.IN_PROGRESS))
            return None
        if isinstance(answer, ReconfigurationResponse):
            return self._remember(answer)
        # [rfc6525:5.1.7/1] [rfc6525:5.1.7/2] [rfc6525:5.1.7/4] [rfc6525:5.1.7/7]
        return self._remember(ReconfigurationResponse(sequence, answer))

    def _remember(self, response: ReconfigurationResponse) -> ReconfigurationResponse:
        self._responses[response.response_sequence] = response
        while len(self._responses) > 2:
            del self._responses[next(iter(self._responses))]
        return response

    def _serve(self, request: Request) -> ReconfigurationResult | ReconfigurationResponse | None:
        if self._context.state is AssociationState.SHUTDOWN_ACK_SENT:
            # [rfc6525:5.2.1/5] Nothing more comes, from neither side.
            return ReconfigurationResult.DENIED
        match request:
            case OutgoingSsnResetRequest():
                self._requests.was_answered_by(request.response_sequence)
                return self._reset_incoming(request)
            case IncomingSsnResetRequest():
                return self._requests.answer_incoming_reset(request)
            case AddIncomingStreams():
                return self._requests.answer_add_incoming(request)
            case AddOutgoingStreams():
                return self._add_incoming(request)
            case SsnTsnResetRequest():
                return self._begin_anew(request)

    def _add_incoming(self, request: AddOutgoingStreams) -> ReconfigurationResult:
        total = self._receiver.inbound_streams + request.stream_count
        # [rfc6525:5.2.5/1] [rfc6525:5.2.5/3] [rfc6525:5.2.1/5]
        if total > self._context.config.max_inbound_streams:
            return ReconfigurationResult.DENIED
        if request.stream_count == 0:
            return ReconfigurationResult.NOTHING_TO_DO
        # [rfc6525:5.2.5/2] [rfc6525:5.1.6/1]
        self._receiver.inbound_streams = self._agreed.inbound_streams = total
        self._context.events.append(StreamsAdded(self._agreed.outbound_streams, total))
        return ReconfigurationResult.PERFORMED

    def _begin_anew(self, request: SsnTsnResetRequest) -> ReconfigurationResult | ReconfigurationResponse:
        if self._requests.waits_for_a_request:
            return ReconfigurationResult.REQUEST_ALREADY_IN_PROGRESS
        if not self._renumbering.prepare() or self._requests.is_pending:
            self._to_renumber = request.request_sequence
            return ReconfigurationResult.IN_PROGRESS
        # [rfc6525:5.2.4/6]
        return self._renumber(request.request_sequence)

    def _renumber(self, sequence: int) -> ReconfigurationResponse:
        self._to_renumber = None
        return ReconfigurationResponse(sequence, ReconfigurationResult.PERFORMED, self._renumbering.perform_for_peer())

    def _reset_incoming(self, request: OutgoingSsnResetRequest) -> ReconfigurationResult:
        receiver = self._receiver
        if any(stream_id >= receiver.inbound_streams for stream_id in request.streams):
            return ReconfigurationResult.WRONG_SSN
        if self._deferred is not None and self._deferred.streams != request.streams:
            return ReconfigurationResult.REQUEST_ALREADY_IN_PROGRESS
        last_tsn = receiver.tracker.unwrap(request.last_assigned_tsn)
        if last_tsn > receiver.tracker.cumulative:
            # [rfc6525:5.2.2/3] [rfc6525:5.2.2/4] [rfc6525:5.2.2/5]
            self._deferred = request
            receiver.delivery.hold(frozenset(request.streams) or None, last_tsn)
            return ReconfigurationResult.IN_PROGRESS
        return self._perform(request)

    def _perform(self, request: OutgoingSsnResetRequest) -> ReconfigurationResult:
        self._deferred = None
        receiver = self._receiver
        # [rfc6525:5.2.2/7] [rfc6525:5.2.2/8]
        self._context.events.append(IncomingStreamsReset(request.streams or range(receiver.inbound_streams)))
        receiver.delivery.reset(request.streams or None, receiver.tracker.unwrap(request.last_assigned_tsn))
        # [rfc6525:5.2.2/10]
        return ReconfigurationResult.PERFORMED

    def data_arrived(self) -> None:
        """Perform a reset that waited for the peer's data, if it need not wait any longer, and say so."""
        request = self._deferred
        if request is None:
            return
        tracker = self._receiver.tracker
        if tracker.unwrap(request.last_assigned_tsn) <= tracker.cumulative:
            # [rfc6525:5.2.2/9]
            self._say(ReconfigurationResponse(request.request_sequence, self._perform(request)))

    def data_left(self) -> bool:
        """Begin all numbers anew if that waited for our data, and need not wait any longer; returns whether it did."""
        if self._to_renumber is not None and self._renumbering.prepare() and not self._requests.is_pending:
            # [rfc6525:5.2.4/7]
            self._say(self._renumber(self._to_renumber))
            return True
        return False

    def _say(self, response: ReconfigurationResponse) -> None:
        self._context.control.append(ReconfigChunk((self._remember(response),)).serialize())


def _is_legal(parameters: tuple[Parameter, ...]) -> bool:
    if len(parameters) == 1:
        return True
    return len(parameters) == 2 and {type(parameter) for parameter in parameters} in _LEGAL_PAIRS
