"""Statistics of streams: what webrtc-stats shows of media, as far as those know who move packets."""

from dataclasses import fields, replace
from typing import TypeVar

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, call, media_of, transceiver
from tests.peer.pair import Side
from tests.support.network import Link

from rtc_peer import (
    VIDEO_CODECS,
    CodecStats,
    InboundRtpStats,
    KeyFrameRequested,
    MediaOptions,
    OutboundRtpStats,
    PeerOptions,
    RemoteInboundRtpStats,
    RemoteOutboundRtpStats,
    TransportStats,
)

S = TypeVar("S")

# Members of webrtc-stats under Python names, but for those that only codecs and tracks can know.
NAMES = {
    CodecStats: "payload_type transport_id mime_type clock_rate channels sdp_fmtp_line",
    InboundRtpStats: (
        "ssrc kind transport_id codec_id track_identifier mid remote_id packets_received packets_lost jitter "
        "last_packet_received_timestamp header_bytes_received bytes_received packets_discarded fec_packets_received "
        "fec_bytes_received fec_packets_discarded retransmitted_packets_received retransmitted_bytes_received rtx_ssrc fec_ssrc "
        "nack_count fir_count pli_count frames_received frames_dropped frames_assembled_from_multiple_packets total_assembly_time "
        "jitter_buffer_delay jitter_buffer_target_delay jitter_buffer_minimum_delay jitter_buffer_emitted_count estimated_playout_timestamp"
    ),
    OutboundRtpStats: (
        "ssrc kind transport_id codec_id mid rid encoding_index remote_id active packets_sent bytes_sent header_bytes_sent "
        "retransmitted_packets_sent retransmitted_bytes_sent rtx_ssrc target_bitrate frames_sent huge_frames_sent "
        "total_packet_send_delay nack_count fir_count pli_count scalability_mode"
    ),
    RemoteInboundRtpStats: (
        "ssrc kind transport_id codec_id local_id packets_received packets_lost fraction_lost jitter round_trip_time total_round_trip_time "
        "round_trip_time_measurements"
    ),
    RemoteOutboundRtpStats: (
        "ssrc kind transport_id codec_id local_id packets_sent bytes_sent remote_timestamp reports_sent round_trip_time "
        "total_round_trip_time round_trip_time_measurements"
    ),
}


def _of(side: Side, kind: type[S]) -> list[S]:
    return [each for each in side.machine.statistics() if isinstance(each, kind)]


def _one(side: Side, kind: type[S], media: str) -> S:
    (found,) = (each for each in _of(side, kind) if getattr(each, "kind", None) == media)
    return found


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_the_names_are_those_of_webrtc_stats(kind: type) -> None:
    assert set(NAMES[kind].split()) <= {each.name for each in fields(kind)}


def test_both_ends_count_the_same() -> None:
    pair = call()
    pair.talk(20)
    pair.settle(6.0)

    for media in (AUDIO, VIDEO):
        out, arrived = _one(pair.left, OutboundRtpStats, media), _one(pair.right, InboundRtpStats, media)
        assert out.ssrc == arrived.ssrc == transceiver(pair.left, media).sender.encodings[0].ssrc
        assert out.frames_sent == arrived.frames_received == 20
        assert out.packets_sent == arrived.packets_received
        assert out.bytes_sent == arrived.bytes_received > 0
        assert out.header_bytes_sent == arrived.header_bytes_received > 0
        assert (arrived.packets_lost, out.active) == (0, True)
        assert arrived.mid == out.mid == transceiver(pair.left, media).mid
        assert arrived.track_identifier == transceiver(pair.right, media).receiver.track_id


def test_streams_reports_and_codecs_name_each_other() -> None:
    pair = call()
    pair.talk(20)
    pair.settle(6.0)
    by_id = {each.id: each for each in pair.left.machine.statistics()}
    assert len(by_id) == len(pair.left.machine.statistics()), "identifiers are unique"

    for media in (AUDIO, VIDEO):
        out, remote = _one(pair.left, OutboundRtpStats, media), _one(pair.left, RemoteInboundRtpStats, media)
        assert out.remote_id is not None
        assert out.codec_id is not None
        assert by_id[out.remote_id] == remote
        assert by_id[remote.local_id] == out
        assert remote.round_trip_time == pytest.approx(0.02, abs=0.005)
        assert remote.fraction_lost == 0
        assert remote.packets_received == {AUDIO: 20, VIDEO: 60}[media]
        assert remote.reported_at is not None
        codec = by_id[out.codec_id]
        assert isinstance(codec, CodecStats)
        assert codec.mime_type == {AUDIO: "audio/opus", VIDEO: "video/VP8"}[media]
        assert codec.channels == {AUDIO: 2, VIDEO: None}[media]
        assert isinstance(by_id[out.transport_id], TransportStats)
        arrived, told = _one(pair.left, InboundRtpStats, media), _one(pair.left, RemoteOutboundRtpStats, media)
        assert arrived.remote_id == told.id
        assert by_id[told.local_id] == arrived
        assert told.packets_sent == {AUDIO: 20, VIDEO: 60}[media]
        assert told.reported_at is not None
        assert (arrived.retransmitted_packets_received, arrived.retransmitted_bytes_received) == {
            AUDIO: (None, None),
            VIDEO: (0, 0),
        }[media], "only a stream of their own tells retransmissions from others"
        assert told.remote_timestamp == pytest.approx(1_767_225_600, abs=60)


def test_losses_and_repairs_are_counted_on_both_sides() -> None:
    pair = call([VIDEO], link=Link(delay=0.02, loss=0.1), seed=5)
    for number in range(150):
        wanted = any(isinstance(each, KeyFrameRequested) for each in pair.left.node.events)
        pair.left.node.events.clear()
        pair.send(pair.left, VIDEO, number, keyframe=wanted)
        pair.settle(0.03)
    pair.settle(3.0)

    out, arrived = _one(pair.left, OutboundRtpStats, VIDEO), _one(pair.right, InboundRtpStats, VIDEO)
    assert arrived.nack_count > 10
    assert 0 < out.nack_count <= arrived.nack_count
    assert arrived.retransmitted_packets_received is not None
    assert 0 < arrived.retransmitted_packets_received <= out.retransmitted_packets_sent
    heard = _one(pair.left, RemoteInboundRtpStats, VIDEO)
    assert heard.packets_received + heard.packets_lost == 3 * 150
    assert out.rtx_ssrc == arrived.rtx_ssrc == transceiver(pair.left, VIDEO).sender.encodings[0].rtx_ssrc
    assert out.target_bitrate is not None


def test_the_transport_counts_media_and_names_what_protects_them() -> None:
    pair = Call([AUDIO])
    pair.negotiate()
    (before,) = _of(pair.left, TransportStats)
    assert before.srtp_cipher is None
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    (quiet,) = _of(pair.left, TransportStats)
    pair.talk(20, kinds=[AUDIO])
    (after,) = _of(pair.left, TransportStats)

    assert after.srtp_cipher == "SRTP_AEAD_AES_128_GCM"
    assert after.packets_sent >= quiet.packets_sent + 20
    assert after.packets_received >= quiet.packets_received + 20
    assert after.bytes_sent >= quiet.bytes_sent + 20 * 100


def test_feedback_of_congestion_control_is_counted_by_the_transport() -> None:
    codecs = tuple(replace(each, feedback=("ack ccfb", "nack")) for each in VIDEO_CODECS if each.name == "vp8")
    options = PeerOptions(media=MediaOptions(video_codecs=codecs))
    pair = call([VIDEO], options=(options, options))
    for number in range(20):
        pair.send(pair.left, VIDEO, number)
        pair.settle(0.05)
    pair.settle(2.0)

    (sender,), (receiver,) = _of(pair.left, TransportStats), _of(pair.right, TransportStats)
    assert receiver.ccfb_messages_sent == sender.ccfb_messages_received
    assert (sender.ccfb_messages_received or 0) > 3
    assert (sender.ccfb_messages_sent, receiver.ccfb_messages_received) == (0, 0)
