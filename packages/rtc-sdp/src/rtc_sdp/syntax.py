"""What the strict parser holds a text to: the order of the lines, and the grammar of each.

See :rfc:`8866#section-5` and :rfc:`8866#section-9`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rtc_sdp.attribute import Attribute
from rtc_sdp.errors import ParseError
from rtc_sdp.fields import Bandwidth, Connection, Origin
from rtc_sdp.limits import Limits
from rtc_sdp.line import Line
from rtc_sdp.timing import Repeat, TimeDescription, ZoneAdjustments

SESSION_NEXT: Final[Mapping[str, str]] = {
    "": "v",
    "v": "o",
    "o": "s",
    "s": "iuepcbt",
    "i": "uepcbt",
    "u": "epcbt",
    "e": "epcbt",
    "p": "pcbt",
    "c": "bt",
    "b": "bt",
    # RFC 4566 allowed z= right after t=, so it does not have to follow an r= here.
    "t": "rztka",
    "r": "rztka",
    "z": "tka",
    "k": "a",
    "a": "a",
}
"""Which type letters may follow which at the session level."""

SESSION_LAST: Final = frozenset("trzka")
"""What the session level may end with: by then it has a ``t=`` line."""

MEDIA_NEXT: Final[Mapping[str, str]] = {"m": "icbka", "i": "cbka", "c": "cbka", "b": "bka", "k": "a", "a": "a"}
"""Which type letters may follow which in a media section."""

FRAGMENT_NEXT: Final[Mapping[str, str]] = {"": "a", "a": "a", "m": "icbka", "i": "cbka", "c": "cbka", "b": "bka"}
"""The same for both levels of a trickle fragment (:rfc:`8840#section-9.2`)."""

_KEY: Final = re.compile(r"prompt|clear:.+|base64:[A-Za-z0-9+/]*={0,2}|uri:.+")


def _version(text: str) -> None:
    if text.strip("0") or not text:
        raise ValueError(f"protocol version {text[:20]!r} is not 0")


def _text(text: str) -> None:
    # [rfc8866:5.3/2]
    if not text:
        raise ValueError("the line is empty")


def _key(text: str) -> None:
    if _KEY.fullmatch(text) is None:
        raise ValueError("not an encryption key field")


_EMPTY_LISTS: Final = frozenset({"rtcp-xr"})
"""Attributes whose own grammar lets the value be empty (:rfc:`3611#section-5.1`)."""


def _attribute(text: str) -> None:
    attribute = Attribute.from_text(text)
    if attribute.value == "" and attribute.name not in _EMPTY_LISTS:
        raise ValueError(f"attribute {text[:40]!r} has a colon but no value")


_CHECKS: Final[Mapping[str, Callable[[str], object]]] = {
    "v": _version,
    "o": Origin.parse,
    "s": _text,
    "i": _text,
    "u": _text,
    "e": _text,
    "p": _text,
    "c": Connection.parse,
    "b": Bandwidth.parse,
    "t": TimeDescription.parse,
    "r": Repeat.parse,
    "z": ZoneAdjustments.parse,
    "k": _key,
    "a": _attribute,
}
"""What each line says, but for ``m=``, which is always parsed."""


def check_session(lines: Iterable[Line]) -> None:
    """Check the lines before the first ``m=``.

    Raises:
        ParseError: A line is missing, out of order or malformed.
    """
    last = check_lines(lines, SESSION_NEXT, "")
    # [rfc8866:5/1] [rfc8866:5.3/1]
    if last not in SESSION_LAST:
        raise ParseError("the session level is incomplete: v=, o=, s= and t= are required")


def check_lines(lines: Iterable[Line], following: Mapping[str, str], before: str) -> str:
    """Check the order of lines and what each says; return the letter of the last.

    Args:
        lines: The lines behind ``before``.
        following: Which letters may follow which.
        before: The letter of the line before them; "" if there is none.

    Raises:
        ParseError: A line is out of order or malformed.
    """
    for line in lines:
        # [rfc8866:5/1] [rfc8866:5.6/1] [rfc8866:5.7/6] [rfc3264:5/4]
        if line.letter not in following[before]:
            raise ParseError(f"{line.letter}= cannot stand after {before or 'nothing'}", line.number)
        try:
            _CHECKS[line.letter](line.text)
        except ParseError as error:
            raise ParseError(error.reason, line.number) from error
        except ValueError as error:
            raise ParseError(f"{line.letter}: {error}", line.number) from error
        before = line.letter
    return before


def check_counts(session: list[Line], media: list[list[Line]], limits: Limits) -> None:
    """Check that there are not too many media sections, nor attributes in one section.

    Raises:
        ParseError: There are.
    """
    if len(media) > limits.media_count:
        raise ParseError(f"description has more than {limits.media_count} media sections", media[-1][0].number)
    for lines in (session, *media):
        count = sum(line.letter == "a" for line in lines)
        if count > limits.attribute_count:
            raise ParseError(f"section has more than {limits.attribute_count} attributes", lines[0].number)
