"""Classes 14 to 16: proving who one is, and that nobody changed the handshake."""

import pytest
from cryptography.exceptions import InvalidTag
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.alerts import (
    BAD_CERTIFICATE,
    DECODE_ERROR,
    DECRYPT_ERROR,
    ILLEGAL_PARAMETER,
    UNEXPECTED_MESSAGE,
)
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, connect, face, face_client, face_server
from tests.dtls.conformance.wire import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Message

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


def greeted(*, require_certificate: bool = True) -> tuple[ScriptedClient, Watched]:
    """A scripted client that has the server's hello flight."""
    peer, subject = face_server(require_certificate=require_certificate)
    peer.send_hello()
    assert peer.got(wire.SERVER_HELLO_DONE)
    return peer, subject


def opened(role: str) -> tuple[ScriptedClient | ScriptedServer, Watched]:
    """A scripted peer in whose turn it is to send its flight."""
    peer, subject = face(role)
    peer.open()
    return peer, subject


# --- 14: certificates and the proof of their keys ---


@pytest.mark.spec("rfc5246:7.4/1", "rfc5246:7.4.8/1")
def test_class_14_client_certificate_without_certificate_verify_is_fatal() -> None:
    peer, subject = greeted()

    peer.say(peer.certificate(), peer.key_exchange())
    peer.finish()

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected
    assert not peer.got(wire.FINISHED)


def test_class_14_finished_without_certificate_is_fatal() -> None:
    peer, subject = greeted()

    peer.say(peer.key_exchange())
    peer.finish()

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected


def test_class_14_certificate_verify_without_certificate_is_fatal() -> None:
    peer, subject = greeted()

    peer.say(peer.key_exchange(), peer.certificate_verify())
    peer.finish()

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected


@pytest.mark.spec("rfc8122:6.2/3", "rfc5246:7.4.6/2", "rfc8422:3/1")
def test_class_14_empty_certificate_is_fatal_where_one_is_required() -> None:
    peer, subject = greeted()

    peer.say(peer.certificate([]), peer.key_exchange())
    peer.finish()

    assert peer.fatal == BAD_CERTIFICATE
    assert not subject.connected


def test_class_14_certificate_verify_after_an_empty_certificate_is_fatal() -> None:
    peer, subject = greeted(require_certificate=False)

    peer.say(peer.certificate([]), peer.key_exchange(), peer.certificate_verify())
    peer.finish()

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected


@pytest.mark.parametrize("claimed", [keys.ECDSA_SHA1, keys.RSA_PKCS1_SHA1, 0x0101, 0x0000, 0x0402, 0x0708, 0xFFFF])
@pytest.mark.spec("rfc5246:7.4.8/2", "rfc8422:5.10/4")
def test_class_14_certificate_verify_with_an_algorithm_that_was_not_requested_is_fatal(claimed: int) -> None:
    peer, subject = greeted()

    peer.say(peer.certificate(), peer.key_exchange(), peer.certificate_verify(claimed=claimed))
    peer.finish()

    assert peer.fatal == ILLEGAL_PARAMETER
    assert not subject.connected


@pytest.mark.parametrize(
    ("who", "claimed"), [("ecdsa", keys.RSA_PKCS1_SHA256), ("ecdsa", keys.RSA_PSS_SHA256), ("rsa", keys.ECDSA_SHA256)]
)
@pytest.mark.spec("rfc5246:7.4.8/3")
def test_class_14_certificate_verify_with_an_algorithm_of_another_key_type_is_fatal(who: str, claimed: int) -> None:
    peer, subject = face_server(who=keys.identity(who))
    peer.send_hello()

    peer.say(peer.certificate(), peer.key_exchange(), peer.certificate_verify(claimed=claimed))
    peer.finish()

    assert peer.fatal == ILLEGAL_PARAMETER
    assert not subject.connected


@pytest.mark.spec("rfc5246:7.4.8/5", "rfc8422:5.8/1")
def test_class_14_certificate_verify_by_another_key_is_fatal() -> None:
    peer, subject = greeted()

    peer.say(peer.certificate(), peer.key_exchange(), peer.certificate_verify(signer=keys.identity("ecdsa", "another")))
    peer.finish()

    assert peer.fatal == DECRYPT_ERROR
    assert not subject.connected


@pytest.mark.parametrize(
    "signature", [b"", b"\0", bytes(64), b"\x30\x06\x02\x01\x00\x02\x01\x00", b"\x30\x80" + bytes(70), bytes(2000)]
)
def test_class_14_certificate_verify_that_is_no_signature_is_fatal(signature: bytes) -> None:
    peer, subject = greeted()

    peer.say(peer.certificate(), peer.key_exchange(), peer.certificate_verify(signature=signature))
    peer.finish()

    assert peer.fatal == DECRYPT_ERROR
    assert not subject.connected


def test_class_14_certificate_verify_over_another_transcript_is_fatal() -> None:
    peer, _subject = greeted()

    certificate = peer.certificate()
    early = peer.who.sign(peer.who.algorithm, peer.transcript)
    peer.say(certificate, peer.key_exchange(), peer.certificate_verify(signature=early))
    peer.finish()

    assert peer.fatal == DECRYPT_ERROR


def test_class_14_second_certificate_verify_is_fatal() -> None:
    peer, subject = greeted()

    peer.say(peer.certificate(), peer.key_exchange(), peer.certificate_verify(), peer.certificate_verify())
    peer.finish()

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected


@pytest.mark.spec("rfc5246:7.4.7/1")
def test_class_14_second_certificate_or_another_order_is_fatal() -> None:
    peer, subject = greeted()
    peer.say(peer.certificate(), peer.certificate())
    other, other_subject = greeted()
    other.say(other.key_exchange(), other.certificate())

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert other.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected
    assert not other_subject.connected


def test_class_14_server_certificate_may_not_be_empty() -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(), peer.certificate([]))

    assert peer.fatal == DECODE_ERROR
    assert subject.closed


@pytest.mark.parametrize("claimed", [keys.ECDSA_SHA1, 0x0000, 0x0402, 0xFFFF])
@pytest.mark.spec("rfc5246:7.4.3/4", "rfc5246:7.4.3/8")
def test_class_14_key_exchange_signed_with_an_algorithm_that_was_not_offered_is_fatal(claimed: int) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(), peer.certificate(), peer.key_exchange(claimed=claimed))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.3/6", "rfc8422:5.9/4")
def test_class_14_key_exchange_signed_with_an_algorithm_of_another_key_type_is_fatal() -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(), peer.certificate(), peer.key_exchange(claimed=keys.RSA_PKCS1_SHA256))

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4.3/3", "rfc8422:5.4/4", "rfc8422:2.1/2")
def test_class_14_key_exchange_signed_by_another_key_is_fatal() -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(peer.server_hello(), peer.certificate(), peer.key_exchange(signer=keys.identity("ecdsa", "another")))

    assert peer.fatal == DECRYPT_ERROR
    assert subject.closed


def test_class_14_key_exchange_signature_covers_both_randoms() -> None:
    peer, subject = face_client()
    peer.begin()
    hello, certificate = peer.server_hello(), peer.certificate()
    peer.client_random, kept = bytes(32), peer.client_random
    exchange = peer.key_exchange()
    peer.client_random = kept

    peer.say(hello, certificate, exchange)

    assert peer.fatal == DECRYPT_ERROR
    assert subject.closed


# --- 15: Finished ---


@BOTH
@pytest.mark.parametrize("verify_data", [bytes(12), b"\xff" * 12])
@pytest.mark.spec("rfc5246:7.4.9/1", "rfc5246:7.2.2/3")
def test_class_15_wrong_finished_is_fatal(role: str, verify_data: bytes) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())

    peer.send(peer.change_cipher_spec())
    peer.say(peer.finished(verify_data=verify_data))

    assert peer.fatal == DECRYPT_ERROR
    assert not subject.connected
    assert subject.closed


@BOTH
@pytest.mark.parametrize("length", [0, 1, 11, 13, 36])
@pytest.mark.spec("rfc5246:7.4.9/5", "rfc5246:7.4.1.2/13")
def test_class_15_finished_of_another_length_is_fatal(role: str, length: int) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())

    peer.send(peer.change_cipher_spec())
    label = b"client finished" if role == SERVER else b"server finished"
    peer.say(peer.finished(verify_data=(peer.verify_data(label) + bytes(24))[:length]))

    assert peer.fatal == DECODE_ERROR
    assert not subject.connected


@BOTH
def test_class_15_finished_with_one_bit_wrong_is_fatal(role: str) -> None:
    for position in (0, 5, 11):
        peer, subject = opened(role)
        peer.say(*peer.flight())
        right = bytearray(peer.verify_data(b"client finished" if role == SERVER else b"server finished"))
        right[position] ^= 1

        peer.send(peer.change_cipher_spec())
        peer.say(peer.finished(verify_data=bytes(right)))

        assert peer.fatal == DECRYPT_ERROR
        assert not subject.connected


def test_class_15_finished_of_the_other_side_reflected_is_fatal() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(*peer.flight())
    reflected = peer.last(wire.FINISHED).body

    peer.send(peer.change_cipher_spec())
    peer.say(peer.finished(verify_data=reflected))

    assert peer.fatal == DECRYPT_ERROR
    assert not subject.connected


@BOTH
def test_class_15_plaintext_finished_never_completes(role: str) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())

    peer.send(peer.change_cipher_spec())
    peer.say(peer.finished(), epoch=0)

    assert not subject.connected
    assert not peer.got(wire.FINISHED) or role == CLIENT


@BOTH
@pytest.mark.parametrize("fragment", [None, b"", b"\x00", b"\x02", b"\x01\x01", bytes(100)])
@pytest.mark.spec("rfc5246:7.4.9/6", "rfc5246:7.1/4")
def test_class_15_change_cipher_spec_decides_nothing(role: str, fragment: bytes | None) -> None:
    """Anybody can forge or swallow it. What counts is that Finished opens with the new keys and is right."""
    peer, subject = opened(role)
    peer.say(*peer.flight())

    peer.epoch = 1
    if fragment is not None:
        peer.send(peer.record(CHANGE_CIPHER_SPEC, fragment, epoch=0))
        assert not subject.connected
    peer.say(peer.finished())

    assert subject.connected
    assert not subject.closed


@BOTH
def test_class_15_change_cipher_spec_before_keys_is_not_obeyed(role: str) -> None:
    peer, subject = face(role)
    peer.send(peer.record(CHANGE_CIPHER_SPEC, b"\x01", epoch=0))
    peer.open()
    peer.send(peer.record(CHANGE_CIPHER_SPEC, b"\x01", epoch=0))

    assert not subject.connected
    peer.say(*peer.flight())
    peer.finish()
    assert subject.connected


@BOTH
@pytest.mark.spec("rfc6347:4.2.4/8", "rfc6347:4.1/10")
def test_class_15_data_before_finished_is_not_delivered_before_it(role: str) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())

    peer.send(peer.change_cipher_spec())
    early = peer.send_data(b"early")
    assert subject.received == []
    assert not subject.connected
    peer.say(peer.finished())
    peer.send_data(b"in time")
    peer.deliver(early)

    assert subject.connected
    assert subject.received[-1:] == [b"in time"]
    assert subject.received.count(b"early") <= 1


@BOTH
def test_class_15_data_in_the_datagram_of_finished_is_delivered_after_it(role: str) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())

    change = peer.change_cipher_spec()
    finished = peer.record(HANDSHAKE, peer.finished().serialize())
    peer.send(change, finished, peer.record(APPLICATION_DATA, b"at once"))

    assert subject.received == [b"at once"]


@BOTH
@pytest.mark.parametrize("msg_type", [2, 4, 11, 12, 13, 14, 15, 16, 20, 22, 24, 99])
def test_class_15_handshake_message_of_the_peer_after_finished_is_fatal(role: str, msg_type: int) -> None:
    peer, subject = connect(role)

    peer.say(peer.message(msg_type, bytes(40), transcript=False))

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert subject.closed


@BOTH
def test_class_15_plaintext_kept_for_after_finished_is_forgotten(role: str) -> None:
    """What came without protection may be anybody's, so it must not end what has been proven since."""
    peer, subject = face(role, cookies=False)
    peer.open()
    after_finished = {SERVER: 5, CLIENT: 6}[role]
    forged = Message(wire.CERTIFICATE, after_finished, bytes(40))
    peer.deliver(wire.Record(HANDSHAKE, forged.serialize(), 0, 900).serialize())

    peer.say(*peer.flight())
    peer.finish()
    peer.send_data(b"still here")

    assert not subject.closed
    assert subject.received == [b"still here"]


# --- 16: the transcript ---


@BOTH
@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.spec(
    "rfc6347:4.2.6/1",
    "rfc6347:4.2.6/2",
    "rfc5246:7.4.9/2",
    "rfc5246:5/3",
    "rfc5246:5/4",
    "rfc7627:4/1",
    "rfc7627:5.1/1",
    "rfc5246:8.1/1",
)
def test_class_16_handshake_completes_with_an_independent_transcript(role: str, suite: int) -> None:
    peer, subject = connect(role, suite=suite)

    peer.send_data(b"there")
    subject.send(b"and back")
    peer.pump()

    assert peer.extended
    assert subject.received == [b"there"]
    assert peer.data == [b"and back"]


@pytest.mark.spec("rfc6347:4.2.1/21", "rfc6347:4.2.6/3")
def test_class_16_first_hello_and_verify_request_are_not_in_the_transcript() -> None:
    peer, subject = face_server(cookies=True)
    peer.shake()
    other, other_subject = face_client()
    other.begin()
    other.say(other.verify_request())
    other.say(*other.flight())
    other.finish()

    assert peer.got(wire.HELLO_VERIFY_REQUEST)
    assert subject.connected
    assert len(other.hellos) == 2
    assert other_subject.connected


def test_class_16_changed_hello_changes_the_keys() -> None:
    """A man in the middle who strikes a suite out of the offer is found out."""
    peer, _subject = face_client()
    peer.begin()
    hello = peer.client_hello
    peer.transcript = Message(wire.CLIENT_HELLO, 0, hello.serialize()[:-1] + b"\x55").serialize()
    flight = peer.flight(request=False)
    peer.say(*flight[:-1])

    with pytest.raises(InvalidTag):  # the extended master secret depends on the transcript: not even the keys agree
        peer.say(flight[-1])


@BOTH
def test_class_15_plaintext_finished_does_not_block_the_genuine_one(role: str) -> None:
    peer, subject = opened(role)
    sequence = peer.sequences[0] + 50
    for seq in range(8):
        fragment = Message(wire.FINISHED, seq, bytes(12)).serialize()
        if seq >= peer.message_seq + (3 if role == SERVER else 5):
            peer.deliver(wire.Record(HANDSHAKE, fragment, 0, sequence + seq).serialize())
    peer.say(*peer.flight())

    peer.finish()

    assert subject.connected


@BOTH
def test_class_15_plaintext_does_not_mix_with_what_came_protected(role: str) -> None:
    peer, subject = opened(role)
    peer.say(*peer.flight())
    peer.send(peer.change_cipher_spec())
    first, second = peer.finished().cut(6)
    peer.send(peer.record(HANDSHAKE, first.serialize()))

    forged = wire.Fragment(wire.CERTIFICATE, first.message_seq, bytes(6), 6, 12)
    peer.send(peer.record(HANDSHAKE, forged.serialize(), epoch=0))
    peer.send(peer.record(HANDSHAKE, second.serialize()))

    assert subject.dropped["handshake_mixed_epochs"] == 1
    assert subject.connected


@BOTH
@pytest.mark.spec("rfc5246:7.4/1")
def test_class_15_handshake_message_under_keys_before_finished_is_fatal(role: str) -> None:
    """Only Finished is protected; another message in its place has no business there."""
    peer, subject = opened(role)
    if isinstance(peer, ScriptedClient):
        messages = [peer.certificate(), peer.key_exchange()]
        late = peer.certificate_verify()
    else:
        messages = peer.flight()
        late = peer.message(wire.SERVER_HELLO_DONE, b"", transcript=False)

    peer.say(*messages)
    peer.say(late, epoch=1)

    assert peer.fatal == UNEXPECTED_MESSAGE
    assert not subject.connected
