"""RFC 8844: what signalling said about both ends is said again in the handshake, and has to be the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.dtls.ends import Ends
from tests.dtls.ends13 import CLIENT, SERVER, check_connected
from tests.dtls.misbehave import add_to_extensions, extension, failure, misbehave

from rtc_dtls import AlertDescription, DtlsConfig, Role, Version
from rtc_dtls.client_hello import ClientHello
from rtc_dtls.handshake import HandshakeType
from rtc_dtls.server_hello import ServerHello

EACH_VERSION = pytest.mark.parametrize("version", [Version.DTLS_1_2, Version.DTLS_1_3], ids=lambda it: it.name)
OURS, THEIRS, STRANGE = "tls-id-of-the-client", "tls-id-of-the-server", "tls-id-of-a-stranger"


def configs(version: int) -> tuple[DtlsConfig, DtlsConfig]:
    """Both have a tls-id and no identity assertion."""
    client = replace(CLIENT, versions=(version,), identity_hash=b"", external_session_id=OURS)
    server = replace(SERVER, versions=(version,), identity_hash=b"", external_session_id=THEIRS)
    return (
        replace(client, remote_external_session_id=THEIRS),
        replace(server, remote_external_session_id=OURS),
    )


@EACH_VERSION
@pytest.mark.spec("rfc8844:3.2/1", "rfc8844:4.3/1", "rfc8844:4.3/2", "rfc8844:3.2/6", "rfc8844:4.3/5")
def test_both_say_what_signalling_said(version: int) -> None:
    client, server = configs(version)
    pair = Ends(replace(client, mtu=2000), replace(server, mtu=2000)).connect()

    check_connected(pair)
    hello = ClientHello.parse(pair.sent[Role.CLIENT][0][25:])
    assert hello.extensions.find(55) == b"\0"
    assert hello.extensions.find(56) == b"\x14" + OURS.encode()
    datagram = pair.sent[Role.SERVER][0]
    end = 25 + int.from_bytes(datagram[14:17], "big")
    answered = {code for code, _ in ServerHello.parse(datagram[25:end]).extensions.items}
    # In 1.3 they are where nobody can see them.
    assert (answered & {55, 56}) == (set() if version == Version.DTLS_1_3 else {55, 56})


@EACH_VERSION
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
@pytest.mark.spec("rfc8844:4.3/3", "rfc8844:4.3/4", "rfc8844:3.2/4")
@pytest.mark.parametrize("expected", [STRANGE, None])
def test_peer_of_another_session_is_refused(version: int, role: Role, expected: str | None) -> None:
    client, server = configs(version)
    if role is Role.CLIENT:
        client = replace(client, remote_external_session_id=expected)
    else:
        server = replace(server, remote_external_session_id=expected)

    failed = failure(Ends(client, server).connect(), role)

    assert (failed.alert, failed.section) == (AlertDescription.ILLEGAL_PARAMETER, "RFC 8844 section 4.3")


@EACH_VERSION
@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
@pytest.mark.parametrize(("said", "expected"), [(b"i" * 32, b""), (b"", b"i" * 32), (b"i" * 32, b"j" * 32)])
@pytest.mark.spec("rfc8844:3.2/2", "rfc8844:3.2/3")
def test_peer_of_another_identity_is_refused(version: int, role: Role, said: bytes, expected: bytes) -> None:
    client, server = configs(version)
    if role is Role.CLIENT:
        client, server = replace(client, remote_identity_hash=expected), replace(server, identity_hash=said)
    else:
        client, server = replace(client, identity_hash=said), replace(server, remote_identity_hash=expected)

    failed = failure(Ends(client, server).connect(), role)

    assert (failed.alert, failed.section) == (AlertDescription.ILLEGAL_PARAMETER, "RFC 8844 section 3.2")


@EACH_VERSION
def test_peer_with_the_identity_that_was_signalled_is_taken(version: int) -> None:
    client, server = configs(version)
    client, server = replace(client, identity_hash=b"i" * 32), replace(server, remote_identity_hash=b"i" * 32)

    check_connected(Ends(client, server).connect())


@EACH_VERSION
@pytest.mark.parametrize("silent", list(Role), ids=lambda role: role.name.lower())
def test_peer_that_does_not_know_the_extensions_is_taken(version: int, silent: Role) -> None:
    client, server = configs(version)
    if silent is Role.CLIENT:
        client = replace(CLIENT, versions=(version,))
    else:
        server = replace(SERVER, versions=(version,))

    check_connected(Ends(client, server).connect())


@pytest.mark.parametrize(
    ("code", "data"), [(55, b"\x1f" + bytes(31)), (55, b"\x21" + bytes(33)), (56, b"\x13" + bytes(19))]
)
@pytest.mark.parametrize("who", list(Role), ids=lambda role: role.name.lower())
@pytest.mark.spec("rfc8844:3.2/5")
def test_other_lengths_are_refused(monkeypatch: pytest.MonkeyPatch, who: Role, code: int, data: bytes) -> None:
    client, server = configs(Version.DTLS_1_3)
    if who is Role.CLIENT:
        pair = Ends(client, server)
        misbehave(monkeypatch, pair.client, HandshakeType.CLIENT_HELLO, extension(ClientHello, code, data))
    else:
        # The server leaves it to the test what to say.
        pair = Ends(client, replace(SERVER, versions=(Version.DTLS_1_3,)))
        change = add_to_extensions(code, data)
        misbehave(monkeypatch, pair.server, HandshakeType.ENCRYPTED_EXTENSIONS, change)
    pair.connect()

    assert failure(pair, Role.SERVER if who is Role.CLIENT else Role.CLIENT).alert == AlertDescription.DECODE_ERROR


@pytest.mark.parametrize(
    "make",
    [
        lambda: DtlsConfig(identity_hash=b"x"),
        lambda: DtlsConfig(remote_identity_hash=bytes(31)),
        lambda: DtlsConfig(external_session_id="short"),
        lambda: DtlsConfig(remote_external_session_id="ä" * 20),
    ],
)
def test_configuration_has_bounds(make: Callable[[], DtlsConfig]) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|tls-id"):
        make()
