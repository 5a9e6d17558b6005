"""The client: requests, retransmission, authentication and redirection.

See :rfc:`8489#section-6` and :rfc:`8489#section-9`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import ErrorCode, Software
from rtc_stun.client_authentication import (
    Accepted,
    Challenged,
    Credential,
    Discarded,
    Refused,
    Session,
    open_session,
)
from rtc_stun.client_config import STREAM_TRANSPORTS, ClientConfig, ClientStats
from rtc_stun.client_streams import ClientStream, StreamPool
from rtc_stun.datagram import Address, Datagram, check_canonical
from rtc_stun.errors import FingerprintError, ParseError, StateError
from rtc_stun.events import (
    ClientEvent,
    Closed,
    CloseTransport,
    FailureReason,
    IndicationReceived,
    OpenTransport,
    RequestFailed,
    RequestRedirected,
    RequestSucceeded,
)
from rtc_stun.exchange import Exchange, Phase
from rtc_stun.message import BINDING, TRANSACTION_ID_LENGTH, Message, MessageClass
from rtc_stun.outcome import Again, Elsewhere, Failure, Success, outcome_of
from rtc_stun.retransmission import Retransmission
from rtc_stun.rto import RtoCache
from rtc_stun.stream import StreamData
from rtc_stun.timers import Timers
from rtc_stun.transactions import TransactionTable

Trace = Callable[[float, str, Mapping[str, object]], None]

MAX_CHALLENGES: Final = 4
"""Challenges that one request answers: one for the realm, one for a stale nonce, and some patience."""
MAX_SESSIONS: Final = 256
"""Servers whose challenge is remembered."""
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
        self.stats = ClientStats()
        """Counters, for reading."""
        self._local = local
        self._rng = rng
        self._credential = credential
        self._config = config if config is not None else ClientConfig()
        self._rto_cache = rto_cache if rto_cache is not None else RtoCache()
        self._trace = trace
        self._reliable = self._config.transport in STREAM_TRANSPORTS
        self._now = float("-inf")
        self._closed = False
        self._next_id = 0
        self._timers = Timers()
        self._table = TransactionTable(self._timers)
        self._streams = StreamPool()
        self._sessions: dict[Address, Session] = {}
        self._indications: list[tuple[Address, bytes]] = []
        self._events: list[ClientEvent] = []

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
            domain: What the server's certificate must prove, handed on to `OpenTransport`.

        Returns:
            The ID that the outcome will carry.

        Raises:
            StateError: The client is closed, or too many requests are pending.
            ValueError: The request cannot be sent like this.
        """
        self._require_open()
        check_canonical(server)
        if len(self._table) >= self._config.max_pending_requests:
            raise StateError(f"{len(self._table)} requests are pending")
        exchange = Exchange(
            self._next_id, server, domain, method, (*self._software(), *attributes), self._schedule(server, now)
        )
        # Made once to find out what is wrong with it, and again when its turn comes, with what is known by then.
        self._prepare(exchange)
        self._advance(now)
        self._next_id += 1
        self._enqueue(exchange)
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
        stream = self._streams.to(server)
        if self._reliable and (stream is None or not stream.open):
            raise StateError("there is no open stream to that server")
        if len(self._indications) >= self._config.max_pending_requests:
            raise StateError(f"{len(self._indications)} indications wait to be sent")
        protection = self._session(server).indication_protection()
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
        self._advance(now)
        self._indications.append((server, wire))

    def cancel(self, request_id: int, now: float) -> None:
        """Give up a request; it ends in `RequestFailed`.

        Raises:
            StateError: There is no such request any more.
        """
        self._require_open()
        exchange = self._table.get(request_id)
        if exchange is None:
            raise StateError(f"request {request_id} is not pending")
        self._advance(now)
        self._fail(exchange, FailureReason.CANCELLED)

    def report_unreachable(self, server: Address, now: float) -> None:
        """Tell of a hard ICMP error (host, port or protocol unreachable): the requests to the server fail."""
        self._require_open()
        self._advance(now)
        for exchange in self._table.with_server(server):
            self._fail(exchange, FailureReason.TRANSPORT_FAILED)

    def transport_opened(self, transport_id: int, now: float) -> None:
        """Tell that a stream asked for with `OpenTransport` is connected; drain the output next.

        Raises:
            StateError: No such stream is being opened.
        """
        self._require_open()
        stream = self._streams.get(transport_id)
        if stream is None or stream.open:
            raise StateError(f"transport {transport_id} is not being opened")
        self._advance(now)
        stream.open = True
        self._timers.cancel(transport_id)
        self._admit(stream.server)

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that a stream could not be connected, was closed by the server, or broke.

        The requests that depend on it fail. Nothing happens if the client does not know the stream any more.
        """
        self._advance(now)
        stream = self._streams.get(transport_id)
        if stream is not None:
            self._drop_stream(stream)

    def close(self, now: float) -> None:
        """Give up everything; drain `events` one last time."""
        if self._closed:
            return
        self._advance(now)
        for exchange in self._table.all():
            self._table.remove(exchange)
            self._events.append(RequestFailed(exchange.request_id, exchange.server, FailureReason.CANCELLED))
        for stream in self._streams.all():
            self._timers.cancel(stream.transport_id)
            self._streams.remove(stream)
            # [rfc8489:6.2.2/3] A stream that works stays open up to here.
            self._events.append(CloseTransport(stream.transport_id))
        self._indications.clear()
        self._closed = True
        self._events.append(Closed())

    # Input.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram; drain events and output next."""
        self._advance(now)
        self._receive(datagram.data, datagram.remote)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._advance(now)
        for datagram in datagrams:
            self._receive(datagram.data, datagram.remote)

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak STUN is given up."""
        self._advance(now)
        stream = self._streams.get(transport_id)
        if stream is None or not stream.open:
            self._drop("unknown-transport")
            return
        try:
            messages = stream.buffer.feed(data)
        except ParseError:
            self._drop("malformed-stream")
            self._events.append(CloseTransport(transport_id, abort=True))
            self._drop_stream(stream)
            return
        for message in messages:
            self._receive(message, stream.server)

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._advance(now)
        for key in self._timers.pop_due(self._now):
            stream = self._streams.get(key)
            if stream is not None:
                self._events.append(CloseTransport(key, abort=True))
                self._drop_stream(stream)
            elif (exchange := self._table.get(key)) is not None:
                self._time_out(exchange)

    # Output.

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Over a stream see `stream_data_to_send`."""
        if self._reliable:
            return []
        return [Datagram(wire, self._local, server, self._config.transport) for server, wire in self._flush(now)]

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to the streams."""
        if not self._reliable:
            return []
        return [
            StreamData(stream.transport_id, wire)
            for server, wire in self._flush(now)
            if (stream := self._streams.to(server)) is not None
        ]

    def events(self) -> list[ClientEvent]:
        """Drain what has happened."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        if self._table.has_due or self._indications:
            return self._now
        return self._timers.next()

    @property
    def closed(self) -> bool:
        """Whether the client has come to its end."""
        return self._closed

    # The life of an exchange.

    def _enqueue(self, exchange: Exchange) -> None:
        self._table.enqueue(exchange)
        if self._reliable and self._streams.to(exchange.server) is None:
            self._open_stream(exchange.server, exchange.domain)
        self._admit(exchange.server)

    def _admit(self, server: Address) -> None:
        """Begin the transactions of queued requests, as many as the server may have at a time."""
        if self._reliable:
            stream = self._streams.to(server)
            if stream is None or not stream.open:
                return
        while (exchange := self._table.next_in_turn(server)) is not None:
            try:
                self._prepare(exchange)
            except ValueError:
                self._fail(exchange, FailureReason.TOO_LARGE)
            else:
                exchange.retransmission = self._schedule(server, self._now)
                self._table.begin(exchange)

    def _prepare(self, exchange: Exchange) -> None:
        # [rfc8489:5/3] The caller's source of randomness is a cryptographic one.
        transaction_id = self._rng(TRANSACTION_ID_LENGTH)
        protection = self._session(exchange.server).protection()
        exchange.prepare(transaction_id, protection, fingerprint=self._config.fingerprint)
        self._config.check_length(len(exchange.wire), ipv6=exchange.server.is_ipv6)

    def _flush(self, now: float) -> list[tuple[Address, bytes]]:
        self._advance(now)
        output, self._indications = self._indications, []
        for exchange in self._table.flush(self._now):
            output.append((exchange.server, exchange.wire))
            if exchange.retransmission.sent_count == 1:
                self.stats.requests_sent += 1
            else:
                self.stats.retransmissions += 1
            if self._trace is not None:
                self._trace(self._now, "stun:request_sent", exchange.record())
        return output

    def _time_out(self, exchange: Exchange) -> None:
        if exchange.phase is Phase.PAUSED:
            self._enqueue(exchange)
            return
        if not exchange.retransmission.expired:
            self._table.repeat(exchange)
            return
        # [rfc8489:9.1.4/3] [rfc8489:9.2.5/18]
        self._fail(exchange, FailureReason.INTEGRITY_VIOLATED if exchange.violated else FailureReason.TIMEOUT)
        stream = self._streams.to(exchange.server)
        if stream is not None:
            # [rfc8489:6.2.2/4] It does not work any more; the next request opens another.
            self._events.append(CloseTransport(stream.transport_id, abort=True))
            self._drop_stream(stream)

    def _fail(
        self,
        exchange: Exchange,
        reason: FailureReason,
        error_code: int | None = None,
        response: Message | None = None,
    ) -> None:
        self._table.remove(exchange)
        self._events.append(RequestFailed(exchange.request_id, exchange.server, reason, error_code, response))
        self._trace_end(exchange, reason.name.lower())
        self._admit(exchange.server)

    # Receiving.

    def _receive(self, data: bytes, remote: Address) -> None:
        if self._closed:
            self._drop("closed")
            return
        try:
            message = Message.parse(data, self._config.known_attributes)
            if self._config.fingerprint:
                message.verify_fingerprint()
        except ParseError:
            self._drop("malformed")
            return
        except FingerprintError:
            self._drop("fingerprint")
            return
        if message.message_class is MessageClass.INDICATION:
            self._receive_indication(message, remote)
            return
        exchange = self._table.find(message.transaction_id)
        if exchange is None or message.message_class is MessageClass.REQUEST:
            self._drop("no-transaction")
        elif message.method != exchange.method or remote != exchange.server:
            self._drop("wrong-source" if remote != exchange.server else "wrong-method")
        else:
            self._judge(exchange, message)

    def _receive_indication(self, message: Message, remote: Address) -> None:
        if message.unknown_required():
            self._drop("unknown-attributes")
        # A session that is not there is not kept: anybody could make us forget those that matter.
        elif not (self._sessions.get(remote) or open_session(self._credential)).admits(message):
            self._drop("integrity")
        elif len(self._events) >= MAX_EVENTS:
            self._drop("events-full")
        else:
            self._events.append(IndicationReceived(remote, message))

    def _judge(self, exchange: Exchange, response: Message) -> None:
        match self._session(exchange.server).judge(response, exchange.protection):
            case Discarded(violated=violated):
                self._drop("integrity" if violated else "ignored")
                exchange.violated |= violated
                # [rfc8489:9.1.4/2] [rfc8489:9.2.5/17] Over UDP the transaction goes on.
                # [rfc8489:9.1.4/4] [rfc8489:9.2.5/19] Over a stream there is nothing more to come.
                if violated and self._reliable:
                    self._fail(exchange, FailureReason.INTEGRITY_VIOLATED)
            case Refused(reason=reason):
                self._measure(exchange)
                error = response.get(ErrorCode)
                self._fail(exchange, reason, None if error is None else error.code, response)
            case Challenged():
                self._measure(exchange)
                self._answer_challenge(exchange, response)
            case Accepted():
                self._measure(exchange)
                self._accept(exchange, response)

    def _measure(self, exchange: Exchange) -> None:
        retransmission = exchange.retransmission
        rtt = self._now - retransmission.sent_at if retransmission.sent_count == 1 else None
        if not self._reliable:
            self._rto_cache.completed(exchange.server.host, self._now, rtt)

    def _answer_challenge(self, exchange: Exchange, response: Message) -> None:
        exchange.challenge_count += 1
        if exchange.challenge_count > MAX_CHALLENGES:
            self._fail(exchange, FailureReason.CREDENTIALS_REFUSED, None, response)
            return
        self._table.end(exchange)
        self._enqueue(exchange)

    def _accept(self, exchange: Exchange, response: Message) -> None:
        self.stats.responses_accepted += 1
        match outcome_of(exchange, response, self._now, self._config):
            case Success(mapped_address=address):
                self._table.remove(exchange)
                self._events.append(RequestSucceeded(exchange.request_id, exchange.server, response, address))
                self._trace_end(exchange, "succeeded")
                self._admit(exchange.server)
            case Failure(reason=reason, error_code=code):
                self._fail(exchange, reason, code, response)
            case Again():
                pause = self._rto_cache.rto(exchange.server.host, self._now) * 2**exchange.server_error_count
                exchange.server_error_count += 1
                self._table.end(exchange)
                self._table.pause(exchange, self._now + pause)
                self._admit(exchange.server)
            case Elsewhere(server=server, domain=domain):
                self._redirect(exchange, server, domain)

    def _redirect(self, exchange: Exchange, server: Address, domain: str | None) -> None:
        self._table.end(exchange)
        left = exchange.server
        exchange.redirect(server, domain)
        self._events.append(RequestRedirected(exchange.request_id, server, domain))
        # [rfc8489:10/5] The client has one credential, and the new server gets the same.
        self._enqueue(exchange)
        self._admit(left)

    # Streams, sessions and small things.

    def _open_stream(self, server: Address, domain: str | None) -> None:
        stream = ClientStream(self._next_id, server, domain)
        self._next_id += 1
        self._streams.add(stream)
        self._timers.set(stream.transport_id, self._now + self._config.reliable_timeout)
        self._events.append(OpenTransport(stream.transport_id, server, self._config.transport, domain))

    def _drop_stream(self, stream: ClientStream) -> None:
        """Forget a stream. What was under way fails; what waited gets a new one, unless this one never opened."""
        self._timers.cancel(stream.transport_id)
        self._streams.remove(stream)
        waiting = []
        for exchange in self._table.with_server(stream.server):
            if stream.open and exchange.phase is Phase.QUEUED:
                waiting.append(exchange)
            else:
                self._fail(exchange, FailureReason.TRANSPORT_FAILED)
        if waiting:
            self._open_stream(stream.server, waiting[0].domain)

    def _session(self, server: Address) -> Session:
        session = self._sessions.get(server)
        if session is None:
            session = self._sessions[server] = open_session(self._credential)
            if len(self._sessions) > MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return session

    def _schedule(self, server: Address, now: float) -> Retransmission:
        if self._reliable:
            return Retransmission.reliable(self._config.reliable_timeout)
        return Retransmission(
            self._rto_cache.rto(server.host, now),
            max_requests=self._config.max_requests,
            last_wait_factor=self._config.last_wait_factor,
        )

    def _software(self) -> tuple[Attribute, ...]:
        # [rfc8489:6.1/3] [rfc8489:16.1.2/1]
        return () if self._config.software is None else (Software(self._config.software),)

    def _require_open(self) -> None:
        if self._closed:
            raise StateError("the client is closed")

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)

    def _drop(self, reason: str) -> None:
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + 1
        if self._trace is not None:
            self._trace(self._now, "stun:dropped", {"reason": reason})

    def _trace_end(self, exchange: Exchange, outcome: str) -> None:
        if self._trace is not None:
            self._trace(self._now, "stun:request_ended", {"request_id": exchange.request_id, "outcome": outcome})
