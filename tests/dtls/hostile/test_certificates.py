"""Class 29: odd certificates. WebRTC compares fingerprints; what stands in the certificate may be anything."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.alerts import BAD_CERTIFICATE, ILLEGAL_PARAMETER
from tests.dtls.conformance.keys import Identity
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, face, face_server, fingerprint
from tests.dtls.ends import config12
from tests.support.rng import SeededRng

from rtc_dtls import DtlsConnection, Role

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


def certificate(**changes: object) -> Identity:
    key = changes.pop("key", None) or keys.identity().key
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    values: dict[str, object] = {
        "subject": x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")]),
        "serial": 1,
        "from": datetime(2026, 1, 1, tzinfo=UTC),
        "to": datetime(2036, 1, 1, tzinfo=UTC),
    }
    values.update(changes)
    builder = x509.CertificateBuilder()
    builder = builder.subject_name(values["subject"]).issuer_name(values["subject"]).public_key(key.public_key())  # type: ignore[arg-type]
    builder = builder.serial_number(values["serial"])  # type: ignore[arg-type]
    builder = builder.not_valid_before(values["from"]).not_valid_after(values["to"])  # type: ignore[arg-type]
    return Identity(key, builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def patched(old: bytes, new: bytes) -> Identity:
    """An identity with bytes of its certificate replaced; the self-signature no longer fits, and nobody looks at it."""
    made = certificate()
    assert old in made.certificate
    assert len(old) == len(new)
    return Identity(made.key, made.certificate.replace(old, new))


ODD = {
    "expired": lambda: certificate(
        **{"from": datetime(1990, 1, 1, tzinfo=UTC), "to": datetime(1991, 1, 1, tzinfo=UTC)}
    ),
    "not yet valid": lambda: certificate(
        **{"from": datetime(2080, 1, 1, tzinfo=UTC), "to": datetime(2081, 1, 1, tzinfo=UTC)}
    ),
    "serial zero": lambda: patched(b"\x02\x01\x01\x30", b"\x02\x01\x00\x30"),
    "serial negative": lambda: patched(b"\x02\x01\x01\x30", b"\x02\x01\xff\x30"),
    "no name": lambda: certificate(subject=x509.Name([])),
    "name that is not UTF-8": lambda: patched(b"\x0c\x03odd", b"\x0c\x03\xff\xfe\xfd"),
    "date that is none": lambda: patched(b"260101000000Z", b"269999999999Z"),
    "P-384": lambda: certificate(key=keys.identity("p384").key),
    "self-signature broken": lambda: Identity(keys.identity().key, certificate().certificate[:-1] + b"\x00"),
}


@BOTH
@pytest.mark.parametrize("name", ODD)
@pytest.mark.spec("rfc5246:7.4.6/3")
def test_class_29_odd_certificate_of_a_peer(role: str, name: str) -> None:
    who = ODD[name]()
    peer, subject = face(role, who=who)

    peer.shake()

    assert subject.connected
    assert subject.peer_certificates[0] == who.certificate


@BOTH
@pytest.mark.parametrize("bits", [1024, 2048])
def test_class_29_rsa_of_any_size(role: str, bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    who = certificate(key=key)
    peer, subject = face(role, who=who)

    if isinstance(peer, ScriptedServer):
        peer.begin()
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
        peer.say(*peer.flight())
        if peer.got(wire.FINISHED):
            peer.finish()
    else:
        _try(peer)

    assert subject.connected


@BOTH
def test_class_29_chain_is_handed_over_as_it_came(role: str) -> None:
    who, other = keys.identity(), keys.identity("ecdsa", "other").certificate
    chain = [who.certificate, other, b"not a certificate"]
    peer, subject = face(role)
    _try(peer, chain)

    assert subject.connected
    assert list(subject.peer_certificates) == chain


@BOTH
def test_class_29_huge_chain_is_bounded(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    messages = [peer.server_hello()] if isinstance(peer, ScriptedServer) else []
    chain = peer.certificate([keys.identity().certificate] * 800)

    peer.say(*messages)
    for fragment in chain.cut(1000):
        peer.send(peer.record(wire.HANDSHAKE, fragment.serialize()))

    assert subject.weight() < 400_000


GARBAGE = {
    "empty entry": [b""],
    "not DER": [b"certificate"],
    "DER of something else": [b"\x30\x03\x02\x01\x01"],
    "cut": [keys.identity().certificate[:-20]],
    "bytes behind": [keys.identity().certificate + b"\0"],
}


@BOTH
@pytest.mark.parametrize("name", GARBAGE)
def test_class_29_garbage_instead_of_a_certificate_is_fatal_and_no_crash(role: str, name: str) -> None:
    peer, subject = face(role)

    _try(peer, GARBAGE[name])

    assert not subject.connected
    assert peer.fatal in {42, 43, 46, 47, 50, 51}
    assert subject.closed


@pytest.mark.spec("rfc8422:5.9/4")
def test_class_29_certificate_of_an_unknown_kind_is_refused() -> None:
    key = ed448.Ed448PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ed")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, datetime(2036, 1, 1, tzinfo=UTC)).sign(
        key, None
    )
    peer, subject = face_server()
    peer.send_hello()

    peer.say(peer.certificate([made.public_bytes(Encoding.DER)]))

    assert peer.fatal == 43
    assert not subject.connected


def _try(peer: ScriptedClient | ScriptedServer, chain: list[bytes] | None = None) -> None:
    """Go as far as the subject lets us."""

    if isinstance(peer, ScriptedClient):
        peer.send_hello()
        peer.say(peer.certificate(chain), peer.key_exchange(), peer.certificate_verify())
        if peer.fatal is None:
            peer.finish()
        return
    peer.begin()
    peer.say(
        peer.server_hello(), peer.certificate(chain), peer.key_exchange(), peer.certificate_request(), peer.hello_done()
    )
    if peer.got(wire.FINISHED):
        peer.finish()


@BOTH
@pytest.mark.parametrize("count", [16, 17])
def test_class_29_number_of_certificates_is_bounded(role: str, count: int) -> None:
    peer, subject = face(role)
    _try(peer, [keys.identity().certificate, *[b"x"] * (count - 1)])

    assert subject.connected is (count == 16)
    assert subject.closed is (count != 16)


@pytest.mark.spec("rfc8422:5.3/3", "rfc5246:7.4.2/9", "rfc5246:7.4.2/12")
def test_class_29_server_whose_curve_was_not_offered_is_refused() -> None:
    who = keys.identity("p384")
    client = config12(remote_fingerprints=(fingerprint(who.certificate),), groups=(keys.X25519, keys.P256))
    connection = DtlsConnection(role=Role.CLIENT, config=client, rng=SeededRng("curve"))
    connection.start(0.0)
    peer = ScriptedServer(connection, who=who).begin()

    peer.say(peer.server_hello(), peer.certificate())

    assert peer.fatal == ILLEGAL_PARAMETER
    assert connection.closed


@BOTH
def test_class_29_key_that_is_no_whole_number_of_bytes_is_refused(role: str) -> None:
    der = keys.identity().certificate
    at = der.index(b"\x03\x42\x00\x04")
    odd = der[: at + 2] + b"\x01" + der[at + 3 :]
    peer, subject = face(role, who=Identity(keys.identity().key, odd))
    _try(peer)

    assert peer.fatal == BAD_CERTIFICATE
    assert not subject.connected


def _element(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content


@pytest.mark.parametrize("bits", [512, 1023, 8193, 16384])
def test_class_29_rsa_key_that_is_too_short_or_too_costly_is_refused(bits: int) -> None:
    modulus = ((1 << bits - 1) + 1).to_bytes(bits // 8 + 1, "big")
    key = _element(0x30, _element(0x02, modulus) + b"\x02\x03\x01\x00\x01")
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    info = _element(0x30, algorithm + _element(0x03, b"\0" + key))
    certificate_of_it = _element(0x30, _element(0x30, b"\x02\x01\x01" + b"\x30\x00" * 4 + info))
    peer, subject = face_server(who=Identity(keys.identity().key, certificate_of_it))
    peer.send_hello()

    peer.say(peer.certificate())

    assert peer.fatal == 43
    assert subject.closed
