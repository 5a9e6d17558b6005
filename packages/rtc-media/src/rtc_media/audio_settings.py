"""What each audio codec wants to be fed with, and what negotiation can ask of it."""

from collections.abc import Mapping
from typing import Final

from rtc_media.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioCodecKind:
    """One audio codec."""

    sample_rate: int
    """Of the samples, Hz."""
    clock_rate: int
    """Of its RTP timestamps. G.722 has 8000 by an old mistake, see :rfc:`3551#section-4.5.2`."""
    cheap: bool = False
    """Whether it is no work to speak of."""
    byte_rate: int | None = None
    """Bytes per second; None where it depends on what is heard."""


AUDIO_CODECS: Final = {
    "audio/opus": AudioCodecKind(sample_rate=48_000, clock_rate=48_000),
    "audio/g722": AudioCodecKind(sample_rate=16_000, clock_rate=8000, cheap=True, byte_rate=8000),
    "audio/pcmu": AudioCodecKind(sample_rate=8000, clock_rate=8000, cheap=True, byte_rate=8000),
    "audio/pcma": AudioCodecKind(sample_rate=8000, clock_rate=8000, cheap=True, byte_rate=8000),
}
"""By media type in lower case."""

OPUS_BITRATES_BPS: Final = (6000, 510_000)
DEFAULT_PTIME_MS: Final = 20
OPUS_PTIMES_MS: Final = (10, 20, 40, 60)
"""What browsers use of what :rfc:`7587#section-4.2` allows; shorter ones cost more headers than sound."""
DEFAULT_BITRATE_BPS: Final = {1: 32_000, 2: 64_000}
"""Opus, by the number of channels: speech of full band, music in stereo. See :rfc:`7587#section-3.1.1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioWishes:
    """What the peer's format parameters ask of an encoder. See :rfc:`7587#section-6.1`."""

    channels: int
    ptime_ms: int
    """How long each packet lasts."""
    max_bitrate_bps: int | None
    forward_error_correction: bool
    discontinuous: bool
    constant_bitrate: bool
    max_sample_rate: int
    """Hz: what is above half of it need not be sent."""

    @classmethod
    def of(
        cls, mime_type: str, channels: int, parameters: Mapping[str, str], packet_time_ms: int | None = None
    ) -> "AudioWishes":
        """Read them; what cannot be read asks for nothing.

        Args:
            mime_type: Media type in lower case.
            channels: What the rtpmap says: 2 for Opus whatever is sent.
            parameters: The peer's; ptime and maxptime may be among them.
            packet_time_ms: How long packets shall last for the sending side's sake, which goes before ptime but not beyond maxptime.
        """
        opus = mime_type == "audio/opus"
        longest = _number(parameters, "maxptime") or 120
        ptime = min(packet_time_ms or _number(parameters, "ptime") or DEFAULT_PTIME_MS, longest)
        if opus:
            ptime = max([length for length in OPUS_PTIMES_MS if length <= ptime], default=OPUS_PTIMES_MS[0])
        return cls(
            # [rfc7874:3/12] [rfc7587:3.4/2] [rfc7587:7.1/8] Stereo only if the receiver says that it prefers it.
            channels=2 if (opus and parameters.get("stereo") == "1") or (not opus and channels == 2) else 1,
            ptime_ms=max(10, ptime // 10 * 10),
            max_bitrate_bps=_max_bitrate(parameters),
            forward_error_correction=parameters.get("useinbandfec") == "1",
            discontinuous=parameters.get("usedtx") == "1",
            constant_bitrate=parameters.get("cbr") == "1",
            max_sample_rate=_number(parameters, "maxplaybackrate") or 48_000,
        )


def _max_bitrate(parameters: Mapping[str, str]) -> int | None:
    bitrate_bps = _number(parameters, "maxaveragebitrate")
    # [rfc7587:6.1/3]
    if bitrate_bps is None or not OPUS_BITRATES_BPS[0] <= bitrate_bps <= OPUS_BITRATES_BPS[1]:
        return None
    return bitrate_bps


def _number(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name, "")
    return int(text) if text.isdecimal() and text.isascii() and int(text) > 0 else None
