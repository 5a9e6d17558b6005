"""URLs of ICE servers: which are valid, and what the agents are told of them (RFC 7064, RFC 7065, webrtc-pc section 4.4.1.6).

A URL names a host, a port and a transport; the host is resolved, and each of its addresses is a server to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Final

import rtc_stun
import rtc_turn
from rtc_ice import TurnServer
from rtc_peer.dataclass import dataclass
from rtc_peer.errors import CredentialsError, ServerUrlError
from rtc_stun import Address

if TYPE_CHECKING:
    from rtc_stun import LongTermCredential

MAX_CREDENTIAL_LENGTH: Final = 508
"""Longest user name or password, in bytes of UTF-8. See :rfc:`8489#section-14.3`."""

MAX_SERVER_ADDRESSES: Final = 16
"""Most addresses of servers that are asked, of each kind."""

_TURN_SCHEMES: Final = ("turn:", "turns:")


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServer:
    """One STUN or TURN server, under one or more URLs.

    Raises:
        ServerUrlError: There is no URL, or one is malformed.
        CredentialsError: A TURN server lacks user name or password, or they are too long, or hold what cannot be sent.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.urls:
            raise ServerUrlError("an ICE server has at least one URL")
        for url in self.urls:
            if isinstance(parse_url(url), rtc_turn.TurnUri):
                self._check_credentials(url)

    def urls_of_streams(self) -> tuple[str, ...]:
        """Return the URLs under which it is a relay that is spoken to over TCP or TLS."""
        parsed = ((url, parse_url(url)) for url in self.urls)
        return tuple(
            url
            for url, uri in parsed
            if isinstance(uri, rtc_turn.TurnUri) and uri.effective_transport in ("tcp", "tls")
        )

    def _check_credentials(self, url: str) -> None:
        for name, value in (("user name", self.username), ("credential", self.credential)):
            if value is None:
                raise CredentialsError(f"{url} needs a {name}")
            if len(value.encode("utf-8", "surrogatepass")) > MAX_CREDENTIAL_LENGTH:
                raise CredentialsError(f"the {name} of {url} is longer than {MAX_CREDENTIAL_LENGTH} bytes")
        try:
            self.turn_credential()
        except ValueError as error:
            raise CredentialsError(f"{url} needs other credentials: {error}") from error

    def turn_credential(self) -> LongTermCredential:
        """Return user name and password in the form in which TURN uses them."""
        return rtc_stun.LongTermCredential(username=self.username or "", password=self.credential or "")


def parse_url(url: str) -> rtc_stun.StunUri | rtc_turn.TurnUri:
    """Parse and check the URL of a server.

    Raises:
        ServerUrlError: It is none, or one of another scheme.
    """
    try:
        if url.lower().startswith(_TURN_SCHEMES):
            return rtc_turn.TurnUri.parse(url)
        return rtc_stun.StunUri.parse(url)
    except (rtc_stun.ParseError, rtc_turn.ParseError) as error:
        raise ServerUrlError(f"{url!r} is not the URL of a STUN or TURN server: {error}") from error


def is_supported(uri: rtc_stun.StunUri | rtc_turn.TurnUri) -> bool:
    """Whether a server can be used: STUN over TLS cannot, for its answer would be about the stream."""
    return isinstance(uri, rtc_turn.TurnUri) or not uri.secure


def unsupported_urls(servers: Iterable[IceServer]) -> list[str]:
    """Return the URLs that are valid but not used: STUN over TLS."""
    return [url for server in servers for url in server.urls if not is_supported(parse_url(url))]


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """One URL of one server."""

    url: str
    uri: rtc_stun.StunUri | rtc_turn.TurnUri
    server: IceServer

    def turn_server(self, address: Address) -> TurnServer | None:
        """Return what an agent is told of the server at one of its addresses; None if it is a STUN server."""
        uri = self.uri
        if not isinstance(uri, rtc_turn.TurnUri):
            return None
        return TurnServer(
            address=address,
            transport=uri.effective_transport,
            credential=self.server.turn_credential(),
            # A certificate proves what the configuration says, be it a name or an address.
            domain=uri.host if uri.secure else None,
        )


class IceServers:
    """The servers of a configuration, and the addresses that their names resolve to."""

    __slots__ = ("_addresses", "_urls")

    def __init__(self, servers: Iterable[IceServer]) -> None:
        urls = (ServerUrl(url, parse_url(url), server) for server in servers for url in server.urls)
        self._urls = [each for each in urls if is_supported(each.uri)]
        self._addresses: dict[str, tuple[str, ...]] = {}

    def unresolved(self) -> list[str]:
        """Return the names that wait for their addresses, in the order of the configuration."""
        names = (each.uri.host for each in self._urls if not each.uri.is_ip_address)
        return [name for name in dict.fromkeys(names) if name not in self._addresses]

    def resolve(self, host: str, addresses: Iterable[str]) -> bool:
        """Note the addresses of a name, and return whether it is one of ours."""
        if all(each.uri.host != host for each in self._urls):
            return False
        self._addresses[host] = tuple(addresses)
        return True

    def unreachable(self, host: str | None = None) -> list[str]:
        """Return the URLs whose names have no address: all of them, or those of one name."""
        return [
            each.url
            for each in self._urls
            if host in (None, each.uri.host) and self._addresses.get(each.uri.host) == ()
        ]

    def stun_servers(self) -> tuple[Address, ...]:
        """Return the STUN servers whose address is known, each once, up to a bound."""
        found = (address for each, address in self._located() if not isinstance(each.uri, rtc_turn.TurnUri))
        return tuple(dict.fromkeys(found))[:MAX_SERVER_ADDRESSES]

    def turn_servers(self) -> tuple[TurnServer, ...]:
        """Return the TURN servers whose address is known, each once for each transport, up to a bound."""
        found: dict[tuple[Address, str], TurnServer] = {}
        for each, address in self._located():
            server = each.turn_server(address)
            if server is not None:
                found.setdefault(server.location, server)
        return tuple(found.values())[:MAX_SERVER_ADDRESSES]

    def addresses_of(self, url: str) -> list[Address]:
        """Return the known addresses of a URL."""
        return [address for each, address in self._located() if each.url == url]

    def url_of(self, address: Address, transport: str | None) -> str | None:
        """Return the URL that a server belongs to.

        Args:
            address: Of the server.
            transport: How a TURN server is reached; None for a STUN server.
        """
        for each, known in self._located():
            of_url = each.uri.effective_transport if isinstance(each.uri, rtc_turn.TurnUri) else None
            if (known, of_url) == (address, transport):
                return each.url
        return None

    def _located(self) -> Iterator[tuple[ServerUrl, Address]]:
        for each in self._urls:
            hosts = (each.uri.host,) if each.uri.is_ip_address else self._addresses.get(each.uri.host, ())
            for host in hosts:
                yield each, Address(host, each.uri.effective_port)
