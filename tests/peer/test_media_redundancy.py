"""Redundancy between two peer connections: negotiated, sent if the options ask for it, and losses made good by it."""

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, frame, frames, media_datagrams
from tests.support.network import Link

from rtc_peer import (
    VIDEO_CODECS,
    VIDEO_FLEXIBLE_REDUNDANCY,
    VIDEO_REDUNDANCY,
    CodecCapability,
    InboundRtpStats,
    LossChanged,
    MediaOptions,
    PeerOptions,
)
from rtc_rtp import SessionOptions

MAX_RTP_PACKET = 1180
"""Bytes before SRTP adds its own."""
DELAY, LOSS = 0.08, 0.1


def _call(kind: str, codecs: tuple[CodecCapability, ...] = (), **options: object) -> Call:
    settings = PeerOptions(
        rtp=SessionOptions(
            max_packet_size=MAX_RTP_PACKET,
            probation=0,
            # One packet in ten is lost whatever the rate.
            congestion_control=False,
            circuit_breaker=False,
            **options,  # type: ignore[arg-type] # any option
        ),
        media=MediaOptions(video_codecs=VIDEO_CODECS + codecs),
    )
    return Call([kind], options=(settings, settings), link=Link(delay=DELAY)).begin()


def _inbound(call: Call) -> InboundRtpStats:
    return next(each for each in call.right.machine.statistics() if isinstance(each, InboundRtpStats))


@pytest.mark.spec("rfc8834:6.2/2", "rfc8854:5.1/1")
@pytest.mark.parametrize("error_correction", [False, True])
@pytest.mark.parametrize("codecs", [VIDEO_REDUNDANCY, VIDEO_FLEXIBLE_REDUNDANCY], ids=["ulpfec", "flexfec"])
def test_video_is_protected_by_parity_if_the_options_ask_for_it(
    codecs: tuple[CodecCapability, ...], error_correction: bool
) -> None:
    call = _call(VIDEO, codecs, error_correction=error_correction)
    seen = media_datagrams(call.left)
    call.left.host.link = Link(delay=DELAY, loss=LOSS)
    for number in range(300):
        call.send(call.left, VIDEO, number, keyframe=number % 25 == 0)
        call.settle(0.02)
    call.settle(1.0)

    inbound = _inbound(call)
    assert (inbound.fec_packets_received > 20) is error_correction
    assert max(len(each.data) for each in seen) <= MAX_RTP_PACKET + 20
    # What is lost all the same is sent again.
    arrived = frames(call.right, VIDEO)
    assert len(arrived) > 280
    assert set(arrived) <= {frame(VIDEO, number, keyframe=number % 25 == 0).data for number in range(300)}


@pytest.mark.parametrize("distance", [0, 1, 2])
def test_sound_is_repeated_if_the_options_ask_for_it(distance: int) -> None:
    call = _call(AUDIO, audio_redundancy=distance)
    call.left.host.link = Link(delay=DELAY, loss=LOSS)
    for number in range(300):
        call.send(call.left, AUDIO, number)
        call.settle(0.02)
    call.settle(1.0)

    heard = len(set(frames(call.right, AUDIO)))
    lost = 300 - heard
    # One in ten is lost; with a repetition one in a hundred.
    assert (15 < lost < 50) if not distance else lost < 12


@pytest.mark.spec("rfc8854:8/2")
def test_loss_of_a_stream_is_told_with_its_transceiver() -> None:
    call = _call(AUDIO)
    call.left.host.link = Link(delay=DELAY, loss=LOSS)
    for number in range(600):
        call.send(call.left, AUDIO, number)
        call.settle(0.02)

    told = call.left.of(LossChanged)
    assert {each.transceiver.kind for each in told} == {"audio"}
    assert {each.rid for each in told} == {None}
    assert 0.05 <= told[-1].fraction_lost <= 0.2
    assert call.right.of(LossChanged) == []
