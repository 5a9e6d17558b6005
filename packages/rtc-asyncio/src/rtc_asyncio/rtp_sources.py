"""Who was heard of late: contributing and synchronization sources (WebRTC 1.0, section 5.3)."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from .loudness import linear_level
from .rtp_dictionaries import RTCRtpContributingSource, RTCRtpSynchronizationSource

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame

S = TypeVar("S", bound=RTCRtpContributingSource)

REMEMBERED: Final = 10_000.0
"""Milliseconds for which a source is told after its last frame."""
MAX_SOURCES: Final = 256
"""Sources of each kind that are kept."""


class SourceRecord:
    """The sources of one receiver.

    Args:
        clock: Milliseconds since 1970-01-01.
    """

    def __init__(self, clock: Callable[[], float] = lambda: time.time() * 1000) -> None:
        self._clock = clock
        self._synchronization: dict[int, RTCRtpSynchronizationSource] = {}
        self._contributing: dict[int, RTCRtpContributingSource] = {}
        self._last: tuple[int | None, tuple[int, ...]] = (None, ())

    def add(self, frame: "EncodedFrame") -> tuple[bool, bool]:
        """A frame was delivered; return whether it came from another SSRC, and from other contributors, than the one before."""
        now = self._clock()
        before, self._last = self._last, (frame.ssrc, frame.csrcs)
        captured = frame.capture_time * 1000 if frame.capture_time is not None else None
        if frame.ssrc is not None:
            level = frame.audio_level
            _remember(
                self._synchronization,
                RTCRtpSynchronizationSource(
                    timestamp=now,
                    source=frame.ssrc,
                    audioLevel=linear_level(level.level) if level is not None else None,
                    rtpTimestamp=frame.timestamp,
                    captureTimestamp=captured,
                ),
            )
        for csrc in frame.csrcs:
            _remember(
                self._contributing,
                RTCRtpContributingSource(
                    timestamp=now, source=csrc, rtpTimestamp=frame.timestamp, captureTimestamp=captured
                ),
            )
        return before[0] != frame.ssrc, before[1] != frame.csrcs

    def synchronization(self) -> list[RTCRtpSynchronizationSource]:
        """Those that sent packets, the latest first."""
        return self._recent(self._synchronization)

    def contributing(self) -> list[RTCRtpContributingSource]:
        """Those that a mixer put together, the latest first."""
        return self._recent(self._contributing)

    def _recent(self, sources: dict[int, S]) -> list[S]:
        oldest = self._clock() - REMEMBERED
        return [each for each in reversed(sources.values()) if each.timestamp >= oldest]


def _remember(sources: dict[int, S], source: S) -> None:
    sources.pop(source.source, None)
    sources[source.source] = source
    if len(sources) > MAX_SOURCES:
        del sources[next(iter(sources))]
