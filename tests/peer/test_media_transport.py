"""Audio and video between two peer connections, from frames to datagrams and back; negotiation is done by hand here."""

import copy
from collections.abc import Callable

import pytest
from tests.peer.media import AUDIO, VIDEO, apply, frame, frames, media_of, section, send
from tests.peer.pair import Pair, Side

import rtc_rtp
from rtc_peer import PeerOptions, TransportStats
from rtc_peer.srtp_transport import MAX_EARLY_PACKETS
from rtc_stun import Address, Datagram


def _call(**options: object) -> Pair:
    """Two peers that may send sound and pictures to each other on one transport."""
    pair = Pair(**options).connect()  # type: ignore[arg-type]  # the caller knows the options
    apply(pair, [section(AUDIO, 1000), section(VIDEO, 2000)], [section(AUDIO, 3000), section(VIDEO, 4000)])
    return pair


def _talk(pair: Pair, count: int = 10, start: int = 0) -> None:
    """Both sides send so many frames of sound and pictures, 20 ms apart."""
    for number in range(start, start + count):
        for side in pair.sides:
            send(side, AUDIO, frame(number), pair.now)
            send(side, VIDEO, frame(number, video=True, length=3000, keyframe=number == 0), pair.now)
        pair.settle(0.02)


def _media_datagrams(side: Side) -> list[Datagram]:
    """Collect what leaves a side and is RTP or RTCP by its first byte."""
    found: list[Datagram] = []

    def tap(now: float, datagram: Datagram) -> bool:
        if 128 <= datagram.data[0] <= 191:
            found.append(datagram)
        return True

    side.node.tap = tap
    return found


@pytest.mark.spec("rfc8834:4.1/1", "rfc8834:4.4/2")
def test_frames_of_both_kinds_arrive_in_both_directions_on_one_transport() -> None:
    pair = _call()
    _talk(pair)
    pair.settle()

    for side in pair.sides:
        assert frames(side, AUDIO) == [frame(number).data for number in range(10)]
        assert frames(side, VIDEO) == [
            frame(number, video=True, length=3000, keyframe=number == 0).data for number in range(10)
        ]
    assert len(pair.left.machine.transports) == 1


@pytest.mark.spec("rfc8834:4.2/3", "rfc8834:4.7/1", "rfc9143:9.1/1")
def test_what_leaves_is_protected_and_goes_the_way_of_the_data() -> None:
    pair = _call()
    seen = _media_datagrams(pair.left)
    _talk(pair)
    pair.settle()

    selected = pair.left.machine.transports[0].selected_pair
    assert selected is not None
    assert len(seen) > 20
    assert {(each.local, each.remote) for each in seen} == {(selected.local, selected.remote)}
    assert not any(frame(number).data in each.data for number in range(1, 10) for each in seen)
    assert max(len(each.data) for each in seen) <= 1200
    stats = next(each for each in pair.left.machine.statistics() if isinstance(each, TransportStats))
    assert stats.srtp_cipher == "SRTP_AEAD_AES_128_GCM"
    assert stats.packets_sent >= len(seen)


def test_data_channels_and_media_share_a_transport() -> None:
    pair = _call()
    pair.left.machine.send(pair.left.channel(), "between pictures")
    _talk(pair)
    pair.settle()

    assert pair.right.messages() == ["between pictures"]
    assert len(frames(pair.right)) == 20


def test_a_connection_without_media_takes_no_rtp() -> None:
    pair = Pair().connect()
    path = pair.right.machine.transports[0].selected_pair
    assert path is not None
    pair.right.machine.receive_datagram(Datagram(b"\x80" + bytes(30), path.local, path.remote), pair.now)

    assert pair.right.machine.stats.dropped == {"no-rtp": 1}
    assert pair.right.machine._layers.transports.transports[0].media is None


# --- strangers, forgers, repeaters ---


def _hostile(pair: Pair, side: Side, data: bytes, remote: Address | None = None) -> None:
    path = side.machine.transports[0].selected_pair
    assert path is not None
    side.machine.receive_datagram(Datagram(data, path.local, remote or path.remote), pair.now)


def _state(side: Side) -> object:
    """What a packet could change."""
    media = media_of(side)
    return media.session.receiver_stats(AUDIO), media.session.receiver_stats(VIDEO), frames(side)


def test_a_packet_from_a_stranger_is_not_even_tried() -> None:
    pair = _call()
    seen = _media_datagrams(pair.left)
    _talk(pair)
    pair.settle()
    before = _state(pair.right)
    _hostile(pair, pair.right, seen[-1].data, Address("198.51.100.66", 4000))

    assert pair.right.machine.stats.dropped["rtp-from-stranger"] == 1
    assert "srtp:replayed" not in pair.right.machine.stats.dropped
    assert _state(pair.right) == before


def test_replayed_packets_change_nothing_and_are_counted() -> None:
    pair = _call()
    seen = _media_datagrams(pair.left)
    _talk(pair)
    pair.settle()
    before = _state(pair.right)
    for datagram in seen:
        _hostile(pair, pair.right, datagram.data)

    assert _state(pair.right) == before
    assert pair.right.machine.stats.dropped == {"srtp:replayed": len(seen)}
    _talk(pair, start=10)
    pair.settle()
    assert len(frames(pair.right)) == 40


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
    pair = _call()
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
    _talk(pair)
    pair.settle()

    assert forged >= 40
    assert pair.right.machine.stats.dropped == {reason: forged}
    assert len(frames(pair.right)) == 20


def test_replayed_and_forged_feedback_changes_nothing() -> None:
    pair = _call()
    seen = _media_datagrams(pair.right)
    _talk(pair)
    pair.settle(3.0)
    rtcp = [each.data for each in seen if rtc_rtp.is_rtcp(each.data)]
    assert rtcp
    before = media_of(pair.left).session.sender_stats(VIDEO)
    for data in rtcp:
        _hostile(pair, pair.left, data)
        _hostile(pair, pair.left, data[:9] + b"\xff" + data[10:])

    assert media_of(pair.left).session.sender_stats(VIDEO) == before
    dropped = pair.left.machine.stats.dropped
    assert dropped["srtp:replayed"] == 2 * len(rtcp)


# --- keys ---


@pytest.mark.spec("rfc5764:5.1/1", "rfc8834:4.2/3")
def test_nothing_leaves_and_nothing_is_read_before_the_handshake_is_over() -> None:
    pair = Pair()
    seen = _media_datagrams(pair.left)
    pair.left.machine.create_data_channel("chat")
    pair.negotiate()
    apply(pair, [section(VIDEO, 2000)], [section(VIDEO, 4000)])
    send(pair.left, VIDEO, frame(0, video=True), pair.now)
    media = media_of(pair.right)
    media.receive([b"\x80" * 40] * (MAX_EARLY_PACKETS + 1), pair.now)

    assert pair.left.machine.datagrams_to_send(pair.now) == []
    assert seen == []
    assert pair.run(pair.talking)
    pair.settle(0.1)
    dropped = pair.right.machine.stats.dropped
    assert dropped["rtp-without-keys"] == 1
    assert dropped["srtp:not authentic"] == MAX_EARLY_PACKETS
    assert frames(pair.right) == [], "a frame of before would be old"
    assert pair.left.of(rtc_rtp.KeyFrameRequested) == [rtc_rtp.KeyFrameRequested(sender_id=VIDEO, rid=None)]


def test_media_that_are_agreed_on_later_use_the_handshake_of_before() -> None:
    pair = Pair().connect()
    pair.settle(5.0)
    apply(pair, [section(AUDIO, 1000)], [section(AUDIO, 3000)])
    send(pair.left, AUDIO, frame(1), pair.now)
    pair.settle()

    assert frames(pair.right) == [frame(1).data]


# --- sections that come, pause and go ---


def test_on_hold_nothing_is_sent_and_afterwards_the_stream_goes_on() -> None:
    pair = _call()
    _talk(pair, 5)
    pair.settle(0.5)
    apply(
        pair,
        [section(AUDIO, 1000, sends=False), section(VIDEO, 2000)],
        [section(AUDIO, 3000, receives=False), section(VIDEO, 4000)],
    )
    send(pair.left, AUDIO, frame(5), pair.now)
    pair.settle(0.5)
    apply(pair, [section(AUDIO, 1000), section(VIDEO, 2000)], [section(AUDIO, 3000), section(VIDEO, 4000)])
    send(pair.left, AUDIO, frame(6), pair.now)
    pair.settle(0.5)

    assert frames(pair.right, AUDIO) == [frame(number).data for number in (0, 1, 2, 3, 4, 6)]
    assert pair.right.of(rtc_rtp.StreamEnded) == []


def test_a_section_that_ends_says_goodbye() -> None:
    pair = _call()
    _talk(pair, 5)
    pair.settle(0.5)
    apply(pair, [section(VIDEO, 2000)], [section(AUDIO, 3000), section(VIDEO, 4000)])
    pair.settle(0.5)

    (ended,) = pair.right.of(rtc_rtp.StreamEnded)
    assert (ended.receiver_id, ended.ssrc, ended.reason) == (AUDIO, 1000, rtc_rtp.EndReason.BYE)
    send(pair.left, VIDEO, frame(6, video=True), pair.now)
    pair.settle(0.5)
    assert len(frames(pair.right, VIDEO)) == 6


def test_closing_says_goodbye_before_the_tunnel_closes() -> None:
    pair = _call()
    _talk(pair, 5)
    pair.settle(0.5)
    pair.left.machine.close(pair.now)
    pair.settle(0.5)

    assert {each.ssrc for each in pair.right.of(rtc_rtp.StreamEnded)} == {1000, 2000}
    assert pair.left.machine.next_timeout() is None


def test_after_the_peer_has_closed_nothing_more_is_sent_or_due() -> None:
    pair = _call()
    _talk(pair, 5)
    pair.left.machine.close(pair.now)
    pair.settle(0.5)
    seen = _media_datagrams(pair.right)
    send(pair.right, AUDIO, frame(9), pair.now)
    pair.settle(5.0)

    assert seen == []


def test_a_small_mtu_is_kept_by_media_too() -> None:
    from dataclasses import replace

    from rtc_peer import WEBRTC_HANDSHAKE

    options = PeerOptions(dtls=replace(WEBRTC_HANDSHAKE, mtu=700))
    pair = _call(options=(options, options))
    seen = _media_datagrams(pair.left)
    _talk(pair)
    pair.settle()

    assert max(len(each.data) for each in seen) <= 700
    assert len(frames(pair.right)) == 20


def test_a_copy_of_a_peer_in_a_call_goes_on_alike() -> None:
    pair = _call()
    _talk(pair, 5)
    twin = copy.deepcopy(pair.left.machine)
    for machine in (pair.left.machine, twin):
        media = machine._layers.media_transport(AUDIO)
        assert media is not None
        media.send_frame(AUDIO, frame(9))
        machine._layers.settle(pair.now)

    assert twin.datagrams_to_send(pair.now) == pair.left.machine.datagrams_to_send(pair.now) != []
