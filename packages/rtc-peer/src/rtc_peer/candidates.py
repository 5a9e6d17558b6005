"""Where a candidate belongs that the peer signalled apart from descriptions (RFC 8829 section 4.1.19)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import rtc_ice
from rtc_peer.dataclass import dataclass
from rtc_peer.description import AppliedDescription
from rtc_peer.errors import ArgumentError, OperationError, StateError
from rtc_peer.signaling import Signaling
from rtc_sdp import Mid

_PREFIX: Final = "candidate:"


@dataclass(frozen=True, slots=True)
class CandidateWish:
    """What the application was told by the peer."""

    candidate: str
    sdp_mid: str | None
    sdp_m_line_index: int | None
    username_fragment: str | None

    @property
    def value(self) -> str:
        """The candidate as its attribute writes it; empty for the end of candidates."""
        return self.candidate.removeprefix("a=").removeprefix(_PREFIX).strip()

    @property
    def is_end(self) -> bool:
        """Whether it says that no more will come."""
        return not self.value


@dataclass(frozen=True, slots=True)
class CandidatePlace:
    """A section, a generation, and the descriptions that have both."""

    index: int
    ufrag: str
    descriptions: tuple[AppliedDescription, ...]
    candidate: rtc_ice.Candidate | None
    """``None`` for the end of candidates."""


def locate(wish: CandidateWish, signaling: Signaling) -> list[CandidatePlace]:
    """Find the sections and generations that a candidate is for; one, or all for an end that names none.

    Raises:
        ArgumentError: A candidate names no section.
        StateError: There is no remote description.
        OperationError: There is no such section or generation, or the candidate is malformed.
    """
    names_section = wish.sdp_mid is not None or wish.sdp_m_line_index is not None
    # [rfc8829:4.1.19/1]
    if not wish.is_end and not names_section:
        raise ArgumentError("a candidate names its section by mid or by index")
    remote = signaling.remote
    if remote is None:
        raise StateError("there is no remote description yet")
    candidate = _parse(wish)
    ufrag = wish.username_fragment or (None if candidate is None else candidate.ufrag)
    indexes = [_index(wish, remote)] if names_section else list(range(len(remote.document.media)))
    places = [place for index in indexes for place in _places(index, ufrag, candidate, signaling)]
    # [rfc8829:4.1.19/2]
    if ufrag and not places:
        raise OperationError(f"no remote description has the user fragment {ufrag!r}")
    return places


def _parse(wish: CandidateWish) -> rtc_ice.Candidate | None:
    """Parse the candidate; ``None`` for the end of candidates."""
    if wish.is_end:
        return None
    # [rfc8829:4.1.19/2] [rfc8829:8/1]
    try:
        return rtc_ice.Candidate.parse(wish.value)
    except rtc_ice.ParseError as error:
        raise OperationError(f"the candidate is malformed: {error}") from error


def _index(wish: CandidateWish, remote: AppliedDescription) -> int:
    media = remote.document.media
    # [rfc8829:3.5.2.1/1] [rfc8829:3.5.2.1/2]
    if wish.sdp_mid is not None:
        for index, section in enumerate(media):
            mid = section.get(Mid)
            if mid is not None and mid.tag == wish.sdp_mid:
                return index
        raise OperationError(f"no section has the mid {wish.sdp_mid!r}")
    index = wish.sdp_m_line_index or 0
    if not 0 <= index < len(media):
        raise OperationError(f"there is no section {index}")
    return index


def _places(
    index: int, ufrag: str | None, candidate: rtc_ice.Candidate | None, signaling: Signaling
) -> Iterator[CandidatePlace]:
    """Yield the generation that is meant, with the descriptions that show it."""
    remotes = [each for each in (signaling.pending_remote, signaling.current_remote) if each is not None]
    known = [(each, found) for each in remotes for found in each.ufrags(index)]
    wanted = ufrag if ufrag is not None or not known else known[0][1]
    showing = tuple(each for each, found in known if found == wanted)
    if wanted is not None and showing:
        yield CandidatePlace(index, wanted, showing, candidate)
