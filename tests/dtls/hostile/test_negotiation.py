"""Class 17: what a peer may choose and offer, and what it may not."""

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.alerts import (
    DECODE_ERROR,
    HANDSHAKE_FAILURE,
    ILLEGAL_PARAMETER,
    PROTOCOL_VERSION,
    UNSUPPORTED_EXTENSION,
)
from tests.dtls.conformance.scripted import ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, face_client, face_server, fingerprint
from tests.dtls.conformance.wire import HANDSHAKE, vector, words
from tests.dtls.ends import config12
from tests.support.rng import SeededRng

from rtc_dtls import CipherSuiteId, DtlsConnection, Role

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

# --- 17: choices of the server ---


@pytest.mark.parametrize(
    "suite", [0x0000, 0x002F, 0x003C, 0x009C, 0xC009, 0xC013, 0xC018, 0xC0AC, 0x1301, 0x00FF, 0xFFFF]
)
@pytest.mark.spec("rfc5246:7.4.1.3/2", "rfc5246:A.5/1")
def test_class_17_server_chooses_a_suite_that_was_not_offered(suite: int) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(cipher_suite=suite))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.1.3/2")
def test_class_17_server_chooses_a_suite_that_we_know_and_did_not_offer() -> None:
    who = keys.identity()
    options = config12(
        remote_fingerprints=(fingerprint(who.certificate),),
        cipher_suites=(keys.ECDHE_ECDSA_AES_128_GCM_SHA256,),
    )
    connection = DtlsConnection(role=Role.CLIENT, config=options, rng=SeededRng("suite"))
    connection.start(0.0)
    peer = ScriptedServer(connection, who=who).begin()

    peer.say(peer.server_hello(cipher_suite=CipherSuiteId.ECDHE_ECDSA_CHACHA20_POLY1305_SHA256))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert connection.closed


@pytest.mark.parametrize("version", [0xFEFF, 0xFEFC, 0x0303, 0x0304, 0x0000, 0xFFFF])
@pytest.mark.spec("rfc5246:E.1/1", "rfc5288:4/4")
def test_class_17_server_chooses_another_version(version: int) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(version=version))

    assert peer.fatal == PROTOCOL_VERSION
    assert subject.closed


@pytest.mark.parametrize("method", [1, 64, 255])
@pytest.mark.spec("rfc5246:7.4.1.3/3")
def test_class_17_server_chooses_compression(method: int) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(compression_method=method))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.parametrize("code", [0, 5, 15, 16, 18, 35, 43, 51, 54, 57, 0x1234, 0xFF02])
@pytest.mark.spec("rfc5246:7.4.1.4/2", "rfc5246:7.4.1.4.1/6")
def test_class_17_server_answers_an_extension_that_was_not_sent(code: int) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=[*peer.extensions(), (code, b"")]))

    assert peer.fatal == UNSUPPORTED_EXTENSION
    assert subject.closed


@pytest.mark.parametrize(
    "code", [wire.EXTENDED_MASTER_SECRET, wire.RENEGOTIATION_INFO, wire.EC_POINT_FORMATS, wire.USE_SRTP]
)
@pytest.mark.spec("rfc5246:7.4.1.4/4")
def test_class_17_server_answers_an_extension_twice(code: int) -> None:
    peer, subject = face_client()
    peer.begin()
    extensions = peer.extensions()
    double = next(entry for entry in extensions if entry[0] == code)

    peer.say(peer.server_hello(extensions=[*extensions, double]))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.parametrize("group", [25, 19, 30, 256, 0x11EC, 0, 0xFFFF])
@pytest.mark.spec("rfc8422:5.4/3")
def test_class_17_server_uses_a_group_that_was_not_offered(group: int) -> None:
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    parameters = b"\x03" + group.to_bytes(2, "big") + vector(1, b"\x04" + bytes(64))

    peer.say(hello, certificate, peer.key_exchange(parameters=parameters))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.parametrize("curve_type", [0, 1, 2, 4, 255])
@pytest.mark.spec("rfc8422:5.4/3")
def test_class_17_server_uses_an_explicit_curve(curve_type: int) -> None:
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    parameters = bytes([curve_type]) + b"\x00\x17" + vector(1, b"\x04" + bytes(64))

    peer.say(hello, certificate, peer.key_exchange(parameters=parameters))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.parametrize(
    ("suite", "who"), [(keys.ECDHE_RSA_AES_128_GCM_SHA256, "ecdsa"), (keys.ECDHE_ECDSA_AES_128_GCM_SHA256, "rsa")]
)
@pytest.mark.spec(
    "rfc5246:7.4.2/13",
    "rfc5246:7.4.5/2",
    "rfc8422:5.3/2",
    "rfc8422:2.1/1",
    "rfc8422:2.2/1",
)
def test_class_17_server_certificate_does_not_fit_the_suite(suite: int, who: str) -> None:
    peer, subject = face_client(who=keys.identity(who))
    peer.begin()
    peer.suite = suite

    peer.say(
        peer.server_hello(), peer.certificate(), peer.key_exchange(), peer.certificate_request(), peer.hello_done()
    )

    assert peer.fatal is not None
    assert not peer.got(wire.FINISHED)
    assert subject.closed


def test_class_17_session_id_in_the_server_hello_is_not_a_resumption() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(session_id=bytes(range(32))))
    peer.finish()

    assert subject.connected


def test_class_17_server_that_skips_to_finished_as_in_a_resumption_is_refused() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(peer.server_hello(session_id=bytes(32)))
    peer.master = bytes(48)

    peer.send(peer.change_cipher_spec())
    peer.send(peer.record(HANDSHAKE, peer.finished().serialize()))
    peer.say(peer.finished(), epoch=0)

    assert not subject.connected


# --- 17: offers of the client ---


@pytest.mark.parametrize("version", [0xFEFF, 0xFFFF])
@pytest.mark.spec("rfc5246:E.1/3")
def test_class_17_client_offers_only_older_versions(version: int) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(version=version))

    assert peer.fatal == PROTOCOL_VERSION
    assert subject.closed


@pytest.mark.parametrize("version", [0xFEFC, 0xFEFB, 0xFE00])
@pytest.mark.spec("rfc5246:E.1/2", "rfc5246:7.4.1.3/5", "rfc5746:3.6/6")
def test_class_17_client_offers_a_newer_version_and_gets_1_2(version: int) -> None:
    peer, subject = face_server()

    peer.send_hello(peer.hello(version=version))
    peer.answer()

    assert peer.chosen.version == wire.DTLS_1_2
    assert subject.connected


@pytest.mark.parametrize("record_version", [0xFEFF, 0xFEFD])
@pytest.mark.spec("rfc5246:E.1/5")
def test_class_17_record_version_of_the_client_hello_does_not_matter(record_version: int) -> None:
    peer, subject = face_server(cookies=False)
    hello = peer.message(wire.CLIENT_HELLO, peer.hello().serialize())

    peer.send(peer.record(HANDSHAKE, hello.serialize(), version=record_version))
    peer.answer()

    assert subject.connected


UNWANTED = [
    0x0000,
    0x0001,
    0x002F,
    0x0035,
    0x003C,
    0x009C,
    0x0018,
    0x001B,
    0xC009,
    0xC00A,
    0xC013,
    0xC014,
    0xC023,
    0xC018,
    0xC019,
    0x009E,
    0xCCAA,
]


@pytest.mark.spec("rfc5246:7.4.1.2/5", "rfc5246:A.5/1", "rfc5246:A.5/2", "rfc5746:3.3/1", "rfc6347:4.1.2.2/1")
@pytest.mark.parametrize(
    "suites", [[suite] for suite in UNWANTED] + [UNWANTED, [0x00FF], [0x5600], [0xFFFF], [0x0005, 0xC007, 0xC011]]
)
def test_class_17_client_offers_only_unwanted_suites(suites: list[int]) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(cipher_suites=suites))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.1.2/4", "rfc5746:3.6/5")
def test_class_17_unknown_suites_and_extensions_are_ignored() -> None:
    peer, subject = face_server()
    greased = [0x0A0A, 0xDADA, *UNWANTED, peer.suite, peer.suite, 0xFFFF]
    extensions = [(0x0A0A, b""), *peer.extensions(), (0xFAFA, b"\x00" * 100), (21, bytes(300))]

    peer.send_hello(peer.hello(cipher_suites=greased, extensions=extensions))
    peer.answer()

    assert subject.connected
    assert {code for code, _ in peer.chosen.extensions or []} <= {code for code, _ in peer.extensions()}


@pytest.mark.spec("rfc5246:7.4.1.4/3", "rfc5246:7.4.1.4/1")
def test_class_17_extensions_may_come_in_any_order() -> None:
    for shift in range(6):
        peer, subject = face_server(cookies=False)
        extensions = peer.extensions()

        peer.send_hello(peer.hello(extensions=extensions[shift:] + extensions[:shift]))
        peer.answer()

        assert subject.connected


@pytest.mark.parametrize("index", range(6))
@pytest.mark.spec("rfc5246:7.4.1.4/4")
def test_class_17_client_sends_an_extension_twice(index: int) -> None:
    peer, subject = face_server(cookies=False)
    extensions = peer.extensions()

    peer.send_hello(peer.hello(extensions=[*extensions, extensions[index]]))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert not peer.got(wire.SERVER_HELLO)
    assert subject.closed


@pytest.mark.parametrize("methods", [b"\x01", b"\x01\x40", b"\xff"])
@pytest.mark.spec("rfc5246:7.4.1.2/9")
def test_class_17_client_without_null_compression(methods: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(compression_methods=methods))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.1.3/3")
def test_class_17_compression_is_never_chosen() -> None:
    peer, subject = face_server()

    peer.send_hello(peer.hello(compression_methods=b"\x01\x40\x00"))
    peer.answer()

    assert peer.chosen.compression_method == 0
    assert subject.connected


@pytest.mark.spec("rfc8422:4/3", "rfc8422:5.1/3", "rfc8422:5.1/4", "rfc8422:4/2")
@pytest.mark.parametrize("groups", [[25], [0x0A0A], [256, 257], [14, 30]])
def test_class_17_client_without_a_common_group(groups: list[int]) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words(groups)))))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@pytest.mark.parametrize(
    ("groups", "chosen"), [([29], 29), ([23], 23), ([24], 24), ([0x0A0A, 30, 23], 23), ([0xFFFF, 24, 256], 24)]
)
@pytest.mark.spec("rfc8422:5.1/3", "rfc8422:5.4/2", "rfc8422:2.1/3", "rfc5246:7.4.3/2", "rfc8422:5.7/1")
def test_class_17_server_takes_a_group_of_the_client(groups: list[int], chosen: int) -> None:
    peer, subject = face_server(kind="rsa", who=keys.identity("rsa"))
    peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256

    peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words(groups)))))
    peer.answer()

    assert peer.server_key_exchange.group == chosen
    assert subject.connected


@pytest.mark.spec("rfc8422:5.3/3", "rfc8422:5.3/4")
def test_class_17_server_whose_certificate_has_a_curve_the_client_lacks_takes_no_ecdsa_suite() -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words([keys.X25519, keys.P384])))))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.3/5", "rfc5246:7.4.1.4.1/7", "rfc5246:7.4.3/4")
@pytest.mark.parametrize("algorithms", [[keys.RSA_PKCS1_SHA256], [keys.ECDSA_SHA1], [0x0807], [0x0000]])
def test_class_17_client_without_a_common_signature_algorithm(algorithms: list[int]) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(signature_algorithms=vector(2, words(algorithms)))))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


# --- 17: supported_versions, which newer clients send and which alone counts then ---

SUPPORTED_VERSIONS = 43


@pytest.mark.parametrize("versions", [[0xFEFC, 0xFEFD], [0xFEFD], [0xFEFC, 0xFEFD, 0x0303], [0x0304, 0x7A7A, 0xFEFD]])
def test_class_17_client_that_lists_1_2_among_its_versions_gets_it(versions: list[int]) -> None:
    peer, subject = face_server()
    offered = [*peer.extensions(), (SUPPORTED_VERSIONS, vector(1, words(versions)))]

    peer.send_hello(peer.hello(extensions=offered))
    peer.answer()

    assert peer.chosen.version == wire.DTLS_1_2
    assert SUPPORTED_VERSIONS not in dict(peer.chosen.extensions or [])
    assert subject.connected


@pytest.mark.parametrize("versions", [[0xFEFC], [0xFEFF], [0x0303], [0x0303, 0x0304]])
def test_class_17_client_whose_list_lacks_1_2_is_refused_whatever_the_hello_says(versions: list[int]) -> None:
    peer, subject = face_server(cookies=False)
    offered = [*peer.extensions(), (SUPPORTED_VERSIONS, vector(1, words(versions)))]

    peer.send_hello(peer.hello(extensions=offered, version=wire.DTLS_1_2))

    assert peer.fatal == PROTOCOL_VERSION
    assert subject.closed


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01\xfe", b"\x03\xfe\xfd\xfe", b"\x04\xfe\xfd", b"\x02\xfe\xfd\x00"])
def test_class_17_malformed_list_of_versions_is_refused(data: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (SUPPORTED_VERSIONS, data)]))

    assert peer.fatal == DECODE_ERROR
    assert subject.closed


def test_class_17_quic_is_refused() -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (57, b"")]))

    assert peer.fatal == UNSUPPORTED_EXTENSION
    assert subject.closed
