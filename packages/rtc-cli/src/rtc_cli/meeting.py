"""How the two peers of `rtc demo` meet: offer, answer and candidates handed over, every step noted in the timeline."""

import asyncio
from dataclasses import dataclass, field

from rtc_asyncio import NetworkError, RTCDataChannel, RTCIceCandidate, RTCPeerConnection, RTCSessionDescription

from .errors import CommandError
from .negotiated import endpoint
from .timeline import Timeline


@dataclass(slots=True)
class Peer:
    """One of the two, by name."""

    name: str
    connection: RTCPeerConnection
    early: list[RTCIceCandidate] = field(default_factory=list)
    """Candidates of the other peer that arrived before its description."""
    found_nothing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has no candidate at all."""


async def connect(alice: Peer, bob: Peer, timeline: Timeline, timeout: float) -> tuple[RTCDataChannel, RTCDataChannel]:
    """Connect two peers; alice offers.

    Returns:
        Both ends of an open data channel, alice's first.

    Raises:
        CommandError: There is no address to use, or no connection within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _connect(alice, bob, timeline)
    except (TimeoutError, NetworkError):
        state = alice.connection.iceConnectionState
        raise CommandError(
            f"the peers did not connect within {timeout:g} s (ICE is {state}); "
            "is there a firewall between this machine's own addresses?"
        ) from None


async def _connect(alice: Peer, bob: Peer, timeline: Timeline) -> tuple[RTCDataChannel, RTCDataChannel]:
    arrived: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    bob.connection.on("datachannel")(arrived.set_result)
    sender = alice.connection.createDataChannel("demo")
    _watch_gathering(alice, bob, timeline)
    _watch_gathering(bob, alice, timeline)
    _watch_states(alice, timeline)

    await alice.connection.setLocalDescription()
    offer = _local_description(alice)
    timeline.add("offer", f"{len(offer.sdp)} bytes of SDP, to bob", peer=alice.name)
    await _signalling()
    await bob.connection.setRemoteDescription(offer)
    await bob.connection.setLocalDescription()
    answer = _local_description(bob)
    timeline.add("answer", f"{len(answer.sdp)} bytes of SDP, to alice", peer=bob.name)
    await _signalling()
    await alice.connection.setRemoteDescription(answer)
    _watch_handshake(alice, timeline)

    await _opened(sender, alice)
    timeline.add("open", f'"{sender.label}", stream {sender.id}', peer=alice.name)
    return sender, await arrived


async def _opened(channel: RTCDataChannel, peer: Peer) -> None:
    """Wait for the channel, but not if there is no address that it could go over."""
    opening = asyncio.ensure_future(channel.wait_for("open"))
    giving_up = asyncio.ensure_future(peer.found_nothing.wait())
    try:
        await asyncio.wait({opening, giving_up}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise CommandError(
                "no address can be used: is a network interface up, and is every --host one of this machine?"
            )
        await opening
    finally:
        opening.cancel()
        giving_up.cancel()


async def _signalling() -> None:
    """Stands for the way that a description takes to the other peer: whatever else is due gets its turn."""
    await asyncio.sleep(0)


def _local_description(peer: Peer) -> RTCSessionDescription:
    description = peer.connection.localDescription
    if description is None:
        raise CommandError(f"{peer.name} has no description: this is a fault of the library, please report it")
    return description


def _watch_gathering(peer: Peer, other: Peer, timeline: Timeline) -> None:
    """Hand each candidate to the other peer as it is found."""
    count = 0

    @peer.connection.on("icecandidate")
    def _(candidate: RTCIceCandidate | None) -> None:
        nonlocal count
        if candidate is not None and candidate.candidate:
            count += 1
            found = f"{candidate.type} {endpoint(candidate.address, candidate.port)}"
            timeline.add("candidate", found, peer=peer.name)

    @peer.connection.on("icecandidate")
    async def _(candidate: RTCIceCandidate | None) -> None:
        if candidate is None or not candidate.candidate:
            return
        if other.connection.remoteDescription is None:
            other.early.append(candidate)
        else:
            await other.connection.addIceCandidate(candidate)

    @other.connection.on("signalingstatechange")
    async def _() -> None:
        while other.connection.remoteDescription is not None and other.early:
            await other.connection.addIceCandidate(other.early.pop(0))

    @peer.connection.on("icegatheringstatechange")
    def _() -> None:
        if peer.connection.iceGatheringState == "gathering":
            timeline.add("gathering", peer=peer.name, once=True)
        elif peer.connection.iceGatheringState == "complete":
            timeline.add("gathered", f"{count} candidate{'s' * (count != 1)}", peer=peer.name)
            if not count:
                peer.found_nothing.set()


def _watch_states(peer: Peer, timeline: Timeline) -> None:
    """Note how ICE gets on."""

    @peer.connection.on("iceconnectionstatechange")
    def _() -> None:
        state = peer.connection.iceConnectionState
        if state == "checking":
            timeline.add("checks", "which pairs of candidates carry packets?", peer=peer.name, once=True)
        elif state == "connected":
            timeline.add("path", _selected(peer), peer=peer.name, once=True)
        elif state in {"disconnected", "failed"}:
            timeline.add(state, "ICE", peer=peer.name)


def _watch_handshake(peer: Peer, timeline: Timeline) -> None:
    sctp = peer.connection.sctp
    if sctp is None:
        return
    dtls = sctp.transport

    @dtls.on("statechange")
    def _() -> None:
        if dtls.state == "connecting":
            timeline.add("handshake", peer=peer.name)
        elif dtls.state == "connected":
            timeline.add("secure", "both certificates match their fingerprints", peer=peer.name)


def _selected(peer: Peer) -> str:
    sctp = peer.connection.sctp
    pair = sctp.transport.iceTransport.getSelectedCandidatePair() if sctp is not None else None
    if pair is None:
        return ""
    return f"{endpoint(pair.local.address, pair.local.port)} → {endpoint(pair.remote.address, pair.remote.port)}"
