"""When a session is active.

::

    t=<start-time> <stop-time>
    r=<repeat interval> <active duration> <offsets from start-time> ...
    z=<adjustment time> <offset> <adjustment time> <offset> ...

Times are seconds since 1900 (NTP's epoch), 0 stands for "no bound"; telephony and WebRTC write ``t=0 0``.

See :rfc:`8866#section-5.9`.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Self

from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import Value, digits, in_range, words

UNIX_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970: subtract from a time to get Unix time."""

_TIME_MAX: Final = 2**64 - 1
_UNIT_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1, "": 1}
_TYPED_TIME: Final = re.compile(r"([0-9]{1,20})([dhms]?)", re.ASCII)


def typed_time(text: str) -> int:
    """Return the seconds that a number with an optional unit (``d``, ``h``, ``m``, ``s``) stands for."""
    match = _TYPED_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a time")
    return in_range(int(match[1]) * _UNIT_SECONDS[match[2]], "time", high=_TIME_MAX)


@dataclass(frozen=True, slots=True)
class Repeat(Value):
    """``r=``: the session repeats; all values in seconds.

    See :rfc:`8866#section-5.10`.
    """

    NAME: ClassVar[str] = "r"

    interval: int
    duration: int
    offsets: tuple[int, ...]
    """Each from the start time of the description."""

    def __post_init__(self) -> None:
        in_range(self.interval, "repeat interval", low=1, high=_TIME_MAX)
        in_range(self.duration, "active duration", high=_TIME_MAX)
        if not self.offsets:
            raise ValueError("no offset")
        for offset in self.offsets:
            in_range(offset, "offset", high=_TIME_MAX)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        interval, duration, *offsets = [typed_time(word) for word in words(value, 3)]
        return cls(interval, duration, tuple(offsets))

    def serialize(self) -> str:
        """Return all values in seconds."""
        return " ".join(map(str, (self.interval, self.duration, *self.offsets)))


@dataclass(frozen=True, slots=True)
class ZoneAdjustments(Value):
    """``z=``: pairs of a time and the offset, in seconds, that holds from then on (daylight saving time).

    See :rfc:`8866#section-5.11`.
    """

    NAME: ClassVar[str] = "z"

    adjustments: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if not self.adjustments:
            raise ValueError("no adjustment")
        for time, offset in self.adjustments:
            in_range(time, "adjustment time", high=_TIME_MAX)
            in_range(offset, "offset", low=-_TIME_MAX, high=_TIME_MAX)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        parts = words(value, 2)
        if len(parts) % 2:
            raise ValueError("a time without an offset")
        pairs = []
        for time, offset in zip(parts[::2], parts[1::2], strict=True):
            sign = -1 if offset.startswith("-") else 1
            pairs.append((digits(time, "time", high=_TIME_MAX), sign * typed_time(offset.removeprefix("-"))))
        return cls(tuple(pairs))

    def serialize(self) -> str:
        """Return the pairs."""
        return " ".join(f"{time} {offset}" for time, offset in self.adjustments)


@dataclass(frozen=True, slots=True)
class TimeDescription(Value):
    """``t=`` and the ``r=`` and ``z=`` lines that follow it."""

    NAME: ClassVar[str] = "t"

    start: int = 0
    stop: int = 0
    repeats: tuple[Repeat, ...] = ()
    zone_adjustments: ZoneAdjustments | None = None

    def __post_init__(self) -> None:
        in_range(self.start, "start time", high=_TIME_MAX)
        in_range(self.stop, "stop time", high=_TIME_MAX)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        start, stop = words(value, 2, 2)
        return cls(digits(start, "start time", high=_TIME_MAX), digits(stop, "stop time", high=_TIME_MAX))

    def serialize(self) -> str:
        """Return start and stop time, without the other lines."""
        return f"{self.start} {self.stop}"
