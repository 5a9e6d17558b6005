"""A client's streams, one to each server (:rfc:`8489#section-6.2.2`)."""

from dataclasses import field

from rtc_stun.client_config import STREAM_TRANSPORTS, ClientConfig
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.journal import Journal
from rtc_stun.stream import StreamBuffer
from rtc_stun.timers import Timers
from rtc_stun.wishes import CloseTransport, OpenTransport


@dataclass(slots=True, eq=False)
class ClientStream:
    """A stream that was asked for."""

    transport_id: int
    server: Address
    domain: str | None
    is_open: bool = False
    """Whether the caller has connected it."""
    buffer: StreamBuffer = field(default_factory=StreamBuffer, repr=False)


class ClientStreams:
    """The streams by their ID and by their server. Over datagrams there are none, and every server is ready."""

    def __init__(self, config: ClientConfig, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._is_reliable = config.transport in STREAM_TRANSPORTS
        self._timers = Timers()
        self._next_id = 0
        self._by_id: dict[int, ClientStream] = {}
        self._by_server: dict[Address, ClientStream] = {}

    @property
    def are_used(self) -> bool:
        """Whether the transport is a stream at all."""
        return self._is_reliable

    def fits(self, server: Address, domain: str | None) -> bool:
        """Tell whether the stream to a server, if there is one, proved the domain that a request wants proven."""
        stream = self._by_server.get(server)
        return stream is None or stream.domain == domain

    def is_ready(self, server: Address) -> bool:
        """Tell whether a request may leave for a server."""
        stream = self._by_server.get(server)
        return not self._is_reliable or (stream is not None and stream.is_open)

    def want(self, server: Address, domain: str | None) -> None:
        """Ask for a stream to a server unless there is one."""
        if not self._is_reliable or server in self._by_server:
            return
        stream = ClientStream(self._next_id, server, domain)
        self._next_id += 1
        self._by_id[stream.transport_id] = self._by_server[server] = stream
        self._timers.set(stream.transport_id, self._journal.now + self._config.reliable_timeout)
        self._journal.events.append(OpenTransport(stream.transport_id, server, self._config.transport, domain))

    def was_wanted(self, transport_id: int) -> bool:
        """Tell whether a stream with this ID was ever asked for."""
        return 0 <= transport_id < self._next_id

    def get(self, transport_id: int) -> ClientStream | None:
        """Return the stream with an ID."""
        return self._by_id.get(transport_id)

    def to(self, server: Address) -> ClientStream | None:
        """Return the stream to a server."""
        return self._by_server.get(server)

    def opened(self, stream: ClientStream) -> None:
        """Take note that a stream is connected."""
        stream.is_open = True
        self._timers.cancel(stream.transport_id)

    def next_timeout(self) -> float | None:
        """Return when the first stream will have taken too long to open."""
        return self._timers.next()

    def overdue(self) -> list[ClientStream]:
        """Return the streams that took too long to open."""
        return [self._by_id[transport_id] for transport_id in self._timers.pop_due(self._journal.now)]

    def forget(self, stream: ClientStream) -> None:
        """Take out a stream that is gone."""
        self._timers.cancel(stream.transport_id)
        del self._by_id[stream.transport_id]
        del self._by_server[stream.server]

    def abort(self, stream: ClientStream) -> None:
        """Take out a stream that is of no use, and wish it closed."""
        self.forget(stream)
        self._journal.events.append(CloseTransport(stream.transport_id, abort=True))

    def close(self) -> None:
        """Wish every stream closed."""
        for stream in list(self._by_id.values()):
            self.forget(stream)
            # [rfc8489:6.2.2/3] A stream that works stays open up to here.
            self._journal.events.append(CloseTransport(stream.transport_id))
