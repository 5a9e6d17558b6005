"""Answering what the peer asks of our streams. See :rfc:`6525#section-5.2`."""

from typing import Final

from .causes import ProtocolViolation
from .chunks import ErrorChunk, ReconfigChunk
from .context import Context
from .events import IncomingStreamsReset
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
from .reconfiguration_requests import ReconfigurationRequests
from .serial import MASK_32

Request = (
    OutgoingSsnResetRequest | IncomingSsnResetRequest | SsnTsnResetRequest | AddOutgoingStreams | AddIncomingStreams
)

_LEGAL_PAIRS: Final = (
    {OutgoingSsnResetRequest, IncomingSsnResetRequest},
    {AddOutgoingStreams, AddIncomingStreams},
    {ReconfigurationResponse, OutgoingSsnResetRequest},
    {ReconfigurationResponse},
)
"""What may stand together in one RE-CONFIG. See :rfc:`6525#section-3.1`."""


class ReconfigurationResponses:
    """The peer's requests: each is answered, and a repeated one as before."""

    __slots__ = ("_context", "_deferred", "_expected", "_receiver", "_requests", "_responses")

    def __init__(
        self, context: Context, receiver: Receiver, requests: ReconfigurationRequests, *, remote_initial_tsn: int
    ) -> None:
        self._context = context
        self._receiver = receiver
        self._requests = requests
        self._expected = remote_initial_tsn
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
        # [rfc6525:5.2.1/2] [rfc6525:5.2.2/6] [rfc6525:5.2.2/11] [rfc6525:5.2.3/2] [rfc6525:4.4/3]
        if responses:
            context.control.append(ReconfigChunk(tuple(responses)).serialize())

    def _answer(self, request: Request) -> ReconfigurationResponse | None:
        sequence = request.request_sequence
        if sequence in self._responses:
            # [rfc6525:5.2.1/4] [rfc6525:5.1.1/8]
            return self._responses[sequence]
        if sequence != self._expected:
            return ReconfigurationResponse(sequence, ReconfigurationResult.BAD_SEQUENCE_NUMBER)
        self._expected = (self._expected + 1) & MASK_32
        self._requests.answers = sequence
        result = self._serve(request)
        if result is None:
            return None
        return self._remember(sequence, result)

    def _remember(self, sequence: int, result: ReconfigurationResult) -> ReconfigurationResponse:
        # [rfc6525:5.1.7/1] [rfc6525:5.1.7/2] [rfc6525:5.1.7/4] [rfc6525:5.1.7/7]
        response = ReconfigurationResponse(sequence, result)
        self._responses[sequence] = response
        while len(self._responses) > 2:
            del self._responses[next(iter(self._responses))]
        return response

    def _serve(self, request: Request) -> ReconfigurationResult | None:
        match request:
            case OutgoingSsnResetRequest():
                return self._reset_incoming(request)
            case IncomingSsnResetRequest():
                # [rfc6525:5.2.3/3]
                result = ReconfigurationResult.IN_PROGRESS
                if self._requests.answer_incoming_request(request.request_sequence, request.streams):
                    # Our own request is the answer; should it be lost, it is sent again.
                    self._remember(request.request_sequence, result)
                    return None
                return result
            case SsnTsnResetRequest() | AddOutgoingStreams() | AddIncomingStreams():
                # [rfc6525:5.2.1/5] [rfc6525:5.2.5/1] [rfc6525:5.2.5/3] [rfc6525:5.2.6/1] [rfc6525:5.2.6/2]
                return ReconfigurationResult.DENIED

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
        self._context.events.append(IncomingStreamsReset(request.streams or tuple(range(receiver.inbound_streams))))
        receiver.delivery.reset(request.streams or None)
        # [rfc6525:5.2.2/10]
        return ReconfigurationResult.PERFORMED

    def data_arrived(self) -> None:
        """Perform a reset that waited for data, if it need not wait any longer, and say so."""
        request = self._deferred
        if request is None:
            return
        tracker = self._receiver.tracker
        if tracker.unwrap(request.last_assigned_tsn) <= tracker.cumulative:
            response = self._remember(request.request_sequence, self._perform(request))
            # [rfc6525:5.2.2/9]
            self._context.control.append(ReconfigChunk((response,)).serialize())


def _is_legal(parameters: tuple[Parameter, ...]) -> bool:
    if len(parameters) == 1:
        return True
    return len(parameters) == 2 and {type(parameter) for parameter in parameters} in _LEGAL_PAIRS
