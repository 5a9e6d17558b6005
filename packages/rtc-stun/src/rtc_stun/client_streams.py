"""A client's streams, one to each server (:rfc:`8489#section-6.2.2`)."""

from dataclasses import dataclass, field

from rtc_stun.datagram import Address
from rtc_stun.stream import StreamBuffer


@dataclass(slots=True, eq=False)
class ClientStream:
    """A stream that was asked for."""

    transport_id: int
    server: Address
    domain: str | None
    open: bool = False
    """Whether the caller has connected it."""
    buffer: StreamBuffer = field(default_factory=StreamBuffer, repr=False)


class StreamPool:
    """The streams by their ID and by their server: requests to the same server share one."""

    __slots__ = ("_by_id", "_by_server")

    def __init__(self) -> None:
        self._by_id: dict[int, ClientStream] = {}
        self._by_server: dict[Address, ClientStream] = {}

    def add(self, stream: ClientStream) -> None:
        """Take in a stream that is being opened."""
        self._by_id[stream.transport_id] = stream
        self._by_server[stream.server] = stream

    def to(self, server: Address) -> ClientStream | None:
        """Return the stream to a server."""
        return self._by_server.get(server)

    def get(self, transport_id: int) -> ClientStream | None:
        """Return the stream with an ID."""
        return self._by_id.get(transport_id)

    def remove(self, stream: ClientStream) -> None:
        """Forget a stream."""
        del self._by_id[stream.transport_id]
        del self._by_server[stream.server]

    def all(self) -> list[ClientStream]:
        """Return all streams, in the order in which they were asked for."""
        return list(self._by_id.values())
