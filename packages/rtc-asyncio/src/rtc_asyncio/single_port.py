"""One UDP port that many connections share, as a server behind a firewall has it."""

import errno
import logging
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Self

import rtc_peer
from rtc_ice import Multiplexer, TcpType
from rtc_ice.mux import MuxStats
from rtc_peer import PeerConnection
from rtc_stun import Address, Datagram

from .driver import Driver
from .interfaces import local_hosts
from .udp import Batch, UdpSocket

if TYPE_CHECKING:
    from .shared_listeners import SharedListeners
    from .streams import MachineStreams

_LOGGER: Final = logging.getLogger("rtc_asyncio")

CHOICES: Final = 8
"""How many numbers of the system's choice are tried, if one is taken at another address."""


class SinglePort:
    """A port number, bound on each address of this machine, for all the connections that are made with it.

    Make it inside a running event loop, before the connections, and close it after them::

        async with SinglePort(3478) as port:
            pc = RTCPeerConnection(port=port)

    Datagrams find their connection by the user fragment of ICE and by where they come from; see `rtc_ice.Multiplexer`.
    Each connection gathers on one transport alone, as all do that bundle; and TURN servers are of no use to it, for their
    datagrams would not say which connection they are for.

    Args:
        port: The number; 0 lets the system choose.
        hosts: IP addresses of this machine to listen on; all that are up if None.
        announced: The public IP address that a static one-to-one translator has for this machine, as in front of cloud
            servers, or one for each host; peers are told that one, with the same port.
        tcp: Whether to listen on TCP as well, at the same number, for peers whose UDP is blocked (:rfc:`6544`).
        max_connections: How many may share the port.

    Raises:
        OSError: The port cannot be bound on a host.
        ValueError: ``max_connections`` is not positive, there are no hosts, or an address to announce is none, or of
            another family than its host.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        hosts: Sequence[str] | None = None,
        announced: str | Mapping[str, str] | None = None,
        tcp: bool = False,
        max_connections: int = 65_536,
    ) -> None:
        self._announced = announced
        self.mux: Final = Multiplexer[PortShare](max_peers=max_connections)
        """Who shares the port."""
        self._sockets: dict[Address, UdpSocket] = {}
        self._tcp: SharedListeners[PortShare] | None = None
        wanted = list(hosts if hosts is not None else local_hosts())
        if not wanted:
            raise ValueError("there is no address to listen on")
        for host in wanted:
            _check_announced(host, self.announced(Address(host, port)))
        self.port: Final = self._bind(wanted, port, tcp=tcp, named=hosts is not None)
        """The number."""

    @property
    def addresses(self) -> list[Address]:
        """Where the port listens; nowhere once it is closed."""
        return list(self._sockets)

    @property
    def stats(self) -> MuxStats:
        """Counters; alive, not a copy."""
        return self.mux.stats

    @property
    def streams_turned_away(self) -> dict[str, int]:
        """How many TCP streams were hung up on before they reached a connection, by reason."""
        return {} if self._tcp is None else dict(self._tcp.dropped)

    @property
    def listens(self) -> bool:
        """Whether TCP candidates can be connected to."""
        return self._tcp is not None

    def __len__(self) -> int:
        """Return how many connections use the port."""
        return len(self.mux)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets. Connections that still use them hear nothing any more, and fail. Idempotent."""
        for udp in self._sockets.values():
            udp.close()
        self._sockets.clear()
        if self._tcp is not None:
            self._tcp.close()

    def share(
        self, peer: PeerConnection, driver: Driver[rtc_peer.Event], streams: "Callable[[], MachineStreams]"
    ) -> "PortShare":
        """Return the part of a connection, which takes effect when it gathers candidates."""
        return PortShare(self, peer, driver, streams)

    def announced(self, local: Address) -> Address | None:
        """Return what peers are told instead of an address; None if it is told as it is."""
        if isinstance(self._announced, str):
            public = Address(self._announced, local.port)
            return public if public.is_ipv6 == local.is_ipv6 else None
        host = None if self._announced is None else self._announced.get(local.host)
        return None if host is None else Address(host, local.port)

    def send(self, local: Address, datagrams: list[Datagram]) -> None:
        """Send through one of the sockets; does nothing once the port is closed."""
        udp = self._sockets.get(local)
        if udp is not None:
            udp.send(datagrams)

    def _bind(self, hosts: Sequence[str], wanted: int, *, tcp: bool, named: bool) -> int:
        """Bind on every host, and return the number; one that the system chose may be taken on another host."""
        attempts = CHOICES if wanted == 0 else 1
        while True:
            attempts -= 1
            try:
                return self._bind_all(hosts, wanted, tcp=tcp, named=named)
            except OSError as error:
                self.close()
                if error.errno != errno.EADDRINUSE or not attempts:
                    raise

    def _bind_all(self, hosts: Sequence[str], port: int, *, tcp: bool, named: bool) -> int:
        for host in hosts:
            try:
                udp = UdpSocket(Address(host, port), self._received)
            except OSError as error:
                # An interface may go down while we look at all of them.
                if named or error.errno != errno.EADDRNOTAVAIL:
                    raise
                continue
            self._sockets[udp.local] = udp
            port = udp.local.port
        if not self._sockets:
            raise OSError(errno.EADDRNOTAVAIL, "no address of this machine can be bound")
        if tcp:
            from .shared_listeners import SharedListeners  # who does without TCP does without this

            self._tcp = SharedListeners(self.addresses, self.mux)
        return port

    def _received(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            for share, part in self.mux.route(datagrams):
                share.receive(arrived_at, part)


class PortShare:
    """What one connection has of a port.

    Args:
        port: Has the sockets.
        peer: The machine of the connection.
        driver: Moves its bytes.
        streams: Returns the streams of the machine, which are made when they are first needed.
    """

    def __init__(
        self,
        port: SinglePort,
        peer: PeerConnection,
        driver: Driver[rtc_peer.Event],
        streams: "Callable[[], MachineStreams]",
    ) -> None:
        self._port = port
        self._peer = peer
        self._driver = driver
        self._streams = streams
        self._transport_id: int | None = None

    @property
    def in_use(self) -> bool:
        """Whether the connection gathered on the port."""
        return self in self._port.mux

    def gather(self, transport_id: int) -> None:
        """Give a transport the addresses of the port, and take note of its user fragment; others than the first get none.

        Where the port is full or closed, the transport gets none either, and will find no path; the log says so.
        """
        transport = next((each for each in self._peer.transports if each.id == transport_id), None)
        if transport is None or self._transport_id not in {None, transport_id}:
            return
        self._transport_id = transport_id
        is_new = not self.in_use
        try:
            self._port.mux.add(transport.local_credentials.ufrag, self)
        except ValueError as error:
            _LOGGER.warning("a connection gets nothing of the port that it shares: %s", error)
            return
        if not self._port.addresses:
            _LOGGER.warning("a connection gets nothing of the port that it shares: it is closed")
        for local in self._port.addresses if is_new else ():
            announced = self._port.announced(local)
            # What is no candidate has no socket: closing one is to leave the port.
            if self._peer.add_local_address(transport_id, local, self._driver.now, announced=announced):
                self._driver.add_socket(SharedSocket(local, self))
        for local in self._port.addresses if is_new and self._port.listens else ():
            announced = self._port.announced(local)
            self._peer.add_local_address(
                transport_id, local, self._driver.now, announced=announced, tcp_type=TcpType.PASSIVE
            )

    def transport_closed(self, transport_id: int) -> None:
        """Give the port back, if the transport was the one that used it."""
        if self._transport_id == transport_id:
            self._transport_id = None
            for local in self._port.addresses:
                self._driver.close_socket(local)
            self.leave()

    def leave(self) -> None:
        """Be sent nothing any more."""
        self._port.mux.remove(self)

    def send(self, local: Address, datagrams: list[Datagram]) -> None:
        """Send what the connection wants to send."""
        self._port.mux.sent(self, datagrams)
        self._port.send(local, datagrams)

    def receive(self, arrived_at: float, datagrams: list[Datagram]) -> None:
        """Take what turned out to be for this connection."""
        self._driver.take(arrived_at, datagrams)

    def accept(self, local: Address, remote: Address) -> "tuple[MachineStreams, int] | None":
        """Take a stream that turned out to be for this connection; None if it does not want it."""
        transport_id = self._peer.transport_accepted(local, remote, self._driver.now)
        self._driver.wake()
        return None if transport_id is None else (self._streams(), transport_id)

    def is_valid_path(self, local: Address, remote: Address) -> bool:
        """Whether the peer of the connection has proven to be there."""
        return self._peer.is_valid_path(local, remote)


class SharedSocket:
    """A socket of the port, as the driver of one connection sees it: `rtc_asyncio.driver.DatagramSocket`."""

    def __init__(self, local: Address, share: PortShare) -> None:
        self.local: Final = local
        self._share = share

    def send(self, datagrams: list[Datagram]) -> None:
        """Send."""
        self._share.send(self.local, datagrams)

    def close(self) -> None:
        """Leave the port, and the socket open for the others."""
        self._share.leave()

    def abandon(self) -> None:
        """Leave the port."""
        self._share.leave()


def _check_announced(host: str, announced: Address | None) -> None:
    if announced is not None and ip_address(announced.host).version != ip_address(host).version:
        raise ValueError(f"{announced.host} cannot stand for {host}: the families differ")
