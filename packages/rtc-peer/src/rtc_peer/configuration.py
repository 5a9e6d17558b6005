"""The configuration of a peer connection, and the rules by which it may change (webrtc-pc, ``RTCConfiguration``)."""

from __future__ import annotations

import enum
from typing import Final

from rtc_dtls import Certificate
from rtc_peer.dataclass import dataclass
from rtc_peer.errors import ArgumentError, ModificationError
from rtc_peer.ice_server import IceServer

MAX_ICE_SERVERS: Final = 16
"""Most servers that a configuration may name."""

MAX_POOL_SIZE: Final = 255
"""Largest ``ice_candidate_pool_size``: the W3C type is an octet."""


class IceTransportPolicy(enum.Enum):
    """Which candidates may be used."""

    ALL = "all"
    RELAY = "relay"
    """Only candidates of TURN servers."""


class BundlePolicy(enum.Enum):
    """How many transports are prepared for a peer that may not understand BUNDLE."""

    BALANCED = "balanced"
    MAX_COMPAT = "max-compat"
    MAX_BUNDLE = "max-bundle"


class RtcpMuxPolicy(enum.Enum):
    """Whether RTCP may have a port of its own."""

    REQUIRE = "require"
    """It may not; there is no other value any more."""


class RtpHeaderEncryptionPolicy(enum.Enum):
    """Whether the header extensions of RTP packets are encrypted as a whole, and their contributing sources (:rfc:`9335`)."""

    DISABLE = "disable"
    """Neither offered nor accepted."""
    NEGOTIATE = "negotiate"
    """Offered, and done with peers that can do it; others get packets with headers that the network can read."""
    REQUIRE = "require"
    """Descriptions of peers that cannot do it are refused, packets with readable headers dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the application chooses for a connection."""

    ice_servers: tuple[IceServer, ...] = ()
    # [rfc8829:4.1.1/1]
    ice_transport_policy: IceTransportPolicy = IceTransportPolicy.ALL
    # [rfc8829:4.1.1/3]
    bundle_policy: BundlePolicy = BundlePolicy.BALANCED
    # [rfc8829:4.1.1/4]
    rtcp_mux_policy: RtcpMuxPolicy = RtcpMuxPolicy.REQUIRE
    # [rfc8834:13/2] [rfc8834:5.2.2/3] [rfc8834:5.2.3/2]
    rtp_header_encryption_policy: RtpHeaderEncryptionPolicy = RtpHeaderEncryptionPolicy.NEGOTIATE
    """How much the network may know of header extensions, audio levels among them."""
    certificates: tuple[Certificate, ...] = ()
    """Certificates to authenticate with; the first is used. Empty: the connection makes one of its own."""
    # [rfc8829:4.1.1/2]
    ice_candidate_pool_size: int = 0
    """How many transports to gather candidates for ahead of time; 0 to 255. One is all that data channels use."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ArgumentError: The pool size is out of range, or there are too many servers.
        """
        if not 0 <= self.ice_candidate_pool_size <= MAX_POOL_SIZE:
            raise ArgumentError(f"ice_candidate_pool_size is 0 to {MAX_POOL_SIZE}")
        if len(self.ice_servers) > MAX_ICE_SERVERS:
            raise ArgumentError(f"there are at most {MAX_ICE_SERVERS} ICE servers")

    def gathers_as(self, other: Configuration) -> bool:
        """Whether candidates are gathered as by another configuration, so that nothing is to be gathered anew."""
        return self.ice_servers == other.ice_servers and self.ice_transport_policy is other.ice_transport_policy


def check_modification(old: Configuration, new: Configuration, *, local_description_applied: bool) -> None:
    """Check that a configuration may replace another.

    Raises:
        ModificationError: Something changes that must stay.

    See :rfc:`8829#section-4.1.18`.
    """
    if new.certificates != old.certificates:
        raise ModificationError("the certificates cannot be changed")
    # [rfc8829:4.1.18/2]
    if new.bundle_policy is not old.bundle_policy:
        raise ModificationError("the bundle policy cannot be changed")
    if new.rtcp_mux_policy is not old.rtcp_mux_policy:
        raise ModificationError("the RTCP multiplexing policy cannot be changed")
    if new.rtp_header_encryption_policy is not old.rtp_header_encryption_policy:
        raise ModificationError("the policy of header encryption cannot be changed")
    # [rfc8829:4.1.18/1]
    if local_description_applied and new.ice_candidate_pool_size != old.ice_candidate_pool_size:
        raise ModificationError("the candidate pool size cannot be changed after a local description was applied")
