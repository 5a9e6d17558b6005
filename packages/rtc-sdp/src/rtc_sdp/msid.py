"""Media streams: ``msid`` and the older ``msid-semantic``.

::

    a=msid:stream track
    a=msid:- track          a track that is in no stream

See :rfc:`8830`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Scope, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.errors import ParseError
from rtc_sdp.grammar import in_range, token, words
from rtc_sdp.media import MediaDescription

NO_STREAM: Final = "-"
"""The stream identifier of a track that is in no stream (:rfc:`8829#section-5.2.1`)."""

_MAX_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Msid(TypedAttribute):
    """``msid``: a MediaStream that the section's track is in, and the track.

    See :rfc:`8830#section-2`.
    """

    NAME: ClassVar[str] = "msid"
    REPEATABLE: ClassVar[bool] = True

    id: str
    """Identifier of the stream, up to 64 characters; ``-`` for none."""
    appdata: str | None = None
    """Identifier of the track."""

    def __post_init__(self) -> None:
        for text in (self.id,) if self.appdata is None else (self.id, self.appdata):
            token(text, "msid")
            in_range(len(text), "length of msid", low=1, high=_MAX_LENGTH)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(*words(value, 1, 2))

    def serialize(self) -> str:
        """Return stream and track."""
        return self.id if self.appdata is None else f"{self.id} {self.appdata}"


@dataclass(frozen=True, slots=True)
class MsidSemantic(TypedAttribute):
    """``msid-semantic``: what drafts of RFC 8830 wanted and browsers still write, ``WMS *`` or with a leading space."""

    NAME: ClassVar[str] = "msid-semantic"
    SCOPE: ClassVar[Scope] = Scope.SESSION
    REPEATABLE: ClassVar[bool] = True

    semantic: str
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        token(self.semantic, "semantic")
        for text in self.ids:
            token(text, "msid")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        semantic, *ids = value.split()
        return cls(semantic, tuple(ids))

    def serialize(self) -> str:
        """Return semantic and identifiers."""
        return " ".join((self.semantic, *self.ids))


def usable_msids(media: MediaDescription) -> list[Msid]:
    """Return the ``msid`` lines of a section that follow the grammar, in order.

    See :rfc:`8830#section-3`.
    """
    found = []
    for attribute in media.get_all(Msid.NAME):
        try:
            found.append(Msid.parse(attribute.value or ""))
        except ParseError:
            # [rfc8830:3/1]
            continue
    return found
