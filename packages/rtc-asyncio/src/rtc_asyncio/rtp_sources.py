"""Who was heard of late: contributing and synchronization sources (WebRTC 1.0, section 5.3).

The machine keeps them; what is added here is when the media were captured, and whether a frame came from somebody else.
"""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from .rtp_dictionaries import RTCRtpContributingSource

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame, Source

S = TypeVar("S", bound=RTCRtpContributingSource)

MAX_SOURCES: Final = 256
"""Sources whose time of capture is kept."""


class SourceRecord:
    """What the frames of one receiver tell of their sources.

    Args:
        wall_clock: Milliseconds since 1970-01-01.
    """

    def __init__(self, wall_clock: Callable[[], float] = lambda: time.time() * 1000) -> None:
        self._wall_clock = wall_clock
        self._captured_at: dict[int, float] = {}
        """Milliseconds, by SSRC, those heard of last at the end."""
        self._last: tuple[int | None, tuple[int, ...]] = (None, ())
        self._last_captured_at: float | None = None
        """When what the last sources sent was captured, in seconds, as far as this is not kept yet."""

    def add(self, frame: "EncodedFrame") -> tuple[bool, bool]:
        """A frame was delivered; return whether it came from another SSRC, and from other contributors, than the one before."""
        sources = (frame.ssrc, frame.csrcs)
        if sources == self._last:
            if frame.capture_time is not None:
                self._last_captured_at = frame.capture_time
            return False, False
        self._keep_last()
        (ssrc, csrcs), self._last = self._last, sources
        self._last_captured_at = frame.capture_time
        return ssrc != frame.ssrc, csrcs != frame.csrcs

    def _keep_last(self) -> None:
        """Keep the time of what came last, which every frame of the same sources has replaced."""
        ssrc, csrcs = self._last
        captured_at, self._last_captured_at = self._last_captured_at, None
        if captured_at is None:
            return
        for source in (ssrc, *csrcs):
            if source is not None:
                self._captured_at.pop(source, None)
                self._captured_at[source] = captured_at * 1000
        while len(self._captured_at) > MAX_SOURCES:
            del self._captured_at[next(iter(self._captured_at))]

    def told(self, sources: "Iterable[Source]", kind: Callable[..., S], now: float) -> list[S]:
        """Give sources their W3C form.

        Args:
            sources: As the machine has them.
            kind: The dictionary to make.
            now: Present time on the machine's clock, in seconds.
        """
        self._keep_last()
        wall_clock = self._wall_clock()
        return [
            kind(
                timestamp=wall_clock - (now - each.played_at) * 1000,
                source=each.ssrc,
                audioLevel=each.audio_level,
                rtpTimestamp=each.rtp_timestamp,
                captureTimestamp=self._captured_at.get(each.ssrc),
            )
            for each in sources
        ]
