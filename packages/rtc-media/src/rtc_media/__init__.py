"""Codecs, players, recorders and synthetic sources for rtc-asyncio, on PyAV (:rfc:`7874`, :rfc:`7742`)."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_media._version import __version__

if TYPE_CHECKING:
    from rtc_media.audio_decoder import AudioDecoder
    from rtc_media.audio_encoder import AudioEncoder
    from rtc_media.availability import decoder_name, encoder_name
    from rtc_media.errors import CodecError, MediaError
    from rtc_media.factory import LibavCodecs
    from rtc_media.filtered import FilteredTrack
    from rtc_media.gain import GainControl, LevelledTrack
    from rtc_media.limits import PictureLimits, picture_limits
    from rtc_media.player import MediaPlayer, PlayedTrack
    from rtc_media.recorder import MediaRecorder
    from rtc_media.relay import MediaBlackhole, MediaRelay, RelayedTrack
    from rtc_media.rtpdump import DumpedPacket, RtpDumpTrack, RtpDumpWriter, read_rtpdump
    from rtc_media.synthetic import SilenceTrack, TestCardTrack, ToneTrack
    from rtc_media.test_card import TestCardPainter, read_picture_number
    from rtc_media.video_decoder import VideoDecoder
    from rtc_media.video_encoder import VideoEncoder

__all__ = [
    "AudioDecoder",
    "AudioEncoder",
    "CodecError",
    "DumpedPacket",
    "FilteredTrack",
    "GainControl",
    "LevelledTrack",
    "LibavCodecs",
    "MediaBlackhole",
    "MediaError",
    "MediaPlayer",
    "MediaRecorder",
    "MediaRelay",
    "PictureLimits",
    "PlayedTrack",
    "RelayedTrack",
    "RtpDumpTrack",
    "RtpDumpWriter",
    "SilenceTrack",
    "TestCardPainter",
    "TestCardTrack",
    "ToneTrack",
    "VideoDecoder",
    "VideoEncoder",
    "__version__",
    "decoder_name",
    "encoder_name",
    "picture_limits",
    "read_picture_number",
    "read_rtpdump",
]

_DEFINED_IN: Final = {
    "audio_decoder": "AudioDecoder",
    "audio_encoder": "AudioEncoder",
    "availability": "decoder_name encoder_name",
    "errors": "CodecError MediaError",
    "factory": "LibavCodecs",
    "filtered": "FilteredTrack",
    "gain": "GainControl LevelledTrack",
    "limits": "PictureLimits picture_limits",
    "player": "MediaPlayer PlayedTrack",
    "recorder": "MediaRecorder",
    "relay": "MediaBlackhole MediaRelay RelayedTrack",
    "rtpdump": "DumpedPacket RtpDumpTrack RtpDumpWriter read_rtpdump",
    "synthetic": "SilenceTrack TestCardTrack ToneTrack",
    "test_card": "TestCardPainter read_picture_number",
    "video_decoder": "VideoDecoder",
    "video_encoder": "VideoEncoder",
}
"""Which module defines which public names. It is loaded when one of them is first used: libav is large."""

if not TYPE_CHECKING:  # with a `__getattr__` in sight, type checkers would believe in any name

    def __getattr__(name: str) -> object:
        """Load a public name; see :pep:`562`."""
        for module, names in _DEFINED_IN.items():
            if name in names.split():
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
