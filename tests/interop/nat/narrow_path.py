"""A TURN server, a client of it and a peer, run in namespaces: which datagrams pass where the path is narrower than the sender's link.

python narrow_path.py receive PEER                what the peer gets: the lengths, a JSON list
python narrow_path.py relay HOST PEER WHOLE       what the client is told: a JSON list of what was too big
"""

import asyncio
import json
import os
import socket
import sys

from rtc_asyncio import TurnListener, TurnRelays, TurnService, UdpSocket
from rtc_asyncio.udp import Batch
from rtc_stun import Address, LongTermAuthenticator, LongTermCredential, LongTermUsers
from rtc_turn import AddressFamily, PeerUnreachable, PublicPeers, TurnClient, TurnConfig

PORT = 7000
LENGTHS = (1000, 1400, 1400, 1200)
SILENCE = 2.5
"""Seconds after which the peer does not expect more."""


def receive(host: str) -> list[int]:
    """The lengths of what arrives, until nothing does."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found: list[int] = []
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind((host, PORT))
        print("ready", flush=True)
        peer.settimeout(30.0)
        try:
            while True:
                found.append(len(peer.recv(9000)))
                peer.settimeout(SILENCE)
        except TimeoutError:
            return found


async def relay(host: str, peer: str, *, whole: bool) -> list[tuple[int, int, int, int]]:
    """Type, code, MTU and port of each ICMP error that the client is told."""
    loop = asyncio.get_running_loop()
    family = AddressFamily.IPV6 if ":" in host else AddressFamily.IPV4
    service = TurnService(
        authenticator=LongTermAuthenticator(LongTermUsers("example.org", {"alice": "secret"}), secret=os.urandom(32)),
        listeners=[TurnListener(transport="udp", host=host, port=0)],
        relays=TurnRelays(families=frozenset({family})),
        policy=PublicPeers(allowed=[peer]),
    )
    told: list[tuple[int, int, int, int]] = []

    def arrived(batches: list[Batch]) -> None:
        for at, datagrams in batches:
            client.receive_datagrams(datagrams, at)

    async def wait(seconds: float) -> None:
        until = loop.time() + seconds
        while loop.time() < until:
            client.handle_timeout(loop.time())
            told.extend(
                (event.icmp_type, event.icmp_code, event.error_data, event.peer.port)
                for event in client.events()
                if isinstance(event, PeerUnreachable)
            )
            udp.send(client.datagrams_to_send(loop.time()))
            await asyncio.sleep(0.01)

    async with service:
        (listener,) = service.listeners
        udp = UdpSocket(Address(host, 0), arrived)
        client = TurnClient(
            local=udp.local,
            server=Address(host, listener.port),
            rng=os.urandom,
            credential=LongTermCredential(username="alice", password="secret"),
            config=TurnConfig(dont_fragment=whole, families=(family,)),
        )
        client.allocate(loop.time())
        while not client.relayed:
            await wait(0.05)
        for length in LENGTHS:
            client.send(bytes(length), Address(peer, PORT), loop.time())
            await wait(0.3)
        udp.close()
    return told


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "receive":
        print(json.dumps(receive(*arguments)), flush=True)
    else:
        print(json.dumps(asyncio.run(relay(*arguments[:2], whole=arguments[2] == "whole"))), flush=True)
