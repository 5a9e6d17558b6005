"""Whole connections through coturn: ours with ours over every transport, and ours with browsers and others."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.asyncio.party import connected, negotiate, trickle
from tests.interop.turn_driver import HOST, coturn, installed
from tests.support.authority import Authority
from tests.support.peers import require

from rtc_asyncio import NetworkOptions, RTCPeerConnection, RTCPeerConnectionIceErrorEvent
from rtc_turn import time_limited_credential

from .remote import Call, Program, Remote

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRANSPORTS = ("udp", "tcp", "tls", "dtls")


class Site:
    """A running coturn."""

    def __init__(self, port: int, authority: Authority) -> None:
        self._port = port
        self._authority = authority

    def configuration(
        self, transport: str, *, policy: str = "relay", username: str = "alice", password: str = "secret"
    ) -> dict[str, object]:
        scheme = "turns" if transport in ("tls", "dtls") else "turn"
        carrier = "udp" if transport in ("udp", "dtls") else "tcp"
        url = f"{scheme}:{HOST}:{self._port}?transport={carrier}"
        server = {"urls": [url], "username": username, "credential": password}
        return {"iceServers": [server], "iceTransportPolicy": policy}

    def connection(self, configuration: dict[str, object]) -> RTCPeerConnection:
        return RTCPeerConnection(configuration, hosts=[HOST], network=NetworkOptions(tls=self._authority.context()))


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    require(installed(), "coturn is not installed")
    authority = Authority(tmp_path)
    chain, key = authority.issue(HOST)
    with coturn(tmp_path, "--cert", str(chain), "--pkey", str(key)) as port:
        yield Site(port, authority)


async def _talk(left: RTCPeerConnection, right: RTCPeerConnection) -> None:
    candidates = [*trickle(left, right), *trickle(right, left)]
    ours, theirs = await connected(left, right)
    ours.send("hello")
    assert await anext(aiter(theirs)) == "hello"
    theirs.send(bytes(200_000))
    assert await anext(aiter(ours)) == bytes(200_000)
    assert {each.type for each in candidates if each is not None and each.candidate} <= {"relay"}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_two_of_ours_talk_through_relays_alone(site: Site, transport: str) -> None:
    configuration = site.configuration(transport)
    async with site.connection(configuration) as left, site.connection(configuration) as right:
        await _talk(left, right)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_one_relay_and_a_peer_without(site: Site, transport: str) -> None:
    async with site.connection(site.configuration(transport)) as left, RTCPeerConnection(hosts=[HOST]) as right:
        trickle(left, right)
        ours, theirs = await connected(left, right)
        ours.send("hello")
        assert await anext(aiter(theirs)) == "hello"


async def test_different_transports_on_both_sides(site: Site) -> None:
    async with (
        site.connection(site.configuration("tls")) as left,
        site.connection(site.configuration("udp")) as right,
    ):
        await _talk(left, right)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_wrong_password_is_told(site: Site, transport: str) -> None:
    async with site.connection(site.configuration(transport, password="guess")) as pc:
        errors: list[RTCPeerConnectionIceErrorEvent] = []
        pc.on("icecandidateerror")(errors.append)
        pc.createDataChannel("x")
        await pc.setLocalDescription()
        async with asyncio.timeout(8):
            while pc.iceGatheringState != "complete":
                await asyncio.sleep(0.02)
    assert [each.errorCode for each in errors] == [401]


async def test_time_limited_credentials_and_a_quota(tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    authority = Authority(tmp_path)
    arguments = ("--use-auth-secret", "--static-auth-secret", "north", "--user-quota=1")
    with coturn(tmp_path, *arguments, user=None) as port:
        site = Site(port, authority)
        credential = time_limited_credential("north", "alice", expires_at=time.time() + 600)
        configuration = site.configuration("udp", username=credential.username, password=credential.password)
        async with site.connection(configuration) as left, RTCPeerConnection(hosts=[HOST]) as right:
            await connected(left, right)
            async with site.connection(configuration) as refused:
                errors: list[RTCPeerConnectionIceErrorEvent] = []
                refused.on("icecandidateerror")(errors.append)
                refused.createDataChannel("x")
                await refused.setLocalDescription()
                async with asyncio.timeout(8):
                    while refused.iceGatheringState != "complete":
                        await asyncio.sleep(0.02)
    assert [each.errorCode for each in errors] == [486]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_credential_that_has_ended_is_renewed_by_a_restart(transport: str, tmp_path: Path) -> None:
    require(installed(), "coturn is not installed")
    authority = Authority(tmp_path)
    chain, key = authority.issue(HOST)
    secret = ("--use-auth-secret", "--static-auth-secret", "north")
    with coturn(tmp_path, *secret, "--cert", str(chain), "--pkey", str(key), user=None) as port:
        site = Site(port, authority)

        def fresh(seconds: float) -> dict[str, object]:
            credential = time_limited_credential("north", "alice", expires_at=time.time() + seconds)
            return site.configuration(transport, username=credential.username, password=credential.password)

        async with site.connection(fresh(2.0)) as left, RTCPeerConnection(hosts=[HOST]) as right:
            seen = trickle(left, right)
            trickle(right, left)
            ours, theirs = await connected(left, right)
            (first,) = {(each.address, each.port) for each in seen if each is not None and each.candidate}
            await asyncio.sleep(2.5)
            seen.clear()
            left.setConfiguration(fresh(600.0))
            left.restartIce()
            await negotiate(left, right)
            async with asyncio.timeout(8):
                while not any(each is not None and each.candidate for each in seen):
                    await asyncio.sleep(0.02)
            ours.send("hello")
            assert await anext(aiter(theirs)) == "hello"
            (second,) = {(each.address, each.port) for each in seen if each is not None and each.candidate}
            assert left.iceConnectionState in ("connected", "completed")
    assert first != second


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("theirs", ["all", "relay"])
# These two have no candidates on the loopback interface, and the relay of this coturn reaches nothing else.
@pytest.mark.lacking(("node-datachannel", "all"), ("werift", "all"))
async def test_our_relay_reaches_other_programs(site: Site, program: Program, transport: str, theirs: str) -> None:
    configuration = site.configuration("udp") if theirs == "relay" else None
    ours = site.connection(site.configuration(transport))
    call = Call(ours, await Remote.create(program, configuration))
    call.create("hello")
    await call.connect(offerer="ours")
    channel = await call.channel("hello")
    channel.send("Grüße")
    await call.theirs.send("hello", "прийшло")
    assert await call.theirs.messages("hello", 1) == ["Grüße"]
    assert await anext(aiter(channel)) == "прийшло"
    kinds = {each.candidateType for each in (await ours.getStats()).values() if each.type == "local-candidate"}  # type: ignore[attr-defined] # of that type
    assert kinds == {"relay"}
    await call.close()
