"""A decoder of sound: fills what is missing, so that what comes out goes on without a gap as long as the gap is short."""

from array import array
from typing import Final

import av
from av import AudioFrame, AudioResampler
from av.audio.codeccontext import AudioCodecContext

from rtc_asyncio import Concealment, RawFrame
from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.availability import decoder_name
from rtc_media.comfort_noise import NoiseGenerator
from rtc_media.errors import CodecError, libav_fails_as
from rtc_media.sound import LAYOUTS, samples_of, sound_frame
from rtc_media.timeline import Timeline
from rtc_rtp import EncodedFrame, ParseError, RtpCodec
from rtc_rtp.payload.comfort_noise import ComfortNoise
from rtc_rtp.payload.opus import opus_duration

CONCEALED_SECONDS: Final = 0.06
"""For how long a lost packet's sound goes on, ever quieter; after that there is noise or silence."""
FILLED_SECONDS: Final = 1.0
"""Longer gaps stay gaps: the times of the frames tell of them."""


class AudioDecoder:
    """Decodes one stream into frames of format s16, and accepts frames of comfort noise (:rfc:`3389`) among the others.

    Args:
        codec: What is received; for Opus, `channels` of 2 gives stereo if the parameters say sprop-stereo=1 or stereo=1, else mono.

    Raises:
        CodecError: This build of libav has no such decoder.
    """

    def __init__(self, codec: RtpCodec) -> None:
        mime_type = codec.mime_type.lower()
        name = decoder_name(mime_type)
        if name is None:
            raise CodecError(f"the installed libav has no decoder for {codec.mime_type}")
        self.implementation = name
        """libav's name of the decoder."""
        self.concealment = Concealment()
        """What stands for lost sound so far."""
        self._kind = AUDIO_CODECS[mime_type]
        self.runs_inline = self._kind.cheap
        self._opus = mime_type == "audio/opus"
        self._channels = 2 if codec.channels == 2 else 1
        self._samples_per_tick = self._kind.sample_rate // self._kind.clock_rate
        self._context: AudioCodecContext | None = self._open()
        self._to_s16 = AudioResampler(format="s16", layout=LAYOUTS[self._channels])
        self._timeline = Timeline()
        self._next_pts: int | None = None
        self._last = array("h")
        self._noise: NoiseGenerator | None = None

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """Decode a frame; see `rtc_asyncio.Decoder`. What was lost before it comes out first, concealed.

        Raises:
            CodecError: libav cannot.
        """
        if self._context is None:
            raise CodecError("the decoder is closed")
        pts = self._timeline.ticks(frame.timestamp) * self._samples_per_tick
        if self._next_pts is not None and pts < self._next_pts:
            return []  # later than what has been heard
        if (frame.mime_type or "").lower() == "audio/cn":
            return self._begin_noise(frame.data, pts)
        filled = self._fill(pts)
        # A packet that came at all is the end of the silence that was described, unless it describes it itself (Opus).
        self._noise = None
        if not frame.data:
            return list[RawFrame](filled)
        packet = av.Packet(frame.data)
        with libav_fails_as(CodecError, f"{self.implementation} failed"):
            decoded = [piece for raw in self._context.decode(packet) for piece in self._to_s16.resample(raw)]
        sound = []
        for piece in decoded:
            data = bytes(samples_of(piece))
            self._last = array("h", data)
            sound.append(self._frame(data, pts))
            pts += piece.samples
        if decoded:
            self._next_pts = pts
        elif self._opus:
            self._next_pts = pts + (opus_duration(frame.data) or 0)
        return [*filled, *sound]

    def close(self) -> None:
        """Free what it holds. Idempotent."""
        self._context = None

    # --- libav ---

    def _open(self) -> AudioCodecContext:
        with libav_fails_as(CodecError, f"{self.implementation} does not open"):
            context = av.CodecContext.create(self.implementation, "r")
            if not isinstance(context, AudioCodecContext):
                raise CodecError(f"{self.implementation} is no decoder of sound")
            context.sample_rate = self._kind.sample_rate
            # [rfc7874:3/13] Opus decodes every mode to what it is asked for: mono is made of stereo and the other way round.
            context.layout = LAYOUTS[self._channels]
            context.open()
        return context

    def _frame(self, data: bytes, pts: int) -> AudioFrame:
        return sound_frame(data, self._kind.sample_rate, self._channels, pts)

    # --- what is missing ---

    def _fill(self, pts: int) -> list[AudioFrame]:
        """Make the sound between what was heard last and this time, if it is short enough."""
        begins, self._next_pts = self._next_pts, pts
        if begins is None or not 0 < pts - begins <= FILLED_SECONDS * self._kind.sample_rate:
            return []
        missing = pts - begins
        concealed = b""
        if self._noise is None:
            concealed = self._fading(min(missing, int(CONCEALED_SECONDS * self._kind.sample_rate)))
        noisy = missing - len(concealed) // (2 * self._channels)
        self.concealment += Concealment(concealed_samples=missing, silent_concealed_samples=noisy, concealment_events=1)
        data = concealed + (
            self._noise.samples(noisy * self._channels) if self._noise else bytes(2 * noisy * self._channels)
        )
        return [self._frame(data, begins)]

    def _fading(self, count: int) -> bytes:
        """Repeat the last sound, ever quieter. Every other time backwards: so its waves join without a crack."""
        if not self._last:
            return bytes(2 * count * self._channels)
        width = self._channels
        length = count * width
        backwards = array(
            "h", [self._last[i + c] for i in range(len(self._last) - width, -1, -width) for c in range(width)]
        )
        there_and_back = backwards + self._last
        repeated = (there_and_back * (length // len(there_and_back) + 1))[:length]
        return array("h", [sample * (length - i) // length for i, sample in enumerate(repeated)]).tobytes()

    def _begin_noise(self, data: bytes, pts: int) -> list[RawFrame]:
        filled = self._fill(pts)
        try:
            # [rfc7874:3/3]
            self._noise = NoiseGenerator(ComfortNoise.parse(data))
        except ParseError as error:
            raise CodecError(f"no comfort noise: {error}") from error
        return list[RawFrame](filled)
