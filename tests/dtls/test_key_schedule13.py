"""The key schedule of DTLS 1.3 against published values, and against HKDF as the library does it."""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from rtc_dtls.cipher_suite13 import CIPHER_SUITES_13, CipherSuite13
from rtc_dtls.key_schedule13 import HandshakeSecrets, TrafficSecret, expand_label

EACH_SUITE = pytest.mark.parametrize("suite", CIPHER_SUITES_13.values(), ids=lambda suite: suite.id.name)
EMPTY = hashlib.sha256(b"").digest()
TLS = b"tls13 "


def test_early_and_derived_secret_are_those_of_rfc8448_with_the_label_prefix_of_tls() -> None:
    """RFC 8448 section 3: the values without a pre-shared key are the same in every handshake with SHA-256."""
    early = bytes.fromhex("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a")

    derived = expand_label("sha256", early, b"derived", EMPTY, 32, TLS)

    assert derived.hex() == "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba"


@pytest.mark.spec("rfc8446:7.1/1", "rfc9147:5.9/1")
@pytest.mark.parametrize("length", [0, 1, 12, 32, 48, 100])
@pytest.mark.parametrize("name", ["sha256", "sha384"])
def test_labels_are_expanded_as_the_library_does_with_the_prefix_of_dtls(name: str, length: int) -> None:
    secret, context = bytes(range(48)), b"context"
    info = length.to_bytes(2, "big") + b"\x0bdtls13label" + b"\x07context"
    algorithm = hashes.SHA256() if name == "sha256" else hashes.SHA384()

    expanded = expand_label(name, secret, b"label", context, length)

    assert expanded == (HKDFExpand(algorithm, length, info).derive(secret) if length else b"")


@EACH_SUITE
@pytest.mark.spec("rfc9147:4.2.3/2")
def test_all_secrets_differ_and_have_the_lengths_of_the_suite(suite: CipherSuite13) -> None:
    secrets = HandshakeSecrets.derive(suite, b"shared", bytes(suite.hash_length))
    application = secrets.application(bytes(suite.hash_length))
    traffic = [secrets.client, secrets.server, application.client, application.server]
    traffic += [application.client.successor(), application.server.successor()]
    keys = [secret.keys() for secret in traffic]

    assert len({secret.secret for secret in traffic}) == len(traffic)
    assert len({key for each in keys for key in (each.key, each.sequence_number_key)}) == 2 * len(keys)
    for each in keys:
        assert (len(each.key), len(each.sequence_number_key), len(each.iv)) == (suite.key_length, suite.key_length, 12)
    assert {len(secret.verify_data(b"hash")) for secret in traffic} == {suite.hash_length}


@EACH_SUITE
@pytest.mark.spec("rfc8446:7.5/1")
def test_exported_keys_depend_on_label_context_and_length_but_not_on_an_empty_context(suite: CipherSuite13) -> None:
    exporter = HandshakeSecrets.derive(suite, b"shared", b"hellos").application(b"finished").exporter
    other = HandshakeSecrets.derive(suite, b"shared", b"hellos").application(b"forged").exporter

    assert exporter.export("label", 60, None) == exporter.export("label", 60, b"")
    exported = [exporter.export("label", 60, None), exporter.export("label", 60, b"c"), exporter.export("l", 60, None)]
    exported += [exporter.export("label", 59, None), other.export("label", 60, None)]
    assert len(set(exported)) == len(exported)


def test_sequence_number_key_is_expanded_under_its_own_label() -> None:
    suite = CIPHER_SUITES_13[0x1301]
    info = b"\x00\x10" + b"\x08dtls13sn" + b"\x00"

    keys = TrafficSecret(suite=suite, secret=bytes(32)).keys()

    assert keys.sequence_number_key == HKDFExpand(hashes.SHA256(), 16, info).derive(bytes(32))


@EACH_SUITE
def test_exporter_says_what_it_cannot_derive(suite: CipherSuite13) -> None:
    exporter = HandshakeSecrets.derive(suite, b"shared", b"hellos").application(b"finished").exporter
    longest = 255 * suite.hash_length

    assert len(exporter.export("l" * 249, longest, None)) == longest
    for label, length in (("l" * 250, 32), ("l", longest + 1), ("l", 2**17)):
        with pytest.raises(ValueError, match="too long"):
            exporter.export(label, length, None)
