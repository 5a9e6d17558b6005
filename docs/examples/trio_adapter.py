"""The same machine on trio: a task for each socket, one for the time. Needs trio."""

import math
import os
from collections.abc import Callable
from datetime import UTC, datetime

import trio
import trio.testing

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
        self.sockets: dict[Address, trio.socket.SocketType] = {}
        self.flushed = trio.Event()
        nursery.start_soon(self._keep_time)

    async def open_socket(self, host: str) -> Address:
        """Bind a socket and read it from now on."""
        udp = trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM)
        await udp.bind((host, 0))
        address = Address(host, udp.getsockname()[1])
        self.sockets[address] = udp
        self.nursery.start_soon(self._receive, udp, address)
        return address

    def flush(self) -> None:
        """Send what wants to leave, look at what happened, and let the time be looked at anew."""
        while True:
            datagrams = self.machine.datagrams_to_send(trio.current_time())
            for datagram in datagrams:
                self.nursery.start_soon(self.sockets[datagram.local].sendto, datagram.data, datagram.remote)
            events = self.machine.events()
            for event in events:
                self.on_event(event)
            if not datagrams and not events:
                break
        self.flushed.set()

    async def _receive(self, udp: trio.socket.SocketType, local: Address) -> None:
        while True:
            data, source = await udp.recvfrom(2048)
            self.machine.receive_datagram(Datagram(data, local, Address(*source[:2])), trio.current_time())
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

    async with trio.open_nursery() as nursery:

        async def gather(driver: TrioDriver, transport_id: int) -> None:
            address = await driver.open_socket("127.0.0.1")
            driver.machine.add_local_address(transport_id, address, trio.current_time())
            driver.machine.end_of_local_addresses(transport_id, trio.current_time())
            driver.flush()

        def at_alice(event: rtc_peer.Event) -> None:
            match event:
                case rtc_peer.GatheringWanted(transport_id=transport_id):
                    nursery.start_soon(gather, alice_driver, transport_id)
                case rtc_peer.IceCandidateFound(candidate=candidate, sdp_mid=mid):
                    candidates_of_alice.append((candidate, mid))
                case ChannelOpened():
                    alice.send(channel, "hello")
                case MessageReceived(data=str(data)):
                    answered.send_nowait(data)

        def at_bob(event: rtc_peer.Event) -> None:
            match event:
                case rtc_peer.GatheringWanted(transport_id=transport_id):
                    nursery.start_soon(gather, bob_driver, transport_id)
                case rtc_peer.IceCandidateFound(candidate=candidate, sdp_mid=mid):
                    if alice.remote_description is not None:
                        alice.add_ice_candidate(candidate, trio.current_time(), sdp_mid=mid)
                        alice_driver.flush()
                case ChannelReceived(channel=received):
                    channels[received.id] = received
                case MessageReceived(channel_id=channel_id, data=str(data)):
                    bob.send(channels[channel_id], data.upper())

        candidates_of_alice: list[tuple[str, str]] = []
        alice_driver = TrioDriver(alice, nursery, at_alice)
        bob_driver = TrioDriver(bob, nursery, at_bob)
        channel = alice.create_data_channel("echo")
        alice.set_local_description(None, trio.current_time())
        alice_driver.flush()
        bob.set_remote_description(alice.local_description, trio.current_time())
        bob.set_local_description(None, trio.current_time())
        alice.set_remote_description(bob.local_description, trio.current_time())
        alice_driver.flush()
        bob_driver.flush()
        await trio.testing.wait_all_tasks_blocked()
        for candidate, mid in candidates_of_alice:
            bob.add_ice_candidate(candidate, trio.current_time(), sdp_mid=mid)
        bob_driver.flush()

        with trio.fail_after(10):
            answer = await answers.receive()
        alice.close(trio.current_time())
        bob.close(trio.current_time())
        alice_driver.flush()
        bob_driver.flush()
        nursery.cancel_scope.cancel()
    print(answer)
    return answer


if __name__ == "__main__":
    trio.run(main)
