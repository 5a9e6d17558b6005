"""How much a description may hold.

A description comes from a stranger. Parsing takes time and memory in proportion to its length, and the length is
bounded here. The defaults are an order of magnitude above what a browser sends in a conference of a hundred.
"""

from __future__ import annotations

from typing import Final

from rtc_sdp.dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds that parsing keeps; beyond one of them the text is refused with `ParseError`."""

    length: int = 2 * 1024 * 1024
    """Bytes of the whole text, line endings included."""

    line_length: int = 32 * 1024
    """Characters of one line, its ending not counted."""

    line_count: int = 50_000
    """Lines of the whole text."""

    media_count: int = 2_048
    """Media sections."""

    attribute_count: int = 8_192
    """Attribute lines of one section."""


DEFAULT_LIMITS: Final = Limits()
