"""Connections whose machine moves to another address, where the agent does not follow by itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rtc_asyncio import PeerOptions, RTCPeerConnection
from rtc_asyncio.host_network import HostNetwork
from rtc_asyncio.interfaces import InterfaceAddress
from rtc_ice import IceConfig, NominationPolicy, Pair
from rtc_peer import WEBRTC_HANDSHAKE

from .party import connected, negotiate


class Never(NominationPolicy):
    """Leaves the pair that carries data without a nomination, as it is in the first moments of a connection."""

    def choose(
        self,
        valid: Sequence[Pair],
        checklist: Sequence[Pair],
        *,
        more_expected: bool,
        first_valid_at: float,
        now: float,
    ) -> Pair | None:
        return None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[InterfaceAddress]:
    """The addresses of this machine, looked at all the time; they are real ones, of its loopback interface."""
    present = [InterfaceAddress("127.0.0.1", "wire", 1, 8)]
    monkeypatch.setattr("rtc_asyncio.network_monitor._netlink_socket", lambda: None)
    monkeypatch.setattr("rtc_asyncio.network_monitor.POLLING_INTERVAL", 0.01)
    monkeypatch.setattr("rtc_asyncio.network_monitor.interface_addresses", lambda: list(present))
    monkeypatch.setattr("rtc_asyncio.host_network.RECOVERY_TIME", 0.05)
    monkeypatch.setattr(HostNetwork, "_present_elsewhere", HostNetwork._present)
    return present


@pytest.mark.parametrize(("policy", "state"), [(NominationPolicy(), "completed"), (Never(), "connected")])
async def test_a_restart_takes_up_the_address_that_has_come(
    machine: list[InterfaceAddress], policy: NominationPolicy, state: str
) -> None:
    options = PeerOptions(ice=IceConfig(allow_loopback=True, nomination=policy))
    async with RTCPeerConnection(options=options) as left, RTCPeerConnection(hosts=["127.0.0.3"]) as right:
        ours, theirs = await connected(left, right)
        async with asyncio.timeout(10):
            while left.iceConnectionState != state:
                await asyncio.sleep(0.01)
        wanted = asyncio.Event()
        left.on("negotiationneeded")(wanted.set)

        machine[:] = [InterfaceAddress("127.0.0.2", "wire", 1, 8)]
        async with asyncio.timeout(10):
            await wanted.wait()
            await negotiate(left, right)
            ours.send("from elsewhere")
            assert await anext(aiter(theirs)) == "from elsewhere"

        assert left.sctp is not None
        pair = left.sctp.transport.iceTransport.getSelectedCandidatePair()
        assert pair is not None
        assert pair.local.address == "127.0.0.2"


@pytest.mark.spec("rfc8835:3.3/2")
async def test_an_address_in_use_is_kept_when_a_better_one_comes(machine: list[InterfaceAddress]) -> None:
    options = PeerOptions(ice=IceConfig(allow_loopback=True))
    machine[:] = [InterfaceAddress(host, "wire", 1, 8) for host in ("127.0.0.1", "127.0.0.4")]
    async with RTCPeerConnection(options=options) as left, RTCPeerConnection(hosts=["127.0.0.3"]) as right:
        ours, theirs = await connected(left, right)
        assert left.sctp is not None
        transport = left.sctp.transport.iceTransport
        async with asyncio.timeout(10):
            while left.iceConnectionState != "completed":
                await asyncio.sleep(0.01)
        used = transport.getSelectedCandidatePair()
        assert used is not None

        machine[:] = [
            InterfaceAddress("127.0.0.1", "wire", 1, 8, is_superseded=True),
            InterfaceAddress("127.0.0.4", "wire", 1, 8, is_superseded=True),
            InterfaceAddress("127.0.0.2", "wire", 1, 8),
        ]
        async with asyncio.timeout(10):
            while {each.local.host for each in left._driver.sockets} != {used.local.address}:
                await asyncio.sleep(0.01)
            ours.send("still here")
            assert await anext(aiter(theirs)) == "still here"

        still = transport.getSelectedCandidatePair()
        assert still is not None
        assert (still.local.address, still.local.port) == (used.local.address, used.local.port)


async def test_options_of_other_layers_leave_ice_as_it_is() -> None:
    options = PeerOptions(dtls=replace(WEBRTC_HANDSHAKE, mtu=1000))
    said = []
    async with RTCPeerConnection() as usual, RTCPeerConnection(options=options) as other:
        for each in (usual, other):
            each.createDataChannel("x")
            offer = await each.createOffer()
            said += [line for line in offer.sdp.splitlines() if line.startswith("a=ice-options")]

    assert len(said) == 2
    assert set(said) == {"a=ice-options:trickle ice2 renomination"}


async def test_loopback_addresses_count_with_options_of_other_layers() -> None:
    options = PeerOptions(dtls=replace(WEBRTC_HANDSHAKE, mtu=1000))
    async with (
        RTCPeerConnection(hosts=["127.0.0.1"], options=options) as left,
        RTCPeerConnection(hosts=["127.0.0.1"]) as right,
    ):
        await connected(left, right)

        assert left.connectionState == "connected"
