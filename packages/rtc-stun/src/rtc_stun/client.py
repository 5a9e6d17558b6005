"""The client: what its user sees of it (:rfc:`8489#section-6`)."""

from collections.abc import Callable, Iterable
from typing import Final

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import Software
from rtc_stun.client_authentication import Credential
from rtc_stun.client_config import ClientConfig, ClientStats
from rtc_stun.client_streams import ClientStreams
from rtc_stun.datagram import Address, Datagram, check_canonical
from rtc_stun.errors import FingerprintError, ParseError, StateError
from rtc_stun.events import ClientEvent, Closed, FailureReason, IndicationReceived
from rtc_stun.exchange import Exchange
from rtc_stun.journal import Journal, Trace
from rtc_stun.message import BINDING, TRANSACTION_ID_LENGTH, Message, MessageClass
from rtc_stun.requests import Requests
from rtc_stun.rto import RtoCache
from rtc_stun.wishes import StreamData

MAX_EVENTS: Final = 4096
"""Indications are dropped while so many events wait; the outcome of a request never is."""


class StunClient:
    """Send requests to STUN servers from one local address.

    `send_request` queues; drain `datagrams_to_send` (or `stream_data_to_send`) and `events` after every call, and call
    `handle_timeout` when `next_timeout` has come. Every request ends in one `RequestSucceeded` or `RequestFailed`.

    Over ``tcp`` and ``tls`` the client asks for its streams with `OpenTransport`, one to each server.

    Args:
        local: Our address. It labels what is sent; what arrives for another is not told apart.
        rng: Cryptographic randomness, such as `os.urandom`.
        credential: None for servers that ask for none.
        config: See there.
        rto_cache: Share one to let clients learn from each other.
        trace: Called with time, name and data of what happens.

    See :rfc:`8489#section-6`.
    """

    def __init__(
        self,
        *,
        local: Address,
        rng: Callable[[int], bytes],
        credential: Credential | None = None,
        config: ClientConfig | None = None,
        rto_cache: RtoCache | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._local = local
        self._rng = rng
        self._config = config if config is not None else ClientConfig()
        self._journal = Journal(trace)
        self._streams = ClientStreams(self._config, self._journal)
        cache = rto_cache if rto_cache is not None else RtoCache()
        self._requests = Requests(self._config, credential, rng, cache, self._streams, self._journal)
        self._next_id = 0
        self._indications: list[tuple[Address, bytes]] = []
        self._closed = False

    @property
    def stats(self) -> ClientStats:
        """Counters, for reading."""
        return self._journal.stats

    # Commands.

    def send_request(
        self,
        server: Address,
        now: float,
        *,
        method: int = BINDING,
        attributes: Iterable[Attribute] = (),
        domain: str | None = None,
    ) -> int:
        """Queue a request; drain the output next.

        Args:
            server: Whom to ask; an IP literal in canonical text, for a response is known by its source.
            now: Seconds.
            method: One whose responses the caller understands.
            attributes: What the method needs. SOFTWARE, credentials and FINGERPRINT are added.
            domain: What the server's certificate must prove, handed on to `OpenTransport`. Over a stream every
                request to one server names the same.

        Returns:
            The ID that the outcome will carry.

        Raises:
            StateError: The client is closed, too many requests are pending, or the stream to that server was asked for
                with another domain.
            ValueError: The request cannot be sent like this.
        """
        self._require_open()
        check_canonical(server)
        if not self._streams.fits(server, domain):
            raise StateError(f"the stream to that server does not prove {domain!r}")
        if len(self._requests) >= self._config.max_pending_requests:
            raise StateError(f"{len(self._requests)} requests are pending")
        exchange = Exchange(self._next_id, server, domain, method, (*self._software(), *attributes))
        self._requests.check(exchange)
        self._journal.advance(now)
        self._next_id += 1
        self._requests.submit(exchange)
        return exchange.request_id

    def send_indication(
        self, server: Address, now: float, *, method: int = BINDING, attributes: Iterable[Attribute] = ()
    ) -> None:
        """Queue an indication, for instance to keep a binding alive; drain the output next.

        It carries a short-term credential if the client has one. Over a stream, the stream must be open.

        Raises:
            StateError: The client is closed, the stream is not open, or too many indications wait to be sent.
            ValueError: The indication cannot be sent like this.
        """
        self._require_open()
        check_canonical(server)
        if not self._streams.is_ready(server):
            raise StateError("there is no open stream to that server")
        if len(self._indications) >= self._config.max_pending_requests:
            raise StateError(f"{len(self._indications)} indications wait to be sent")
        protection = self._requests.known_session(server).indication_protection()
        # [rfc8489:6.1/1] [rfc8489:6.1/2]
        message = Message(
            method,
            MessageClass.INDICATION,
            self._rng(TRANSACTION_ID_LENGTH),
            (*self._software(), *attributes, *protection.attributes),
        )
        wire = message.serialize(
            key=protection.key, integrity=protection.integrity, fingerprint=self._config.fingerprint
        )
        self._config.check_length(len(wire), ipv6=server.is_ipv6)
        self._journal.advance(now)
        self._indications.append((server, wire))

    def set_credential(self, credential: Credential | None) -> None:
        """Prove ourselves otherwise with the requests that are sent from now on; those under way go on as they are."""
        self._requests.set_credential(credential)

    def cancel(self, request_id: int, now: float) -> None:
        """Give up a request; it ends in `RequestFailed`.

        Raises:
            StateError: There is no such request any more.
        """
        self._require_open()
        exchange = self._requests.get(request_id)
        if exchange is None:
            raise StateError(f"request {request_id} is not pending")
        self._journal.advance(now)
        self._requests.fail(exchange, FailureReason.CANCELLED)

    def report_unreachable(self, server: Address, now: float) -> None:
        """Tell of a hard ICMP error (host, port or protocol unreachable): the requests to the server fail."""
        self._require_open()
        self._journal.advance(now)
        self._requests.fail_all(server)

    def transport_opened(self, transport_id: int, now: float) -> None:
        """Tell that a stream asked for with `OpenTransport` is connected; drain the output next.

        Nothing happens if the client has given the stream up meanwhile: a `CloseTransport` for it waits among the events.

        Raises:
            StateError: The client is closed, never asked for the stream, or was told before.
        """
        self._require_open()
        stream = self._streams.get(transport_id)
        if not self._streams.was_wanted(transport_id) or (stream is not None and stream.is_open):
            raise StateError(f"transport {transport_id} is not being opened")
        self._journal.advance(now)
        if stream is not None:
            self._streams.opened(stream)
            self._requests.admit(stream.server)

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that a stream could not be connected, was closed by the server, or broke.

        The requests that depend on it fail. Nothing happens if the client does not know the stream any more.
        """
        self._journal.advance(now)
        stream = self._streams.get(transport_id)
        if stream is None:
            return
        self._streams.forget(stream)
        if stream.is_open:
            self._requests.lose_stream(stream.server)
        else:
            self._requests.fail_all(stream.server)

    def close(self, now: float) -> None:
        """Give up everything; drain `events` one last time."""
        if self._closed:
            return
        self._journal.advance(now)
        self._requests.close()
        self._streams.close()
        self._indications.clear()
        self._closed = True
        self._journal.events.append(Closed())

    # Input.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram; drain events and output next."""
        self._journal.advance(now)
        self._receive(datagram.data, datagram.remote)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._journal.advance(now)
        for datagram in datagrams:
            self._receive(datagram.data, datagram.remote)

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak STUN is given up."""
        self._journal.advance(now)
        stream = self._streams.get(transport_id)
        if stream is None or not stream.is_open:
            self._journal.drop("closed" if self._closed else "unknown-transport")
            return
        try:
            while messages := stream.buffer.feed(data):
                data = b""
                for message in messages:
                    self._receive(message, stream.server)
        except ParseError:
            self._journal.drop("malformed-stream")
            self._streams.abort(stream)
            self._requests.lose_stream(stream.server)

    def _receive(self, data: bytes, remote: Address) -> None:
        if self._closed:
            self._journal.drop("closed")
            return
        try:
            message = Message.parse(data, self._config.known_attributes)
            if self._config.fingerprint:
                message.verify_fingerprint()
        except ParseError:
            self._journal.drop("malformed")
        except FingerprintError:
            self._journal.drop("fingerprint")
        else:
            if message.message_class is MessageClass.INDICATION:
                self._receive_indication(message, remote)
            else:
                self._requests.receive(message, remote)

    def _receive_indication(self, message: Message, remote: Address) -> None:
        if message.unknown_required():
            self._journal.drop("unknown-attributes")
        elif not self._requests.admits(message, remote):
            self._journal.drop("integrity")
        elif len(self._journal.events) >= MAX_EVENTS:
            self._journal.drop("events-full")
        else:
            self._journal.events.append(IndicationReceived(remote, message))

    # Time and output.

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._journal.advance(now)
        for stream in self._streams.overdue():
            self._streams.abort(stream)
            self._requests.fail_all(stream.server)
        self._requests.handle_timeout()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        if self._indications:
            return self._journal.now
        requests, streams = self._requests.next_timeout(), self._streams.next_timeout()
        if requests is None or streams is None:
            return streams if requests is None else requests
        return min(requests, streams)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Over a stream see `stream_data_to_send`."""
        if self._streams.are_used:
            return []
        return [Datagram(wire, self._local, server, self._config.transport) for server, wire in self._flush(now)]

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to the streams."""
        if not self._streams.are_used:
            return []
        return [
            StreamData(stream.transport_id, wire)
            for server, wire in self._flush(now)
            if (stream := self._streams.to(server)) is not None
        ]

    def _flush(self, now: float) -> list[tuple[Address, bytes]]:
        self._journal.advance(now)
        indications, self._indications = self._indications, []
        return indications + self._requests.flush()

    def events(self) -> list[ClientEvent]:
        """Drain what has happened."""
        return self._journal.drain()

    @property
    def closed(self) -> bool:
        """Whether the client has come to its end."""
        return self._closed

    def _software(self) -> tuple[Attribute, ...]:
        # [rfc8489:6.1/3]
        return () if self._config.software is None else (Software(self._config.software),)

    def _require_open(self) -> None:
        if self._closed:
            raise StateError("the client is closed")
