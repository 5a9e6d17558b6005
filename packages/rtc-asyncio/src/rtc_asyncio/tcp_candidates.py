"""TCP candidates of a connection (:rfc:`6544`): listening sockets, and addresses to connect from."""

import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

import rtc_peer
from rtc_ice import Announced, TcpType
from rtc_peer import PeerConnection
from rtc_stun import Address

from .driver import Driver
from .tcp_listener import TcpListener

if TYPE_CHECKING:
    from .streams import MachineStreams

Announce = Callable[[Address], Announced | None]
"""Tells what the peer is told of an address."""

ANY_PORT: Final = 0
DISCARD_PORT: Final = 9
"""What stands for the port of a candidate that connects."""


class TcpCandidates:
    """Listens for the transports of one connection.

    Args:
        peer: The machine.
        driver: Keeps its time.
        streams: Returns the streams of the machine, which are made when they are first needed.
    """

    def __init__(
        self, peer: PeerConnection, driver: Driver[rtc_peer.Event], streams: "Callable[[], MachineStreams]"
    ) -> None:
        self._peer = peer
        self._driver = driver
        self._streams = streams
        self._listeners: dict[int, list[TcpListener]] = {}
        self._types: dict[Address, TcpType] = {}
        """Of the addresses where somebody listens, and of those to connect from."""

    def add(self, transport_id: int, host: str, tcp_type: TcpType, announce: Announce) -> None:
        """Add a candidate of one type at one address; what cannot be bound is left out."""
        if not tcp_type.accepts:
            self._tell(transport_id, Address(host, DISCARD_PORT), tcp_type, announce)
            return
        try:
            listener = TcpListener(
                Address(host, ANY_PORT),
                lambda accepted, remote: self._accepted(listener.local, accepted, remote),
                shared=True,  # STUN servers are asked from the same port.
            )
        except OSError:
            return
        if self._tell(transport_id, listener.local, tcp_type, announce):
            self._listeners.setdefault(transport_id, []).append(listener)
        else:
            listener.close()

    def keep(self, hosts: Collection[str]) -> bool:
        """Give up the addresses that are gone; return whether nothing but a restart of ICE brings the connection back."""
        lost = False
        for local in [each for each in self._types if each.host not in hosts]:
            lost = self._peer.remove_local_address(local, self._driver.now, tcp_type=self._types.pop(local)) or lost
        for listeners in self._listeners.values():
            for listener in [each for each in listeners if each.local.host not in hosts]:
                listeners.remove(listener)
                listener.close()
        return lost

    def transport_closed(self, transport_id: int) -> None:
        """Listen no more for a transport."""
        for listener in self._listeners.pop(transport_id, ()):
            self._types.pop(listener.local, None)
            listener.close()

    def close(self) -> None:
        """Listen no more."""
        for transport_id in list(self._listeners):
            self.transport_closed(transport_id)

    def _tell(self, transport_id: int, local: Address, tcp_type: TcpType, announce: Announce) -> bool:
        added = self._peer.add_local_address(
            transport_id, local, self._driver.now, announced=announce(local), tcp_type=tcp_type
        )
        if added:
            self._types[local] = tcp_type
        return added

    def _accepted(self, local: Address, accepted: socket.socket, remote: Address) -> None:
        transport_id = self._peer.transport_accepted(local, remote, self._driver.now)
        if transport_id is None:
            accepted.close()
        else:
            self._streams().take(transport_id, accepted)
        self._driver.wake()
