"""The algorithms of webrtc-pc, step by step where other implementations are known to differ."""

import asyncio
import logging
import time
from array import array

import pytest

from rtc_asyncio import (
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    MessageEvent,
    NotSupportedError,
    OperationError,
    RTCDataChannel,
    RTCError,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)

from .party import connected, incoming, negotiate

Pair = tuple[RTCPeerConnection, RTCPeerConnection]
HOST = "candidate:1 1 udp 1 192.0.2.1 9 typ host"


async def turns(count: int = 10) -> None:
    """Let the event loop run everything that is queued, and what that queues."""
    for _ in range(count):
        await asyncio.sleep(0)


# --- negotiation needed ---


async def test_negotiationneeded_does_not_fire_while_an_offer_is_pending(pair: Pair) -> None:
    left, _ = pair
    fired: list[str] = []
    left.onnegotiationneeded = lambda event: fired.append(left.signalingState)
    left.createDataChannel("x")
    await left.setLocalDescription()
    await turns()
    assert fired == []

    await left.setLocalDescription({"type": "rollback"})
    await turns()

    assert fired == ["stable"]


async def test_only_the_first_channel_needs_negotiation(pair: Pair) -> None:
    await connected(*pair)
    fired: list[str] = []
    pair[0].onnegotiationneeded = lambda event: fired.append(event.type)
    pair[0].createDataChannel("second")
    await turns()

    assert fired == []


# --- descriptions ---


async def test_a_collision_goes_through_stable(pair: Pair) -> None:
    left, right = pair
    left.createDataChannel("x")
    right.createDataChannel("y")
    await left.setLocalDescription()
    await right.setLocalDescription()
    states: list[str] = []
    needed: list[str] = []
    right.onsignalingstatechange = lambda event: states.append(right.signalingState)
    right.onnegotiationneeded = lambda event: needed.append(right.signalingState)
    await right.setRemoteDescription(left.localDescription)

    assert states == ["stable", "have-remote-offer"]
    assert needed == []


async def test_a_colliding_offer_that_is_wrong_leaves_ours_rolled_back(pair: Pair) -> None:
    left, _ = pair
    left.createDataChannel("x")
    await left.setLocalDescription()

    with pytest.raises(RTCError):
        await left.setRemoteDescription({"type": "offer", "sdp": "this is no sdp"})
    assert left.signalingState == "stable"
    assert left.pendingLocalDescription is None


@pytest.mark.parametrize("description", [{"type": "answer", "sdp": "v=0\r\n"}, {"sdp": "v=0\r\n"}])
async def test_a_text_that_was_not_created_here_is_a_modification(pair: Pair, description: dict[str, object]) -> None:
    with pytest.raises(InvalidModificationError):
        await pair[0].setLocalDescription(description)


async def test_a_text_without_a_type_is_of_the_type_that_the_state_asks_for(pair: Pair) -> None:
    left, right = pair
    left.createDataChannel("x")
    offer = await left.createOffer()
    await left.setLocalDescription({"sdp": offer.sdp})
    await right.setRemoteDescription(left.localDescription)
    answer = await right.createAnswer()
    await right.setLocalDescription({"sdp": answer.sdp})

    assert left.signalingState == "have-local-offer"
    assert right.signalingState == "stable"


async def test_a_rollback_in_stable_state_is_refused(pair: Pair) -> None:
    with pytest.raises(InvalidStateError):
        await pair[0].setLocalDescription({"type": "rollback"})
    with pytest.raises(InvalidStateError):
        await pair[0].setRemoteDescription({"type": "rollback"})


@pytest.mark.parametrize("description", [42, {"type": "bid", "sdp": ""}, {"sdp": ""}, None])
async def test_what_is_no_description_is_a_type_error(pair: Pair, description: object) -> None:
    with pytest.raises(TypeError):
        await pair[0].setRemoteDescription(description)  # type: ignore[arg-type]


async def test_operations_that_were_started_together_keep_their_order(pair: Pair) -> None:
    left, right = pair
    channel = left.createDataChannel("x")
    await left.setLocalDescription()
    await asyncio.gather(right.setRemoteDescription(left.localDescription), right.setLocalDescription())
    await left.setRemoteDescription(right.localDescription)

    async with asyncio.timeout(30):
        await channel.wait_for("open")


async def test_closing_ends_the_wait_for_candidates() -> None:
    left = RTCPeerConnection({"iceServers": [{"urls": "stun:192.0.2.1"}]}, hosts=["127.0.0.1"])
    left.createDataChannel("x")
    waiting = asyncio.ensure_future(left.setLocalDescription())
    await turns()
    assert left.iceGatheringState == "gathering"
    await left.close()

    async with asyncio.timeout(1):
        with pytest.raises(InvalidStateError):
            await waiting


# --- configuration ---


async def test_certificates_cannot_be_left_out_later() -> None:
    certificate = await RTCPeerConnection.generateCertificate("ECDSA")
    async with RTCPeerConnection({"certificates": [certificate]}) as pc:
        pc.setConfiguration({"certificates": [certificate]})

        with pytest.raises(InvalidModificationError):
            pc.setConfiguration({})
    assert pc.getConfiguration().certificates == [certificate]


async def test_a_closed_connection_looks_at_no_configuration(pair: Pair) -> None:
    await pair[0].close()

    with pytest.raises(InvalidStateError):
        pair[0].setConfiguration({"iceServers": [{"urls": "http://example.org"}]})


async def test_servers_beyond_the_limit_are_left_out() -> None:
    servers = [{"urls": f"stun:192.0.2.{number}"} for number in range(100)]
    async with RTCPeerConnection({"iceServers": servers}) as pc:
        assert len(pc.getConfiguration().iceServers) == 100


@pytest.mark.parametrize(
    "configuration",
    [
        {"certificates": ["none"]},
        {"iceServers": [{"urls": "stun:192.0.2.1", "username": 7}]},
        {"iceServers": [{"urls": [7]}]},
        {"iceServers": "stun:192.0.2.1"},
        {"iceCandidatePoolSize": 256},
        {"iceCandidatePoolSize": -1},
        {"iceTransportPolicy": "nohost"},
        {"rtcpMuxPolicy": "negotiate"},
        {"rtpHeaderEncryptionPolicy": "perhaps"},
    ],
)
async def test_members_of_wrong_types_are_type_errors(configuration: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        RTCPeerConnection(configuration)


async def test_a_server_that_is_not_used_is_said_to_be(caplog: pytest.LogCaptureFixture) -> None:
    server = {"urls": "stuns:stun.invalid"}
    async with RTCPeerConnection({"iceServers": [server]}, hosts=["127.0.0.1"]) as pc:
        pc.createDataChannel("x")
        with caplog.at_level(logging.WARNING, "rtc_asyncio"):
            await pc.setLocalDescription()

    assert "stuns:stun.invalid" in caplog.text


# --- candidates ---


def test_a_candidate_shows_its_parts() -> None:
    candidate = RTCIceCandidate(
        {
            "candidate": "candidate:7 1 tcp 99 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport 9 tcptype active",
            "sdpMid": "0",
            "usernameFragment": "u",
            "relayProtocol": "tls",
            "url": "stun:192.0.2.9",
        }
    )

    assert (candidate.foundation, candidate.component, candidate.protocol, candidate.priority) == (
        "7",
        "rtp",
        "tcp",
        99,
    )
    assert (candidate.address, candidate.port, candidate.type, candidate.tcpType) == ("192.0.2.1", 9, "srflx", "active")
    assert (candidate.relatedAddress, candidate.relatedPort) == ("10.0.0.1", 9)
    assert (candidate.relayProtocol, candidate.url, candidate.usernameFragment) == ("tls", "stun:192.0.2.9", "u")
    assert candidate.toJSON() == {
        "candidate": candidate.candidate,
        "sdpMid": "0",
        "sdpMLineIndex": None,
        "usernameFragment": "u",
    }


@pytest.mark.parametrize(
    "text",
    [
        "candidate:nonsense",
        HOST.replace("1 1 udp", "1 3 udp"),
        HOST.replace("udp", "sctp"),
        HOST.replace("host", "guest"),
        HOST.replace("udp", "tcp") + " tcptype lazy",
    ],
)
def test_a_candidate_with_a_part_that_has_no_name_shows_none(text: str) -> None:
    candidate = RTCIceCandidate({"candidate": text, "sdpMLineIndex": 0})

    assert candidate.candidate == text
    assert (candidate.foundation, candidate.address, candidate.port, candidate.type) == (None, None, None, None)
    assert (candidate.component, candidate.protocol, candidate.priority, candidate.tcpType) == (None, None, None, None)


@pytest.mark.parametrize(
    "members",
    [{}, {"candidate": HOST}, {"sdpMid": 0}, {"sdpMLineIndex": "0"}, {"sdpMid": "0", "relayProtocol": "quic"}],
)
def test_a_candidate_of_wrong_members_is_a_type_error(members: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        RTCIceCandidate(members)


async def test_candidates_that_cannot_be_placed_are_refused(pair: Pair) -> None:
    left, right = pair
    left.createDataChannel("x")
    await left.setLocalDescription()
    await right.setRemoteDescription(left.localDescription)

    for wrong in (
        {"candidate": HOST, "sdpMLineIndex": 1},
        {"candidate": HOST, "sdpMLineIndex": 0, "usernameFragment": "other"},
        {"candidate": "", "sdpMid": "0", "usernameFragment": "other"},
        {"candidate": "", "usernameFragment": "other"},
    ):
        with pytest.raises(OperationError):
            await right.addIceCandidate(wrong)
    for wrong in ({"candidate": HOST, "sdpMLineIndex": "0"}, {"candidate": "", "sdpMid": 0}):
        with pytest.raises(TypeError):
            await right.addIceCandidate(wrong)
    await right.addIceCandidate({})
    await right.addIceCandidate()


async def test_a_candidate_without_a_section_is_a_type_error_even_when_closed(pair: Pair) -> None:
    await pair[0].close()

    with pytest.raises(TypeError):
        await pair[0].addIceCandidate({"candidate": HOST})
    with pytest.raises(InvalidStateError):
        await pair[0].addIceCandidate({"candidate": HOST, "sdpMid": "0"})


# --- events in their order ---


async def test_states_change_with_their_events_and_in_the_order_of_the_specification(pair: Pair) -> None:
    left, right = pair
    log: list[str] = []
    left.onicegatheringstatechange = lambda event: log.append(f"gathering {left.iceGatheringState}")
    left.onicecandidate = lambda event: log.append(
        "null" if event.candidate is None else event.candidate.candidate[:10]
    )
    left.oniceconnectionstatechange = lambda event: log.append(f"ice {left.iceConnectionState}")
    left.onconnectionstatechange = lambda event: log.append(f"connection {left.connectionState}")
    channel = left.createDataChannel("x")
    channel.onopen = lambda event: log.append("open")
    await left.setLocalDescription()
    assert left.sctp is not None
    sctp = left.sctp
    assert (sctp.state, sctp.maxMessageSize, sctp.maxChannels) == ("connecting", None, None)
    dtls, ice = sctp.transport, sctp.transport.iceTransport
    assert (dtls.state, ice.state, ice.gatheringState, dtls.getRemoteCertificates()) == ("new", "new", "new", [])
    sctp.onstatechange = lambda event: log.append(f"sctp {sctp.state}")
    dtls.onstatechange = lambda event: log.append(f"dtls {dtls.state}")
    ice.onstatechange = lambda event: log.append(f"transport {ice.state}")
    ice.ongatheringstatechange = lambda event: log.append(f"gatherer {ice.gatheringState}")
    ice.onselectedcandidatepairchange = lambda event: log.append("pair")
    done = asyncio.Event()
    left.on("icecandidate")(lambda candidate: done.set() if candidate is None else None)
    async with asyncio.timeout(30):
        await done.wait()
        assert log == [
            "gatherer gathering",
            "gathering gathering",
            "candidate:",
            "",
            "gatherer complete",
            "gathering complete",
            "null",
        ]
        log.clear()
        await right.setRemoteDescription(left.localDescription)
        await right.setLocalDescription()
        await left.setRemoteDescription(right.localDescription)
        await channel.wait_for("open")

    # When the checks are completed is a matter of time.
    assert [line for line in log if "completed" not in line] == [
        "transport checking",
        "ice checking",
        "connection connecting",
        "pair",
        "transport connected",
        "ice connected",
        "dtls connecting",
        "dtls connected",
        "connection connected",
        "sctp connected",
        "open",
    ]


async def test_after_close_everything_is_closed_and_nothing_fires(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    left = pair[0]
    sctp = left.sctp
    assert sctp is not None
    certificates = sctp.transport.getRemoteCertificates()
    fired: list[str] = []
    for target, names in (
        (left, ("signalingstatechange", "iceconnectionstatechange", "connectionstatechange")),
        (channel, ("close", "error", "closing")),
        (sctp, ("statechange",)),
        (sctp.transport, ("statechange",)),
        (sctp.transport.iceTransport, ("statechange",)),
    ):
        for name in names:
            target.addEventListener(name, lambda event: fired.append(event.type))
    await left.close()
    await turns()

    assert fired == []
    assert left.sctp is sctp
    assert (sctp.state, sctp.transport.state, sctp.transport.iceTransport.state) == ("closed", "closed", "closed")
    assert sctp.transport.iceTransport.getSelectedCandidatePair() is None
    assert sctp.transport.getRemoteCertificates() == certificates != []
    transport = (await left.getStats()).transport
    assert transport is not None
    assert (transport.dtlsState, transport.iceState) == ("closed", "closed")


async def test_a_handler_may_close_the_connection_that_fires() -> None:
    left = RTCPeerConnection(hosts=["127.0.0.1"])
    fired: list[str] = []
    left.onsignalingstatechange = lambda event: left.close()
    left.onicegatheringstatechange = lambda event: fired.append(event.type)
    left.onicecandidate = lambda event: fired.append(event.type)
    left.createDataChannel("x")
    await left.setLocalDescription()  # the description took effect before the handler ran
    await turns()

    assert fired == []
    assert left.signalingState == "closed"


# --- data channels ---


async def test_arguments_of_a_channel_are_checked_in_order(pair: Pair) -> None:
    left, _ = pair
    for init in ({"priority": "urgent"}, {"id": 65_536}, {"id": -1}, {"protocol": 7}):
        with pytest.raises(TypeError):
            left.createDataChannel("x", init)
    with pytest.raises(TypeError):
        left.createDataChannel(7)  # type: ignore[arg-type]
    assert left.createDataChannel("x", id=65_535).id is None  # ignored unless it is negotiated
    await left.close()
    with pytest.raises(InvalidStateError):
        left.createDataChannel("x" * 65_536)


async def test_texts_without_a_form_in_utf8_get_one(pair: Pair) -> None:
    arrived = incoming(pair[1])
    channel = pair[0].createDataChannel("half \ud83d")
    await negotiate(*pair)
    async with asyncio.timeout(30):
        await channel.wait_for("open")
        channel.send("\ud83d\ude00 and half \ude00")
        assert channel.bufferedAmount == len("😀 and half \ufffd".encode())
        other = await arrived.get()
        assert await anext(aiter(other)) == "😀 and half \ufffd"

    assert other.label == channel.label == "half \ufffd"


async def test_an_async_handler_of_datachannel_is_in_time_for_open_and_messages(pair: Pair) -> None:
    left, right = pair
    heard: list[str] = []

    @right.on("datachannel")
    async def _(channel: RTCDataChannel) -> None:
        heard.append(channel.readyState)
        channel.onopen = lambda event: heard.append("open event")
        channel.on("message")(lambda message: heard.append(str(message)))

    channel = left.createDataChannel("x", negotiated=False)
    channel.on("open")(lambda: channel.send("first"))
    await negotiate(left, right)
    async with asyncio.timeout(30):
        while "first" not in heard:
            await asyncio.sleep(0.001)

    assert heard == ["open", "open event", "first"]


async def test_a_channel_that_its_handler_closes_does_not_open(pair: Pair) -> None:
    left, right = pair
    heard: list[str] = []

    def refuse(channel: RTCDataChannel) -> None:
        channel.onopen = lambda event: heard.append("open")
        channel.onclose = lambda event: heard.append("close")
        channel.close()

    right.on("datachannel")(refuse)
    channel = left.createDataChannel("x")
    await negotiate(left, right)
    async with asyncio.timeout(30):
        await channel.wait_for("closed")
        while not heard:
            await asyncio.sleep(0.001)

    assert heard == ["close"]


async def test_messages_after_close_are_discarded(pair: Pair) -> None:
    channel, other = await connected(*pair)
    heard: list[object] = []
    channel.onmessage = lambda event: heard.append(event)
    other.send("late")
    channel.close()
    async with asyncio.timeout(30):
        await channel.wait_for("closed")
        await other.wait_for("closed")

    assert heard == []


async def test_the_buffered_amount_outlives_the_connection(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    channel.send(bytes(200_000))
    before = channel.bufferedAmount
    _ = pair[0].close()  # need not be awaited

    assert (channel.readyState, channel.bufferedAmount) == ("closed", before)
    assert before == 200_000


async def test_everything_with_a_buffer_can_be_sent(pair: Pair) -> None:
    channel, other = await connected(*pair)
    channel.send(array("H", [1, 2]))  # type: ignore[arg-type]
    events: asyncio.Queue[MessageEvent] = asyncio.Queue()
    other.onmessage = events.put_nowait
    async with asyncio.timeout(30):
        assert (await events.get()).data == array("H", [1, 2]).tobytes()


# --- the rest ---


async def test_a_selector_of_no_track_is_refused(pair: Pair) -> None:
    assert (await pair[0].getStats(None)).keys()

    with pytest.raises(InvalidAccessError):
        await pair[0].getStats(VideoStreamTrack())


async def test_a_certificate_says_when_it_expires() -> None:
    certificate = await RTCPeerConnection.generateCertificate(
        {"name": "ecdsa", "namedCurve": "P-256", "expires": 10**12}
    )
    year = 365 * 24 * 60 * 60 * 1000

    assert abs(certificate.expires - time.time() * 1000 - year) < 60_000
    (fingerprint,) = certificate.getFingerprints()
    assert (fingerprint.algorithm, len(fingerprint.value)) == ("sha-256", 95)
    with pytest.raises(InvalidAccessError):
        old = await RTCPeerConnection.generateCertificate({"name": "ECDSA", "namedCurve": "P-256", "expires": 0})
        await asyncio.sleep(1.1)
        RTCPeerConnection({"certificates": [old]})


@pytest.mark.parametrize(
    "algorithm",
    [
        {"name": "ECDSA", "namedCurve": "K-256"},
        {"name": "HMAC"},
        {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 1024},
        {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "publicExponent": b"\x03", "hash": "SHA-256"},
        {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "hash": {"name": "SHA-1"}},
    ],
)
async def test_other_algorithms_are_not_supported(algorithm: dict[str, object]) -> None:
    with pytest.raises(NotSupportedError):
        await RTCPeerConnection.generateCertificate(algorithm)


def test_a_description_goes_to_json_and_back() -> None:
    description = RTCSessionDescription({"type": "rollback"})

    assert description.toJSON() == {"type": "rollback", "sdp": ""}
    assert RTCSessionDescription(description.toJSON()) == description


async def test_messages_that_wait_do_not_fire_after_close(pair: Pair) -> None:
    channel, other = await connected(*pair)
    channel.send("waits")
    async with asyncio.timeout(30):
        while not other._inbox:
            await asyncio.sleep(0.001)
    heard: list[object] = []
    other.on("message")(heard.append)  # they come in the next turn
    await pair[1].close()
    await turns()

    assert heard == []
