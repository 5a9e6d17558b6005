"""The same machine on trio: a task for each socket, one for the time. Needs trio."""

import math
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import trio

import rtc_peer
from rtc_datachannel import ChannelOpened, ChannelReceived, MessageReceived
from rtc_ice import IceConfig
from rtc_peer import PeerConnection, PeerOptions
from rtc_stun import Address, Datagram


class TrioDriver:
    """Moves the bytes of one machine within a nursery. Call `flush` after every command."""

    def __init__(
        self, machine: PeerConnection, nursery: trio.Nursery, on_event: Callable[[rtc_peer.Event], None]
    ) -> None:
        self.machine = machine
        self.nursery = nursery
        self.on_event = on_event
        self.sockets: dict[Address, socket.socket] = {}
        self.flushed = trio.Event()
        nursery.start_soon(self._keep_time)

    def open_socket(self, host: str) -> Address:
        """Bind a socket and read it from now on."""
        udp = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        udp.setblocking(False)
        address = Address(host, udp.getsockname()[1])
        self.sockets[address] = udp
        self.nursery.start_soon(self._receive, udp, address)
        return address

    def flush(self) -> None:
        """Send what wants to leave, look at what happened, and let the time be looked at anew."""
        while True:
            datagrams = self.machine.datagrams_to_send(trio.current_time())
            for datagram in datagrams:
                self.sockets[datagram.local].sendto(datagram.data, datagram.remote)
            events = self.machine.events()
            for event in events:
                self.on_event(event)
            if not datagrams and not events:
                break
        self.flushed.set()

    def close(self) -> None:
        """Say goodbye and close the sockets; cancel the nursery after it."""
        self.machine.close(trio.current_time())
        self.flush()
        for udp in self.sockets.values():
            trio.lowlevel.notify_closing(udp)
            udp.close()

    async def _receive(self, udp: socket.socket, local: Address) -> None:
        while True:
            await trio.lowlevel.wait_readable(udp)
            arrived = []
            try:
                while len(arrived) < 64:
                    data, source = udp.recvfrom(2048)
                    arrived.append(Datagram(data, local, Address(*source[:2])))
            except BlockingIOError:
                pass
            self.machine.receive_datagrams(arrived, trio.current_time())
            self.flush()

    async def _keep_time(self) -> None:
        while True:
            self.flushed = trio.Event()
            due = self.machine.next_timeout()
            with trio.move_on_at(math.inf if due is None else due):
                await self.flushed.wait()
            due = self.machine.next_timeout()
            if due is not None and due <= trio.current_time():
                self.machine.handle_timeout(trio.current_time())
                self.flush()


def new_peer() -> PeerConnection:
    """A machine on trio's clock."""
    options = PeerOptions(ice=IceConfig(allow_loopback=True))
    return PeerConnection(rng=os.urandom, wall_clock=datetime.now(UTC), options=options, now=trio.current_time())


async def main() -> str:
    """Two peers: one asks, the other answers in capitals."""
    alice, bob = new_peer(), new_peer()
    answered: trio.MemorySendChannel[str]
    answered, answers = trio.open_memory_channel(1)
    channels = {}

    def gather(driver: TrioDriver, transport_id: int) -> None:
        driver.machine.add_local_address(transport_id, driver.open_socket("127.0.0.1"), trio.current_time())
        driver.machine.end_of_local_addresses(transport_id, trio.current_time())

    def at_alice(event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                gather(alice_driver, transport_id)
            case ChannelOpened():
                alice.send(channel, "hello")
            case MessageReceived(data=str(data)):
                answered.send_nowait(data)

    def at_bob(event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                gather(bob_driver, transport_id)
            case ChannelReceived(channel=received):
                channels[received.id] = received
            case MessageReceived(channel_id=channel_id, data=str(data)):
                bob.send(channels[channel_id], data.upper())

    async with trio.open_nursery() as nursery:
        alice_driver, bob_driver = TrioDriver(alice, nursery, at_alice), TrioDriver(bob, nursery, at_bob)
        channel = alice.create_data_channel("echo")
        alice.set_local_description(None, trio.current_time())
        alice_driver.flush()
        bob.set_remote_description(alice.local_description, trio.current_time())
        bob.set_local_description(None, trio.current_time())
        bob_driver.flush()
        alice.set_remote_description(bob.local_description, trio.current_time())
        alice_driver.flush()

        with trio.fail_after(10):
            answer = await answers.receive()
        nursery.cancel_scope.cancel()
        alice_driver.close()
        bob_driver.close()
    print(answer)
    return answer


if __name__ == "__main__":
    trio.run(main)
