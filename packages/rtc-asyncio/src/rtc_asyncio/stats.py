"""`RTCStatsReport` and its dictionaries (WebRTC 1.0, section 8, and webrtc-stats).

`rtc_peer` counts under Python names; here the same figures get the W3C's, and a timestamp.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Final, Literal, TypeAlias

from rtc_peer import Statistics

from .dataclass import dataclass
from .dictionaries import (
    RTCDataChannelState,
    RTCDtlsTransportState,
    RTCIceCandidateType,
    RTCIceRole,
    RTCIceTcpCandidateType,
    RTCIceTransportState,
)
from .stats_dictionary import RTCStats

RTCDtlsRole: TypeAlias = Literal["client", "server", "unknown"]
RTCStatsIceCandidatePairState: TypeAlias = Literal["frozen", "waiting", "in-progress", "failed", "succeeded"]


@dataclass(slots=True, kw_only=True)
class RTCPeerConnectionStats(RTCStats):
    """The connection as a whole."""

    dataChannelsOpened: int
    dataChannelsClosed: int


@dataclass(slots=True, kw_only=True)
class RTCTransportStats(RTCStats):
    """One transport: ICE with DTLS above it."""

    packetsSent: int
    packetsReceived: int
    bytesSent: int
    bytesReceived: int
    iceRole: RTCIceRole
    iceLocalUsernameFragment: str
    dtlsState: RTCDtlsTransportState
    iceState: RTCIceTransportState
    selectedCandidatePairId: str | None
    localCertificateId: str | None
    remoteCertificateId: str | None
    tlsVersion: str | None
    """Four hexadecimal digits: "FEFD" for DTLS 1.2."""
    tlsGroup: str | None
    """The group of the key exchange, by its name in the TLS registry; Chromium has this member, too."""
    dtlsCipher: str | None
    """The name in the TLS registry."""
    dtlsRole: RTCDtlsRole
    srtpCipher: str | None = None
    """The name in the registry of DTLS-SRTP profiles."""
    ccfbMessagesSent: int | None = None
    """Feedback of :rfc:`8888`."""
    ccfbMessagesReceived: int | None = None
    selectedCandidatePairChanges: int


@dataclass(slots=True, kw_only=True)
class RTCIceCandidateStats(RTCStats):
    """A local or a remote candidate."""

    transportId: str
    address: str | None
    port: int
    protocol: str
    candidateType: RTCIceCandidateType
    priority: int
    url: str | None = None
    """The server that told of it."""
    relayProtocol: str | None = None
    """How the server of a relayed candidate is reached: "udp", "tcp" or "tls"."""
    foundation: str
    relatedAddress: str | None
    relatedPort: int | None
    usernameFragment: str
    tcpType: RTCIceTcpCandidateType | None = None


@dataclass(slots=True, kw_only=True)
class RTCIceCandidatePairStats(RTCStats):
    """Two candidates and what went between them. Times are seconds."""

    transportId: str
    localCandidateId: str
    remoteCandidateId: str
    state: RTCStatsIceCandidatePairState
    nominated: bool
    packetsSent: int
    packetsReceived: int
    bytesSent: int
    bytesReceived: int
    totalRoundTripTime: float
    currentRoundTripTime: float | None
    availableOutgoingBitrate: float | None = None
    """Bits per second that the path seems to take."""
    requestsReceived: int
    requestsSent: int
    responsesReceived: int
    responsesSent: int
    consentRequestsSent: int


@dataclass(slots=True, kw_only=True)
class RTCCertificateStats(RTCStats):
    """A certificate of either side."""

    fingerprint: str
    fingerprintAlgorithm: str
    base64Certificate: str
    issuerCertificateId: str | None


@dataclass(slots=True, kw_only=True)
class RTCDataChannelStats(RTCStats):
    """One data channel; the bytes are those of messages."""

    label: str
    protocol: str
    dataChannelIdentifier: int | None
    state: RTCDataChannelState
    messagesSent: int
    bytesSent: int
    messagesReceived: int
    bytesReceived: int


class RTCStatsReport(dict[str, RTCStats]):
    """Dictionaries by id, at one moment."""

    @property
    def transport(self) -> RTCTransportStats | None:
        """The transport, where there is one: what most people look for first."""
        return next((stats for stats in self.values() if isinstance(stats, RTCTransportStats)), None)

    @property
    def selected_pair(self) -> RTCIceCandidatePairStats | None:
        """The candidate pair that packets are sent on."""
        transport = self.transport
        pair = self.get(transport.selectedCandidatePairId or "") if transport is not None else None
        return pair if isinstance(pair, RTCIceCandidatePairStats) else None


_KINDS: Final[dict[str, type[RTCStats]]] = {
    "candidate-pair": RTCIceCandidatePairStats,
    "certificate": RTCCertificateStats,
    "data-channel": RTCDataChannelStats,
    "local-candidate": RTCIceCandidateStats,
    "peer-connection": RTCPeerConnectionStats,
    "remote-candidate": RTCIceCandidateStats,
    "transport": RTCTransportStats,
}


def report(statistics: Iterable[Statistics], timestamp: float, now: float) -> RTCStatsReport:
    """Give figures their W3C names.

    Args:
        statistics: What `rtc_peer.PeerConnection.statistics` returned.
        timestamp: When, in milliseconds since 1970-01-01.
        now: The same moment on the monotonic clock, in seconds.
    """
    result = RTCStatsReport()
    for stats in statistics:
        kind = _KINDS.get(stats.TYPE) or _media_kind(stats.TYPE)
        known = {member.name for member in fields(kind)}
        values = {_camel_case(member.name): getattr(stats, member.name) for member in fields(stats)}
        members = {name: value for name, value in values.items() if name in known}
        # What the peer reported is as old as its report.
        reported_at = values.get("reportedAt")
        age = 0.0 if reported_at is None else (now - reported_at) * 1000
        result[stats.id] = kind(type=stats.TYPE, timestamp=timestamp - age, **members)
    return result


def _media_kind(name: str) -> type[RTCStats]:
    """Find the dictionary of a type of media, which is loaded only where there are media."""
    from . import rtp_stats

    kinds: dict[str, type[RTCStats]] = {
        "codec": rtp_stats.RTCCodecStats,
        "inbound-rtp": rtp_stats.RTCInboundRtpStreamStats,
        "outbound-rtp": rtp_stats.RTCOutboundRtpStreamStats,
        "remote-inbound-rtp": rtp_stats.RTCRemoteInboundRtpStreamStats,
        "remote-outbound-rtp": rtp_stats.RTCRemoteOutboundRtpStreamStats,
    }
    return kinds[name]


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
