"""Sources of a media section, and groups of them: ``ssrc``, ``ssrc-group``.

::

    a=ssrc:314159 cname:user@example.com
    a=ssrc-group:FID 314159 314160

See :rfc:`5576`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Attribute, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import digits, in_range, token, words

CNAME: Final = "cname"
MAX_SSRC: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Ssrc(TypedAttribute):
    """``ssrc``: one attribute of one source; a source has a line for each of its attributes.

    See :rfc:`5576#section-4.1`.
    """

    NAME: ClassVar[str] = "ssrc"
    REPEATABLE: ClassVar[bool] = True

    ssrc: int
    attribute: Attribute
    """``cname``, ``msid``, ``fmtp`` ..."""

    def __post_init__(self) -> None:
        in_range(self.ssrc, "SSRC", high=MAX_SSRC)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        ssrc, _, attribute = value.partition(" ")
        return cls(digits(ssrc, "SSRC", high=MAX_SSRC), Attribute.from_text(attribute))

    def serialize(self) -> str:
        """Return the SSRC and the attribute."""
        return f"{self.ssrc} {self.attribute.text}"


@dataclass(frozen=True, slots=True)
class SsrcGroup(TypedAttribute):
    """``ssrc-group``: sources that belong together: ``FID`` (retransmission), ``FEC-FR``, ``SIM`` ...

    See :rfc:`5576#section-4.2`.
    """

    NAME: ClassVar[str] = "ssrc-group"
    REPEATABLE: ClassVar[bool] = True

    semantics: str
    ssrcs: tuple[int, ...]

    def __post_init__(self) -> None:
        token(self.semantics, "semantics")
        # [rfc5576:4.2/2]
        if not self.ssrcs:
            raise ValueError("a group of no sources")
        for ssrc in self.ssrcs:
            in_range(ssrc, "SSRC", high=MAX_SSRC)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        semantics, *ssrcs = words(value, 2)
        return cls(semantics, tuple(digits(ssrc, "SSRC", high=MAX_SSRC) for ssrc in ssrcs))

    def serialize(self) -> str:
        """Return semantics and SSRCs."""
        return " ".join((self.semantics, *map(str, self.ssrcs)))
