"""DTLS below everything: roles, fingerprints, certificates; and that nobody gets in who has not proven himself."""

import inspect
import pickle
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.peer.descriptions import parsed
from tests.peer.pair import WALL_CLOCK, Pair, Side, make_peer
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_datachannel import ChannelClosed, ChannelOpened, ChannelReceived
from rtc_dtls import Certificate, DtlsConfig, DtlsConnection, Role
from rtc_peer import (
    CertificateError,
    Configuration,
    ConnectionState,
    DtlsTransportFailed,
    DtlsTransportState,
    DtlsTransportStateChanged,
    PacketKind,
    PeerConnection,
    PeerOptions,
    SctpTransportState,
    SctpTransportStateChanged,
    SdpType,
    SessionDescription,
    classify,
)
from rtc_stun import Address, Datagram, is_stun


def _certificate(name: str) -> Certificate:
    return Certificate.generate(rng=SeededRng(name), wall_clock=WALL_CLOCK)


def _fingerprints(side: Side, *algorithms: str) -> str:
    chain = side.machine.certificates[0]
    return "".join(f"a=fingerprint:{chain.fingerprint(each)}\r\n" for each in algorithms)


def _exchange(pair: Pair, change: str) -> None:
    """Negotiate while somebody in between puts other fingerprints into the offer."""
    pair.left.machine.create_data_channel("chat")
    offer = pair.offer()
    altered = re.sub(r"(a=fingerprint:.*\r\n)+", change, offer.sdp)
    assert change in altered
    pair.give(pair.right, SessionDescription(SdpType.OFFER, altered))
    pair.give(pair.left, pair.answer())


# --- fingerprints ---


@pytest.mark.spec("rfc8842:5.1/4", "rfc8842:5.1/5", "rfc8122:5.1/5")
@pytest.mark.spec("rfc8827:6.5/9", "rfc8829:5.1.1/7")
def test_class_27_a_certificate_of_another_fingerprint_ends_the_transport() -> None:
    pair = Pair()
    _exchange(pair, f"a=fingerprint:{_certificate('somebody else').fingerprint()}\r\n")

    assert pair.run(lambda: pair.right.node.saw(DtlsTransportFailed))
    pair.settle()

    (failed,) = pair.right.of(DtlsTransportFailed)
    assert failed.error_detail == "fingerprint-failure"
    assert failed.sent_alert == 42
    told = pair.right.node.events
    assert told[told.index(failed) + 1] == DtlsTransportStateChanged(0, DtlsTransportState.FAILED)
    for side in pair.sides:
        assert side.of(DtlsTransportStateChanged)[-1].state in {DtlsTransportState.FAILED, DtlsTransportState.CLOSED}
        assert side.machine.connection_state is not ConnectionState.CONNECTED
        assert not side.node.saw(ChannelReceived)
        assert not side.node.saw(ChannelOpened)
        assert side.of(SctpTransportStateChanged)[-1].state is SctpTransportState.CLOSED
    assert len(pair.left.of(ChannelClosed)) == 1
    assert pair.right.machine.connection_state is ConnectionState.FAILED
    assert pair.right.machine.transports[0].remote_certificates == ()


@pytest.mark.spec("rfc8842:5.1/3", "rfc8842:5.1/4")
@pytest.mark.parametrize("algorithms", [("sha-256",), ("sha-512",), ("sha-384", "sha-256"), ("sha-512", "sha-256")])
def test_fingerprints_of_every_good_hash_function_are_accepted(algorithms: tuple[str, ...]) -> None:
    pair = Pair()
    _exchange(pair, _fingerprints(pair.left, *algorithms))

    assert pair.run(pair.talking)


def test_one_of_several_certificates_is_enough() -> None:
    pair = Pair()
    other = f"a=fingerprint:{_certificate('a spare one').fingerprint()}\r\n"
    _exchange(pair, other + _fingerprints(pair.left, "sha-256"))

    assert pair.run(pair.talking)


def test_class_27_a_weak_match_does_not_save_a_wrong_strong_fingerprint() -> None:
    pair = Pair()
    wrong = f"a=fingerprint:{_certificate('somebody else').fingerprint('sha-512')}\r\n"
    _exchange(pair, _fingerprints(pair.left, "sha-256") + wrong)

    assert pair.run(lambda: pair.right.node.saw(DtlsTransportFailed))


def test_unknown_hash_functions_beside_a_known_one_do_no_harm() -> None:
    pair = Pair()
    _exchange(pair, f"a=fingerprint:sha3-256 {':'.join(['AA'] * 32)}\r\n" + _fingerprints(pair.left, "sha-256"))

    assert pair.run(pair.talking)


@pytest.mark.spec("rfc8844:4.3/3", "rfc8844:4.3/1")
def test_class_27_a_tls_id_of_another_session_ends_the_transport() -> None:
    """Whoever copies fingerprints between two sessions cannot copy the handshake (unknown key share)."""
    pair = Pair()
    pair.left.machine.create_data_channel()
    offer = pair.offer()
    altered = re.sub(r"a=tls-id:\w+", f"a=tls-id:{'x' * 24}", offer.sdp)
    assert altered != offer.sdp
    pair.give(pair.right, SessionDescription(SdpType.OFFER, altered))
    pair.answer()
    pair.give(pair.left, pair.right.local)

    assert pair.run(lambda: pair.right.node.saw(DtlsTransportFailed))
    (failed,) = pair.right.of(DtlsTransportFailed)
    assert failed.sent_alert == 47


# --- certificates ---


@pytest.mark.spec("rfc8827:6.5/16")
def test_every_connection_makes_a_key_of_its_own() -> None:
    digests = {make_peer(f"peer {number}").certificates[0].fingerprint().digest for number in range(5)}

    assert len(digests) == 5


@pytest.mark.spec("rfc8827:6.5/17")
def test_a_certificate_can_be_brought_and_used_again() -> None:
    certificate = _certificate("mine")
    for seed in (1, 2):
        pair = Pair(seed=seed, left=Configuration(certificates=(certificate, _certificate("spare")))).connect()

        assert pair.right.machine.transports[0].remote_certificates == certificate.chain
        assert pair.left.machine.certificates[0] is certificate


def test_a_certificate_that_has_expired_is_refused() -> None:
    old = Certificate.generate(rng=SeededRng("old"), wall_clock=WALL_CLOCK - timedelta(days=4000))

    with pytest.raises(CertificateError):
        make_peer(configuration=Configuration(certificates=(_certificate("new"), old)))


# --- roles and what is negotiated ---


@pytest.mark.spec("rfc8842:5.4/1", "rfc8842:5.3/7")
@pytest.mark.parametrize("role", ["active", "passive"])
def test_an_offer_that_takes_a_role_gets_it(role: str) -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    offer = pair.offer()
    pair.give(pair.right, SessionDescription(SdpType.OFFER, offer.sdp.replace("actpass", role)))
    pair.give(pair.left, pair.answer())

    assert pair.run(pair.talking)
    assert pair.left.machine.transports[0].is_dtls_client is (role == "active")
    assert pair.right.machine.transports[0].is_dtls_client is (role == "passive")


@pytest.mark.spec("rfc8827:6.5/10", "rfc8827:6.5/12", "rfc8827:6.5/13", "rfc8827:6.5/25", "rfc8834:4.2/4")
def test_suites_have_forward_secrecy_and_authenticated_encryption() -> None:
    pair = Pair().connect()

    transports = [each for side in pair.sides for each in side.machine.statistics() if each.TYPE == "transport"]
    assert {getattr(each, "dtls_cipher", None) for each in transports} == {"TLS_AES_128_GCM_SHA256"}
    assert {getattr(each, "tls_version", None) for each in transports} == {"FEFC"}


@pytest.mark.spec("rfc8829:5.1.1/7", "rfc8827:6.5/7")
def test_keys_in_descriptions_are_neither_written_nor_used() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()
    offer = pair.offer()
    crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:32\r\n"

    pair.give(pair.right, SessionDescription(SdpType.OFFER, offer.sdp + crypto))
    answer = pair.answer()

    assert "crypto" not in offer.sdp + answer.sdp
    assert parsed(answer).media[0].port != 0


# --- what may be sent, and what is let in ---


@pytest.mark.spec("rfc8827:6.3/3", "rfc8827:6.5/15", "rfc8827:6.5/9", "rfc8827:6.5/3")
def test_nothing_but_checks_leaves_before_ice_and_nothing_but_dtls_after() -> None:
    pair = Pair()
    sent: dict[str, list[bytes]] = {side.name: [] for side in pair.sides}
    validated: dict[str, int] = {}
    for side in pair.sides:

        def tap(now: float, datagram: Datagram, side: Side = side) -> bool:
            if not is_stun(datagram.data) and side.name not in validated:
                validated[side.name] = len(sent[side.name])
                assert any(view.selected_pair is not None for view in side.machine.transports)
            sent[side.name].append(datagram.data)
            return True

        side.node.tap = tap
    pair.connect()
    pair.left.machine.send(pair.left.channel(), "a secret that must not be read")
    pair.settle()

    everything = [data for each in sent.values() for data in each]
    assert {classify(data) for data in everything} == {PacketKind.STUN, PacketKind.DTLS}
    assert not any(b"secret" in data for data in everything)
    # Application data of either side comes after its Finished: epoch 1 and content type 23 never before type 22 there.
    for each in sent.values():
        kinds = [data[0] for data in each if not is_stun(data) and data[3:5] == b"\x00\x01"]
        assert 23 not in kinds[: kinds.index(22)] if 22 in kinds else True


@pytest.mark.spec("rfc8827:6.3/4")
def test_transaction_ids_of_checks_are_not_told() -> None:
    pair = Pair()
    ids: set[bytes] = set()

    def trace(now: float, datagram: Datagram) -> None:
        if is_stun(datagram.data):
            ids.add(datagram.data[8:20])

    pair.network.trace = trace
    pair.connect()
    pair.settle(10.0)

    told = repr([side.node.events for side in pair.sides]) + repr([side.machine.statistics() for side in pair.sides])
    assert ids
    assert not any(repr(each)[2:-1] in told or each.hex() in told for each in ids)


@pytest.mark.spec("rfc8827:6.3/5")
def test_the_application_cannot_choose_ice_credentials() -> None:
    surface: list[Callable[..., object]] = [
        PeerConnection.__init__,
        PeerConnection.create_offer,
        PeerConnection.restart_ice,
        PeerConnection.set_local_description,
        PeerOptions,
        Configuration,
    ]
    names = {name for each in surface for name in inspect.signature(each).parameters}

    assert not names & {"ufrag", "username_fragment", "password", "credentials"}


@pytest.mark.spec("rfc8827:9.1/1")
@pytest.mark.spec("rfc8827:6.5/19")
def test_the_keys_of_dtls_are_out_of_reach() -> None:
    pair = Pair().connect()
    connection = pair.left.machine.transports[0]

    names = {name for name in (*dir(pair.left.machine), *dir(connection)) if not name.startswith("_")}

    found = [name for name in names if "key" in name or "secret" in name or "export" in name]
    assert found == ["key_log_lines"]
    assert connection.key_log_lines() == []  # unless whoever makes the connection wants them for Wireshark


@pytest.mark.spec("rfc8842:5.2/4", "rfc8842:5.2/5", "rfc8122:6.2/4", "rfc8122:6.2/5", "rfc8842:5.3/7")
@pytest.mark.spec("rfc8829:5.11/3")
def test_class_27_a_client_hello_that_outruns_the_answer_is_kept() -> None:
    pair = Pair(link=Link(delay=0.01))
    pair.left.machine.create_data_channel("chat")
    pair.give(pair.right, pair.offer())
    answer = pair.answer()
    pair.settle(0.5)
    early = [each.data for each in _datagrams(pair, 0.5)]
    assert pair.left.machine.connection_state is not ConnectionState.CONNECTED

    pair.give(pair.left, answer)

    assert pair.run(pair.talking, timeout=3.0)
    assert pair.left.machine.stats.dropped.get("dtls-from-stranger") is None
    assert all(is_stun(data) or data[0] == 22 for data in early)


def _datagrams(pair: Pair, seconds: float) -> list[Datagram]:
    found: list[Datagram] = []
    pair.network.trace = lambda now, datagram: found.append(datagram)
    pair.settle(seconds)
    pair.network.trace = None
    return found


def test_class_26_a_stranger_cannot_win_the_race_for_the_handshake() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.give(pair.right, pair.offer())
    pair.give(pair.left, pair.answer())
    # The right side is the client, so the left one waits for a ClientHello. The stranger's comes first, and again.
    stranger = DtlsConnection(
        role=Role.CLIENT,
        config=DtlsConfig(certificate=_certificate("stranger"), remote_fingerprints=(_certificate("x").fingerprint(),)),
        rng=SeededRng("stranger"),
    )
    stranger.start(0.0)
    hello = stranger.datagrams_to_send(0.0)
    pair.network.flush()
    for _ in range(30):
        for data in hello:
            pair.left.machine.receive_datagram(
                Datagram(data, Address("192.0.2.1", 5001), Address("203.0.113.66", 6666)), pair.now
            )
        pair.settle(0.01)

    assert pair.run(pair.talking)
    assert pair.left.machine.stats.dropped["dtls-from-stranger"] >= 10


def test_class_26_a_handshake_that_fails_elsewhere_leaves_the_session_alone() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.give(pair.right, pair.offer())
    pair.give(pair.left, pair.answer())
    stranger = Address("203.0.113.66", 6666)
    alert = bytes.fromhex("15fefd000000000000000000020228")
    nonsense = bytes.fromhex("16fefd0000000000000001000d0100000100000000000001ff")
    for _ in range(20):
        for data in (alert, nonsense):
            for side, port in ((pair.left, Address("192.0.2.1", 5001)), (pair.right, Address("192.0.2.2", 5001))):
                side.machine.receive_datagram(Datagram(data, port, stranger), pair.now)
        pair.settle(0.01)

    assert pair.run(pair.talking)
    assert not pair.left.node.saw(DtlsTransportFailed)
    assert not pair.right.node.saw(DtlsTransportFailed)


def test_class_26_records_from_strangers_are_dropped_on_a_connected_transport() -> None:
    pair = Pair().connect()
    local = pair.left.machine.transports[0].selected_pair
    assert local is not None
    record = bytes.fromhex("17fefd0001000000000009 0010".replace(" ", "")) + bytes(16)

    pair.left.machine.receive_datagram(Datagram(record, local.local, Address("203.0.113.66", 6666)), pair.now)

    assert pair.left.machine.stats.dropped["dtls-from-stranger"] == 1


def test_class_26_early_datagrams_are_bounded() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.offer()
    pair.settle(0.1)

    local, stranger = Address("192.0.2.1", 5001), Address("203.0.113.66", 6666)
    junk = [Datagram(b"\x16" + bytes(1000) + number.to_bytes(2), local, stranger) for number in range(5000)]
    pair.left.machine.receive_datagrams(junk, pair.now)

    assert len(pickle.dumps(pair.left.machine)) < 100_000


def test_class_26_records_that_outrun_the_checks_are_kept_and_not_taken_for_those_of_strangers() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel("chat")
    pair.negotiate()
    pair.settle(0.1)
    local, remote = Address("192.0.2.1", 5001), Address("192.0.2.2", 5001)
    transport = pair.left.machine._layers.transports.transports[0]
    assert transport.dtls.connection is not None

    pair.left.machine.receive_datagram(Datagram(b"\x16" * 20, local, remote), pair.now)

    assert "dtls-from-stranger" not in pair.left.machine.stats.dropped
    assert transport.dtls.has_early


@pytest.mark.spec("rfc8827:6.4/1")
def test_an_offer_alone_starts_nothing() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.give(pair.right, pair.offer())
    pair.settle(5.0)

    assert pair.network.traffic.sent == 0
    assert pair.right.machine.transports == ()


@pytest.mark.spec("rfc9143:11/2", "rfc8834:4.2/4")
def test_keys_for_media_are_offered_though_there_are_only_data() -> None:
    pair = Pair()
    sent: list[bytes] = []

    def tap(now: float, datagram: Datagram) -> bool:
        if datagram.data[:1] == b"\x16":
            sent.append(datagram.data)
        return True

    pair.right.node.tap = tap
    pair.left.machine.create_data_channel()
    pair.negotiate()
    assert pair.run(lambda: bool(sent))

    # The extension use_srtp with three profiles and no MKI, after the type and the length.
    assert b"\x00\x0e\x00\x09\x00\x06\x00\x07\x00\x08\x00\x01\x00" in b"".join(sent)
