"""Sockets for multicast DNS, and the resolution and publication of candidates' names on them.

One service serves all connections of an event loop; it is there as long as somebody uses it.
"""

import asyncio
import os
import socket
import struct
import sys
import weakref
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import ClassVar, Final, Self

from rtc_ice import MDNS_GROUP_IPV4, MDNS_GROUP_IPV6, MulticastDns, NameLost, NameResolved, is_candidate_name
from rtc_ice import StateError as IceStateError
from rtc_ice import candidate_name as fresh_name
from rtc_ice.mdns import MAX_LINKS
from rtc_stun import Address, Datagram

from .driver import Driver
from .interfaces import InterfaceAddress, interface_addresses

MAX_LENGTH: Final = 9000
MAX_READS: Final = 64
HOPS: Final = 255
IP_MULTICAST_ALL: Final = 49
IPV6_MULTICAST_ALL: Final = 29

_IP_MREQN: Final = struct.Struct("=4s4si")
_IPV6_MREQ: Final = struct.Struct("=16sI")


class MulticastSocket:
    """Sends to the group of an address's family from the address's link, and hears what is sent to it there.

    It is bound to the group: what others on this machine are sent by unicast is not taken from them.

    Args:
        address: Of ours.
        on_datagrams: Called from the event loop with what has arrived.

    Raises:
        OSError: The link has no multicast, or its interface is gone.
    """

    def __init__(self, address: InterfaceAddress, on_datagrams: Callable[[list[Datagram]], None]) -> None:
        self.local = Address(address.host, MDNS_GROUP_IPV4.port)
        self._loop = asyncio.get_running_loop()
        self._on_datagrams = on_datagrams
        family = socket.AF_INET6 if self.local.is_ipv6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - the only form it has
            # [rfc6762:15.1/1]
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            (_join_ipv6 if self.local.is_ipv6 else _join_ipv4)(self._socket, address)
            self._loop.add_reader(self._socket, self._readable)
        except (OSError, NotImplementedError) as error:
            self._socket.close()
            raise error if isinstance(error, OSError) else OSError("this event loop cannot wait for sockets") from error

    def send(self, datagrams: list[Datagram]) -> None:
        """Send what all, or a single host on the link, shall hear; what there is no room for is lost."""
        for datagram in datagrams:
            with suppress(OSError):
                self._socket.sendto(datagram.data, _target(datagram.remote))

    def close(self) -> None:
        """Leave the group."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def abandon(self) -> None:
        """Leave it where the event loop may be gone."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        arrived: list[Datagram] = []
        with suppress(OSError):
            for _ in range(MAX_READS):
                data, source = self._socket.recvfrom(MAX_LENGTH)
                arrived.append(Datagram(data, self.local, Address(source[0], source[1])))
        self._on_datagrams(arrived)


class MulticastDnsService:
    """Multicast DNS on all links of this machine; get it by `use` and give it back by `leave`."""

    running: ClassVar[MutableMapping[asyncio.AbstractEventLoop, Self]] = weakref.WeakKeyDictionary()
    """Those in use, by event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Other programs have port 5353 too; answers to us alone would reach any of them.
        # [rfc6762:5.4/1] [rfc6762:6/14]
        self._machine = MulticastDns(rng=os.urandom, unicast=False, now=self._loop.time())
        self._driver: Driver[NameResolved | NameLost] = Driver(self._machine, self._happened)
        self._sockets: dict[InterfaceAddress, MulticastSocket] = {}
        self._waiting: dict[str, list[asyncio.Future[list[str]]]] = {}
        self._users = 0

    @classmethod
    def use(cls) -> Self:
        """Return the service of the running event loop, with the links that there are now."""
        loop = asyncio.get_running_loop()
        service = cls.running.get(loop)
        if service is None:
            service = cls.running[loop] = cls()
        service._users += 1
        service.follow_links()
        return service

    def leave(self) -> None:
        """Give it back; the last one takes it down."""
        self._users -= 1
        if self._users == 0:
            del self.running[self._loop]
            self._machine.close(self._loop.time())
            self._driver.close()

    def follow_links(self) -> None:
        """Take note of addresses that came or went."""
        now = self._loop.time()
        present = [each for each in interface_addresses() if not (each.is_loopback or each.is_superseded)]
        for gone in [each for each in self._sockets if each not in present]:
            local = self._sockets.pop(gone).local
            self._machine.remove_link(local, now)
            self._driver.close_socket(local)
        taken = {each.host for each in self._sockets}
        for address in present:
            # Containers have a link each, and two interfaces may have one address: not all can be taken part on.
            if address.host not in taken and len(self._sockets) < MAX_LINKS:
                taken.add(address.host)
                with suppress(OSError):
                    opened = MulticastSocket(address, self._received)
                    self._sockets[address] = opened
                    self._driver.add_socket(opened)
                    self._machine.add_link(f"{address.host}/{address.prefix_length}", now)
        self._driver.wake()

    def publish(self, host: str) -> str:
        """Make a name for an address of this machine, and answer for it."""
        try:
            name = self._machine.publish(host, self._loop.time())
        except IceStateError:
            # Too many to answer for; the address is hidden nevertheless, and the peer's checks will not need the name.
            return fresh_name(os.urandom)
        self._driver.wake()
        return name

    def withdraw(self, name: str) -> None:
        """Answer for a name no more."""
        self._machine.withdraw(name, self._loop.time())
        self._driver.wake()

    async def resolve(self, name: str) -> list[str]:
        """Find the address of a candidate's name; none if it has none, or more than one, which no candidate has."""
        if not is_candidate_name(name):
            return []
        # However it is written, it is asked for once, and answered for as it was asked for.
        name = name.lower().removesuffix(".")
        try:
            self._machine.resolve(name, self._loop.time())
        except IceStateError:
            return []
        future: asyncio.Future[list[str]] = self._loop.create_future()
        self._waiting.setdefault(name, []).append(future)
        self._driver.wake()
        found = await future
        return found if len(found) == 1 else []

    def _received(self, datagrams: list[Datagram]) -> None:
        self._driver.take(self._loop.time(), datagrams)

    def _happened(self, event: NameResolved | NameLost) -> None:
        if isinstance(event, NameResolved):
            for future in self._waiting.pop(event.name, ()):
                if not future.done():
                    future.set_result(list(event.addresses))


def _join_ipv4(udp: socket.socket, address: InterfaceAddress) -> None:
    group = socket.inet_aton(MDNS_GROUP_IPV4.host)
    membership = _IP_MREQN.pack(group, socket.inet_aton(address.host), address.index)
    # Only Linux tells the interface by its number, and delivers what other sockets have joined.
    if sys.platform == "linux":
        udp.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    else:
        membership = membership[:8]
    udp.bind((MDNS_GROUP_IPV4.host if sys.platform != "win32" else "", MDNS_GROUP_IPV4.port))
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address.host))
    # [rfc6762:11/1]
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, HOPS)
    udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)


def _join_ipv6(udp: socket.socket, address: InterfaceAddress) -> None:
    group = socket.inet_pton(socket.AF_INET6, MDNS_GROUP_IPV6.host)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if sys.platform == "linux":
        udp.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
    udp.bind((MDNS_GROUP_IPV6.host if sys.platform != "win32" else "", MDNS_GROUP_IPV6.port, 0, address.index))
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, _IPV6_MREQ.pack(group, address.index))
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, address.index)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, HOPS)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)


def _target(remote: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """The address to send to; what is link-local leaves by the link of the socket."""
    if not remote.is_ipv6:
        return remote.host, remote.port
    host, _, zone = remote.host.partition("%")
    return host, remote.port, 0, socket.if_nametoindex(zone) if zone else 0
