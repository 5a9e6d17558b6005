"""What needs no codec: limits of the peer, rates, silence, gain, times."""

import math

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_media import GainControl, LevelledTrack, PictureLimits, ToneTrack, picture_limits
from rtc_media.limits import macroblocks
from rtc_media.rate import FramerateEstimate, FramerateLimit, RateKeeper
from rtc_media.silence import SilenceDetector, Verdict
from rtc_media.timeline import Timeline

from .support import samples, sines

SIZES = st.integers(2, 4096)


@given(width=SIZES, height=SIZES, most=st.integers(16, 40_000), by=st.floats(1, 16))
def test_what_fits_is_even_not_larger_and_of_the_same_shape(width: int, height: int, most: int, by: float) -> None:
    fitted = PictureLimits(max_macroblocks=most).fit(width, height, by)

    assert fitted[0] % 2 == fitted[1] % 2 == 0
    assert fitted[0] <= max(2, width / by + 1)
    assert fitted[1] <= max(2, height / by + 1)
    assert macroblocks(*fitted) <= most or max(fitted) <= 16
    if min(fitted) > 32:
        assert fitted[0] / fitted[1] == pytest.approx(width / height, rel=0.1)


@pytest.mark.parametrize(
    ("mime_type", "parameters", "fitted", "framerate"),
    [
        ("video/H264", {"profile-level-id": "42e01f"}, (1280, 720), 30.0),
        ("video/H264", {"profile-level-id": "42e034"}, (1920, 1080), 254.1),
        ("video/H264", {}, (1280, 720), 30.0),
        ("video/H264", {"profile-level-id": "rubbish"}, (1280, 720), 30.0),
        ("video/H265", {}, (1304, 734), 34.8),
        ("video/H265", {"level-id": "120"}, (1920, 1080), 32.0),
        ("video/AV1", {}, (1374, 772), 30.6),
        ("video/AV1", {"level-idx": "8"}, (1920, 1080), 33.9),
        ("video/AV1", {"level-idx": "0"}, (512, 288), 30.0),
        ("video/VP8", {}, (1920, 1080), None),
        ("video/VP8", {"max-fs": "3600", "max-fr": "25"}, (1280, 720), 25.0),
        ("video/VP9", {"max-fs": "nonsense", "max-fr": "-3"}, (1920, 1080), None),
    ],
)
def test_a_full_hd_picture_under_the_peers_limits(
    mime_type: str, parameters: dict[str, str], fitted: tuple[int, int], framerate: float | None
) -> None:
    limits = picture_limits(mime_type, parameters)

    assert limits.fit(1920, 1080) == pytest.approx(fitted, rel=0.02)
    measured = limits.framerate(*limits.fit(1920, 1080))
    assert measured == (framerate if framerate is None else pytest.approx(framerate, rel=0.03))


def test_level_1b_and_thin_strips() -> None:
    assert picture_limits("video/H264", {"profile-level-id": "42f00b"}).max_macroblocks == 99
    assert picture_limits("video/H264", {"profile-level-id": "42e00b"}).max_macroblocks == 396
    width, height = PictureLimits(max_macroblocks=3600).fit(8192, 64)
    assert width <= 16 * math.sqrt(3600 * 8)
    assert height >= 2


def test_small_changes_do_not_open_an_encoder_and_a_key_frame_takes_them_along() -> None:
    rate = RateKeeper(1_000_000)
    rate.opened(0)

    rate.aim(900_000)
    assert not rate.wants_new_encoder(10, keyframe=False)
    assert rate.wants_new_encoder(10, keyframe=True)
    rate.aim(980_000)
    assert not rate.wants_new_encoder(10, keyframe=True)


def test_a_fall_is_followed_soon_and_a_rise_later() -> None:
    rate = RateKeeper(1_000_000)
    rate.opened(100)
    rate.aim(500_000)
    fall = [rate.wants_new_encoder(100 + age, keyframe=False) for age in (0.2, 0.6)]
    rate.aim(2_000_000)
    rise = [rate.wants_new_encoder(100 + age, keyframe=False) for age in (0.6, 3.9, 4.1)]

    assert fall == [False, True]
    assert rise == [False, False, True]


def test_an_encoder_that_makes_too_much_is_made_to_skip() -> None:
    rate = RateKeeper(100_000)
    rate.opened(0)
    skipped = 0
    for i in range(300):
        if rate.must_skip(i / 30):
            skipped += 1
        else:
            rate.encoded(100_000 * 2 // 8 // 30)  # twice the target

    assert 100 <= skipped <= 150


@pytest.mark.parametrize("rate", [7.5, 10, 15, 24])
def test_a_limit_of_the_frame_rate_is_met_also_when_the_source_trembles(rate: float) -> None:
    limit, random = FramerateLimit(), np.random.default_rng(1)
    kept = sum(limit.keeps(i / 30 + random.uniform(-0.004, 0.004), rate) for i in range(300))

    assert kept == pytest.approx(10 * rate, rel=0.05)


def test_no_limit_keeps_all_and_a_jump_begins_anew() -> None:
    limit = FramerateLimit()

    assert all(limit.keeps(i / 60, None) for i in range(60))
    assert limit.keeps(5, 10)
    assert not limit.keeps(5.03, 10)
    assert limit.keeps(1, 10)  # the source went back


def test_the_frame_rate_is_estimated() -> None:
    estimate = FramerateEstimate(30)
    for i in range(100):
        estimate.seen(i / 12)

    assert estimate.framerate == pytest.approx(12, rel=0.02)


def judge(levels: list[int]) -> list[Verdict]:
    detector = SilenceDetector()
    return [detector.judge(level, 0.02) for level in levels]


def test_speech_is_sent_and_its_end_too() -> None:
    verdicts = judge([30] * 50 + [90] * 100)

    assert set(verdicts[:59]) == {Verdict.SEND}
    assert verdicts[59] is Verdict.DESCRIBE
    assert verdicts[60:].count(Verdict.DESCRIBE) == 4
    assert Verdict.SEND not in verdicts[60:]


def test_a_word_ends_the_silence_at_once() -> None:
    assert judge([90] * 50 + [30])[-1] is Verdict.SEND


def test_the_noise_of_a_room_becomes_silence_and_speech_stands_out_of_it() -> None:
    assert judge([50] * 100)[-1] in {Verdict.LEAVE_OUT, Verdict.DESCRIBE}
    assert judge([50] * 100 + [38])[-1] is Verdict.SEND


@given(start=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(-(2**31) + 1, 2**31 - 1), max_size=20))
def test_timestamps_are_followed_across_their_wrap(start: int, steps: list[int]) -> None:
    timeline, position = Timeline(), start
    assert timeline.ticks(start) == start
    for step in steps:
        position += step
        assert timeline.ticks(position % 2**32) == position


def control(frames: list[av.AudioFrame]) -> tuple[np.ndarray, GainControl]:
    gain = GainControl(48_000, 1)
    return samples([gain.process(frame) for frame in frames]), gain


def root_mean_square(sound: np.ndarray) -> float:
    return float(np.sqrt((sound**2).mean()))


@pytest.mark.spec("rfc7874:4/4")
@pytest.mark.parametrize("amplitude", [600, 3677, 20_000])
def test_speech_comes_to_the_level_that_others_expect(amplitude: float) -> None:
    sound, _ = control(list(sines(6, frequency=800, amplitude=amplitude)))

    level = root_mean_square(sound[-48_000:])
    assert -6 < 20 * math.log10(level / 2600) < 6


@pytest.mark.spec("rfc7874:4/1", "rfc7874:4/7")
def test_rumble_does_not_count() -> None:
    """Of a hum at 50 Hz next to speech, the speech sets the level; two poles take 24 dB off at a sixth of 300 Hz."""
    speech, hum = (list(sines(5, frequency=f, amplitude=a)) for f, a in ((1000, 1500), (50, 6000)))
    mixed = []
    for one, other in zip(speech, hum, strict=True):
        frame = av.AudioFrame.from_ndarray(one.to_ndarray() + other.to_ndarray(), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, one.pts, one.time_base
        mixed.append(frame)
    _, gain = control(mixed)
    _, alone = control(list(sines(5, frequency=1000, amplitude=1500)))

    assert gain.gain == pytest.approx(alone.gain, rel=0.15)
    assert gain.gain > 2


@pytest.mark.spec("rfc7874:4/2")
def test_nothing_clips() -> None:
    gain = GainControl(48_000, 1)
    gain.gain = 10.0
    (frame,) = sines(0.02, amplitude=20_000)

    sound = samples([gain.process(frame)])

    assert np.abs(sound).max() <= 32_767
    assert sound[:50] == pytest.approx(samples([frame])[:50] * gain.gain, abs=1)


def test_pauses_do_not_swell() -> None:
    _, gain = control(list(sines(0.5, frequency=1000, amplitude=3677)) + list(sines(3, amplitude=40, first_pts=24_000)))

    assert gain.gain == pytest.approx(1, rel=0.1)


@pytest.mark.spec("rfc7874:4/5", "rfc7874:4/6")
async def test_music_is_left_as_it_is_and_the_user_sets_its_gain() -> None:
    source = ToneTrack(440, level_dbov=-30)
    source.contentHint = "music"
    track = LevelledTrack(source, gain=2.0)
    expected = 32_768 * 10 ** (-30 / 20)

    first = await track.recv()
    track.gain = 0.5
    await track.recv()
    second = await track.recv()
    source.stop()
    track.stop()

    assert root_mean_square(samples([first])) == pytest.approx(2 * expected, rel=0.05)
    assert root_mean_square(samples([second])) == pytest.approx(0.5 * expected, rel=0.05)


async def test_speech_is_levelled_on_a_track() -> None:
    track = LevelledTrack(ToneTrack(440, level_dbov=-40))

    levels = [root_mean_square(samples([await track.recv()])) for _ in range(10)]
    track.stop()

    assert levels[-1] > levels[0] * 1.05
