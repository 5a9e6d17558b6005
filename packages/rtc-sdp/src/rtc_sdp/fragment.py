"""Trickle fragments: candidates on their way after the offer or answer (``application/trickle-ice-sdpfrag``).

::

    a=ice-ufrag:8hhY
    a=ice-pwd:asd88fgpdd777uzjYhagZg
    m=audio 9 RTP/AVP 0            a pseudo m= line: only a heading
    a=mid:0                        for the section with this tag
    a=candidate:1 1 UDP 2130706431 192.0.2.1 5010 typ host
    a=end-of-candidates

SIP carries them in INFO requests, WHIP and WHEP in PATCH requests.

See :rfc:`8840#section-9`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from rtc_sdp.document import Document, cut_sections
from rtc_sdp.fields import MediaField
from rtc_sdp.grouping import Mid
from rtc_sdp.limits import DEFAULT_LIMITS, Limits
from rtc_sdp.line import split_lines
from rtc_sdp.media import MediaDescription, read_media
from rtc_sdp.syntax import FRAGMENT_NEXT, check_counts, check_lines

TRICKLE_MEDIA_TYPE: Final = "application/trickle-ice-sdpfrag"
PSEUDO_MEDIA_FIELD: Final = MediaField("audio", 9, "RTP/AVP", ("0",))
"""What a pseudo ``m=`` line says if nothing better is known (:rfc:`8840#section-4.4`)."""


class TrickleFragment(Document):
    """A part of a description that brings candidates.

    ICE credentials stand at the level they had in the offer or answer; read them with `effective`. Attribute names
    are found in lower case whatever their spelling.
    """

    __slots__ = ()

    ORDER: ClassVar[str] = "a"

    def __init__(self) -> None:
        super().__init__()
        self.media = []

    @classmethod
    def parse(cls, data: str | bytes, *, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Parse a fragment.

        Args:
            data: The whole text.
            limits: What to refuse for its size.

        Raises:
            ParseError: The text is not a fragment; the error has the line number.
        """
        session, sections = cut_sections(split_lines(data, limits, strict=True, fold_names=True))
        check_counts(session, sections, limits)
        check_lines(session, FRAGMENT_NEXT, "")
        media = []
        for lines in sections:
            check_lines(lines[1:], FRAGMENT_NEXT, "m")
            media.append(read_media(lines, strict=False))
        return cls._from_sections(session, media)

    def add_section(self, mid: str, field: MediaField = PSEUDO_MEDIA_FIELD) -> MediaDescription:
        """Append a pseudo media section and return it, to add candidates to.

        Args:
            mid: The tag of the media section whose candidates will follow.
            field: What its ``m=`` line says in the offer or answer, if known.
        """
        media = MediaDescription(field.media_type, field.port, field.protocol, field.formats)
        media.add(Mid(mid))
        self.media.append(media)
        return media

    def __repr__(self) -> str:
        return f"<TrickleFragment {self.media!r}>"
