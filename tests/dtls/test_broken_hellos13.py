"""What RFC 8446 and RFC 9147 demand of the hellos, one rule broken at a time."""

from dataclasses import replace

import pytest
from tests.dtls.broken13 import PLAIN_CLIENT, PLAIN_SERVER, A, T, broken
from tests.dtls.ends import Ends
from tests.dtls.ends13 import BOTH, CLIENT, ONLY_12, SERVER, check_connected
from tests.dtls.misbehave import Change, client_hello, extension, failure, flip_last, misbehave, server_hello, twice

from rtc_dtls import ConnectionState, GroupId, Role, Version
from rtc_dtls.client_hello import ClientHello
from rtc_dtls.hello_retry import RETRY_RANDOM
from rtc_dtls.server_hello import ServerHello

RETRIED_CLIENT = replace(PLAIN_CLIENT, key_share_groups=(GroupId.SECP256R1,))
RETRYING_SERVER = replace(PLAIN_SERVER, groups=(GroupId.X25519,))

# --- ClientHello ---

SHARE = b"\x00\x1d\x00\x20" + bytes(range(32))


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        pytest.param(
            client_hello(cookie=b"c"), A.ILLEGAL_PARAMETER, marks=pytest.mark.spec("rfc9147:5.3/3"), id="legacy cookie"
        ),
        pytest.param(
            client_hello(compression_methods=(0, 1)),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.1.2/3"),
            id="compression",
        ),
        pytest.param(
            client_hello(cipher_suites=(0x1304, 0xC02B)),
            A.HANDSHAKE_FAILURE,
            marks=pytest.mark.spec("rfc8446:4.1.1/1", "rfc9147:4.5.3/5"),
            id="no suite",
        ),
        pytest.param(
            extension(ClientHello, 10, b"\x00\x02\x00\x19"),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8/3"),
            id="share of another group",
        ),
        pytest.param(
            extension(ClientHello, 51, b"\x00\x00"), None, marks=pytest.mark.spec("rfc8446:4.1.1/3"), id="no share"
        ),
        pytest.param(
            extension(ClientHello, 51, b"\x00\x48" + 2 * SHARE),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8/2"),
            id="share twice",
        ),
        pytest.param(
            extension(ClientHello, 51, b"\x00\x24\x00\x1d\x00\x20" + bytes(32)),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8.2/1"),
            id="point of low order",
        ),
        pytest.param(
            extension(ClientHello, 51, b"\x00\x23\x00\x1d\x00\x1f" + bytes(range(31))),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8.2/1"),
            id="short share",
        ),
        *(
            pytest.param(
                extension(ClientHello, code, None),
                A.MISSING_EXTENSION,
                marks=pytest.mark.spec("rfc8446:9.2/2", "rfc8446:4.2.3/1"),
                id=f"without {code}",
            )
            for code in (10, 13, 51)
        ),
        pytest.param(
            extension(ClientHello, 13, b"\x00\x02\x08\x04"),
            A.HANDSHAKE_FAILURE,
            marks=pytest.mark.spec("rfc8446:4.4.2/1", "rfc8446:4.4.3/2"),
            id="no algorithm for our key",
        ),
        pytest.param(
            extension(ClientHello, 43, b"\x04\x03\x04\x7f\x1c"),
            A.PROTOCOL_VERSION,
            marks=pytest.mark.spec("rfc8446:4.2.1/5", "rfc8446:4.2.1/6"),
            id="other versions",
        ),
        pytest.param(
            twice(ClientHello, 43), A.ILLEGAL_PARAMETER, marks=pytest.mark.spec("rfc8446:4.2/3"), id="extension twice"
        ),
        pytest.param(
            extension(ClientHello, 28, b"\x00\x3f"),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8449:4/6"),
            id="record size limit",
        ),
    ],
)
def test_hello_that_breaks_a_rule_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Change, alert: int | None
) -> None:
    if alert is None:
        pair = Ends(PLAIN_CLIENT, PLAIN_SERVER)
        misbehave(monkeypatch, pair.client, T.CLIENT_HELLO, change)
        pair.client.start(0.0)
        pair.carry_once()
        assert len(pair.sent[Role.SERVER]) == 1
        assert pair.sent[Role.SERVER][0].count(RETRY_RANDOM) == 1
        return
    assert broken(monkeypatch, Role.CLIENT, T.CLIENT_HELLO, change)[0] == alert


@pytest.mark.spec("rfc8446:4.1.1/2")
def test_without_a_group_in_common_there_is_no_handshake() -> None:
    pair = Ends(replace(PLAIN_CLIENT, groups=(23,)), replace(PLAIN_SERVER, groups=(24,))).connect()

    assert failure(pair, Role.SERVER).alert == A.HANDSHAKE_FAILURE


@pytest.mark.spec("rfc8446:4.1.2/4", "rfc8446:4.2.1/6", "rfc8449:4/3", "rfc8449:5/1")
def test_what_the_server_does_not_know_is_nothing_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Ends(PLAIN_CLIENT, PLAIN_SERVER)

    def change(body: bytes) -> bytes:
        hello = ClientHello.parse(body)
        body = bytes(replace(hello, cipher_suites=(0x1A1A, *hello.cipher_suites, 0x1304)))
        for code, data in (
            (0x2A2A, b""),
            (0x7777, b"x" * 40),
            (21, bytes(50)),
            (1, b"\x01"),
            (28, b"\xff\xff"),
            (43, b"\x08\x3a\x3a\x03\x03\xfe\xfc\xfe\xfd"),
        ):
            body = extension(ClientHello, code, data)(body)
        return body

    misbehave(monkeypatch, pair.client, T.CLIENT_HELLO, change)
    pair.connect()

    assert pair.server.version == Version.DTLS_1_3
    # The client finds an answer to what it really sent, and only that.
    check_connected(pair)


@pytest.mark.spec(
    "rfc9147:5.3/1", "rfc9147:5.3/2", "rfc9147:5.3/4", "rfc8446:4.2.3/1", "rfc8446:4.2.7/1", "rfc8446:4.2.8/1"
)
@pytest.mark.spec("rfc8446:9.2/1", "rfc8449:4/8", "rfc8449:4/2", "rfc8449:4/4")
def test_first_hello_has_all_that_1_3_needs_and_the_old_fields_empty() -> None:
    pair = Ends(replace(CLIENT, mtu=2000), SERVER)
    pair.client.start(0.0)
    (datagram,) = pair.client.datagrams_to_send(0.0)

    hello = ClientHello.parse(datagram[25:])
    assert (hello.client_version, hello.session_id, hello.cookie) == (0xFEFD, b"", b"")
    find = hello.extensions.find
    assert find(43) == b"\x04\xfe\xfc\xfe\xfd"
    assert (find(10) or b"")[2:6] == b"\x11\xec\x00\x1d"
    shares = find(51) or b""
    assert (shares[2:6], shares[1222:1226]) == (b"\x11\xec\x04\xc0", b"\x00\x1d\x00\x20")
    assert b"\x04\x03" in (find(13) or b"")
    assert find(28) == b"\x40\x01"


# --- ServerHello ---


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        pytest.param(
            server_hello(session_id=b"s"),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.1.3/2"),
            id="session id",
        ),
        *(
            pytest.param(
                server_hello(cipher_suite=suite),
                A.ILLEGAL_PARAMETER,
                marks=pytest.mark.spec("rfc8446:4.1.3/6"),
                id=f"suite {suite:04x}",
            )
            for suite in (0x1304, 0xC02B, 0x1303)
        ),
        pytest.param(server_hello(compression_method=1), A.ILLEGAL_PARAMETER, id="compression"),
        pytest.param(server_hello(server_version=0xFEFC), A.ILLEGAL_PARAMETER, id="legacy version"),
        *(
            pytest.param(
                extension(ServerHello, 43, version),
                A.ILLEGAL_PARAMETER,
                marks=pytest.mark.spec("rfc8446:4.2.1/4", "rfc8446:4.2.1/3"),
                id=f"version {version.hex()}",
            )
            for version in (b"\x03\x04", b"\xfe\xfd", b"\x7f\x1c")
        ),
        pytest.param(
            extension(ServerHello, 43, None),
            A.PROTOCOL_VERSION,
            marks=pytest.mark.spec("rfc8446:4.2.1/3"),
            id="1.2 after all",
        ),
        pytest.param(
            extension(ServerHello, 51, b"\x00\x17\x00\x41\x04" + bytes(64)),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8/5"),
            id="share of another group",
        ),
        pytest.param(
            extension(ServerHello, 51, b"\x00\x1d\x00\x20" + bytes(32)),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8.2/1"),
            id="point of low order",
        ),
        pytest.param(extension(ServerHello, 51, None), A.MISSING_EXTENSION, id="no share"),
        pytest.param(
            extension(ServerHello, 10, b""),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2/2"),
            id="misplaced",
        ),
        *(
            pytest.param(
                extension(ServerHello, code, b""),
                A.UNSUPPORTED_EXTENSION,
                marks=pytest.mark.spec("rfc8446:4.2/1"),
                id=f"unasked {code}",
            )
            for code in (41, 0x1234)
        ),
        pytest.param(
            twice(ServerHello, 51), A.ILLEGAL_PARAMETER, marks=pytest.mark.spec("rfc8446:4.2/3"), id="extension twice"
        ),
    ],
)
def test_server_hello_that_breaks_a_rule_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Change, alert: int
) -> None:
    client = replace(PLAIN_CLIENT, cipher_suites=(0x1301, 0x1302), key_share_groups=(GroupId.X25519,))

    assert broken(monkeypatch, Role.SERVER, T.SERVER_HELLO, change, client=client)[0] == alert


@pytest.mark.spec("rfc9147:5/1", "rfc9147:5.4/1", "rfc8446:4.1.3/1", "rfc8446:4.2.8/4", "rfc9147:4/1", "rfc9147:5/2")
def test_server_hello_is_that_of_1_3_and_no_change_cipher_spec_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Ends(PLAIN_CLIENT, PLAIN_SERVER)
    pair.client.start(0.0)
    # A server of TLS 1.3 would echo it.
    misbehave(monkeypatch, pair.client, T.CLIENT_HELLO, client_hello(session_id=b"s" * 32))
    pair.carry()

    datagram = pair.sent[Role.SERVER][0]
    assert datagram[:3] == b"\x16\xfe\xfd"
    hello = ServerHello.parse(datagram[25 : 13 + int.from_bytes(datagram[11:13], "big")])
    assert (hello.server_version, hello.session_id) == (0xFEFD, b"")
    assert {code for code, _ in hello.extensions.items} == {43, 51}
    connected = Ends(PLAIN_CLIENT, PLAIN_SERVER).connect()
    kinds = {datagram[0] & 0xE0 or datagram[0] for role in Role for datagram in connected.sent[role]}
    assert 20 not in kinds


# --- HelloRetryRequest ---


@pytest.mark.parametrize(
    ("change", "alert"),
    [
        pytest.param(
            lambda body: extension(ServerHello, 44, None)(extension(ServerHello, 51, None)(body)),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.1.4/1"),
            id="changes nothing",
        ),
        pytest.param(
            extension(ServerHello, 51, b"\x00\x17"),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8/6"),
            id="share that was sent",
        ),
        pytest.param(
            extension(ServerHello, 51, b"\x00\x18"),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.2.8/6"),
            id="group that was not offered",
        ),
        pytest.param(
            server_hello(cipher_suite=0x1303),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.1.4/3"),
            id="another suite than later",
        ),
        pytest.param(
            extension(ServerHello, 0x1234, b""),
            A.UNSUPPORTED_EXTENSION,
            marks=pytest.mark.spec("rfc8446:4.2/1"),
            id="unasked",
        ),
    ],
)
def test_retry_request_that_breaks_a_rule_is_refused(
    monkeypatch: pytest.MonkeyPatch, change: Change, alert: int
) -> None:
    pair = Ends(RETRIED_CLIENT, RETRYING_SERVER)
    misbehave(monkeypatch, pair.server, T.SERVER_HELLO, change, until=1)
    pair.connect()

    assert failure(pair, Role.CLIENT).alert == alert


@pytest.mark.spec("rfc8446:4.1.4/2", "rfc9147:5.1/6")
def test_second_retry_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    change = server_hello(random=RETRY_RANDOM)

    alert, _ = broken(
        monkeypatch, Role.SERVER, T.SERVER_HELLO, change, client=RETRIED_CLIENT, server=RETRYING_SERVER, skip=1
    )

    assert alert == A.UNEXPECTED_MESSAGE


@pytest.mark.parametrize("open_port", [False, True])
@pytest.mark.spec("rfc8446:4.1.2/1", "rfc8446:4.2.2/1", "rfc8446:4.2.8/7", "rfc9147:5.1/1", "rfc8446:4.4.1/1")
def test_second_hello_differs_from_the_first_in_share_and_cookie_alone(open_port: bool) -> None:
    server = replace(RETRYING_SERVER, cookie_secrets=(bytes(16),) if open_port else ())
    pair = Ends(RETRIED_CLIENT, server).connect()

    first, second = (ClientHello.parse(datagram[25:]) for datagram in pair.sent[Role.CLIENT][:2])
    changed = {code for code, data in second.extensions.items if first.extensions.find(code) != data}
    assert changed == {44, 51}
    assert (first.random, first.cipher_suites) == (second.random, second.cipher_suites)
    shares = second.extensions.find(51) or b""
    assert shares[:6] == b"\x00\x24\x00\x1d\x00\x20"
    check_connected(pair)


@pytest.mark.parametrize(
    "change",
    [client_hello(random=bytes(32)), client_hello(cipher_suites=(0x1301,)), extension(ClientHello, 0x1234, b"")],
)
@pytest.mark.spec("rfc8446:4.1.2/2")
def test_second_hello_that_differs_in_more_is_refused(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    alert, _ = broken(
        monkeypatch, Role.CLIENT, T.CLIENT_HELLO, change, client=RETRIED_CLIENT, server=RETRYING_SERVER, skip=1
    )

    assert alert == A.ILLEGAL_PARAMETER


def test_second_hello_without_the_share_that_was_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    change = extension(ClientHello, 51, b"\x00\x00")

    alert, _ = broken(
        monkeypatch, Role.CLIENT, T.CLIENT_HELLO, change, client=RETRIED_CLIENT, server=RETRYING_SERVER, skip=1
    )

    assert alert == A.ILLEGAL_PARAMETER


def _flip_cookie(body: bytes) -> bytes:
    cookie = ClientHello.parse(body).extensions.find(44) or b""
    return extension(ClientHello, 44, flip_last(cookie))(body)


@pytest.mark.spec("rfc9147:5.1/5", "rfc9147:5.1/7", "rfc9147:11/2")
def test_forged_cookie_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    alert, _ = broken(
        monkeypatch, Role.CLIENT, T.CLIENT_HELLO, _flip_cookie, client=RETRIED_CLIENT, server=RETRYING_SERVER, skip=1
    )

    assert alert == A.ILLEGAL_PARAMETER


@pytest.mark.spec("rfc9147:5.1/5", "rfc9147:5.1/7", "rfc9147:11/1", "rfc9147:11/2")
def test_forged_cookie_on_an_open_port_is_refused_and_shuts_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    server = replace(PLAIN_SERVER, cookie_secrets=(bytes(16),))
    pair = Ends(PLAIN_CLIENT, server)
    misbehave(monkeypatch, pair.client, T.CLIENT_HELLO, _flip_cookie, skip=1)
    pair.connect()

    assert pair.client.state is ConnectionState.FAILED
    assert pair.sent[Role.SERVER][-1][-2:] == b"\x02\x2f"
    assert not pair.server.closed
    monkeypatch.undo()
    again = Ends(PLAIN_CLIENT, PLAIN_SERVER, seed="again")
    again.server = pair.server
    check_connected(again.connect())


@pytest.mark.spec("rfc9147:5.1/10", "rfc9147:11/1", "rfc9147:11/3")
def test_cookies_hold_for_one_address_and_for_all_secrets_and_tell_nothing_of_the_hello() -> None:
    old, new = b"o" * 16, b"n" * 16
    asking = Ends(PLAIN_CLIENT, replace(PLAIN_SERVER, cookie_secrets=(old,)))
    asking.client.start(0.0)
    asking.carry_once()
    hello = ClientHello.parse(asking.sent[Role.CLIENT][0][25:])
    assert hello.random not in asking.sent[Role.SERVER][0]
    second = asking.client.datagrams_to_send(0.0)

    answers = []
    for secrets, address in (((new, old), b"192.0.2.1:1"), ((new, old), b"192.0.2.1:2"), ((new,), b"192.0.2.1:1")):
        other_pair = Ends(PLAIN_CLIENT, replace(PLAIN_SERVER, cookie_secrets=secrets), peer_address=address)
        other_pair.server.receive_datagrams(second, 0.0)
        answers.append(other_pair.server.datagrams_to_send(0.0)[0][0])

    assert answers == [22, 21, 21]


# --- versions ---


@pytest.mark.spec("rfc8446:4.1.3/3")
@pytest.mark.parametrize(("versions", "mark"), [(BOTH, b"DOWNGRD\x01"), (ONLY_12, None)])
def test_server_that_could_do_better_says_so(versions: tuple[int, ...], mark: bytes | None) -> None:
    pair = Ends(replace(CLIENT, versions=ONLY_12), replace(SERVER, versions=versions)).connect()

    random = pair.sent[Role.SERVER][0][27:59]
    assert (random[-8:] == mark) if mark else not random[-8:].startswith(b"DOWNGRD")
    check_connected(pair)


@pytest.mark.spec("rfc8446:4.1.3/4")
def test_client_finds_out_that_somebody_struck_the_newer_version_out(monkeypatch: pytest.MonkeyPatch) -> None:
    change = extension(ClientHello, 43, None)

    pair = Ends(CLIENT, SERVER)
    misbehave(monkeypatch, pair.client, T.CLIENT_HELLO, change)

    pair.connect()

    failed = failure(pair, Role.CLIENT)
    assert (failed.alert, failed.section) == (A.ILLEGAL_PARAMETER, "RFC 8446 section 4.1.3")


@pytest.mark.spec("rfc8446:4.1.3/5")
def test_client_of_1_2_refuses_the_mark_of_a_still_older_version(monkeypatch: pytest.MonkeyPatch) -> None:
    change = server_hello(random=bytes(24) + b"DOWNGRD\x00")

    alert, section = broken(monkeypatch, Role.SERVER, T.SERVER_HELLO, change, client=replace(CLIENT, versions=ONLY_12))

    assert (alert, section) == (A.ILLEGAL_PARAMETER, "RFC 8446 section 4.1.3")


@pytest.mark.spec("rfc9147:5.2/4", "rfc9147:5.2/5")
def test_cookie_of_1_2_is_returned_to_a_server_of_1_2_alone() -> None:
    server = replace(SERVER, cookie_secrets=(bytes(16),))
    old = Ends(CLIENT, replace(server, versions=ONLY_12)).connect()
    check_connected(old)
    assert old.sent[Role.SERVER][0][13] == T.HELLO_VERIFY_REQUEST

    new = Ends(CLIENT, server).connect()
    check_connected(new)
    assert T.HELLO_VERIFY_REQUEST not in {datagram[13] for datagram in new.sent[Role.SERVER] if datagram[0] == 22}
