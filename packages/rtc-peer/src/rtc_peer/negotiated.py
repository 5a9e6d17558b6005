"""What was negotiated for audio and video: all that the transports are told of it (RFC 8829 sections 5.9 to 5.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_peer.capabilities import MediaKind
from rtc_peer.dataclass import dataclass

if TYPE_CHECKING:
    from rtc_rtp.parameters import ReceiveParameters, RtcpParameters, SendParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class NegotiatedMedia:
    """One media section in force. After every description all of them are told anew; who is missing has ended."""

    transceiver_id: int
    """Key of the transceiver, for as long as it lives; the identifier of its sender and of its receiver."""
    mid: str
    kind: MediaKind
    transport_id: int
    """Key of the transport; sections that are bundled share one."""
    sends: bool
    """Whether media may leave now: both sides agreed to it."""
    receives: bool
    """Whether media may arrive: both sides agreed to it, or we have offered it."""
    send: SendParameters | None = None
    """None before both sides agreed on a codec. Present while `sends` is off, too: RTCP goes on."""
    receive: ReceiveParameters | None = None
    """What may arrive, by our own description. None if it says that nothing may."""
    cryptex: bool = False
    """Packets leave with their header extensions encrypted as a whole: both sides have said that they take such."""
    accepts_cryptex: bool = False
    """Such packets may arrive: we have said so."""
    requires_cryptex: bool = False
    """No others may leave or arrive."""
    refused_extension_ids: frozenset[int] = frozenset()
    """Of header extensions that were offered in the clear as well, and are encrypted under another identifier."""
    rtcp: RtcpParameters | None = None
    """What both sides say about RTCP; None before they have agreed."""
    rtcp_mux: bool = True
    """RTP and RTCP share the transport, always."""
