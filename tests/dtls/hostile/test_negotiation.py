"""Classes 17 to 21: what a peer may choose, and what it may not."""

import pytest
from rtc_dtls import StateError
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import HANDSHAKE, vector, words

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
UNEXPECTED_MESSAGE, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER = 10, 40, 47
DECODE_ERROR, PROTOCOL_VERSION, NO_RENEGOTIATION, UNSUPPORTED_EXTENSION, NO_APPLICATION_PROTOCOL = 50, 70, 100, 110, 120

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


@pytest.mark.parametrize("code", [0, 5, 15, 16, 18, 28, 35, 43, 51, 54, 57, 0x1234, 0xFF02])
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

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR, UNSUPPORTED_EXTENSION}
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
def test_class_17_server_uses_an_explicit_curve(curve_type: int) -> None:
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    parameters = bytes([curve_type]) + b"\x00\x17" + vector(1, b"\x04" + bytes(64))

    peer.say(hello, certificate, peer.key_exchange(parameters=parameters))

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR, HANDSHAKE_FAILURE}
    assert subject.closed


@pytest.mark.parametrize(
    ("suite", "who"), [(keys.ECDHE_RSA_AES_128_GCM_SHA256, "ecdsa"), (keys.ECDHE_ECDSA_AES_128_GCM_SHA256, "rsa")]
)
@pytest.mark.spec("rfc5246:7.4.2/16", "rfc8422:5.3/2", "rfc8422:2.1/1", "rfc8422:2.2/1", "rfc5246:7.4.2/6")
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

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR}
    assert not peer.got(wire.SERVER_HELLO)
    assert subject.closed


@pytest.mark.parametrize("methods", [b"\x01", b"\x01\x40", b"\xff"])
@pytest.mark.spec("rfc5246:7.4.1.2/9")
def test_class_17_client_without_null_compression(methods: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(compression_methods=methods))

    assert peer.fatal in {ILLEGAL_PARAMETER, HANDSHAKE_FAILURE, DECODE_ERROR}
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


@pytest.mark.spec("rfc8422:5.3/3", "rfc8422:5.3/4", "rfc5246:7.4.2/8", "rfc5246:7.4.2/11")
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


# --- 18: key shares ---


def bad_points() -> dict[str, tuple[int, bytes]]:
    off_curve = b"\x04" + (5).to_bytes(32, "big") + (7).to_bytes(32, "big")
    return {
        "X25519 all zero": (keys.X25519, bytes(32)),
        "X25519 of small order": (keys.X25519, b"\x01" + bytes(31)),
        "X25519 of order 8": (
            keys.X25519,
            bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        ),
        "X25519 p": (keys.X25519, bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")),
        "X25519 too short": (keys.X25519, b"\x09" + bytes(30)),
        "X25519 too long": (keys.X25519, b"\x09" + bytes(32)),
        "X25519 empty": (keys.X25519, b""),
        "P-256 off the curve": (keys.P256, off_curve),
        "P-256 all zero": (keys.P256, b"\x04" + bytes(64)),
        "P-256 coordinates too large": (keys.P256, b"\x04" + b"\xff" * 64),
        "P-256 compressed": (keys.P256, keys.Ephemeral(keys.P256).compressed_point),
        "P-256 hybrid": (keys.P256, b"\x06" + keys.Ephemeral(keys.P256).point[1:]),
        "P-256 infinity": (keys.P256, b"\x00"),
        "P-256 too short": (keys.P256, keys.Ephemeral(keys.P256).point[:-1]),
        "P-256 too long": (keys.P256, keys.Ephemeral(keys.P256).point + b"\0"),
        "P-256 of another curve": (keys.P256, keys.Ephemeral(keys.P384).point),
        "P-256 empty": (keys.P256, b""),
    }


POINTS = bad_points()


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.spec("rfc8422:5.11/1", "rfc8422:5.11/2", "rfc8422:5.11/3", "rfc8422:5.10/2", "rfc8422:5.1.2/2")
def test_class_18_bad_point_of_the_server(name: str) -> None:
    group, point = POINTS[name]
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    parameters = b"\x03" + group.to_bytes(2, "big") + vector(1, point)

    peer.say(
        hello, certificate, peer.key_exchange(parameters=parameters), peer.certificate_request(), peer.hello_done()
    )

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR, HANDSHAKE_FAILURE}
    assert not peer.got(wire.CLIENT_KEY_EXCHANGE)
    assert subject.closed


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.spec("rfc8422:5.11/1", "rfc8422:5.11/2", "rfc8422:5.11/3", "rfc8422:5.10/2", "rfc8422:5.1.2/2")
def test_class_18_bad_point_of_the_client(name: str) -> None:
    group, point = POINTS[name]
    peer, subject = face_server(kind="rsa", who=keys.identity("rsa"))
    peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    peer.send_hello(peer.hello(extensions=peer.extensions(groups=vector(2, words([group])))))

    peer.say(peer.certificate(), peer.key_exchange(point=point))

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR, HANDSHAKE_FAILURE}
    assert subject.closed


@BOTH
def test_class_18_key_share_is_fresh_in_every_handshake(role: str) -> None:
    points = set()
    for seed in ("one", "two"):
        peer, _ = connect(role, seed=seed)
        if isinstance(peer, ScriptedClient):
            points.add(peer.server_key_exchange.point)
        else:
            points.add(peer.last(wire.CLIENT_KEY_EXCHANGE).body)

    assert len(points) == 2


@pytest.mark.spec(
    "rfc8422:5.1/2", "rfc8422:5.1.2/3", "rfc8422:5.1.2/5", "rfc8422:4/1", "rfc8422:5.1/1", "rfc8422:5.1.1/1"
)
def test_class_18_client_lists_groups_and_the_uncompressed_format() -> None:
    peer, _ = face_client()
    peer.begin()

    groups = wire.split_words(peer.offered[wire.SUPPORTED_GROUPS][2:])
    assert {keys.X25519, keys.P256} <= set(groups)
    assert peer.offered[wire.EC_POINT_FORMATS] == b"\x01\x00"


@pytest.mark.spec("rfc8422:5.1.2/4")
@pytest.mark.parametrize("formats", [b"\x01\x01", b"\x02\x01\x02", b"\x01\xff"])
def test_class_18_client_without_the_uncompressed_format(formats: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(point_formats=formats)))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


# --- 19: extended master secret and the exporter ---


@pytest.mark.spec("rfc7627:5.2/3", "rfc7627:4/2")
def test_class_19_client_without_extended_master_secret_is_refused() -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(extended_master_secret=None)))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@pytest.mark.spec("rfc7627:5.2/5", "rfc7627:4/2", "rfc5246:7.4.1.2/11")
def test_class_19_server_without_extended_master_secret_is_refused() -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(extended_master_secret=None)))

    assert peer.fatal == HANDSHAKE_FAILURE
    assert subject.closed


@BOTH
@pytest.mark.spec("rfc5705:4/1", "rfc5705:4/2", "rfc5705:4/3", "rfc5705:4/7")
def test_class_19_exporter_tells_an_absent_context_from_an_empty_one(role: str) -> None:
    peer, subject = connect(role)
    seed = peer.client_random + peer.server_random

    absent = subject.export("EXPERIMENTAL test", 40)
    empty = subject.export("EXPERIMENTAL test", 40, b"")
    some = subject.export("EXPERIMENTAL test", 40, b"context")

    assert absent == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed, 40)
    assert empty == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed + b"\0\0", 40)
    assert some == keys.prf("sha256", peer.master, b"EXPERIMENTAL test", seed + b"\0\x07context", 40)


@BOTH
@pytest.mark.parametrize(
    "label", ["client finished", "server finished", "master secret", "key expansion", "extended master secret"]
)
@pytest.mark.spec("rfc5705:6/1")
def test_class_19_exporter_refuses_labels_of_the_handshake(role: str, label: str) -> None:
    _, subject = connect(role)

    with pytest.raises(ValueError, match="exporter"):
        subject.export(label, 32)


@BOTH
def test_class_19_nothing_is_exported_before_finished_is_verified(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    peer.say(*peer.flight())

    with pytest.raises(StateError):
        subject.export("EXTRACTOR-dtls_srtp", 60)


# --- 20: use_srtp ---

GOOD = vector(2, words([1])) + b"\0"


@pytest.mark.parametrize(
    ("name", "data"),
    {
        "not offered": vector(2, words([5])) + b"\0",
        "unknown": vector(2, words([0x4242])) + b"\0",
        "two": vector(2, words([1, 7])) + b"\0",
        "the same twice": vector(2, words([1, 1])) + b"\0",
        "none": vector(2, b"") + b"\0",
        "odd": vector(2, b"\0\1\0") + b"\0",
        "one byte": vector(2, b"\1") + b"\0",
        "without MKI field": vector(2, words([1])),
        "MKI that was not offered": vector(2, words([1])) + b"\x01m",
        "MKI cut off": vector(2, words([1])) + b"\x05m",
        "bytes behind": GOOD + b"\0",
        "empty": b"",
        "length past the end": b"\xff\xff\0\1\0",
    }.items(),
)
@pytest.mark.spec("rfc5764:4.1.1/3", "rfc5764:4.1.1/7", "rfc5764:4.1.3/5", "rfc5764:4.1.3/6")
def test_class_20_answer_to_use_srtp_that_is_wrong(name: str, data: bytes) -> None:
    peer, subject = face_client(srtp=True)
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(use_srtp=data)))

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR}
    assert subject.closed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0",
        vector(2, b"\0\1\0") + b"\0",
        vector(2, words([1])),
        GOOD + b"x",
        vector(2, words([1])) + b"\x05m",
    ],
)
def test_class_20_offer_of_use_srtp_that_is_malformed(data: bytes) -> None:
    peer, subject = face_server(srtp=True, cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(use_srtp=data)))

    assert peer.fatal == DECODE_ERROR
    assert subject.closed


@pytest.mark.spec("rfc5764:4.1.1/2", "rfc5764:4.1.1/3", "rfc5764:4.1.1/4", "rfc5764:4.1.1/1")
def test_class_20_server_answers_one_offered_profile() -> None:
    peer, subject = face_server(srtp=True)
    peer.send_hello(peer.hello(extensions=peer.extensions(use_srtp=vector(2, words([0x4242, 1, 5])) + b"\0")))
    peer.answer()
    client_peer, _ = face_client(srtp=True)
    client_peer.begin()

    assert dict(peer.chosen.extensions or [])[wire.USE_SRTP] == vector(2, words([1])) + b"\0"
    assert subject.connected
    offer = wire.Reader(client_peer.offered[wire.USE_SRTP])
    assert set(wire.split_words(offer.vector(2))) >= {1, 7}
    assert offer.vector(1) == b""


@pytest.mark.spec("rfc5764:4.1.3/4")
def test_class_20_offered_mki_is_answered_by_none() -> None:
    peer, subject = face_server(srtp=True)
    peer.send_hello(peer.hello(extensions=peer.extensions(use_srtp=vector(2, words([1])) + b"\x04mkey")))
    peer.answer()

    assert dict(peer.chosen.extensions or [])[wire.USE_SRTP] == vector(2, words([1])) + b"\0"
    assert subject.connected


@pytest.mark.spec("rfc5764:4.1/1", "rfc5246:7.4.1.4/1")
def test_class_20_server_without_srtp_does_not_answer() -> None:
    peer, subject = face_server(srtp=False)
    peer.send_hello()
    peer.answer()

    assert wire.USE_SRTP not in dict(peer.chosen.extensions or [])
    assert subject.connected


@pytest.mark.spec("rfc5764:4.1.1/5", "rfc5764:4.1.1/6")
def test_class_20_without_a_common_profile_there_is_no_srtp() -> None:
    peer, subject = face_server(srtp=True)
    peer.send_hello(peer.hello(extensions=peer.extensions(use_srtp=vector(2, words([5, 6])) + b"\0")))

    if peer.fatal is None:
        peer.answer()
        assert wire.USE_SRTP not in dict(peer.chosen.extensions or [])
        assert subject.srtp_profile is None
    else:
        assert peer.fatal == HANDSHAKE_FAILURE


@BOTH
@pytest.mark.spec("rfc5764:4.2/1", "rfc5764:4.2/2", "rfc5764:4.2/3")
def test_class_20_keys_are_cut_as_client_key_server_key_client_salt_server_salt(role: str) -> None:
    peer, subject = connect(role, srtp=True)
    material = keys.prf("sha256", peer.master, b"EXTRACTOR-dtls_srtp", peer.client_random + peer.server_random, 60)
    client = material[:16], material[32:46]
    server = material[16:32], material[46:60]

    local, remote = subject.srtp_keys()

    assert (local, remote) == ((client, server) if role == CLIENT else (server, client))


# --- 21: renegotiation and weak suites ---


@pytest.mark.spec("rfc5746:4.4/1", "rfc5746:5/1", "rfc5246:7.2.2/11")
def test_class_21_encrypted_client_hello_is_refused_with_a_warning() -> None:
    peer, subject = face_server()
    peer.shake().forget()

    peer.say(peer.message(wire.CLIENT_HELLO, peer.hello().serialize(), transcript=False))

    assert peer.alerts == [(1, NO_RENEGOTIATION)]
    assert not subject.closed
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


@pytest.mark.spec("rfc5746:4.2/1", "rfc5746:4.2/2", "rfc5246:7.2.2/11")
def test_class_21_hello_request_is_refused_with_a_warning() -> None:
    peer, subject = connect(CLIENT)
    peer.forget()

    peer.say(peer.message(wire.HELLO_REQUEST, b"", transcript=False))

    assert peer.alerts == [(1, NO_RENEGOTIATION)]
    assert not peer.messages[-1:] or peer.messages[-1].msg_type != wire.CLIENT_HELLO
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


@pytest.mark.spec("rfc6347:4.2.8/2")
def test_class_21_plaintext_client_hello_in_a_connection_changes_nothing() -> None:
    peer, subject = face_server()
    peer.shake().forget()

    hello = wire.Message(wire.CLIENT_HELLO, 0, peer.hello(random=bytes(32)).serialize())
    peer.say(hello, epoch=0)
    peer.say(wire.Message(wire.CLIENT_HELLO, peer.message_seq, hello.body), epoch=0)

    assert peer.alerts == []
    assert not subject.closed
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


@pytest.mark.spec(
    "rfc5246:A.5/1",
    "rfc5246:A.5/2",
    "rfc6347:4.1.2.2/1",
    "rfc8422:6/1",
    "rfc5746:3.4/1",
    "rfc5746:3.4/2",
    "rfc5288:4/2",
)
def test_class_21_client_offers_only_forward_secret_aead_suites() -> None:
    peer, _ = face_client()
    peer.begin()

    suites = [suite for suite in peer.client_hello.cipher_suites if suite != 0x00FF]
    assert set(suites) <= set(keys.SUITES)
    assert {keys.ECDHE_ECDSA_AES_128_GCM_SHA256, keys.ECDHE_RSA_AES_128_GCM_SHA256} <= set(suites)
    assert peer.client_hello.compression_methods == b"\0"
    assert (wire.RENEGOTIATION_INFO in peer.offered) != (0x00FF in peer.client_hello.cipher_suites)


@pytest.mark.spec("rfc5746:3.4/3", "rfc5746:3.4/4", "rfc5746:3.2/1")
@pytest.mark.parametrize("data", [b"\x01\x00", b"\x0c" + bytes(12), b"\x18" + bytes(24), b"", b"\x00\x00", b"\x05"])
def test_class_21_server_hello_of_a_renegotiation_is_refused(data: bytes) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(extensions=peer.extensions(renegotiation_info=data)))

    assert peer.fatal in {HANDSHAKE_FAILURE, DECODE_ERROR}
    assert peer.fatal == HANDSHAKE_FAILURE or data in (b"", b"\x00\x00", b"\x05")
    assert subject.closed


@pytest.mark.spec("rfc5746:3.6/2", "rfc5746:3.6/3", "rfc5746:3.2/1")
@pytest.mark.parametrize("data", [b"\x01\x00", b"\x0c" + bytes(12), b"", b"\x00\x00", b"\x05"])
def test_class_21_client_hello_of_a_renegotiation_is_refused(data: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(renegotiation_info=data)))

    assert peer.fatal in {HANDSHAKE_FAILURE, DECODE_ERROR}
    assert peer.fatal == HANDSHAKE_FAILURE or data in (b"", b"\x00\x00", b"\x05")
    assert subject.closed


@pytest.mark.spec("rfc5746:3.6/1", "rfc5746:3.6/2", "rfc5746:3.6/4", "rfc5746:4.3/1")
@pytest.mark.parametrize("by_suite", [False, True])
def test_class_21_renegotiation_info_is_answered_empty(by_suite: bool) -> None:
    peer, subject = face_server()
    hello = peer.hello()
    if by_suite:
        hello = peer.hello(cipher_suites=[0x00FF, peer.suite], extensions=peer.extensions(renegotiation_info=None))

    peer.send_hello(hello)
    peer.answer()

    assert dict(peer.chosen.extensions or [])[wire.RENEGOTIATION_INFO] == b"\0"
    assert subject.connected


def test_class_21_server_without_renegotiation_info_is_accepted() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight(extensions=peer.extensions(renegotiation_info=None)))
    peer.finish()

    assert subject.connected


# --- ALPN, where it is used ---


@pytest.mark.spec("rfc7301:3.2/2", "rfc7301:3.2/1")
def test_alpn_without_a_common_protocol_is_fatal() -> None:
    peer, subject = face_server(alpn=("webrtc",), cookies=False)

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (wire.ALPN, vector(2, vector(1, b"h2")))]))

    assert peer.fatal == NO_APPLICATION_PROTOCOL
    assert subject.closed


@pytest.mark.spec("rfc7301:3.1/5", "rfc7301:3.1/4", "rfc7301:3.2/1", "rfc7301:3.2/3")
def test_alpn_is_chosen_by_the_preference_of_the_server() -> None:
    peer, subject = face_server(alpn=("webrtc", "c-webrtc"))
    names = vector(1, b"h2") + vector(1, b"c-webrtc") + vector(1, b"webrtc")

    peer.send_hello(peer.hello(extensions=[*peer.extensions(), (wire.ALPN, vector(2, names))]))
    peer.answer()

    assert dict(peer.chosen.extensions or [])[wire.ALPN] == vector(2, vector(1, b"webrtc"))
    assert subject.alpn == "webrtc"


@pytest.mark.spec("rfc7301:3.1/6", "rfc7301:3.1/5")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0",
        vector(2, vector(1, b"")),
        vector(2, vector(1, b"h2")),
        vector(2, vector(1, b"webrtc") + vector(1, b"c-webrtc")),
        vector(2, b"\x09webrtc"),
    ],
)
def test_alpn_answer_that_is_wrong_is_fatal(answer: bytes) -> None:
    peer, subject = face_client(alpn=("webrtc", "c-webrtc"))
    peer.begin()

    peer.say(peer.server_hello(extensions=[*peer.extensions(), (wire.ALPN, answer)]))

    assert peer.fatal in {ILLEGAL_PARAMETER, DECODE_ERROR}
    assert subject.closed
