"""One line, as it stood on the wire, and the cutting of a text into lines.

::

    a=ice-ufrag:8hhY CR LF
    | '------ text ' '---' ending: CR LF, LF alone, or nothing at the end of the text
    letter

A description is kept as its lines, in order. What nobody changes is written back byte for byte, be it spelled oddly
or unknown to us; the typed fields and attributes are views that read the text when asked.

See :rfc:`8866#section-5`.
"""

from __future__ import annotations

from typing import Final

from rtc_sdp.errors import ParseError
from rtc_sdp.grammar import single_line
from rtc_sdp.limits import Limits

CRLF: Final = "\r\n"
TYPE_LETTERS: Final = frozenset("vosiuepcbtrzkam")
BLANK: Final = ""
"""Type "letter" of an empty line, which only the lenient parser lets through."""


class Line:
    """A line: never changed, only replaced."""

    __slots__ = ("ending", "key", "letter", "number", "text")

    def __init__(self, letter: str, text: str, ending: str = CRLF, number: int | None = None, key: str = "") -> None:
        self.letter = letter
        self.text = text
        self.ending = ending
        self.number = number
        """Line number in the text it came from; None if we made it."""
        self.key = key or line_key(letter, text)
        """What it is found by: the letter, and for attributes ``a=`` with the name."""

    def __str__(self) -> str:
        return f"{self.letter}={self.text}" if self.letter else ""

    @property
    def name(self) -> str:
        """The attribute name as it is spelled."""
        return self.text.partition(":")[0]


def line_key(letter: str, text: str) -> str:
    """Return the index key of a line."""
    return "a=" + text.partition(":")[0] if letter == "a" else letter


def make_line(letter: str, text: str) -> Line:
    """Return a line of our own making.

    Raises:
        ValueError: The text would not stay within its line.
    """
    return Line(letter, single_line(text, f"{letter}="))


def decode(data: str | bytes, limits: Limits) -> str:
    """Return the text of a description.

    Bytes that are not UTF-8 (another ``a=charset``, say) survive as lone surrogates, and are written back as they came.

    Raises:
        ParseError: The data is too long, or a text that no bytes stand for.
    """
    try:
        # [rfc8866:5/4]
        text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
        length = len(data) if isinstance(data, bytes) else len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise ParseError(f"text cannot be encoded: {error.reason}") from error
    if length > limits.length:
        raise ParseError(f"description is {length} bytes long, the limit is {limits.length}")
    return text


def split_lines(data: str | bytes, limits: Limits, *, strict: bool, fold_names: bool = False) -> list[Line]:
    """Cut a description into its lines.

    Args:
        data: The whole description.
        limits: What to refuse.
        strict: Refuse empty lines.
        fold_names: Attribute names are found in lower case however they are spelled.

    Raises:
        ParseError: With the number of the line that is none.
    """
    text = decode(data, limits)
    if text.count("\n") > limits.line_count:
        raise ParseError(f"description has more than {limits.line_count} lines")
    pieces = text.split("\n")
    # [rfc8866:5/3] A bare LF ends a line too, and so does the end of the text.
    last = pieces.pop()
    lines = [_read(piece, "\n", number, limits, strict) for number, piece in enumerate(pieces, 1)]
    if last:
        lines.append(_read(last, "", len(pieces) + 1, limits, strict))
    if fold_names:
        lines = [Line(x.letter, x.text, x.ending, x.number, x.key.lower()) for x in lines]
    return lines


def _read(piece: str, ending: str, number: int, limits: Limits, strict: bool) -> Line:
    if piece.endswith("\r"):
        piece, ending = piece[:-1], "\r" + ending
    if len(piece) > limits.line_length:
        raise ParseError(f"line is longer than {limits.line_length}", number)
    if "\r" in piece or "\0" in piece:
        raise ParseError("NUL or CR within a line", number)
    if not piece and not strict:
        return Line(BLANK, "", ending, number)
    letter = piece[:1]
    if piece[1:2] != "=":
        raise ParseError(f"{piece[:20]!r} is not a letter and an equals sign", number)
    # [rfc8866:5/2]
    if letter not in TYPE_LETTERS:
        raise ParseError(f"unknown type letter {letter!r}", number)
    return Line(letter, piece[2:], ending, number)


def join_lines(lines: list[Line]) -> str:
    """Return the text of ``lines``. A line that had no ending gets one unless it is still the last."""
    last = len(lines) - 1
    return "".join([f"{line}{line.ending or (CRLF if i < last else '')}" for i, line in enumerate(lines)])
