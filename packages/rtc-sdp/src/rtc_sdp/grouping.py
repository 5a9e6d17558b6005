"""Tags of media sections and groups of them: ``mid``, ``group``, ``bundle-only``.

::

    a=group:BUNDLE 0 1      at the session level
    a=mid:0                 in a media section
    a=bundle-only

See :rfc:`5888` and :rfc:`9143`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Flag, Scope, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import token, words

BUNDLE: Final = "BUNDLE"
LIP_SYNCHRONIZATION: Final = "LS"
FLOW_IDENTIFICATION: Final = "FID"


@dataclass(frozen=True, slots=True)
class Mid(TypedAttribute):
    """``mid``: the identification tag of a media section, unique in the description.

    See :rfc:`5888#section-4`.
    """

    NAME: ClassVar[str] = "mid"

    tag: str

    def __post_init__(self) -> None:
        # [rfc5888:4/1]
        token(self.tag, "identification tag")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(value)

    def serialize(self) -> str:
        """Return the tag."""
        return self.tag


@dataclass(frozen=True, slots=True)
class Group(TypedAttribute):
    """``group``: media sections that belong together in the sense that ``semantics`` says.

    See :rfc:`5888#section-5`.
    """

    NAME: ClassVar[str] = "group"
    SCOPE: ClassVar[Scope] = Scope.SESSION
    REPEATABLE: ClassVar[bool] = True

    semantics: str
    """``BUNDLE``, ``LS``, ``FID`` or another token."""
    tags: tuple[str, ...] = ()
    """The ``mid`` of each; may be none."""

    def __post_init__(self) -> None:
        token(self.semantics, "semantics")
        for tag in self.tags:
            token(tag, "identification tag")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        semantics, *tags = words(value, 1)
        return cls(semantics, tuple(tags))

    def serialize(self) -> str:
        """Return semantics and tags."""
        return " ".join((self.semantics, *self.tags))


class BundleOnly(Flag):
    """``bundle-only``: the section is to be used only if it is bundled; offered with port 0.

    See :rfc:`9143#section-6`.
    """

    __slots__ = ()
    NAME: ClassVar[str] = "bundle-only"
