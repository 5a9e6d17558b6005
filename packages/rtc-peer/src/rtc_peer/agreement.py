"""What both sides agreed upon about a transport, and which later descriptions fit it (RFC 8829 sections 5.8.3 to 5.11)."""

from __future__ import annotations

from dataclasses import replace

from rtc_peer.dataclass import dataclass
from rtc_peer.errors import DescriptionError
from rtc_peer.section import TransportParameters
from rtc_sdp import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The two descriptions of one transport that are in force."""

    local: TransportParameters
    remote: TransportParameters
    is_client: bool
    """Whether we start the DTLS handshake."""

    @property
    def role(self) -> Role:
        """Our part in the DTLS handshake."""
        return Role.ACTIVE if self.is_client else Role.PASSIVE


def check_offer(agreed: Agreement, offered: TransportParameters) -> None:
    """Check a later remote offer against what is in force.

    Raises:
        DescriptionError: It asks for another DTLS association without restarting ICE, or for another role in it.
    """
    if not offered.same_association(agreed.remote):
        # [rfc8829:5.8.3/3]
        if offered.credentials == agreed.remote.credentials:
            raise DescriptionError("a new DTLS association needs an ICE restart")
        return
    allowed = (Role.ACTPASS, Role.PASSIVE if agreed.is_client else Role.ACTIVE)
    # [rfc8829:5.8.3/4]
    if offered.role not in allowed:
        raise DescriptionError(f"the DTLS association exists, and its role cannot become {offered.role.value}")


def agree_as_offerer(before: Agreement | None, local: TransportParameters, remote: TransportParameters) -> Agreement:
    """Conclude an agreement from our offer and the peer's answer.

    Args:
        before: What is in force, perhaps by a provisional answer to the same offer.
        local: What we offered.
        remote: The answer; its role is active or passive.

    Raises:
        DescriptionError: The answer does not fit.
    """
    agreement = Agreement(local=local, remote=remote, is_client=remote.role is Role.PASSIVE)
    if before is None:
        return agreement
    restarts = local.credentials != before.local.credentials
    restarted = remote.credentials != before.remote.credentials
    if restarted and not restarts:
        raise DescriptionError("the answer restarts ICE, which was not offered")
    if restarts and not restarted:
        raise DescriptionError("the answer does not restart ICE as it was offered")
    if not remote.same_association(before.remote):
        # [rfc8829:5.11/2]
        if not restarted:
            raise DescriptionError("a new DTLS association needs an ICE restart")
    elif agreement.is_client != before.is_client:
        # [rfc8829:5.8.3/4]
        if not restarted:
            raise DescriptionError("the answer changes the role in an existing DTLS association")
        # Firefox answers every restart with "active". Fingerprints and tls-id say that the association goes on, and so
        # do the roles of its handshake.
        return replace(agreement, is_client=before.is_client)
    return agreement
