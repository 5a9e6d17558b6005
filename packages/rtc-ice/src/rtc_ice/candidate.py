"""Candidates and the line that carries them (:rfc:`8839#section-5.1`).

candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type>
[raddr <address>] [rport <port>] {<name> <value>}

candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998 generation 0
"""

import ipaddress
import re
from functools import lru_cache
from typing import Final, Self

from rtc_ice.dataclass import dataclass
from rtc_ice.errors import ParseError
from rtc_ice.priority import MAX_COMPONENT_ID
from rtc_ice.tcp import TcpType, parse_tcp_type
from rtc_stun import Address

HOST: Final = "host"
SERVER_REFLEXIVE: Final = "srflx"
PEER_REFLEXIVE: Final = "prflx"
RELAYED: Final = "relay"

KNOWN_TYPES: Final = frozenset({HOST, SERVER_REFLEXIVE, PEER_REFLEXIVE, RELAYED})

MAX_LINE_LENGTH: Final = 4096
"""A longer line is refused before anything is made of it."""

_PREFIX: Final = "candidate:"
_FOUNDATION: Final = re.compile(r"[A-Za-z0-9+/]{1,32}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_VISIBLE: Final = re.compile(r"[!-~]+")
_MAX_PORT: Final = 65_535
_MAX_WIRE_PRIORITY: Final = 2**32 - 1
_FIXED_FIELD_COUNT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A transport address that an agent offers, as signalling carries it.

    `parse` reads every well-formed line, also of kinds that this package cannot use (names instead of addresses, types
    of the future): the agent ignores and counts those. See `is_usable`.
    """

    foundation: str
    """Equal for candidates that are likely to work or fail together; 1 to 32 letters, digits, ``+`` or ``/``."""
    component_id: int
    """1 to 256; WebRTC uses 1 only."""
    transport: str
    """In lower case: ``udp``, ``tcp``, or something newer."""
    priority: int
    """Higher is better."""
    address: Address
    """Where packets go. ``host`` is a domain name in candidates that hide an address."""
    type: str
    """``host``, ``srflx``, ``prflx``, ``relay``, or something newer."""
    related_address: Address | None = None
    """For diagnostics: the base of a reflexive candidate, the mapped address of a relayed one."""
    extensions: tuple[tuple[str, str], ...] = ()
    """Further names and values in the order of the line, unknown ones included."""

    @classmethod
    def parse(cls, line: str) -> Self:
        """Parse a candidate line, with or without ``candidate:`` in front.

        Raises:
            ParseError: The line does not follow the grammar.
        """
        if len(line) > MAX_LINE_LENGTH:
            raise ParseError(f"a candidate line has at most {MAX_LINE_LENGTH} characters")
        words = line.removeprefix("a=").removeprefix(_PREFIX).split()
        if len(words) < _FIXED_FIELD_COUNT or words[6] != "typ":
            raise ParseError("a candidate has six fields, then 'typ' and its type")
        if len(words) % 2:
            raise ParseError(f"the extension {_quote(words[-1])} has no value")
        foundation, component_id, transport, priority, host, port, _, candidate_type = words[:_FIXED_FIELD_COUNT]
        related_address, extensions = _parse_extensions(words[_FIXED_FIELD_COUNT:])
        return cls(
            foundation=_matching(_FOUNDATION, foundation, "foundation"),
            component_id=_number(component_id, 1, MAX_COMPONENT_ID, "component ID"),
            transport=_matching(_TOKEN, transport, "transport").lower(),
            priority=_number(priority, 1, _MAX_WIRE_PRIORITY, "priority"),
            address=Address(_host(host), _number(port, 0, _MAX_PORT, "port")),
            type=_matching(_TOKEN, candidate_type, "type"),
            related_address=related_address,
            extensions=extensions,
        )

    def __str__(self) -> str:
        """Return the line, ``candidate:`` included."""
        words = [
            f"{_PREFIX}{self.foundation} {self.component_id} {self.transport} {self.priority}",
            f"{self.address.host} {self.address.port} typ {self.type}",
        ]
        if self.related_address is not None:
            words.append(f"raddr {self.related_address.host} rport {self.related_address.port}")
        words.extend(f"{name} {value}" for name, value in self.extensions)
        return " ".join(words)

    @property
    def is_usable(self) -> bool:
        """Whether this package knows what to do with it: UDP, or TCP of a known ``tcptype``; a known type; an IP address."""
        knows_transport = self.transport == "udp" or (self.transport == "tcp" and self.tcp_type is not None)
        return knows_transport and self.type in KNOWN_TYPES and is_ip_literal(self.address.host)

    @property
    def tcp_type(self) -> TcpType | None:
        """Who connects, of a TCP candidate; ``None`` of others, and where the line does not say."""
        return parse_tcp_type(self.extension("tcptype")) if self.transport == "tcp" else None

    @property
    def ufrag(self) -> str | None:
        """The username fragment that ties a trickled candidate to its session, if the line has one."""
        return self.extension("ufrag")

    def extension(self, name: str) -> str | None:
        """Return the value of the first extension of that name, such as ``tcptype`` or ``network-cost``."""
        return next((value for key, value in self.extensions if key == name), None)


# The same few addresses are looked at again and again, and parsing one takes as long as the rest of its candidate.


@lru_cache(maxsize=256)
def is_ip_literal(host: str) -> bool:
    """Tell an IPv4 or IPv6 address from a domain name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _parse_extensions(words: list[str]) -> tuple[Address | None, tuple[tuple[str, str], ...]]:
    related_host: str | None = None
    related_port: int | None = None
    extensions: list[tuple[str, str]] = []
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name == "raddr" and related_host is None:
            related_host = _host(value)
        elif name == "rport" and related_port is None:
            related_port = _number(value, 0, _MAX_PORT, "related port")
        else:
            # [rfc8839:5.1/10]
            extensions.append(
                (_matching(_TOKEN, name, "extension name"), _matching(_VISIBLE, value, "extension value"))
            )
    if related_host is None:
        return None, tuple(extensions)
    return Address(related_host, related_port or 0), tuple(extensions)


@lru_cache(maxsize=256)
def _host(text: str) -> str:
    """Bring an IP literal into canonical text, so that equal addresses compare equal; leave a name as it is."""
    # Not in the grammar: a zone of the peer's says nothing about our interfaces, and must not choose one of them.
    address, _, _ = text.partition("%")
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        # A colon is found in IPv6 literals alone.
        if ":" in text or not _VISIBLE.fullmatch(text):
            raise ParseError(f"{_quote(text)} is neither an IP address nor a domain name") from None
        return text


def _number(text: str, lowest: int, highest: int, what: str) -> int:
    # str.isdecimal accepts the digits of every script, and int() their mixture.
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(highest))):
        raise ParseError(f"{_quote(text)} is not a {what}")
    number = int(text)
    if not lowest <= number <= highest:
        raise ParseError(f"a {what} is {lowest} to {highest}, not {number}")
    return number


def _matching(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ParseError(f"{_quote(text)} is not a {what}")
    return text


def _quote(text: str) -> str:
    return repr(text[:40])
