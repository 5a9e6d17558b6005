"""What libav encodes is cut, joined and decoded to the very same pictures and sound; sizes and key frames are seen without decoding."""

from fractions import Fraction

import pytest
from tests.rtp.payload.wire import packets_of

from rtc_rtp import EncodedFrame, payload_format

av = pytest.importorskip("av")
np = pytest.importorskip("numpy")

WIDTH, HEIGHT, COUNT = 322, 182, 5
CODECS = {
    "video/VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}, "vp8", {}),
    "video/VP9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}, "vp9", {}),
    "video/H264": (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "slices=3"},
        "h264",
        {"packetization-mode": "1"},
    ),
    "video/H265": ("libx265", {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=0"}, "hevc", {}),
    "video/AV1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:rc=2:lp=1"}, "libdav1d", {}),
}


def _pictures(pixel_format: str = "yuv420p", width: int = WIDTH, height: int = HEIGHT) -> list[object]:
    pictures = []
    for i in range(COUNT):
        y, x = np.mgrid[0:height, 0:width]
        noise = np.random.default_rng(i).integers(0, 60, (height, width))
        rgb = np.stack([(x + 9 * i) % 256, (y * 2) % 256, (x ^ y) % 196 + noise], axis=-1).astype(np.uint8)
        picture = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
        picture.pts = i
        picture.time_base = Fraction(1, 30)
        pictures.append(picture)
    return pictures


def _encode(
    encoder: str, options: dict[str, str], pictures: list[object], pixel_format: str = "yuv420p"
) -> list[bytes]:
    try:
        context = av.CodecContext.create(encoder, "w")
    except ValueError:  # the build of libav does not have it
        pytest.skip(f"{encoder} is not there")
    first = pictures[0]
    context.width, context.height, context.pix_fmt = first.width, first.height, pixel_format  # type: ignore[attr-defined]
    context.time_base, context.framerate, context.bit_rate = Fraction(1, 30), Fraction(30), 1_500_000
    context.options = options
    return [bytes(packet) for picture in [*pictures, None] for packet in context.encode(picture)]


def _decode(decoder: str, frames: list[bytes]) -> list[bytes]:
    context = av.CodecContext.create(decoder, "r")
    packets = [av.Packet(frame) for frame in frames]
    return [picture.to_ndarray().tobytes() for packet in [*packets, None] for picture in context.decode(packet)]


@pytest.mark.parametrize("mime_type", list(CODECS))
def test_pictures_survive(mime_type: str) -> None:
    encoder, options, decoder, parameters = CODECS[mime_type]
    encoded = _encode(encoder, options, _pictures())
    sender, receiver = payload_format(mime_type, parameters), payload_format(mime_type, parameters)
    assert sender is not None
    assert receiver is not None

    received = []
    for i, data in enumerate(encoded):
        packets = packets_of(sender, EncodedFrame(data, 3000 * i, keyframe=i == 0), 1000)
        assert receiver.starts_frame(packets[0].payload)
        assert receiver.starts_keyframe(packets[0].payload) is (i == 0)
        assert [receiver.ends_frame(packet) for packet in packets].index(True) == len(packets) - 1
        received.append(receiver.assemble(packets))

    assert [frame.keyframe for frame in received] == [True] + [False] * (len(encoded) - 1)
    assert received[0].metadata is not None
    assert (received[0].metadata.width, received[0].metadata.height) == (WIDTH, HEIGHT)
    decoded = _decode(decoder, [frame.data for frame in received])
    assert len(decoded) == COUNT
    assert decoded == _decode(decoder, encoded)


@pytest.mark.parametrize(
    ("encoder", "mime_type", "options", "pixel_format"),
    [
        ("libx264", "video/H264", {"preset": "ultrafast", "tune": "zerolatency"}, "yuv444p"),
        ("libx264", "video/H264", {"preset": "ultrafast", "tune": "zerolatency"}, "yuv422p"),
        ("libx264", "video/H264", {"preset": "fast", "tune": "zerolatency", "x264-params": "interlaced=1"}, "yuv420p"),
        ("libx264", "video/H264", {"preset": "fast", "x264-params": "cqm=jvt:rc-lookahead=0:bframes=0"}, "yuv420p"),
        (
            "libx265",
            "video/H265",
            {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=0"},
            "yuv444p",
        ),
        ("libvpx-vp9", "video/VP9", {"deadline": "realtime", "lag-in-frames": "0"}, "yuv444p"),
    ],
)
@pytest.mark.parametrize("size", [(64, 64), (100, 52)])
def test_sizes_are_read_from_every_profile(
    encoder: str, mime_type: str, options: dict[str, str], pixel_format: str, size: tuple[int, int]
) -> None:
    [data, *_] = _encode(encoder, options, _pictures(pixel_format, *size), pixel_format)
    sender, receiver = (payload_format(mime_type, {"packetization-mode": "1"}) for _ in range(2))
    assert sender is not None
    assert receiver is not None

    metadata = receiver.assemble(packets_of(sender, EncodedFrame(data, 0))).metadata

    assert metadata is not None
    assert (metadata.width, metadata.height) == size


@pytest.mark.parametrize(
    ("mime_type", "codec", "rate"), [("audio/opus", "libopus", 48000), ("audio/G722", "g722", 16000)]
)
def test_sound_survives(mime_type: str, codec: str, rate: int) -> None:
    context = av.CodecContext.create(codec, "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    sender, receiver = payload_format(mime_type, {}), payload_format(mime_type, {})
    assert sender is not None
    assert receiver is not None
    samples = (np.sin(np.arange(rate // 50) / 9) * 9000).astype(np.int16).reshape(1, -1)
    encoded = []
    for i in range(5):
        sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        sound.sample_rate, sound.pts = rate, i * rate // 50
        encoded += [bytes(packet) for packet in context.encode(sound)]

    received = []
    for i, data in enumerate(encoded):
        assert receiver.duration(data) == sender.clock_rate // 50
        received.append(receiver.assemble(packets_of(sender, EncodedFrame(data, i * sender.clock_rate // 50))).data)

    assert received == encoded
    assert len(received) == 5
