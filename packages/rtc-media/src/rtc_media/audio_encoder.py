"""An encoder of sound for one RTP stream: brings every frame to the codec's rate, channels and packet length, and leaves silence out."""

from typing import Final

import av
from av import AudioFrame, AudioResampler
from av.audio.codeccontext import AudioCodecContext

from rtc_asyncio import EncoderSettings, RawFrame
from rtc_media.audio_settings import AUDIO_CODECS, DEFAULT_BITRATE_BPS, OPUS_BITRATES_BPS, AudioWishes
from rtc_media.availability import encoder_name
from rtc_media.errors import CodecError, libav_fails_as
from rtc_media.silence import SilenceDetector, Verdict
from rtc_media.sound import LAYOUTS, level_of
from rtc_rtp import AudioLevel, EncodedFrame, RtpCodec
from rtc_rtp.payload.comfort_noise import ComfortNoise

JUMP_SECONDS: Final = 0.1
"""A frame that begins so much earlier or later than the last one ended begins something new."""
REOPEN_RATIO: Final = 1.15
"""Opus is opened anew for a bit rate that differs by so much: libav cannot change it in mid-stream."""
OPUS_RATES: Final = (8000, 12_000, 16_000, 24_000, 48_000)


class AudioEncoder:
    """Encodes the sound of one track for one RTP stream.

    Frames may have any rate, format, number of channels and length, and may change them. If the receiver asked for it (usedtx=1), or
    if `comfort_noise` is true, little is sent of silence.

    Args:
        codec: The codec, and in its parameters what the peer likes to get.
        settings: What is asked for.
        comfort_noise: Send frames of "audio/CN" (:rfc:`3389`) for silence: the payload type for it was negotiated.

    Raises:
        CodecError: This build of libav has no such encoder.
    """

    def __init__(self, codec: RtpCodec, settings: EncoderSettings, *, comfort_noise: bool = False) -> None:
        self._mime_type = codec.mime_type.lower()
        name = encoder_name(self._mime_type)
        if name is None:
            raise CodecError(f"the installed libav has no encoder for {codec.mime_type}")
        self.implementation = name
        """libav's name of the encoder."""
        self._kind = AUDIO_CODECS[self._mime_type]
        self.runs_inline = self._kind.cheap
        self._codec = codec
        self._wishes = AudioWishes.of(self._mime_type, codec.channels, codec.parameters, settings.packet_time_ms)
        self._content_hint = settings.content_hint
        self._comfort_noise = comfort_noise and not codec.mime_type.lower().endswith("/opus")
        # [rfc7874:3/5] Opus describes its silence itself.
        self._silence = SilenceDetector() if self._comfort_noise or self._wishes.discontinuous else None
        self._bitrate_bps = self._bounded(settings.bitrate_bps)
        self._loss_percent = 0
        self._context: AudioCodecContext | None = self._open()
        self._resampler: AudioResampler | None = None
        self._source: tuple[object, ...] = ()
        self._expected: float | None = None

    @property
    def _sample_rate(self) -> int:
        """Opus may run at a lower rate than its clock, if the receiver plays no more."""
        if self._mime_type != "audio/opus":
            return self._kind.sample_rate
        # [rfc7587:6.1/2] [rfc7587:7.1/3]
        return min([rate for rate in OPUS_RATES if rate >= self._wishes.max_sample_rate], default=48_000)

    # --- Encoder ---

    def encode(self, frame: RawFrame, *, force_keyframe: bool) -> list[EncodedFrame]:
        """Encode a frame; see `rtc_asyncio.Encoder`.

        Raises:
            CodecError: It is no sound of libav's, has no time, or libav refuses it.
        """
        del force_keyframe  # every packet of sound is one
        if self._context is None:
            raise CodecError("the encoder is closed")
        if not isinstance(frame, AudioFrame):
            raise CodecError(f"an encoder of sound takes av.AudioFrame, not {type(frame).__name__}")
        encoded: list[EncodedFrame] = []
        with libav_fails_as(CodecError, f"{self.implementation} failed"):
            for packet_long in self._resampled(frame):
                encoded += self._encode(self._context, packet_long)
        return encoded

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Aim at another bit rate; only Opus has more than one."""
        bitrate_bps = self._bounded(bitrate_bps)
        ratio = bitrate_bps / self._bitrate_bps
        if self._context is None or self._mime_type != "audio/opus" or 1 / REOPEN_RATIO < ratio < REOPEN_RATIO:
            return
        self._bitrate_bps = bitrate_bps
        self._context = self._open()

    def set_loss(self, fraction_lost: float) -> None:
        """Protect against so much loss, if the receiver can use it; only Opus can."""
        percent = round(100 * fraction_lost)
        if self._context is None or not self._corrects or percent == self._loss_percent:
            return
        self._loss_percent = percent
        self._context = self._open()

    def close(self) -> None:
        """Free what it holds. Idempotent."""
        self._context = None
        self._resampler = None

    # --- libav ---

    def _bounded(self, bitrate_bps: int) -> int:
        wishes = self._wishes
        # [rfc7587:7.1/6]
        most = min(wishes.max_bitrate_bps or OPUS_BITRATES_BPS[1], DEFAULT_BITRATE_BPS[wishes.channels] * 4)
        return max(OPUS_BITRATES_BPS[0], min(bitrate_bps, most, OPUS_BITRATES_BPS[1]))

    def _open(self) -> AudioCodecContext:
        with libav_fails_as(CodecError, f"{self.implementation} does not open"):
            context = av.CodecContext.create(self.implementation, "w")
            if not isinstance(context, AudioCodecContext):
                raise CodecError(f"{self.implementation} is no encoder of sound")
            context.sample_rate = self._sample_rate
            context.layout = LAYOUTS[self._wishes.channels]
            context.format = "s16"
            if self._mime_type == "audio/opus":
                context.bit_rate = self._bitrate_bps
                context.options = self._opus_options()
            context.open()
        return context

    @property
    def _corrects(self) -> bool:
        return self._mime_type == "audio/opus" and self._wishes.forward_error_correction

    def _opus_options(self) -> dict[str, str]:
        music = self._content_hint == "music" or (not self._content_hint and self._wishes.channels == 2)
        return {
            "application": "audio" if music else "voip",
            "frame_duration": str(self._wishes.ptime_ms),
            # [rfc8854:4.1/2] [rfc8854:7/3] [rfc7587:3.3/1]
            "fec": "1" if self._corrects else "0",
            # [rfc8854:8/2]
            "packet_loss": str(self._loss_percent),
            # [rfc7874:7/1] A rate that follows what is said tells an eavesdropper something of it: "cbr" asks for one that does not.
            "vbr": "off" if self._wishes.constant_bitrate else "on",
        }

    def _resampled(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return what is ready of the sound so far, in frames that fill a packet each."""
        if frame.pts is None or not frame.time_base:
            raise CodecError("the sound has no time: set its pts and time_base")
        begins = float(frame.pts * frame.time_base)
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        jumped = self._expected is not None and abs(begins - self._expected) > JUMP_SECONDS
        self._expected = begins + frame.samples / frame.sample_rate
        if self._resampler is None or source != self._source or jumped:
            self._source = source
            self._resampler = AudioResampler(
                format="s16",
                layout=LAYOUTS[self._wishes.channels],
                rate=self._sample_rate,
                frame_size=self._sample_rate * self._wishes.ptime_ms // 1000,
            )
        return self._resampler.resample(frame)

    def _encode(self, context: AudioCodecContext, frame: AudioFrame) -> list[EncodedFrame]:
        level = level_of(frame)
        if frame.pts is None or frame.time_base is None:
            raise CodecError("libav lost the time of the sound")
        timestamp = round(frame.pts * frame.time_base * self._kind.clock_rate)
        duration = frame.samples / self._sample_rate
        verdict = self._silence.judge(level, duration) if self._silence is not None else Verdict.SEND
        speaks = None if self._silence is None else not self._silence.silent
        # The encoder hears everything, also what is not sent: it must not find a gap where the next word begins.
        packets = context.encode(frame)
        if verdict is Verdict.LEAVE_OUT:
            return []
        if verdict is Verdict.DESCRIBE and self._comfort_noise:
            # [rfc7874:3/4] Codecs without a silence of their own describe it.
            packets = [av.Packet(ComfortNoise(level=level).serialize())]
        return [
            EncodedFrame(
                data=bytes(packet),
                timestamp=timestamp,
                mime_type="audio/CN" if verdict is Verdict.DESCRIBE and self._comfort_noise else self._codec.mime_type,
                audio_level=AudioLevel(level, speaks),
            )
            for packet in packets
            if packet.size
        ]
