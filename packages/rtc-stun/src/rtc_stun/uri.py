"""``stun`` and ``stuns`` URIs (:rfc:`7064`).

stun:stun.example.org        stuns:stun.example.org:443        stun:[2001:db8::1]:3478
"""

import ipaddress
import re
from typing import Final, Self

from rtc_stun.dataclass import dataclass
from rtc_stun.errors import ParseError

DEFAULT_PORT: Final = 3478
DEFAULT_TLS_PORT: Final = 5349

# Not a hierarchical URI: no generic parser has a place here. [rfc7064:3.1/1]
_URI: Final = re.compile(
    r"(?P<scheme>stuns?):(?:\[(?P<literal>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._~!$&'()*+,;=%-]+))(?::(?P<port>[0-9]*))?",
    re.IGNORECASE | re.ASCII,
)
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class StunUri:
    """Where a STUN server is, as configured."""

    host: str
    """Domain name or IP literal, the latter without brackets."""
    port: int | None = None
    """None if the URI names none; see `effective_port`."""
    secure: bool = False
    """Whether the scheme is ``stuns``: STUN over TLS or DTLS."""

    def __post_init__(self) -> None:
        """Refuse what no URI can say.

        Raises:
            ParseError: The port is out of range, or a ``stuns`` URI names an IP address.
        """
        if self.port is not None and not 0 <= self.port <= 0xFFFF:
            raise ParseError(f"port {self.port} is out of range")
        # [rfc8489:8.1/1] No certificate would prove that it is the right server.
        if self.secure and self.is_ip_address:
            raise ParseError("a stuns URI names a domain, not an IP address")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a URI.

        Raises:
            ParseError: It is not a ``stun`` or ``stuns`` URI.

        See :rfc:`7064#section-3.1`.
        """
        match = _URI.fullmatch(text)
        if match is None or _PERCENT.search(text):
            raise ParseError(f"{text!r} is not a stun or stuns URI")
        literal, port = match["literal"], match["port"]
        host = match["name"].lower() if literal is None else _ipv6_literal(literal)
        # A port of more than five digits is out of range whatever it says; int() need not see it.
        if port and len(port.lstrip("0")) > 5:
            raise ParseError(f"port {port[:8]}... is out of range")
        # [rfc7064:3.2/1]
        return cls(host=host, port=int(port) if port else None, secure=match["scheme"].lower() == "stuns")

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

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'stuns' if self.secure else 'stun'}:{host}" + ("" if self.port is None else f":{self.port}")


def _ipv6_literal(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError as error:
        raise ParseError(f"[{text}] is not an IPv6 address") from error
