"""Session descriptions as the application exchanges them, and as the connection keeps them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from rtc_sdp import Candidate, EndOfCandidates, IceUfrag, MediaDescription
from rtc_sdp import SessionDescription as SdpDocument


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
        if index >= len(self.document.media):
            return False
        return ufrag is None or ufrag in self.ufrags(index)

    def ufrags(self, index: int) -> set[str]:
        """Return the user fragments that count for a section; one at most, or none if it is bundled into another."""
        own = self.document.effective(self.document.media[index], IceUfrag)
        return set() if own is None else {own.ufrag}

    def add_candidate(self, index: int, candidate: str) -> None:
        """Write a candidate into a section, once.

        Args:
            index: The section.
            candidate: As its attribute writes it, without ``candidate:`` in front.
        """
        media = self.document.media[index]
        attribute = Candidate(candidate)
        if attribute not in media.get_all(Candidate):
            media.add(attribute)

    def end_candidates(self, indexes: Iterable[int]) -> None:
        """Note in sections that no further candidates will come."""
        for index in indexes:
            _set_flag(self.document.media[index])


def _set_flag(media: MediaDescription) -> None:
    if not media.has(EndOfCandidates):
        media.add(EndOfCandidates())
