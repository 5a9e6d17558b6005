"""Sound: encoder, RTP packets, decoder; silence, loss, and what negotiation can ask for."""

import contextlib
from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_asyncio import Concealment
from rtc_media import AudioDecoder, AudioEncoder, CodecError
from rtc_rtp import EncodedFrame, RtpCodec
from rtc_rtp.payload.comfort_noise import ComfortNoise
from rtc_rtp.payload.opus import opus_channels, opus_duration, opus_redundancy

from .support import RATES, SOUND, Road, arrived, audio_encoder, codec, samples, sines, spectrum, speech


def encode(encoder: AudioEncoder, frames: Iterable[av.AudioFrame]) -> list[EncodedFrame]:
    return [each for frame in frames for each in encoder.encode(frame, force_keyframe=False)]


def decode(decoder: AudioDecoder, frames: Iterable[EncodedFrame]) -> list[av.AudioFrame]:
    decoded = []
    for frame in frames:
        for sound in decoder.decode(frame):
            assert isinstance(sound, av.AudioFrame)
            decoded.append(sound)
    return decoded


def silence(seconds: float, first_pts: int) -> Iterable[av.AudioFrame]:
    return sines(seconds, amplitude=0, first_pts=first_pts)


@pytest.mark.spec("rfc7874:3/1", "rfc7874:3/2")
@pytest.mark.parametrize("mime_type", SOUND)
def test_a_tone_survives_the_way_through_packets(mime_type: str) -> None:
    encoder, road, decoder = audio_encoder(mime_type), Road(mime_type), AudioDecoder(codec(mime_type))
    rate = RATES[mime_type]

    encoded = encode(encoder, sines(1.0, rate=44_100))
    decoded = decode(decoder, [arrived(road, each) for each in encoded])

    frequency, louder_by = spectrum(samples(decoded)[rate // 5 :], rate)
    assert frequency == pytest.approx(440, abs=2)
    assert louder_by > 30
    assert np.abs(samples(decoded)[rate // 5 :]).max() == pytest.approx(8000, rel=0.1)
    assert [frame.pts for frame in decoded] == [i * rate // 50 for i in range(len(decoded))]
    assert {frame.sample_rate for frame in decoded} == {rate}
    assert len(decoded) >= 48


@pytest.mark.parametrize("mime_type", SOUND)
@pytest.mark.parametrize(
    ("rate", "layout", "name"), [(48_000, "stereo", "flt"), (16_000, "mono", "s32"), (8000, "mono", "u8")]
)
def test_any_sound_goes_in(mime_type: str, rate: int, layout: str, name: str) -> None:
    converter = av.AudioResampler(format=name, layout=layout, rate=rate)
    source = [frame for raw in sines(0.4) for frame in converter.resample(raw)]

    decoded = decode(AudioDecoder(codec(mime_type)), encode(audio_encoder(mime_type), source))

    frequency, _ = spectrum(samples(decoded)[RATES[mime_type] // 10 :], RATES[mime_type])
    assert frequency == pytest.approx(440, abs=4)


def test_a_source_may_change_its_format_and_jump() -> None:
    encoder = audio_encoder("audio/PCMU")
    first = encode(encoder, sines(0.1, rate=8000))
    second = encode(encoder, sines(0.1, rate=16_000, channels=2, first_pts=16_000))

    assert [each.timestamp for each in first] == [160 * i for i in range(5)]
    assert [each.timestamp for each in second][:3] == [8000, 8160, 8320]


@pytest.mark.spec("rfc7874:3/12")
@pytest.mark.parametrize(
    ("parameter", "ptime"),
    [({}, 20), ({"ptime": "60"}, 60), ({"ptime": "40", "maxptime": "20"}, 20), ({"ptime": "10"}, 10)],
)
def test_packets_last_as_long_as_asked(parameter: dict[str, str], ptime: int) -> None:
    (first, *_) = encode(audio_encoder("audio/opus", parameter), sines(0.2))
    (g711, *_) = encode(audio_encoder("audio/PCMU", parameter), sines(0.2))

    assert opus_duration(first.data) == 48 * ptime
    assert len(g711.data) == 8 * ptime


def test_the_sending_side_may_choose_how_long_packets_last_up_to_what_the_peer_takes() -> None:
    (first, *_) = encode(audio_encoder("audio/opus", {"ptime": "20"}, packet_time_ms=60), sines(0.2))
    (g711, *_) = encode(audio_encoder("audio/PCMU", {"maxptime": "40"}, packet_time_ms=60), sines(0.2))

    assert opus_duration(first.data) == 48 * 60
    assert len(g711.data) == 8 * 40


@pytest.mark.spec("rfc7587:3.4/2", "rfc7587:7.1/8")
@pytest.mark.parametrize(("parameter", "channels"), [({}, 1), ({"stereo": "0"}, 1), ({"stereo": "1"}, 2)])
def test_stereo_is_sent_to_those_who_asked(parameter: dict[str, str], channels: int) -> None:
    encoded = encode(audio_encoder("audio/opus", parameter, channels=2), sines(0.2, channels=2))

    assert {opus_channels(each.data) for each in encoded} == {channels}


def test_left_and_right_stay_apart() -> None:
    left, right = (samples(sines(0.5, frequency=f)) for f in (440, 1000))
    data = np.stack([left, right], axis=1).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(data, format="s16", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    encoder = audio_encoder("audio/opus", {"stereo": "1"}, channels=2, bitrate_bps=96_000)

    decoded = decode(AudioDecoder(codec("audio/opus", channels=2)), encode(encoder, [frame]))

    sound = np.concatenate([each.to_ndarray().reshape(-1, 2) for each in decoded]).astype(float)[4800:]
    assert spectrum(sound[:, 0], 48_000)[0] == pytest.approx(440, abs=4)
    assert spectrum(sound[:, 1], 48_000)[0] == pytest.approx(1000, abs=4)


def bits_per_second(encoded: list[EncodedFrame], seconds: float) -> float:
    return sum(len(each.data) for each in encoded) * 8 / seconds


def noise(seconds: float, first_pts: int = 0) -> Iterable[av.AudioFrame]:
    generator = np.random.default_rng(1)
    for frame in sines(seconds, first_pts=first_pts):
        hiss = generator.normal(0, 3000, 960).astype(np.int16).reshape(1, -1)
        noisy = av.AudioFrame.from_ndarray(hiss, format="s16", layout="mono")
        noisy.sample_rate, noisy.pts, noisy.time_base = 48_000, frame.pts, frame.time_base
        yield noisy


def test_opus_follows_its_target() -> None:
    encoder = audio_encoder("audio/opus", bitrate_bps=64_000)
    high = bits_per_second(encode(encoder, noise(1)), 1)
    encoder.set_bitrate(16_000)
    low = bits_per_second(encode(encoder, noise(1, first_pts=48_000)), 1)
    encoder.set_bitrate(1)
    lowest = bits_per_second(encode(encoder, noise(1, first_pts=96_000)), 1)

    assert high == pytest.approx(64_000, rel=0.25)
    assert low == pytest.approx(16_000, rel=0.25)
    assert lowest < 10_000


@pytest.mark.spec("rfc7587:7.1/6")
def test_opus_stays_below_what_the_peer_allows() -> None:
    encoder = audio_encoder("audio/opus", {"maxaveragebitrate": "20000"}, bitrate_bps=64_000)

    assert bits_per_second(encode(encoder, noise(1)), 1) < 25_000


@pytest.mark.spec("rfc7587:6.1/3")
@pytest.mark.parametrize("wish", ["5999", "510001", "0", "-7000", "many"])
def test_a_bitrate_that_opus_does_not_have_is_no_limit(wish: str) -> None:
    encoder = audio_encoder("audio/opus", {"maxaveragebitrate": wish}, bitrate_bps=64_000)

    assert bits_per_second(encode(encoder, noise(1)), 1) > 45_000


@pytest.mark.spec("rfc7587:6.1/2", "rfc7587:7.1/3")
@pytest.mark.parametrize("rate", [8000, 16_000, 24_000, 44_100])
def test_nothing_is_sent_that_the_receiver_cannot_play(rate: int) -> None:
    encoder = audio_encoder("audio/opus", {"maxplaybackrate": str(rate)}, bitrate_bps=64_000)

    sound = samples(decode(AudioDecoder(codec("audio/opus")), encode(encoder, noise(1))))[9600:]

    power = np.abs(np.fft.rfft(sound)) ** 2
    above = int(len(power) * 1.1 * min(rate, 43_000) / 48_000)
    assert power[above:].sum() < 0.01 * power.sum()
    assert np.sqrt((sound**2).mean()) > 500


@pytest.mark.spec("rfc7874:7/1")
def test_a_constant_rate_tells_nothing_of_what_is_said() -> None:
    constant = audio_encoder("audio/opus", {"cbr": "1"})
    variable = audio_encoder("audio/opus")
    speech = [*sines(0.3), *silence(0.3, 14_400), *noise(0.3, 28_800)]

    assert len({len(each.data) for each in encode(constant, speech)}) == 1
    assert len({len(each.data) for each in encode(variable, speech)}) > 3


@pytest.mark.spec("rfc8854:4.1/2", "rfc8854:7/3", "rfc7587:3.3/1")
def test_redundancy_is_added_for_those_who_can_use_it() -> None:
    """Of speech, in the mode of Opus that has it: the packets grow by a copy of the one before."""
    open_encoder, protective = (
        audio_encoder("audio/opus", parameters, bitrate_bps=24_000, content_hint="speech")
        for parameters in ({}, {"useinbandfec": "1"})
    )
    open_encoder.set_loss(0.1)
    protective.set_loss(0.1)
    plain, protected = encode(open_encoder, noise(0.6)), encode(protective, noise(0.6))

    assert {opus_redundancy(each.data) for each in plain} == {0}
    assert {opus_redundancy(each.data) for each in protected[5:]} == {960}
    assert {each.data[0] >> 3 < 16 for each in protected[5:]} == {True}  # SILK or hybrid: those that can carry it


@pytest.mark.spec("rfc8854:8/2")
def test_there_is_no_more_redundancy_than_losses_call_for() -> None:
    encoder = audio_encoder("audio/opus", {"useinbandfec": "1"}, bitrate_bps=24_000, content_hint="speech")
    before = encode(encoder, speech(1.0))
    encoder.set_loss(0.1)
    lossy = encode(encoder, speech(1.0))
    encoder.set_loss(0.0)
    after = encode(encoder, speech(1.0))

    assert {opus_redundancy(each.data) for each in (*before, *after)} == {0}
    assert sum(opus_redundancy(each.data) > 0 for each in lossy) > 20


@pytest.mark.spec("rfc7874:3/5")
def test_dtx_of_opus_sends_little_of_silence_and_goes_on() -> None:
    encoder, decoder = (
        audio_encoder("audio/opus", {"usedtx": "1"}, comfort_noise=True),
        AudioDecoder(codec("audio/opus")),
    )
    encoded = encode(encoder, [*sines(0.5), *silence(2.0, 24_000), *sines(0.5, first_pts=120_000)])
    decoded = decode(decoder, encoded)

    in_silence = [each for each in encoded if 48_000 < each.timestamp < 120_000]
    assert 2 <= len(in_silence) <= 5
    assert {each.mime_type for each in encoded} == {"audio/opus"}
    assert len(samples(decoded)) == pytest.approx(3 * 48_000, abs=1920)
    assert spectrum(samples(decoded)[-20_000:], 48_000)[0] == pytest.approx(440, abs=4)
    assert [each.audio_level.voice_activity for each in encoded if each.audio_level][:3] == [True] * 3


@pytest.mark.parametrize("mime_type", ["audio/opus", "audio/PCMU"])
def test_without_dtx_silence_is_sent(mime_type: str) -> None:
    assert len(encode(audio_encoder(mime_type), sines(1.0, amplitude=0, rate=RATES[mime_type]))) == 50


@pytest.mark.spec("rfc7874:3/3", "rfc7874:3/4")
@pytest.mark.parametrize("mime_type", ["audio/PCMU", "audio/PCMA", "audio/G722"])
def test_comfort_noise_stands_for_silence(mime_type: str) -> None:
    hum = [*sines(0.4), *sines(2.0, amplitude=12, first_pts=19_200), *sines(0.2, first_pts=115_200)]
    encoder, decoder = audio_encoder(mime_type, comfort_noise=True), AudioDecoder(codec(mime_type))
    encoded = encode(encoder, hum)
    decoded = samples(decode(decoder, encoded))

    kinds = [each.mime_type for each in encoded]
    assert 3 <= kinds.count("audio/CN") <= 6
    assert kinds.count(mime_type) < 45
    noise_level = ComfortNoise.parse(next(each.data for each in encoded if each.mime_type == "audio/CN")).level
    assert noise_level == pytest.approx(72, abs=2)
    rate = RATES[mime_type]
    quiet = decoded[rate : 2 * rate]
    assert 4 < np.sqrt((quiet**2).mean()) < 16
    assert len(decoded) == pytest.approx(2.6 * rate, abs=rate / 20)


def test_comfort_noise_has_its_colour() -> None:
    decoder = AudioDecoder(codec("audio/PCMU"))
    decode(decoder, encode(audio_encoder("audio/PCMU"), sines(0.1)))
    colour = ComfortNoise(level=40, reflection_coefficients=(-0.9,)).serialize()  # low frequencies
    frames = [EncodedFrame(colour, 800 + 4000 * i, mime_type="audio/CN") for i in range(3)]

    heard = samples(decode(decoder, frames))[-4000:]

    power = np.abs(np.fft.rfft(heard)) ** 2
    assert power[: len(power) // 4].sum() > 5 * power[len(power) // 4 :].sum()
    assert np.sqrt((heard**2).mean()) == pytest.approx(327, rel=0.25)


@pytest.mark.parametrize("mime_type", SOUND)
def test_a_lost_packet_is_concealed(mime_type: str) -> None:
    encoded = encode(audio_encoder(mime_type), sines(1.0, rate=RATES[mime_type]))
    del encoded[20], encoded[30:32]
    rate = RATES[mime_type]

    decoder = AudioDecoder(codec(mime_type))
    decoded = decode(decoder, encoded)

    sound = samples(decoded)
    assert len(sound) == 50 * rate // 50
    assert decoder.concealment == Concealment(
        concealed_samples=3 * rate // 50, silent_concealed_samples=0, concealment_events=2
    )
    gap = sound[20 * rate // 50 : 21 * rate // 50]
    assert np.abs(gap[: len(gap) // 4]).max() > 2000  # goes on ...
    if mime_type != "audio/opus":  # which takes its time
        assert np.abs(gap[-len(gap) // 20 :]).max() < 1000  # ... and fades
    assert np.abs(np.diff(sound)).max() < 9000  # no crack


def test_what_goes_on_for_longer_than_sound_can_be_repeated_is_silent() -> None:
    encoded = encode(audio_encoder("audio/PCMU"), sines(0.4, rate=8000))
    del encoded[5:15]
    decoder = AudioDecoder(codec("audio/PCMU"))
    decode(decoder, encoded)

    assert decoder.concealment == Concealment(
        concealed_samples=1600, silent_concealed_samples=1600 - 480, concealment_events=1
    )


def test_a_long_gap_stays_one() -> None:
    encoded = encode(audio_encoder("audio/PCMU"), sines(0.1, rate=8000))
    encoded[-1].timestamp += 8000 * 30

    decoded = decode(AudioDecoder(codec("audio/PCMU")), encoded)

    assert len(decoded) == 5
    assert decoded[-1].pts == 640 + 8000 * 30


def test_what_comes_too_late_is_not_heard() -> None:
    encoded = encode(audio_encoder("audio/PCMU"), sines(0.1))
    decoder = AudioDecoder(codec("audio/PCMU"))
    decode(decoder, encoded)

    assert decode(decoder, encoded[:1]) == []


@pytest.mark.spec("rfc7874:3/13", "rfc7587:6.1/1", "rfc7587:6.1/4", "rfc7587:7.1/1")
@pytest.mark.parametrize("application", ["voip", "audio", "lowdelay"])
@pytest.mark.parametrize(("rate", "bitrate"), [(8000, 8000), (16_000, 16_000), (48_000, 24_000), (48_000, 64_000)])
@pytest.mark.parametrize("duration", ["2.5", "10", "20", "60"])
def test_every_mode_of_opus_is_decoded(application: str, rate: int, bitrate: int, duration: str) -> None:
    """SILK, hybrid and CELT, of every bandwidth and length, mono and stereo."""
    modes = set()
    for channels in (1, 2):
        context = av.CodecContext.create("libopus", "w")
        assert isinstance(context, av.AudioCodecContext)
        context.sample_rate, context.format = rate, "s16"
        context.layout = "mono" if channels == 1 else "stereo"
        context.bit_rate = bitrate
        context.options = {"application": application, "frame_duration": duration}
        context.open()
        length = int(rate * float(duration) / 1000)
        packets = [
            p for frame in sines(0.36, rate=rate, channels=channels, samples=length) for p in context.encode(frame)
        ]
        decoder, timestamp, frames = AudioDecoder(codec("audio/opus", channels=2)), 0, []
        for packet in packets:
            data = bytes(packet)
            modes.add(data[0] >> 3)
            frames += decode(decoder, [EncodedFrame(data, timestamp)])
            timestamp += opus_duration(data) or 0
        assert spectrum(samples(frames)[9000:], 48_000)[0] == pytest.approx(440, abs=6)
    assert modes


@pytest.mark.parametrize("mime_type", SOUND)
@given(data=st.binary(max_size=300))
@examples(30)
def test_rubbish_raises_nothing_but_our_error(mime_type: str, data: bytes) -> None:
    decoder = AudioDecoder(codec(mime_type))
    for mime in (mime_type, "audio/CN"):
        with contextlib.suppress(CodecError):
            decoder.decode(EncodedFrame(data, 960, mime_type=mime))

    (sound,) = decode(
        decoder, [EncodedFrame(encode(audio_encoder(mime_type), sines(0.02, rate=RATES[mime_type]))[0].data, 10**6)]
    )
    assert sound.samples == RATES[mime_type] // 50


def test_only_to_encode_opus_is_worth_a_thread() -> None:
    assert [audio_encoder(each).runs_inline for each in SOUND] == [False, True, True, True]
    assert [AudioDecoder(codec(each)).runs_inline for each in SOUND] == [True, True, True, True]


def test_the_level_is_told() -> None:
    (loud, *_) = encode(audio_encoder("audio/PCMU"), sines(0.1, amplitude=32_767))
    (quiet, *_) = encode(audio_encoder("audio/PCMU"), sines(0.1, amplitude=33))
    (none, *_) = encode(audio_encoder("audio/PCMU"), silence(0.1, 0))

    levels = [each.audio_level.level for each in (loud, quiet, none) if each.audio_level]
    assert levels == [pytest.approx(3, abs=1), pytest.approx(63, abs=2), 127]


def test_misuse_raises_our_error() -> None:
    encoder = audio_encoder("audio/opus")
    (frame,) = sines(0.02)
    timeless = av.AudioFrame("s16", "mono", 960)
    timeless.sample_rate = 48_000

    with pytest.raises(CodecError, match="no time"):
        encoder.encode(timeless, force_keyframe=False)
    with pytest.raises(CodecError, match=r"av\.AudioFrame"):
        encoder.encode(av.VideoFrame(16, 16), force_keyframe=False)
    assert len(encoder.encode(frame, force_keyframe=True)) == 1
    encoder.close()
    encoder.close()
    with pytest.raises(CodecError, match="closed"):
        encoder.encode(frame, force_keyframe=False)
    decoder = AudioDecoder(codec("audio/opus"))
    decoder.close()
    with pytest.raises(CodecError, match="closed"):
        decoder.decode(EncodedFrame(b"x", 0))
    with pytest.raises(CodecError, match="no decoder"):
        AudioDecoder(RtpCodec(payload_type=96, mime_type="audio/iSAC", clock_rate=16_000))
    with pytest.raises(CodecError, match="no encoder"):
        audio_encoder("audio/iSAC")
