"""The payload of telephone events: DTMF digits and other signals of telephony (:rfc:`4733#section-2.3`)."""

from collections.abc import Iterable
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

DTMF_TONES: Final = "0123456789*#ABCD"
"""The digits of a telephone; the place of each is its event code."""
DTMF_CODES: Final = frozenset(range(len(DTMF_TONES)))
MAX_EVENT_CODE: Final = 255
MAX_CODE_DIGITS: Final = 3
MAX_DURATION: Final = 0xFFFF
"""The longest that one report can tell, in ticks; longer events are reported in segments."""
MAX_VOLUME: Final = 63
EVENT_LENGTH: Final = 4

_END: Final = 0x80
_VOLUME: Final = 0x3F


@dataclass(slots=True)
class TelephoneEvent:
    """A report of one event: what it is, how loud, and how long it has lasted up to now.

    ::

        event | E R volume | duration
          8     1 1   6       16

    See :rfc:`4733#section-2.3`.
    """

    LENGTH: ClassVar = EVENT_LENGTH

    code: int
    """0 to 255; 0 to 15 are `DTMF_TONES`."""
    end: bool
    """The event is over."""
    volume: int
    """Power of a tone, dBm0 without its sign: 0 to 63."""
    duration: int
    """Ticks since the packet's timestamp, 16 bits."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse one report of four bytes.

        Raises:
            ParseError: It is not of four bytes.
        """
        if len(data) != EVENT_LENGTH:
            raise ParseError(f"a telephone event has {EVENT_LENGTH} bytes, not {len(data)}")
        # [rfc4733:2.3.3/1] The reserved bit is not looked at.
        return cls(data[0], bool(data[1] & _END), data[1] & _VOLUME, data[2] << 8 | data[3])

    def serialize(self) -> bytes:
        """Return the four bytes."""
        return bytes([self.code, _END * self.end | self.volume, self.duration >> 8, self.duration & 0xFF])


def parse_telephone_events(payload: bytes) -> list[TelephoneEvent]:
    """Parse a whole payload: mostly one report, but several events that follow each other may share it.

    Raises:
        ParseError: It is empty, or not of whole reports.

    See :rfc:`4733#section-2.5.1.5`.
    """
    if not payload or len(payload) % EVENT_LENGTH:
        raise ParseError(f"telephone events have {EVENT_LENGTH} bytes each, all together {len(payload)}")
    return [TelephoneEvent.parse(payload[at : at + EVENT_LENGTH]) for at in range(0, len(payload), EVENT_LENGTH)]


def parse_event_codes(text: str) -> frozenset[int]:
    """Parse the list of event codes in a=fmtp, such as "0-15,66,70".

    Raises:
        ParseError: It is not a list of numbers and ranges up to 255.

    See :rfc:`4733#section-2.4`.
    """
    codes: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not _is_code(first) or (dash and not _is_code(last)):
            raise ParseError(f"not a list of telephone events: {text!r}")
        low, high = int(first), int(last or first)
        if not low <= high <= MAX_EVENT_CODE:
            raise ParseError(f"not a range of telephone events: {part!r}")
        codes.update(range(low, high + 1))
    return frozenset(codes)


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MAX_CODE_DIGITS


def format_event_codes(codes: Iterable[int]) -> str:
    """Return the list of event codes for a=fmtp, runs of them as ranges. See :rfc:`4733#section-2.4`."""
    # [rfc4733:2.5.1.1/1] [rfc4733:2.5.2.1/1] [rfc4733:9.2/2] [rfc4733:9.2/3]
    runs: list[tuple[int, int]] = []
    for code in sorted(set(codes)):
        if runs and runs[-1][1] == code - 1:
            runs[-1] = (runs[-1][0], code)
        else:
            runs.append((code, code))
    return ",".join([str(low) if low == high else f"{low}-{high}" for low, high in runs])
