"""A DTLS connection to a server that proves by its certificate who it is: TURN over DTLS (:rfc:`8656#section-4.1`).

It has a UDP socket of its own. What is written stays one datagram each.
"""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rtc_dtls import (
    ApplicationDataReceived,
    BufferFullError,
    ConnectionClosed,
    ConnectionFailed,
    DtlsConfig,
    DtlsConnection,
    Fingerprint,
    HandshakeCompleted,
    PeerCertificateReceived,
    Role,
)
from rtc_stun import Address, Datagram

from .server_certificate import is_trusted, untrusted
from .udp import Batch, UdpSocket

if TYPE_CHECKING:
    import ssl

_CERTIFICATE_UNKNOWN: Final = 46


class DtlsStream:
    """One connection.

    Args:
        remote: The server.
        local: Where to connect from; None to leave it to the system.
        name: Domain name or IP address that the server's certificate must be for.
        context: Has the roots that it must lead to.
        on_data: Called with each datagram's content.
        on_closed: Called once, when it has ended or broken.

    Raises:
        OSError: There is no such local address.
    """

    def __init__(
        self,
        remote: Address,
        local: Address | None,
        *,
        name: str,
        context: "ssl.SSLContext",
        on_data: Callable[[bytes], None],
        on_closed: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._remote = remote
        self._name = name
        self._context = context
        self._on_data = on_data
        self._on_closed = on_closed
        self._socket = UdpSocket(local or Address("::" if remote.is_ipv6 else "0.0.0.0", 0), self._received)  # noqa: S104
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        # We have no certificate, and the server's is verified here instead of by a fingerprint.
        self._connection = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)

    @property
    def local(self) -> Address:
        """Our end."""
        return self._socket.local

    @property
    def unwritten(self) -> int:
        """Bytes that wait: none, for datagrams that find no room are lost."""
        return 0

    async def connect(self) -> None:
        """Shake hands.

        Raises:
            ssl.SSLCertVerificationError: The server does not prove to be who it should be; an OSError as over TLS.
            OSError: It does not speak DTLS.
        """
        self._connection.start(self._loop.time())
        self._flush()
        await self._connected

    def write(self, data: bytes) -> None:
        """Send a datagram."""
        if self._is_over:
            return
        try:
            self._connection.send(data)
        except (BufferFullError, ValueError):
            return  # lost, as on any network
        self._flush()

    def close(self, *, abort: bool = False) -> None:
        """Tell the server, and close the socket."""
        if self._is_over:
            return
        if not abort:
            self._connection.close(self._loop.time())
        self._send()
        self._end()

    # --- within ---

    def _received(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            records = [datagram.data for datagram in datagrams if datagram.remote == self._remote]
            self._connection.receive_datagrams(records, arrived_at)
        self._flush()

    def _flush(self) -> None:
        for event in self._connection.events():
            match event:
                case ApplicationDataReceived(data=data):
                    self._on_data(data)
                case PeerCertificateReceived():
                    self._judge(self._connection.peer_certificates)
                case HandshakeCompleted():
                    if not self._connected.done():
                        self._connected.set_result(None)
                case ConnectionFailed() | ConnectionClosed():
                    self._send()
                    self._end()
                    return
        self._send()
        self._set_timer()

    def _judge(self, chain: tuple[bytes, ...]) -> None:
        now = self._loop.time()
        if is_trusted(chain, self._name, self._context, datetime.now(UTC)):
            self._connection.set_remote_fingerprints([Fingerprint.of(chain[0])], now)
        else:
            self._connection.abort(now, _CERTIFICATE_UNKNOWN)
            if not self._connected.done():
                self._connected.set_exception(untrusted(self._name))

    def _send(self) -> None:
        records = self._connection.datagrams_to_send(self._loop.time())
        if records:
            self._socket.send([Datagram(record, self._socket.local, self._remote) for record in records])

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._connection.next_timeout()
        if at is not None and not self._is_over:
            self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer = None
        self._connection.handle_timeout(self._loop.time())
        self._flush()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._socket.close()
        if not self._connected.done():
            self._connected.set_exception(ConnectionError("the DTLS handshake failed"))
        self._on_closed()
