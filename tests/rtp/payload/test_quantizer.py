"""Indices of quantizers: those of browsers' pictures are plausible, and nothing that a peer sends raises."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import RtpPacket, payload_format
from rtc_rtp.payload.quantizer import quantizer_index

CAPTURES = Path(__file__).parents[2] / "vectors" / "rtp"


@pytest.mark.parametrize("name", ["chromium-vp8", "firefox-vp8", "chromium-vp9", "firefox-vp9"])
def test_pictures_of_browsers_have_plausible_quantizers(name: str) -> None:
    capture = json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))
    mime_type = "video/VP8" if "vp8" in name else "video/VP9"
    made = payload_format(mime_type, {})
    assert made is not None
    frames = [
        made.assemble([RtpPacket.parse(bytes.fromhex(each)) for each in frame["packets"]])
        for frame in capture["frames"]
    ]
    indices = [quantizer_index(mime_type, frame.data) for frame in frames]

    assert None not in indices
    # From one picture to the next an encoder changes little.
    known = [each for each in indices if each is not None]
    assert max(known) <= (127 if mime_type == "video/VP8" else 255)
    assert max(abs(later - sooner) for sooner, later in itertools.pairwise(known)) < 120


@pytest.mark.parametrize("mime_type", ["video/VP8", "video/vp9", "video/H264", "audio/opus"])
@given(data=st.binary(max_size=80))
@examples(100)
def test_nothing_raises(mime_type: str, data: bytes) -> None:
    index = quantizer_index(mime_type, data)

    assert index is None or 0 <= index <= 255
    assert index is None or "vp" in mime_type.lower()
