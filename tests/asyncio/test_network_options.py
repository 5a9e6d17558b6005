"""Which addresses and ports a connection uses, and what the peer is told of them."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import pytest

from rtc_asyncio import (
    NetworkOptions,
    PeerOptions,
    RTCConfiguration,
    RTCIceCandidatePairEvent,
    RTCIceServer,
    RTCPeerConnection,
    UdpSocket,
    interfaces,
)
from rtc_asyncio import network_options as module
from rtc_asyncio.conversion import to_configuration
from rtc_asyncio.interfaces import interface_addresses, local_hosts, routed_hosts
from rtc_asyncio.multicast import MulticastDnsService
from rtc_asyncio.netlink import ListedAddress
from rtc_ice import Announcement, IceConfig, is_candidate_name
from rtc_peer import IceTransportPolicy
from rtc_stun import Address

from .party import connected, negotiate

LOCAL = Address("10.0.0.1", 5000)


async def _candidates(network: NetworkOptions, hosts: list[str] | None = None) -> list[str]:
    """The candidate lines of an offer."""
    async with RTCPeerConnection(hosts=hosts, network=network) as pc:
        pc.createDataChannel("test")
        await pc.setLocalDescription(await pc.createOffer())
        assert pc.localDescription is not None
        lines = pc.localDescription.sdp.splitlines()
        return [line for line in lines if line.startswith(("a=candidate", "c=", "m="))]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two interfaces, the second of which leads to the internet."""
    names = [("lo", "127.0.0.1"), ("docker0", "10.0.0.1"), ("eth0", "10.0.1.1")]
    listed = [ListedAddress(host, name, at, 24, is_temporary=False) for at, (name, host) in enumerate(names)]
    monkeypatch.setattr(interfaces, "_listed", lambda: listed)
    monkeypatch.setattr(module, "routed_hosts", lambda: ["10.0.1.1"])


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        (NetworkOptions(), ["10.0.0.1", "10.0.1.1"]),
        (NetworkOptions(interfaces=lambda name: name.startswith("eth")), ["10.0.1.1"]),
        (NetworkOptions(addresses=lambda host: host != "10.0.1.1"), ["10.0.0.1"]),
        (NetworkOptions(interfaces=lambda name: name == "lo"), ["127.0.0.1"]),
        pytest.param(NetworkOptions(handling="all"), ["10.0.0.1", "10.0.1.1"], marks=pytest.mark.spec("rfc8828:5.2/1")),
        pytest.param(
            NetworkOptions(handling="default-route-and-local"), ["10.0.1.1"], marks=pytest.mark.spec("rfc8828:5.2/2")
        ),
        pytest.param(NetworkOptions(handling="default-route"), ["10.0.1.1"], marks=pytest.mark.spec("rfc8828:5.2/2")),
        (NetworkOptions(handling="relay-streams"), ["10.0.1.1"]),
    ],
)
def test_addresses_are_chosen(options: NetworkOptions, hosts: list[str]) -> None:
    assert options.hosts(interface_addresses()) == hosts


@pytest.mark.parametrize(
    ("options", "name", "announced"),
    [
        (NetworkOptions(), None, None),
        (NetworkOptions(announced={"10.0.0.1": "198.51.100.9"}), None, Address("198.51.100.9", 5000)),
        (NetworkOptions(announced={"10.0.0.2": "198.51.100.9"}), None, None),
        (
            NetworkOptions(announced={"10.0.0.1": "198.51.100.9"}, announce_as="srflx"),
            None,
            Announcement(host=LOCAL, mapped=Address("198.51.100.9", 5000)),
        ),
        (NetworkOptions(hide_hosts=True), "x.local", Announcement(host=Address("x.local", 5000))),
        pytest.param(
            NetworkOptions(handling="default-route"),
            None,
            Announcement(host=None),
            marks=pytest.mark.spec("rfc8828:5.2/4"),
        ),
    ],
)
def test_the_peer_is_told_what_it_may_know(
    options: NetworkOptions, name: str | None, announced: Address | Announcement | None
) -> None:
    assert options.announcement(LOCAL, name) == announced


@pytest.mark.spec("rfc8828:5.2/6")
async def test_where_streams_to_relays_alone_are_allowed_nothing_else_is_asked() -> None:
    network = NetworkOptions(handling="relay-streams")
    urls = ["turn:192.0.2.9", "turn:192.0.2.9?transport=tcp", "turns:192.0.2.9", "turns:192.0.2.9?transport=udp"]
    servers = [RTCIceServer(urls, "a", "b"), RTCIceServer("stun:192.0.2.9")]
    configuration = to_configuration(RTCConfiguration(iceServers=servers))

    restricted = network.restricted(configuration)

    assert [server.urls for server in restricted.ice_servers] == [("turn:192.0.2.9?transport=tcp", "turns:192.0.2.9")]
    assert restricted.ice_transport_policy is IceTransportPolicy.RELAY
    assert NetworkOptions().restricted(configuration) is configuration


@pytest.mark.spec("rfc8828:5.2/6")
async def test_where_streams_to_relays_alone_are_allowed_no_datagram_leaves() -> None:
    async with (
        RTCPeerConnection(hosts=["127.0.0.1"]) as open_peer,
        RTCPeerConnection(
            {"iceServers": [{"urls": "stun:127.0.0.1:9"}]},
            hosts=["127.0.0.1"],
            network=NetworkOptions(handling="relay-streams"),
        ) as pc,
    ):
        open_peer.createDataChannel("test")
        await negotiate(open_peer, pc)
        await asyncio.sleep(0.2)

        assert pc.localDescription is not None
        assert "a=candidate" not in pc.localDescription.sdp
        assert all(socket.stats.datagrams_sent == 0 for socket in pc._driver.sockets if isinstance(socket, UdpSocket))


@pytest.mark.parametrize(
    "wrong",
    [
        {"handling": "some"},
        {"ports": (0, 1)},
        {"ports": (9, 8)},
        {"ports": (1, 65_536)},
        {"announce_as": "relay"},
        {"announced": {"10.0.0.1": "::1"}},
        {"announced": {"here": "there"}},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        NetworkOptions(**wrong)  # type: ignore[arg-type]  # that they are wrong is the point


async def test_sockets_are_opened_in_the_range_of_ports() -> None:
    options = NetworkOptions(ports=(42_100, 42_101))
    make = partial(RTCPeerConnection, hosts=["127.0.0.1"], network=options)
    async with make() as left, make() as right:
        await connected(left, right)
        ports = {pc.sctp.transport.iceTransport.getLocalCandidates()[0].port for pc in (left, right) if pc.sctp}

        crowded = await _candidates(options, ["127.0.0.1"])

    assert ports == {42_100, 42_101}
    assert not any("typ host" in line for line in crowded)


async def test_a_translator_s_address_stands_for_ours() -> None:
    lines = await _candidates(NetworkOptions(announced={"127.0.0.1": "198.51.100.9"}), ["127.0.0.1"])

    assert any(" 198.51.100.9 " in line and "typ host" in line for line in lines)
    assert not any("127.0.0.1" in line for line in lines)


async def test_a_translator_s_address_stands_beside_ours() -> None:
    options = NetworkOptions(announced={"127.0.0.1": "198.51.100.9"}, announce_as="srflx")

    lines = await _candidates(options, ["127.0.0.1"])

    assert any(" 198.51.100.9 " in line and "typ srflx raddr 127.0.0.1" in line for line in lines)
    assert any(" 127.0.0.1 " in line and "typ host" in line for line in lines)


@pytest.mark.spec("rfc8828:5.2/4")
async def test_where_the_default_route_alone_is_used_no_address_of_ours_is_told() -> None:
    lines = await _candidates(
        NetworkOptions(handling="default-route", announced={"127.0.0.1": "192.0.2.9"}), ["127.0.0.1"]
    )

    assert not any("127.0.0.1" in line for line in lines)
    assert any("192.0.2.9" in line and "raddr 0.0.0.0 rport 9" in line for line in lines)


async def test_a_peer_that_is_told_nothing_still_finds_a_way() -> None:
    secret = NetworkOptions(handling="default-route")
    left, right = RTCPeerConnection(hosts=["127.0.0.1"], network=secret), RTCPeerConnection(hosts=["127.0.0.1"])
    async with left, right:
        await connected(left, right)


@pytest.mark.spec("rfc8828:5.1/4")
async def test_hidden_addresses_show_nowhere_and_are_found_by_their_names() -> None:
    host = next((each for each in local_hosts() if ":" not in each and not each.startswith("127.")), None)
    if host is None:
        pytest.skip("this machine has no network")
    make = partial(RTCPeerConnection, hosts=[host], network=NetworkOptions(hide_hosts=True))
    async with make() as left, make() as right:
        await connected(left, right)

        for pc in (left, right):
            assert pc.localDescription is not None
            assert host not in pc.localDescription.sdp
            [candidate] = [line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate")]
            assert is_candidate_name(candidate.split()[4])
            # The default destination names nobody either.
            assert "c=IN IP4 0.0.0.0" in pc.localDescription.sdp

    assert asyncio.get_running_loop() not in MulticastDnsService.running


async def test_a_name_is_for_one_connection() -> None:
    hiding = NetworkOptions(hide_hosts=True)

    first, second = [await _candidates(hiding, ["127.0.0.1"]) for _ in range(2)]

    assert {line.split()[4] for line in first if "candidate" in line}.isdisjoint(
        line.split()[4] for line in second if "candidate" in line
    )


@pytest.mark.spec("rfc8828:5.2/3")
def test_the_system_tells_where_it_would_speak_from() -> None:
    found = routed_hosts()

    assert len(found) <= 2
    assert set(found) <= set(local_hosts(loopback=True))


async def test_the_steps_of_pairs_are_events() -> None:
    options = PeerOptions(ice=IceConfig(allow_loopback=True, report_pairs=True))
    seen: list[tuple[str, str | None]] = []

    def note(event: RTCIceCandidatePairEvent) -> None:
        seen.append((event.type, event.state))
        assert event.candidatePair.local.type == "host"

    async with RTCPeerConnection(hosts=["127.0.0.1"], options=options) as left, RTCPeerConnection() as right:
        left.createDataChannel("first")
        await left.setLocalDescription()
        assert left.sctp is not None
        ice = left.sctp.transport.iceTransport
        for kind in ("add", "remove", "nominate", "statechange"):
            setattr(ice, f"onicecandidatepair{kind}", note)
        await connected(left, right)
        async with asyncio.timeout(10):
            while ("icecandidatepairnominate", "succeeded") not in seen:
                await asyncio.sleep(0.01)

    assert seen[0][0] == "icecandidatepairadd"
    assert ("icecandidatepairstatechange", "succeeded") in seen


@pytest.mark.parametrize(
    ("hosts", "ports", "told"),
    [
        (["127.0.0.1"], (50_100, 50_100), "no port from 50100 to 50100 is free on 127.0.0.1"),
        (["192.0.2.55"], None, "192.0.2.55 is not used: "),
        (["169.254.0.0"], None, "169.254.0.0 is not used: "),
    ],
)
async def test_hosts_and_ports_that_cannot_be_had_are_told(
    hosts: list[str], ports: tuple[int, int] | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 50_100))
        async with RTCPeerConnection(hosts=hosts, network=NetworkOptions(ports=ports)) as pc:
            pc.createDataChannel("x")
            await pc.setLocalDescription()

    assert told in caplog.text
