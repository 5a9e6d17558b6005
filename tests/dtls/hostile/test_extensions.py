"""Classes 20 and 21: use_srtp, renegotiation, weak suites, and ALPN."""

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.alerts import (
    DECODE_ERROR,
    HANDSHAKE_FAILURE,
    ILLEGAL_PARAMETER,
    NO_APPLICATION_PROTOCOL,
    NO_RENEGOTIATION,
)
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face_client, face_server
from tests.dtls.conformance.wire import vector, words

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

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
@pytest.mark.spec("rfc8827:6.5/8")
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

    client_peer, _ = face_client(srtp=False)
    client_peer.begin()

    assert wire.USE_SRTP not in dict(peer.chosen.extensions or [])
    assert wire.USE_SRTP not in client_peer.offered
    assert subject.connected


@pytest.mark.spec("rfc5764:4.1.1/5", "rfc5764:4.1.1/6")
def test_class_20_without_a_common_profile_there_is_no_srtp() -> None:
    peer, subject = face_server(srtp=True)
    peer.send_hello(peer.hello(extensions=peer.extensions(use_srtp=vector(2, words([5, 6])) + b"\0")))

    peer.answer()

    assert wire.USE_SRTP not in dict(peer.chosen.extensions or [])
    assert subject.srtp_profile is None


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


@pytest.mark.spec("rfc5746:4.4/1", "rfc5746:5/1", "rfc5246:7.2.2/11", "rfc8827:6.5/14")
def test_class_21_encrypted_client_hello_is_refused_with_a_warning() -> None:
    peer, subject = face_server()
    peer.shake().forget()

    peer.say(peer.message(wire.CLIENT_HELLO, peer.hello().serialize(), transcript=False))

    assert peer.alerts == [(1, NO_RENEGOTIATION)]
    assert not subject.closed
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


def test_class_21_answers_to_attempts_at_renegotiation_are_bounded() -> None:
    peer, subject = connect(SERVER)
    hello = wire.Message(wire.CLIENT_HELLO, peer.message_seq, bytes(40)).serialize()

    for _ in range(100):
        subject.receive_datagram(peer.record(wire.HANDSHAKE, hello).serialize(), 0.0)
    peer.pump()

    assert peer.alerts == [(1, 100)] * 4
    assert subject.dropped["renegotiation_refused"] == 100
    assert not subject.closed


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
    "rfc8827:6.5/12",
    "rfc8827:6.5/13",
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

    assert peer.fatal == (DECODE_ERROR if data in (b"", b"\x00\x00", b"\x05") else HANDSHAKE_FAILURE)
    assert subject.closed


@pytest.mark.spec("rfc5746:3.6/2", "rfc5746:3.6/3", "rfc5746:3.2/1")
@pytest.mark.parametrize("data", [b"\x01\x00", b"\x0c" + bytes(12), b"", b"\x00\x00", b"\x05"])
def test_class_21_client_hello_of_a_renegotiation_is_refused(data: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.send_hello(peer.hello(extensions=peer.extensions(renegotiation_info=data)))

    assert peer.fatal == (DECODE_ERROR if data in (b"", b"\x00\x00", b"\x05") else HANDSHAKE_FAILURE)
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
