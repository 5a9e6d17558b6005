"""Media sections: an ``m=`` line and what follows it.

See :rfc:`8866#section-5.14`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Self

from rtc_sdp.errors import ParseError
from rtc_sdp.fields import Connection, MediaField
from rtc_sdp.line import Line, join_lines, make_line
from rtc_sdp.section import Section


class MediaDescription(Section):  # noqa: PLW1641 - mutable, hence not hashable
    """One media section of a description.

    Args:
        media_type: ``audio``, ``video``, ``application`` ...
        port: 0 to 65,535; 9 ("discard") where ICE will find the port.
        protocol: Such as ``UDP/TLS/RTP/SAVPF``.
        formats: In order of preference, at least one.

    Raises:
        ValueError: An argument does not fit into an ``m=`` line.
    """

    __slots__ = ("_field",)

    ORDER: ClassVar[str] = "micbka"

    def __init__(self, media_type: str, port: int, protocol: str, formats: Iterable[str]) -> None:
        field = MediaField(media_type, port, protocol, tuple(formats))
        self._load([make_line("m", field.serialize())], field)

    @classmethod
    def from_lines(cls, lines: list[Line], field: MediaField) -> Self:
        """Return the section that ``lines`` make up; the first is the ``m=`` line that says ``field``."""
        media = cls.__new__(cls)
        media._load(lines, field)  # noqa: SLF001 - a constructor of this very class
        return media

    def _load(self, lines: list[Line], field: MediaField) -> None:
        super().__init__(lines)
        self._field = field

    @property
    def field(self) -> MediaField:
        """What the ``m=`` line says; assign to rewrite it."""
        return self._field

    @field.setter
    def field(self, field: MediaField) -> None:
        self._set_values("m", [field])
        self._field = field

    @property
    def media_type(self) -> str:
        """``audio``, ``video``, ``application`` ..."""
        return self._field.media_type

    @media_type.setter
    def media_type(self, media_type: str) -> None:
        self.field = replace(self._field, media_type=media_type)

    @property
    def port(self) -> int:
        """The transport port; 0 for a rejected section, or one that only exists within a bundle."""
        return self._field.port

    @port.setter
    def port(self, port: int) -> None:
        self.field = replace(self._field, port=port)

    @property
    def protocol(self) -> str:
        """The transport protocol, such as ``UDP/TLS/RTP/SAVPF``."""
        return self._field.protocol

    @protocol.setter
    def protocol(self, protocol: str) -> None:
        self.field = replace(self._field, protocol=protocol)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats, in order of preference."""
        return self._field.formats

    @formats.setter
    def formats(self, formats: Iterable[str]) -> None:
        self.field = replace(self._field, formats=tuple(formats))

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The section's own ``c=`` lines; see `Document.connection_of` for the one that counts."""
        return tuple(self._values("c", Connection))

    @connections.setter
    def connections(self, connections: Iterable[Connection]) -> None:
        self._set_values("c", connections)

    @property
    def is_rtp(self) -> bool:
        """Whether the protocol is a profile of RTP."""
        return "RTP" in self.protocol.split("/")

    @property
    def is_srtp(self) -> bool:
        """Whether the protocol is a profile of SRTP, by its name."""
        return self.is_rtp and self.protocol.rpartition("/")[2] in ("SAVP", "SAVPF")

    def __str__(self) -> str:
        return join_lines(self._lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MediaDescription):
            return NotImplemented
        return list(map(str, self._lines)) == list(map(str, other.lines))

    def __repr__(self) -> str:
        return f"<MediaDescription {self._field}>"


def read_media(lines: list[Line], *, strict: bool) -> MediaDescription:
    """Return the section that ``lines``, beginning with an ``m=`` line, make up.

    The lenient reading takes any white space between words, and a missing format list (as ``0``).

    Raises:
        ParseError: The ``m=`` line does not follow the grammar.
    """
    head = lines[0]
    text = head.text
    if not strict:
        parts = text.split()
        text = " ".join(parts if len(parts) != 3 else [*parts, "0"])
    try:
        return MediaDescription.from_lines(lines, MediaField.parse(text))
    except ParseError as error:
        raise ParseError(error.reason, head.number) from error
