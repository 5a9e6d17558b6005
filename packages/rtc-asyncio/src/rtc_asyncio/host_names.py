"""Names and addresses: what the names of others stand for, and the names that stand for our addresses."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import rtc_peer
from rtc_ice import is_candidate_name
from rtc_peer import PeerConnection

from .driver import Driver
from .name_resolution import addresses_of

if TYPE_CHECKING:
    from .multicast import MulticastDnsService


class HostNames:
    """Resolves names for a connection, and hides its addresses behind others.

    Args:
        peer: The machine.
        driver: Of the machine.
    """

    def __init__(self, peer: PeerConnection, driver: Driver[rtc_peer.Event]) -> None:
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._driver = driver
        self._resolving: set[asyncio.Task[None]] = set()
        self._multicast: MulticastDnsService | None = None
        self._names: dict[str, str] = {}
        """Names that stand for our addresses, by these: for this connection alone."""

    def resolve(self, host: str) -> None:
        """Look up the addresses of a name, and tell the machine."""
        task = self._loop.create_task(self._resolve(host))
        self._resolving.add(task)
        task.add_done_callback(self._resolving.discard)

    def of(self, host: str) -> str:
        """Return the name that stands for an address of ours; it is published."""
        if host not in self._names:
            self._names[host] = self._use_multicast().publish(host)
        return self._names[host]

    def follow_links(self) -> None:
        """Addresses of this machine came or went."""
        if self._multicast is not None:
            self._multicast.follow_links()

    def close(self) -> None:
        """Look nothing up any more, and take our names back."""
        for task in self._resolving:
            task.cancel()
        if self._multicast is not None:
            for name in self._names.values():
                self._multicast.withdraw(name)
            self._multicast.leave()
            self._multicast = None

    def _use_multicast(self) -> "MulticastDnsService":
        from .multicast import MulticastDnsService  # who meets no hidden candidates does without

        if self._multicast is None:
            self._multicast = MulticastDnsService.use()
        return self._multicast

    async def _resolve(self, host: str) -> None:
        if is_candidate_name(host):
            self._tell(host, await self._use_multicast().resolve(host))
            return
        async for addresses in addresses_of(host):
            self._tell(host, addresses)

    def _tell(self, host: str, addresses: Sequence[str]) -> None:
        if not self._peer.closed:
            self._peer.host_resolved(host, addresses, self._driver.now)
            self._driver.flush()
