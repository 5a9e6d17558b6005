"""One TCP port for many peers: whom a stream is for that somebody has opened.

The first frame of an accepted stream is a check (:rfc:`6544#section-7.2`), and begins with the user fragment of the peer that
it is for. Until it has arrived nobody is asked and nothing is answered; a stream has little time and room to say it.
"""

from typing import Final, Generic, TypeVar

from rtc_ice.errors import ParseError
from rtc_ice.framing import FrameBuffer
from rtc_ice.mux import Multiplexer, MuxPeer
from rtc_ice.tcp_carrier import MAX_UNPROVEN_FRAME_LENGTH, UNPROVEN_LIFETIME

P = TypeVar("P", bound=MuxPeer)


class Routed(Generic[P]):
    """A stream is a peer's: hand it over, with all that it has said."""

    __slots__ = ("data", "peer")

    def __init__(self, peer: P, data: bytes) -> None:
        self.peer = peer
        self.data = data


class Refused:
    """A stream is nobody's: close it."""

    __slots__ = ()


REFUSED: Final = Refused()


class _Caller:
    """A stream that has not said yet whom it is for."""

    __slots__ = ("data", "deadline", "frames")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.data = b""
        self.frames = FrameBuffer(max_length=MAX_UNPROVEN_FRAME_LENGTH)


class StreamDoor(Generic[P]):
    """Where accepted streams wait until they have said whom they are for.

    Args:
        mux: Knows the peers.
        max_waiting: How many streams may wait.
        patience: Seconds that each may take.
    """

    def __init__(self, mux: Multiplexer[P], *, max_waiting: int = 256, patience: float = UNPROVEN_LIFETIME) -> None:
        self._mux = mux
        self._max_waiting = max_waiting
        self._patience = patience
        self._callers: dict[int, _Caller] = {}
        self._next_number = 0
        self.dropped: dict[str, int] = {}
        """Streams that were turned away, by reason."""

    def __len__(self) -> int:
        return len(self._callers)

    def accept(self, now: float) -> int | None:
        """Let a stream wait, and return its number; None if there is no room: close it."""
        if len(self._callers) >= self._max_waiting:
            self._count("stream-limit")
            return None
        number = self._next_number
        self._next_number += 1
        self._callers[number] = _Caller(now + self._patience)
        return number

    def receive(self, number: int, data: bytes) -> Routed[P] | Refused | None:
        """Take what was read from a stream that waits; None if it has to go on waiting."""
        caller = self._callers.get(number)
        if caller is None:
            return REFUSED
        caller.data += data
        try:
            packets = caller.frames.feed(data)
        except ParseError:
            return self._refuse(number, "malformed-frame")
        if not packets:
            # Of empty frames too, there can be too many.
            return (
                None if len(caller.data) <= MAX_UNPROVEN_FRAME_LENGTH + 2 else self._refuse(number, "malformed-frame")
            )
        peer = self._mux.peer_of(packets[0])
        if peer is None:
            return self._refuse(number, "unknown-username")
        del self._callers[number]
        return Routed(peer, caller.data)

    def leave(self, number: int) -> None:
        """Forget a stream that was closed from outside; unknown ones are ignored."""
        self._callers.pop(number, None)

    def expired(self, now: float) -> list[int]:
        """Forget the streams whose time is over, and return their numbers: close them."""
        late = [number for number, caller in self._callers.items() if caller.deadline <= now]
        for number in late:
            self._refuse(number, "silent-stream")
        return late

    def next_timeout(self) -> float | None:
        """Return when the time of the next one is over."""
        return min((caller.deadline for caller in self._callers.values()), default=None)

    def _refuse(self, number: int, reason: str) -> Refused:
        del self._callers[number]
        self._count(reason)
        return REFUSED

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
