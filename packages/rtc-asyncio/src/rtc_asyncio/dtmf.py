"""`RTCDTMFSender` and its event (WebRTC 1.0, section 7): telephone tones beside the sound of a sender."""

from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeVar

from .errors import InvalidCharacterError, InvalidStateError
from .event_target import Event, EventHandler, EventTarget

ToneHandler = TypeVar("ToneHandler", bound=Callable[[str], object])

TONES: Final = frozenset("0123456789ABCD#*,")
DURATION_LIMITS_MS: Final = (40, 6000)
GAP_LIMITS_MS: Final = (30, 6000)


class TonePlayer(Protocol):
    """What a DTMF sender asks of its RTP sender."""

    @property
    def can_insert_dtmf(self) -> bool:
        """Whether tones can be sent now."""

    def insert_dtmf(self, tones: str, duration_ms: int, gap_ms: int) -> None:
        """Play these tones after the one that is playing, in place of all that wait."""


class RTCDTMFToneChangeEvent(Event):
    """A tone begins, or the last one has ended.

    Attributes:
        tone: The character of the tone, "," for a pause; empty at the end.
    """

    __slots__ = ("tone",)

    def __init__(self, type: str, *, tone: str = "") -> None:
        super().__init__(type)
        self.tone = tone

    def payload(self) -> tuple[str]:
        """The tone."""
        return (self.tone,)


class RTCDTMFSender(EventTarget):
    """Sends telephone tones. It belongs to a sender of audio."""

    ontonechange = EventHandler[RTCDTMFToneChangeEvent]()

    def __init__(self, player: TonePlayer) -> None:
        super().__init__()
        self._player = player
        self._tone_buffer = ""

    @property
    def canInsertDTMF(self) -> bool:
        """Whether tones can be sent now: the connection is up, the sender sends, and the peer takes telephone events."""
        return self._player.can_insert_dtmf

    @property
    def toneBuffer(self) -> str:
        """The tones that are still to be played."""
        return self._tone_buffer

    def insertDTMF(self, tones: str, duration: int = 100, interToneGap: int = 70) -> None:
        """Play these tones, in place of those that wait; "" ends after the tone that is playing.

        Args:
            tones: Of 0 to 9, A to D, `#` and `*`; a comma is a pause of two seconds.
            duration: Milliseconds of each tone, brought into 40 to 6000.
            interToneGap: Milliseconds between two tones, brought into 30 to 6000.

        Raises:
            InvalidStateError: `canInsertDTMF` is false.
            InvalidCharacterError: There is no such tone; none is played.
            OperationError: They are too many, or the peer does not take one of them; none is played.
        """
        if not self.canInsertDTMF:
            raise InvalidStateError("tones cannot be sent now")
        tones = tones.translate(_UPPERCASE)
        if not TONES.issuperset(tones):
            raise InvalidCharacterError(f"{''.join(sorted(set(tones) - TONES))!r} are no tones")
        self._player.insert_dtmf(tones, _within(duration, DURATION_LIMITS_MS), _within(interToneGap, GAP_LIMITS_MS))
        self._tone_buffer = tones

    def on(self, type: Literal["tonechange"]) -> Callable[[ToneHandler], ToneHandler]:
        """Decorate a handler; it receives the tone, "" after the last one."""
        return self._on(type)

    # --- what happens to it; called by the sender ---

    def played(self, tone: str) -> None:
        """A tone began, or all have ended ("")."""
        if tone and self._tone_buffer.startswith(tone):
            self._tone_buffer = self._tone_buffer[1:]
        self.dispatchEvent(RTCDTMFToneChangeEvent("tonechange", tone=tone))


_UPPERCASE: Final = str.maketrans("abcd", "ABCD")


def _within(value: int, limits: tuple[int, int]) -> int:
    lowest, highest = limits
    return min(max(value, lowest), highest)
