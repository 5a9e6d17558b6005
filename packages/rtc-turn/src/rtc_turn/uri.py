"""``turn`` and ``turns`` URIs (:rfc:`7065`).

turn:turn.example.org        turns:turn.example.org:443?transport=tcp        turn:[2001:db8::1]:3478?transport=udp
"""

import ipaddress
import re
from typing import Final, Self

from rtc_turn.dataclass import dataclass
from rtc_turn.errors import ParseError

DEFAULT_PORT: Final = 3478
DEFAULT_TLS_PORT: Final = 5349

# Not a hierarchical URI: no generic parser has a place here. [rfc7065:3.1/1]
_URI: Final = re.compile(
    r"(?P<scheme>turns?):(?:\[(?P<literal>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._~!$&'()*+,;=%-]+))(?::(?P<port>[0-9]*))?"
    r"(?:\?transport=(?P<transport>[a-z0-9._~%-]+))?",
    re.IGNORECASE | re.ASCII,
)
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_TRANSPORTS: Final = {(False, "udp"): "udp", (False, "tcp"): "tcp", (True, "udp"): "dtls", (True, "tcp"): "tls"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnUri:
    """Where a TURN server is, as configured."""

    host: str
    """Domain name or IP literal, the latter without brackets."""
    port: int | None = None
    """None if the URI names none; see `effective_port`."""
    secure: bool = False
    """Whether the scheme is ``turns``: TURN over TLS or DTLS."""
    transport: str | None = None
    """``udp`` or ``tcp``; None if the URI names none; see `effective_transport`."""

    def __post_init__(self) -> None:
        """Refuse what no URI can say, or nobody can do.

        Raises:
            ParseError: The port is out of range, or the transport is another one.
        """
        if self.port is not None and not 0 <= self.port <= 0xFFFF:
            raise ParseError(f"port {self.port} is out of range")
        if self.transport not in (None, "udp", "tcp"):
            raise ParseError(f"TURN over {self.transport!r} is unknown")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a URI.

        Raises:
            ParseError: It is not a ``turn`` or ``turns`` URI, or of an unknown transport.

        See :rfc:`7065#section-3.1`.
        """
        match = _URI.fullmatch(text)
        if match is None or _PERCENT.search(text):
            raise ParseError(f"{text!r} is not a turn or turns URI")
        literal, port, transport = match["literal"], match["port"], match["transport"]
        host = match["name"].lower() if literal is None else _ipv6_literal(literal)
        # A port of more than five digits is out of range whatever it says; int() need not see it.
        if port and len(port.lstrip("0")) > 5:
            raise ParseError(f"port {port[:8]}... is out of range")
        return cls(
            host=host,
            port=int(port) if port else None,
            secure=match["scheme"].lower() == "turns",
            transport=None if transport is None else transport.lower(),
        )

    @property
    def is_ip_address(self) -> bool:
        """Whether the host needs no resolution."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    @property
    def effective_port(self) -> int:
        """The port to use where name resolution (SRV) does not tell one."""
        if self.port is not None:
            return self.port
        return DEFAULT_TLS_PORT if self.secure else DEFAULT_PORT

    @property
    def effective_transport(self) -> str:
        """What carries the messages: ``udp``, ``tcp``, ``dtls`` or ``tls``.

        Without a transport a ``turn`` URI means UDP and a ``turns`` URI means TLS over TCP, as browsers read them.
        """
        # [rfc8656:4.1/1] [rfc7065:3.2/1]
        return _TRANSPORTS[self.secure, self.transport or ("tcp" if self.secure else "udp")]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        transport = "" if self.transport is None else f"?transport={self.transport}"
        return f"{'turns' if self.secure else 'turn'}:{host}{port}{transport}"


def _ipv6_literal(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError as error:
        raise ParseError(f"[{text}] is not an IPv6 address") from error
