"""G.711: PCMU and PCMA (:rfc:`3551#section-4.5.14`), one byte a sample."""

from typing import ClassVar

from rtc_rtp.payload.audio import AudioFormat


class _G711Format(AudioFormat):
    clock_rate: ClassVar = 8000

    def duration(self, payload: bytes) -> int:
        """Return the count of samples: one byte each."""
        # [rfc3551:4.5.14/1]
        return len(payload)


class PcmuFormat(_G711Format):
    """G.711 with µ-law, static payload type 0."""

    mime_type: ClassVar = "audio/PCMU"


class PcmaFormat(_G711Format):
    """G.711 with A-law, static payload type 8."""

    mime_type: ClassVar = "audio/PCMA"
