"""The words that RFC 8866 builds its lines from.

The checks here raise `ValueError`; `Value.parse` makes a `ParseError` of it. Everything a field or an attribute can
hold is a `Value`: it is parsed from the text behind its name, and serialized to such a text.

See :rfc:`8866#section-9`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Self

from rtc_sdp.errors import ParseError

MAX_DIGITS: Final = 20
"""Digits of the longest number we read: enough for 64 bits. Python's ``int`` takes quadratic time, so bound it."""

_TOKEN: Final = re.compile(r"[!#-'*+\-.0-9A-Z^-~]+", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_VISIBLE: Final = re.compile(r"[^\x00-\x20\x7f]+")
_LINE_BREAKERS: Final = re.compile(r"[\x00\r\n]")


def token(text: str, what: str) -> str:
    """Return ``text`` if it is a token: visible ASCII, of whose signs only ``!#$%&'*+-.^_`{|}~`` are allowed."""
    if _TOKEN.fullmatch(text) is None:
        raise ValueError(f"{what} {text!r} is not a token")
    return text


def visible(text: str, what: str) -> str:
    """Return ``text`` if it is one or more characters, none of them a space or a control character."""
    if _VISIBLE.fullmatch(text) is None:
        raise ValueError(f"{what} {text!r} is empty or holds spaces or control characters")
    return text


def digits(text: str, what: str, *, high: int, low: int = 0) -> int:
    """Return the number that ``text`` writes in decimal digits, ``low`` to ``high``."""
    if _DIGITS.fullmatch(text) is None or len(text) > MAX_DIGITS:
        raise ValueError(f"{what} {text[:40]!r} is not a number of at most {MAX_DIGITS} digits")
    return in_range(int(text), what, high=high, low=low)


def in_range(number: int, what: str, *, high: int, low: int = 0) -> int:
    """Return ``number`` if it lies from ``low`` to ``high``."""
    if not low <= number <= high:
        raise ValueError(f"{what} {number} is not within {low} to {high}")
    return number


def canonical_digits(text: str, what: str, *, high: int) -> int:
    """Return the number that ``text`` writes in decimal digits without leading zeros."""
    if len(text) > 1 and text.startswith("0"):
        raise ValueError(f"{what} {text[:40]!r} has leading zeros")
    return digits(text, what, high=high)


def single_line(text: str, what: str) -> str:
    """Return ``text`` if a line can hold it: no NUL, CR or LF, and encodable.

    This is what keeps a value from smuggling further lines into a description.
    """
    # [rfc8866:6.10/5]
    if _LINE_BREAKERS.search(text) is not None:
        raise ValueError(f"{what} holds NUL, CR or LF: {text[:40]!r}")
    if not text.isascii():
        try:
            text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ValueError(f"{what} cannot be encoded: {error.reason}") from error
    return text


def words(text: str, least: int, most: int | None = None) -> list[str]:
    """Split ``text`` at single spaces and return the words, at least ``least`` and at most ``most`` of them."""
    parts = text.split(" ")
    if "" in parts:
        raise ValueError(f"words are not separated by one space each: {text[:80]!r}")
    if len(parts) < least or (most is not None and len(parts) > most):
        raise ValueError(f"expected {least} to {most or 'any number of'} words, got {len(parts)}")
    return parts


class Value(ABC):
    """What a line says behind its type letter or its attribute name.

    Values never change; make another with `dataclasses.replace`. Constructing one with values that the grammar does
    not allow raises `ValueError`.
    """

    __slots__ = ()

    NAME: ClassVar[str]
    """The attribute name, or the type letter of the field."""

    @classmethod
    def parse(cls, value: str) -> Self:
        """Parse the text behind the name.

        Args:
            value: What stands after ``a=name:`` or after the letter and its equals sign; "" for a bare ``a=name``.

        Raises:
            ParseError: The text does not follow the grammar.
        """
        try:
            return cls.decode(value)
        except ValueError as error:
            raise ParseError(f"{cls.NAME}: {error}") from error

    @classmethod
    @abstractmethod
    def decode(cls, value: str) -> Self:
        """Parse the text behind the name; what a new kind of value implements.

        Raises:
            ValueError: Of any kind; `parse` makes a `ParseError` of it that begins with the name.
        """

    @abstractmethod
    def serialize(self) -> str:
        """Return the text behind the name; "" if the name stands alone."""

    def __str__(self) -> str:
        return self.serialize()
