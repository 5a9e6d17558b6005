"""`RTCPeerConnection` on real sockets: negotiation, states, events, errors, closing."""

import asyncio
import json

import pytest

from rtc_asyncio import (
    Event,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    NetworkError,
    OperationError,
    RTCConfiguration,
    RTCDataChannel,
    RTCError,
    RTCIceCandidate,
    RTCIceCandidatePairStats,
    RTCIceServer,
    RTCPeerConnection,
    RTCPeerConnectionIceErrorEvent,
    RTCSessionDescription,
    SyntaxError,
)

from .party import connected, incoming, negotiate, trickle

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


# --- negotiation ---


async def test_a_channel_opens_without_trickle(pair: Pair) -> None:
    channel, other = await connected(*pair)

    assert (channel.readyState, other.readyState) == ("open", "open")
    assert [pc.connectionState for pc in pair] == ["connected", "connected"]
    assert [pc.signalingState for pc in pair] == ["stable", "stable"]


async def test_without_a_listener_the_description_has_all_candidates(pair: Pair) -> None:
    left, _ = pair
    left.createDataChannel("x")
    await left.setLocalDescription()

    assert left.localDescription is not None
    assert "a=candidate:" in left.localDescription.sdp
    assert "a=end-of-candidates" in left.localDescription.sdp


async def test_candidates_come_after_the_description_and_end_with_none(pair: Pair) -> None:
    left, right = pair
    arrived = incoming(right)
    seen = trickle(left, right)
    trickle(right, left)
    channel = left.createDataChannel("x")
    await left.setLocalDescription()
    assert seen == []  # nothing overtakes the description

    await right.setRemoteDescription(left.localDescription)
    await right.setLocalDescription()
    await left.setRemoteDescription(right.localDescription)
    async with asyncio.timeout(30):
        await channel.wait_for("open")
        await arrived.get()

    assert seen[-1] is None
    first = seen[0]
    assert first is not None
    assert (first.type, first.protocol, first.component, first.address) == ("host", "udp", "rtp", "127.0.0.1")
    assert left.localDescription is not None
    assert f"a=ice-ufrag:{first.usernameFragment}\r\n" in left.localDescription.sdp


async def test_signalling_works_through_json(pair: Pair) -> None:
    left, right = pair
    channel = left.createDataChannel("x")
    await left.setLocalDescription()
    assert left.localDescription is not None
    await right.setRemoteDescription(json.loads(json.dumps(left.localDescription.toJSON())))
    await right.setLocalDescription()
    assert right.localDescription is not None
    await left.setRemoteDescription(json.loads(json.dumps(right.localDescription.toJSON())))

    async with asyncio.timeout(30):
        await channel.wait_for("open")


async def test_descriptions_move_from_pending_to_current(pair: Pair) -> None:
    left, right = pair
    left.createDataChannel("x")
    await left.setLocalDescription()
    assert left.pendingLocalDescription is not None
    assert left.currentLocalDescription is None
    assert left.signalingState == "have-local-offer"

    await right.setRemoteDescription(left.localDescription)
    assert right.pendingRemoteDescription is not None
    await right.setLocalDescription()
    await left.setRemoteDescription(right.localDescription)

    assert left.pendingLocalDescription is None
    assert left.currentLocalDescription is not None
    assert left.currentLocalDescription.type == "offer"
    assert left.currentRemoteDescription is not None
    assert left.currentRemoteDescription.type == "answer"
    assert left.canTrickleIceCandidates is True


async def test_rollback_returns_to_stable(pair: Pair) -> None:
    left, _ = pair
    left.createDataChannel("x")
    await left.setLocalDescription()
    await left.setLocalDescription({"type": "rollback"})

    assert left.signalingState == "stable"
    assert left.localDescription is None


async def test_negotiationneeded_fires_once_for_the_first_channel(pair: Pair) -> None:
    left, _ = pair
    fired: list[str] = []
    left.onnegotiationneeded = lambda event: fired.append(event.type)
    left.createDataChannel("one")
    left.createDataChannel("two")
    assert fired == []  # never within the call
    await asyncio.sleep(0.01)

    assert fired == ["negotiationneeded"]


async def test_ice_restart_changes_credentials_and_keeps_the_channel(pair: Pair) -> None:
    channel, other = await connected(*pair)
    before = pair[0].sctp.transport.iceTransport.getLocalParameters()  # type: ignore[union-attr]
    needed = asyncio.Event()
    pair[0].on("negotiationneeded")(needed.set)
    pair[0].restartIce()
    async with asyncio.timeout(30):
        await needed.wait()
    await negotiate(*pair)
    channel.send("after")

    async with asyncio.timeout(30):
        assert await anext(aiter(other)) == "after"
        while pair[0].connectionState != "connected":
            await asyncio.sleep(0.01)
    after = pair[0].sctp.transport.iceTransport.getLocalParameters()  # type: ignore[union-attr]
    assert after.usernameFragment != before.usernameFragment


async def test_states_are_reported_in_order(pair: Pair) -> None:
    left, right = pair
    states: list[tuple[str, str]] = []
    for name, attribute in (
        ("signalingstatechange", "signalingState"),
        ("iceconnectionstatechange", "iceConnectionState"),
        ("connectionstatechange", "connectionState"),
        ("icegatheringstatechange", "iceGatheringState"),
    ):

        def note(event: Event, attribute: str = attribute) -> None:
            states.append((attribute, getattr(left, attribute)))

        left.addEventListener(name, note)
    await connected(left, right)
    await asyncio.sleep(0.01)

    assert [state for kind, state in states if kind == "signalingState"] == ["have-local-offer", "stable"]
    assert [state for kind, state in states if kind == "iceGatheringState"] == ["gathering", "complete"]
    assert [state for kind, state in states if kind == "connectionState"] == ["connecting", "connected"]
    assert [state for kind, state in states if kind == "iceConnectionState"][:2] == ["checking", "connected"]


# --- errors have the names of the Web ---


async def test_malformed_sdp_is_an_rtc_error_with_the_line(pair: Pair) -> None:
    with pytest.raises(RTCError) as raised:
        await pair[0].setRemoteDescription({"type": "offer", "sdp": "v=0\r\nthis is no sdp\r\n"})

    assert raised.value.name == "OperationError"
    assert raised.value.errorDetail == "sdp-syntax-error"
    assert raised.value.sdpLineNumber == 2
    assert pair[0].signalingState == "stable"


async def test_an_offer_without_fingerprint_is_refused(pair: Pair) -> None:
    left, right = pair
    left.createDataChannel("x")
    await left.setLocalDescription()
    assert left.localDescription is not None
    lines = [line for line in left.localDescription.sdp.splitlines() if not line.startswith("a=fingerprint")]

    with pytest.raises(InvalidAccessError):
        await right.setRemoteDescription({"type": "offer", "sdp": "\r\n".join(lines) + "\r\n"})


async def test_answers_in_the_wrong_state_are_refused(pair: Pair) -> None:
    with pytest.raises(InvalidStateError):
        await pair[0].createAnswer()
    with pytest.raises(InvalidStateError):
        await pair[0].setRemoteDescription(RTCSessionDescription(type="answer", sdp="v=0\r\n"))


async def test_a_changed_offer_is_refused(pair: Pair) -> None:
    left, _ = pair
    left.createDataChannel("x")
    offer = await left.createOffer()

    with pytest.raises(InvalidModificationError):
        await left.setLocalDescription({"type": "offer", "sdp": offer.sdp.replace("sctp-port:5000", "sctp-port:5001")})


async def test_candidates_are_checked(pair: Pair) -> None:
    left, right = pair
    with pytest.raises(InvalidStateError):
        await left.addIceCandidate(RTCIceCandidate(candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid="0"))
    left.createDataChannel("x")
    await left.setLocalDescription()
    await right.setRemoteDescription(left.localDescription)

    with pytest.raises(OperationError):
        await right.addIceCandidate({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "nowhere"})
    with pytest.raises(OperationError):
        await right.addIceCandidate({"candidate": "candidate:nonsense", "sdpMid": "0"})
    with pytest.raises(TypeError):
        await right.addIceCandidate({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"})
    await right.addIceCandidate(None)
    await right.addIceCandidate({"candidate": "", "sdpMid": "0"})


@pytest.mark.parametrize(
    ("configuration", "error"),
    [
        ({"iceServers": [{"urls": "http://example.org"}]}, SyntaxError),
        ({"iceServers": [{"urls": "turn:example.org"}]}, InvalidAccessError),
        ({"bundlePolicy": "none"}, TypeError),
        ({"iceServers": [{}]}, TypeError),
        (42, TypeError),
    ],
)
async def test_configurations_are_checked(configuration: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        RTCPeerConnection(configuration)  # type: ignore[arg-type]


async def test_configuration_can_be_read_and_partly_changed(pair: Pair) -> None:
    left, _ = pair
    left.setConfiguration(RTCConfiguration(iceServers=[RTCIceServer(urls="stun:192.0.2.1")]))
    assert left.getConfiguration().iceServers == [RTCIceServer(urls="stun:192.0.2.1")]

    with pytest.raises(InvalidModificationError):
        left.setConfiguration({"bundlePolicy": "max-bundle"})


async def test_a_stun_server_that_does_not_answer_is_reported_and_holds_nothing_up(pair: Pair) -> None:
    _, right = pair
    async with RTCPeerConnection({"iceServers": [{"urls": "stun:127.0.0.1:9"}]}, hosts=["127.0.0.1"]) as left:
        trickle(left, right)
        channel = left.createDataChannel("x")
        await left.setLocalDescription()
        await right.setRemoteDescription(left.localDescription)
        await right.setLocalDescription()
        await left.setRemoteDescription(right.localDescription)
        async with asyncio.timeout(10):  # a transaction with a server that does not answer takes forty
            await channel.wait_for("open")


async def test_a_name_that_does_not_resolve_is_an_icecandidateerror() -> None:
    async with RTCPeerConnection({"iceServers": [{"urls": "stun:nothing.invalid"}]}, hosts=["127.0.0.1"]) as left:
        failed: asyncio.Queue[RTCPeerConnectionIceErrorEvent] = asyncio.Queue()
        left.on("icecandidateerror")(failed.put_nowait)
        left.createDataChannel("x")
        await left.setLocalDescription()
        async with asyncio.timeout(30):
            event = await failed.get()

    assert event.errorCode == 701
    assert event.url == "stun:nothing.invalid"


# --- closing ---


async def test_everything_is_refused_after_close(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    left = pair[0]
    _ = left.close()  # need not be awaited

    assert left.connectionState == "closed"
    assert left.signalingState == "closed"
    assert left.iceConnectionState == "closed"
    assert channel.readyState == "closed"
    with pytest.raises(InvalidStateError):
        left.createDataChannel("late")
    with pytest.raises(InvalidStateError):
        await left.createOffer()
    with pytest.raises(InvalidStateError):
        channel.send("late")
    await left.close()


async def test_the_peer_sees_the_close(pair: Pair) -> None:
    _, other = await connected(*pair)
    closed = asyncio.Event()
    other.on("close")(closed.set)
    await pair[0].close()

    async with asyncio.timeout(30):
        await closed.wait()
    assert other.readyState == "closed"


async def test_close_in_every_stage_of_the_setup() -> None:
    for turns in range(40):
        left, right = RTCPeerConnection(hosts=["127.0.0.1"]), RTCPeerConnection(hosts=["127.0.0.1"])
        left.createDataChannel("x")
        task = asyncio.ensure_future(negotiate(left, right))
        for _ in range(turns):
            await asyncio.sleep(0)
        await left.close()
        await right.close()
        await asyncio.gather(task, return_exceptions=True)


async def test_waiting_for_a_connection_that_was_closed_fails(pair: Pair) -> None:
    waiting = asyncio.ensure_future(pair[0].wait_for("connected"))
    await asyncio.sleep(0)
    await pair[0].close()

    with pytest.raises(NetworkError):
        await waiting


async def test_waiting_can_be_cancelled(pair: Pair) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await pair[0].wait_for("connected")


async def test_outside_of_an_event_loop_it_says_so() -> None:
    def construct() -> None:
        RTCPeerConnection()

    with pytest.raises(RuntimeError, match="no running event loop"):
        await asyncio.to_thread(construct)


# --- transports, certificates, statistics ---


async def test_transports_show_what_was_negotiated(pair: Pair) -> None:
    assert pair[0].sctp is None
    await connected(*pair)
    sctp = pair[0].sctp
    assert sctp is not None
    assert sctp is pair[0].sctp
    assert sctp.state == "connected"
    assert sctp.maxMessageSize == 262_144
    assert sctp.maxChannels is not None
    dtls = sctp.transport
    assert dtls.state == "connected"
    assert len(dtls.getRemoteCertificates()) == 1
    ice = dtls.iceTransport
    assert ice.state in {"connected", "completed"}
    assert {ice.role, pair[1].sctp.transport.iceTransport.role} == {"controlling", "controlled"}
    chosen = ice.getSelectedCandidatePair()
    assert chosen is not None
    assert chosen.local.address == chosen.remote.address == "127.0.0.1"
    assert len(ice.getLocalCandidates()) == len(ice.getRemoteCandidates()) == 1
    assert ice.getRemoteParameters() == pair[1].sctp.transport.iceTransport.getLocalParameters()


@pytest.mark.parametrize(
    "algorithm",
    [
        "ECDSA",
        {"name": "ECDSA", "namedCurve": "P-256"},
        {"name": "ECDSA", "namedCurve": "P-384"},
        {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "publicExponent": b"\x01\x00\x01", "hash": "SHA-256"},
    ],
    ids=["default", "P-256", "P-384", "RSA"],
)
async def test_connections_with_certificates_of_every_kind(pair: Pair, algorithm: object) -> None:
    certificate = await RTCPeerConnection.generateCertificate(algorithm)  # type: ignore[arg-type]
    async with RTCPeerConnection({"certificates": [certificate]}, hosts=["127.0.0.1"]) as left:
        await connected(left, pair[1])

        assert certificate.getFingerprints()[0].value.upper() in left.localDescription.sdp  # type: ignore[union-attr]


async def test_statistics_have_the_names_of_the_web(pair: Pair) -> None:
    channel, other = await connected(*pair)
    channel.send("four")
    async with asyncio.timeout(30):
        await anext(aiter(other))
    async with asyncio.timeout(30):
        # Data flows before the pair is nominated.
        while not any(
            stats.nominated
            for stats in (await pair[0].getStats()).values()
            if isinstance(stats, RTCIceCandidatePairStats)
        ):
            await asyncio.sleep(0.01)
    report = await pair[0].getStats()
    kinds = {stats.type for stats in report.values()}
    transport, chosen = report.transport, report.selected_pair

    assert kinds >= {
        "peer-connection",
        "transport",
        "candidate-pair",
        "local-candidate",
        "remote-candidate",
        "certificate",
        "data-channel",
    }
    assert transport is not None
    assert transport.dtlsState == "connected"
    assert transport.tlsVersion in ("FEFD", "FEFC")
    assert transport.tlsGroup in ("x25519", "X25519MLKEM768")
    assert transport.dtlsRole in ("client", "server")
    assert report[str(transport.localCertificateId)].type == "certificate"
    assert report[str(transport.remoteCertificateId)].type == "certificate"
    assert transport.bytesSent > 0
    assert chosen is not None
    assert chosen.nominated
    assert chosen.toJSON()["state"] == "succeeded"
    assert json.dumps({key: stats.toJSON() for key, stats in report.items()})
    channels = [stats.toJSON() for stats in report.values() if stats.type == "data-channel"]
    assert (channels[0]["messagesSent"], channels[0]["bytesSent"]) == (1, 4)


async def test_events_of_channels_carry_the_channel(pair: Pair) -> None:
    left, right = pair
    events: list[object] = []
    right.ondatachannel = lambda event: events.append(event.channel)
    left.createDataChannel("hello", ordered=False, maxRetransmits=2, protocol="p")
    await negotiate(left, right)
    async with asyncio.timeout(30):
        while not events:
            await asyncio.sleep(0.005)

    channel = events[0]
    assert isinstance(channel, RTCDataChannel)
    assert (channel.label, channel.ordered, channel.maxRetransmits, channel.protocol) == ("hello", False, 2, "p")
