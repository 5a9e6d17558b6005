"""How the datagrams of a base travel.

A base is an address that checks and data leave from (:rfc:`8445#section-4`). Most bases are UDP sockets of the caller's, and
what leaves from them is simply handed out. Behind the others there is a carrier, which wraps the datagrams: a relayed
address is reached through its TURN server (`rtc_ice.relayed`). The rest of the agent sees datagrams from one
address to another, whatever carries them.
"""

from collections.abc import Iterable
from typing import Protocol, TypeAlias

from rtc_ice.streams import StreamTable
from rtc_stun import Address, CloseTransport, Datagram, OpenTransport, StreamData

StreamWish: TypeAlias = OpenTransport | CloseTransport


class Carrier(Protocol):
    """Carries the datagrams of its bases, over UDP sockets or streams of the caller's."""

    def carries(self, base: Address, transport: str) -> bool:
        """Whether an address is one of its bases; the transport is that of the candidate, ``udp`` or ``tcp``."""

    def send(self, datagram: Datagram, now: float) -> None:
        """Send from a base; what cannot leave is dropped and counted, as on a network."""

    def receive_datagram(self, datagram: Datagram, now: float) -> bool:
        """Take what has arrived at a socket, if it is wrapping of this carrier's; return whether it was."""

    def arrived(self) -> list[Datagram]:
        """Drain what has arrived at the bases, unwrapped."""

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""

    def next_timeout(self) -> float | None:
        """Return when something is due next; at once while output waits to be drained."""

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent from sockets."""

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams, under the carrier's own numbers."""

    def stream_wishes(self) -> list[StreamWish]:
        """Drain the wishes for streams, under the carrier's own numbers."""

    def transport_opened(self, transport_id: int, now: float, local: Address | None) -> None:
        """Take note that a stream is connected."""

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Take note that a stream could not be connected, was closed by the other side, or broke."""

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Take a stream that somebody opened to one of the bases; return its number, ``None`` if it is not wanted."""

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream."""

    def close(self, now: float) -> None:
        """Give everything back; the last output can be drained afterwards."""

    @property
    def has_farewell(self) -> bool:
        """Whether there is such output for sockets."""


class Carriers:
    """All carriers of an agent, and their streams under numbers of the agent's."""

    def __init__(self, *carriers: Carrier) -> None:
        self._carriers = carriers
        self._streams: StreamTable[int] = StreamTable()
        """By the place of their carrier."""

    def send(self, datagrams: Iterable[Datagram], now: float) -> list[Datagram]:
        """Let carriers take what leaves from their bases, and return the rest: what leaves from sockets as it is."""
        plain: list[Datagram] = []
        for datagram in datagrams:
            carrier = self._of(datagram.local, datagram.transport)
            if carrier is None:
                plain.append(datagram)
            else:
                carrier.send(datagram, now)
        return plain

    def receive_datagram(self, datagram: Datagram, now: float) -> bool:
        """Take what has arrived at a socket if it is wrapping; return whether it was."""
        return any(carrier.receive_datagram(datagram, now) for carrier in self._carriers)

    def arrived(self) -> list[Datagram]:
        """Drain what has arrived at the bases, unwrapped."""
        return [datagram for carrier in self._carriers for datagram in carrier.arrived()]

    # --- time and output ---

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        for carrier in self._carriers:
            carrier.handle_timeout(now)

    def next_timeout(self) -> float | None:
        """Return when something is due next; at once while output waits to be drained."""
        return min((at for carrier in self._carriers if (at := carrier.next_timeout()) is not None), default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent from sockets."""
        return [datagram for carrier in self._carriers for datagram in carrier.datagrams_to_send(now)]

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams."""
        output: list[StreamData] = []
        for place, carrier in enumerate(self._carriers):
            output += self._streams.data(place, carrier.stream_data_to_send(now))
        return output

    def stream_wishes(self) -> list[StreamWish]:
        """Drain the wishes for streams."""
        wishes = [
            self._streams.wish(place, wish)
            for place, carrier in enumerate(self._carriers)
            for wish in carrier.stream_wishes()
        ]
        return [wish for wish in wishes if wish is not None]

    def close(self, now: float) -> None:
        """Give everything back; the last output can be drained afterwards."""
        for carrier in self._carriers:
            carrier.close(now)

    @property
    def has_farewell(self) -> bool:
        """Whether closing has left something to be sent from sockets."""
        return any(carrier.has_farewell for carrier in self._carriers)

    # --- streams ---

    def transport_opened(self, transport_id: int, now: float, local: Address | None) -> None:
        """Take note that a stream is connected.

        Raises:
            ValueError: It was never asked for.
        """
        found = self._find(transport_id)
        if found is not None:
            found[0].transport_opened(found[1], now, local)

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Take note that a stream is gone.

        Raises:
            ValueError: There never was such a stream.
        """
        found = self._find(transport_id)
        if found is not None:
            self._streams.forget(transport_id)
            found[0].transport_failed(found[1], now)

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Take a stream that somebody opened; return its number, ``None`` if nobody wants it."""
        for place, carrier in enumerate(self._carriers):
            inner = carrier.transport_accepted(local, remote, now)
            if inner is not None:
                return self._streams.add(place, inner)
        return None

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> bool:
        """Take what was read from a stream; return whether there is such a stream still."""
        found = self._streams.find(transport_id)
        if found is not None:
            place, inner = found
            self._carriers[place].receive_stream_data(inner, data, now)
        return found is not None

    def _find(self, transport_id: int) -> tuple[Carrier, int] | None:
        if not self._streams.was_numbered(transport_id):
            raise ValueError(f"there is no stream {transport_id}")
        found = self._streams.find(transport_id)
        return None if found is None else (self._carriers[found[0]], found[1])

    def _of(self, base: Address, transport: str) -> Carrier | None:
        return next((carrier for carrier in self._carriers if carrier.carries(base, transport)), None)
