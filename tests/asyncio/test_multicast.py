"""Multicast DNS on real sockets: beside others, from the link alone, and nothing left behind."""

from __future__ import annotations

import asyncio
import socket

import pytest

from rtc_asyncio.interfaces import InterfaceAddress, interface_addresses
from rtc_asyncio.multicast import MulticastDnsService, MulticastSocket
from rtc_ice import MDNS_GROUP_IPV4
from rtc_stun import Datagram

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
