"""Which extended reports are wanted: ``rtcp-xr``.

::

    a=rtcp-xr:pkt-loss-rle=400 stat-summary=loss,jitt rcvr-rtt=all:100
    a=rtcp-xr:                                                          none at all

See :rfc:`3611#section-5.1`.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Scope, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import digits, words

LOSS_TRACE: Final = "pkt-loss-rle"
DUPLICATE_TRACE: Final = "pkt-dup-rle"
RECEIPT_TIMES: Final = "pkt-rcpt-times"
STATISTICS: Final = "stat-summary"
VOIP_METRICS: Final = "voip-metrics"
ROUND_TRIP: Final = "rcvr-rtt"

_SIZED: Final = frozenset({LOSS_TRACE, DUPLICATE_TRACE, RECEIPT_TIMES})
_STATISTICS: Final = frozenset({"loss", "dup", "jitt", "TTL", "HL"})
_VISIBLE: Final = re.compile(r"[^\x00-\x20]+")
_MAX_SIZE: Final = 2**32 - 1


class RoundTripMode(Enum):
    """Who answers when a receiver asks for help to measure the round trip."""

    ALL = "all"
    SENDER = "sender"
    """Only who sends media."""


@dataclass(frozen=True, slots=True)
class XrFormat:
    """One kind of report, and how it is wanted."""

    name: str
    value: str | None = None
    """What stands behind the equals sign, as text."""

    def __post_init__(self) -> None:
        for text in (self.name, self.value):
            if text is not None and _VISIBLE.fullmatch(text) is None:
                raise ValueError(f"{text[:40]!r} is empty, or has a space in it")
        if "=" in self.name:
            raise ValueError(f"the name {self.name[:40]!r} has an equals sign in it")
        if self.name in _SIZED and self.value is not None:
            _size(self.value)
        elif self.name == STATISTICS and self.value is not None:
            _statistics(self.value)
        elif self.name == ROUND_TRIP:
            _round_trip(self.value)
        elif self.name == VOIP_METRICS and self.value is not None:
            raise ValueError(f"{VOIP_METRICS} has no value")

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class RtcpXr(TypedAttribute):
    """``rtcp-xr``: the extended reports that the writer wants, or without any that it wants none.

    See :rfc:`3611#section-5.1`.
    """

    NAME: ClassVar[str] = "rtcp-xr"
    # [rfc3611:5.1/1]
    SCOPE: ClassVar[Scope] = Scope.DEFAULT
    MAY_BE_EMPTY: ClassVar[bool] = True

    formats: tuple[XrFormat, ...] = ()
    """In order; of a name that comes twice the first counts. Names that nobody knows mean nothing."""

    @classmethod
    def of(
        cls,
        *,
        round_trip: RoundTripMode | None = None,
        max_delays_size: int | None = None,
        statistics: tuple[str, ...] = (),
        traces: dict[str, int | None] | None = None,
    ) -> Self:
        """Return the attribute that asks for some reports.

        Args:
            round_trip: Who answers reference times; None for nobody.
            max_delays_size: Bytes of a block of such answers at most.
            statistics: What a summary shall tell: of ``loss``, ``dup``, ``jitt``, ``TTL`` and ``HL``.
            traces: Of `LOSS_TRACE`, `DUPLICATE_TRACE` and `RECEIPT_TIMES`, with the most bytes of a block.

        Raises:
            ValueError: There is no such statistic, or both kinds of hops are asked for.
        """
        formats = [XrFormat(name, None if size is None else str(size)) for name, size in (traces or {}).items()]
        if statistics:
            formats.append(XrFormat(STATISTICS, ",".join(statistics)))
        if round_trip is not None:
            # [rfc3611:5.1/6]
            bound = "" if max_delays_size is None else f":{max_delays_size}"
            formats.append(XrFormat(ROUND_TRIP, f"{round_trip.value}{bound}"))
        return cls(tuple(formats))

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        formats = []
        for text in words(value, 1) if value else ():
            name, equals, rest = text.partition("=")
            formats.append(XrFormat(name, rest if equals else None))
        return cls(tuple(formats))

    def serialize(self) -> str:
        """Return the formats."""
        return " ".join(map(str, self.formats))

    def wants(self, name: str) -> bool:
        """Whether reports of that name are wanted."""
        return self._find(name) is not None

    def max_size(self, name: str) -> int | None:
        """Return how many bytes a block of that name may have; None if nobody said, or where sizes are not said."""
        found = self._find(name)
        if found is None or found.value is None:
            return None
        if name == ROUND_TRIP:
            return _round_trip(found.value)[1]
        return _size(found.value) if name in _SIZED else None

    @property
    def statistics(self) -> frozenset[str]:
        """What a summary is to tell; empty if none is wanted, or it is left to who writes it."""
        found = self._find(STATISTICS)
        return frozenset() if found is None or found.value is None else _statistics(found.value)

    @property
    def round_trip(self) -> RoundTripMode | None:
        """Who answers reference times; None if they are not wanted."""
        found = self._find(ROUND_TRIP)
        return None if found is None else _round_trip(found.value)[0]

    def _find(self, name: str) -> XrFormat | None:
        return next((each for each in self.formats if each.name == name), None)


def _size(text: str) -> int:
    return digits(text, "size of a block", high=_MAX_SIZE)


def _statistics(text: str) -> frozenset[str]:
    # [rfc3611:5.1/4] A space would end the list.
    found = frozenset(text.split(","))
    if not found <= _STATISTICS:
        raise ValueError(f"{text[:40]!r} is no list of {', '.join(sorted(_STATISTICS))}")
    # [rfc3611:5.1/5]
    if {"TTL", "HL"} <= found:
        raise ValueError("TTL and hop limit exclude each other")
    return found


def _round_trip(text: str | None) -> tuple[RoundTripMode, int | None]:
    mode, colon, size = (text or "").partition(":")
    return RoundTripMode(mode), _size(size) if colon else None
