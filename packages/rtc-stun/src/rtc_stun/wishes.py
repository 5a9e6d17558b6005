"""What machines wish for beside datagrams: streams that are opened, written to and closed, for STUN and for others."""

from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address


@dataclass(slots=True)
class OpenTransport:
    """A wish: connect a stream, then call the machine's ``transport_opened`` or ``transport_failed``."""

    transport_id: int
    remote: Address
    transport: str
    """``tcp`` or ``tls``; ``dtls`` for a DTLS connection, or ``udp`` for a socket that nobody else uses: data keep their borders."""
    domain: str | None
    """What the server's certificate must prove; None if the request named no domain."""
    local: Address | None = None
    """Where to connect from; its port is 0 if any will do. None to leave it to the system."""


@dataclass(slots=True)
class StreamData:
    """Bytes to be written to a stream, in the order of the list that they come in."""

    transport_id: int
    """Of the stream, as announced by `OpenTransport` or by the caller."""
    data: bytes


@dataclass(slots=True)
class CloseTransport:
    """A wish: write what was handed out before for this stream, then close it."""

    transport_id: int
    abort: bool = False
    """Close with a RST, for the other side does not answer any more or does not speak STUN."""
