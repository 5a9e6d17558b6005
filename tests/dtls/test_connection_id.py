"""Connection IDs of RFC 9146 and RFC 9147: who wants them gets them, and nothing else is read."""

import copy
import pickle
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
    DtlsConfig,
    DtlsConnection,
    Role,
    Version,
    peek_connection_id,
)
from rtc_dtls.connection_id import NewConnectionId
from rtc_dtls.errors import ParseError
from rtc_dtls.handshake import HandshakeType
from rtc_dtls.record import split_datagram

EACH_VERSION = pytest.mark.parametrize("version", [Version.DTLS_1_2, Version.DTLS_1_3], ids=lambda it: it.name)
EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
SUITES = {Version.DTLS_1_2: (0xC02B, 0xC02C, 0xCCA9), Version.DTLS_1_3: (0x1301, 0x1302, 0x1303)}


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def ends(version: int, client: bytes | None, server: bytes | None, **options: object) -> Ends:
    """Two that have chosen what they want to receive."""
    configs = [
        replace(config, versions=(version,), connection_id=connection_id, **options)  # type: ignore[arg-type]
        for config, connection_id in ((CLIENT, client), (SERVER, server))
    ]
    return Ends(*configs).connect()


def datagram_of(connection: DtlsConnection, data: bytes = b"data") -> bytes:
    connection.send(data)
    (datagram,) = connection.datagrams_to_send(0.0)
    return datagram


@pytest.mark.parametrize(("version", "suite"), [(version, suite) for version, each in SUITES.items() for suite in each])
@pytest.mark.parametrize(("client", "server"), [(b"c", b"server-id"), (b"", b"s"), (b"c" * 255, b""), (b"", b"")])
@pytest.mark.spec("rfc9146:3/3", "rfc9146:3/4", "rfc9146:4/1", "rfc9146:4/2", "rfc9147:4/4", "rfc9146:3/1")
def test_each_puts_into_its_records_what_the_other_wants(
    version: int, suite: int, client: bytes, server: bytes
) -> None:
    pair = ends(version, client, server, cipher_suites=(suite,))

    check_connected(pair)
    for connection, wanted in ((pair.client, server), (pair.server, client)):
        datagram = datagram_of(connection)
        assert peek_connection_id(datagram, len(wanted)) == (wanted or None)
        assert len(datagram) == 4 + (connection.record_overhead or 0)
        if not wanted:
            assert datagram[0] in (23, 0x2F)
    pair.client.close(0.0)
    pair.carry()
    assert pair.server.state is ConnectionState.CLOSED


@pytest.mark.spec("rfc9146:8/1")
@EACH_VERSION
@pytest.mark.parametrize(("client", "server"), [(b"c", None), (None, b"s"), (None, None)])
def test_without_the_extension_of_both_there_are_none(version: int, client: bytes | None, server: bytes | None) -> None:
    pair = ends(version, client, server)

    check_connected(pair)
    assert peek_connection_id(datagram_of(pair.client), 1) is None
    assert peek_connection_id(datagram_of(pair.server), 1) is None


@EACH_VERSION
@pytest.mark.spec("rfc9146:3/2", "rfc9147:9/4")
def test_records_without_the_right_one_are_dropped(version: int) -> None:
    pair = ends(version, b"client", b"server")
    datagram = datagram_of(pair.client)
    at = datagram.index(b"server")
    wrong = datagram[:at] + b"Server" + datagram[at + 6 :]
    none = datagram[:at] + datagram[at + 6 :]
    first = datagram[0] & ~0x10 if version == Version.DTLS_1_3 else 23
    pair.server.receive_datagrams([wrong, bytes([first]) + none[1:]], 0.0)

    assert pair.server.stats.dropped == {"record_connection_id": 2}
    pair.server.receive_datagram(datagram, 0.0)
    pair.carry()
    assert pair.seen(Role.SERVER, ApplicationDataReceived) == [ApplicationDataReceived(b"data")]


@EACH_VERSION
@pytest.mark.spec("rfc9147:4/7")
def test_nothing_is_read_behind_a_record_of_another_association(version: int) -> None:
    pair = ends(version, b"client", b"server")
    first, second, third = (datagram_of(pair.client, data) for data in (b"first", b"second", b"third"))
    at = second.index(b"server")
    foreign = second[:at] + b"Server" + second[at + 6 :]

    pair.server.receive_datagram(first + foreign + third, 0.0)

    assert pair.server.events() == [ApplicationDataReceived(b"first")]
    assert pair.server.stats.dropped == {"record_connection_id": 1}
    pair.server.receive_datagram(foreign + third, 0.0)
    assert pair.server.events() == []
    pair.server.receive_datagram(second + third, 0.0)
    assert pair.server.events() == [ApplicationDataReceived(b"second"), ApplicationDataReceived(b"third")]


@EACH_VERSION
@pytest.mark.spec("rfc9147:4/8")
def test_no_datagram_has_records_for_two(version: int) -> None:
    pair = ends(version, b"client", b"server")
    for role, wanted in ((Role.CLIENT, b"server"), (Role.SERVER, b"client")):
        end(pair, role).send_many([b"data"] * 3)
        end(pair, role).close(0.0)
        for datagram in pair.sent[role] + end(pair, role).datagrams_to_send(0.0):
            assert split_datagram(datagram, wanted)[1] == []


@pytest.mark.spec("rfc9147:4/4", "rfc9147:9/4")
def test_record_that_the_peer_itself_sealed_without_an_id_is_dropped() -> None:
    pair = ends(Version.DTLS_1_3, b"client", b"server")
    pair.client._context.records.use_peer_connection_id(b"")

    pair.server.receive_datagram(datagram_of(pair.client), 0.0)

    assert pair.server.events() == []
    assert pair.server.stats.dropped == {"record_connection_id": 1}


@EACH_VERSION
@EACH_ROLE
def test_plaintext_with_an_id_shuts_no_door(version: int, role: Role) -> None:
    configs = [replace(it, versions=(version,), connection_id=b"cid") for it in (CLIENT, SERVER)]
    pair = Ends(configs[0], replace(configs[1], cookie_secrets=(b"secret" * 3,)))
    pair.client.start(0.0)
    forged = bytes([25]) + bytes.fromhex("fefd") + bytes(8) + b"cid" + b"\0\4data"

    end(pair, role).receive_datagram(forged, 0.0)

    assert end(pair, role).stats.dropped == {"record_plaintext_connection_id": 1}
    pair.carry()
    check_connected(pair)


@EACH_VERSION
@pytest.mark.parametrize("mtu", [256, 300, 320])
def test_id_as_long_as_the_mtu_does_not_keep_the_handshake_from_going_out(version: int, mtu: int) -> None:
    pair = ends(version, b"c" * 255, b"s" * 255, mtu=mtu)

    check_connected(pair)
    sent = pair.sent[Role.CLIENT] + pair.sent[Role.SERVER]
    assert max(map(len, sent)) <= max(mtu, 256 + 255)
    assert len(sent) < 30
    # Acknowledgements have room for what they have to say as well.
    assert pair.client.next_timeout() is None


@EACH_VERSION
@pytest.mark.spec("rfc9146:5/1", "rfc9146:5.3/1", "rfc9146:6/2")
def test_record_with_any_bit_turned_is_dropped(version: int) -> None:
    pair = ends(version, b"client", b"server")
    datagram = datagram_of(pair.client)

    for at in range(len(datagram)):
        for bit in range(8):
            forged = datagram[:at] + bytes([datagram[at] ^ 1 << bit]) + datagram[at + 1 :]
            pair.server.receive_datagram(forged, 0.0)

    assert pair.server.datagrams_to_send(0.0) == []
    assert ApplicationDataReceived(b"data") not in pair.server.events()
    pair.server.receive_datagrams([datagram, datagram], 0.0)
    assert pair.server.events() == [ApplicationDataReceived(b"data")]
    assert pair.server.stats.dropped["record_replayed"] >= 1


@EACH_VERSION
def test_copies_go_on(version: int) -> None:
    pair = ends(version, b"client", b"server")
    twin = copy.deepcopy(pair)

    pair.client = pickle.loads(pickle.dumps(pair.client))
    pair.server = pickle.loads(pickle.dumps(pair.server))

    check_connected(pair)
    check_connected(twin)


@pytest.mark.spec("rfc9146:5/2")
def test_content_type_inside_counts_as_content() -> None:
    pair = ends(Version.DTLS_1_2, b"client", b"server")

    with pytest.raises(ValueError, match="16383"):
        pair.client.send(bytes(2**14))
    pair.client.send(bytes(2**14 - 1))
    pair.carry()
    assert pair.seen(Role.SERVER, ApplicationDataReceived) == [ApplicationDataReceived(bytes(2**14 - 1))]


@EACH_ROLE
@pytest.mark.spec("rfc9147:9/2")
def test_peer_may_ask_for_another_one_at_once(role: Role) -> None:
    pair = ends(Version.DTLS_1_3, b"client", b"server")
    here, there = end(pair, role), end(pair, Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    for immediate, found in ((False, here._context.config.connection_id), (True, b"another")):
        message = NewConnectionId(connection_ids=(b"another", b"more"), immediate=immediate)
        say(here, Changed(HandshakeType.NEW_CONNECTION_ID, bytes(message)))
        pair.carry()
        assert found is not None
        assert peek_connection_id(datagram_of(there), len(found)) == found

    assert here.state is there.state is ConnectionState.CONNECTED
    here.update_keys(0.0, ask_peer=True)
    pair.carry()
    assert peek_connection_id(datagram_of(there), 7) == b"another"


@EACH_ROLE
@pytest.mark.spec("rfc9147:9/3", "rfc9147:9/7")
def test_request_for_more_is_answered_with_none(role: Role) -> None:
    pair = ends(Version.DTLS_1_3, b"client", b"server")
    here, there = end(pair, role), end(pair, Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    for _ in range(2):
        say(here, Changed(HandshakeType.REQUEST_CONNECTION_ID, b"\x03"))
        there.receive_datagrams(here.datagrams_to_send(0.0), 0.0)
    # One answer, and an acknowledgement; the second answer waits.
    assert len(there._context.layer._flight) == 1
    pair.carry()

    check_connected(pair)
    assert pair.client.next_timeout() is pair.server.next_timeout() is None


@EACH_ROLE
@pytest.mark.spec("rfc9147:9/1", "rfc9147:9/6")
@pytest.mark.parametrize("kind", [HandshakeType.NEW_CONNECTION_ID, HandshakeType.REQUEST_CONNECTION_ID])
def test_messages_about_what_was_not_agreed_on_end_the_connection(role: Role, kind: HandshakeType) -> None:
    pair = ends(Version.DTLS_1_3, b"", b"")
    body = bytes(NewConnectionId(connection_ids=(b"x",), immediate=True)) if kind == 10 else b"\x01"
    say(end(pair, role), Changed(kind, body))
    pair.carry()

    (failed,) = pair.seen(Role.SERVER if role is Role.CLIENT else Role.CLIENT, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.alert == AlertDescription.UNEXPECTED_MESSAGE


def test_too_many_requests_end_the_connection() -> None:
    pair = ends(Version.DTLS_1_3, b"client", b"server")
    pair.server.update_keys(0.0)
    for _ in range(6):
        say(pair.client, Changed(HandshakeType.REQUEST_CONNECTION_ID, b"\x01"))
        pair.server.receive_datagrams(pair.client.datagrams_to_send(0.0), 0.0)
    pair.carry()

    (failed,) = pair.seen(Role.SERVER, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.alert == AlertDescription.TOO_MANY_CIDS_REQUESTED


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x00", b"\x00\x00\x00", b"\x00\x02\x01x\x02", b"\x00\x02\x02x\x01", b"\x00\x00\x01z"]
)
def test_malformed_message_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        NewConnectionId.parse(body)


def test_what_is_no_record_with_an_id_has_none() -> None:
    for datagram in (b"", b"\x16" + bytes(40), b"\x2f" + bytes(40), b"\x3f", b"\x19" + bytes(12)):
        assert peek_connection_id(datagram, 4) is None
    assert peek_connection_id(b"\x3fabcd" + bytes(30), 4) == b"abcd"
    assert peek_connection_id(b"\x19" + bytes(10) + b"abcd" + bytes(30), 4) == b"abcd"


def test_id_has_a_bound() -> None:
    with pytest.raises(ValueError, match="connection ID"):
        DtlsConfig(connection_id=bytes(256))
