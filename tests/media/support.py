"""Sources, measures and the way through RTP packets that the tests of rtc-media share."""

import random
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from rtc_asyncio import EncoderSettings
from rtc_asyncio.rtp_dictionaries import RTCDegradationPreference
from rtc_media import AudioEncoder, TestCardPainter, VideoDecoder, VideoEncoder
from rtc_rtp import EncodedFrame, RtpCodec, RtpPacket, payload_format

VIDEO = ["video/VP8", "video/VP9", "video/H264", "video/H265", "video/AV1"]
SOUND = ["audio/opus", "audio/PCMU", "audio/PCMA", "audio/G722"]
RATES = {"audio/opus": 48_000, "audio/PCMU": 8000, "audio/PCMA": 8000, "audio/G722": 16_000}
"""Of the samples, Hz."""
VIDEO_TIME = Fraction(1, 90_000)


def codec(mime_type: str, parameters: Mapping[str, str] | None = None, channels: int = 1) -> RtpCodec:
    """A codec as negotiation would give it."""
    rate = 90_000 if mime_type.startswith("video") else 48_000 if mime_type == "audio/opus" else 8000
    return RtpCodec(
        payload_type=96, mime_type=mime_type, clock_rate=rate, channels=channels, parameters=dict(parameters or {})
    )


def video_encoder(
    mime_type: str,
    parameters: Mapping[str, str] | None = None,
    *,
    bitrate_bps: int = 500_000,
    max_framerate: float | None = None,
    scale_resolution_down_by: float = 1.0,
    scalability_mode: str | None = None,
    content_hint: str = "",
    degradation_preference: RTCDegradationPreference | None = None,
) -> VideoEncoder:
    settings = EncoderSettings(
        bitrate_bps=bitrate_bps,
        max_framerate=max_framerate,
        scale_resolution_down_by=scale_resolution_down_by,
        scalability_mode=scalability_mode,
        content_hint=content_hint,
        degradation_preference=degradation_preference,
    )
    return VideoEncoder(codec(mime_type, parameters), settings)


def audio_encoder(
    mime_type: str,
    parameters: Mapping[str, str] | None = None,
    *,
    bitrate_bps: int = 48_000,
    content_hint: str = "",
    channels: int = 1,
    comfort_noise: bool = False,
    packet_time_ms: int | None = None,
) -> AudioEncoder:
    settings = EncoderSettings(bitrate_bps=bitrate_bps, content_hint=content_hint, packet_time_ms=packet_time_ms)
    return AudioEncoder(codec(mime_type, parameters, channels), settings, comfort_noise=comfort_noise)


def cards(
    count: int, width: int = 192, height: int = 144, framerate: float = 30, first: int = 0
) -> Iterator[av.VideoFrame]:
    """Test cards with times."""
    painter = TestCardPainter(width, height)
    for number in range(first, first + count):
        frame = painter.paint(number, number / framerate)
        frame.pts, frame.time_base = round(number * 90_000 / framerate), VIDEO_TIME
        yield frame


def sines(
    seconds: float,
    *,
    frequency: float = 440,
    amplitude: float = 8000,
    rate: int = 48_000,
    channels: int = 1,
    samples: int | None = None,
    first_pts: int = 0,
) -> Iterator[av.AudioFrame]:
    """Frames of a sine, 20 ms each unless said otherwise."""
    samples = samples or rate // 50
    for begin in range(first_pts, first_pts + int(seconds * rate), samples):
        wave = amplitude * np.sin(2 * np.pi * frequency * np.arange(begin, begin + samples) / rate)
        data = np.repeat(wave.astype(np.int16), channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono" if channels == 1 else "stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        yield frame


def speech(seconds: float) -> Iterator[av.AudioFrame]:
    """Frames of something like speech, 20 ms each: voice of a pitch that wanders, in syllables, above a faint noise."""
    count = int(seconds * 48_000)
    time = np.arange(count) / 48_000
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time) + 10 * np.sin(2 * np.pi * 2.3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 48_000
    voice = np.sum([np.sin(k * phase + k) / k * (1 + np.sin(0.6 * np.pi * k * time) / 2) for k in range(1, 25)], axis=0)
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * time) + 0.6, 0.02, 1)
    sound = 4000 * voice * syllables + np.random.default_rng(1).normal(0, 20, count)
    for begin in range(0, count - 959, 960):
        data = sound[begin : begin + 960].astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
        yield frame


class Road:
    """Packetizes frames and joins them again, with loss on the way."""

    def __init__(
        self, mime_type: str, parameters: Mapping[str, str] | None = None, *, loss: float = 0.0, seed: int = 1
    ) -> None:
        if parameters is None:
            parameters = {"packetization-mode": "1"} if mime_type == "video/H264" else {}
        sender, receiver = payload_format(mime_type, parameters), payload_format(mime_type, parameters)
        assert sender is not None
        assert receiver is not None
        self._sender, self._receiver = sender, receiver
        self._sequence_number = 0
        self._loss = loss
        self._random = random.Random(seed)
        self.packet_count = 0

    def carry(self, frame: EncodedFrame) -> EncodedFrame | None:
        """Return what arrives of a frame; None if one of its packets got lost."""
        packets = []
        for payload, marker in self._sender.packetize(frame, 1200):
            packets.append(
                RtpPacket(96, self._sequence_number, frame.timestamp & 0xFFFF_FFFF, 1, payload, marker=marker)
            )
            self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self.packet_count += len(packets)
        if not packets or any(self._random.random() < self._loss for _ in packets):
            return None
        parsed = [RtpPacket.parse(bytes(packet)) for packet in packets]
        assert self._receiver.starts_frame(parsed[0].payload)
        assert self._receiver.ends_frame(parsed[-1])
        assert self._receiver.starts_keyframe(parsed[0].payload) == frame.keyframe
        return self._receiver.assemble(parsed)


def arrived(road: Road, frame: EncodedFrame) -> EncodedFrame:
    """What arrives of a frame that does."""
    carried = road.carry(frame)
    assert carried is not None
    return carried


def pictures(decoder: VideoDecoder, frame: EncodedFrame) -> list[av.VideoFrame]:
    """Decode a frame."""
    decoded = []
    for picture in decoder.decode(frame):
        assert isinstance(picture, av.VideoFrame)
        decoded.append(picture)
    return decoded


def luma(frame: av.VideoFrame, width: int | None = None, height: int | None = None) -> NDArray[np.float64]:
    """The brightness of a picture."""
    return frame.reformat(width=width, height=height, format="gray").to_ndarray().astype(np.float64)


def similarity(one: av.VideoFrame, other: av.VideoFrame) -> float:
    """Structural similarity (Wang and others, 2004) of the brightness, over windows of 8 by 8 pixels; 1 for equal pictures."""
    a, b = luma(one), luma(other, one.width, one.height)
    mean_a, mean_b = _window_means(a), _window_means(b)
    variance_a, variance_b = _window_means(a * a) - mean_a**2, _window_means(b * b) - mean_b**2
    covariance = _window_means(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    return float((above / below).mean())


def _window_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over all windows of 8 by 8 that begin at multiples of 4: each is made of four blocks of 4 by 4."""
    height, width = (length // 4 for length in values.shape)
    blocks = values[: 4 * height, : 4 * width].reshape(height, 4, width, 4).mean((1, 3))
    means: NDArray[np.float64] = (blocks[:-1, :-1] + blocks[1:, :-1] + blocks[:-1, 1:] + blocks[1:, 1:]) / 4
    return means


def samples(frames: Iterable[object]) -> NDArray[np.float64]:
    """The first channel of frames of sound, one after the other."""
    parts = []
    for frame in frames:
        assert isinstance(frame, av.AudioFrame)
        parts.append(frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)])
    return np.concatenate(parts).astype(np.float64)


def spectrum(sound: NDArray[np.float64], rate: int) -> tuple[float, float]:
    """The loudest frequency, Hz, and by how many dB it is louder than all else together."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    peak = int(power.argmax())
    around = power[max(0, peak - 4) : peak + 5].sum()
    return peak * rate / len(sound), float(10 * np.log10(around / (power.sum() - around)))
