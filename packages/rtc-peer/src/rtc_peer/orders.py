"""What descriptions order the transports to do: all that negotiation and transports say to each other."""

from __future__ import annotations

from dataclasses import field

from rtc_peer.agreement import Agreement
from rtc_peer.dataclass import dataclass
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.section import DataParameters, TransportParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class StartOrder:
    """Both sides of a transport are known: check, shake hands, carry data."""

    transport_id: int
    agreement: Agreement
    candidates: tuple[str, ...]
    end_of_candidates: bool


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a description asks of the transports, in the order of the fields."""

    close: list[int] = field(default_factory=list)
    roll_back: list[tuple[int, TransportParameters]] = field(default_factory=list)
    """Transports whose ICE restart is called off, with what we say about them again."""
    gather: list[tuple[int, TransportParameters]] = field(default_factory=list)
    """New transports, or ICE restarts of old ones, with what we say about them."""
    start: list[StartOrder] = field(default_factory=list)
    data: tuple[int, DataParameters] | None = None
    """The transport that carries the data channels, and what the peer says about them."""
    data_ended: bool = False
    """A final answer rejects the section that carried the data channels, or that we proposed for them."""
    media: tuple[NegotiatedMedia, ...] | None = None
    """All sections of audio and video that are in force from now on; None where nothing changes for them."""
    rolled_back: bool = False
    """Our own offer, or the peer's, was given up."""
