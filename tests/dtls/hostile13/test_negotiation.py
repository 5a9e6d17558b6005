"""Classes 17, 18 and 20 to 22 in DTLS 1.3: what is offered, chosen, shared, and asked for again."""

import pytest
from tests.dtls.ends import Ends
from tests.dtls.hostile13.hellos import (
    Change,
    adding,
    extensions_of,
    of_client_hello,
    of_server_hello,
    removing,
    replacing,
    twice,
    with_extensions,
)
from tests.dtls.hostile13.puppet import (
    CLIENT,
    CLIENT_HELLO,
    ENCRYPTED_EXTENSIONS,
    SERVER,
    SERVER_HELLO,
    Puppet,
    changing,
    honest,
)

from rtc_dtls import DtlsConfig, GroupId, Role, Version
from rtc_dtls.downgrade import TO_1_0, TO_1_2
from rtc_dtls.extensions import ExtensionType
from rtc_dtls.handshake import HandshakeMessage
from rtc_dtls.presentation import vector
from rtc_dtls.server_hello import HelloVerifyRequest

BOTH_VERSIONS = (Version.DTLS_1_3, Version.DTLS_1_2)
BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE, DECODE_ERROR, HANDSHAKE_FAILURE, PROTOCOL_VERSION = 47, 10, 50, 40, 70
UNSUPPORTED_EXTENSION, MISSING_EXTENSION = 110, 109
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def server_says(change: Change) -> Puppet:
    """A client whose server answers other extensions in its hello."""
    return Puppet(
        Role.CLIENT, changing(SERVER_HELLO, lambda body: with_extensions(body, of_server_hello(body), change))
    ).connect()


def client_says(change: Change) -> Puppet:
    """A server whose client offers other extensions."""
    return Puppet(
        Role.SERVER, changing(CLIENT_HELLO, lambda body: with_extensions(body, of_client_hello(body), change))
    ).connect()


def encrypted(change: Change, **options: object) -> Puppet:
    """A client whose server answers other encrypted extensions."""
    tamper = changing(ENCRYPTED_EXTENSIONS, lambda body: with_extensions(body, 0, change))
    return Puppet(Role.CLIENT, tamper, subject=options, puppet=options).connect()


# --- 17: the server's choices ---


@pytest.mark.parametrize("suite", [0x1303, 0xC02B, 0x1304, 0x0000, 0xFFFF])
@pytest.mark.spec("rfc8446:4.1.3/6")
def test_class_17_suite_that_was_not_offered_is_refused(suite: int) -> None:
    puppet = Puppet(
        Role.CLIENT,
        changing(SERVER_HELLO, lambda body: body[:35] + suite.to_bytes(2, "big") + body[37:]),
        subject={"cipher_suites": (0x1301, 0x1302)},
    ).connect()

    assert puppet.alert == ILLEGAL_PARAMETER


@pytest.mark.parametrize("version", [0xFEFD, 0xFEFF, 0x0304, 0xFEFB, 0x0000])
@pytest.mark.spec("rfc8446:4.2.1/4")
def test_class_17_version_that_was_not_offered_is_refused(version: int) -> None:
    puppet = server_says(replacing(ExtensionType.SUPPORTED_VERSIONS, version.to_bytes(2, "big")))

    assert puppet.alert == ILLEGAL_PARAMETER


def test_class_17_hello_without_its_version_is_refused() -> None:
    assert server_says(removing(ExtensionType.SUPPORTED_VERSIONS)).alert == PROTOCOL_VERSION


@pytest.mark.parametrize("legacy", [0xFEFF, 0xFEFC, 0x0303, 0x0304])
def test_class_17_other_legacy_version_is_refused(legacy: int) -> None:
    puppet = Puppet(Role.CLIENT, changing(SERVER_HELLO, lambda body: legacy.to_bytes(2, "big") + body[2:])).connect()

    assert puppet.alert == ILLEGAL_PARAMETER


@pytest.mark.spec("rfc8446:4.1.3/2")
def test_class_17_session_id_that_is_echoed_is_refused() -> None:
    puppet = Puppet(
        Role.CLIENT, changing(SERVER_HELLO, lambda body: body[:34] + vector(1, bytes(32)) + body[35:])
    ).connect()

    assert puppet.alert == ILLEGAL_PARAMETER


@pytest.mark.parametrize("kind", [0, 5, 10, 13, 14, 16, 23, 28, 41, 42, 44, 54, 57, 0xFF01, 0x1234])
def test_class_17_extension_of_the_server_hello_that_has_no_place_is_refused(kind: int) -> None:
    assert server_says(adding(kind, b"\0\0")).alert in (ILLEGAL_PARAMETER, UNSUPPORTED_EXTENSION)


@pytest.mark.parametrize("kind", [13, 43, 51])
@pytest.mark.spec("rfc8446:4.2/2", "rfc8446:4.3.1/2")
def test_class_17_encrypted_extension_that_has_no_place_there_is_refused(kind: int) -> None:
    assert encrypted(adding(kind, b"\0\0")).alert == ILLEGAL_PARAMETER


@pytest.mark.parametrize("kind", [0, 1, 57, 0xFF01, 0x1234])
def test_class_17_encrypted_extension_that_was_not_offered_is_refused(kind: int) -> None:
    assert encrypted(adding(kind, b"\0\0")).alert in (UNSUPPORTED_EXTENSION, ILLEGAL_PARAMETER)


@pytest.mark.spec("rfc8446:4.2/1")
def test_class_17_answer_that_nobody_knows_is_an_unsupported_extension() -> None:
    assert encrypted(adding(0x1234, b"")).alert == UNSUPPORTED_EXTENSION


@pytest.mark.parametrize("kind", [ExtensionType.SUPPORTED_VERSIONS, ExtensionType.KEY_SHARE])
@pytest.mark.spec("rfc8446:4.2/3")
def test_class_17_extension_that_comes_twice_is_refused(kind: ExtensionType) -> None:
    assert server_says(twice(kind)).alert in (ILLEGAL_PARAMETER, DECODE_ERROR)


@pytest.mark.parametrize("group", [GroupId.SECP256R1, GroupId.SECP384R1, 0x0100, 0])
@pytest.mark.spec("rfc8446:4.2.8/5")
def test_class_17_share_of_a_group_that_was_not_offered_is_refused(group: int) -> None:
    puppet = server_says(replacing(ExtensionType.KEY_SHARE, group.to_bytes(2, "big") + vector(2, b"\x04" + bytes(64))))

    assert puppet.alert == ILLEGAL_PARAMETER


def test_class_17_hello_without_a_share_is_refused() -> None:
    assert server_says(removing(ExtensionType.KEY_SHARE)).alert == MISSING_EXTENSION


# --- 17: downgrades ---


@pytest.mark.parametrize(
    ("mark", "versions"), [(TO_1_2, BOTH_VERSIONS), (TO_1_0, BOTH_VERSIONS), (TO_1_0, (Version.DTLS_1_2,))]
)
@pytest.mark.spec("rfc8446:4.1.3/4", "rfc8446:4.1.3/5")
def test_class_17_client_refuses_the_mark_of_a_downgrade(mark: bytes, versions: tuple[int, ...]) -> None:
    puppet = Puppet(
        Role.CLIENT,
        changing(SERVER_HELLO, lambda body: body[:26] + mark + body[34:]),
        subject={"versions": versions},
        puppet={"versions": (Version.DTLS_1_2,)},
    ).connect()

    assert puppet.alert == ILLEGAL_PARAMETER


@pytest.mark.spec("rfc8446:4.1.3/3")
def test_class_17_server_of_both_versions_marks_its_answer_in_1_2() -> None:
    seen: list[bytes] = []
    puppet = Puppet(
        Role.SERVER,
        honest,
        subject={"versions": BOTH_VERSIONS},
        puppet={"versions": (Version.DTLS_1_2,)},
    ).connect()
    seen += [datagram for datagram in puppet.ends.sent[Role.SERVER] if datagram[13] == SERVER_HELLO]

    assert puppet.subject.version == Version.DTLS_1_2
    assert seen[0][27:59].endswith(TO_1_2)


def test_class_17_man_in_the_middle_who_strikes_the_newer_version_out_is_found_out() -> None:
    """The client offers both, the server is told of 1.2 alone, and answers with the mark."""
    puppet = Puppet(Role.CLIENT, subject={"versions": BOTH_VERSIONS}, puppet={"versions": BOTH_VERSIONS})
    ends = puppet.ends
    ends.client.start(0.0)
    hello = b"".join(ends.client.datagrams_to_send(0.0))
    assert b"\xfe\xfc\xfe\xfd" in hello
    older = Ends(
        DtlsConfig(certificate=CLIENT, remote_fingerprints=(SERVER.fingerprint(),), versions=(Version.DTLS_1_2,)),
        ends.server._context.config,
    )
    older.client.start(0.0)
    older.server.receive_datagrams(older.client.datagrams_to_send(0.0), 0.0)

    puppet.subject.receive_datagrams(older.server.datagrams_to_send(0.0), 0.0)
    ends.carry()

    assert puppet.alert in (ILLEGAL_PARAMETER, UNSUPPORTED_EXTENSION)


# --- 17: hellos asked for again ---


def retry(suite: int = 0x1301, *extensions: tuple[int, bytes]) -> bytes:
    """A HelloRetryRequest."""
    items = ((43, b"\xfe\xfc"), *extensions)
    encoded = b"".join(kind.to_bytes(2, "big") + vector(2, data) for kind, data in items)
    return b"\xfe\xfd" + RETRY + b"\0" + suite.to_bytes(2, "big") + b"\0" + vector(2, encoded)


def answered(*requests: bytes) -> Puppet:
    """A client that hears these in place of a ServerHello, one after the other."""
    puppet = Puppet(Role.CLIENT)
    puppet.ends.client.start(0.0)
    puppet.subject.datagrams_to_send(0.0)
    for number, request in enumerate(requests):
        message = HandshakeMessage(SERVER_HELLO, number, request, 0)
        puppet.subject.receive_datagram(puppet.seal(22, bytes(message), 0), 0.0)
        puppet.subject.datagrams_to_send(0.0)
    puppet.ends.events[Role.CLIENT] += puppet.subject.events()
    return puppet


COOKIE = (44, vector(2, b"cookie"))
P384 = (51, b"\x00\x18")


@pytest.mark.spec("rfc8446:4.1.4/1")
def test_class_17_request_that_changes_nothing_is_refused() -> None:
    assert answered(retry()).alert == ILLEGAL_PARAMETER


@pytest.mark.parametrize("group", [29, 0x11EC, 0x0100])
def test_class_17_request_for_a_group_that_was_shared_or_not_offered_is_refused(group: int) -> None:
    assert answered(retry(0x1301, (51, group.to_bytes(2, "big")))).alert == ILLEGAL_PARAMETER


@pytest.mark.spec("rfc9147:5.1/6", "rfc8446:4.1.4/2")
def test_class_17_second_request_is_refused() -> None:
    assert answered(retry(0x1301, COOKIE)).alert is None
    assert answered(retry(0x1301, COOKIE), retry(0x1301, P384)).alert == UNEXPECTED_MESSAGE


@pytest.mark.spec("rfc8446:4.1.4/3")
def test_class_17_hello_with_another_suite_than_the_request_is_refused() -> None:
    share = (51, b"\x00\x1d" + vector(2, bytes(31) + b"\x09"))
    hello = retry(0x1302, share).replace(RETRY, bytes(range(32)))

    assert answered(retry(0x1301, COOKIE), hello).alert == ILLEGAL_PARAMETER


def test_class_17_older_version_after_a_request_is_refused() -> None:
    hello = b"\xfe\xfd" + bytes(range(32)) + b"\0\xc0\x2b\0"

    assert answered(retry(0x1301, COOKIE), hello).alert in (ILLEGAL_PARAMETER, PROTOCOL_VERSION)


@pytest.mark.parametrize("kind", [13, 14, 16, 23, 0x1234])
def test_class_17_extension_of_a_request_that_has_no_place_is_refused(kind: int) -> None:
    assert answered(retry(0x1301, COOKIE, (kind, b"\0\0"))).alert in (ILLEGAL_PARAMETER, UNSUPPORTED_EXTENSION)


@pytest.mark.parametrize("cookie", [b"", b"\0\0", b"\0\x05abc", b"\0\x01abc"])
def test_class_22_malformed_cookie_is_refused(cookie: bytes) -> None:
    assert answered(retry(0x1301, (44, cookie))).alert == DECODE_ERROR


# --- 17: the client's offers ---


@pytest.mark.parametrize("kind", [10, 13, 43, 51])
def test_class_17_offer_that_comes_twice_is_refused(kind: int) -> None:
    assert client_says(twice(ExtensionType(kind))).alert in (ILLEGAL_PARAMETER, DECODE_ERROR)


@pytest.mark.parametrize("kind", [10, 13, 51])
@pytest.mark.spec("rfc8446:4.2.3/1", "rfc8446:9.2/2")
def test_class_17_offer_that_is_missing_is_refused(kind: int) -> None:
    assert client_says(removing(ExtensionType(kind))).alert == MISSING_EXTENSION


def test_class_17_two_shares_of_one_group_are_refused() -> None:
    def double(items: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        return [(kind, vector(2, data[2:] * 2) if kind == 51 else data) for kind, data in items]

    assert client_says(double).alert in (ILLEGAL_PARAMETER, DECODE_ERROR)


def test_class_17_share_of_a_group_that_is_not_among_the_offered_is_refused() -> None:
    share = vector(2, b"\x00\x18" + vector(2, b"\x04" + bytes(96)))

    puppet = Puppet(
        Role.SERVER,
        changing(
            CLIENT_HELLO,
            lambda body: with_extensions(body, of_client_hello(body), replacing(ExtensionType.KEY_SHARE, share)),
        ),
        puppet={"groups": (GroupId.X25519,)},
    ).connect()

    assert puppet.alert in (ILLEGAL_PARAMETER, DECODE_ERROR)


@pytest.mark.spec("rfc8446:4.1.2/4")
def test_class_17_unknown_offers_are_ignored_and_permuted_ones_understood() -> None:
    strange = [(0x1234, b"x"), (0x0A0A, b""), (0xFAFA, bytes(100))]

    assert client_says(lambda items: [*strange, *reversed(items)]).is_connected


def test_class_17_quic_is_refused_in_1_3() -> None:
    assert client_says(adding(ExtensionType.QUIC_TRANSPORT_PARAMETERS, b"")).alert == UNSUPPORTED_EXTENSION


@pytest.mark.parametrize(
    ("methods", "alert"),
    [(b"\x01\x01", ILLEGAL_PARAMETER), (b"\x02\x00\x01", ILLEGAL_PARAMETER), (b"\x00", DECODE_ERROR)],
)
@pytest.mark.spec("rfc8446:4.1.2/3")
def test_class_21_compression_is_refused_in_1_3(methods: bytes, alert: int) -> None:
    def tamper(body: bytes) -> bytes:
        at = of_client_hello(body)
        return body[: at - 2] + methods + body[at:]

    assert Puppet(Role.SERVER, changing(CLIENT_HELLO, tamper)).connect().alert == alert


def test_class_21_compression_is_never_accepted() -> None:
    def tamper(body: bytes) -> bytes:
        return body[:37] + b"\x01" + body[38:]

    assert Puppet(Role.CLIENT, changing(SERVER_HELLO, tamper)).connect().alert == ILLEGAL_PARAMETER


@pytest.mark.spec("rfc9147:5.3/3")
def test_class_22_cookie_of_the_older_version_in_a_hello_is_refused() -> None:
    def tamper(body: bytes) -> bytes:
        return body[:35] + vector(1, b"cookie") + body[36:]

    assert Puppet(Role.SERVER, changing(CLIENT_HELLO, tamper)).connect().alert == ILLEGAL_PARAMETER


# --- 18: shares that are no elements of their group ---

P = 2**255 - 19
LOW_ORDER = [0, 1, P - 1, P, P + 1, 325606250916557431795983626356110631294008115727848805560023387167927233504]
BAD_SHARES = {
    GroupId.X25519: [*(each.to_bytes(32, "little") for each in LOW_ORDER), bytes(31), bytes(33), b""],
    GroupId.SECP256R1: [
        b"\x04" + bytes(64),
        b"\x04" + bytes(63) + b"\x01",
        bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        b"\x04" + b"\xff" * 64,
        b"\x00",
        b"",
        bytes(64),
        b"\x06" + bytes(64),
    ],
    GroupId.SECP384R1: [b"\x04" + bytes(96), b"\x04" + bytes(95), b"\x02" + bytes(48), b"\x04" + b"\xff" * 96],
    GroupId.X25519MLKEM768: [b"", bytes(1216), b"\xff" * 1216, bytes(1215), bytes(1217), bytes(32)],
}
EACH_BAD_SHARE = [(group, share) for group, shares in BAD_SHARES.items() for share in shares]


@BOTH
@pytest.mark.parametrize(("group", "share"), EACH_BAD_SHARE, ids=lambda value: str(value)[:24])
@pytest.mark.spec("rfc8446:4.2.8.2/1")
def test_class_18_share_that_is_no_element_of_its_group_is_refused(role: Role, group: GroupId, share: bytes) -> None:
    if group is GroupId.X25519MLKEM768 and role is Role.CLIENT:
        share = share[:-96] if len(share) > 1000 else share  # a ciphertext is shorter
    encoded = group.to_bytes(2, "big") + vector(2, share)
    data = encoded if role is Role.CLIENT else vector(2, encoded)
    kind, where = (SERVER_HELLO, of_server_hello) if role is Role.CLIENT else (CLIENT_HELLO, of_client_hello)
    change = replacing(ExtensionType.KEY_SHARE, data)
    options = {"groups": (group,)}

    puppet = Puppet(
        role, changing(kind, lambda body: with_extensions(body, where(body), change)), subject=options, puppet=options
    ).connect()

    # A ciphertext of the right length always comes to some secret, which is not that of the peer.
    is_ciphertext = len(share) == 1120
    assert puppet.alert in (ILLEGAL_PARAMETER, DECODE_ERROR) or is_ciphertext
    assert not puppet.is_connected


def test_class_18_hybrid_share_is_the_lattice_first_then_the_curve() -> None:
    lengths: list[tuple[int, int]] = []

    def look(body: bytes) -> bytes:
        for kind, data in extensions_of(body, of_client_hello(body)):
            if kind == 51:
                at = 2
                while at < len(data):
                    group, length = (
                        int.from_bytes(data[at : at + 2], "big"),
                        int.from_bytes(data[at + 2 : at + 4], "big"),
                    )
                    lengths.append((group, length))
                    if group == GroupId.X25519MLKEM768:
                        lengths.append((0, int.from_bytes(data[at + 4 + 384 : at + 4 + 386], "little") & 0xFFF))
                    at += 4 + length
        return body

    assert Puppet(Role.SERVER, changing(CLIENT_HELLO, look)).connect().is_connected
    assert (GroupId.X25519MLKEM768, 1216) in lengths
    assert (GroupId.X25519, 32) in lengths


# --- 20: use_srtp ---

PROFILES = {"srtp_profiles": (7, 1)}


@pytest.mark.parametrize(
    "data",
    [
        b"\0\x02\0\x08\0",
        b"\0\x04\0\x07\0\x01\0",
        b"\0\0\0",
        b"\0\x02\0\x07\x01x",
        b"\0\x03\0\x07\0\0",
        b"",
        b"\0\x02\0\x07",
    ],
    ids=["not offered", "two", "none", "key identifier", "odd", "empty", "cut"],
)
def test_class_20_answer_to_use_srtp_that_is_wrong_in_1_3(data: bytes) -> None:
    puppet = encrypted(replacing(ExtensionType.USE_SRTP, data), **PROFILES)

    assert puppet.alert in (ILLEGAL_PARAMETER, DECODE_ERROR)


def test_class_20_media_without_srtp_are_refused_in_1_3() -> None:
    puppet = encrypted(removing(ExtensionType.USE_SRTP), **PROFILES, require_srtp=True)

    assert puppet.alert == HANDSHAKE_FAILURE


@pytest.mark.parametrize("data", [b"", b"\0\x01\0\0", b"\0\x02\0\x07", b"\0\0\0", b"\0\x02\0\x07\0x"])
def test_class_20_offer_of_use_srtp_that_is_malformed_in_1_3(data: bytes) -> None:
    change = replacing(ExtensionType.USE_SRTP, data)
    tamper = changing(CLIENT_HELLO, lambda body: with_extensions(body, of_client_hello(body), change))

    puppet = Puppet(Role.SERVER, tamper, subject=PROFILES, puppet=PROFILES).connect()

    assert puppet.alert == DECODE_ERROR


# --- 21: no second handshake ---


def test_class_21_hello_in_the_middle_of_a_connection_is_refused() -> None:
    puppet = Puppet(Role.SERVER).connect()
    number = puppet.puppet._context.layer._next_send_seq
    hello = puppet.ends.sent[Role.CLIENT][0][25:]

    puppet.deliver(puppet.seal(22, bytes(HandshakeMessage(CLIENT_HELLO, number, hello, 3))))

    assert puppet.alert == UNEXPECTED_MESSAGE


@pytest.mark.spec("rfc9147:5.11/1")
def test_class_21_unprotected_hello_in_the_middle_of_a_connection_changes_nothing() -> None:
    puppet = Puppet(Role.SERVER).connect()
    hellos = [datagram for datagram in puppet.ends.sent[Role.CLIENT] if datagram[0] == 22]

    puppet.deliver(*hellos)

    assert puppet.talk()


# --- 22: cookies ---


def test_class_22_verify_request_is_refused_by_a_client_of_1_3() -> None:
    puppet = Puppet(Role.CLIENT)
    puppet.ends.client.start(0.0)
    puppet.subject.datagrams_to_send(0.0)
    message = HandshakeMessage(3, 0, bytes(HelloVerifyRequest(cookie=b"cookie")), 0)

    puppet.subject.receive_datagram(puppet.seal(22, bytes(message), 0), 0.0)
    puppet.ends.events[Role.CLIENT] += puppet.subject.events()

    assert puppet.alert == UNEXPECTED_MESSAGE


def guarded(**options: object) -> Puppet:
    """A server on an open port, after it has asked for its cookie; the client's second hello is not sent yet."""
    puppet = Puppet(Role.SERVER, subject={"cookie_secrets": (bytes(16),), **options})
    puppet.ends.client.start(0.0)
    puppet.ends.server.receive_datagrams(puppet.ends.client.datagrams_to_send(0.0), 0.0)
    puppet.ends.client.receive_datagrams(puppet.ends.server.datagrams_to_send(0.0), 0.0)
    return puppet


@pytest.mark.spec("rfc9147:5.2/4", "rfc8446:4.2.2/1")
def test_class_22_server_never_sends_a_verify_request_in_1_3() -> None:
    puppet = Puppet(Role.SERVER, subject={"cookie_secrets": (bytes(16),)}).connect()

    assert puppet.is_connected
    assert all(datagram[13] != 3 for datagram in puppet.ends.sent[Role.SERVER] if datagram[0] == 22)


@pytest.mark.spec("rfc9147:5.1/5", "rfc9147:5.1/7", "rfc9147:11/1")
def test_class_22_cookie_of_another_address_is_refused() -> None:
    puppet = guarded()
    other = Ends(puppet.ends.client._context.config, puppet.ends.server._context.config, peer_address=b"198.51.100.9:1")

    other.server.receive_datagrams(puppet.ends.client.datagrams_to_send(0.0), 0.0)

    answers = other.server.datagrams_to_send(0.0)
    assert [datagram[0] for datagram in answers] == [21]
    assert answers[0][13:] == bytes([2, ILLEGAL_PARAMETER])
    assert not other.server.closed


@pytest.mark.parametrize("change", ["cookie", "suites", "extension", "random"])
@pytest.mark.spec("rfc9147:11/2", "rfc8446:4.1.2/2")
def test_class_22_second_hello_may_change_nothing_but_what_was_asked_for(change: str) -> None:
    count = 0

    def tamper(body: bytes) -> bytes:
        nonlocal count
        count += 1
        if count == 1:
            return body
        at = of_client_hello(body)
        match change:
            case "cookie":
                return with_extensions(
                    body, at, lambda items: [(k, d[:-1] + bytes([d[-1] ^ 1]) if k == 44 else d) for k, d in items]
                )
            case "suites":
                return body[:36] + (int.from_bytes(body[36:38], "big") - 2).to_bytes(2, "big") + body[40:]
            case "extension":
                return with_extensions(body, at, adding(0x1234, b"x"))
            case _:
                return body[:2] + bytes(32) + body[34:]

    puppet = Puppet(Role.SERVER, changing(CLIENT_HELLO, tamper), subject={"cookie_secrets": (bytes(16),)}).connect()

    assert count == 2
    assert not puppet.is_connected


def test_class_22_nothing_is_kept_before_the_cookie_is_right_in_1_3() -> None:
    import pickle

    puppet = Puppet(Role.SERVER, subject={"cookie_secrets": (bytes(16),)})
    fresh = len(pickle.dumps(puppet.subject))
    for seed in range(20):
        stranger = Ends(puppet.ends.client._context.config, seed=f"{seed}").client
        stranger.start(0.0)
        puppet.subject.receive_datagrams(stranger.datagrams_to_send(0.0), 0.0)
        puppet.subject.datagrams_to_send(0.0)

    assert len(pickle.dumps(puppet.subject)) < fresh + 1000


def test_class_22_answer_is_smaller_than_the_question_in_1_3() -> None:
    puppet = Puppet(Role.SERVER, subject={"cookie_secrets": (bytes(16),)})
    puppet.ends.client.start(0.0)
    question = puppet.ends.client.datagrams_to_send(0.0)
    puppet.subject.receive_datagrams(question, 0.0)

    assert sum(map(len, puppet.subject.datagrams_to_send(0.0))) < sum(map(len, question))
