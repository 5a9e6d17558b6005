"""A listening TCP socket that hands over what it accepts, and sockets that connect from a port where one listens."""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from rtc_stun import Address

from .udp import socket_address, to_address

BACKLOG: Final = 128
"""Connections that may wait to be accepted."""
MAX_ACCEPTED: Final = 64
"""Connections that are accepted before the event loop gets its turn."""
PAUSE: Final = 0.5
"""Seconds until it goes on where the system had no room for another connection."""


class TcpListener:
    """Listens at one address.

    Args:
        local: Address to bind; port 0 lets the system choose.
        on_accepted: Called with each connection, which is the callee's to close, and who opened it.
        shared: Whether others may connect from the same port meanwhile: simultaneous open.

    Raises:
        OSError: The address cannot be bound, or the event loop cannot watch sockets.
    """

    def __init__(
        self, local: Address, on_accepted: Callable[[socket.socket, Address], None], *, shared: bool = False
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_accepted = on_accepted
        self._socket = bound_socket(local, shared=shared)
        self._pause: asyncio.TimerHandle | None = None
        try:
            self._socket.listen(BACKLOG)
            self._loop.add_reader(self._socket, self._readable)
        except NotImplementedError:
            self._socket.close()
            raise OSError("this event loop cannot watch a listening socket") from None
        except OSError:
            self._socket.close()
            raise
        self.local: Final = Address(local.host, self._socket.getsockname()[1])

    def close(self) -> None:
        """Listen no more. Idempotent."""
        if self._socket.fileno() >= 0:
            if self._pause is not None:
                self._pause.cancel()
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(MAX_ACCEPTED):
            try:
                accepted, source = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors or no memory left
                self._loop.remove_reader(self._socket)
                self._pause = self._loop.call_later(PAUSE, self._go_on)
                return
            accepted.setblocking(False)  # noqa: FBT003 - the only form it has
            self._on_accepted(accepted, to_address(source))
            if self._socket.fileno() < 0:
                return  # by what was called

    def _go_on(self) -> None:
        self._loop.add_reader(self._socket, self._readable)


def bound_socket(local: Address, *, shared: bool = False) -> socket.socket:
    """Return a TCP socket at an address; a shared one lets another listen, or connect, at the same.

    Raises:
        OSError: The address cannot be bound.
    """
    family = socket.AF_INET6 if local.is_ipv6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setblocking(False)  # noqa: FBT003 - the only form it has
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared and hasattr(socket, "SO_REUSEPORT"):
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if local.is_ipv6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(socket_address(local))
    except OSError:
        bound.close()
        raise
    return bound
