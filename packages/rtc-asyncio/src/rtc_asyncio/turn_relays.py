"""The sockets that a TURN server relays through, each at a port of its own (:rfc:`8656#section-7.2`)."""

import asyncio
import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from itertools import groupby
from operator import attrgetter
from typing import Final

from rtc_stun import Address, Datagram
from rtc_turn import AddressFamily, OpenRelay

from .dataclass import dataclass
from .icmp import IcmpError
from .udp import Batch, UdpSocket

MIN_PORT: Final = 49152
MAX_PORT: Final = 65535
RANDOM_TRIES: Final = 64
"""Ports tried at random before all of them are tried in turn."""
LISTEN_BACKLOG: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRelays:
    """Where a TURN server relays from.

    Raises:
        ValueError: A host is no IP address, or the ports are no range.
    """

    hosts: tuple[str, ...] = ()
    """Addresses of this machine; the first of each family is used. None of a family: that which the client has reached."""
    families: frozenset[AddressFamily] = frozenset()
    """What to relay over; empty for the families of `hosts`, or IPv4 if there are none."""
    external: Mapping[str, str] = field(default_factory=dict)
    """What the world calls a host of ours, where a NAT in front of us translates address by address."""
    min_port: int = MIN_PORT
    max_port: int = MAX_PORT

    def __post_init__(self) -> None:
        for host in (*self.hosts, *self.external, *self.external.values()):
            ipaddress.ip_address(host.partition("%")[0])
        if not 1024 <= self.min_port <= self.max_port <= MAX_PORT:
            raise ValueError("relayed ports are a range from 1024 to 65535")

    @property
    def relayed_families(self) -> frozenset[AddressFamily]:
        """What relayed addresses can be asked for."""
        named = frozenset(AddressFamily.IPV6 if ":" in host else AddressFamily.IPV4 for host in self.hosts)
        return self.families or named or frozenset({AddressFamily.IPV4})

    def host_for(self, wish: OpenRelay) -> str | None:
        """Return the host of this machine to fulfil a wish with; None if there is none of the family."""
        is_ipv6 = wish.family is AddressFamily.IPV6
        candidates = *self.hosts, wish.server.host
        return next((host for host in candidates if (":" in host) is is_ipv6), None)


class RelaySockets:
    """The open relays: UDP sockets, and listeners for TCP allocations (:rfc:`6062`).

    Args:
        options: Where to open them.
        on_batches: Takes what peers send.
        on_icmp: Takes ICMP errors and the relayed address that they are about.
        on_peer: Takes the TCP connections of peers, with the relayed address.
    """

    def __init__(
        self,
        options: TurnRelays,
        on_batches: Callable[[list[Batch]], None],
        on_icmp: Callable[[Address, IcmpError], None],
        on_peer: Callable[[Address, socket.socket, Address], None],
    ) -> None:
        self._options = options
        self._on_batches = on_batches
        self._on_icmp = on_icmp
        self._on_peer = on_peer
        self._udp: dict[Address, UdpSocket] = {}
        self._listeners: dict[Address, Listener] = {}
        self.datagrams_lost = 0
        """By relays that are closed."""

    def __len__(self) -> int:
        return len(self._udp) + len(self._listeners)

    @property
    def open_sockets(self) -> list[UdpSocket]:
        """The UDP sockets, for their statistics."""
        return list(self._udp.values())

    def open(self, wish: OpenRelay) -> tuple[Address, Address | None]:
        """Open what a server wishes for; return the relayed address, and the reserved one after it if one is wanted.

        Raises:
            OSError: There is no address of the family, or no free port.
        """
        host = self._options.host_for(wish)
        if host is None:
            raise OSError(f"this machine has no {wish.family.name} address to relay from")
        for port in self._ports(even=wish.even_port):
            with contextlib.suppress(OSError):
                if wish.tcp:
                    return self._listen(host, port), None
                relayed = self._bind(host, port)
                if not wish.reserve_next:
                    return relayed, None
                try:
                    return relayed, self._bind(host, port + 1)
                except OSError:
                    self.close(relayed)
        raise OSError("no port is free")

    def _ports(self, *, even: bool) -> Iterator[int]:
        """Yield ports to try: unforeseeable ones, so that nobody can guess where the next client will be; then all, if many are taken."""
        low, high, step = self._options.min_port, self._options.max_port, 1
        if even:
            low, step = low + low % 2, 2
        count = (high - low) // step + 1
        # [rfc8656:7.2/11]
        for _ in range(min(RANDOM_TRIES, count)):
            yield low + step * secrets.randbelow(count)
        if len(self) >= count // 2:
            yield from range(low, high + 1, step)

    def _bind(self, host: str, port: int) -> Address:
        public = self._options.external.get(host, host)
        relayed = Address(public, port)
        if self._is_taken(relayed):
            raise OSError("the port is taken")
        self._udp[relayed] = UdpSocket(
            Address(host, port),
            self._on_batches,
            host=public,
            on_icmp=lambda error: self._on_icmp(relayed, error),
            stamped=False,
            relays=True,
        )
        return relayed

    def _listen(self, host: str, port: int) -> Address:
        relayed = Address(self._options.external.get(host, host), port)
        if self._is_taken(relayed):
            raise OSError("the port is taken")
        listening = shared_socket(Address(host, port))
        try:
            listening.listen(LISTEN_BACKLOG)
        except OSError:
            listening.close()
            raise
        self._listeners[relayed] = Listener(
            listening, lambda opened, remote: self._on_peer(relayed, opened, remote), Address(host, port)
        )
        return relayed

    def _is_taken(self, relayed: Address) -> bool:
        """Whether an address is a relay's; it names the allocation, so that UDP and TCP cannot both have it."""
        return relayed in self._udp or relayed in self._listeners

    def bound_to(self, relayed: Address) -> Address | None:
        """Return what a listener is bound to, for connections that are to leave from there."""
        listener = self._listeners.get(relayed)
        return None if listener is None else listener.local

    def send(self, local: Address, datagrams: list[Datagram]) -> bool:
        """Send datagrams from a relayed address; whether it is one."""
        udp = self._udp.get(local)
        if udp is None:
            return False
        for is_whole, together in groupby(datagrams, attrgetter("dont_fragment")):
            if is_whole:
                udp.send_whole(list(together))
            else:
                udp.send(list(together))
        return True

    def close(self, relayed: Address) -> None:
        """Close a relay, if it is open."""
        udp = self._udp.pop(relayed, None)
        if udp is not None:
            self.datagrams_lost += udp.stats.datagrams_lost
            udp.close()
        listener = self._listeners.pop(relayed, None)
        if listener is not None:
            listener.close()

    def close_all(self) -> None:
        """Close every relay."""
        for relayed in [*self._udp, *self._listeners]:
            self.close(relayed)


class Listener:
    """Accepts TCP connections, and survives what goes wrong with single ones.

    Args:
        listening: A socket that listens already. It is the listener's from now on.
        on_accepted: Takes a connection and its remote address.
        local: What it is bound to; asked of the socket by default.
    """

    PAUSE: Final = 0.1
    """Seconds before another try, where the system has no more file descriptors."""

    def __init__(
        self,
        listening: socket.socket,
        on_accepted: Callable[[socket.socket, Address], None],
        local: Address | None = None,
    ) -> None:
        listening.setblocking(False)  # noqa: FBT003 - the only form it has
        self._socket = listening
        self._on_accepted = on_accepted
        self.local = local or Address(*listening.getsockname()[:2])
        self._is_closed = False
        self._task = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                opened, remote = await loop.sock_accept(self._socket)
            except OSError:
                await asyncio.sleep(self.PAUSE)
                continue
            if self._is_closed:
                opened.close()
                return
            with contextlib.suppress(OSError):  # it may have been closed already
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._on_accepted(opened, Address(*remote[:2]))

    def close(self) -> None:
        """Listen no more."""
        # Before the number of the descriptor is another's: the end of the task would take away what waits for that one.
        self._is_closed = True
        loop = self._task.get_loop()
        with contextlib.suppress(NotImplementedError):  # by loops that do not watch sockets
            loop.remove_reader(self._socket)
        # A connection that is accepted already wakes the task first, which closes it.
        loop.call_soon(self._task.cancel)
        self._socket.close()


def shared_socket(local: Address) -> socket.socket:
    """Return a TCP socket at an address that others may have as well: a relayed one both listens and connects.

    Raises:
        OSError: It cannot be bound.
    """
    family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)  # noqa: FBT003 - the only form it has
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(tuple(local))
    except OSError:
        opened.close()
        raise
    return opened
