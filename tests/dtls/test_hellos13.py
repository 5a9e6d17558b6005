"""What RFC 9147, RFC 8446 and RFC 8449 demand of hellos, cookies and certificates of a well-behaved end."""

from unittest import mock

import pytest
from tests.dtls.hostile13.hellos import (
    adding,
    extensions_of,
    of_client_hello,
    of_server_hello,
    replacing,
    with_extensions,
)
from tests.dtls.hostile13.puppet import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CLIENT_HELLO,
    ENCRYPTED_EXTENSIONS,
    SERVER_HELLO,
    Puppet,
    Tamper,
    changing,
)

from rtc_dtls import ConnectionFailed, DtlsConfig, GroupId, Role, Version
from rtc_dtls.certificate_messages13 import signed_content
from rtc_dtls.downgrade import TO_1_2
from rtc_dtls.extensions import ExtensionType
from rtc_dtls.key_share import parse_client_shares, parse_server_share
from rtc_dtls.presentation import vector
from rtc_dtls.record_layer import RecordLayer

ILLEGAL_PARAMETER, HANDSHAKE_FAILURE = 47, 40
BOTH_VERSIONS = (Version.DTLS_1_3, Version.DTLS_1_2)


def said(role: Role, **options: object) -> tuple[Puppet, list[tuple[int, bytes]]]:
    """A handshake, and the messages of one side in their order."""
    messages: list[tuple[int, bytes]] = []

    def note(kind: int, body: bytes) -> tuple[tuple[int, bytes], ...]:
        messages.append((kind, body))
        return ((kind, body),)

    puppet = Puppet(Role.SERVER if role is Role.CLIENT else Role.CLIENT, note, puppet=options).connect()
    return puppet, messages


# --- the client's hello ---


@pytest.mark.spec("rfc9147:5.3/2", "rfc9147:5.3/4", "rfc8446:4.2.7/1", "rfc8446:4.2.8/1", "rfc8446:4.2.8/2")
@pytest.mark.spec("rfc8446:4.2.8/3", "rfc8446:4.2.8/4")
def test_hello_has_no_cookie_no_session_and_different_shares_of_offered_groups() -> None:
    puppet, messages = said(Role.CLIENT)
    body = dict(messages)[CLIENT_HELLO]
    offers = dict(extensions_of(body, of_client_hello(body)))
    groups = [int.from_bytes(offers[10][at : at + 2], "big") for at in range(2, len(offers[10]), 2)]
    shares = parse_client_shares(offers[51])

    assert body[:2] == b"\xfe\xfd"
    assert body[34:36] == b"\0\0"
    assert {10, 13, 43, 51} <= set(offers)
    assert 0 < len(shares) <= len(groups)
    assert set(shares) <= set(groups)
    assert puppet.subject.group in shares


@pytest.mark.spec("rfc8446:4.1.2/1")
def test_second_hello_is_the_first_but_for_the_share_and_the_cookie() -> None:
    puppet = Puppet(
        Role.SERVER,
        puppet={"groups": (GroupId.X25519, GroupId.SECP384R1), "key_share_groups": (GroupId.X25519,)},
        subject={"groups": (GroupId.SECP384R1,), "cookie_secrets": (bytes(16),)},
    )
    hellos: list[bytes] = []

    def note(body: bytes) -> bytes:
        hellos.append(body)
        return body

    puppet._tamper = changing(CLIENT_HELLO, note)
    puppet.connect()
    first, second = (dict(extensions_of(body, of_client_hello(body))) for body in hellos)

    assert puppet.is_connected
    assert hellos[0][: of_client_hello(hellos[0])] == hellos[1][: of_client_hello(hellos[1])]
    assert {kind for kind in second if first.get(kind) != second[kind]} == {44, 51}
    assert set(first) == set(second) - {44}


@pytest.mark.spec("rfc9147:5.2/5")
def test_client_of_both_versions_is_content_with_a_server_of_1_2() -> None:
    puppet = Puppet(
        Role.CLIENT, subject={"versions": BOTH_VERSIONS}, puppet={"versions": (Version.DTLS_1_2,)}
    ).connect()

    assert puppet.is_connected
    assert puppet.subject.version == Version.DTLS_1_2


@pytest.mark.spec("rfc9147:4.5.3/5")
def test_suite_with_a_short_tag_does_not_exist() -> None:
    with pytest.raises(ValueError, match="cipher_suites"):
        DtlsConfig(cipher_suites=(0x1305,))


# --- the server's ---


@pytest.mark.spec("rfc9147:5.4/1", "rfc9147:4/1", "rfc8446:4.1.3/1")
def test_legacy_versions_are_those_of_1_2() -> None:
    puppet, messages = said(Role.SERVER)
    plaintext = [datagram for end in Role for datagram in puppet.ends.sent[end] if datagram[0] == 22]

    assert dict(messages)[SERVER_HELLO][:2] == b"\xfe\xfd"
    assert {datagram[1:3] for datagram in plaintext} == {b"\xfe\xfd"}


@pytest.mark.spec("rfc9147:5/1")
def test_session_id_of_the_client_is_not_echoed() -> None:
    tamper = changing(CLIENT_HELLO, lambda body: body[:34] + vector(1, bytes(range(32))) + body[35:])

    puppet = Puppet(Role.SERVER, tamper).connect()
    answer = next(datagram for datagram in puppet.ends.sent[Role.SERVER] if datagram[13] == SERVER_HELLO)

    assert puppet.is_connected
    assert answer[25 + 34] == 0


@pytest.mark.spec("rfc8446:4.3.1/1", "rfc8446:4.3.2/1", "rfc8446:4.3.2/2", "rfc8446:4.3.2/3")
@pytest.mark.spec("rfc8446:4.4.2/2", "rfc8446:4.4.2/3")
def test_flight_of_the_server_has_its_order_and_nothing_that_was_not_asked_for() -> None:
    _, messages = said(Role.SERVER)
    bodies = dict(messages)
    request, shown = bodies[CERTIFICATE_REQUEST], bodies[CERTIFICATE]

    assert [kind for kind, _ in messages] == [2, 8, 13, 11, 15, 20]
    assert request[0] == 0
    assert ExtensionType.SIGNATURE_ALGORITHMS in dict(extensions_of(request, 1))
    assert shown[0] == 0
    assert len(shown) > 200
    assert shown.endswith(b"\0\0")
    assert len(shown) == 1 + 3 + 3 + int.from_bytes(shown[4:7], "big") + 2


@pytest.mark.spec("rfc8446:4.2.8/4")
def test_share_of_the_server_is_one_and_of_the_same_group() -> None:
    puppet, messages = said(Role.SERVER)
    body = dict(messages)[SERVER_HELLO]
    group, share = parse_server_share(dict(extensions_of(body, of_server_hello(body)))[51])

    assert group == puppet.subject.group
    assert len(share) > 0


@pytest.mark.parametrize(
    ("subject", "puppet"),
    [
        ({"cipher_suites": (0x1301,)}, {"cipher_suites": (0x1302,)}),
        ({"groups": (GroupId.X25519,)}, {"groups": (GroupId.SECP384R1,)}),
    ],
    ids=["suite", "group"],
)
@pytest.mark.spec("rfc8446:4.1.1/1", "rfc8446:4.1.1/2")
def test_without_anything_in_common_the_handshake_fails(subject: dict[str, object], puppet: dict[str, object]) -> None:
    assert Puppet(Role.SERVER, subject=subject, puppet=puppet).connect().alert == HANDSHAKE_FAILURE


@pytest.mark.spec("rfc8446:4.2.1/6")
def test_versions_that_nobody_knows_are_ignored() -> None:
    versions = vector(1, b"\x03\x04\x7f\x17\xfe\xfb\xfe\xfc\x0a\x0a")
    change = replacing(ExtensionType.SUPPORTED_VERSIONS, versions)

    puppet = Puppet(
        Role.SERVER, changing(CLIENT_HELLO, lambda body: with_extensions(body, of_client_hello(body), change))
    ).connect()

    assert puppet.is_connected


@pytest.mark.spec("rfc8446:4.2.1/3")
def test_version_counts_before_anything_else_is_looked_at() -> None:
    """A random that looks like the mark of a downgrade means nothing in a hello of the newest version."""
    tamper = changing(SERVER_HELLO, lambda body: body[:26] + TO_1_2 + body[34:])

    assert Puppet(Role.CLIENT, tamper, subject={"versions": BOTH_VERSIONS}).connect().is_connected


# --- cookies ---


@pytest.mark.spec("rfc9147:5.1/10", "rfc9147:11/3")
def test_cookies_of_the_secret_before_are_taken_and_tell_nothing() -> None:
    old, new = bytes(16), bytes(range(16))
    before = Puppet(Role.SERVER, subject={"cookie_secrets": (old,)})
    after = Puppet(Role.SERVER, subject={"cookie_secrets": (new, old)})
    client = before.ends.client
    client.start(0.0)
    first = client.datagrams_to_send(0.0)
    before.subject.receive_datagrams(first, 0.0)
    (request,) = before.subject.datagrams_to_send(0.0)
    client.receive_datagram(request, 0.0)

    after.subject.receive_datagrams(client.datagrams_to_send(0.0), 0.0)

    assert len(request) < 250 < sum(map(len, first)) / 4
    assert any(datagram[0] == 22 and datagram[13] == SERVER_HELLO for datagram in after.subject.datagrams_to_send(0.0))


# --- certificates ---


def requesting(*schemes: int) -> Tamper:
    """Ask for other signature algorithms."""
    data = vector(2, b"".join(scheme.to_bytes(2, "big") for scheme in schemes))
    return changing(
        CERTIFICATE_REQUEST, lambda body: with_extensions(body, 1, replacing(ExtensionType.SIGNATURE_ALGORITHMS, data))
    )


@pytest.mark.spec("rfc8446:4.4.2/1", "rfc8446:4.4.3/2")
@pytest.mark.parametrize(("schemes", "fits"), [((0x0403,), True), ((0x0804, 0x0503, 0x0807), False)])
def test_client_shows_and_signs_only_what_the_server_takes(schemes: tuple[int, ...], fits: bool) -> None:
    puppet = Puppet(Role.CLIENT, requesting(*schemes)).connect()

    failed = puppet.ends.seen(Role.SERVER, ConnectionFailed)
    assert bool(failed) is not fits
    assert fits or [getattr(event, "alert", None) for event in failed] == [116]


@pytest.mark.spec("rfc8446:4.4.3/1")
def test_what_is_signed_is_what_the_rule_says() -> None:
    for by_client, name in ((True, b"client"), (False, b"server")):
        expected = b" " * 64 + b"TLS 1.3, " + name + b" CertificateVerify" + b"\0" + bytes(range(32))
        assert signed_content(by_client=by_client, transcript_hash=bytes(range(32))) == expected


# --- record_size_limit ---


def limited(role: Role, limit: int) -> Puppet:
    """An end whose peer announces another limit."""
    data = limit.to_bytes(2, "big")
    if role is Role.SERVER:
        change = replacing(ExtensionType.RECORD_SIZE_LIMIT, data)
        tamper = changing(CLIENT_HELLO, lambda body: with_extensions(body, of_client_hello(body), change))
    else:
        change = replacing(ExtensionType.RECORD_SIZE_LIMIT, data)
        tamper = changing(ENCRYPTED_EXTENSIONS, lambda body: with_extensions(body, 0, change))
    return Puppet(role, tamper).connect()


BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())


@BOTH
@pytest.mark.parametrize("limit", [0, 1, 63])
@pytest.mark.spec("rfc8449:4/6")
def test_limit_that_is_too_small_is_an_illegal_parameter(role: Role, limit: int) -> None:
    assert limited(role, limit).alert == ILLEGAL_PARAMETER


@pytest.mark.spec("rfc8449:4/3")
def test_client_may_announce_more_than_there_can_be() -> None:
    assert limited(Role.SERVER, 0xFFFF).is_connected


@BOTH
@pytest.mark.spec("rfc8449:4/4")
def test_limit_counts_the_type_of_the_content(role: Role) -> None:
    longest = {2: 0, 3: 0}
    genuine = RecordLayer.seal

    puppet = Puppet(role, puppet={"record_size_limit": 64})
    records = puppet.subject._context.records

    def seal(which: RecordLayer, content_type: int, content: bytes, epoch: int) -> bytes:
        if which is records and epoch:
            longest[epoch] = max(longest[epoch], len(content))
        return genuine(which, content_type, content, epoch)  # type: ignore[arg-type]

    with mock.patch.object(RecordLayer, "seal", seal):
        puppet.connect()

    assert puppet.is_connected
    assert longest[2] == 63


@pytest.mark.spec("rfc8449:5/1")
def test_older_extension_for_the_same_is_ignored() -> None:
    tamper = changing(CLIENT_HELLO, lambda body: with_extensions(body, of_client_hello(body), adding(1, b"\x01")))

    assert Puppet(Role.SERVER, tamper).connect().is_connected


@pytest.mark.spec("rfc8449:5/2")
def test_both_in_an_answer_are_an_error() -> None:
    tamper = changing(ENCRYPTED_EXTENSIONS, lambda body: with_extensions(body, 0, adding(1, b"\x01")))

    assert Puppet(Role.CLIENT, tamper).connect().alert in (ILLEGAL_PARAMETER, 110)
