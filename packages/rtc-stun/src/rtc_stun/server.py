"""The server: Binding requests, authentication and redirection (:rfc:`8489#section-6.3.1`, :rfc:`8489#section-12`)."""

from collections.abc import Iterable
from dataclasses import field
from typing import Final

from rtc_stun._version import __version__
from rtc_stun.attribute import Attribute, AttributeSet
from rtc_stun.attributes import (
    STUN_ATTRIBUTES,
    AlternateDomain,
    AlternateServer,
    ErrorCode,
    Fingerprint,
    Software,
    UnknownAttributes,
    XorMappedAddress,
)
from rtc_stun.behavior_server import BehaviorConfig, BehaviorUsage, Reply
from rtc_stun.classic import answer_classic
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address, Datagram, check_canonical
from rtc_stun.errors import FingerprintError, ParseError, StateError
from rtc_stun.events import Closed, ServerEvent
from rtc_stun.journal import Trace
from rtc_stun.message import BINDING, Integrity, Message, MessageClass, is_stun
from rtc_stun.server_authentication import Authenticated, Authenticator, Unauthenticated
from rtc_stun.stream import StreamBuffer
from rtc_stun.wishes import CloseTransport, StreamData

MAX_UNSENT: Final = 65536
"""Responses that wait to be drained; requests beyond are dropped."""
MAX_STREAM_MESSAGE_LENGTH: Final = 4096
"""Bytes of a request over a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirection:
    """Where a server sends those who have proven who they are."""

    ipv4: Address | None = None
    """The server for clients that come over IPv4; None to serve them here."""
    ipv6: Address | None = None
    """The server for clients that come over IPv6; None to serve them here."""
    domain: str | None = None
    """What its certificate proves over TLS and DTLS, if that is not what ours proves."""

    def __post_init__(self) -> None:
        """Refuse what could not be sent."""
        for address, is_ipv6 in ((self.ipv4, False), (self.ipv6, True)):
            if address is not None:
                check_canonical(address)
                if address.is_ipv6 != is_ipv6:
                    raise ValueError(f"{address.host} is of the other address family")
        if self.domain is not None:
            AlternateDomain(self.domain).serialize(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """What a server may be told."""

    software: str | None = f"rtc-stun {__version__}"
    """Value of SOFTWARE; None to keep it to oneself."""
    classic: bool = True
    """Whether to answer clients of :rfc:`3489`; not on a port that other protocols share."""
    redirection: Redirection | None = None
    """For a server that authenticates its clients: where they are to go."""
    max_transports: int = 1024
    """Streams at a time; one more is closed at once, unless another has been silent for long."""
    max_silence: float = 60.0
    """Seconds without a message after which a stream gives way to a new one, should there be too many."""
    behavior: BehaviorConfig | None = None
    """For a server that helps clients to explore their NAT (:rfc:`5780`)."""

    def __post_init__(self) -> None:
        """Refuse what could not be sent and what makes no sense."""
        if self.max_transports < 1 or self.max_silence < 0:
            raise ValueError("there is room for at least one stream, and silence has a length")
        if self.software is not None:
            Software(self.software).serialize(b"")


@dataclass(slots=True)
class ServerStats:
    """What a server has done so far."""

    responses: dict[int, int] = field(default_factory=dict)
    """By error code; 0 counts success responses."""
    indications_received: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Datagrams, messages and streams that came to nothing, by reason."""


@dataclass(slots=True, eq=False)
class _Stream:
    local: Address
    remote: Address
    transport: str
    buffer: StreamBuffer = field(repr=False)
    heard_at: float
    """When it was opened, or the last message came."""


class StunServer:
    """Answer Binding requests, over datagrams and over streams.

    It keeps no state for a client: a repeated request is answered again. A request gets at most one response, anything
    else gets none. Drain `datagrams_to_send`, `stream_data_to_send` and `events` after every call.

    Args:
        authenticator: None, as is recommended for a server that only tells addresses; otherwise a
            `ShortTermAuthenticator` or a `LongTermAuthenticator`.
        config: See there.
        trace: Called with time, name and data of what happens.

    See :rfc:`8489#section-12`.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator | None = None,
        config: ServerConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._config = config if config is not None else ServerConfig()
        # [rfc8489:14.8/7] There is nobody that such a server might redirect.
        if self._config.redirection is not None and authenticator is None:
            raise ValueError("only a server that authenticates its clients may redirect them")
        self.stats = ServerStats()
        """Counters, for reading."""
        # [rfc8489:12/2] [rfc8489:12/3]
        self._authenticator = authenticator
        self._behavior = None if self._config.behavior is None else BehaviorUsage(self._config.behavior)
        self._trace = trace
        self._now = float("-inf")
        self._closed = False
        self._streams: dict[int, _Stream] = {}
        """The one that has been silent for longest is the first."""
        self._datagrams: list[Datagram] = []
        self._stream_data: list[StreamData] = []
        self._events: list[ServerEvent] = []

    # Streams.

    def transport_opened(
        self, transport_id: int, local: Address, remote: Address, now: float, *, transport: str = "tcp"
    ) -> None:
        """Tell of a stream that was accepted. If there are too many, it or a silent one is to be closed: drain `events`.

        Args:
            transport_id: A number of the caller's choice that no open stream has.
            local: Our address.
            remote: The client's address.
            now: Seconds.
            transport: ``tcp`` or ``tls``.

        Raises:
            StateError: The server is closed, or the number is in use.
        """
        if self._closed:
            raise StateError("the server is closed")
        if transport_id in self._streams:
            raise StateError(f"transport {transport_id} is open already")
        self._advance(now)
        # [rfc8489:6.2.2/8]
        if len(self._streams) >= self._config.max_transports and not self._close_silent():
            self._drop("too-many-transports")
            self._events.append(CloseTransport(transport_id, abort=True))
            return
        buffer = StreamBuffer(max_message_length=MAX_STREAM_MESSAGE_LENGTH)
        self._streams[transport_id] = _Stream(local, remote, transport, buffer, self._now)

    def _close_silent(self) -> bool:
        """Close the stream that has been silent for longest, if that is long enough; tell whether there is one."""
        transport_id, stream = next(iter(self._streams.items()))
        if self._now - stream.heard_at < self._config.max_silence:
            return False
        # Without this, whoever opens streams and says nothing would keep everybody else out.
        self._drop("silent-transport")
        self._events.append(CloseTransport(transport_id, abort=True))
        del self._streams[transport_id]
        return True

    def transport_closed(self, transport_id: int, now: float) -> None:
        """Tell of a stream that ended. Nothing happens if the server does not know it any more."""
        self._advance(now)
        self._streams.pop(transport_id, None)

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak STUN is given up."""
        self._advance(now)
        stream = self._streams.get(transport_id)
        if stream is None:
            self._drop("closed" if self._closed else "unknown-transport")
            return
        try:
            while messages := stream.buffer.feed(data):
                data = b""
                stream.heard_at = self._now
                self._streams[transport_id] = self._streams.pop(transport_id)
                for message in messages:
                    # [rfc8489:12/4]
                    received = Datagram(message, stream.local, stream.remote, stream.transport)
                    response = self._answer(received)
                    if response is not None:
                        # [rfc8489:6.2.2/7] Back on the same stream, or not at all.
                        self._stream_data.append(StreamData(transport_id, response.data))
        except ParseError:
            self._drop("malformed-stream")
            # [rfc8489:6.2.2/5] [rfc8489:6.2.2/6] The one case in which the server closes; no request is lost by it.
            self._events.append(CloseTransport(transport_id, abort=True))
            del self._streams[transport_id]

    # Datagrams.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram; drain the output next."""
        self._advance(now)
        self._receive(datagram)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams; drain the output next."""
        self._advance(now)
        for datagram in datagrams:
            self._receive(datagram)

    def _receive(self, datagram: Datagram) -> None:
        if self._closed:
            self._drop("closed")
            return
        response = self._answer(datagram)
        if response is not None:
            self._datagrams.append(response)

    # Time and output.

    def handle_timeout(self, now: float) -> None:
        """Do nothing: the server has no timers."""
        self._advance(now)

    def next_timeout(self) -> float | None:
        """Return the time at hand while output waits to be drained, otherwise None."""
        return self._now if self._datagrams or self._stream_data else None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain the responses to datagrams."""
        self._advance(now)
        datagrams, self._datagrams = self._datagrams, []
        return datagrams

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain the responses to be written to streams."""
        self._advance(now)
        stream_data, self._stream_data = self._stream_data, []
        return stream_data

    def events(self) -> list[ServerEvent]:
        """Drain what is wished for."""
        events, self._events = self._events, []
        return events

    def close(self, now: float) -> None:
        """Stop answering; drain `events` one last time."""
        if self._closed:
            return
        self._advance(now)
        self._events.extend(CloseTransport(transport_id) for transport_id in self._streams)
        self._events.append(Closed())
        self._streams.clear()
        self._datagrams.clear()
        self._stream_data.clear()
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether the server has come to its end."""
        return self._closed

    # Answering.

    def _answer(self, received: Datagram) -> Datagram | None:
        """Return the response to a message, or None if it gets none."""
        if len(self._datagrams) + len(self._stream_data) >= MAX_UNSENT:
            self._drop("output-full")
            return None
        try:
            request = Message.parse(received.data, self._known_attributes(received))
            # [rfc8489:12/5] If it is there, it is right.
            if request.get(Fingerprint) is not None:
                request.verify_fingerprint()
        except ParseError:
            return self._answer_classic(received)
        except FingerprintError:
            self._drop("fingerprint")
            return None
        if request.method != BINDING:
            self._drop("unknown-method")
        elif request.message_class is MessageClass.REQUEST:
            return self._answer_request(request, received)
        elif request.message_class is MessageClass.INDICATION:
            self._receive_indication(request, received.remote)
        else:
            self._drop("unexpected-class")
        return None

    def _known_attributes(self, received: Datagram) -> AttributeSet:
        if self._behavior is None:
            return STUN_ATTRIBUTES
        return self._behavior.known_attributes(received.local, received.transport)

    def _answer_classic(self, received: Datagram) -> Datagram | None:
        data, source, transport = received.data, received.remote, received.transport
        response = None
        # [rfc5780:3/1]
        wanted = self._authenticator is None and self._behavior is None
        if (self._config.classic or transport == "dtls") and wanted and not is_stun(data):
            response = answer_classic(data, source, transport)
        if response is None:
            self._drop("malformed")
            return None
        self._count(0 if response.startswith(b"\x01\x01") else 420 if transport != "dtls" else 500, source)
        return Datagram(response, received.local, source, transport)

    def _receive_indication(self, indication: Message, source: Address) -> None:
        judgement = self._authenticator and self._authenticator.authenticate(indication, source, self._now)
        # [rfc8489:9.1.3/2] [rfc8489:9.1.3/4] [rfc8489:9.1.3/6]
        if isinstance(judgement, Unauthenticated):
            self._drop("unauthenticated")
        elif indication.unknown_required():
            self._drop("unknown-attributes")
        else:
            self.stats.indications_received += 1

    def _answer_request(self, request: Message, received: Datagram) -> Datagram | None:
        if self._behavior is not None and not self._behavior.admits(request, received.remote, self._now):
            self._drop("rate")
            return None
        # [rfc8489:6.3.1/1] [rfc8489:6.3.1/2] Binding is idempotent: answering afresh is as good as remembering.
        user: Authenticated | None = None
        if self._authenticator is not None:
            match self._authenticator.authenticate(request, received.remote, self._now):
                case Unauthenticated(error_code=code, attributes=attributes):
                    refusal = Reply.to(received, ErrorCode.with_phrase(code), *attributes)
                    return self._respond(request, received, None, refusal)
                case Authenticated() as user:
                    pass
        return self._respond(request, received, user, self._decide(request, received, user))

    def _decide(self, request: Message, received: Datagram, user: Authenticated | None) -> Reply:
        unknown = request.unknown_required()
        if unknown:
            # [rfc8489:6.3.1.1/3] [rfc8489:14.8/12]
            return Reply.to(received, ErrorCode.with_phrase(420), UnknownAttributes(tuple(unknown)))
        alternates = self._alternates(received.remote, user, received.transport)
        if alternates:
            # [rfc5780:6.1/13]
            return Reply.to(received, ErrorCode.with_phrase(300), *alternates)
        if self._behavior is not None:
            return self._behavior.reply(request, received)
        # [rfc8489:12/1]
        return Reply.to(received, XorMappedAddress(received.remote))

    def _alternates(self, source: Address, user: Authenticated | None, transport: str) -> list[Attribute]:
        redirection = self._config.redirection
        # [rfc8489:14.8/6] Only for those who have proven who they are.
        if redirection is None or user is None:
            return []
        same, other = redirection.ipv4, redirection.ipv6
        if source.is_ipv6:
            same, other = other, same
        # [rfc8489:10/1] [rfc8489:10/2]
        if same is None:
            return []
        attributes: list[Attribute] = [AlternateServer(same)]
        # [rfc8489:10/3]
        if other is not None:
            attributes.append(AlternateServer(other))
        # [rfc8489:10/4]
        if redirection.domain is not None and transport in ("tls", "dtls") and user.proven_by is Integrity.SHA256:
            attributes.append(AlternateDomain(redirection.domain))
        return attributes

    def _respond(self, request: Message, received: Datagram, user: Authenticated | None, reply: Reply) -> Datagram:
        first = reply.attributes[0]
        code = first.code if isinstance(first, ErrorCode) else 0
        # [rfc8489:6.3.1.1/1] [rfc8489:5/5]
        message_class = MessageClass.ERROR if code else MessageClass.SUCCESS
        software = self._config.software
        response = Message(request.method, message_class, request.transaction_id, reply.attributes)
        if software is not None:
            # [rfc8489:6.3.1.1/5]
            response.attributes.append(Software(software))
        self._count(code, received.remote)
        fingerprint = request.get(Fingerprint) is not None
        if user is None:
            data = response.serialize(fingerprint=fingerprint)
        else:
            # [rfc8489:6.3.1.1/4] [rfc8489:9.1.3/9] [rfc8489:9.2.4/26] Integrity alone: the client knows the rest.
            # [rfc8489:14.8/8] [rfc5780:6.1/12]
            data = response.serialize(key=user.key, integrity=user.integrity, fingerprint=fingerprint)
        return Datagram(data, reply.local, reply.remote, received.transport)

    def _count(self, code: int, source: Address) -> None:
        self.stats.responses[code] = self.stats.responses.get(code, 0) + 1
        if self._trace is not None:
            self._trace(self._now, "stun:request_answered", {"source": list(source), "error_code": code})

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)

    def _drop(self, reason: str) -> None:
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + 1
        if self._trace is not None:
            self._trace(self._now, "stun:dropped", {"reason": reason})
