"""Attributes: the text form that every ``a=`` line has, and the typed form of those we know.

::

    a=recvonly             property attribute: the name alone
    a=fmtp:111 minptime=10 value attribute: name, colon, value

See :rfc:`8866#section-5.13`.
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar, Self, final

from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import Value, single_line, token


class Scope(Enum):
    """At which level of a description an attribute may stand, and for whom it counts there."""

    SESSION = "session"
    """Only before the first ``m=`` line."""

    MEDIA = "media"
    """Only in a media section."""

    DEFAULT = "session default"
    """In a media section; before the first ``m=`` line it is the default for sections without one."""

    SEPARATE = "separate"
    """At both levels, with a meaning of its own at each."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as text. Attributes unknown to us are kept, and found, in this form."""

    name: str
    """A token, in the case it was spelled with."""

    value: str | None = None
    """What follows the colon; None if there is no colon."""

    def __post_init__(self) -> None:
        # [rfc8866:5.13/1]
        token(self.name, "attribute name")
        single_line(self.value or "", "attribute value")

    @classmethod
    def from_text(cls, text: str) -> Attribute:
        """Return the attribute that the text behind ``a=`` writes."""
        name, colon, value = text.partition(":")
        return cls(name, value if colon else None)

    @property
    def text(self) -> str:
        """What stands behind ``a=``."""
        return self.name if self.value is None else f"{self.name}:{self.value}"

    def __str__(self) -> str:
        return self.text


class TypedAttribute(Value):
    """An attribute whose value we understand. Each kind is a class; its ``NAME`` is the attribute's."""

    __slots__ = ()

    SCOPE: ClassVar[Scope] = Scope.MEDIA
    REPEATABLE: ClassVar[bool] = False
    """Several lines of it in one section make sense."""
    MAY_BE_EMPTY: ClassVar[bool] = False
    """The value may be nothing, with the colon standing all the same."""

    def to_attribute(self) -> Attribute:
        """Return the text form."""
        value = self.serialize()
        return Attribute(self.NAME, value if value or self.MAY_BE_EMPTY else None)


class Flag(TypedAttribute):
    """An attribute that is a name alone: present or not."""

    __slots__ = ()

    @classmethod
    @final
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        if value:
            raise ValueError(f"a property attribute has no value, got {value[:40]!r}")
        return cls()

    @final
    def serialize(self) -> str:
        """Return "": the name stands alone."""
        return ""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(self.NAME)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


@dataclass(frozen=True, slots=True)
class Text(TypedAttribute):
    """An attribute whose value we hand on as it is."""

    text: str

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("the value is empty")
        single_line(self.text, "value")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(value)

    def serialize(self) -> str:
        """Return the text."""
        return self.text
