"""The picture test: a test card is encoded, crosses a network that loses packets, and is decoded: a person would call it the same.

Sound likewise. The sessions, the network and the codecs are real, the clock is not.
"""

import itertools
from dataclasses import dataclass

import av
import numpy as np
import pytest
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

from rtc_asyncio.tracks import MediaKind
from rtc_media import AudioDecoder, CodecError, VideoDecoder, encoder_name, read_picture_number
from rtc_rtp import (
    EncodedFrame,
    FrameReceived,
    KeyFrameRequested,
    ReceiveParameters,
    RtpCodec,
    RtpSession,
    SendEncoding,
    SendParameters,
)

from .support import VIDEO, audio_encoder, cards, pictures, samples, similarity, sines, spectrum, video_encoder

FEEDBACK = frozenset({"nack", "nack pli", "ccm fir"})


@dataclass
class Seen:
    """A picture that came out at the other end."""

    number: int | None
    likeness: float
    at: float


class Call:
    """One stream from left to right."""

    def __init__(self, codec: RtpCodec, link: Link, seed: int) -> None:
        kind: MediaKind = "video" if codec.mime_type.startswith("video") else "audio"
        self.network = Network(seed=seed, link=link)
        self.left, self.right = (
            RtpSession(now=0.0, rng=SeededRng(f"{seed} {side}"), ntp_time=1_800_000_000.0) for side in ("left", "right")
        )
        self.here, self.there = self.network.join(self.left, self.right)
        encoding = SendEncoding(ssrc=0x1234, rtx_ssrc=0x1235 if codec.rtx_payload_type else None)
        self.left.add_sender("s", SendParameters(kind=kind, codecs=(codec,), encodings=(encoding,)))
        self.right.add_receiver("r", ReceiveParameters(kind=kind, codecs=(codec,)))

    def send(self, frames: list[EncodedFrame], interval: float) -> None:
        """Let the time of one frame pass."""
        for frame in frames:
            self.left.send_frame("s", frame)
        self.network.flush()
        self.network.advance(interval)

    def received(self) -> list[EncodedFrame]:
        """What has come since the last time."""
        frames = [event.frame for event in self.there.of(FrameReceived)]
        self.there.events.clear()
        return frames

    def key_frame_wanted(self) -> bool:
        """Whether the other side has asked for one since the last time."""
        wanted = self.here.saw(KeyFrameRequested)
        self.here.events.clear()
        return wanted


def show_card(mime_type: str, link: Link, *, rtx: bool, seed: int = 5, count: int = 90) -> list[Seen]:
    parameters = {"packetization-mode": "1"} if mime_type == "video/H264" else {}
    codec = RtpCodec(
        payload_type=96,
        mime_type=mime_type,
        clock_rate=90_000,
        parameters=parameters,
        feedback=FEEDBACK if rtx else frozenset({"nack pli", "ccm fir"}),
        rtx_payload_type=97 if rtx else None,
    )
    call = Call(codec, link, seed)
    encoder, decoder = video_encoder(mime_type, parameters, bitrate_bps=600_000), VideoDecoder(codec)
    originals = list(cards(count, 320, 240))
    seen: list[Seen] = []
    for card in [*originals, *[None] * 15]:
        wanted = call.key_frame_wanted()
        call.send(encoder.encode(card, force_keyframe=wanted) if card is not None else [], 1 / 30)
        for frame in call.received():
            try:
                decoded = pictures(decoder, frame)
            except CodecError:
                call.right.request_key_frame("r")
                continue
            for picture in decoded:
                number = read_picture_number(picture)
                original = originals[number] if number is not None and number < count else originals[0]
                seen.append(Seen(number, similarity(original, picture), call.network.now))
    return seen


@pytest.mark.parametrize(
    "mime_type",
    [pytest.param(m, marks=pytest.mark.skipif(encoder_name(m) is None, reason=f"libav has no {m}")) for m in VIDEO],
)
def test_a_card_arrives_as_the_same_picture_though_packets_are_lost(mime_type: str) -> None:
    seen = show_card(mime_type, Link(delay=0.03, jitter=0.01, loss=0.05), rtx=True)

    numbers = [each.number for each in seen]
    assert None not in numbers
    assert numbers == sorted(set(numbers), key=numbers.index) == sorted(numbers, key=lambda number: number or 0)
    assert len(seen) >= 75  # of 90: retransmission repairs nearly all; what came before the first key frame is not seen
    assert min(each.likeness for each in seen) > 0.9
    assert sum(each.likeness for each in seen) / len(seen) > 0.95


@pytest.mark.parametrize("mime_type", ["video/VP8", "video/H264"])
def test_where_nothing_is_sent_again_a_key_frame_brings_the_picture_back(mime_type: str) -> None:
    seen = show_card(mime_type, Link(delay=0.03, loss=0.02), rtx=False, seed=8, count=150)

    whole = [each for each in seen if each.likeness > 0.9]
    assert len(whole) > 60
    assert max(each.number or 0 for each in whole) > 130
    gaps = [later.at - earlier.at for earlier, later in itertools.pairwise(whole)]
    assert max(gaps) < 1.5


@pytest.mark.parametrize(("mime_type", "rate", "least"), [("audio/opus", 48_000, 12), ("audio/PCMU", 8000, 10)])
def test_a_tone_arrives_as_the_same_tone_though_packets_are_lost(mime_type: str, rate: int, least: float) -> None:
    codec = RtpCodec(payload_type=111, mime_type=mime_type, clock_rate=rate)
    call = Call(codec, Link(delay=0.03, jitter=0.01, loss=0.03), seed=2)
    encoder, decoder = audio_encoder(mime_type), AudioDecoder(codec)
    heard: list[av.AudioFrame] = []

    for sound in [*sines(4.0), *[None] * 20]:
        call.send(encoder.encode(sound, force_keyframe=False) if sound is not None else [], 0.02)
        for frame in call.received():
            heard += [each for each in decoder.decode(frame) if isinstance(each, av.AudioFrame)]

    sound_heard = samples(heard)
    frequency, louder_by = spectrum(sound_heard[rate // 2 :], rate)
    assert frequency == pytest.approx(440, abs=2)
    assert louder_by > least
    assert len(sound_heard) == pytest.approx(4 * rate, rel=0.05)
    assert np.abs(np.diff(sound_heard)).max() < 10_000
