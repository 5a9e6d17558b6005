"""STUN servers that are asked over connections what a NAT has made of the port of a TCP candidate (:rfc:`6544#section-5.2`).

::

    ask ──► OpenTransport from the candidate's own port ──► request ──► answer ──► the connection stays, and the NAT's binding with it
                                                                              ──► stop: ICE has completed

What the answer says is worth something as long as the binding is there, and the peer's connections can come through it: those of simultaneous
open where both NATs map all connections of a port alike, others where the NAT lets strangers in.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from rtc_ice.carrier import StreamWish
from rtc_ice.credentials import Rng
from rtc_ice.messages import TRANSACTION_ID_LENGTH, build_gathering_request, server_mapped_address
from rtc_ice.pair import LocalCandidate
from rtc_stun import (
    Address,
    CloseTransport,
    Datagram,
    Message,
    MessageClass,
    OpenTransport,
    StreamBuffer,
    StreamData,
    StunError,
)

MAX_ANSWER_LENGTH: Final = 2048
"""Bytes of an answer; it is a short one."""


class StunAnswer(NamedTuple):
    """What a server has told."""

    host: LocalCandidate
    """The candidate that was asked for."""
    server: Address
    mapped: Address


class _Question:
    """A connection to a server, and what is asked on it."""

    __slots__ = ("buffer", "deadline", "host", "is_open", "number", "server", "transaction_id", "unsent")

    def __init__(self, number: int, host: LocalCandidate, server: Address) -> None:
        self.number = number
        self.host = host
        self.server = server
        self.is_open = False
        self.buffer = StreamBuffer(max_message_length=MAX_ANSWER_LENGTH)
        self.transaction_id: bytes | None = None
        """None if the server has answered."""
        self.deadline: float | None = None
        """Until when it has to."""
        self.unsent = b""


class StunStreams:
    """All such connections of an agent; implements `rtc_ice.carrier.Carrier`, although it carries nothing.

    Args:
        rng: Source of randomness.
        count: Counts what came to nothing, by reason.
    """

    def __init__(self, rng: Rng, count: Callable[[str], None]) -> None:
        self._rng = rng
        self._count = count
        self._questions: dict[int, _Question] = {}
        self._next_id = 0
        self._wishes: list[StreamWish] = []
        self._answers: list[StunAnswer] = []

    # --- gathering ---

    @property
    def done(self) -> bool:
        """Whether every question was answered or given up."""
        return all(question.transaction_id is None for question in self._questions.values())

    def ask(self, host: LocalCandidate, server: Address, deadline: float) -> None:
        """Ask a server, on the connection that there is or on a new one."""
        place = (host.base, server)
        question = next((each for each in self._questions.values() if (each.host.base, each.server) == place), None)
        if question is None:
            question = self._questions[self._next_id] = _Question(self._next_id, host, server)
            self._next_id += 1
            self._wishes.append(OpenTransport(question.number, server, "tcp", None, host.base))
        question.host = host
        question.deadline = deadline
        question.transaction_id = self._rng(TRANSACTION_ID_LENGTH)
        question.unsent += build_gathering_request(question.transaction_id)

    def answers(self) -> list[StunAnswer]:
        """Drain what servers have told."""
        answers, self._answers = self._answers, []
        return answers

    def forget(self, base: Address) -> None:
        """Close the connections from an address that is gone."""
        for question in [each for each in self._questions.values() if each.host.base == base]:
            self._close(question)

    def stop(self) -> None:
        """Close all connections: ICE has completed."""
        # [rfc6544:11.2/1]
        for question in list(self._questions.values()):
            self._close(question)

    def _close(self, question: _Question) -> None:
        del self._questions[question.number]
        # At once: what is left of a connection that was closed in order would keep the port from connecting there again.
        self._wishes.append(CloseTransport(question.number, abort=True))

    def _give_up(self, question: _Question) -> None:
        self._count("stun-stream-failed")
        self._close(question)

    # --- a carrier ---

    def carries(self, base: Address, transport: str) -> bool:  # noqa: ARG002 - the signature is Carrier's
        """Nothing: the bases are those of TCP candidates."""
        return False

    def send(self, datagram: Datagram, now: float) -> None:
        """Nothing is sent here."""

    def receive_datagram(self, datagram: Datagram, now: float) -> bool:  # noqa: ARG002 - the signature is Carrier's
        """Nothing that arrives at UDP sockets is meant."""
        return False

    def arrived(self) -> list[Datagram]:
        """Nothing arrives for others."""
        return []

    def handle_timeout(self, now: float) -> None:
        """Give up on silent servers."""
        for question in list(self._questions.values()):
            if question.deadline is not None and question.deadline <= now:
                self._give_up(question)

    def next_timeout(self) -> float | None:
        """Return when an answer is awaited no longer."""
        return min((each.deadline for each in self._questions.values() if each.deadline is not None), default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:  # noqa: ARG002 - the signature is Carrier's
        """Nothing of it leaves by UDP."""
        return []

    def stream_data_to_send(self, now: float) -> list[StreamData]:  # noqa: ARG002 - the signature is Carrier's
        """Drain the questions."""
        output = []
        for question in self._questions.values():
            if question.is_open and question.unsent:
                output.append(StreamData(question.number, question.unsent))
                question.unsent = b""
        return output

    def stream_wishes(self) -> list[StreamWish]:
        """Drain the wishes to connect and to close."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def transport_opened(self, transport_id: int, now: float, local: Address | None) -> None:  # noqa: ARG002 - Carrier's
        """Ask."""
        question = self._questions.get(transport_id)
        if question is not None:
            question.is_open = True

    def transport_failed(self, transport_id: int, now: float) -> None:  # noqa: ARG002 - the signature is Carrier's
        """Take note that there is no connection, or none any more."""
        question = self._questions.pop(transport_id, None)
        if question is not None and question.transaction_id is not None:
            self._count("stun-stream-failed")

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:  # noqa: ARG002 - Carrier's
        """Servers do not call."""
        return None

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:  # noqa: ARG002 - Carrier's
        """Take what a server wrote; one that does not speak STUN is given up."""
        question = self._questions.get(transport_id)
        if question is None:
            return
        try:
            answers = [Message.parse(each) for each in question.buffer.feed(data)]
        except StunError:
            self._give_up(question)
            return
        for answer in answers:
            if answer.transaction_id == question.transaction_id:
                self._take(question, answer)
                return

    def _take(self, question: _Question, answer: Message) -> None:
        mapped = server_mapped_address(answer)
        if answer.message_class is not MessageClass.SUCCESS or mapped is None or answer.unknown_required():
            self._give_up(question)
            return
        # [rfc6544:4.1/6] The connection stays.
        question.transaction_id = question.deadline = None
        self._answers.append(StunAnswer(question.host, question.server, mapped))

    def close(self, now: float) -> None:  # noqa: ARG002 - the signature is Carrier's
        """Close all connections."""
        self.stop()

    @property
    def has_farewell(self) -> bool:
        """Never: nothing leaves by UDP."""
        return False
