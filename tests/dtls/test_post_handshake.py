"""DTLS 1.3 once data flow: new keys, limits of their use, tickets, records of limited size."""

from dataclasses import replace

import pytest
from tests.dtls.ends import Ends
from tests.dtls.ends13 import CLIENT, SERVER, check_connected
from tests.dtls.misbehave import Changed, say

from rtc_dtls import (
    AlertDescription,
    ApplicationDataReceived,
    ConnectionFailed,
    ConnectionState,
    DtlsConnection,
    Role,
    StateError,
    Version,
)
from rtc_dtls.handshake import HandshakeType
from rtc_dtls.post_handshake import PostHandshake

EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def other(role: Role) -> Role:
    return Role.SERVER if role is Role.CLIENT else Role.CLIENT


def epoch_bits(datagram: bytes) -> int:
    assert datagram[0] & 0xE0 == 0x20
    return datagram[0] & 3


# --- new keys ---


@EACH_ROLE
@pytest.mark.parametrize("ask_peer", [False, True])
@pytest.mark.spec("rfc9147:8/1", "rfc9147:8/2", "rfc8446:4.6.3/2", "rfc8446:4.6.3/4", "rfc9147:7/5")
def test_keys_are_updated_when_the_peer_has_acknowledged(role: Role, ask_peer: bool) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    here, there = end(pair, role), end(pair, other(role))

    here.update_keys(1.0, ask_peer=ask_peer)
    here.send(b"before the ACK")
    (update, data) = here.datagrams_to_send(1.0)

    assert (epoch_bits(update), epoch_bits(data)) == (3, 3)
    there.receive_datagrams([update, data], 1.0)
    pair.carry()
    for connection, epoch in ((here, 0), (there, 0 if ask_peer else 3)):
        connection.send(b"after it")
        (datagram,) = connection.datagrams_to_send(1.0)
        assert epoch_bits(datagram) == epoch
        end(pair, other(connection.role)).receive_datagram(datagram, 1.0)
    pair.carry()
    check_connected(pair)
    assert here.next_timeout() is there.next_timeout() is None


@pytest.mark.spec("rfc9147:8/2", "rfc9147:8/3", "rfc9147:5.8.4/1")
def test_second_update_waits_for_the_acknowledgement_of_the_first() -> None:
    pair = Ends(CLIENT, SERVER).connect()
    pair.client.update_keys(1.0)
    first = pair.client.datagrams_to_send(1.0)
    pair.client.update_keys(1.0)

    assert len(first) == 1
    assert pair.client.datagrams_to_send(1.0) == []
    pair.server.receive_datagrams(first, 1.0)
    pair.carry()
    pair.client.send(b"data")
    assert epoch_bits(pair.client.datagrams_to_send(1.0)[0]) == 5 & 3


@pytest.mark.parametrize("count", [9])
def test_many_updates_of_both_sides_cross(count: int) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    for _ in range(count):
        pair.client.update_keys(1.0, ask_peer=True)
        pair.server.update_keys(1.0, ask_peer=True)
        to_server, to_client = pair.client.datagrams_to_send(1.0), pair.server.datagrams_to_send(1.0)
        pair.server.receive_datagrams(to_server, 1.0)
        pair.client.receive_datagrams(to_client, 1.0)
        check_connected(pair)

    engines = [connection._association.engine for connection in (pair.client, pair.server)]
    assert [engine._epoch for engine in engines if isinstance(engine, PostHandshake)] == [3 + 2 * count] * 2


@pytest.mark.spec("rfc9147:8/4")
def test_lost_acknowledgement_is_made_up_for_and_old_keys_are_kept_until_then() -> None:
    pair = Ends(CLIENT, SERVER).connect()
    pair.client.update_keys(1.0)
    pair.server.receive_datagrams(pair.client.datagrams_to_send(1.0), 1.0)
    assert len(pair.server.datagrams_to_send(1.0)) == 1

    pair.client.send(b"still under the old keys")
    pair.carry()
    assert pair.seen(Role.SERVER, ApplicationDataReceived) == [ApplicationDataReceived(b"still under the old keys")]
    pair.now = 2.0
    pair.client.handle_timeout(2.0)
    pair.carry()
    pair.client.send(b"under the new ones")
    (datagram,) = pair.client.datagrams_to_send(2.0)
    assert epoch_bits(datagram) == 0
    pair.server.receive_datagram(datagram, 2.0)
    pair.carry()
    check_connected(pair)


def test_there_are_no_other_keys_in_1_2_nor_before_the_end_of_the_handshake() -> None:
    old = Ends(replace(CLIENT, versions=(Version.DTLS_1_2,)), SERVER).connect()
    with pytest.raises(StateError):
        old.client.update_keys(1.0)
    with pytest.raises(StateError):
        Ends(CLIENT, SERVER).client.update_keys(1.0)


@pytest.mark.spec("rfc9147:4.5.3/2")
def test_keys_are_updated_before_they_have_protected_too_much() -> None:
    pair = Ends(replace(CLIENT, max_records_per_key=20), SERVER).connect()
    for number in range(70):
        pair.client.send(b"%d" % number)
        pair.carry()

    engine = pair.client._association.engine
    assert isinstance(engine, PostHandshake)
    assert engine._epoch >= 6
    assert len(pair.seen(Role.SERVER, ApplicationDataReceived)) == 70


@pytest.mark.spec("rfc9147:4.5.3/3", "rfc9147:4.5.3/4", "rfc9147:4.5.3/6")
def test_forgeries_make_us_ask_for_new_keys_and_end_the_connection_at_last() -> None:
    pair = Ends(replace(CLIENT, max_forgeries_per_key=8), SERVER).connect()
    forged = b"\x2f" + bytes(2) + b"\x00\x20" + bytes(32)

    pair.client.receive_datagrams([forged] * 4, 1.0)
    pair.carry()
    pair.server.send(b"x")
    (datagram,) = pair.server.datagrams_to_send(1.0)
    assert epoch_bits(datagram) == 0
    pair.client.receive_datagrams([forged] * 4, 1.0)
    assert pair.client.state is ConnectionState.CONNECTED

    pair.client.receive_datagrams([b"\x2c" + forged[1:]] * 8, 1.0)
    pair.carry_once()
    (failed,) = pair.seen(Role.CLIENT, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.section == "RFC 9147 section 4.5.3"


@pytest.mark.spec("rfc9147:4.5.3/3")
def test_older_key_that_is_attacked_is_forgotten_and_nothing_else_happens() -> None:
    pair = Ends(replace(CLIENT, max_forgeries_per_key=8), SERVER).connect()
    pair.server.datagrams_to_send(0.0)
    forged = b"\x2e" + bytes(2) + b"\x00\x20" + bytes(32)

    pair.client.receive_datagrams([forged] * 10, 0.0)

    assert pair.client.stats.dropped == {"record_bad_mac": 8, "record_unknown_epoch": 2}
    assert pair.client.datagrams_to_send(0.0) == []
    check_connected(pair)


@EACH_ROLE
@pytest.mark.parametrize("body", [b"", b"\x02", b"\x00\x00"])
@pytest.mark.spec("rfc8446:4.6.3/3")
def test_malformed_key_update_ends_the_connection(role: Role, body: bytes) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    say(end(pair, role), Changed(HandshakeType.KEY_UPDATE, body))
    pair.carry()

    (failed,) = pair.seen(other(role), ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    expected = AlertDescription.ILLEGAL_PARAMETER if body == b"\x02" else AlertDescription.DECODE_ERROR
    assert (failed.alert, failed.received) == (expected, False)


# --- other messages ---

TICKET = bytes(8) + b"\x01n" + b"\x00\x02tt" + b"\x00\x00"


@pytest.mark.spec("rfc8446:4.6.1/1", "rfc9147:7.1/3")
def test_ticket_is_acknowledged_and_ignored() -> None:
    pair = Ends(CLIENT, SERVER).connect()
    for _ in range(3):
        say(pair.server, Changed(HandshakeType.NEW_SESSION_TICKET, TICKET))
        pair.carry()
        assert pair.server.next_timeout() is None

    check_connected(pair)


@pytest.mark.parametrize("length", range(len(TICKET)))
def test_ticket_that_is_cut_short_ends_the_connection(length: int) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    say(pair.server, Changed(HandshakeType.NEW_SESSION_TICKET, TICKET[:length]))
    pair.carry()

    assert pair.client.state is ConnectionState.FAILED


@EACH_ROLE
@pytest.mark.parametrize("kind", [each for each in HandshakeType if each not in (0, 4, 24)])
@pytest.mark.spec("rfc8446:4.6.2/1", "rfc9147:9/6", "rfc8446:4/1")
def test_other_messages_after_the_handshake_end_the_connection(role: Role, kind: HandshakeType) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    say(end(pair, role), Changed(kind, bytes(40)))
    pair.carry()

    (failed,) = pair.seen(other(role), ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert (failed.alert, failed.received) == (AlertDescription.UNEXPECTED_MESSAGE, False)


def test_ticket_from_a_client_ends_the_connection() -> None:
    pair = Ends(CLIENT, SERVER).connect()
    say(pair.client, Changed(HandshakeType.NEW_SESSION_TICKET, TICKET))
    pair.carry()

    assert pair.server.state is ConnectionState.FAILED


# --- records of limited size ---


@pytest.mark.parametrize("version", [Version.DTLS_1_2, Version.DTLS_1_3])
@EACH_ROLE
@pytest.mark.spec("rfc8449:4/1", "rfc8449:4/5")
def test_nobody_sends_longer_records_than_the_other_takes(role: Role, version: Version) -> None:
    configs = {Role.CLIENT: replace(CLIENT, versions=(version,)), Role.SERVER: replace(SERVER, versions=(version,))}
    configs[role] = replace(configs[role], record_size_limit=101)
    pair = Ends(configs[Role.CLIENT], configs[Role.SERVER]).connect()
    sender = end(pair, other(role))
    longest = 101 - (version == Version.DTLS_1_3)

    check_connected(pair)
    with pytest.raises(ValueError, match=f"1 to {longest} bytes"):
        sender.send(bytes(longest + 1))
    end(pair, role).send(bytes(16000))
    sender.send(bytes(longest))
    sender._context.records.peer_limit = 16384
    pair.carry()
    assert end(pair, role).state is ConnectionState.CONNECTED
    sender.send(bytes(longest + 1))
    pair.carry()
    (failed,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert (failed.alert, failed.received) == (AlertDescription.RECORD_OVERFLOW, False)


@EACH_ROLE
def test_peer_cannot_use_up_the_last_numbers_of_a_key(role: Role) -> None:
    pair = Ends(CLIENT, SERVER).connect()
    here, there = (pair.client, pair.server) if role is Role.CLIENT else (pair.server, pair.client)
    here._context.records.application_sealer().next_number = 2**24 - 40
    there._context.records._openers13[0].window.accept(2**24 - 41)
    there.update_keys(0.0)
    layer = there._context.layer

    for _ in range(100):
        layer.pending = True
        here.receive_datagrams(there.datagrams_to_send(0.0), 0.0)
        here.datagrams_to_send(0.0)

    here.abort(0.0)
    there.receive_datagrams(here.datagrams_to_send(0.0), 0.0)
    assert there.state is ConnectionState.FAILED
