"""The side of an agent where data and streams pass that are not simply datagrams of the caller's sockets.

What goes through a relay or a stream is wrapped by a carrier; see `rtc_ice.carrier`.
"""

import abc
from collections.abc import Iterable

from rtc_ice.agent_view import AgentView
from rtc_ice.carrier import Carriers
from rtc_ice.journal import Journal
from rtc_ice.output import Output
from rtc_stun import Address, Datagram, StreamData, is_stun


class StreamSide(AgentView, abc.ABC):
    """What an `IceAgent` can do about data and streams."""

    _carriers: Carriers
    _data: Output
    """What carriers brought for the application."""
    _journal: Journal
    _output: Output
    _timeout: float | None
    _unflushed: bool

    def send(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Send data on selected pairs, from ``local`` to ``remote`` of the pair. Only queues: drain the output next.

        What leaves from sockets of the caller's need not take this way; see `CandidatePair.is_carried`.

        Raises:
            StateError: The agent is closed.
        """
        self._enter(now)
        self._output.extend(self._carriers.send(datagrams, self._now))
        self._unflushed = True

    def data_received(self) -> list[Datagram]:
        """Return what is not ICE's own and came through relays or streams; drains.

        Look before you believe: `is_valid_path` tells whether it came from the peer.
        """
        return self._data.drain()

    def transport_opened(self, transport_id: int, now: float, local: Address | None = None) -> None:
        """Tell that a stream asked for with `rtc_stun.OpenTransport` is connected; drain the output next.

        Args:
            transport_id: Its number.
            now: The present.
            local: Our end of it.

        Raises:
            ValueError: There never was such a stream.
        """
        self._journal.advance(now)
        if not self._closed:
            self._carriers.transport_opened(transport_id, self._now, local)
            self._settle()

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Tell that somebody opened a stream to a passive candidate.

        Args:
            local: The base where it was accepted.
            remote: Who opened it.
            now: The present.

        Returns:
            The number of the stream; ``None`` if it is not wanted: close it.
        """
        self._journal.advance(now)
        if self._closed:
            return None
        transport_id = self._carriers.transport_accepted(local, remote, self._now)
        self._settle()
        return transport_id

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that a stream could not be connected, was closed by the other side, or broke.

        Raises:
            ValueError: There never was such a stream.
        """
        self._journal.advance(now)
        if not self._closed:
            self._carriers.transport_failed(transport_id, self._now)
            self._settle()

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream; look at `data_received` next."""
        self._journal.advance(now)
        if self._closed or not self._carriers.receive_stream_data(transport_id, data, self._now):
            self._journal.count("unknown-stream")
            return
        self._unwrap()
        self._settle()

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Return what is to be written to streams now; drains. Call after every `datagrams_to_send`."""
        self._journal.advance(now)
        output = self._carriers.stream_data_to_send(self._now)
        if output and not (self._unflushed or self._closed):
            self._timeout = self._next_deadline()
        return output

    def _unwrap(self) -> None:
        """Look at what carriers have brought."""
        for datagram in self._carriers.arrived():
            if is_stun(datagram.data):
                self._receive(datagram)
            else:
                self._data.put(datagram)

    @property
    def _now(self) -> float:
        return self._journal.now

    # --- what the agent itself does ---

    @property
    @abc.abstractmethod
    def _closed(self) -> bool: ...

    @abc.abstractmethod
    def _enter(self, now: float) -> None: ...

    @abc.abstractmethod
    def _receive(self, datagram: Datagram) -> None: ...

    @abc.abstractmethod
    def _settle(self) -> None: ...

    @abc.abstractmethod
    def _next_deadline(self) -> float | None: ...
