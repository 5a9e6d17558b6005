"""What protects media between two peer connections: nothing without keys, nothing from strangers, nothing twice."""

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, call, frame, frames, media_datagrams, media_of, sent, transceiver
from tests.peer.pair import Pair, Side, make_peer

import rtc_dtls
import rtc_rtp
from rtc_peer import (
    WEBRTC_HANDSHAKE,
    FrameReceived,
    KeyFrameRequested,
    PeerOptions,
    StateError,
    StreamEnded,
    TransportStats,
    WarningIssued,
)
from rtc_peer.srtp_transport import MAX_EARLY_PACKETS
from rtc_stun import Address, Datagram

# --- strangers, forgers, repeaters ---


def _hostile(pair: Pair, side: Side, data: bytes, remote: Address | None = None) -> None:
    path = side.machine.transports[0].selected_pair
    assert path is not None
    side.machine.receive_datagram(Datagram(data, path.local, remote or path.remote), pair.now)


def _state(side: Side) -> object:
    """What a packet could change."""
    session = media_of(side).session
    return [session.receiver_stats(each.id) for each in side.machine.transceivers], len(side.of(FrameReceived))


def test_a_connection_without_media_takes_no_rtp() -> None:
    pair = Pair().connect()
    _hostile(pair, pair.right, b"\x80" + bytes(30))

    assert pair.right.machine.stats.dropped == {"no-rtp": 1}
    assert pair.right.machine._layers.transports.transports[0].media is None


def test_a_packet_from_a_stranger_is_not_even_tried() -> None:
    pair = call()
    seen = media_datagrams(pair.left)
    pair.talk()
    before = _state(pair.right)
    _hostile(pair, pair.right, seen[-1].data, Address("198.51.100.66", 4000))

    assert pair.right.machine.stats.dropped == {"rtp-from-stranger": 1}
    assert _state(pair.right) == before


def test_replayed_packets_change_nothing_and_are_counted() -> None:
    pair = call()
    seen = media_datagrams(pair.left)
    pair.talk()
    before = _state(pair.right)
    for datagram in seen:
        _hostile(pair, pair.right, datagram.data)

    assert _state(pair.right) == before
    assert pair.right.machine.stats.dropped == {"srtp:replayed": len(seen)}
    pair.talk(start=10)
    assert frames(pair.right, VIDEO) == sent(VIDEO, range(20))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "srtp:not authentic"),
        (lambda data: data[:1] + bytes([data[1] ^ 0x80]) + data[2:], "srtp:not authentic"),
        (lambda data: data[:2] + b"\x77\x77" + data[4:], "srtp:not authentic"),
        (lambda data: data[:8] + b"\x00\x00\x00\x63" + data[12:], "srtp:not authentic"),
        (lambda data: data[:11], "srtp:malformed"),
        (lambda data: data[:1], "srtp:malformed"),
    ],
    ids=["tag", "marker", "number", "source", "cut", "one byte"],
)
def test_forged_packets_change_nothing_and_are_counted(change: Callable[[bytes], bytes], reason: str) -> None:
    pair = call()
    forged = 0

    def forge(now: float, datagram: Datagram) -> bool:
        # Whoever sits at the peer's socket is faster than the peer.
        nonlocal forged
        if 128 <= datagram.data[0] <= 191 and not rtc_rtp.is_rtcp(datagram.data):
            before = _state(pair.right)
            _hostile(pair, pair.right, change(datagram.data))
            assert _state(pair.right) == before
            forged += 1
        return True

    pair.left.node.tap = forge
    pair.talk()

    assert forged >= 40
    assert pair.right.machine.stats.dropped == {reason: forged}
    assert frames(pair.right, VIDEO) == sent(VIDEO, range(10))


def test_replayed_and_forged_feedback_changes_nothing() -> None:
    pair = call()
    seen = media_datagrams(pair.right)
    pair.talk()
    pair.settle(3.0)
    rtcp = [each.data for each in seen if rtc_rtp.is_rtcp(each.data)]
    assert rtcp
    sender = transceiver(pair.left, VIDEO).id
    before = copy.deepcopy(media_of(pair.left).session.sender_stats(sender))
    for data in rtcp:
        _hostile(pair, pair.left, data)
        _hostile(pair, pair.left, data[:9] + b"\xff" + data[10:])

    assert media_of(pair.left).session.sender_stats(sender) == before
    assert pair.left.machine.stats.dropped == {"srtp:replayed": 2 * len(rtcp)}


# --- keys ---


@pytest.mark.spec("rfc5764:5.1/1", "rfc8834:4.2/3")
def test_nothing_leaves_and_nothing_is_read_before_the_handshake_is_over() -> None:
    pair = Call([VIDEO])
    seen = media_datagrams(pair.left)
    pair.negotiate()
    pair.send(pair.left, VIDEO, 0)
    media_of(pair.right).receive([b"\x80" * 40] * (MAX_EARLY_PACKETS + 1), pair.now)

    assert seen == []
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    pair.settle(0.1)
    assert pair.right.machine.stats.dropped == {"rtp-without-keys": 1, "srtp:not authentic": MAX_EARLY_PACKETS}
    assert frames(pair.right, VIDEO) == [], "a frame of before would be old"
    assert pair.left.of(KeyFrameRequested) == [KeyFrameRequested(transceiver(pair.left, VIDEO), None)]


@pytest.mark.spec("rfc8835:3.5/1")
@pytest.mark.spec("rfc8834:4.2/2")
@pytest.mark.spec("rfc8827:6.5/5")
def test_with_a_peer_that_has_no_profile_there_is_no_media_and_never_without_protection() -> None:
    pair = Call([AUDIO])
    pair.negotiate()
    for side in pair.sides:
        tunnel = side.machine._layers.transports.transports[0].dtls
        assert tunnel.connection is not None
        # As if the peer had answered without use_srtp.
        tunnel.connection.srtp_keying_material = _no_profile  # type: ignore[method-assign]
    seen = media_datagrams(pair.left)
    pair.settle(2.0)
    pair.talk(kinds=[AUDIO])

    assert seen == []
    assert len(pair.left.of(WarningIssued)) == 1


def _no_profile() -> rtc_dtls.SrtpKeyingMaterial:
    raise rtc_dtls.StateError("no SRTP profile was negotiated")


@pytest.mark.spec("rfc5764:5.1.2/3", "rfc8842:1/1")
def test_media_go_on_under_new_keys_when_the_session_is_handed_to_another_endpoint() -> None:
    pair = call([AUDIO])
    pair.talk(3, kinds=[AUDIO])
    old = media_datagrams(pair.left)
    pair.send(pair.left, AUDIO, 3)
    pair.right.node.machine = make_peer("a successor")
    pair.right.node.events.clear()
    pair.right.machine.add_track(AUDIO, "successor", ["stream"])
    pair.left.machine.restart_ice()
    pair.negotiate()
    assert media_of(pair.left).srtp.profile is None, "the keys of the first association are gone at once"
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    pair.settle(0.5)
    for datagram in list(old):
        _hostile(pair, pair.right, datagram.data)
    pair.talk(3, start=100, kinds=[AUDIO])

    assert frames(pair.right, AUDIO) == sent(AUDIO, range(100, 103))
    assert frames(pair.left, AUDIO)[-3:] == sent(AUDIO, range(100, 103))
    assert pair.right.machine.stats.dropped["srtp:not authentic"] >= 1


def test_a_restart_of_ice_changes_no_keys() -> None:
    pair = call()
    pair.talk(3)
    pair.left.machine.restart_ice()
    pair.negotiate()
    pair.talk(3, start=3)

    assert frames(pair.right, VIDEO) == sent(VIDEO, range(6))


def test_closing_says_goodbye_before_the_tunnel_closes() -> None:
    pair = call()
    pair.talk(5)
    pair.left.machine.close(pair.now)
    pair.settle(0.5)

    assert {each.transceiver for each in pair.right.of(StreamEnded)} == set(pair.right.machine.transceivers)
    assert all(each.receiver.muted for each in pair.right.machine.transceivers)
    assert pair.left.machine.next_timeout() is None
    with pytest.raises(StateError):
        transceiver(pair.left, AUDIO).sender.send_frame(frame(AUDIO, 9))


def test_after_the_peer_has_closed_nothing_more_is_sent() -> None:
    pair = call()
    pair.talk(5)
    pair.left.machine.close(pair.now)
    pair.settle(0.5)
    seen = media_datagrams(pair.right)
    pair.send(pair.right, AUDIO, 9)
    pair.settle(5.0)

    assert seen == []


# --- state is plain data ---


@pytest.mark.spec("rfc8827:6.5/11")
def test_the_profile_that_everybody_has_carries_media_where_it_is_the_only_one() -> None:
    handshake = replace(WEBRTC_HANDSHAKE, srtp_profiles=(rtc_dtls.SrtpProfile.AES128_CM_HMAC_SHA1_80,))
    pair = call([AUDIO], options=(PeerOptions(dtls=handshake), PeerOptions(dtls=handshake)))
    pair.talk(kinds=[AUDIO])

    stats = next(each for each in pair.left.machine.statistics() if isinstance(each, TransportStats))
    assert stats.srtp_cipher == "SRTP_AES128_CM_HMAC_SHA1_80"
    assert len(frames(pair.right, AUDIO)) > 5
