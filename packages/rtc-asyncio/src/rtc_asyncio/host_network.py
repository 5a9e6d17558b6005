"""What a connection has of this machine's network: sockets on its addresses, and the resolution of names."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rtc_peer
from rtc_peer import PeerConnection
from rtc_stun import Address

from .driver import Driver
from .interfaces import local_hosts

if TYPE_CHECKING:
    from .single_port import SinglePort


class HostNetwork:
    """Answers the machine's wishes for I/O.

    Args:
        peer: The machine.
        driver: Has the sockets.
        hosts: IP addresses to gather candidates on; all that are up if None.
        port: Has sockets that connections share; with it, none are opened.
    """

    def __init__(
        self,
        peer: PeerConnection,
        driver: Driver[rtc_peer.Event],
        hosts: Sequence[str] | None,
        port: "SinglePort | None",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._driver = driver
        self._hosts = hosts
        self._share = None if port is None else port.share(peer, driver)
        self._sockets: dict[int, list[Address]] = {}
        self._resolving: set[asyncio.Task[None]] = set()

    @property
    def in_use(self) -> bool:
        """Whether there are sockets."""
        return bool(self._sockets) or (self._share is not None and self._share.in_use)

    def gather(self, transport_id: int) -> None:
        """Open a socket on every address; what cannot be bound is left out, as an interface that just went down."""
        if self._share is not None:
            self._share.gather(transport_id)
        elif transport_id not in self._sockets:
            opened = self._sockets[transport_id] = []
            for host in self._hosts if self._hosts is not None else local_hosts():
                try:
                    address = self._driver.open_socket(Address(host, 0))
                except OSError:
                    continue
                if self._peer.add_local_address(transport_id, address, self._driver.now):
                    opened.append(address)
                else:
                    self._driver.close_socket(address)
        self._peer.end_of_local_addresses(transport_id, self._driver.now)

    def transport_closed(self, transport_id: int) -> None:
        """Close the sockets of a transport."""
        if self._share is not None:
            self._share.transport_closed(transport_id)
        for address in self._sockets.pop(transport_id, ()):
            self._driver.close_socket(address)

    def resolve(self, host: str) -> None:
        """Look up the addresses of a name, and tell the machine."""
        task = self._loop.create_task(self._resolve(host))
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    def close(self) -> None:
        """Look nothing up any more."""
        for task in self._resolving:
            task.cancel()

    async def _resolve(self, host: str) -> None:
        addresses: list[str] = []
        if not host.endswith(".local"):
            try:
                found = await self._loop.getaddrinfo(host, None, type=2)
                addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
            except (OSError, UnicodeError):  # the latter for what cannot be a name of the DNS
                addresses = []
        if not self._peer.closed:
            self._peer.host_resolved(host, addresses, self._driver.now)
            self._driver.flush()
