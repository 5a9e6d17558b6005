"""One TCP or TLS connection of asyncio's, as its owner sees it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that the other side has to read the rest."""
_RESET: Final = struct.pack("ii", 1, 0)
"""What lets a socket end its connection with a RST, and remember nothing of it."""


class Stream(asyncio.Protocol):
    """One connection.

    Args:
        on_opened: Called when it is there, encryption included.
        on_data: Called with what was read.
        on_closed: Called once, when it has ended or broken.
        on_full: Called with True when the other side reads too slowly, and with False when it has caught up.
    """

    def __init__(
        self,
        on_opened: Callable[[], None],
        on_data: Callable[[bytes], None],
        on_closed: Callable[[], None],
        on_full: Callable[[bool], None],
    ) -> None:
        self._on_opened = on_opened
        self._on_data = on_data
        self._on_closed = on_closed
        self._on_full = on_full
        self._transport: asyncio.Transport | None = None
        self._early = b""
        """What was written before the event loop had made the connection, as one that was accepted is used at once."""
        self._is_over = False
        """Closed before the event loop had made the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            early, self._early = self._early, b""
            if early:
                transport.write(early)
            if self._is_over:
                self.close()
            else:
                self._on_opened()

    def data_received(self, data: bytes) -> None:
        """Something was read."""
        self._on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        """It has ended."""
        self._on_closed()

    def pause_writing(self) -> None:
        """Much waits to be written."""
        self._on_full(True)  # noqa: FBT003 - a fact

    def resume_writing(self) -> None:
        """Little waits."""
        self._on_full(False)  # noqa: FBT003 - a fact

    @property
    def unwritten(self) -> int:
        """Bytes that wait for the other side."""
        return len(self._early) if self._transport is None else self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Write, or queue."""
        if self._transport is None:
            self._early += b"" if self._is_over else data
        elif not self._transport.is_closing():
            self._transport.write(data)

    def read(self, *, go_on: bool) -> None:
        """Stop reading, or go on."""
        if self._transport is not None and not self._transport.is_closing():
            if go_on:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def close(self, *, abort: bool = False) -> None:
        """End it: at once, or when the rest is written, for which there is a while."""
        if self._transport is None:
            self._is_over = True
            if abort:
                self._early = b""
            return
        if abort:
            opened = self._transport.get_extra_info("socket")
            if opened is not None:
                with contextlib.suppress(OSError):  # it may have been closed already
                    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()
            return
        if not self.unwritten:
            self._transport.close()
            return
        self._transport.close()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._transport.abort)
