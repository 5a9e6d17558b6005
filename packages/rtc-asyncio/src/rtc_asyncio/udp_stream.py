"""A socket for one server alone: UDP where the server is to see another address than that of the socket all else shares.

What is written stays one datagram each, as in `rtc_asyncio.dtls_stream`.
"""

from collections.abc import Callable

from rtc_stun import Address, Datagram

from .udp import Batch, UdpSocket


class UdpStream:
    """One such socket.

    Args:
        remote: The server; what others send is not heard.
        local: Where to send from; None to leave it to the system.
        on_data: Called with each datagram's content.

    Raises:
        OSError: There is no such local address.
    """

    def __init__(self, remote: Address, local: Address | None, *, on_data: Callable[[bytes], None]) -> None:
        self._remote = remote
        self._on_data = on_data
        self._socket = UdpSocket(local or Address("::" if remote.is_ipv6 else "0.0.0.0", 0), self._received)  # noqa: S104

    @property
    def local(self) -> Address:
        """Our end."""
        return self._socket.local

    @property
    def unwritten(self) -> int:
        """Bytes that wait: none, for datagrams that find no room are lost."""
        return 0

    def write(self, data: bytes) -> None:
        """Send a datagram."""
        self._socket.send([Datagram(data, self._socket.local, self._remote)])

    def close(self, *, abort: bool = False) -> None:  # noqa: ARG002 - as of every stream
        """Close the socket."""
        self._socket.close()

    def _received(self, batches: list[Batch]) -> None:
        for _, datagrams in batches:
            for datagram in datagrams:
                if datagram.remote == self._remote:
                    self._on_data(datagram.data)
