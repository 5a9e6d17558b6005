"""G.722 (:rfc:`3551#section-4.5.2`): sampled at 16,000 Hz, yet its RTP clock runs at 8000."""

from typing import ClassVar, Final

from rtc_rtp.payload.audio import AudioFormat

SAMPLE_RATE: Final = 16000


class G722Format(AudioFormat):
    """G.722 at 64 kbit/s, static payload type 9: each byte holds two samples."""

    mime_type: ClassVar = "audio/G722"
    # [rfc3551:4.5.2/1] [rfc3551:4.5.2/2] An error of the first RTP specification, kept for those who speak it.
    clock_rate: ClassVar = 8000

    def duration(self, payload: bytes) -> int:
        """Return the duration in ticks of 8000 Hz: one a byte, though a byte holds two samples."""
        return len(payload)
