"""A codec package without codecs: pictures and sound are numbers, encoded as themselves behind the header of VP8, or as Opus."""

import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from rtc_asyncio import CodecError, Concealment, EncoderSettings, RawFrame
from rtc_rtp import AudioLevel, EncodedFrame, FrameMetadata, RtpCodec

VIDEO_TIME_BASE = Fraction(1, 90_000)
KEY_FRAME = b"\x10\x00\x00\x9d\x01\x2a"
DELTA_FRAME = b"\x11\x00\x00\x00\x00\x00"


@dataclass
class Picture:
    """A raw picture."""

    number: int
    pts: int = 0
    width: int = 640
    height: int = 480
    black: bool = False
    time_base: Fraction = VIDEO_TIME_BASE


@dataclass
class Sound:
    """Twenty milliseconds of raw sound."""

    number: int
    pts: int = 0
    samples: int = 960
    sample_rate: int = 48_000
    silent: bool = False
    time_base: Fraction = Fraction(1, 48_000)


@dataclass
class FakeEncoder:
    codec: RtpCodec
    settings: EncoderSettings
    runs_inline: bool = False
    implementation: str = "fake"
    bitrates: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    silent: list[bool] = field(default_factory=list)
    closed: bool = False
    gate: threading.Event | None = None
    """Encoding waits for it."""
    smaller_by: int = 1
    """How much smaller pictures are encoded than they come."""

    def encode(self, frame: RawFrame, *, force_keyframe: bool) -> list[EncodedFrame]:
        assert isinstance(frame, Picture | Sound)
        assert not self.closed
        self.threads.add(threading.get_ident())
        self.forced.append(force_keyframe)
        if self.gate is not None:
            self.gate.wait(5)
        if frame.number < 0:
            raise CodecError("negative numbers cannot be encoded")
        timestamp = int(frame.pts * frame.time_base * self.codec.clock_rate)
        if isinstance(frame, Sound):
            self.silent.append(frame.silent)
            return [EncodedFrame(b"\xfc" + struct.pack("!I", frame.number), timestamp, audio_level=AudioLevel(20))]
        size = struct.pack("<HH", frame.width, frame.height)
        head = KEY_FRAME + size if force_keyframe else DELTA_FRAME + bytes(4)
        data = head + struct.pack("!IB", frame.number, frame.black)
        metadata = FrameMetadata(width=frame.width // self.smaller_by, height=frame.height // self.smaller_by)
        return [EncodedFrame(data, timestamp, force_keyframe, metadata=metadata)]

    def set_bitrate(self, bitrate_bps: int) -> None:
        self.bitrates.append(bitrate_bps)

    def set_loss(self, fraction_lost: float) -> None:
        self.losses.append(fraction_lost)

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeDecoder:
    codec: RtpCodec
    runs_inline: bool = False
    implementation: str = "fake"
    concealment: Concealment | None = None
    closed: bool = False
    gate: threading.Event | None = None

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        if self.gate is not None:
            self.gate.wait(5)
        assert not self.closed
        if self.codec.mime_type.startswith("audio"):
            one = Concealment(concealed_samples=960, silent_concealed_samples=480, concealment_events=1)
            self.concealment = one if self.concealment is None else self.concealment + one
            return [Sound(struct.unpack("!I", frame.data[1:5])[0], frame.timestamp)]
        if len(frame.data) != 15:
            raise CodecError("this is no picture")
        number, black = struct.unpack("!IB", frame.data[10:])
        return [Picture(number, frame.timestamp, black=bool(black))]

    def close(self) -> None:
        self.closed = True


class FakeCodecs:
    """The factory; it remembers what it made."""

    def __init__(self, *, inline: bool = False) -> None:
        self.inline = inline
        self.gate: threading.Event | None = None
        self.encoders: list[FakeEncoder] = []
        self.decoders: list[FakeDecoder] = []

    def can_encode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        return mime_type in {"video/VP8", "audio/opus"}

    def scalability_modes(self, mime_type: str) -> tuple[str, ...]:
        return ("L1T1", "L1T2") if mime_type == "video/VP8" else ()

    def can_decode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        return mime_type in {"video/VP8", "audio/opus", "video/H264"}

    def create_encoder(self, codec: RtpCodec, settings: EncoderSettings) -> FakeEncoder:
        self.encoders.append(FakeEncoder(codec, settings, self.inline, gate=self.gate))
        return self.encoders[-1]

    def create_decoder(self, codec: RtpCodec) -> FakeDecoder:
        self.decoders.append(FakeDecoder(codec, self.inline, gate=self.gate))
        return self.decoders[-1]

    def blank(self, frame: RawFrame) -> RawFrame:
        if isinstance(frame, Picture):
            return replace(frame, black=True)
        assert isinstance(frame, Sound)
        return replace(frame, silent=True)

    def blank_video(self, width: int, height: int, pts: int, time_base: Fraction) -> Picture:
        return Picture(0, pts, width, height, True, time_base)

    def blank_audio(self, sample_rate: int, sample_count: int, pts: int, time_base: Fraction) -> Sound:
        return Sound(0, pts, sample_count, sample_rate, True, time_base)
