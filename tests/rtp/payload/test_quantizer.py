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
    assert index is None or index <= 127 or mime_type == "video/vp9"


class BoolWriter:
    """The coder of section 7 of RFC 6386 for bits that are equally likely, one after the other, with all that it wrote as one number."""

    def __init__(self) -> None:
        self._bottom, self._range, self._shifted = 0, 255, 0

    def write(self, number: int, count: int = 1) -> None:
        for at in reversed(range(count)):
            split = 1 + ((self._range - 1) * 128 >> 8)
            if number >> at & 1:
                self._bottom += split
                self._range -= split
            else:
                self._range = split
            while self._range < 128:
                self._range <<= 1
                self._bottom <<= 1
                self._shifted += 1

    def finish(self) -> bytes:
        padding = -self._shifted % 8
        return (self._bottom << padding).to_bytes(1 + (self._shifted + padding) // 8, "big") + bytes(2)


OPTIONAL = st.one_of(st.none(), st.integers(0, 127))


@given(
    keyframe=st.booleans(),
    kind=st.integers(0, 3),
    segmentation=st.none() | st.tuples(st.none() | st.lists(OPTIONAL, min_size=8, max_size=8), st.booleans()),
    loop_filter=st.integers(0, 1023),
    adjustments=st.none() | st.lists(OPTIONAL, min_size=8, max_size=8),
    partitions=st.integers(0, 3),
    index=st.integers(0, 127),
)
@examples(200)
def test_what_a_coder_writes_is_read(
    keyframe: bool,
    kind: int,
    segmentation: tuple[list[int | None] | None, bool] | None,
    loop_filter: int,
    adjustments: list[int | None] | None,
    partitions: int,
    index: int,
) -> None:
    writer = BoolWriter()

    def optional(numbers: list[int | None], *lengths: int) -> None:
        for number, length in zip(numbers, lengths, strict=True):
            writer.write(number is not None)
            if number is not None:
                writer.write(number, length)

    if keyframe:
        writer.write(kind, 2)
    writer.write(segmentation is not None)
    if segmentation is not None:
        data, updates_map = segmentation
        writer.write(updates_map)
        writer.write(data is not None)
        if data is not None:
            writer.write(1)
            optional(data, *[8] * 4, *[7] * 4)
        if updates_map:
            optional([200, None, 3], 8, 8, 8)
    writer.write(loop_filter, 10)
    writer.write(1)
    writer.write(adjustments is not None)
    if adjustments is not None:
        optional(adjustments, *[7] * 8)
    writer.write(partitions, 2)
    writer.write(index, 7)
    tag = bytes([0 if keyframe else 1, 0, 0]) + (bytes.fromhex("9d012a") + bytes(4) if keyframe else b"")

    assert quantizer_index("video/VP8", tag + writer.finish()) == index


def test_what_no_coder_writes_has_no_quantizer() -> None:
    assert quantizer_index("video/VP8", b"\x01\x00\x00" + b"\xff" * 20) is None
    assert quantizer_index("video/VP8", b"\x01\x00\x00\x10") is None
