"""A session level with media sections below it, and the values that count for a section.

See :rfc:`8866#section-5`.
"""

from __future__ import annotations

from typing import Self, TypeVar

from rtc_sdp.attribute import Scope, TypedAttribute
from rtc_sdp.direction import Direction
from rtc_sdp.fields import Connection
from rtc_sdp.grouping import Mid
from rtc_sdp.line import Line, join_lines
from rtc_sdp.media import MediaDescription
from rtc_sdp.section import Section

T = TypeVar("T", bound=TypedAttribute)


class Document(Section):  # noqa: PLW1641 - mutable, hence not hashable
    """What session descriptions and trickle fragments share."""

    __slots__ = ("media",)

    media: list[MediaDescription]
    """The media sections, in order. A plain list: append, replace, reorder as needed."""

    @classmethod
    def _from_sections(cls, lines: list[Line], media: list[MediaDescription]) -> Self:
        document = cls.__new__(cls)
        Section.__init__(document, lines)
        document.media = media
        return document

    # --- which value counts ---

    def effective(self, media: MediaDescription, kind: type[T]) -> T | None:
        """Return the attribute that counts for a media section: its own, or the session's where that is a default.

        Args:
            media: A section of this description.
            kind: Its class says whether the session level is a default for sections (``SCOPE``).

        Raises:
            ParseError: The value does not follow the grammar.
        """
        source = self._source(media, kind)
        return None if source is None else source.get(kind)

    def effective_all(self, media: MediaDescription, kind: type[T]) -> list[T]:
        """Return all attributes of a kind that count for a media section, as `effective` does."""
        source = self._source(media, kind)
        return [] if source is None else source.get_all(kind)

    def _source(self, media: MediaDescription, kind: type[TypedAttribute]) -> Section | None:
        if kind.SCOPE is Scope.SESSION:
            return self
        if media.has(kind):
            return media
        # [rfc8122:5/3]
        return self if kind.SCOPE is Scope.DEFAULT else None

    def direction_of(self, media: MediaDescription) -> Direction:
        """Return the direction of a media section: its own mark, the session's, or ``sendrecv``."""
        # [rfc8866:6.7/1]
        return media.direction or self.direction or Direction.SENDRECV

    def connection_of(self, media: MediaDescription) -> Connection | None:
        """Return the first ``c=`` line that counts for a media section, None if there is none at either level."""
        return next(iter(media.connections or self._values("c", Connection)), None)

    def by_mid(self, mid: str) -> MediaDescription | None:
        """Return the first media section with that identification tag.

        Looking up many at once, take `media_by_mid`: this walks through the sections.
        """
        return self.media_by_mid().get(mid)

    def media_by_mid(self) -> dict[str, MediaDescription]:
        """Return the media sections that have a ``mid``, by it.

        Raises:
            ParseError: A ``mid`` is not a token.
        """
        found: dict[str, MediaDescription] = {}
        for media in self.media:
            mid = media.get(Mid)
            if mid is not None:
                found.setdefault(mid.tag, media)
        return found

    # --- the text ---

    def _all_lines(self) -> list[Line]:
        lines = list(self._lines)
        for media in self.media:
            lines += media.lines
        return lines

    def __str__(self) -> str:
        return join_lines(self._all_lines())

    def __bytes__(self) -> bytes:
        # [rfc8866:5/4]
        return str(self).encode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, line by line; how the lines end does not count."""
        if not isinstance(other, Document) or type(self) is not type(other):
            return NotImplemented
        return list(map(str, self._lines)) == list(map(str, other.lines)) and self.media == other.media


def cut_sections(lines: list[Line]) -> tuple[list[Line], list[list[Line]]]:
    """Cut lines before every ``m=`` line; return the session level and the media sections."""
    session: list[Line] = []
    media: list[list[Line]] = []
    for line in lines:
        if line.letter == "m":
            media.append([line])
        else:
            (media[-1] if media else session).append(line)
    return session, media
