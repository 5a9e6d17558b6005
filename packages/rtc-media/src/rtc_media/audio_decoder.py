"""A decoder of sound: fills what is missing, so that what comes out goes on without a gap as long as the gap is short."""

from typing import Final

from av import AudioFrame

from rtc_asyncio import Concealment, RawFrame
from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.availability import decoder_name
from rtc_media.comfort_noise import NoiseGenerator
from rtc_media.errors import CodecError
from rtc_media.libopus import LibopusDecoder, libopus
from rtc_media.packet_decoder import Filling, LibavDecoder, PacketDecoder
from rtc_media.sound import sound_frame
from rtc_media.timeline import Timeline
from rtc_rtp import EncodedFrame, ParseError, RtpCodec
from rtc_rtp.payload.comfort_noise import ComfortNoise
from rtc_rtp.payload.opus import opus_duration

FILLED_SECONDS: Final = 1.0
"""Longer gaps stay gaps: the times of the frames tell of them."""


class AudioDecoder:
    """Decodes one stream into frames of format s16, and accepts frames of comfort noise (:rfc:`3389`) among the others.

    A packet of Opus that got lost is recovered from the next one, if that carries its sound once more (useinbandfec of :rfc:`7587`).

    Args:
        codec: What is received; for Opus, `channels` of 2 gives stereo whatever is sent.

    Raises:
        CodecError: This build of libav has no such decoder.
    """

    def __init__(self, codec: RtpCodec) -> None:
        mime_type = codec.mime_type.lower()
        name = decoder_name(mime_type)
        if name is None:
            raise CodecError(f"the installed libav has no decoder for {codec.mime_type}")
        self._kind = AUDIO_CODECS[mime_type]
        self._opus = mime_type == "audio/opus"
        self._channels = 2 if codec.channels == 2 else 1
        self._samples_per_tick = self._kind.sample_rate // self._kind.clock_rate
        decoder = self._open(name)
        self.implementation = decoder.implementation
        """The library's name of the decoder."""
        self.runs_inline = decoder.runs_inline
        self.concealment = Concealment()
        """What stands for lost sound so far; what was recovered is not among it."""
        self._decoder: PacketDecoder | None = decoder
        self._timeline = Timeline()
        self._next_pts: int | None = None
        self._noise: NoiseGenerator | None = None

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """Decode a frame; see `rtc_asyncio.Decoder`. What was lost before it comes out first, recovered or concealed.

        Raises:
            CodecError: It cannot be decoded.
        """
        if self._decoder is None:
            raise CodecError("the decoder is closed")
        pts = self._timeline.ticks(frame.timestamp) * self._samples_per_tick
        if self._next_pts is not None and pts < self._next_pts:
            return []  # later than what has been heard
        if (frame.mime_type or "").lower() == "audio/cn":
            return self._begin_noise(self._decoder, frame.data, pts)
        sound = self._fill(self._decoder, frame.data, pts)
        # A packet that came at all is the end of the silence that was described, unless it describes it itself (Opus).
        self._noise = None
        if not frame.data:
            return sound
        samples = self._decoder.decode(frame.data)
        if samples:
            sound.append(self._frame(samples, pts))
            self._next_pts = pts + len(samples) // (2 * self._channels)
        elif self._opus:
            self._next_pts = pts + (opus_duration(frame.data) or 0)
        return sound

    def close(self) -> None:
        """Free what it holds. Idempotent."""
        self._decoder = None

    def _open(self, name: str) -> PacketDecoder:
        if self._opus and (library := libopus()) is not None:
            return LibopusDecoder(library, self._channels)
        return LibavDecoder(name, self._kind, self._channels)

    def _frame(self, data: bytes, pts: int) -> AudioFrame:
        return sound_frame(data, self._kind.sample_rate, self._channels, pts)

    # --- what is missing ---

    def _fill(self, decoder: PacketDecoder, packet: bytes, pts: int) -> list[RawFrame]:
        """Make the sound between what was heard last and this time, if it is short enough."""
        begins, self._next_pts = self._next_pts, pts
        if begins is None or not 0 < pts - begins <= FILLED_SECONDS * self._kind.sample_rate:
            return []
        filling = self._noisy(self._noise, pts - begins) if self._noise else decoder.fill(pts - begins, packet)
        if filling.concealed:
            self.concealment += Concealment(
                concealed_samples=filling.concealed, silent_concealed_samples=filling.silent, concealment_events=1
            )
        return [self._frame(filling.samples, begins)]

    def _noisy(self, noise: NoiseGenerator, count: int) -> Filling:
        return Filling(samples=noise.samples(count * self._channels), concealed=count, silent=count)

    def _begin_noise(self, decoder: PacketDecoder, data: bytes, pts: int) -> list[RawFrame]:
        filled = self._fill(decoder, b"", pts)
        try:
            # [rfc7874:3/3]
            self._noise = NoiseGenerator(ComfortNoise.parse(data))
        except ParseError as error:
            raise CodecError(f"no comfort noise: {error}") from error
        return filled
