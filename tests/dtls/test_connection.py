"""The life of a connection as its owner sees it: states, commands, bounds, options, copies."""

import copy
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import get_args

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.ends import Ends, certificate, config12
from tests.support.rng import SeededRng

from rtc_dtls import (
    CONFIDENTIAL_WEBRTC,
    WEBRTC,
    WEBRTC_PROTOCOLS,
    AlertDescription,
    ApplicationDataReceived,
    BufferFullError,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionState,
    DtlsConnection,
    Event,
    HandshakeCompleted,
    PeerCertificateReceived,
    Role,
    SrtpProfile,
    StateError,
    is_confidential,
)
from rtc_dtls.state import TRANSITIONS, Input

EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
MINE, YOURS = certificate(who="client"), certificate(who="server")
CLIENT = config12(certificate=MINE, remote_fingerprints=(YOURS.fingerprint(),))
SERVER = config12(certificate=YOURS, remote_fingerprints=(MINE.fingerprint(),))


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def other(role: Role) -> Role:
    return Role.SERVER if role is Role.CLIENT else Role.CLIENT


# --- states ---


def test_steps_between_states_are_these_and_no_others() -> None:
    new, handshaking, unverified = ConnectionState.NEW, ConnectionState.HANDSHAKING, ConnectionState.UNVERIFIED
    connected, closed, failed = ConnectionState.CONNECTED, ConnectionState.CLOSED, ConnectionState.FAILED
    live = (new, handshaking, unverified, connected)

    assert {
        (new, Input.START): handshaking,
        (handshaking, Input.COMPLETE): connected,
        (handshaking, Input.COMPLETE_UNVERIFIED): unverified,
        (unverified, Input.VERIFY): connected,
        **{(state, Input.CLOSE): closed for state in live},
        **{(state, Input.FAIL): failed for state in live},
    } == TRANSITIONS


def test_every_event_is_told_in_the_life_of_a_connection() -> None:
    pair = Ends().connect()
    pair.server.send(b"data")
    pair.carry()
    pair.client.close(0.0)
    pair.carry()
    failed = Ends().connect()
    failed.client.abort(0.0)
    failed.carry()

    kinds = {type(event) for event in pair.events[Role.CLIENT] + failed.events[Role.SERVER]}
    assert kinds == set(get_args(Event))
    assert [type(event) for event in pair.events[Role.CLIENT]] == [
        PeerCertificateReceived,
        HandshakeCompleted,
        ApplicationDataReceived,
        ConnectionClosed,
    ]


@EACH_ROLE
def test_facts_of_the_handshake_are_readable_then_and_after_the_end(role: Role) -> None:
    pair = Ends(replace(CLIENT, srtp_profiles=(7, 1)), replace(SERVER, srtp_profiles=(1, 7)))
    here = end(pair, role)
    assert (here.version, here.cipher_suite, here.group, here.peer_signature_algorithm) == (None, None, None, None)
    assert (here.alpn_protocol, here.selected_srtp_profile, here.extended_master_secret) == (None, None, None)
    assert (here.record_overhead, here.peer_certificates) == (None, ())

    pair.connect()

    def facts() -> tuple[object, ...]:
        return (here.version, here.cipher_suite, here.group, here.selected_srtp_profile, here.record_overhead)

    during = facts()
    here.close(0.0)
    assert during == facts() == (0xFEFD, 0xC02B, 29, SrtpProfile.AES128_CM_HMAC_SHA1_80, 37)
    assert here.peer_certificates == (YOURS if role is Role.CLIENT else MINE).chain
    assert here.extended_master_secret is True
    assert here.peer_signature_algorithm == 0x0403


# --- the end ---


@EACH_ROLE
def test_close_tells_the_peer_and_both_are_closed(role: Role) -> None:
    pair = Ends().connect()
    end(pair, role).send(b"last words")
    end(pair, role).close(1.0)
    pair.carry()

    assert pair.seen(role, ConnectionClosed) == [ConnectionClosed(by_peer=False)]
    assert pair.seen(other(role), ConnectionClosed) == [ConnectionClosed(by_peer=True)]
    assert pair.seen(other(role), ApplicationDataReceived) == [ApplicationDataReceived(b"last words")]
    assert pair.client.next_timeout() is pair.server.next_timeout() is None


def test_both_may_close_at_once() -> None:
    pair = Ends().connect()
    pair.client.close(1.0)
    pair.server.close(1.0)
    pair.carry()

    for role in Role:
        assert pair.seen(role, ConnectionClosed) == [ConnectionClosed(by_peer=False)]


@EACH_ROLE
def test_closing_in_the_middle_of_the_handshake_ends_both(role: Role) -> None:
    pair = Ends()
    pair.client.start(0.0)
    pair.carry_once()
    end(pair, role).close(0.0)
    pair.carry()

    assert pair.client.state is pair.server.state is ConnectionState.CLOSED
    assert pair.client.next_timeout() is pair.server.next_timeout() is None


@EACH_ROLE
def test_closing_before_anything_was_said_says_nothing(role: Role) -> None:
    connection = end(Ends(), role)
    connection.close(0.0)

    assert connection.datagrams_to_send(0.0) == []
    assert connection.events() == [ConnectionClosed(by_peer=False)]


@EACH_ROLE
def test_close_and_abort_of_a_connection_that_is_over_do_nothing(role: Role) -> None:
    pair = Ends().connect()
    here = end(pair, role)
    here.close(0.0)
    pair.carry()
    here.close(1.0)
    here.abort(1.0)

    assert here.events() == []
    assert here.datagrams_to_send(1.0) == []
    assert here.state is ConnectionState.CLOSED


@EACH_ROLE
def test_abort_sends_the_chosen_alert_and_nothing_that_was_queued(role: Role) -> None:
    pair = Ends().connect()
    end(pair, role).send(b"never mind")
    end(pair, role).abort(0.0, AlertDescription.ACCESS_DENIED)
    pair.carry()

    (failure,) = pair.seen(other(role), ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert (failure.alert, failure.received) == (AlertDescription.ACCESS_DENIED, True)
    assert pair.seen(other(role), ApplicationDataReceived) == []


@pytest.mark.parametrize("alert", [-1, 256])
def test_abort_with_a_number_that_is_no_alert_changes_nothing(alert: int) -> None:
    pair = Ends().connect()
    with pytest.raises(ValueError, match="alert"):
        pair.client.abort(0.0, alert)

    assert pair.client.state is ConnectionState.CONNECTED


def test_peer_that_never_answers_is_given_up() -> None:
    connection = Ends(replace(CLIENT, max_transmissions=3)).client
    connection.start(0.0)
    sent = 0
    while (at := connection.next_timeout()) is not None:
        connection.handle_timeout(at)
        sent += len(connection.datagrams_to_send(at))

    assert sent == 3
    (failure,) = connection.events()
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert is None
    assert failure.section == "RFC 6347 section 4.2.4"


def test_the_timer_doubles_up_to_the_maximum_that_was_asked_for() -> None:
    connection = Ends(replace(CLIENT, initial_timeout=0.5, max_timeout=3.0, max_transmissions=6)).client
    connection.start(0.0)
    sent_at = []
    while (at := connection.next_timeout()) is not None:
        connection.handle_timeout(at)
        sent_at += [at for _ in connection.datagrams_to_send(at)]

    assert sent_at == [0.0, 0.5, 1.5, 3.5, 6.5, 9.5]


# --- misuse ---


def test_only_a_client_starts_and_only_once() -> None:
    pair = Ends()
    with pytest.raises(StateError):
        pair.server.start(0.0)
    pair.client.start(0.0)
    with pytest.raises(StateError):
        pair.client.start(0.0)
    closed = Ends().client
    closed.close(0.0)
    with pytest.raises(StateError):
        closed.start(0.0)


@pytest.mark.spec("rfc5246:7.3/3")
@EACH_ROLE
def test_data_cannot_be_sent_before_or_after_the_connection(role: Role) -> None:
    pair = Ends()
    here = end(pair, role)
    with pytest.raises(StateError):
        here.send(b"early")
    pair.connect()
    here.close(0.0)
    with pytest.raises(StateError):
        here.send(b"late")


def test_several_datas_are_queued_all_or_none() -> None:
    pair = Ends(replace(CLIENT, max_queued_datagrams=4)).connect()
    pair.client.send_many([b"1", b"2"])
    for datas, error in (
        ([b"3", b""], ValueError),
        ([b"3", bytes(2**14 + 1)], ValueError),
        ([b"3", b"4", b"5"], BufferFullError),
    ):
        with pytest.raises(error):
            pair.client.send_many(datas)

    assert pair.client.queued_datagrams == 2
    pair.carry()
    assert pair.client.queued_datagrams == 0
    assert pair.seen(Role.SERVER, ApplicationDataReceived) == [
        ApplicationDataReceived(b"1"),
        ApplicationDataReceived(b"2"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"cipher_suites": ()},
        {"cipher_suites": (0x002F,)},
        {"cipher_suites": (0xC02B, 0xC02B)},
        {"groups": ()},
        {"groups": (25,)},
        {"srtp_profiles": (99,)},
        {"require_srtp": True},
        {"alpn_protocols": ("",)},
        {"alpn_protocols": ("x" * 256,)},
        {"alpn_protocols": ("x", "x")},
        {"alpn_protocols": ("x",), "required_alpn_protocol": "y"},
        {"alpn_protocols": tuple(f"{number}" for number in range(65))},
        {"cookie_secrets": (b"short",)},
        {"mtu": 255},
        {"mtu": 2**14 + 1},
        {"initial_timeout": 0.0},
        {"initial_timeout": 61.0},
        {"max_timeout": 0.1},
        {"max_timeout": 61.0},
        {"max_transmissions": 0},
        {"max_queued_datagrams": 0},
    ],
)
def test_options_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        replace(CLIENT, **change)  # type: ignore[arg-type]  # the wrong types are the point


def test_server_needs_a_certificate_and_cookies_an_address() -> None:
    with pytest.raises(ValueError, match="certificate"):
        DtlsConnection(role=Role.SERVER, config=config12(), rng=SeededRng(1))
    with pytest.raises(ValueError, match="address"):
        DtlsConnection(role=Role.SERVER, config=replace(SERVER, cookie_secrets=(bytes(32),)), rng=SeededRng(1))


def test_mtu_and_timeout_are_checked_and_change_the_next_transmission() -> None:
    pair = Ends(replace(CLIENT, alpn_protocols=("x" * 250,)))
    for mtu in (255, 2**14 + 1):
        with pytest.raises(ValueError, match="MTU"):
            pair.client.set_mtu(mtu)
    for seconds in (0.0, 61.0):
        with pytest.raises(ValueError, match="timeout"):
            pair.client.set_initial_timeout(seconds)
    pair.client.start(0.0)
    pair.client.set_initial_timeout(0.2)
    first = pair.client.datagrams_to_send(0.0)
    at = pair.client.next_timeout()

    pair.client.set_mtu(256)
    pair.client.handle_timeout(0.2)
    second = pair.client.datagrams_to_send(0.2)

    assert len(first) == 1
    assert at == pytest.approx(0.2)
    assert len(second) == 2
    assert max(map(len, second)) <= 256


@EACH_ROLE
def test_exporter_refuses_what_no_exporter_takes(role: Role) -> None:
    here = end(Ends().connect(), role)
    for label, length, context in (("ü", 1, None), ("", 1, None), ("EXPERIMENTAL", -1, None), ("E", 1, bytes(2**16))):
        with pytest.raises(ValueError, match=r"."):
            here.export_keying_material(label, length, context)
    with pytest.raises(StateError):
        here.srtp_keying_material()

    assert len(here.export_keying_material("EXPERIMENTAL", 0)) == 0
    assert len(here.export_keying_material("EXPERIMENTAL", 1000, b"")) == 1000


@pytest.mark.spec("rfc8833:2/1", "rfc8833:2/2", "rfc8833:2/5")
def test_without_a_preference_both_protocols_are_offered_and_the_plain_one_is_chosen() -> None:
    pair = Ends(replace(CLIENT, alpn_protocols=WEBRTC_PROTOCOLS), replace(SERVER, alpn_protocols=WEBRTC_PROTOCOLS))
    pair.connect()
    hello = pair.sent[Role.CLIENT][0]

    assert b"\x06webrtc\x08c-webrtc" in hello
    assert pair.client.alpn_protocol == pair.server.alpn_protocol == "webrtc"
    assert not is_confidential(pair.client.alpn_protocol)


@EACH_ROLE
@pytest.mark.spec("rfc8833:2/4", "rfc8833:2/5")
def test_peer_that_knows_no_protocols_is_one_of_plain_webrtc(role: Role) -> None:
    options = [CLIENT, SERVER]
    at = 0 if role is Role.CLIENT else 1
    options[at] = replace(options[at], alpn_protocols=WEBRTC_PROTOCOLS)
    here = end(Ends(*options).connect(), role)

    assert here.state is ConnectionState.CONNECTED
    assert here.alpn_protocol is None
    assert not is_confidential(here.alpn_protocol)


@EACH_ROLE
@pytest.mark.spec("rfc8833:2/3")
@pytest.mark.parametrize("others", [(), (WEBRTC,)])
def test_whoever_needs_confidentiality_gives_up_without_the_promise(role: Role, others: tuple[str, ...]) -> None:
    needs = {"alpn_protocols": WEBRTC_PROTOCOLS, "required_alpn_protocol": CONFIDENTIAL_WEBRTC}
    options = (needs, {"alpn_protocols": others}) if role is Role.CLIENT else ({"alpn_protocols": others}, needs)
    pair = Ends(replace(CLIENT, **options[0]), replace(SERVER, **options[1])).connect()

    (failure,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.NO_APPLICATION_PROTOCOL
    assert not failure.received


@EACH_ROLE
@pytest.mark.spec("rfc8833:2/3")
def test_whoever_needs_confidentiality_gets_it_from_a_peer_that_has_both(role: Role) -> None:
    needs = {"alpn_protocols": WEBRTC_PROTOCOLS, "required_alpn_protocol": CONFIDENTIAL_WEBRTC}
    both = {"alpn_protocols": (CONFIDENTIAL_WEBRTC, WEBRTC)}
    options = (needs, both) if role is Role.CLIENT else (both, needs)
    pair = Ends(replace(CLIENT, **options[0]), replace(SERVER, **options[1])).connect()

    assert is_confidential(pair.client.alpn_protocol)
    assert is_confidential(pair.server.alpn_protocol)


@EACH_ROLE
@pytest.mark.spec("rfc5764:4.1.1/6")
def test_without_a_common_srtp_profile_whoever_needs_one_refuses(role: Role) -> None:
    needs, other_profile = {"srtp_profiles": (7,), "require_srtp": True}, {"srtp_profiles": (8,)}
    options = (needs, other_profile) if role is Role.CLIENT else (other_profile, needs)
    pair = Ends(replace(CLIENT, **options[0]), replace(SERVER, **options[1])).connect()

    (failure,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.HANDSHAKE_FAILURE
    assert not failure.received


def test_client_that_was_not_started_drops_what_arrives() -> None:
    client = Ends().client
    client.receive_datagram(bytes(40), 0.0)

    assert client.stats.dropped == {"not_started": 1}
    assert client.state is ConnectionState.NEW


# --- looking inside ---


def test_key_log_is_what_opens_the_records() -> None:
    pair = Ends(replace(CLIENT, key_log=True)).connect()
    (line,) = pair.client.key_log_lines()
    label, client_random, secret = line.split(" ")
    hello = next(wire.parse_fragments(wire.parse_records(pair.sent[Role.CLIENT][0])[0].fragment)).data
    server_hello = next(wire.parse_fragments(wire.parse_records(pair.sent[Role.SERVER][0])[0].fragment)).data
    pair.client.send(b"in the clear for whoever has the line")
    (datagram,) = pair.client.datagrams_to_send(0.0)
    (record,) = wire.parse_records(datagram)
    suite = keys.SUITES[0xC02B]

    write, _ = keys.protections(suite, bytes.fromhex(secret), hello[2:34], server_hello[2:34])

    assert label == "CLIENT_RANDOM"
    assert bytes.fromhex(client_random) == hello[2:34]
    assert write.open(record).fragment == b"in the clear for whoever has the line"
    assert pair.client.key_log_lines() == []
    assert pair.server.key_log_lines() == []


def test_trace_tells_the_story_and_changes_nothing() -> None:
    story: list[tuple[float, str, Mapping[str, object]]] = []

    def tell(now: float, name: str, details: Mapping[str, object]) -> None:
        story.append((now, name, dict(details)))

    told = Ends()
    told.client = DtlsConnection(role=Role.CLIENT, config=CLIENT, rng=SeededRng("ends client"), trace=tell)
    silent = Ends()
    for pair in (told, silent):
        pair.connect()
        pair.client.receive_datagram(b"\xff" * 20, 3.0)

    names = [name for _, name, _ in story]
    assert told.sent == silent.sent
    assert {
        "dtls:state_changed",
        "dtls:handshake_message_composed",
        "dtls:handshake_message_received",
        "dtls:datagrams_sent",
        "dtls:dropped",
    } <= set(names)
    assert story[-1] == (3.0, "dtls:dropped", {"reason": "record_unknown_type", "count": 1})
    secret = pickle.dumps(story)
    assert MINE._private_key not in secret


def test_statistics_count_both_ways() -> None:
    pair = Ends().connect()
    pair.client.send_many([b"1234"] * 3)
    pair.carry()
    client, server = pair.client.stats, pair.server.stats

    assert (client.datagrams_sent, client.bytes_sent) == (server.datagrams_received, server.bytes_received)
    assert client.application_data_sent == server.application_data_received == 3
    assert client.bytes_sent == sum(map(len, pair.sent[Role.CLIENT]))
    assert client.flights_retransmitted == 0


# --- state is plain data ---


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))], ids=["copy", "pickle"]
)
@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048"])
def test_copies_made_at_every_step_end_like_the_original(clone: Callable[[Ends], Ends], kind: str) -> None:
    mine, yours = certificate(), certificate("rsa-2048" if kind == "rsa-2048" else "ecdsa-p256", "server")
    pair = Ends(
        config12(certificate=mine, remote_fingerprints=(yours.fingerprint(),)),
        config12(certificate=yours, remote_fingerprints=(mine.fingerprint(),), cookie_secrets=(bytes(32),)),
    )
    pair.client.start(0.0)
    copies = [clone(pair)]
    while pair.carry_once():
        copies.append(clone(pair))
    secret = pair.client.export_keying_material("EXPERIMENTAL", 32)

    assert len(copies) >= 4
    for twin in copies:
        twin.carry()
        assert twin.client.export_keying_material("EXPERIMENTAL", 32) == secret
        assert twin.server.export_keying_material("EXPERIMENTAL", 32) == secret
        assert twin.sent == pair.sent
        assert twin.events == pair.events


def test_nothing_is_due_and_nothing_is_made_while_nothing_happens() -> None:
    pair = Ends().connect()
    for connection in (pair.client, pair.server):
        assert connection.next_timeout() is None
        assert connection.datagrams_to_send(100.0) == []
        assert connection.events() == []
        connection.handle_timeout(200.0)
        assert connection.next_timeout() is None
