"""Packets of Opus that got lost: what the next one brings back, and what is made up."""

import contextlib
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_asyncio import Concealment
from rtc_media import AudioDecoder, CodecError, audio_decoder, libopus
from rtc_rtp import EncodedFrame
from rtc_rtp.payload.opus import opus_duration, opus_redundancy

from .support import audio_encoder, codec, samples, speech

LIBRARY = libopus.libopus()


def spoken(*, protected: bool, seconds: float = 4.0, channels: int = 1, ptime: str = "20") -> list[EncodedFrame]:
    """Packets of speech, for a receiver that can use error correction or for one that cannot."""
    parameters = {"useinbandfec": "1"} if protected else {}
    parameters |= {"stereo": "1"} if channels == 2 else {}
    encoder = audio_encoder(
        "audio/opus",
        parameters | {"ptime": ptime},
        bitrate_bps=24_000 * channels,
        content_hint="speech",
        channels=channels,
    )
    encoder.set_loss(0.1)
    return [each for frame in speech(seconds) for each in encoder.encode(frame, force_keyframe=False)]


def heard(decoder: AudioDecoder, frames: list[EncodedFrame]) -> list[object]:
    return [sound for frame in frames for sound in decoder.decode(frame)]


def likeness(frames: list[EncodedFrame], lost: set[int]) -> tuple[float, Concealment]:
    """How much louder, dB, the sound is than what losing packets changes of it; and what had to be made up."""
    decoder = AudioDecoder(codec("audio/opus"))
    whole = samples(heard(AudioDecoder(codec("audio/opus")), frames))
    partial = samples(heard(decoder, [frame for i, frame in enumerate(frames) if i not in lost]))
    assert len(partial) == len(whole)
    return 10 * np.log10((whole**2).sum() / ((whole - partial) ** 2).sum()), decoder.concealment


def losses(count: int, share: float) -> set[int]:
    return {i for i in range(2, count - 1) if random.Random(1000 * share + i).random() < share}


def test_libopus_is_found() -> None:
    """Wherever it stands: PyAV's wheels bring it."""
    assert LIBRARY is not None
    assert LIBRARY.opus_get_version_string().startswith(b"libopus 1.")
    assert AudioDecoder(codec("audio/opus")).implementation == "libopus"


def test_where_there_is_no_libopus_libav_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = spoken(protected=True, seconds=1.0)
    with_it = samples(heard(AudioDecoder(codec("audio/opus")), frames))
    with monkeypatch.context() as patch:
        patch.setattr(libopus, "_places", lambda: iter(["libthere-is-none.so", audio_decoder.__file__]))
        libopus.libopus.cache_clear()
        decoder = AudioDecoder(codec("audio/opus"))
        without = samples(heard(decoder, frames))
    libopus.libopus.cache_clear()

    assert libopus.libopus() is not None  # again
    assert decoder.implementation in {"libopus", "opus"}
    assert decoder.runs_inline is False
    assert np.abs(with_it - without).max() < 300
    assert len(with_it) == len(without)


@pytest.mark.spec("rfc8834:6.2/1", "rfc8854:7/1", "rfc8854:4.1/2", "rfc7587:6.1/6")
@pytest.mark.parametrize("share", [0.05, 0.1])
def test_what_is_lost_is_heard_from_the_next_packet(share: float) -> None:
    protected, plain = spoken(protected=True), spoken(protected=False)
    lost = losses(len(protected), share)

    ratio, made_up = likeness(protected, lost)
    without, all_made_up = likeness(plain, lost)

    assert ratio > without + 5
    assert all_made_up.concealed_samples == 960 * len(lost)
    assert made_up.concealed_samples < all_made_up.concealed_samples / 2


def test_what_was_recovered_is_no_concealment() -> None:
    frames = spoken(protected=True, seconds=2.0)
    protected = [i for i, frame in enumerate(frames) if i > 4 and opus_redundancy(frame.data)]
    lost = {protected[10] - 1}

    ratio, made_up = likeness(frames, lost)

    assert made_up == Concealment()
    assert ratio > 20


def test_of_several_packets_lost_the_last_comes_back() -> None:
    frames = spoken(protected=True, seconds=2.0)
    after = next(i for i, frame in enumerate(frames) if i > 20 and opus_redundancy(frame.data))

    _, made_up = likeness(frames, {after - 3, after - 2, after - 1})

    assert made_up == Concealment(concealed_samples=2 * 960, silent_concealed_samples=0, concealment_events=1)


@pytest.mark.parametrize("ptime", ["10", "20", "40", "60"])
def test_packets_of_every_length_bring_back_one_frame(ptime: str) -> None:
    frames = spoken(protected=True, ptime=ptime)
    length = 48 * int(ptime)
    recoverable = {i for i, frame in enumerate(frames) if i > 2 and opus_redundancy(frame.data)}
    lost = {i - 1 for i in sorted(recoverable)[::5]}

    _, made_up = likeness(frames, lost)

    assert len(lost) > 3
    assert {opus_redundancy(frames[i].data) for i in recoverable} == {length}
    assert made_up.concealed_samples <= length * len([i for i in lost if i + 1 in lost])


def test_a_long_loss_ends_in_what_was_in_the_background() -> None:
    frames = spoken(protected=False, seconds=1.0)
    lost = set(range(10, 45))

    sound = samples(heard(AudioDecoder(codec("audio/opus")), [f for i, f in enumerate(frames) if i not in lost]))
    _, made_up = likeness(frames, lost)

    end = sound[43 * 960 : 45 * 960]
    assert np.sqrt((end**2).mean()) < 0.1 * np.sqrt((sound[: 10 * 960] ** 2).mean())
    assert made_up == Concealment(concealed_samples=35 * 960, silent_concealed_samples=32 * 960, concealment_events=1)


def test_a_gap_that_opus_has_no_steps_for_is_filled_to_its_end() -> None:
    frames = spoken(protected=True, seconds=0.4)
    for frame in frames[10:]:
        frame.timestamp += 7

    sound = heard(AudioDecoder(codec("audio/opus")), frames)

    assert len(samples(sound)) == 20 * 960 + 7


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("ptime", ["10", "20", "40", "60"])
def test_libopus_sees_the_same_packets_with_redundancy(channels: int, ptime: str) -> None:
    assert LIBRARY is not None
    if not hasattr(LIBRARY, "opus_packet_has_lbrr"):
        pytest.skip("libopus is older than 1.5")
    frames = spoken(protected=True, seconds=2.0, channels=channels, ptime=ptime)

    ours = [opus_redundancy(frame.data) > 0 for frame in frames]

    assert ours == [LIBRARY.opus_packet_has_lbrr(frame.data, len(frame.data)) > 0 for frame in frames]
    assert any(ours)
    assert not all(ours)


@given(data=st.binary(min_size=1, max_size=80))
@examples(100)
def test_libopus_sees_the_same_in_rubbish(data: bytes) -> None:
    if LIBRARY is None or not hasattr(LIBRARY, "opus_packet_has_lbrr") or opus_duration(data) is None:
        return
    theirs = LIBRARY.opus_packet_has_lbrr(data, len(data))
    if theirs >= 0:
        assert (opus_redundancy(data) > 0) is (theirs == 1)


@given(data=st.binary(max_size=200), gap=st.integers(0, 48_000))
@examples(60)
def test_rubbish_behind_a_gap_raises_nothing_but_our_error(data: bytes, gap: int) -> None:
    decoder = AudioDecoder(codec("audio/opus", channels=2))
    first, second, *_ = spoken(protected=True, seconds=0.06)
    decoder.decode(first)
    with contextlib.suppress(CodecError):
        sound = decoder.decode(EncodedFrame(data, 960 + gap))
        assert not gap or len(samples(sound)) >= gap

    (later,) = samples([decoder.decode(EncodedFrame(second.data, 10**7))[-1]]).reshape(1, -1)
    assert len(later) == 960
