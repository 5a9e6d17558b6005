"""What a connection shows of its negotiation (section 4.4 of webrtc-pc)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_peer.description import AppliedDescription, SessionDescription
from rtc_peer.state import SignalingState

if TYPE_CHECKING:
    from rtc_peer.negotiation import Negotiator


class NegotiationView:
    """The signalling state and the descriptions of a connection."""

    _negotiator: Negotiator

    @property
    def signaling_state(self) -> SignalingState:
        """Where the exchange of offer and answer stands."""
        return self._negotiator.signaling.state

    @property
    def current_local_description(self) -> SessionDescription | None:
        """Our description that was agreed upon last, with the candidates found since."""
        return _exported(self._negotiator.signaling.current_local)

    @property
    def pending_local_description(self) -> SessionDescription | None:
        """Our description that is under negotiation."""
        return _exported(self._negotiator.signaling.pending_local)

    @property
    def local_description(self) -> SessionDescription | None:
        """The pending local description, else the current one."""
        return _exported(self._negotiator.signaling.local)

    @property
    def current_remote_description(self) -> SessionDescription | None:
        """The peer's description that was agreed upon last."""
        return _exported(self._negotiator.signaling.current_remote)

    @property
    def pending_remote_description(self) -> SessionDescription | None:
        """The peer's description that is under negotiation."""
        return _exported(self._negotiator.signaling.pending_remote)

    @property
    def remote_description(self) -> SessionDescription | None:
        """The pending remote description, else the current one."""
        return _exported(self._negotiator.signaling.remote)

    @property
    def can_trickle_ice_candidates(self) -> bool | None:
        """Whether the peer takes candidates after the description; None before there is one."""
        return self._negotiator.remote_trickles


def _exported(description: AppliedDescription | None) -> SessionDescription | None:
    return None if description is None else description.exported()
