"""Where a STUN or TURN server is: what a person typed, made a URL, and then an IP address."""

import asyncio
import re
import socket
from dataclasses import dataclass
from typing import Final

from rtc_stun import Address, ParseError, StunUri
from rtc_turn import TurnUri

from .errors import CommandError, reason

_HAS_SCHEME: Final = re.compile(r"[A-Za-z]+:(?!\d+$)")


@dataclass(frozen=True, slots=True)
class Server:
    """One server over one transport."""

    url: str
    """As it was given."""
    host: str
    """Domain name or IP literal."""
    port: int
    transport: str
    """``udp``, ``tcp``, ``tls`` or ``dtls``."""
    relays: bool
    """Whether it is a TURN server."""

    @classmethod
    def parse(cls, text: str) -> "Server":
        """Read a ``stun``, ``stuns``, ``turn`` or ``turns`` URL.

        Raises:
            CommandError: It is none.
        """
        try:
            if text.lower().startswith(("turn:", "turns:")):
                turn = TurnUri.parse(text)
                return cls(text, turn.host, turn.effective_port, turn.effective_transport, relays=True)
            # Browsers do not allow it, but some write it.
            stun = StunUri.parse(text.removesuffix("?transport=udp"))
        except ParseError as error:
            raise CommandError(f"{error}; it looks like stun:stun.example.org or turn:turn.example.org:3478") from None
        return cls(text, stun.host, stun.effective_port, "tls" if stun.secure else "udp", relays=False)

    @property
    def name(self) -> str:
        """Host and port, as people write them."""
        return endpoint(self.host, self.port)

    def over(self, transport: str) -> "Server":
        """The same server over another transport."""
        return Server(self.url, self.host, self.port, transport, self.relays)


def stun_url(text: str) -> str:
    """Make a URL of what may be a mere ``HOST`` or ``HOST:PORT``."""
    return (
        text if _HAS_SCHEME.match(text) else f"stun:{f'[{text}]' if text.count(':') > 1 and '[' not in text else text}"
    )


def endpoint(host: str, port: int) -> str:
    """Host and port in one word."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def resolve(server: Server, family: socket.AddressFamily = socket.AF_UNSPEC) -> Address:
    """Return the address that the system prefers.

    Raises:
        CommandError: The name has none.
    """
    kind = socket.SOCK_DGRAM if server.transport in ("udp", "dtls") else socket.SOCK_STREAM
    try:
        found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, family=family, type=kind)
    except (OSError, UnicodeError) as error:
        which = {socket.AF_INET: "IPv4 ", socket.AF_INET6: "IPv6 "}.get(family, "")
        raise CommandError(f"no {which}address is known for {server.host}: {reason(error)}") from None
    return Address(str(found[0][4][0]), int(found[0][4][1]))


def local_host(remote: Address) -> str:
    """The address of this machine from which it reaches another.

    Raises:
        OSError: There is no way to it.
    """
    family = socket.AF_INET6 if remote.is_ipv6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(remote)
        return str(probe.getsockname()[0])
