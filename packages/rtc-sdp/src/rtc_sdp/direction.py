"""Which way media flows: ``sendrecv``, ``sendonly``, ``recvonly``, ``inactive``.

See :rfc:`8866#section-6.7` and :rfc:`3264#section-6.1`.
"""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """The direction of a stream, seen from who wrote the description. The value is the attribute's name."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """The writer sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """The writer receives."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> Direction:
        """Return the direction with these two halves."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def reversed(self) -> Direction:
        """The same stream seen from the other end."""
        return Direction.of(sends=self.receives, receives=self.sends)

    @property
    def held(self) -> Direction:
        """What puts the other party on hold: we no longer receive.

        See :rfc:`3264#section-8.4`.
        """
        return Direction.of(sends=self.sends, receives=False)

    def __and__(self, other: Direction) -> Direction:
        return Direction.of(sends=self.sends and other.sends, receives=self.receives and other.receives)

    def __or__(self, other: Direction) -> Direction:
        return Direction.of(sends=self.sends or other.sends, receives=self.receives or other.receives)


def answer_direction(offered: Direction, wanted: Direction) -> Direction:
    """Return the direction to answer with: as much of what we want as the offer leaves room for.

    Args:
        offered: As the offer marks the stream, seen from the offerer.
        wanted: What we would like, seen from us.

    See :rfc:`3264#section-6.1`.
    """
    # [rfc3264:6.1/3] [rfc3264:6.1/4] [rfc3264:6.1/5]
    return offered.reversed & wanted
