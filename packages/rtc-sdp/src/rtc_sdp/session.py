"""Session descriptions: parsing, writing, and the fields of the session level.

See :rfc:`8866#section-5`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Final, Self, TypeVar

from rtc_sdp.document import Document, cut_sections
from rtc_sdp.errors import ParseError
from rtc_sdp.fields import Connection, Origin
from rtc_sdp.grammar import Value
from rtc_sdp.limits import DEFAULT_LIMITS, Limits
from rtc_sdp.line import Line, make_line, split_lines
from rtc_sdp.media import read_media
from rtc_sdp.syntax import MEDIA_NEXT, check_counts, check_lines, check_session
from rtc_sdp.timing import Repeat, TimeDescription, ZoneAdjustments

R = TypeVar("R", bound=Value)

_CHARSETS: Final = re.compile(
    r"us-ascii|utf-8|iso-8859-\d{1,2}|windows-\d{3,4}|koi8-[ru]|shift_jis|euc-(jp|kr)|iso-2022-(jp|kr)"
    r"|gb(2312|k|18030)|big5",
    re.ASCII | re.IGNORECASE,
)
"""The character sets that `SessionDescription.in_charset` reads. Python knows codecs that a stranger must not choose."""


class SessionDescription(Document):
    """A session description.

    Args:
        origin: Who makes it; `Origin.create` makes one for a new session.
        session_name: What ``s=`` says; a dash where there is nothing to say.
        times: When the session is active; without bounds by default.

    Raises:
        ValueError: The session name is empty or holds a line break, or there is no time.
    """

    __slots__ = ()

    ORDER: ClassVar[str] = "vosiuepcbtrzka"

    def __init__(
        self,
        origin: Origin,
        *,
        session_name: str = "-",
        times: Iterable[TimeDescription] = (TimeDescription(),),
    ) -> None:
        # [rfc3264:5/5] [rfc3264:5/6] [rfc8866:5.3/3]
        super().__init__([make_line("v", "0"), make_line("o", origin.serialize())])
        self.media = []
        self.session_name = session_name
        self.times = tuple(times)

    @classmethod
    def parse(cls, data: str | bytes, *, strict: bool = True, limits: Limits = DEFAULT_LIMITS) -> Self:
        """Parse a session description.

        Lines may end in CR LF or LF, the last in nothing. Attributes are not looked into beyond their names; call
        `check_description` for that, or read them one by one.

        Args:
            data: The whole text.
            strict: Hold every line to the grammar, and all of them to the order it prescribes. False takes lines of
                known letters in any order and with any value, and empty lines; only ``m=`` lines must still make
                sense. What cannot be read then raises when it is asked for.
            limits: What to refuse for its size.

        Raises:
            ParseError: The text is not a session description; the error has the line number.
        """
        session, sections = cut_sections(split_lines(data, limits, strict=strict))
        if strict:
            check_session(session)
        check_counts(session, sections, limits)
        media = []
        for lines in sections:
            if strict:
                check_lines(lines[1:], MEDIA_NEXT, "m")
            media.append(read_media(lines, strict=strict))
        return cls._from_sections(session, media)

    @property
    def origin(self) -> Origin:
        """``o=``: who made it, and which version it is.

        Raises:
            ParseError: The line is missing or malformed, which only the lenient parser lets through.
        """
        origins = self._values("o", Origin)
        if not origins:
            raise ParseError("no o= line")
        return origins[0]

    @origin.setter
    def origin(self, origin: Origin) -> None:
        self._set_values("o", [origin])

    def increment_version(self) -> None:
        """Count the version in ``o=`` up by one, as every change of a description must.

        See :rfc:`3264#section-8`.
        """
        # [rfc3264:8/2]
        self.origin = replace(self.origin, sess_version=self.origin.sess_version + 1)

    @property
    def session_name(self) -> str:
        """``s=``; "" if the line is missing, which only the lenient parser lets through."""
        return self._text("s") or ""

    @session_name.setter
    def session_name(self, name: str) -> None:
        # [rfc8866:5.3/2]
        if not name:
            raise ValueError("a session name is never empty; write a dash")
        self._set_texts("s", (name,))

    def in_charset(self, text: str) -> str:
        """Return text of this description as the ``charset`` attribute says to read it.

        What a field holds besides UTF-8 is kept as lone surrogates (see :pep:`383`); this turns it into characters.
        Text in an unknown charset, or that does not fit it, comes back as it is.

        Raises:
            ParseError: There is a ``charset`` that names none.
        """
        from rtc_sdp.standard import Charset  # loads twenty attributes that few descriptions have

        charset = self.get(Charset)
        # [rfc8866:6.10/2] [rfc8866:6.10/3]
        if charset is None or _CHARSETS.fullmatch(charset.text) is None:
            return text
        try:
            return text.encode("utf-8", "surrogateescape").decode(charset.text)
        except (LookupError, UnicodeDecodeError):
            return text

    def fits_charset(self, text: str) -> bool:
        """Whether text of this description is what its ``charset`` attribute says; one that is not known takes any.

        Raises:
            ParseError: There is a ``charset`` that names none.
        """
        from rtc_sdp.standard import Charset  # loads twenty attributes that few descriptions have

        charset = self.get(Charset)
        if charset is not None and _CHARSETS.fullmatch(charset.text) is not None:
            try:
                text.encode("utf-8", "surrogateescape").decode(charset.text)
            except LookupError:
                return True
            except UnicodeDecodeError:
                return False
        return True

    @property
    def uri(self) -> str | None:
        """``u=``: where to read more."""
        return self._text("u")

    @uri.setter
    def uri(self, uri: str | None) -> None:
        self._set_texts("u", () if uri is None else (uri,))

    @property
    def emails(self) -> tuple[str, ...]:
        """The ``e=`` lines."""
        return tuple(line.text for line in self._index.get("e", ()))

    @emails.setter
    def emails(self, emails: Iterable[str]) -> None:
        self._set_texts("e", tuple(emails))

    @property
    def phones(self) -> tuple[str, ...]:
        """The ``p=`` lines."""
        return tuple(line.text for line in self._index.get("p", ()))

    @phones.setter
    def phones(self, phones: Iterable[str]) -> None:
        self._set_texts("p", tuple(phones))

    @property
    def connection(self) -> Connection | None:
        """``c=`` of the session level, the default for sections without one."""
        return next(iter(self._values("c", Connection)), None)

    @connection.setter
    def connection(self, connection: Connection | None) -> None:
        self._set_values("c", () if connection is None else (connection,))

    @property
    def times(self) -> tuple[TimeDescription, ...]:
        """The ``t=`` lines, each with its ``r=`` and ``z=`` lines; assign at least one to rewrite them all."""
        blocks: list[list[Line]] = []
        for line in self._lines:
            if line.letter == "t":
                blocks.append([line])
            elif line.letter in ("r", "z") and blocks:
                blocks[-1].append(line)
        return tuple(map(_time_description, blocks))

    @times.setter
    def times(self, times: Iterable[TimeDescription]) -> None:
        made: list[Line] = []
        for time in times:
            made.append(make_line("t", time.serialize()))
            made += [make_line("r", repeat.serialize()) for repeat in time.repeats]
            if time.zone_adjustments is not None:
                made.append(make_line("z", time.zone_adjustments.serialize()))
        if not made:
            raise ValueError("a session has at least one time")
        before = [line for line in self._lines if line.letter not in ("t", "r", "z", "k", "a")]
        after = [line for line in self._lines if line.letter in ("k", "a")]
        self._lines = before + made + after
        self._reindex()

    def __repr__(self) -> str:
        return f"<SessionDescription {self._text('o')!r} {self.media!r}>"


def _time_description(block: list[Line]) -> TimeDescription:
    """Return what a ``t=`` line and the ``r=`` and ``z=`` lines behind it say."""
    zones = [_value(ZoneAdjustments, line) for line in block if line.letter == "z"]
    return replace(
        _value(TimeDescription, block[0]),
        repeats=tuple(_value(Repeat, line) for line in block if line.letter == "r"),
        zone_adjustments=zones[0] if zones else None,
    )


def _value(kind: type[R], line: Line) -> R:
    try:
        return kind.parse(line.text)
    except ParseError as error:
        raise ParseError(error.reason, line.number) from error
