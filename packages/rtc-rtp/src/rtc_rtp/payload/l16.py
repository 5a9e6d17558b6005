"""L16 (:rfc:`3551#section-4.5.11`): linear samples of 16 bits in network order, channels interleaved."""

from collections.abc import Mapping
from typing import ClassVar, Final

from rtc_rtp.payload.audio import AudioFormat

_SAMPLE_LENGTH: Final = 2


class L16Format(AudioFormat):
    """Uncompressed audio. A frame's data is what goes on the wire: signed, the high byte first, left before right."""

    mime_type: ClassVar = "audio/L16"
    clock_rate: ClassVar = 44100
    """Of the static payload types 10 (stereo) and 11 (mono); a dynamic one may have any."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        super().__init__(parameters)
        self.channels = int(parameters.get("channels", "1"))
        if self.channels < 1:
            raise ValueError(f"there is at least one channel, not {self.channels}")

    def duration(self, payload: bytes) -> int | None:
        """Return how many samples each channel has; None if they are not whole."""
        # [rfc3551:4.1/5] [rfc3551:4.3/1] [rfc3551:4.3/2] All channels of an instant side by side, high bytes first.
        ticks, rest = divmod(len(payload), _SAMPLE_LENGTH * self.channels)
        return ticks if not rest else None
