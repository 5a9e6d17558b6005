"""Whom one hears of late: the sources of a receiver's media and those that were mixed into them.

What the W3C calls synchronization and contributing sources (webrtc-pc, 5.9).
"""

from typing import Final, Literal, TypeAlias

from rtc_rtp.dataclass import dataclass
from rtc_rtp.extensions.audio_level import SILENCE

MEMORY: Final = 10.0
"""Seconds for which a source is remembered."""

MAX_SOURCES: Final = 64

Role: TypeAlias = Literal["synchronization", "contributing"]


@dataclass(slots=True)
class Source:
    """One source, as of its latest packet that was handed on."""

    ssrc: int
    """SSRC, or CSRC of a contributing source."""

    played_at: float
    """Seconds of the session's clock."""

    rtp_timestamp: int
    audio_level: float | None = None
    """0 for silence to 1 for the loudest; ``None`` if the packet did not say."""

    voice_activity: bool | None = None


def linear_level(level: int) -> float:
    """Return a level in -dBov, 0 to 127, as 1 to 0."""
    return 0.0 if level >= SILENCE else 10 ** (-level / 20)


class Sources:
    """The sources of one receiver."""

    __slots__ = ("_sources",)

    def __init__(self) -> None:
        self._sources: dict[tuple[Role, int], Source] = {}

    def note(self, role: Role, source: Source) -> None:
        """Remember the latest packet of a source, the latest source last."""
        key = (role, source.ssrc)
        self._sources.pop(key, None)
        self._sources[key] = source
        if len(self._sources) > MAX_SOURCES:
            del self._sources[next(iter(self._sources))]

    def recent(self, role: Role, now: float) -> list[Source]:
        """Return the sources of late, the latest first."""
        found = [
            source
            for (kind, _), source in reversed(self._sources.items())
            if kind == role and source.played_at >= now - MEMORY
        ]
        return sorted(found, key=lambda source: source.played_at, reverse=True)
