"""The signalling state with the four descriptions that belong to it (RFC 8829 sections 3.2 and 4.1.13 to 4.1.16).

What is *pending* is under negotiation, what is *current* was agreed upon last. An answer makes the pending pair the
current one; rollback forgets it.
"""

from __future__ import annotations

from rtc_peer.description import AppliedDescription, SdpType
from rtc_peer.errors import StateError
from rtc_peer.state import TRANSITIONS, SignalingInput, SignalingState

# [rfc8829:4.1.10/1] [rfc8829:4.1.10/2]
_INPUTS = {
    (SdpType.OFFER, False): SignalingInput.LOCAL_OFFER,
    (SdpType.PRANSWER, False): SignalingInput.LOCAL_PRANSWER,
    (SdpType.ANSWER, False): SignalingInput.LOCAL_ANSWER,
    (SdpType.OFFER, True): SignalingInput.REMOTE_OFFER,
    (SdpType.PRANSWER, True): SignalingInput.REMOTE_PRANSWER,
    (SdpType.ANSWER, True): SignalingInput.REMOTE_ANSWER,
    (SdpType.ROLLBACK, False): SignalingInput.ROLLBACK,
    # [rfc8829:5.7/2]
    (SdpType.ROLLBACK, True): SignalingInput.ROLLBACK,
}


class Signaling:
    """State and descriptions; it knows nothing of transports."""

    __slots__ = ("current_local", "current_remote", "pending_local", "pending_remote", "state")

    def __init__(self) -> None:
        self.state = SignalingState.STABLE
        self.current_local: AppliedDescription | None = None
        self.current_remote: AppliedDescription | None = None
        self.pending_local: AppliedDescription | None = None
        self.pending_remote: AppliedDescription | None = None

    @property
    def local(self) -> AppliedDescription | None:
        """The pending local description, else the current one."""
        return self.pending_local or self.current_local

    @property
    def remote(self) -> AppliedDescription | None:
        """The pending remote description, else the current one."""
        return self.pending_remote or self.current_remote

    def allows(self, kind: SdpType, *, remote: bool) -> bool:
        """Whether a description of that type may be set now."""
        return (self.state, _INPUTS[kind, remote]) in TRANSITIONS

    def check(self, kind: SdpType, *, remote: bool) -> None:
        """Refuse a description whose type does not fit the state.

        Raises:
            StateError: It does not; nothing has changed.
        """
        # [rfc8829:5.5/3] [rfc8829:5.6/3]
        if not self.allows(kind, remote=remote):
            side = "remote" if remote else "local"
            raise StateError(f"a {side} {kind.value} cannot be set in the state {self.state.value}")

    def set(self, description: AppliedDescription, *, remote: bool) -> None:
        """Store a description and step.

        Raises:
            StateError: Its type does not fit the state.
        """
        self._step(_INPUTS[description.type, remote])
        if remote:
            self.pending_remote = description
        else:
            self.pending_local = description
        # [rfc8829:4.1.10/4]
        if description.type is SdpType.ANSWER:
            self.current_local, self.pending_local = self.pending_local, None
            self.current_remote, self.pending_remote = self.pending_remote, None

    def roll_back(self) -> None:
        """Forget what is pending.

        Raises:
            StateError: Nothing is, or a provisional answer was set.

        See :rfc:`8829#section-5.7`.
        """
        self._step(SignalingInput.ROLLBACK)
        self.pending_local = self.pending_remote = None

    def close(self) -> None:
        """Enter the final state. The descriptions stay readable."""
        self._step(SignalingInput.CLOSE)

    def _step(self, signal: SignalingInput) -> None:
        state = TRANSITIONS.get((self.state, signal))
        if state is None:
            raise StateError(f"no {signal.value} in the state {self.state.value}")
        self.state = state
