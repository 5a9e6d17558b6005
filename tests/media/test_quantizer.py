"""The quantizers that libvpx was told to use are those that are read off its pictures."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from rtc_rtp.payload.quantizer import quantizer_index


@pytest.mark.parametrize(
    ("encoder", "mime_type", "indices"),
    [
        # By libvpx's own numbers, 0 to 63.
        ("libvpx", "video/VP8", {2: 2, 20: 25, 40: 59, 63: 127}),
        ("libvpx-vp9", "video/VP9", {2: 8, 20: 80, 40: 160, 63: 255}),
    ],
)
@pytest.mark.parametrize("options", [{}, {"error-resilient": "default"}, {"noise-sensitivity": "2"}, {"slices": "2"}])
def test_indices_are_those_of_the_encoder(
    encoder: str, mime_type: str, indices: dict[int, int], options: dict[str, str]
) -> None:
    for number, index in indices.items():
        context = av.CodecContext.create(encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = 160, 120, "yuv420p"
        context.time_base, context.bit_rate = Fraction(1, 30), 500_000
        context.options = {
            "qmin": str(number),
            "qmax": str(number),
            "deadline": "realtime",
            "cpu-used": "8",
            "lag-in-frames": "0",
        } | options
        encoded: list[bytes] = []
        for seed in range(6):
            noise = np.random.default_rng(seed).integers(0, 255, (180, 160), dtype=np.uint8)
            picture = av.VideoFrame.from_ndarray(noise, format="yuv420p")
            picture.pts = seed
            encoded += [bytes(packet) for packet in context.encode(picture)]

        assert len(encoded) == 6
        assert [quantizer_index(mime_type, each) for each in encoded] == [index] * 6
