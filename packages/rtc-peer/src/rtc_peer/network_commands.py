"""What the owner's I/O tells a connection: addresses, names, and the streams that it asked for."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtc_ice import Announced, TcpType
    from rtc_peer.journal import Journal
    from rtc_peer.layers import Layers
    from rtc_stun import Address, StreamData


class NetworkCommands(abc.ABC):
    """The side of a connection that is turned to the network."""

    _journal: Journal
    _layers: Layers

    @property
    @abc.abstractmethod
    def closed(self) -> bool:
        """Whether the connection was closed."""

    @abc.abstractmethod
    def _enter(self, now: float) -> float: ...

    def is_valid_path(self, local: Address, remote: Address) -> bool:
        """Whether the peer has proven to be at ``remote``: what `rtc_ice.Multiplexer` asks, where sockets are shared."""
        transports = self._layers.transports.transports.values()
        return any(each.ice.agent.is_valid_path(local, remote) for each in transports)

    def add_local_address(
        self,
        transport_id: int,
        address: Address,
        now: float,
        *,
        announced: Announced | None = None,
        tcp_type: TcpType | None = None,
    ) -> bool:
        """Tell of a socket that was opened for a transport. Prefer the order of preference, and UDP before TCP.

        Args:
            transport_id: As `GatheringWanted` named it.
            address: IP literal and port that the socket is bound to, not 0.
            now: Present time in seconds.
            announced: What the peer is told instead of the address, or beside it; see `rtc_ice.Announcement`.
            tcp_type: Who connects, if it is to be a TCP candidate; see `rtc_ice.IceAgent.add_local_address`.

        Returns:
            Whether it became a candidate; if not (its kind is never used, or the transport was closed meanwhile), the
            socket may be closed.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There never was such a transport, or the address is no IP address, was added before or is one
                too many, or ``announced`` cannot stand for it.
        """
        now = self._enter(now)
        added = self._layers.transports.add_local_address(transport_id, address, now, announced, tcp_type)
        self._layers.settle(now)
        return added

    def remove_local_address(self, address: Address, now: float, *, tcp_type: TcpType | None = None) -> bool:
        """Tell that an address is gone, as when an interface went down; unknown ones are ignored.

        With `rtc_ice.IceConfig.continual` the transport looks for other ways: tell it of the addresses that are there now,
        at any time, and signal the candidates that follow.

        Args:
            address: As it was added.
            now: Present time in seconds.
            tcp_type: As it was added.

        Returns:
            Whether nothing but `restart_ice` brings the connection back. If not, look at `needs_ice_restart` some seconds
            later.

        Raises:
            StateError: The connection is closed.
        """
        now = self._enter(now)
        lost = self._layers.transports.remove_local_address(address, now, tcp_type)
        self._layers.settle(now)
        return lost

    def needs_ice_restart(self, now: float) -> bool:
        """Whether a transport lost the pair that was chosen, and the two sides did not agree on another: see `restart_ice`.

        To be asked some seconds after a change of the network.
        """
        return any(each.ice.agent.needs_restart(now) for each in self._layers.transports.transports.values())

    def end_of_local_addresses(self, transport_id: int, now: float) -> None:
        """Tell that all sockets for a transport have been opened.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There never was such a transport.
        """
        now = self._enter(now)
        self._layers.transports.end_of_local_addresses(transport_id, now)
        self._layers.settle(now)

    def host_resolved(self, host: str, addresses: Iterable[str], now: float) -> None:
        """Tell what a name stands for.

        Args:
            host: As `HostResolutionWanted` named it.
            addresses: IP literals; none if the name has none, or the resolution failed.
            now: Present time in seconds.

        Raises:
            StateError: The connection is closed.
            ArgumentError: An address is no IP literal.
        """
        now = self._enter(now)
        self._layers.transports.host_resolved(host, list(addresses), now)
        self._layers.settle(now)

    # --- streams ---

    def transport_opened(self, transport_id: int, now: float, local: Address | None = None) -> None:
        """Tell that a stream asked for with `rtc_stun.OpenTransport` is connected.

        Args:
            transport_id: Its number.
            now: Present time in seconds.
            local: Our end of it.

        Raises:
            ArgumentError: There never was such a stream.
        """
        now = self._journal.advance(now)
        if not self.closed:
            self._layers.transports.transport_opened(transport_id, now, local)
            self._layers.settle(now)

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Tell that somebody connected to a TCP candidate of ours.

        Args:
            local: The candidate's address.
            remote: Who connected.
            now: Present time in seconds.

        Returns:
            The number of the stream; None if it is not wanted: close it.
        """
        now = self._journal.advance(now)
        if self.closed:
            return None
        transport_id = self._layers.transports.transport_accepted(local, remote, now)
        self._layers.settle(now)
        return transport_id

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that a stream could not be connected, was closed by the other side, or broke.

        Raises:
            ArgumentError: There never was such a stream.
        """
        now = self._journal.advance(now)
        if not self.closed:
            self._layers.transports.transport_failed(transport_id, now)
            self._layers.settle(now)

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream. Never raises for what is in it."""
        now = self._journal.advance(now)
        if self.closed:
            self._journal.drop("closed")
        else:
            self._layers.receive_stream_data(transport_id, data, now)

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams. Call after every `datagrams_to_send`."""
        self._journal.advance(now)
        return self._layers.stream_data_to_send()
