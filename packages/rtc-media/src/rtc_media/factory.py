"""What rtc_asyncio finds under the entry point `rtc_asyncio.codecs`: makes encoders and decoders of what the installed libav has."""

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final

from av import AudioFrame, VideoFrame

from rtc_asyncio import Decoder, Encoder, EncoderSettings, RawFrame
from rtc_media.audio_decoder import AudioDecoder
from rtc_media.audio_encoder import AudioEncoder
from rtc_media.audio_settings import AUDIO_CODECS
from rtc_media.availability import decoder_name, encoder_name
from rtc_media.errors import CodecError
from rtc_media.limits import h264_profile_level
from rtc_media.sound import sound_frame
from rtc_media.video_decoder import VideoDecoder
from rtc_media.video_encoder import VideoEncoder, video_scalability_modes
from rtc_rtp import RtpCodec
from rtc_rtp.payload.h264_profile import H264Profile

BLACK: Final = (16, 128, 128)
"""Luma and both chromas, limited range."""


class LibavCodecs:
    """Implements `rtc_asyncio.CodecFactory`."""

    def can_encode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        """Whether the installed libav has an encoder, for a decoder with these format parameters."""
        return encoder_name(mime_type) is not None and _is_common(mime_type, parameters)

    def can_decode(self, mime_type: str, parameters: Mapping[str, str]) -> bool:
        """Whether the installed libav has a decoder for streams with these format parameters."""
        return decoder_name(mime_type) is not None and _is_common(mime_type, parameters)

    def scalability_modes(self, mime_type: str) -> Collection[str]:
        """Layers in time, where the encoder makes them."""
        return video_scalability_modes(mime_type)

    def create_encoder(self, codec: RtpCodec, settings: EncoderSettings) -> Encoder:
        """Make an encoder for one stream.

        Raises:
            CodecError: The installed libav has none.
        """
        if codec.mime_type.lower() in AUDIO_CODECS:
            return AudioEncoder(codec, settings)
        if codec.mime_type.lower().startswith("video/"):
            return VideoEncoder(codec, settings)
        raise CodecError(f"there is no encoder for {codec.mime_type}")

    def create_decoder(self, codec: RtpCodec) -> Decoder:
        """Make a decoder for one stream.

        Raises:
            CodecError: The installed libav has none.
        """
        if codec.mime_type.lower() in AUDIO_CODECS:
            return AudioDecoder(codec)
        if codec.mime_type.lower().startswith("video/"):
            return VideoDecoder(codec)
        raise CodecError(f"there is no decoder for {codec.mime_type}")

    def blank(self, frame: RawFrame) -> RawFrame:
        """Make a black picture, or silence, of the size, length and time of another frame.

        Raises:
            CodecError: It is no frame of libav's.
        """
        if isinstance(frame, VideoFrame):
            blank = _black(frame.width, frame.height)
            blank.pts, blank.time_base = frame.pts, frame.time_base
            return blank
        if isinstance(frame, AudioFrame):
            silence = AudioFrame(frame.format.name, frame.layout.name, frame.samples)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate, silence.pts, silence.time_base = frame.sample_rate, frame.pts, frame.time_base
            return silence
        raise CodecError(f"neither picture nor sound: {type(frame).__name__}")

    def blank_video(self, width: int, height: int, pts: int, time_base: Fraction) -> RawFrame:
        """Make a black picture.

        Args:
            width: Pixels.
            height: Pixels.
            pts: When it is to be shown, in units of `time_base`.
            time_base: Seconds.
        """
        blank = _black(width, height)
        blank.pts, blank.time_base = pts, time_base
        return blank

    def blank_audio(self, sample_rate: int, sample_count: int, pts: int, time_base: Fraction) -> RawFrame:
        """Make silence of one channel.

        Args:
            sample_rate: Hz.
            sample_count: How many samples.
            pts: When it is to be heard, in units of `time_base`.
            time_base: Seconds.
        """
        silence = sound_frame(bytes(2 * sample_count), sample_rate, 1, pts)
        silence.time_base = time_base
        return silence


factory: Final = LibavCodecs()
"""The one object of this class that is needed."""


def _black(width: int, height: int) -> VideoFrame:
    picture = VideoFrame(width, height, "yuv420p")
    for plane, value in zip(picture.planes, BLACK, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return picture


_H264_PROFILES: Final = frozenset(
    {
        H264Profile.CONSTRAINED_BASELINE,
        H264Profile.BASELINE,
        H264Profile.MAIN,
        H264Profile.HIGH,
        H264Profile.CONSTRAINED_HIGH,
        H264Profile.PROGRESSIVE_HIGH,
    }
)


def _is_common(mime_type: str, parameters: Mapping[str, str]) -> bool:
    """Whether the profile is one of 8 bits and 4:2:0, which cameras and screens make."""
    match mime_type.lower():
        case "video/h264":
            # [rfc7742:6.2/2] [rfc7742:6.2/3]
            return h264_profile_level(parameters).profile in _H264_PROFILES
        case "video/h265":
            return parameters.get("profile-id", "1") == "1"
        case "video/vp9":
            return parameters.get("profile-id", "0") == "0"
        case "video/av1":
            return parameters.get("profile", "0") == "0"
        case _:
            return True
