"""One way from a client to its server: a STUN client and, over TCP and TLS, the stream that it asks for.

A client has one that controls its allocation. While it moves to another address over streams it has a second
(:rfc:`8016`), and with TCP allocations one more for each connection with a peer (:rfc:`6062`). The numbers of their streams
are the client's, so that no two are the same.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from rtc_stun import (
    Address,
    ClientConfig,
    Closed,
    CloseTransport,
    Credential,
    IndicationReceived,
    OpenTransport,
    RequestFailed,
    RequestRedirected,
    RequestSucceeded,
    RtoCache,
    StreamData,
    StunClient,
)
from rtc_turn.attributes import TURN_ATTRIBUTES
from rtc_turn.channel_data import TurnStreamBuffer
from rtc_turn.client_requests import Journal, Order, Purpose, Trace
from rtc_turn.config import TurnConfig

MAX_REQUEST_LENGTH: Final = 1200
"""Bytes: with long names and nonces a request exceeds what every path carries, and servers are on good ones."""
MAX_PENDING_REQUESTS: Final = 8192
"""More than permissions and channels together can ever ask for at a time."""

Outcome: TypeAlias = IndicationReceived | RequestFailed | RequestRedirected | RequestSucceeded


def stun_maker(
    config: TurnConfig,
    *,
    local: Address,
    rng: Callable[[int], bytes],
    rto_cache: RtoCache | None,
    trace: Trace | None,
) -> Callable[[], StunClient]:
    """Return what makes STUN clients for TURN."""
    stun_config = ClientConfig(
        transport=config.transport,
        # [rfc8656:5/10]
        software=config.software,
        known_attributes=TURN_ATTRIBUTES,
        # [rfc8656:7.4/2]
        follow_redirections=True,
        # RFC 8656, 7.4: To ask again at once is no help where there is no room.
        max_server_errors=0,
        max_message_length=MAX_REQUEST_LENGTH,
        max_pending_requests=MAX_PENDING_REQUESTS,
    )
    return partial(StunClient, local=local, rng=rng, config=stun_config, rto_cache=rto_cache, trace=trace)


class ClientLink:
    """A STUN client whose streams have numbers of the TURN client.

    Args:
        stun: The STUN client.
        journal: Takes wishes for streams.
        local: What its streams are to leave from; None for anywhere.
    """

    __slots__ = ("_inner", "_journal", "_local", "_outer", "buffer", "purposes", "stream", "stun")

    def __init__(self, stun: StunClient, journal: Journal, local: Address | None = None) -> None:
        self.stun = stun
        self._journal = journal
        self._local = local
        self._inner: dict[int, int] = {}
        self._outer: dict[int, int] = {}
        self.stream: int | None = None
        """The stream that was asked for last, by the client's number."""
        self.buffer = TurnStreamBuffer()
        self.purposes: dict[int, Purpose] = {}
        """What the pending requests are for."""

    def request(self, order: Order, server: Address, domain: str | None) -> None:
        """Send a request."""
        request_id = self.stun.send_request(
            server, self._journal.now, method=order.method, attributes=order.attributes, domain=domain
        )
        self.purposes[request_id] = order.purpose

    def outcomes(self) -> list[Outcome]:
        """Drain what has happened; wishes for streams go to the journal."""
        outcomes: list[Outcome] = []
        for event in self.stun.events():
            match event:
                case OpenTransport(transport_id=inner, remote=remote, transport=transport, domain=domain):
                    outer = self.stream = self._journal.new_stream()
                    self._outer[inner], self._inner[outer] = outer, inner
                    self._journal.events.append(OpenTransport(outer, remote, transport, domain, self._local))
                    self.buffer = TurnStreamBuffer()
                case CloseTransport(transport_id=inner, abort=abort):
                    outer = self._forget(inner)
                    self._journal.events.append(CloseTransport(outer, abort))
                case Closed():
                    pass
                case _:
                    outcomes.append(event)
        return outcomes

    def has(self, transport_id: int) -> bool:
        """Whether a stream is one of its own."""
        return transport_id in self._inner

    def opened(self, transport_id: int) -> None:
        """A stream is connected."""
        self.stun.transport_opened(self._inner[transport_id], self._journal.now)

    def failed(self, transport_id: int) -> None:
        """A stream could not be connected, or is no more."""
        inner = self._inner[transport_id]
        self._forget(inner)
        self.stun.transport_failed(inner, self._journal.now)

    def messages(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are whole with what was read.

        Raises:
            ParseError: It is something else.
        """
        while messages := self.buffer.feed(data):
            data = b""
            yield from messages

    def receive(self, transport_id: int, message: bytes) -> None:
        """Take in a STUN message that came whole."""
        self.stun.receive_stream_data(self._inner[transport_id], message, self._journal.now)

    def output(self) -> list[StreamData]:
        """Drain what is to be written."""
        written = self.stun.stream_data_to_send(self._journal.now)
        return [StreamData(self._outer[each.transport_id], each.data) for each in written]

    def close(self) -> None:
        """End it, and its streams."""
        self.stun.close(self._journal.now)
        self.outcomes()

    def _forget(self, inner: int) -> int:
        outer = self._outer.pop(inner)
        del self._inner[outer]
        if outer == self.stream:
            self.stream = None
        return outer


class ClientLinks:
    """The links of one client that have to do with its allocation itself.

    Args:
        make_stun: Makes a STUN client.
        journal: That of the client.
    """

    __slots__ = ("_credential", "_journal", "_make_stun", "_next", "control")

    def __init__(self, make_stun: Callable[[], StunClient], journal: Journal) -> None:
        self._make_stun = make_stun
        self._journal = journal
        self.control = ClientLink(make_stun(), journal)
        """The one that controls the allocation."""
        self._next: ClientLink | None = None
        """The one that the allocation is moving to."""
        self._credential: Credential | None = None

    def set_credential(self, credential: Credential | None) -> None:
        """Prove ourselves so from now on."""
        self._credential = credential
        for link in self.all():
            link.stun.set_credential(credential)

    def all(self) -> list[ClientLink]:
        """Return them."""
        return [self.control] if self._next is None else [self.control, self._next]

    def find(self, transport_id: int) -> ClientLink | None:
        """Return the one that a stream belongs to."""
        return next((link for link in self.all() if link.has(transport_id)), None)

    def another(self, local: Address | None = None) -> ClientLink:
        """Return a further way to the server, with streams that leave from an address or from anywhere."""
        link = ClientLink(self._make_stun(), self._journal, local)
        link.stun.set_credential(self._credential)
        return link

    def begin_next(self, local: Address | None) -> ClientLink:
        """Return the one that the allocation is to move to."""
        self._next = self.another(local)
        return self._next

    def switch(self) -> list[Purpose]:
        """Let the next one control the allocation, if there is one; return what the last one was not answered."""
        if self._next is None:
            return []
        unanswered = list(self.control.purposes.values())
        self.control.close()
        self.control, self._next = self._next, None
        return unanswered
