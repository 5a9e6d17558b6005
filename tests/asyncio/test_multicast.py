"""Multicast DNS on real sockets: beside others, from the link alone, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rtc_asyncio import multicast
from rtc_asyncio.interfaces import InterfaceAddress, interface_addresses
from rtc_asyncio.multicast import MulticastDnsService, MulticastSocket
from rtc_ice import MDNS_GROUP_IPV4
from rtc_ice.mdns import MAX_LINKS
from rtc_stun import Address, Datagram

NAME = "0f0f0f0f-0000-4000-8000-000000000000.local"


@pytest.fixture
def address() -> InterfaceAddress:
    """An IPv4 address of this machine that is on a network."""
    found = [each for each in interface_addresses() if ":" not in each.host and not each.is_loopback]
    if not found:
        pytest.skip("this machine has no network")
    return found[0]


class Listener:
    """A socket and what it heard."""

    def __init__(self, address: InterfaceAddress) -> None:
        self.heard: list[Datagram] = []
        self.socket = MulticastSocket(address, self.heard.extend)


@pytest.mark.spec("rfc6762:15.1/1")
async def test_others_on_this_machine_are_not_in_the_way(address: InterfaceAddress) -> None:
    first, second = Listener(address), Listener(address)
    try:
        first.socket.send([Datagram(b"hello", first.socket.local, MDNS_GROUP_IPV4)])
        await asyncio.sleep(0.1)

        # Both hear it, the sender too, as from the address of its link.
        for each in (first, second):
            assert [datagram.data for datagram in each.heard] == [b"hello"]
            assert each.heard[0].remote == each.heard[0].local == each.socket.local
    finally:
        first.socket.close()
        second.socket.close()


@pytest.mark.spec("rfc6762:11/1")
async def test_datagrams_leave_with_the_highest_ttl(address: InterfaceAddress) -> None:
    listener = Listener(address)
    try:
        opened = listener.socket._socket
        assert opened.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 255
        assert opened.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 255
    finally:
        listener.socket.close()


@pytest.mark.spec("rfc6762:6/14")
async def test_unicast_is_left_to_others(address: InterfaceAddress) -> None:
    listener = Listener(address)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        other.sendto(b"for somebody else", listener.socket.local)
        await asyncio.sleep(0.1)

        assert listener.heard == []
    finally:
        other.close()
        listener.socket.close()


async def test_names_of_two_users_are_found_and_forgotten(address: InterfaceAddress) -> None:
    first, second = MulticastDnsService.use(), MulticastDnsService.use()
    name = first.publish(address.host)

    found = await asyncio.gather(*(second.resolve(name) for _ in range(3)))
    first.leave()
    still = asyncio.get_running_loop() in MulticastDnsService.running
    second.leave()

    assert first is second
    assert found == [[address.host]] * 3
    assert still
    assert asyncio.get_running_loop() not in MulticastDnsService.running


async def test_who_waits_for_a_name_in_vain_may_go(address: InterfaceAddress) -> None:
    del address
    service = MulticastDnsService.use()
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await service.resolve(NAME)
        assert await service.resolve("printer.local") == []
    finally:
        service.leave()


async def test_too_many_names_are_hidden_all_the_same(address: InterfaceAddress) -> None:
    service = MulticastDnsService.use()
    try:
        names = {service.publish(address.host) for _ in range(300)}

        assert len(names) == 300
    finally:
        service.leave()


async def test_a_name_is_the_same_however_it_is_written(address: InterfaceAddress) -> None:
    service = MulticastDnsService.use()
    try:
        name = service.publish(address.host)
        async with asyncio.timeout(4):
            found = await asyncio.gather(
                *map(service.resolve, (name, name.upper().replace("LOCAL", "local"), f"{name}."))
            )

        assert found == [[address.host]] * 3
        assert service._waiting == {}
    finally:
        service.leave()


async def test_a_machine_may_have_more_links_than_are_taken_part_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Socket:
        def __init__(self, address: InterfaceAddress, _: object) -> None:
            self.local = Address(address.host, MDNS_GROUP_IPV4.port)

        def send(self, datagrams: list[Datagram]) -> None: ...

        def close(self) -> None: ...

        def abandon(self) -> None: ...

    many = [InterfaceAddress(f"192.0.2.{number}", f"veth{number}", number, 24) for number in range(1, 100)]
    many.insert(1, InterfaceAddress("192.0.2.1", "bridge", 200, 24))
    monkeypatch.setattr(multicast, "MulticastSocket", Socket)
    monkeypatch.setattr(multicast, "interface_addresses", lambda: many)
    service = MulticastDnsService.use()
    try:
        service.follow_links()

        assert len({each.host for each in service._sockets}) == len(service._sockets) == MAX_LINKS
    finally:
        service.leave()
