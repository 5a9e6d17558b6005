"""URLs of ICE servers: which are valid, and which of them are used (RFC 7064, RFC 7065, webrtc-pc section 4.4.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from typing import Final

import rtc_stun
from rtc_peer.dataclass import dataclass
from rtc_peer.errors import CredentialsError, ServerUrlError
from rtc_stun import Address

MAX_CREDENTIAL_LENGTH: Final = 508
"""Longest user name or password, in bytes of UTF-8. See :rfc:`8489#section-14.3`."""

MAX_SERVER_ADDRESSES: Final = 16
"""Most addresses of servers that are asked."""

_TURN_URI: Final = re.compile(
    r"(?P<scheme>turns?):(?P<rest>[^?]*)(?:\?transport=(?P<transport>udp|tcp))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """One STUN or TURN server, under one or more URLs.

    Raises:
        ServerUrlError: There is no URL, or one is malformed.
        CredentialsError: A TURN server lacks user name or password, or they are too long.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.urls:
            raise ServerUrlError("an ICE server has at least one URL")
        for url in self.urls:
            if parse_url(url).needs_credentials:
                self._check_credentials(url)

    def _check_credentials(self, url: str) -> None:
        for name, value in (("user name", self.username), ("credential", self.credential)):
            if value is None:
                raise CredentialsError(f"{url} needs a {name}")
            if len(value.encode("utf-8", "surrogatepass")) > MAX_CREDENTIAL_LENGTH:
                raise CredentialsError(f"the {name} of {url} is longer than {MAX_CREDENTIAL_LENGTH} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUrl:
    """The parts of a server's URL."""

    url: str
    scheme: str
    """``stun``, ``stuns``, ``turn`` or ``turns``."""
    location: rtc_stun.StunUri
    """Host and port."""

    @property
    def needs_credentials(self) -> bool:
        """Whether it is a TURN server."""
        return self.scheme in ("turn", "turns")

    @property
    def is_supported(self) -> bool:
        """Whether we can use it: STUN over UDP."""
        return self.scheme == "stun"


def parse_url(url: str) -> ServerUrl:
    """Parse and check the URL of a server.

    Raises:
        ServerUrlError: It is none, or one of another scheme.
    """
    relay = _TURN_URI.fullmatch(url)
    try:
        if relay is None:
            location = rtc_stun.StunUri.parse(url)
            return ServerUrl(url=url, scheme="stuns" if location.secure else "stun", location=location)
        # Host and port of a TURN URI are written as those of a STUN URI (RFC 7065 section 3.1).
        return ServerUrl(
            url=url, scheme=relay["scheme"].lower(), location=rtc_stun.StunUri.parse(f"stun:{relay['rest']}")
        )
    except rtc_stun.ParseError as error:
        raise ServerUrlError(f"{url!r} is not the URL of a STUN or TURN server: {error}") from error


def unsupported_urls(servers: Iterable[IceServer]) -> list[str]:
    """Return the URLs that are valid but not used yet: TURN, and STUN over TLS."""
    return [url for server in servers for url in server.urls if not parse_url(url).is_supported]


class StunServers:
    """The STUN servers of a configuration, and the addresses that their names resolve to."""

    __slots__ = ("_addresses", "_servers")

    def __init__(self, servers: Iterable[IceServer]) -> None:
        self._servers = [parsed for server in servers for parsed in map(parse_url, server.urls) if parsed.is_supported]
        self._addresses: dict[str, tuple[str, ...]] = {}

    def unresolved(self) -> list[str]:
        """Return the names that wait for their addresses, in the order of the configuration."""
        names = (server.location.host for server in self._servers if not server.location.is_ip_address)
        return [name for name in dict.fromkeys(names) if name not in self._addresses]

    def resolve(self, host: str, addresses: Iterable[str]) -> bool:
        """Note the addresses of a name, and return whether it is one of ours."""
        if all(server.location.host != host for server in self._servers):
            return False
        self._addresses[host] = tuple(addresses)
        return True

    def unreachable(self, host: str | None = None) -> list[str]:
        """Return the URLs whose names have no address: all of them, or those of one name."""
        return [
            server.url
            for server in self._servers
            if host in (None, server.location.host) and self._addresses.get(server.location.host) == ()
        ]

    def addresses(self) -> tuple[Address, ...]:
        """Return the servers whose address is known, each once, up to a bound."""
        found: dict[Address, None] = {}
        for server in self._servers:
            location = server.location
            hosts = (location.host,) if location.is_ip_address else self._addresses.get(location.host, ())
            found.update((Address(host, location.effective_port), None) for host in hosts)
        return tuple(found)[:MAX_SERVER_ADDRESSES]

    def url_of(self, address: Address) -> str | None:
        """Return the URL that an address belongs to."""
        for server in self._servers:
            location = server.location
            hosts = (location.host,) if location.is_ip_address else self._addresses.get(location.host, ())
            if address.host in hosts and address.port == location.effective_port:
                return server.url
        return None
