"""Statistics and views: what webrtc-stats and the transport objects of the W3C show."""

from dataclasses import fields
from typing import TypeVar

import pytest
from tests.peer.pair import Pair, Side, make_peer

from rtc_datachannel import ChannelState
from rtc_peer import (
    CandidatePairStats,
    CertificateStats,
    DataChannelStats,
    DtlsTransportState,
    IceTransportState,
    LocalCandidateStats,
    PeerConnectionStats,
    RemoteCandidateStats,
    SctpTransportState,
    TransportStats,
)
from rtc_peer.statistics_report import chain_statistics
from rtc_stun import Address

S = TypeVar("S")

# What webrtc-stats calls mandatory or has for connections without media, under Python names.
NAMES = {
    PeerConnectionStats: "data_channels_opened data_channels_closed",
    TransportStats: (
        "packets_sent packets_received bytes_sent bytes_received ice_role ice_local_username_fragment ice_state dtls_state dtls_role "
        "tls_version tls_group dtls_cipher selected_candidate_pair_id selected_candidate_pair_changes local_certificate_id remote_certificate_id"
    ),
    LocalCandidateStats: (
        "transport_id address port protocol candidate_type priority foundation url username_fragment related_address related_port"
    ),
    RemoteCandidateStats: (
        "transport_id address port protocol candidate_type priority foundation url username_fragment related_address related_port"
    ),
    CandidatePairStats: (
        "transport_id local_candidate_id remote_candidate_id state nominated packets_sent packets_received bytes_sent bytes_received "
        "total_round_trip_time current_round_trip_time requests_received requests_sent responses_received responses_sent "
        "consent_requests_sent"
    ),
    CertificateStats: "fingerprint fingerprint_algorithm base64_certificate issuer_certificate_id",
    DataChannelStats: "label protocol data_channel_identifier state messages_sent bytes_sent messages_received bytes_received",
}


def _of(side: Side, kind: type[S]) -> list[S]:
    return [each for each in side.machine.statistics() if isinstance(each, kind)]


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_the_names_are_those_of_webrtc_stats(kind: type) -> None:
    assert set(NAMES[kind].split()) <= {each.name for each in fields(kind)}


def test_a_new_connection_has_little_to_tell() -> None:
    assert make_peer().statistics() == [PeerConnectionStats(id="P", data_channels_opened=0, data_channels_closed=0)]


def test_every_identifier_is_unique_and_every_reference_leads_somewhere() -> None:
    pair = Pair(hosts=(("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2"))).connect()
    pair.settle(3.0)

    for side in pair.sides:
        report = side.machine.statistics()
        ids = [each.id for each in report]
        assert len(set(ids)) == len(ids)
        references = {
            getattr(each, name)
            for each in report
            for name in (
                "transport_id",
                "local_candidate_id",
                "remote_candidate_id",
                "selected_candidate_pair_id",
                "local_certificate_id",
                "remote_certificate_id",
            )
            if hasattr(each, name)
        }
        assert references
        assert references <= set(ids)


def test_traffic_is_counted_on_both_sides_alike() -> None:
    pair = Pair().connect()
    pair.left.machine.send(pair.left.channel(), "ü" * 100)
    pair.left.machine.send(pair.left.channel(), b"")
    pair.settle(3.0)

    (here,), (there,) = (_of(side, TransportStats) for side in pair.sides)
    assert (here.packets_sent, here.bytes_sent) == (there.packets_received, there.bytes_received)
    assert (there.packets_sent, there.bytes_sent) == (here.packets_received, here.bytes_received)
    (sent,), (received,) = (_of(side, DataChannelStats) for side in pair.sides)
    assert (sent.messages_sent, sent.bytes_sent) == (received.messages_received, received.bytes_received) == (2, 200)
    assert (sent.label, sent.state, sent.data_channel_identifier) == ("chat", "open", pair.left.channel().id)
    selected = next(each for each in _of(pair.left, CandidatePairStats) if each.selected)
    assert (selected.packets_sent, selected.bytes_sent) == (here.packets_sent, here.bytes_sent)
    assert selected.state == "succeeded"
    assert selected.nominated
    assert selected.responses_received >= 1
    assert selected.current_round_trip_time == pytest.approx(0.02)


def test_roles_states_and_certificates_are_told() -> None:
    pair = Pair().connect()
    pair.settle(3.0)

    (here,), (there,) = (_of(side, TransportStats) for side in pair.sides)
    assert (here.ice_role, there.ice_role) == ("controlling", "controlled")
    assert (here.dtls_role, there.dtls_role) == ("server", "client")
    assert (here.ice_state, here.dtls_state) == ("completed", "connected")
    assert here.ice_local_username_fragment == pair.left.machine.transports[0].local_credentials.ufrag
    assert here.selected_candidate_pair_changes >= 1
    assert (here.local_certificate_id, here.remote_certificate_id) == (
        there.remote_certificate_id,
        there.local_certificate_id,
    )


@pytest.mark.spec("rfc8827:6.5/27", "rfc8827:6.5/25")
def test_fingerprints_can_be_compared_out_of_band() -> None:
    pair = Pair().connect()

    ours = {each.fingerprint for each in _of(pair.left, CertificateStats)}

    assert ours == {each.fingerprint for each in _of(pair.right, CertificateStats)}
    assert {side.machine.certificates[0].fingerprint().digest.hex(":") for side in pair.sides} == ours


def test_identifiers_stay_while_candidates_are_added_and_change_with_a_restart() -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    pair.negotiate()
    machine = pair.left.machine
    machine.add_ice_candidate("candidate:1 1 udp 1 192.0.2.9 9 typ host", pair.now, sdp_mid="0")
    machine.add_local_address(0, Address("192.0.2.1", 5000), pair.now)
    before = {each.id for each in machine.statistics()}

    machine.add_local_address(0, Address("192.0.2.1", 5001), pair.now)
    machine.add_ice_candidate("candidate:2 1 udp 1 192.0.2.9 10 typ host", pair.now, sdp_mid="0")
    more = {each.id for each in machine.statistics()}
    assert before < more

    machine.restart_ice()
    pair.negotiate()
    candidates = {each.id for each in (*_of(pair.left, LocalCandidateStats), *_of(pair.left, RemoteCandidateStats))}
    assert not candidates & more


def test_before_the_handshake_what_is_not_known_is_none() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)

    (stats,) = _of(pair.left, TransportStats)
    assert (stats.dtls_role, stats.tls_version, stats.dtls_cipher) == ("unknown", None, None)
    assert (stats.selected_candidate_pair_id, stats.remote_certificate_id) == (None, None)
    assert stats.local_certificate_id is not None


# --- views ---


def test_a_transport_shows_what_it_is_now() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel("chat")
    pair.offer()
    (view,) = pair.left.machine.transports
    assert (view.id, view.mid, view.m_line_index) == (0, "0", 0)
    assert (view.ice_state, view.dtls_state) == (IceTransportState.NEW, DtlsTransportState.NEW)
    assert (view.selected_pair, view.remote_credentials, view.is_dtls_client) == (None, None, None)
    assert (view.remote_certificates, view.tls_version, view.cipher_suite) == ((), None, None)

    pair.trickle = True
    pair.give(pair.right, pair.left.local)
    pair.give(pair.left, pair.answer())
    assert pair.run(pair.talking)

    (theirs,) = pair.right.machine.transports
    states = {view.ice_state, theirs.ice_state, view.dtls_state}
    assert DtlsTransportState.CONNECTED in states
    assert view.remote_credentials == theirs.local_credentials
    assert view.remote_certificates == pair.right.machine.certificates[0].chain
    assert view.selected_pair is not None
    assert view.selected_pair.remote.host == "192.0.2.2"
    assert [each.address.host for each in view.local_candidates] == ["192.0.2.1"]
    assert [each.address.host for each in view.remote_candidates] == ["192.0.2.2"]
    assert (view.tls_version, view.cipher_suite) == (theirs.tls_version, theirs.cipher_suite)


def test_a_transport_that_no_section_uses_any_more_has_no_name() -> None:
    pair = Pair().connect()
    (view,) = pair.left.machine.transports
    pair.left.machine.set_local_description(pair.left.machine.create_offer(), pair.now)
    rejected = pair.right.local.sdp.replace("m=application 9 ", "m=application 0 ")

    pair.left.machine.set_remote_description(type(pair.right.local)(pair.right.local.type, rejected), pair.now)

    assert view.mid == ""


def test_the_sctp_transport_is_there_from_the_first_description_on() -> None:
    pair = Pair(trickle=False)
    assert pair.left.machine.sctp is None
    pair.left.machine.create_data_channel()
    pair.offer()
    view = pair.left.machine.sctp
    assert view is not None
    assert (view.transport_id, view.state, view.max_channels) == (0, SctpTransportState.CONNECTING, None)
    assert not view.is_negotiated


def test_the_sctp_transport_shows_limits_once_it_is_up() -> None:
    pair = Pair().connect()

    view = pair.left.machine.sctp
    assert view is not None
    assert (view.transport_id, view.state) == (0, SctpTransportState.CONNECTED)
    assert view.max_message_size == 262_144
    assert view.max_channels == 65_535


def test_channels_are_found_by_their_identifier() -> None:
    pair = Pair().connect()
    channel = pair.left.channel()
    assert channel.id is not None

    assert pair.left.machine.channel(channel.id) is channel
    assert pair.left.machine.channel(500) is None
    pair.left.machine.close_channel(channel, pair.now)
    pair.settle()
    assert channel.state is ChannelState.CLOSED
    assert pair.left.machine.channel(channel.id) is None


def test_certificates_of_a_chain_name_their_issuers() -> None:
    pair = Pair()
    leaf, issuer = (side.machine.certificates[0].chain[0] for side in pair.sides)

    leaf_stats, issuer_stats = chain_statistics([leaf, issuer])

    assert (leaf_stats.issuer_certificate_id, issuer_stats.issuer_certificate_id) == (issuer_stats.id, None)
