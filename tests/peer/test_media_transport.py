"""Audio and video between two peer connections, from frames to datagrams and back."""

import copy
import pickle
from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, call, frame, frames, media_datagrams, media_of, sent, transceiver
from tests.support.network import Link

import rtc_rtp
from rtc_peer import (
    WEBRTC_HANDSHAKE,
    ArgumentError,
    FrameReceived,
    KeyFrameRequested,
    OutboundRtpStats,
    PacketReceived,
    PeerOptions,
    StateError,
    StreamDiscovered,
    StreamEnded,
    ToneReceived,
    ToneSent,
    TrackMuted,
    TrackUnmuted,
    TransportStats,
)
from rtc_peer.dtls_transport import MAX_UNTAKEN_PACKETS
from rtc_rtp.sending.circuit_breaker import BreakReason
from rtc_sdp import Direction

# --- what flows ---


@pytest.mark.spec("rfc8835:4.2/5", "rfc8835:4.2/6")
@pytest.mark.spec("rfc8834:4.1/1", "rfc8834:4.4/2")
def test_frames_of_both_kinds_arrive_in_both_directions_on_one_transport() -> None:
    pair = call()
    pair.talk()

    for side in pair.sides:
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind) == sent(kind, range(10))
    assert len(pair.left.machine.transports) == 1


@pytest.mark.spec("rfc8835:4.2/5", "rfc8835:4.2/6")
@pytest.mark.spec("rfc8834:4.4/1")
def test_without_bundling_each_section_has_keys_and_a_session_of_its_own() -> None:
    pair = Call()
    offer = pair.offer()
    pair.give(pair.right, replace(offer, sdp=_unbundled(offer.sdp)))
    pair.give(pair.left, pair.answer())
    assert pair.run(lambda: all(len(side.machine.transports) == 2 for side in pair.sides))
    pair.settle(2.0)
    pair.talk()

    for side in pair.sides:
        assert len(side.machine.transports) == 2
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind) == sent(kind, range(10))


@pytest.mark.spec("rfc8834:4.1/7", "rfc9143:9.2/2", "rfc9143:15/3", "rfc5576:5/11", "rfc5576:9/1")
def test_where_packets_do_not_name_their_section_rtcp_does() -> None:
    pair = Call([])
    for name in ("front", "back"):
        pair.left.machine.add_track(VIDEO, name, ["stream"])
    hidden = ("a=ssrc", "a=extmap")
    offer = pair.offer()
    lines = [line for line in offer.sdp.splitlines() if not line.startswith(hidden)]
    pair.give(pair.right, replace(offer, sdp="\r\n".join(lines) + "\r\n"))
    pair.give(pair.left, pair.answer())
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    for number in range(100):
        for index, each in enumerate(pair.left.machine.transceivers):
            each.sender.send_frame(frame(VIDEO, 1000 * index + number, keyframe=True), now=pair.now)
        pair.settle(0.03)

    # Both sections have the same payload types; until the first report nobody can tell whose a packet is.
    assert pair.right.machine.stats.dropped["rtp:unrouted"] > 0
    for index, each in enumerate(pair.right.machine.transceivers):
        arrived = [event.frame.data for event in pair.right.of(FrameReceived) if event.transceiver is each]
        assert len(arrived) > 30
        assert set(arrived) <= {frame(VIDEO, 1000 * index + number, keyframe=True).data for number in range(100)}


def _unbundled(sdp: str) -> str:
    return "".join(line for line in sdp.splitlines(keepends=True) if not line.startswith("a=group:BUNDLE"))


@pytest.mark.spec("rfc8834:4.2/3", "rfc8834:4.7/1", "rfc9143:9.1/1")
@pytest.mark.spec("rfc8827:6.5/2", "rfc8827:6.5/4")
def test_what_leaves_is_protected_and_goes_the_way_of_the_data() -> None:
    pair = call()
    seen = media_datagrams(pair.left)
    pair.talk()

    selected = pair.left.machine.transports[0].selected_pair
    assert selected is not None
    assert len(seen) > 40
    assert {(each.local, each.remote) for each in seen} == {(selected.local, selected.remote)}
    assert not any(frame(AUDIO, number).data in each.data for number in range(1, 10) for each in seen)
    assert max(len(each.data) for each in seen) <= 1200
    stats = next(each for each in pair.left.machine.statistics() if isinstance(each, TransportStats))
    assert stats.srtp_cipher == "SRTP_AEAD_AES_128_GCM"
    assert stats.packets_sent >= len(seen)


@pytest.mark.spec("rfc8835:4.2/5", "rfc8835:4.2/6")
def test_data_channels_and_media_share_a_transport() -> None:
    pair = call(data=True)
    assert pair.run(pair.talking)
    pair.left.machine.send(pair.left.channel(), "between pictures")
    pair.talk()

    assert pair.right.messages() == ["between pictures"]
    assert frames(pair.right, VIDEO) == sent(VIDEO, range(10))


def test_data_that_nobody_takes_are_kept_within_bounds() -> None:
    talk = call([VIDEO])
    tunnels = [side.machine._layers.transports.transports[0].dtls for side in talk.sides]

    for _ in range(50):
        tunnels[0].send_many([bytes(1000)] * 10)
        talk.left.machine._layers.stir()
        talk.settle(0.01)

    assert len(tunnels[1].packets) <= MAX_UNTAKEN_PACKETS + 10
    assert talk.right.machine.stats.dropped["dtls-untaken"] >= 400


def test_packets_are_delivered_to_those_who_want_packets() -> None:
    pair = Call([VIDEO])
    pair.begin()
    transceiver(pair.right, VIDEO).receiver.deliver = "packets"
    pair.settle(0.1)
    pair.talk(kinds=[VIDEO])

    packets = pair.right.of(PacketReceived)
    assert len({each.packet.timestamp for each in packets}) == 10
    assert len(packets) == 30
    assert frames(pair.right, VIDEO) == []
    assert frames(pair.left, VIDEO) == sent(VIDEO, range(10))


def test_packets_of_one_call_are_passed_on_into_another() -> None:
    first, second = Call([VIDEO], seed=1), Call([VIDEO], seed=2)
    first.begin()
    second.begin()
    transceiver(first.right, VIDEO).receiver.deliver = "packets"
    first.settle(0.1)
    out = transceiver(second.left, VIDEO).sender
    parameters = transceiver(first.right, VIDEO).receiver.parameters
    assert parameters is not None

    def pass_on(event: object) -> None:
        if isinstance(event, PacketReceived):
            out.send_packet(event.packet, extension_map=parameters.header_extensions)

    first.right.node.on_event = pass_on
    first.talk(kinds=[VIDEO])
    second.settle()

    assert frames(second.right, VIDEO) == sent(VIDEO, range(10))


@pytest.mark.spec("rfc8834:5.1.2/1")
def test_a_key_frame_is_asked_for_and_the_request_arrives() -> None:
    pair = call()
    pair.talk()
    pair.settle(1.0)
    asked = len(pair.left.of(KeyFrameRequested))
    transceiver(pair.right, VIDEO).receiver.request_key_frame()
    pair.settle()

    (event,) = pair.left.of(KeyFrameRequested)[asked:]
    assert event == KeyFrameRequested(transceiver(pair.left, VIDEO), None)


def test_a_small_mtu_is_kept_by_media_too() -> None:
    options = PeerOptions(dtls=replace(WEBRTC_HANDSHAKE, mtu=700))
    pair = call(options=(options, options))
    seen = media_datagrams(pair.left)
    pair.talk()

    assert max(len(each.data) for each in seen) <= 700
    assert frames(pair.right, VIDEO) == sent(VIDEO, range(10))


def test_losses_are_repaired_and_pictures_that_cannot_be_are_sent_anew() -> None:
    pair = call(link=Link(delay=0.02, loss=0.1), seed=7)
    for number in range(200):
        wanted = any(isinstance(each, KeyFrameRequested) for each in pair.left.node.events)
        pair.left.node.events.clear()
        pair.send(pair.left, VIDEO, number, keyframe=wanted)
        pair.settle(0.03)
    pair.settle(2.0)

    assert pair.network.traffic.lost > 50
    arrived = pair.right.of(FrameReceived)
    assert len(arrived) > 180
    assert [each.frame.timestamp for each in arrived] == sorted({each.frame.timestamp for each in arrived})
    stats = next(
        each for each in pair.left.machine.statistics() if isinstance(each, OutboundRtpStats) and each.kind == VIDEO
    )
    assert stats.retransmitted_packets_sent > 20


# --- tracks ---


def test_a_track_is_muted_until_media_arrive_and_after_they_have_ended() -> None:
    pair = call([AUDIO])
    receiver = transceiver(pair.right, AUDIO).receiver
    assert receiver.muted
    pair.talk(3, kinds=[AUDIO])
    assert not receiver.muted
    (unmuted,) = pair.right.of(TrackUnmuted)
    assert unmuted.transceiver is transceiver(pair.right, AUDIO)
    transceiver(pair.left, AUDIO).stop()
    pair.settle()

    assert receiver.muted
    assert [each.transceiver.receiver for each in pair.right.of(TrackMuted)] == [receiver]


def test_on_hold_nothing_is_sent_and_afterwards_the_stream_goes_on() -> None:
    pair = call()
    pair.talk(5)
    here, there = transceiver(pair.left, AUDIO), transceiver(pair.right, AUDIO)
    here.direction = Direction.RECVONLY
    pair.negotiate()
    pair.settle(0.2)
    assert there.receiver.muted
    pair.send(pair.left, AUDIO, 5)
    pair.settle(0.5)
    here.direction = Direction.SENDRECV
    pair.negotiate()
    pair.settle(0.2)
    pair.send(pair.left, AUDIO, 6)
    pair.settle(0.5)

    assert frames(pair.right, AUDIO) == sent(AUDIO, [0, 1, 2, 3, 4, 6])
    assert not there.receiver.muted
    assert pair.right.of(StreamEnded) == []
    assert len({each.ssrc for each in pair.right.of(StreamDiscovered) if each.transceiver is there}) == 1


def test_a_transceiver_that_is_stopped_says_goodbye() -> None:
    pair = call()
    pair.talk(5)
    stopped = transceiver(pair.right, AUDIO)
    transceiver(pair.left, AUDIO).stop()
    pair.settle(0.5)

    (ended,) = pair.right.of(StreamEnded)
    assert (ended.transceiver, ended.reason) == (stopped, "bye")
    pair.send(pair.left, VIDEO, 5)
    pair.settle(0.5)
    assert frames(pair.right, VIDEO) == sent(VIDEO, range(6))


def test_an_encoding_that_is_not_active_sends_nothing() -> None:
    pair = call([AUDIO])
    pair.talk(2, kinds=[AUDIO])
    sender = transceiver(pair.left, AUDIO).sender
    sender.set_encodings([replace(each, active=False) for each in sender.encodings])
    pair.talk(2, start=2, kinds=[AUDIO])
    sender.set_encodings([replace(each, active=True) for each in sender.encodings])
    pair.talk(2, start=4, kinds=[AUDIO])

    assert frames(pair.right, AUDIO) == sent(AUDIO, [0, 1, 4, 5])
    assert frames(pair.left, AUDIO) == sent(AUDIO, range(6))


def test_media_may_come_into_a_running_call() -> None:
    pair = call([AUDIO])
    pair.talk(3, kinds=[AUDIO])
    for side in pair.sides:
        side.machine.add_track(VIDEO, f"camera-{pair.sides.index(side)}", ["stream"])
    pair.negotiate()
    pair.talk(3, start=0)

    assert frames(pair.right, VIDEO) == sent(VIDEO, range(3))
    assert len(pair.left.machine.transports) == 1


def test_media_may_come_into_a_call_of_data() -> None:
    pair = Call([], data=True)
    pair.negotiate()
    assert pair.run(pair.talking)
    for side in pair.sides:
        side.machine.add_track(AUDIO, f"voice-{pair.sides.index(side)}", ["stream"])
    pair.negotiate()
    pair.talk(3, kinds=[AUDIO])

    assert frames(pair.right, AUDIO) == frames(pair.left, AUDIO) == sent(AUDIO, range(3))


def test_what_the_answerer_sends_before_its_answer_arrives_is_not_lost() -> None:
    pair = Call([AUDIO], data=True)
    pair.begin()
    pair.left.machine.add_track(VIDEO, "camera", ["stream"])
    pair.right.machine.add_track(VIDEO, "their-camera", ["stream"])
    pair.give(pair.right, pair.offer())
    answer = pair.answer()
    pair.send(pair.right, VIDEO, 0)
    pair.settle(0.2)
    pair.give(pair.left, answer)
    pair.settle(0.2)

    assert frames(pair.left, VIDEO) == sent(VIDEO, [0])


# --- tones ---


def test_tones_are_played_in_the_stream_and_audio_gives_way() -> None:
    pair = call([AUDIO])
    pair.talk(2, kinds=[AUDIO])
    sender = transceiver(pair.left, AUDIO).sender
    assert sender.can_insert_dtmf
    sender.insert_dtmf("1#", duration_ms=100, gap_ms=50, now=pair.now)
    pair.network.flush()
    for number in range(27, 55):  # the clock of the media has gone on, too
        pair.send(pair.left, AUDIO, number)
        pair.settle(0.02)
    pair.settle(0.5)

    here = transceiver(pair.left, AUDIO)
    assert pair.left.of(ToneSent) == [ToneSent(here, tone) for tone in ("1", "#", "")]
    ended = [each for each in pair.right.of(ToneReceived) if each.ended]
    assert [each.code for each in ended] == [1, 11]
    assert all(each.duration == pytest.approx(0.1, abs=0.001) for each in ended)
    arrived = len(frames(pair.right, AUDIO))
    assert 15 < arrived < 28
    pair.send(pair.left, AUDIO, 80)
    pair.settle(0.5)
    assert frames(pair.right, AUDIO)[-1] == frame(AUDIO, 80).data


@pytest.mark.parametrize("reason", rtc_rtp.EndReason)
def test_only_a_goodbye_lets_the_section_of_a_stream_be_forgotten(reason: rtc_rtp.EndReason) -> None:
    """Senders stop to name the section, so one that was silent for long could not go on."""
    pair = call([VIDEO])
    pair.talk(10, kinds=[VIDEO])
    transport = media_of(pair.right)
    ssrc = next(iter(transport.session._inbound.streams))

    transport.session._inbound.end(ssrc, reason)
    transport.drain()

    assert (ssrc in transport._router._sources) is (reason is not rtc_rtp.EndReason.BYE)


def test_a_sender_that_the_circuit_breaker_holds_back_goes_on_when_somebody_wants_it() -> None:
    pair = call([VIDEO])
    pair.talk(10, kinds=[VIDEO])
    sender = transceiver(pair.left, VIDEO).sender
    breaker = next(iter(media_of(pair.left).session._outbound.by_ssrc.values()))[1].breaker
    breaker.reason = BreakReason.MEDIA_TIMEOUT
    before = len(frames(pair.right, VIDEO))
    pair.send(pair.left, VIDEO, 50)
    pair.settle(0.5)
    held_back = len(frames(pair.right, VIDEO)) - before

    sender.resume(now=pair.now)
    pair.send(pair.left, VIDEO, 60)
    pair.settle(0.5)

    assert held_back == 0
    assert len(frames(pair.right, VIDEO)) == before + 1
    with pytest.raises(ArgumentError):
        sender.resume(rid="x")


def test_tones_need_a_peer_that_takes_them() -> None:
    pair = call([AUDIO, VIDEO])
    with pytest.raises(StateError):
        transceiver(pair.left, VIDEO).sender.insert_dtmf("1")
    alone = Call([AUDIO])
    with pytest.raises(StateError):
        transceiver(alone.left, AUDIO).sender.insert_dtmf("1")
    with pytest.raises(ValueError, match="cannot be sent"):
        transceiver(pair.left, AUDIO).sender.insert_dtmf("1x2")
    pair.settle()
    assert pair.left.of(ToneSent) == []


# --- state is plain data ---


def test_a_copy_of_a_peer_in_a_call_goes_on_alike() -> None:
    pair = call()
    pair.talk(5)
    machine = pair.left.machine
    twins = [machine, copy.deepcopy(machine), pickle.loads(pickle.dumps(machine))]
    outputs = []
    for twin in twins:
        twin.transceivers[0].sender.send_frame(frame(AUDIO, 9), now=pair.now)
        outputs.append(twin.datagrams_to_send(pair.now))

    assert outputs[0] == outputs[1] == outputs[2] != []
