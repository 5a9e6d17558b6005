"""Handshake messages that our side puts on the wire, read by an independent codec."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedPeer
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import APPLICATION_DATA, HANDSHAKE, vector, words
from tests.support.rng import SeededRng

from rtc_dtls import Certificate, StateError
from rtc_dtls.certificate import CertificateKind

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


def kinds(peer: ScriptedPeer) -> list[int]:
    return [message.msg_type for message in peer.messages]


# --- messages ---


@pytest.mark.spec("rfc5246:7.4/1", "rfc5246:7.4.2/1", "rfc5246:7.4.5/1", "rfc5246:7.4.4/1", "rfc5246:7.4.1.3/4")
def test_flight_of_the_server_is_in_order() -> None:
    peer, _ = connect(SERVER)

    assert kinds(peer)[-6:] == [2, 11, 12, 13, 14, 20]
    assert peer.last(wire.SERVER_HELLO_DONE).body == b""


@pytest.mark.spec("rfc5246:7.4/1", "rfc5246:7.3/2", "rfc5246:7.4.7/1", "rfc5246:7.4.8/1")
def test_flight_of_the_client_is_in_order() -> None:
    peer, _ = connect(CLIENT)

    assert kinds(peer) == [1, 11, 16, 15, 20]


def test_client_that_is_not_asked_sends_no_certificate() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(request=False))
    peer.finish()

    assert kinds(peer) == [1, 16, 20]
    assert subject.connected


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
@pytest.mark.spec(
    "rfc5246:7.4.2/2",
    "rfc5246:7.4.2/3",
    "rfc5246:7.4.2/7",
    "rfc5246:7.4.2/9",
    "rfc5246:7.4.3/6",
    "rfc5246:7.4.3/7",
    "rfc5246:4.7/1",
)
def test_server_signs_with_the_key_of_its_certificate_and_the_suite_fits(kind: str) -> None:
    suite = keys.ECDHE_RSA_AES_128_GCM_SHA256 if kind == "rsa" else keys.ECDHE_ECDSA_AES_128_GCM_SHA256
    peer, subject = face_server(kind=kind)
    both = [keys.ECDHE_ECDSA_AES_128_GCM_SHA256, keys.ECDHE_RSA_AES_128_GCM_SHA256]

    peer.send_hello(peer.hello(cipher_suites=both))
    peer.answer()

    assert peer.suite == suite
    assert peer.peer_certificates[0] == subject.certificate
    assert subject.connected


@pytest.mark.parametrize("algorithm", [0x0401, 0x0501, 0x0601, 0x0804])
@pytest.mark.spec("rfc5246:7.4.3/4", "rfc5246:7.4.1.4.1/7")
def test_server_signs_with_an_algorithm_of_the_client(algorithm: int) -> None:
    peer, subject = face_server(kind="rsa", who=keys.identity("rsa"))
    peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    offered = [0x0807, 0x0201, algorithm]
    peer.send_hello(peer.hello(extensions=peer.extensions(signature_algorithms=vector(2, words(offered)))))

    assert peer.server_key_exchange.algorithm == algorithm
    peer.answer()
    assert subject.connected


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
@pytest.mark.spec(
    "rfc5246:7.4.4/2", "rfc5246:7.4.4/4", "rfc5246:7.4.4/5", "rfc5246:7.4.6/4", "rfc5246:7.4.6/6", "rfc5246:7.4.6/7",
    "rfc5246:7.4.8/2", "rfc5246:7.4.8/3", "rfc5246:7.4.8/4", "rfc5246:7.4.8/5", "rfc8422:3.1/1", "rfc8422:5.6/1", "rfc8422:5.8/1",
)  # fmt: skip
def test_client_proves_the_key_of_its_certificate(kind: str) -> None:
    peer, subject = face_client(kind=kind)
    peer.shake()

    assert peer.peer_certificates == [subject.certificate]
    assert peer.client_algorithm in {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256}
    assert subject.connected


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
@pytest.mark.spec("rfc5246:7.4.2/6", "rfc5246:7.4.6/5")
def test_generated_certificate_is_x509_version_3(kind: CertificateKind) -> None:
    made = Certificate.generate(rng=SeededRng("made"), wall_clock=datetime(2026, 1, 1, tzinfo=UTC), kind=kind)

    assert x509.load_der_x509_certificate(made.chain[0]).version is x509.Version.v3


@pytest.mark.parametrize(
    ("types", "algorithms"),
    [
        (b"\x01", [keys.RSA_PKCS1_SHA256]),
        (b"\x40", [keys.RSA_PKCS1_SHA256]),
        (b"\x01", [keys.ECDSA_SHA256]),
        (b"\x40", [0x0807]),
        (b"\x02\x03", [0x0203]),
    ],
)
@pytest.mark.spec("rfc5246:7.4.6/1", "rfc8422:3/1", "rfc8422:3/2")
def test_client_whose_certificate_does_not_suit_sends_an_empty_one(types: bytes, algorithms: list[int]) -> None:
    peer, _ = face_client(kind="ecdsa")
    peer.begin()

    peer.say(
        peer.server_hello(),
        peer.certificate(),
        peer.key_exchange(),
        peer.certificate_request(algorithms, types),
        peer.hello_done(),
    )

    if peer.fatal is None:
        assert peer.last(wire.CERTIFICATE).body == bytes(3)
        assert not peer.got(wire.CERTIFICATE_VERIFY)


@pytest.mark.spec("rfc5246:A.6/1")
def test_client_skips_unknown_types_algorithms_and_authorities_in_the_request() -> None:
    peer, subject = face_client()
    peer.begin()
    authorities = vector(2, b"\x30\x00") + vector(2, b"anything")
    body = wire.certificate_request_body(b"\xff\x02\x40", [0x9999, 0x0807, keys.ECDSA_SHA256], authorities)
    request = [
        peer.server_hello(),
        peer.certificate(),
        peer.key_exchange(),
        peer.message(wire.CERTIFICATE_REQUEST, body),
        peer.hello_done(),
    ]
    peer.say(*request)
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc5246:7.4.4/1", "rfc8422:5.5/1", "rfc5246:7.4.1.4.1/1")
def test_server_asks_for_ecdsa_and_rsa_certificates() -> None:
    peer, _ = connect(SERVER)
    reader = wire.Reader(peer.last(wire.CERTIFICATE_REQUEST).body)
    types, algorithms = reader.vector(1), wire.split_words(reader.vector(2))

    assert set(types) >= {1, 64}
    assert {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256} <= set(algorithms)
    assert all(algorithm & 0xFF != 0 and algorithm >> 8 not in (1, 2, 3) for algorithm in algorithms)


@pytest.mark.spec("rfc5246:7.4.6/2")
def test_server_without_a_demand_goes_on_without_a_client_certificate() -> None:
    peer, subject = face_server(require_certificate=False)
    peer.send_hello()
    if peer.got(wire.CERTIFICATE_REQUEST):
        peer.say(peer.certificate([]), peer.key_exchange())
    else:
        peer.say(peer.key_exchange())
    peer.finish()

    assert subject.connected


@pytest.mark.spec(
    "rfc5246:7.4.1.4.1/1", "rfc5246:7.4.1.4.1/3", "rfc5246:7.4.1.2/6", "rfc5246:7.4.1.2/9", "rfc5246:7.4.1.2/10", "rfc5246:E.1/6",
    "rfc7627:5.2/1", "rfc7627:5.1/2", "rfc5746:3.4/1", "rfc5288:4/1", "rfc5246:7.4.1.4/4",
)  # fmt: skip
def test_client_hello_offers_what_it_should() -> None:
    peer, _ = face_client()
    peer.begin()
    hello = peer.client_hello
    algorithms = wire.split_words(peer.offered[wire.SIGNATURE_ALGORITHMS][2:])

    assert hello.version == wire.DTLS_1_2
    assert hello.session_id == b""
    assert hello.compression_methods == b"\0"
    assert peer.offered[wire.EXTENDED_MASTER_SECRET] == b""
    assert len(peer.offered) == len(hello.extensions or [])
    assert {keys.ECDSA_SHA256, keys.RSA_PKCS1_SHA256} <= set(algorithms)
    assert all(algorithm & 0xFF != 0 and algorithm >> 8 not in (1, 2, 3) for algorithm in algorithms)
    assert peer.records[0].version in (wire.DTLS_1_0, wire.DTLS_1_2)


@pytest.mark.spec(
    "rfc7627:5.2/2",
    "rfc7627:5.1/2",
    "rfc8422:5.2/2",
    "rfc5246:7.4.1.4/1",
    "rfc5746:3.6/7",
    "rfc5246:7.4.1.4.1/6",
    "rfc5288:4/3",
)
def test_server_hello_answers_what_it_should() -> None:
    peer, _ = face_server()
    peer.shake()
    answered = dict(peer.chosen.extensions or [])

    assert peer.chosen.version == wire.DTLS_1_2
    assert peer.chosen.session_id == b""
    assert answered[wire.EXTENDED_MASTER_SECRET] == b""
    assert answered.get(wire.EC_POINT_FORMATS, b"\x01\x00") == b"\x01\x00"
    assert set(answered) <= {code for code, _ in peer.extensions()}
    assert wire.SIGNATURE_ALGORITHMS not in answered


@pytest.mark.spec("rfc8422:5.2/3")
@pytest.mark.parametrize("formats", [b"\x01\x00", b"\x02\x01\x00", b"\x03\x00\x01\x02"])
def test_client_takes_a_server_that_lists_uncompressed(formats: bytes) -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(extensions=peer.extensions(point_formats=formats)))
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc8422:5.2/3")
@pytest.mark.parametrize("formats", [b"\x01\x01", b"", b"\x00", b"\x02\x00"])
def test_client_refuses_a_server_that_does_not_list_uncompressed(formats: bytes) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(point_formats=formats)))

    assert peer.fatal in {47, 50}
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.1.2/12")
def test_client_hello_without_any_extensions_is_understood() -> None:
    """It is understood; but it lacks the extended master secret, which WebRTC demands."""
    peer, subject = face_server(cookies=False)
    peer.send_hello(peer.hello(extensions=None))
    tolerant, tolerant_subject = face_server(cookies=False, extended_master_secret=False, kind="ecdsa")
    tolerant.send_hello(tolerant.hello(extensions=None))

    assert peer.fatal == 40
    assert tolerant.fatal in {None, 40}
    assert subject.closed
    assert not tolerant_subject.connected


# --- suites and derivations ---


@BOTH
@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.spec(
    "rfc5288:3/1", "rfc5288:3/4", "rfc5289:3.2/1", "rfc5289:3.2/2", "rfc7905:2/1", "rfc7905:2/2", "rfc7905:2/3", "rfc7905:2/4", "rfc7905:3/1",
    "rfc5246:6.3/1", "rfc5246:6.3/2", "rfc5246:6.2.3.3/2", "rfc5246:5/3", "rfc5246:5/4", "rfc7627:6.2/1",
)  # fmt: skip
def test_every_suite_agrees_with_an_independent_implementation(role: str, suite: int) -> None:
    peer, subject = connect(role, suite=suite)
    subject.send(b"there")
    peer.pump()
    peer.send_data(b"back")
    overhead = len(peer.sealed[-1].fragment) - len(b"there")

    assert subject.suite == suite
    assert peer.data == [b"there"]
    assert subject.received == [b"back"]
    assert overhead == keys.SUITES[suite].explicit_length + 16


@BOTH
@pytest.mark.parametrize("group", [keys.X25519, keys.P256, keys.P384])
@pytest.mark.spec("rfc8422:5.10/1", "rfc8422:5.1.2/1", "rfc8422:5.11/1", "rfc8422:5.7/1")
def test_every_group_agrees_with_an_independent_implementation(role: str, group: int) -> None:
    for number in range(4):
        if role == SERVER:
            peer, subject = face_server(kind="rsa", who=keys.identity("rsa"), cookies=False, seed=str(number))
            peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
            peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words([group])))))
            peer.answer()
        else:
            server, subject = face_client(seed=str(number))
            server.begin()
            server.say(
                server.server_hello(),
                server.certificate(),
                server.key_exchange(group=group),
                server.certificate_request(),
                server.hello_done(),
            )
            server.finish()

        assert subject.connected


@BOTH
@pytest.mark.spec("rfc5246:7.1/3", "rfc6347:4.1/9")
def test_finished_that_overtakes_its_flight_waits_for_it(role: str) -> None:
    peer, subject = face(role, cookies=False)
    peer.open()
    late = []
    if isinstance(peer, ScriptedClient):
        late = [peer.record(HANDSHAKE, message.serialize()) for message in peer.flight()]
    else:
        peer.say(*peer.flight())

    change = peer.change_cipher_spec()
    finished = peer.finished()
    peer.send(peer.record(HANDSHAKE, finished.serialize()), peer.record(APPLICATION_DATA, b"early"))
    peer.send(change)
    for record in late[::-1]:
        peer.send(record)
    if not subject.connected:  # discarding is allowed; then a repetition completes
        peer.say(finished)

    assert subject.connected
    assert subject.received in ([], [b"early"])


# --- extended master secret when it is not demanded ---


@BOTH
@pytest.mark.spec("rfc7627:5.2/4", "rfc7627:5.2/6", "rfc7627:5.4/1", "rfc7627:5.4/2", "rfc5246:8.1/1")
def test_without_extended_master_secret_the_handshake_completes_but_exports_nothing(role: str) -> None:
    if role == SERVER:
        peer, subject = face_server(extended_master_secret=False)
        peer.send_hello(peer.hello(extensions=peer.extensions(extended_master_secret=None)))
        assert wire.EXTENDED_MASTER_SECRET not in dict(peer.chosen.extensions or [])
        peer.answer()
    else:
        server, subject = face_client(extended_master_secret=False)
        server.begin()
        server.say(*server.flight(extensions=server.extensions(extended_master_secret=None)))
        server.finish()

    assert subject.connected
    with pytest.raises(StateError):
        subject.export("EXPERIMENTAL test", 32)


# --- ALPN ---


@pytest.mark.spec("rfc7301:3.1/1", "rfc7301:3.1/2")
def test_alpn_offer_lists_the_names_in_order() -> None:
    peer, subject = face_client(alpn=("webrtc", "c-webrtc"))
    peer.begin()
    assert peer.offered[wire.ALPN] == vector(2, vector(1, b"webrtc") + vector(1, b"c-webrtc"))

    peer.say(*peer.flight(extensions=[*peer.extensions(), (wire.ALPN, vector(2, vector(1, b"c-webrtc")))]))
    peer.finish()

    assert subject.alpn == "c-webrtc"


@pytest.mark.spec("rfc7301:3.1/3")
@pytest.mark.parametrize("name", ["", "x" * 256])
def test_alpn_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="255"):
        face_client(alpn=(name,))


@pytest.mark.spec("rfc7301:3.1/3")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0",
        vector(2, b"\0"),
        vector(2, vector(1, b"webrtc") + b"\0"),
        vector(2, b"\x07webrtc"),
        vector(2, vector(1, b"webrtc")) + b"\0",
    ],
)
def test_alpn_offer_that_is_malformed_is_fatal(data: bytes) -> None:
    peer, subject = face_server(alpn=("webrtc",), cookies=False)

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (wire.ALPN, data)]))

    assert peer.fatal == 50
    assert subject.closed
