"""Session descriptions as the application exchanges them, and as the connection keeps them."""

from __future__ import annotations

import enum
from typing import Final

from rtc_peer.dataclass import dataclass
from rtc_sdp import BUNDLE, Candidate, EndOfCandidates, Group, IceUfrag, Mid
from rtc_sdp import SessionDescription as SdpDocument

MAX_CANDIDATES: Final = 128
"""Candidates of one section that are kept; further ones are ignored."""


class SdpType(enum.Enum):
    """What a description is meant as."""

    OFFER = "offer"
    PRANSWER = "pranswer"
    """A provisional answer: it starts the transports, but a final one follows."""
    ANSWER = "answer"
    ROLLBACK = "rollback"
    """No description at all: back to the last stable state."""


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """A description on its way between application and connection."""

    type: SdpType
    sdp: str = ""
    """The text; empty for a rollback."""


class AppliedDescription:
    """A description that was set. Candidates that turn up later are written into it, as webrtc-pc wants."""

    __slots__ = ("document", "type")

    def __init__(self, kind: SdpType, document: SdpDocument) -> None:
        self.type = kind
        self.document = document

    def exported(self) -> SessionDescription:
        """Return it as the application sees it."""
        return SessionDescription(self.type, str(self.document))

    def is_of_generation(self, index: int, ufrag: str | None) -> bool:
        """Whether a section has the ICE credentials of that user fragment (None: whichever it has)."""
        found = self.ufrags(index)
        return bool(found) if ufrag is None else ufrag in found

    def ufrags(self, index: int) -> tuple[str, ...]:
        """Return the user fragment that counts for a section: its own or, if it is bundled, that of its BUNDLE tag.

        Empty if the section has none, or does not exist in this description.
        """
        document = self.document
        if index >= len(document.media):
            return ()
        media = document.media[index]
        if not media.has(IceUfrag):
            mid = media.get(Mid)
            groups = [group.tags for group in document.get_all(Group) if group.semantics == BUNDLE]
            tag = next((tags[0] for tags in groups if mid is not None and mid.tag in tags), None)
            media = media if tag is None else document.by_mid(tag) or media
        found = document.effective(media, IceUfrag)
        return () if found is None else (found.ufrag,)

    def take_candidate(self, index: int, candidate: str) -> None:
        """Write a candidate into a section, once; beyond the bound it is left out.

        Args:
            index: The section.
            candidate: As its attribute writes it, without ``candidate:`` in front; empty for the end of candidates.
        """
        media = self.document.media[index]
        if not candidate:
            media.set(EndOfCandidates())
            return
        attribute = Candidate(candidate)
        if media.count(Candidate) < MAX_CANDIDATES and not media.shows(attribute):
            media.add(attribute)
