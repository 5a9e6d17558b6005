"""A peer connection on plain sockets: no event loop, no thread, forty lines. The same loop drives any machine of these packages."""

import os
import select
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

import rtc_peer
from rtc_datachannel import ChannelOpened, ChannelReceived, MessageReceived
from rtc_ice import IceConfig
from rtc_peer import PeerConnection, PeerOptions
from rtc_stun import Address, Datagram


class PlainDriver:
    """Moves the bytes of one machine and keeps its time. `on_event` may give the machine commands."""

    def __init__(self, machine: PeerConnection, on_event: Callable[[rtc_peer.Event], None]) -> None:
        self.machine = machine
        self.on_event = on_event
        self.sockets: dict[Address, socket.socket] = {}

    def open_socket(self, host: str) -> Address:
        """1. Open a socket where the machine wants one."""
        udp = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        udp.setblocking(False)
        address = Address(host, udp.getsockname()[1])
        self.sockets[address] = udp
        return address

    def step(self, longest: float = 0.05) -> None:
        """Wait for datagrams or the machine's timeout, but no longer than `longest` seconds, and flush."""
        self.flush()
        due = self.machine.next_timeout()
        patience = longest if due is None else min(longest, max(0.0, due - time.monotonic()))
        readable, _, _ = select.select(list(self.sockets.values()), [], [], patience)

        # 2. What arrived goes in together.
        local = {udp: address for address, udp in self.sockets.items()}
        arrived = []
        for udp in readable:
            try:
                while len(arrived) < 64:
                    data, source = udp.recvfrom(2048)
                    arrived.append(Datagram(data, local[udp], Address(*source[:2])))
            except BlockingIOError:
                pass
        now = time.monotonic()
        if arrived:
            self.machine.receive_datagrams(arrived, now)

        # 3. Time passes.
        due = self.machine.next_timeout()
        if due is not None and due <= now:
            self.machine.handle_timeout(now)
        self.flush()

    def flush(self) -> None:
        """4. and 5. After every input and every command: send what wants to leave, look at what happened."""
        while True:
            datagrams = self.machine.datagrams_to_send(time.monotonic())
            for datagram in datagrams:
                self.sockets[datagram.local].sendto(datagram.data, datagram.remote)
            events = self.machine.events()
            for event in events:
                self.on_event(event)
            if not datagrams and not events:
                return

    def close(self) -> None:
        """Say goodbye and close the sockets."""
        self.machine.close(time.monotonic())
        self.flush()
        for udp in self.sockets.values():
            udp.close()


def new_peer() -> PeerConnection:
    """A machine with cryptographic randomness and this machine's clocks."""
    options = PeerOptions(ice=IceConfig(allow_loopback=True))
    return PeerConnection(rng=os.urandom, wall_clock=datetime.now(UTC), options=options, now=time.monotonic())


def main() -> str:
    """Two peers in one thread: one asks, the other answers in capitals."""
    alice, bob = new_peer(), new_peer()
    answers: list[str | bytes] = []

    def gather(driver: PlainDriver, transport_id: int) -> None:
        driver.machine.add_local_address(transport_id, driver.open_socket("127.0.0.1"), time.monotonic())
        driver.machine.end_of_local_addresses(transport_id, time.monotonic())

    def at_alice(event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                gather(alice_driver, transport_id)
            case ChannelOpened():
                alice.send(channel, "hello")
            case MessageReceived(data=data):
                answers.append(data)

    def at_bob(event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                gather(bob_driver, transport_id)
            case ChannelReceived(channel=received):
                channels[received.id] = received
            case MessageReceived(channel_id=channel_id, data=str(data)):
                bob.send(channels[channel_id], data.upper())

    channels = {}
    alice_driver, bob_driver = PlainDriver(alice, at_alice), PlainDriver(bob, at_bob)
    channel = alice.create_data_channel("echo")
    alice.set_local_description(None, time.monotonic())
    alice_driver.flush()
    bob.set_remote_description(alice.local_description, time.monotonic())
    bob.set_local_description(None, time.monotonic())
    bob_driver.flush()
    alice.set_remote_description(bob.local_description, time.monotonic())

    while not answers:
        alice_driver.step(0.005)
        bob_driver.step(0.005)
    alice_driver.close()
    bob_driver.close()
    print(answers[0])
    return str(answers[0])


if __name__ == "__main__":
    main()
