"""Settings of a connection that the W3C's configuration does not have."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from rtc_datachannel import DataChannelConfig
from rtc_ice import IceConfig
from rtc_peer.dataclass import dataclass

DEFAULT_MTU: Final = 1200
"""Bytes of the largest datagram of a DTLS handshake; every path that WebRTC uses carries them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOptions:
    """The settings of the layers below, for those who need others than WebRTC's."""

    ice: IceConfig = field(default_factory=IceConfig)
    """Of every ICE agent. STUN servers come from `Configuration`; those named here are asked as well."""
    # [rfc8835:3.5/3] Interleaving is the association's option `message_interleaving`.
    data: DataChannelConfig = field(default_factory=DataChannelConfig)
    """Of the data channels. Its ``max_message_size`` is announced to the peer."""
    dtls_mtu: int = DEFAULT_MTU
    """Bytes of the largest datagram of the DTLS handshake."""
