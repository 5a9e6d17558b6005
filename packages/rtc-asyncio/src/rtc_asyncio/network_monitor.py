"""Tells when the addresses of this machine change.

Linux says so by itself on a netlink socket (rtnetlink(7)); elsewhere the addresses are looked at every two seconds. One monitor
serves all connections of an event loop, and is there as long as somebody listens.
"""

import asyncio
import socket
import sys
import weakref
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import ClassVar, Final, Self

from .interfaces import InterfaceAddress, interface_addresses

POLLING_INTERVAL: Final = 2.0
"""Seconds between two looks, where nobody tells of changes."""
SETTLING_TIME: Final = 0.05
"""Seconds that changes are waited for after a first one: they come in bursts."""

_NETLINK_ROUTE: Final = 0
_LINKS_AND_ADDRESSES: Final = 0x1 | 0x10 | 0x100 | 0x40 | 0x400
"""The groups RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE."""
_MESSAGE_LENGTH: Final = 65_536


class NetworkMonitor:
    """Watches the addresses; get it by `watch`, and give it back by `leave`."""

    running: ClassVar[MutableMapping[asyncio.AbstractEventLoop, Self]] = weakref.WeakKeyDictionary()
    """Those in use, by event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[Callable[[], None], None] = {}
        self.addresses = interface_addresses()
        """Those of this machine as last seen, the preferred ones first; listeners are told of others."""
        self._timer: asyncio.TimerHandle | None = None
        self._socket = _netlink_socket()
        if self._socket is not None:
            try:
                self._loop.add_reader(self._socket, self._readable)
            except NotImplementedError:
                self._socket.close()
                self._socket = None
        if self._socket is None:
            self._look_again(POLLING_INTERVAL)

    @classmethod
    def watch(cls, listener: Callable[[], None]) -> Self:
        """Have a listener called, from the running event loop, whenever addresses came, went, or may be routed otherwise."""
        loop = asyncio.get_running_loop()
        monitor = cls.running.get(loop)
        if monitor is None:
            monitor = cls.running[loop] = cls()
        monitor._listeners[listener] = None
        return monitor

    def leave(self, listener: Callable[[], None]) -> None:
        """Call a listener no more; the last one takes the monitor down."""
        self._listeners.pop(listener, None)
        if self._listeners:
            return
        self.running.pop(self._loop, None)
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        """Something changed: whatever it was, the addresses are looked at."""
        with suppress(OSError):  # which also says that messages were lost
            while self._socket is not None:
                self._socket.recv(_MESSAGE_LENGTH)
        if self._timer is None:
            self._look_again(SETTLING_TIME)

    def _look_again(self, delay: float) -> None:
        self._timer = self._loop.call_later(delay, self._look)

    def _look(self) -> None:
        self._timer = None
        present = interface_addresses()
        changed = _as_set(present) != _as_set(self.addresses)
        self.addresses = present
        if self._socket is None:
            self._look_again(POLLING_INTERVAL)
        # Netlink also tells of routes, and of addresses that become usable.
        if changed or self._socket is not None:
            for listener in list(self._listeners):
                listener()


def _as_set(addresses: list[InterfaceAddress]) -> set[tuple[str, int, bool]]:
    return {(each.host, each.index, each.is_superseded) for each in addresses}


def _netlink_socket() -> socket.socket | None:
    """Open a socket that hears of links, addresses and routes; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
    except OSError:
        return None
    try:
        opened.setblocking(False)  # noqa: FBT003 - the only form it has
        opened.bind((0, _LINKS_AND_ADDRESSES))
    except OSError:
        opened.close()
        return None
    return opened
