"""Checks of single attributes: grammar, level, and how often they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtc_sdp.attribute import Scope
from rtc_sdp.errors import ParseError, Problem
from rtc_sdp.media import MediaDescription
from rtc_sdp.msid import Msid
from rtc_sdp.registry import KNOWN_ATTRIBUTES
from rtc_sdp.section import Section
from rtc_sdp.session import SessionDescription
from rtc_sdp.simulcast import Rid, Simulcast

IGNORED_IF_MALFORMED: Final = frozenset({Msid.NAME, Rid.NAME, Simulcast.NAME})
"""Attributes that go unread, rather than spoil the description, if they are malformed."""


def malformed_attributes(description: SessionDescription) -> list[Problem]:
    """Return a problem for every known attribute that cannot be read."""
    sections: list[tuple[int | None, Section]] = [(None, description), *enumerate(description.media)]
    return [problem for index, section in sections for problem in _malformed(section, index)]


def _malformed(section: Section, index: int | None) -> Iterator[Problem]:
    for name, kind in KNOWN_ATTRIBUTES.items():
        if not section.has(name) or name in IGNORED_IF_MALFORMED:
            continue
        try:
            section.get_all(kind)
        except ParseError as error:
            yield Problem(f"a={error.reason}{_at(error)}", "RFC 8866 section 5.13", index)


def _at(error: ParseError) -> str:
    return "" if error.line is None else f" in line {error.line}"


def misplaced_attributes(description: SessionDescription) -> Iterator[Problem]:
    """Yield a problem for every known attribute at a level where it means nothing, or that comes too often."""
    sections: list[tuple[int | None, Section]] = [(None, description), *enumerate(description.media)]
    for index, section in sections:
        wrong = Scope.MEDIA if index is None else Scope.SESSION
        for name, kind in KNOWN_ATTRIBUTES.items():
            count = len(section.get_all(name))
            # [rfc8853:5.2/1]
            if count and kind.SCOPE is wrong:
                yield Problem(f"a={name} means nothing at this level", "the attribute's usage level", index)
            # [rfc8853:5.2/2]
            if count > 1 and not kind.REPEATABLE:
                yield Problem(f"a={name} comes {count} times", "the attribute's definition", index)


def uses_dtls(media: MediaDescription) -> bool:
    """Whether a section runs over DTLS (or TLS)."""
    return not {"DTLS", "TLS"}.isdisjoint(media.protocol.split("/"))
