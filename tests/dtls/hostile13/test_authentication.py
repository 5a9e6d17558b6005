"""Classes 14 to 16, 19 and 29 in DTLS 1.3: certificates, proofs, Finished, exporters."""

import pickle
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.dtls.ends import certificate
from tests.dtls.hostile13.puppet import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    CLIENT,
    FINISHED,
    SERVER,
    Puppet,
    changing,
    doubling,
    leaving_out,
    stage,
)

from rtc_dtls import (
    AlertDescription,
    ApplicationDataReceived,
    Certificate,
    ConnectionState,
    Fingerprint,
    Role,
    StateError,
)
from rtc_dtls.certificate_messages import CertificateVerify
from rtc_dtls.certificate_messages13 import CertificateMessage13
from rtc_dtls.handshake import HandshakeMessage
from rtc_dtls.presentation import vector
from rtc_dtls.record import ContentType

BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE, DECRYPT_ERROR, DECODE_ERROR, BAD_CERTIFICATE = 47, 10, 51, 50, 42
CERTIFICATE_REQUIRED, UNSUPPORTED_CERTIFICATE, MISSING_EXTENSION = 116, 43, 109


def of_puppet(role: Role) -> Certificate:
    """The puppet's certificate."""
    return SERVER if role is Role.CLIENT else CLIENT


# --- 14: the proof of the key ---


@BOTH
def test_class_14_certificate_without_the_proof_is_fatal(role: Role) -> None:
    puppet = Puppet(role, leaving_out(CERTIFICATE_VERIFY)).connect()

    assert puppet.alert == UNEXPECTED_MESSAGE
    assert not puppet.is_connected


@BOTH
def test_class_14_finished_without_a_certificate_is_fatal(role: Role) -> None:
    puppet = Puppet(
        role, lambda kind, body: () if kind in (CERTIFICATE, CERTIFICATE_VERIFY) else ((kind, body),)
    ).connect()

    assert puppet.alert == UNEXPECTED_MESSAGE
    assert not puppet.is_connected


@BOTH
def test_class_14_proof_without_a_certificate_is_fatal(role: Role) -> None:
    puppet = Puppet(role, leaving_out(CERTIFICATE)).connect()

    assert puppet.alert == UNEXPECTED_MESSAGE


@BOTH
@pytest.mark.spec("rfc8446:4.4.2/5")
def test_class_14_empty_certificate_is_fatal(role: Role) -> None:
    puppet = Puppet(role, changing(CERTIFICATE, lambda _: bytes(CertificateMessage13(chain=())))).connect()

    assert puppet.alert == (CERTIFICATE_REQUIRED if role is Role.SERVER else DECODE_ERROR)


@BOTH
@pytest.mark.parametrize("message", [CERTIFICATE, CERTIFICATE_VERIFY])
def test_class_14_message_that_comes_twice_is_fatal(role: Role, message: int) -> None:
    puppet = Puppet(role, doubling(message)).connect()

    assert puppet.alert == UNEXPECTED_MESSAGE


@BOTH
@pytest.mark.parametrize("claimed", [0x0401, 0x0503, 0x0603, 0x0203, 0x0804, 0x0807, 0x0000, 0xFFFF])
@pytest.mark.spec("rfc8446:4.4.3/3", "rfc8446:4.2.3/2")
def test_class_14_algorithm_that_was_not_offered_or_does_not_fit_the_key_is_fatal(role: Role, claimed: int) -> None:
    puppet = Puppet(role, changing(CERTIFICATE_VERIFY, lambda body: claimed.to_bytes(2, "big") + body[2:])).connect()

    assert puppet.alert == ILLEGAL_PARAMETER
    assert not puppet.is_connected


@BOTH
@pytest.mark.spec("rfc8446:4.2.3/2")
def test_class_14_rsa_signature_of_the_older_kind_is_fatal(role: Role) -> None:
    """PKCS#1 is for certificates alone in DTLS 1.3."""
    other = certificate("rsa-2048", "puppet")
    certificates = (CLIENT, other) if role is Role.CLIENT else (other, SERVER)

    puppet = Puppet(role, changing(CERTIFICATE_VERIFY, lambda body: b"\x04\x01" + body[2:]), certificates=certificates)

    assert puppet.connect().alert == ILLEGAL_PARAMETER


@BOTH
@pytest.mark.spec("rfc8446:4.4.3/4")
def test_class_14_proof_by_another_key_is_fatal(role: Role) -> None:
    def other(_: bytes) -> bytes:
        signature = certificate(who="another").sign(0x0403, b"whatever")
        return bytes(CertificateVerify(signature_algorithm=0x0403, signature=signature))

    puppet = Puppet(role, changing(CERTIFICATE_VERIFY, other)).connect()

    assert puppet.alert == DECRYPT_ERROR


@BOTH
def test_class_14_proof_in_the_words_of_the_other_side_is_fatal(role: Role) -> None:
    """The context string says whose proof it is: one of a client does not count as that of a server."""
    words = {Role.CLIENT: b"TLS 1.3, server CertificateVerify\0", Role.SERVER: b"TLS 1.3, client CertificateVerify\0"}
    genuine = of_puppet(role)
    swapped: list[bytes] = []

    class Swapping(Certificate):
        """Signs what the other side would have signed."""

        def sign(self, scheme: int, message: bytes) -> bytes:
            mine, theirs = words[role], words[Role.SERVER if role is Role.CLIENT else Role.CLIENT]
            swapped.append(message.replace(mine, theirs))
            assert swapped[-1] != message
            return super().sign(scheme, swapped[-1])

    puppet = Puppet(role, puppet={"certificate": Swapping(genuine.chain, genuine._private_key)}).connect()

    assert len(swapped) == 1
    assert puppet.alert == DECRYPT_ERROR


@BOTH
@pytest.mark.parametrize("signature", [b"", b"\0", bytes(70), b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_class_14_proof_that_is_no_signature_is_fatal(role: Role, signature: bytes) -> None:
    puppet = Puppet(
        role,
        changing(
            CERTIFICATE_VERIFY, lambda _: bytes(CertificateVerify(signature_algorithm=0x0403, signature=signature))
        ),
    ).connect()

    assert puppet.alert == DECRYPT_ERROR


@pytest.mark.parametrize(
    ("change", "alert"),
    [(lambda body: b"\x01x" + body[1:], ILLEGAL_PARAMETER), (lambda _: bytes(3), MISSING_EXTENSION)],
    ids=["context", "no algorithms"],
)
def test_class_14_request_with_a_context_or_without_algorithms_is_fatal(
    change: Callable[[bytes], bytes], alert: int
) -> None:
    puppet = Puppet(Role.CLIENT, changing(CERTIFICATE_REQUEST, change)).connect()

    assert puppet.alert == alert


@BOTH
def test_class_14_answer_to_a_request_that_was_not_made_is_fatal(role: Role) -> None:
    puppet = Puppet(role, changing(CERTIFICATE, lambda body: b"\x01x" + body[1:])).connect()

    assert puppet.alert == ILLEGAL_PARAMETER


# --- 15: Finished ---


@BOTH
def test_class_15_second_finished_is_dropped(role: Role) -> None:
    puppet = Puppet(role, doubling(FINISHED)).connect()

    assert puppet.is_connected
    assert puppet.alert is None
    assert sum(puppet.dropped.values()) >= 1


@BOTH
@pytest.mark.parametrize("length", [0, 1, 12, 31, 33, 48])
def test_class_15_finished_of_another_length_is_fatal(role: Role, length: int) -> None:
    puppet = Puppet(role, changing(FINISHED, lambda body: (body * 2)[:length])).connect()

    assert puppet.alert in (DECODE_ERROR, DECRYPT_ERROR)
    assert not puppet.is_connected


@BOTH
@pytest.mark.parametrize("bit", [0, 7, 100, 255])
@pytest.mark.spec("rfc8446:4.4.4/1")
def test_class_15_finished_with_one_bit_changed_is_fatal(role: Role, bit: int) -> None:
    puppet = Puppet(
        role,
        changing(FINISHED, lambda body: (int.from_bytes(body, "big") ^ 1 << bit).to_bytes(32, "big")),
    ).connect()

    assert puppet.alert == DECRYPT_ERROR


def test_class_15_finished_of_the_other_side_is_fatal() -> None:
    """The server's own Finished comes back to it."""
    reflected: list[bytes] = []

    def tamper(kind: int, body: bytes) -> tuple[tuple[int, bytes], ...]:
        return ((kind, reflected[0] if kind == FINISHED else body),)

    puppet = Puppet(Role.SERVER, tamper)
    puppet.ends.client.start(0.0)
    puppet.ends.server.receive_datagrams(puppet.ends.client.datagrams_to_send(0.0), 0.0)
    flight = puppet.subject._context.layer._flight
    reflected += [item.body for item in flight if isinstance(item, HandshakeMessage) and item.message_type == FINISHED]
    with puppet.tampering():
        puppet.ends.carry()

    assert len(reflected) == 1
    assert puppet.alert == DECRYPT_ERROR


@BOTH
def test_class_15_early_finished_is_fatal(role: Role) -> None:
    here = stage(role, "certificate")
    finished = stage(role, "finished").message

    puppet = here.feed(HandshakeMessage(FINISHED, here.message.message_seq, finished.body, 2))

    assert puppet.subject.state is ConnectionState.FAILED


@pytest.mark.spec("rfc9147:5.8.1/5")
def test_class_15_data_before_finished_are_not_delivered() -> None:
    here = stage(Role.CLIENT, "proof")
    puppet: Puppet = pickle.loads(here.state)
    record = puppet.puppet._context.records.seal(ContentType.APPLICATION_DATA, b"early", 3)

    puppet.subject.receive_datagram(record, 0.0)

    assert not any(isinstance(event, ApplicationDataReceived) for event in puppet.subject.events())
    assert puppet.subject.state is ConnectionState.HANDSHAKING


@BOTH
@pytest.mark.parametrize("name", ["proof", "finished", None])
@pytest.mark.spec("rfc8446:4.4.4/2", "rfc9147:6.1/2")
def test_class_15_data_under_the_keys_of_the_handshake_are_fatal(role: Role, name: str | None) -> None:
    puppet: Puppet = pickle.loads(stage(role, name).state) if name else Puppet(role).connect()
    record = puppet.puppet._context.records.seal(ContentType.APPLICATION_DATA, b"early", 2)

    puppet.deliver(record)

    assert puppet.received == []
    assert puppet.alert == AlertDescription.UNEXPECTED_MESSAGE


@BOTH
@pytest.mark.parametrize("kind", [0, 1, 2, 8, 11, 12, 13, 14, 15, 16, 20, 254])
def test_class_15_messages_of_the_handshake_after_finished_are_fatal(role: Role, kind: int) -> None:
    puppet = Puppet(role).connect()
    number = puppet.puppet._context.layer._next_send_seq

    puppet.deliver(puppet.seal(22, bytes(HandshakeMessage(kind, number, bytes(32), 3))))

    assert puppet.alert == UNEXPECTED_MESSAGE or (kind == 0 and puppet.alert is None)


# --- 16: the transcript ---


@BOTH
@pytest.mark.parametrize("at", [27, 40, 60, 100])
def test_class_16_changed_hello_ends_the_handshake(role: Role, at: int) -> None:
    """A man in the middle changes one byte of what the puppet says: the keys of the two are not the same any more."""
    puppet = Puppet(role)
    ends = puppet.ends
    ends.client.start(0.0)
    source, target = puppet.puppet, puppet.subject
    for _ in range(6):
        for datagram in target.datagrams_to_send(0.0):
            source.receive_datagram(datagram, 0.0)
        for datagram in source.datagrams_to_send(0.0):
            changed = datagram[:at] + bytes([datagram[at] ^ 1]) + datagram[at + 1 :] if datagram[0] == 22 else datagram
            target.receive_datagram(changed, 0.0)
    ends.carry()

    assert ConnectionState.CONNECTED not in (ends.client.state, ends.server.state)


# --- 19: exporters ---


@BOTH
@pytest.mark.parametrize("name", ["certificate", "proof", "finished"])
def test_class_19_nothing_is_exported_before_the_peer_is_verified(role: Role, name: str) -> None:
    puppet: Puppet = pickle.loads(stage(role, name).state)

    with pytest.raises(StateError):
        puppet.subject.export_keying_material("EXPERIMENTAL", 32)


@BOTH
def test_class_19_nothing_is_exported_for_an_unverified_peer(role: Role) -> None:
    puppet = Puppet(role, subject={"remote_fingerprints": None}).connect()
    assert puppet.subject.state is ConnectionState.UNVERIFIED

    with pytest.raises(StateError):
        puppet.subject.export_keying_material("EXPERIMENTAL", 32)


def test_class_19_absent_and_empty_context_are_the_same_in_1_3() -> None:
    puppet = Puppet(Role.CLIENT).connect()

    for end in (puppet.subject, puppet.puppet):
        assert end.export_keying_material("EXPERIMENTAL", 32) == end.export_keying_material("EXPERIMENTAL", 32, b"")
    assert puppet.subject.export_keying_material("EXPERIMENTAL", 32) != puppet.subject.export_keying_material(
        "EXPERIMENTAL", 32, b"x"
    )


# --- 27: fingerprints ---


@BOTH
def test_class_27_wrong_fingerprint_is_bad_certificate_in_1_3(role: Role) -> None:
    wrong = Fingerprint(algorithm="sha-256", digest=bytes(32))

    puppet = Puppet(role, subject={"remote_fingerprints": (wrong,)}).connect()

    assert puppet.alert == BAD_CERTIFICATE
    assert not puppet.is_connected


@BOTH
def test_class_27_data_wait_for_the_fingerprint_in_1_3(role: Role) -> None:
    puppet = Puppet(role, subject={"remote_fingerprints": None}).connect()
    puppet.puppet.send(b"early")
    puppet.ends.carry()
    assert puppet.received == []

    puppet.subject.set_remote_fingerprints((of_puppet(role).fingerprint(),), puppet.ends.now)
    puppet.ends.carry()

    assert puppet.received == [b"early"]


# --- 29: odd certificates ---


def entries(*certificates: bytes) -> bytes:
    """A Certificate message with these, whatever they are."""
    return b"\0" + vector(3, b"".join(vector(3, each) + b"\0\0" for each in certificates))


@BOTH
@pytest.mark.parametrize(
    "der", [b"\0", b"nonsense", bytes(5000), b"\x30\x80" + bytes(100)], ids=["byte", "words", "zeros", "endless"]
)
def test_class_29_garbage_instead_of_a_certificate_is_fatal_in_1_3(role: Role, der: bytes) -> None:
    puppet = Puppet(
        role,
        changing(CERTIFICATE, lambda _: entries(der)),
        subject={"remote_fingerprints": (Fingerprint.of(der),)},
    ).connect()

    assert puppet.alert in (BAD_CERTIFICATE, UNSUPPORTED_CERTIFICATE, DECODE_ERROR)


@BOTH
@pytest.mark.parametrize("count", [1, 16, 17, 200])
def test_class_29_number_of_certificates_is_bounded_in_1_3(role: Role, count: int) -> None:
    genuine = of_puppet(role).chain[0]

    puppet = Puppet(role, changing(CERTIFICATE, lambda _: entries(genuine, *[b"x"] * (count - 1)))).connect()

    assert puppet.is_connected is (count <= 16)


@BOTH
def test_class_29_chain_is_handed_over_as_it_came_in_1_3(role: Role) -> None:
    genuine, other = of_puppet(role).chain[0], certificate(who="other").chain[0]

    puppet = Puppet(role, changing(CERTIFICATE, lambda _: entries(genuine, other))).connect()

    assert puppet.subject.peer_certificates == (genuine, other)
    assert x509.load_der_x509_certificate(puppet.subject.peer_certificates[0]).public_bytes(Encoding.DER) == genuine


@BOTH
def test_class_29_proof_has_to_be_of_the_first_certificate(role: Role) -> None:
    genuine, other = of_puppet(role).chain[0], certificate(who="other").chain[0]
    puppet = Puppet(
        role,
        changing(CERTIFICATE, lambda _: entries(other, genuine)),
        subject={"remote_fingerprints": (Fingerprint.of(other),)},
    ).connect()

    assert puppet.alert == DECRYPT_ERROR
