"""Gathering what all layers counted into the structure of `rtc_peer.statistics`."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias, TypeVar

from rtc_dtls import Certificate, CipherSuiteId, Fingerprint, GroupId
from rtc_ice import Candidate, CandidateStats
from rtc_peer.data_transport import DataTransport
from rtc_peer.ice_transport import relay_protocol
from rtc_peer.statistics import (
    CandidatePairStats,
    CertificateStats,
    DataChannelStats,
    IceCandidateStats,
    LocalCandidateStats,
    PeerConnectionStats,
    RemoteCandidateStats,
    Statistics,
    TransportStats,
)
from rtc_peer.transport import Transport
from rtc_stun import Address

K = TypeVar("K", bound=IceCandidateStats)
UrlOf: TypeAlias = Callable[[Address, str | None], str | None]


def report(
    transports: Iterable[Transport],
    data: DataTransport,
    *,
    former_channels: tuple[int, int],
    certificates: Sequence[Certificate],
    url_of: UrlOf,
    track_of: Callable[[int], str],
) -> list[Statistics]:
    """Describe a connection.

    Args:
        transports: Those in use.
        data: The present data channels.
        former_channels: How many channels of earlier associations were opened and closed.
        certificates: Ours.
        url_of: Returns the URL of a server by its address, and by the transport to it if it is a TURN server.
        track_of: Returns the identifier of the track that a transceiver receives.
    """
    counters = data.endpoint.stats
    found: list[Statistics] = [
        PeerConnectionStats(
            id="P",
            data_channels_opened=former_channels[0] + counters.channels_opened,
            data_channels_closed=former_channels[1] + counters.channels_closed,
        )
    ]
    for transport in transports:
        found += _transport(transport, certificates[0].chain, url_of)
        if transport.media is not None:
            # Who has no media does not load what counts them.
            from rtc_peer.statistics_media import MediaReport

            found += MediaReport(f"T{transport.id}", transport.media, track_of).gather()
    found += _channels(data)
    return found


def _transport(transport: Transport, chain: Sequence[bytes], url_of: UrlOf) -> list[Statistics]:
    agent, connection = transport.ice.agent, transport.dtls.connection
    name = f"T{transport.id}"
    candidates = _candidates(transport, name, url_of)
    ids = {(type(each), each.address, each.port, each.candidate_type): each.id for each in candidates}
    pairs = _pairs(transport, name, ids)
    theirs = () if connection is None else connection.peer_certificates
    suite = None if connection is None else connection.cipher_suite
    version = None if connection is None else connection.version
    group = None if connection is None else connection.group
    profile = None if transport.media is None else transport.media.srtp.profile
    rtp = None if transport.media is None else transport.media.session.stats
    ours, remotes = chain_statistics(chain), chain_statistics(theirs)
    stats = TransportStats(
        id=name,
        packets_sent=transport.packets_sent,
        packets_received=transport.packets_received,
        bytes_sent=transport.bytes_sent,
        bytes_received=transport.bytes_received,
        ice_role="controlling" if agent.controlling else "controlled",
        ice_local_username_fragment=transport.ice.credentials.ufrag,
        ice_state=transport.ice.state.value,
        dtls_state=transport.dtls.state.value,
        dtls_role={None: "unknown", True: "client", False: "server"}[transport.dtls.is_client],
        tls_version=None if version is None else f"{version:04X}",
        tls_group=None if group is None else _group_name(group),
        dtls_cipher=None if suite is None else _suite_name(suite),
        ccfb_messages_sent=None if rtp is None else rtp.ccfb_messages_sent,
        ccfb_messages_received=None if rtp is None else rtp.ccfb_messages_received,
        srtp_cipher=None if profile is None else f"SRTP_{profile.name}",
        selected_candidate_pair_id=next((each.id for each in pairs if each.selected), None),
        selected_candidate_pair_changes=transport.ice.pair_changes,
        local_certificate_id=ours[0].id,
        remote_certificate_id=remotes[0].id if remotes else None,
    )
    return [stats, *candidates, *pairs, *ours, *remotes]


def _candidates(transport: Transport, name: str, url_of: UrlOf) -> list[LocalCandidateStats | RemoteCandidateStats]:
    agent = transport.ice.agent
    ours, theirs = agent.local_credentials.ufrag, agent.remote_credentials
    local = [each for each in agent.candidate_stats() if not each.is_remote]
    remote = [each for each in agent.candidate_stats() if each.is_remote]
    # Identifiers stay while candidates are added, and are not used again after a restart.
    return [
        *(_local_candidate(f"I{name}-{ours}-L{index}", name, each, ours, url_of) for index, each in enumerate(local)),
        *(
            _candidate(
                RemoteCandidateStats,
                f"I{name}-{ours}-R{index}",
                name,
                each.candidate,
                "" if theirs is None else theirs.ufrag,
                None,
            )
            for index, each in enumerate(remote)
        ),
    ]


def _local_candidate(
    name: str, transport: str, described: CandidateStats, ufrag: str, url_of: UrlOf
) -> LocalCandidateStats:
    candidate, server, turn = described.candidate, described.server, described.turn_server
    url = None if server is None else url_of(server, None if turn is None else turn.transport)
    found = _candidate(LocalCandidateStats, name, transport, candidate, ufrag, url)
    if turn is not None and candidate.type == "relay":
        found.relay_protocol = relay_protocol(turn)
    return found


def _candidate(kind: type[K], name: str, transport: str, candidate: Candidate, ufrag: str, url: str | None) -> K:
    related = candidate.related_address
    return kind(
        id=name,
        transport_id=transport,
        address=candidate.address.host,
        port=candidate.address.port,
        protocol=candidate.transport,
        candidate_type=candidate.type,
        priority=candidate.priority,
        foundation=candidate.foundation,
        url=url,
        username_fragment=ufrag,
        related_address=None if related is None else related.host,
        related_port=None if related is None else related.port,
        tcp_type=None if candidate.tcp_type is None else candidate.tcp_type.value,
    )


def _pairs(
    transport: Transport, name: str, ids: dict[tuple[type, str | None, int, str], str]
) -> list[CandidatePairStats]:
    pairs = []
    for each in transport.ice.agent.candidate_pair_stats():
        local, remote = each.local, each.remote
        carries = each.selected
        pairs.append(
            CandidatePairStats(
                id=f"C{name}-{each.number}",
                transport_id=name,
                local_candidate_id=ids.get(
                    (LocalCandidateStats, local.address.host, local.address.port, local.type), ""
                ),
                remote_candidate_id=ids.get(
                    (RemoteCandidateStats, remote.address.host, remote.address.port, remote.type), ""
                ),
                state=each.state.value,
                nominated=each.nominated,
                selected=each.selected,
                packets_sent=transport.packets_sent if carries else 0,
                packets_received=transport.packets_received if carries else 0,
                bytes_sent=transport.bytes_sent if carries else 0,
                bytes_received=transport.bytes_received if carries else 0,
                total_round_trip_time=each.total_round_trip_time,
                current_round_trip_time=each.current_round_trip_time,
                requests_received=each.requests_received,
                requests_sent=each.requests_sent,
                responses_received=each.responses_received,
                responses_sent=each.responses_sent,
                consent_requests_sent=each.consent_requests_sent,
            )
        )
    return pairs


def chain_statistics(chain: Sequence[bytes]) -> list[CertificateStats]:
    """Describe the certificates of one side, its own first; each names the one that issued it."""
    found = [_certificate(each) for each in chain]
    for certificate, issuer in pairwise(found):
        certificate.issuer_certificate_id = issuer.id
    return found


def _certificate(der: bytes) -> CertificateStats:
    # [rfc8827:6.5/27]
    fingerprint = Fingerprint.of(der)
    value = fingerprint.digest.hex(":")
    return CertificateStats(
        id=f"CF{value.upper()}",
        fingerprint=value,
        fingerprint_algorithm=fingerprint.algorithm,
        base64_certificate=b64encode(der).decode("ascii"),
    )


def _group_name(group: int) -> str:
    try:
        name = GroupId(group).name
    except ValueError:
        return f"0x{group:04X}"
    return name if "MLKEM" in name else name.lower()  # as the registry writes them: x25519, but X25519MLKEM768


def _suite_name(suite: int) -> str:
    # [rfc8827:6.5/25]
    try:
        # The registry's names have a word between the key exchange and the cipher that the enumeration leaves out.
        return "TLS_" + re.sub(r"^(ECDHE_(?:ECDSA|RSA))_", r"\1_WITH_", CipherSuiteId(suite).name)
    except ValueError:
        return f"0x{suite:04X}"


def _channels(data: DataTransport) -> list[DataChannelStats]:
    return [
        DataChannelStats(
            id=f"D{channel.id}",
            label=channel.label,
            protocol=channel.protocol,
            data_channel_identifier=channel.id,
            state=channel.state.value,
            messages_sent=channel.stats.messages_sent,
            bytes_sent=channel.stats.bytes_sent,
            messages_received=channel.stats.messages_received,
            bytes_received=channel.stats.bytes_received,
        )
        for channel in data.endpoint.channels
    ]
