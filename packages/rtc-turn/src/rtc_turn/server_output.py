"""What waits to leave a server: datagrams, and data for streams. It is bounded."""

from rtc_stun import Address, Datagram, StreamData
from rtc_turn.server_allocation import ClientPath
from rtc_turn.server_journal import ServerJournal


class ServerOutput:
    """The output of one server.

    Args:
        max_bytes: That may wait, datagrams and streams each.
        journal: Counts what is dropped.
    """

    __slots__ = ("_datagram_bytes", "_datagrams", "_journal", "_max_bytes", "_stream_bytes", "_stream_data", "paths")

    def __init__(self, max_bytes: int, journal: ServerJournal) -> None:
        self._max_bytes = max_bytes
        self._journal = journal
        self._datagrams: list[Datagram] = []
        self._datagram_bytes = 0
        self._stream_data: list[StreamData] = []
        self._stream_bytes = 0
        self.paths: dict[int, ClientPath] = {}
        """The open streams of clients."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._datagrams and not self._stream_data

    def send(self, path: ClientPath, wire: bytes) -> None:
        """Send a message to a client."""
        if path.stream < 0:
            self.put(wire, path.local, path.remote, path.transport)
        # Numbers come again: it must be the same stream.
        elif self.paths.get(path.stream) == path:
            self.write(path.stream, wire)
        else:
            self._journal.drop("closed-transport")

    def put(
        self, data: bytes, local: Address, remote: Address, transport: str = "udp", *, dont_fragment: bool = False
    ) -> None:
        """Send a datagram."""
        self._datagram_bytes += len(data)
        if self._datagram_bytes > self._max_bytes:
            self._datagram_bytes -= len(data)
            self._journal.drop("output-full")
        else:
            self._datagrams.append(Datagram(data, local, remote, transport, dont_fragment))

    def write(self, stream: int, data: bytes) -> None:
        """Write to a client's stream."""
        self._stream_bytes += len(data)
        if self._stream_bytes > self._max_bytes:
            self._stream_bytes -= len(data)
            self._journal.drop("output-full")
        else:
            self._stream_data.append(StreamData(stream, data))

    def take_datagrams(self) -> list[Datagram]:
        """Drain the datagrams."""
        datagrams, self._datagrams = self._datagrams, []
        self._datagram_bytes = 0
        return datagrams

    def take_stream_data(self) -> list[StreamData]:
        """Drain the data for streams."""
        stream_data, self._stream_data = self._stream_data, []
        self._stream_bytes = 0
        return stream_data

    def clear(self) -> None:
        """Forget everything."""
        self.take_datagrams()
        self.take_stream_data()
        self.paths.clear()
