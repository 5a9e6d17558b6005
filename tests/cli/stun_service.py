"""A STUN server on the loopback interface, with two addresses and two ports, as RFC 5780 wants it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from rtc_asyncio import UdpSocket
from rtc_asyncio.udp import Batch
from rtc_stun import Address, AlternateAddresses, Authenticator, BehaviorConfig, ServerConfig, StunServer

FIRST, SECOND = "127.0.0.1", "127.0.0.2"


@contextlib.asynccontextmanager
async def stun_service(authenticator: Authenticator | None = None, *, helps: bool = True) -> AsyncIterator[Address]:
    """Serve; yields the primary address.

    Args:
        authenticator: Who may ask.
        helps: Whether with all four addresses.
    """
    loop = asyncio.get_running_loop()
    sockets: dict[Address, UdpSocket] = {}

    def received(batches: list[Batch]) -> None:
        for _, datagrams in batches:
            server.receive_datagrams(datagrams, loop.time())
        for datagram in server.datagrams_to_send(loop.time()):
            sockets[datagram.local].send([datagram])

    primary = UdpSocket(Address(FIRST, 0), received)
    sockets[primary.local] = primary
    if helps:
        other = UdpSocket(Address(SECOND, 0), received)
        sockets[other.local] = other
        pair = AlternateAddresses(primary.local, other.local)
        for address in (Address(FIRST, other.local.port), Address(SECOND, primary.local.port)):
            sockets[address] = UdpSocket(address, received)
        behavior = BehaviorConfig(alternates=(pair,))
    else:
        behavior = BehaviorConfig()
    server = StunServer(authenticator=authenticator, config=ServerConfig(behavior=behavior))
    with _closing(sockets):
        yield primary.local


@contextlib.contextmanager
def _closing(sockets: dict[Address, UdpSocket]) -> Iterator[None]:
    try:
        yield
    finally:
        for each in sockets.values():
            each.close()
