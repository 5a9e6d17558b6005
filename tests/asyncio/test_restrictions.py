"""Pictures are what the peer lets them be (RFC 8851 section 5)."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_asyncio.encoding import Encoding
from rtc_asyncio.restrictions import fitting_scale, restricted
from rtc_asyncio.sending import SendingPump
from rtc_rtp import PictureRestrictions, SendEncoding

from .fake_codec import FakeCodecs, Picture
from .sent import PLAIN, VP8, Pictures, Recorder, until

VGA = Picture(1, 3000)


def _encoding(**limits: float) -> SendEncoding:
    return SendEncoding(ssrc=1, restrictions=PictureRestrictions(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limits", "scale"),
    [
        ({"max_width": 640, "max_height": 480}, 1.0),
        ({"max_width": 320}, 2.0),
        ({"max_height": 120}, 4.0),
        ({"max_width": 320, "max_height": 120}, 4.0),
        ({"max_pixels": 320 * 240}, 2.0),
        ({"max_pixels": 10**9}, 1.0),
    ],
)
def test_pictures_are_made_smaller_until_they_fit(limits: dict[str, int], scale: float) -> None:
    assert restricted(_encoding(**limits), VGA, 1.0).scale == pytest.approx(scale, rel=0.011)
    # What the application wants smaller stays so.
    assert restricted(_encoding(**limits), VGA, 3.0).scale == pytest.approx(max(scale, 3.0), rel=0.011)


@given(
    st.integers(2, 8000),
    st.integers(2, 8000),
    st.floats(1.0, 16.0),
    st.none() | st.integers(16, 4000),
    st.none() | st.integers(16, 4000),
    st.none() | st.integers(256, 10**7),
)
@examples(100)
def test_no_rounding_of_an_encoder_leads_beyond_the_limits(
    width: int, height: int, scale: float, max_width: int | None, max_height: int | None, max_pixels: int | None
) -> None:
    limits = PictureRestrictions(max_width=max_width, max_height=max_height, max_pixels=max_pixels)
    by = fitting_scale(limits, width, height, scale)

    assert by >= scale
    for rounded in (
        (int(width / by), int(height / by)),
        (max(2, int(width / by + 0.5) & ~1), max(2, int(height / by + 0.5) & ~1)),
    ):
        assert rounded[0] <= (max_width or rounded[0])
        assert rounded[1] <= (max_height or rounded[1])
        assert rounded[0] * rounded[1] <= (max_pixels or rounded[0] * rounded[1])


@pytest.mark.spec("rfc8851:5/3")
@pytest.mark.parametrize(
    ("limits", "max_framerate", "expected"),
    [
        ({"max_pixels_per_second": 640 * 480 * 10}, None, 10),
        ({"max_pixels_per_second": 640 * 480 * 10}, 5.0, 5),
        ({"max_pixels_per_second": 640 * 480 * 10}, 30.0, 10),
        # Smaller pictures may be more.
        ({"max_pixels_per_second": 640 * 480 * 10, "max_width": 320}, None, 40),
        ({"max_width": 320}, 7.0, 7),
        ({"max_width": 320}, None, None),
    ],
)
def test_pixels_per_second_bound_the_frame_rate_by_the_size(
    limits: dict[str, int], max_framerate: float | None, expected: float | None
) -> None:
    encoding = replace(_encoding(**limits), max_framerate=max_framerate)

    found = restricted(encoding, VGA, 1.0).encoding.max_framerate
    assert found == (None if expected is None else pytest.approx(expected, rel=0.03))


@pytest.mark.spec("rfc8851:5/3")
def test_another_size_is_another_frame_rate() -> None:
    encoding = _encoding(max_pixels_per_second=640 * 480 * 10)

    small = restricted(encoding, replace(VGA, width=320, height=240), 1.0)
    assert small.encoding.max_framerate == pytest.approx(40)


def test_a_picture_on_its_side_is_measured_upright() -> None:
    encoding = _encoding(max_width=480)
    turned = replace(VGA)
    turned.rotation = -90  # type: ignore[attr-defined]

    assert restricted(encoding, VGA, 1.0).scale > 1.0
    assert restricted(encoding, turned, 1.0).scale == 1.0


def test_without_restrictions_nothing_changes() -> None:
    encoding = SendEncoding(ssrc=1)

    assert restricted(encoding, VGA, 1.5).encoding is encoding
    assert restricted(encoding, VGA, 1.5).scale == 1.5


def test_bits_per_pixel_bound_the_bit_rate_by_size_and_frame_rate() -> None:
    codecs = FakeCodecs()
    encoding = Encoding("video", codecs)
    encoding.set_share(10_000_000)
    allowed = restricted(_encoding(max_bits_per_pixel=0.1), VGA, 1.0)
    encoding.configure(VP8, allowed.encoding, max_frame_bits=allowed.max_frame_bits)
    for number in range(5):
        encoding.encode(replace(VGA, number=number, pts=3000 * number))
    encoding.close()

    bits = 0.1 * 640 * 480
    # As many pictures as there were in the last second.
    assert codecs.encoders[0].bitrates == [int(bits * count) for count in (1, 2, 3, 4)]


@pytest.mark.spec("rfc8851:5/3")
async def test_a_track_is_sent_as_the_peer_lets_it_be() -> None:
    limits = PictureRestrictions(max_width=160, max_pixels_per_second=160 * 120 * 2)
    sent = replace(PLAIN.encodings[0], restrictions=limits)
    codecs, outlet = FakeCodecs(), Recorder(replace(PLAIN, encodings=(sent,)))
    pump = SendingPump("video", outlet, codecs)
    track = Pictures([Picture(number, 3000 * number) for number in range(50)], ends=False)
    pump.start(track)
    await until(lambda: outlet.frames)
    await asyncio.sleep(0.05)
    pump.close()

    settings = codecs.encoders[0].settings
    assert settings.scale_resolution_down_by == pytest.approx(4.0, rel=0.02)
    assert settings.max_framerate == pytest.approx(2.0, rel=0.03)
    # All of them came within a moment; two a second may leave.
    assert len(outlet.frames) == 1


def test_a_rate_that_was_very_low_holds_nothing_back_once_it_is_not() -> None:
    encoding = Encoding("video", FakeCodecs())
    slow = replace(
        _encoding(), max_framerate=restricted(_encoding(max_pixels_per_second=1), VGA, 1.0).encoding.max_framerate
    )
    encoding.configure(VP8, slow)
    assert [encoding.is_due(1000 + frame / 30) for frame in range(3)] == [True, False, False]

    encoding.configure(VP8, replace(slow, max_framerate=30.0))
    assert sum(encoding.is_due(1001 + frame / 60) for frame in range(60)) in (29, 30)
