"""What can go wrong, named by whose fault it is.

`ParseError` is the fault of whoever wrote the text; `DescriptionError` says that a description, well formed as it
is, breaks a rule that reaches over several lines. Arguments that no description could hold raise plain `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtc_sdp.dataclass import dataclass


class SdpError(ValueError):
    """Root of the errors of this package."""


class ParseError(SdpError):
    """The text is not a session description, or a line of it does not follow its grammar.

    Attributes:
        reason: What is wrong, without the line number.
        line: Number of the line in the text that was parsed, from 1; None if the value did not come from a text.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.reason = reason
        self.line = line

    def __reduce__(self) -> tuple[type[ParseError], tuple[str, int | None]]:
        return type(self), (self.reason, self.line)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule that a check found."""

    text: str
    """What is wrong, for a person."""

    reference: str
    """Where the rule stands, such as ``RFC 3264 section 6``."""

    media_index: int | None = None
    """Index of the media section, from 0; None if it concerns the session."""

    def __str__(self) -> str:
        where = "session" if self.media_index is None else f"media section {self.media_index}"
        return f"{where}: {self.text} ({self.reference})"


class DescriptionError(SdpError):
    """A description breaks rules of SDP or of offer/answer; ``problems`` lists all that were found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[DescriptionError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)
