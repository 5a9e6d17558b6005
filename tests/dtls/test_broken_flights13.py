"""What RFC 8446 and RFC 9147 demand of a handshake after the hellos, one rule broken at a time."""

from collections.abc import Callable

import pytest
from tests.dtls.broken13 import PLAIN_CLIENT, PLAIN_SERVER, A, T, broken
from tests.dtls.ends import Ends
from tests.dtls.ends13 import CLIENT, configs
from tests.dtls.misbehave import Change, add_to_extensions, failure, flip_last

from rtc_dtls import DtlsConfig, Role
from rtc_dtls.handshake import HandshakeType

EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())


@pytest.mark.parametrize(
    ("what", "change", "alert"),
    [
        pytest.param(
            T.ENCRYPTED_EXTENSIONS,
            add_to_extensions(51, b""),
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.3.1/2", "rfc8446:4.2/2"),
            id="misplaced",
        ),
        pytest.param(
            T.ENCRYPTED_EXTENSIONS,
            add_to_extensions(16, b"\x00\x02\x01x"),
            A.UNSUPPORTED_EXTENSION,
            marks=pytest.mark.spec("rfc8446:4.2/1"),
            id="unasked",
        ),
        pytest.param(
            T.ENCRYPTED_EXTENSIONS,
            add_to_extensions(1, b"\x01"),
            A.UNSUPPORTED_EXTENSION,
            marks=pytest.mark.spec("rfc8449:5/2"),
            id="max fragment length",
        ),
        pytest.param(T.ENCRYPTED_EXTENSIONS, lambda body: body + b"\0", A.DECODE_ERROR, id="too long"),
        pytest.param(
            T.CERTIFICATE_REQUEST,
            lambda _: b"\x00\x00\x00",
            A.MISSING_EXTENSION,
            marks=pytest.mark.spec("rfc8446:4.3.2/2"),
            id="request without algorithms",
        ),
        pytest.param(
            T.CERTIFICATE_REQUEST,
            lambda body: b"\x01c" + body[1:],
            A.ILLEGAL_PARAMETER,
            marks=pytest.mark.spec("rfc8446:4.3.2/3"),
            id="request with a context",
        ),
        pytest.param(
            T.CERTIFICATE,
            lambda _: b"\x00\x00\x00\x00",
            A.DECODE_ERROR,
            marks=pytest.mark.spec("rfc8446:4.4.2/5", "rfc8446:4.4.2/2"),
            id="no certificate",
        ),
        pytest.param(T.CERTIFICATE, lambda body: b"\x01c" + body[1:], A.ILLEGAL_PARAMETER, id="context"),
    ],
)
def test_flight_of_the_server_that_breaks_a_rule_is_refused(
    monkeypatch: pytest.MonkeyPatch, what: HandshakeType, change: Change, alert: int
) -> None:
    assert broken(monkeypatch, Role.SERVER, what, change)[0] == alert


def _entry_extension(body: bytes) -> bytes:
    extensions = b"\x00\x05\x00\x01x"
    entries = body[4:-2] + len(extensions).to_bytes(2, "big") + extensions
    return body[:1] + len(entries).to_bytes(3, "big") + entries


def _algorithm(scheme: int) -> Callable[[bytes], bytes]:
    return lambda body: scheme.to_bytes(2, "big") + body[2:]


@EACH_ROLE
@pytest.mark.parametrize(
    ("what", "change", "alert"),
    [
        pytest.param(
            T.CERTIFICATE,
            _entry_extension,
            A.UNSUPPORTED_EXTENSION,
            marks=pytest.mark.spec("rfc8446:4.4.2/3"),
            id="extension of an entry",
        ),
        pytest.param(
            T.CERTIFICATE_VERIFY,
            flip_last,
            A.DECRYPT_ERROR,
            marks=pytest.mark.spec("rfc8446:4.4.3/4"),
            id="wrong signature",
        ),
        *(
            pytest.param(
                T.CERTIFICATE_VERIFY,
                _algorithm(scheme),
                A.ILLEGAL_PARAMETER,
                marks=pytest.mark.spec("rfc8446:4.4.3/3", "rfc8446:4.2.3/2"),
                id=f"algorithm {scheme:04x}",
            )
            for scheme in (0x0503, 0x0603, 0x0203, 0x0401, 0x0804, 0x0807)
        ),
        pytest.param(
            T.FINISHED, flip_last, A.DECRYPT_ERROR, marks=pytest.mark.spec("rfc8446:4.4.4/1"), id="wrong Finished"
        ),
        pytest.param(
            T.FINISHED,
            lambda body: body[:-1],
            A.DECODE_ERROR,
            marks=pytest.mark.spec("rfc8446:4.4.4/1"),
            id="short Finished",
        ),
    ],
)
def test_proof_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, role: Role, what: HandshakeType, change: Change, alert: int
) -> None:
    assert broken(monkeypatch, role, what, change)[0] == alert


@pytest.mark.spec("rfc8446:4.2.3/2", "rfc8446:4.4.3/3")
@pytest.mark.parametrize("scheme", [0x0401, 0x0501, 0x0601])
@EACH_ROLE
def test_pkcs1_proves_nothing_in_1_3(monkeypatch: pytest.MonkeyPatch, role: Role, scheme: int) -> None:
    client, server = configs("rsa-2048", "rsa-2048")

    alert, _ = broken(monkeypatch, role, T.CERTIFICATE_VERIFY, _algorithm(scheme), client=client, server=server)

    assert alert == A.ILLEGAL_PARAMETER


@pytest.mark.spec("rfc8446:4.4.3/1")
@EACH_ROLE
def test_signature_of_the_other_sides_context_proves_nothing(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    module = f"rtc_dtls.{role.name.lower()}13"

    def mixed_up(*, by_client: bool, transcript_hash: bytes) -> bytes:
        who = b"server" if by_client else b"client"
        return b" " * 64 + b"TLS 1.3, " + who + b" CertificateVerify\0" + transcript_hash

    monkeypatch.setattr(f"{module}.signed_content", mixed_up)
    pair = Ends(PLAIN_CLIENT, PLAIN_SERVER).connect()

    # Who mixes it up checks as wrongly as it signs, and the client checks first.
    assert failure(pair, Role.CLIENT).alert == A.DECRYPT_ERROR


ORDER = {
    Role.SERVER: (T.ENCRYPTED_EXTENSIONS, T.CERTIFICATE_REQUEST, T.CERTIFICATE, T.CERTIFICATE_VERIFY, T.FINISHED),
    Role.CLIENT: (T.CERTIFICATE, T.CERTIFICATE_VERIFY, T.FINISHED),
}
MISPLACED = [
    (role, place, kind)
    for role, places in ORDER.items()
    for place in places
    for kind in (
        *ORDER[Role.SERVER],
        T.CLIENT_HELLO,
        T.SERVER_HELLO,
        T.KEY_UPDATE,
        T.NEW_SESSION_TICKET,
        T.CLIENT_KEY_EXCHANGE,
    )
    if kind != place and (place, kind) != (T.CERTIFICATE_REQUEST, T.CERTIFICATE)
]


@pytest.mark.parametrize(("role", "place", "kind"), MISPLACED)
@pytest.mark.spec("rfc8446:4/1", "rfc8446:4.3.1/1")
def test_message_out_of_order_is_refused(
    monkeypatch: pytest.MonkeyPatch, role: Role, place: HandshakeType, kind: HandshakeType
) -> None:
    alert, _ = broken(monkeypatch, role, place, lambda body: body, become=kind)

    assert alert == A.UNEXPECTED_MESSAGE


@pytest.mark.spec("rfc8446:4.3.2/1")
def test_certificate_is_asked_for_where_one_is_required() -> None:
    pair = Ends(PLAIN_CLIENT, PLAIN_SERVER).connect()

    assert pair.server.peer_certificates == (CLIENT.certificate.chain if CLIENT.certificate else ())


@pytest.mark.spec("rfc8446:9.1/1", "rfc8446:9.1/2", "rfc8446:9.1/3", "rfc8446:9.1/4")
def test_defaults_have_what_everybody_has_to_have() -> None:
    config = DtlsConfig()

    assert config.versions == (0xFEFC, 0xFEFD)
    assert config.cipher_suites_13 == (0x1301, 0x1302, 0x1303)
    assert {0x001D, 0x0017} < set(config.groups)
    assert config.offered_key_shares == (0x11EC, 0x001D)
