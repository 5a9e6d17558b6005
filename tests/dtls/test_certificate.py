"""Certificates of our own and fingerprints."""

import copy
import hashlib
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st
from tests.dtls.ends import NOW, certificate
from tests.support.effort import examples
from tests.support.rng import SeededRng

from rtc_dtls import Certificate, CertificateKind, Fingerprint
from rtc_dtls.certificate import DEFAULT_LIFETIME

KINDS: list[CertificateKind] = ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"]
EACH_KIND = pytest.mark.parametrize("kind", KINDS)


# --- certificates ---


@EACH_KIND
def test_generated_certificate_signs_itself_and_is_valid_from_the_day_before(kind: CertificateKind) -> None:
    made = certificate(kind)
    parsed = x509.load_der_x509_certificate(made.chain[0])

    parsed.verify_directly_issued_by(parsed)
    assert parsed.not_valid_before_utc == NOW - timedelta(days=1)
    assert parsed.not_valid_after_utc == NOW + DEFAULT_LIFETIME == made.expires
    assert parsed.subject.rfc4514_string() == "CN=WebRTC"
    assert 0 < parsed.serial_number < 2**159
    assert list(parsed.extensions) == []


@EACH_KIND
def test_the_bytes_are_those_of_a_library_for_certificates(kind: CertificateKind) -> None:
    made = certificate(kind)
    parsed = x509.load_der_x509_certificate(made.chain[0])
    key = load_pem_private_key(made.to_pem().encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WebRTC")])

    theirs = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=parsed.serial_number,
        not_valid_before=parsed.not_valid_before_utc,
        not_valid_after=parsed.not_valid_after_utc,
    ).sign(
        key,
        None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256(),
        ecdsa_deterministic=True if isinstance(key, ec.EllipticCurvePrivateKey) else None,
    )

    assert theirs.public_bytes(Encoding.DER) == made.chain[0]


@pytest.mark.parametrize("year", [1999, 2049, 2050, 2100])
def test_dates_of_every_century_are_read_as_they_were_written(year: int) -> None:
    wall_clock = datetime(year, 12, 31, 23, 59, 58, tzinfo=timezone(timedelta(hours=5)))

    made = Certificate.generate(rng=SeededRng(1), wall_clock=wall_clock, lifetime=timedelta(0))

    assert made.expires == wall_clock


@pytest.mark.parametrize("name", ["x", "ü" * 32, "a, b = c"])
def test_a_name_of_up_to_64_bytes_is_shown(name: str) -> None:
    made = Certificate.generate(rng=SeededRng(1), wall_clock=NOW, common_name=name)

    parsed = x509.load_der_x509_certificate(made.chain[0])
    assert [each.value for each in parsed.subject] == [each.value for each in parsed.issuer] == [name]


def test_what_no_certificate_can_say_is_refused() -> None:
    for name in ("", "x" * 65, "ü" * 33):
        with pytest.raises(ValueError, match="64 bytes"):
            Certificate.generate(rng=SeededRng(1), wall_clock=NOW, common_name=name)
    with pytest.raises(ValueError, match="before it begins"):
        Certificate.generate(rng=SeededRng(1), wall_clock=NOW, lifetime=timedelta(days=-2))


def test_randomness_is_the_caller_s() -> None:
    first, again, other = (
        Certificate.generate(rng=SeededRng(seed), wall_clock=datetime(2026, 1, 1, tzinfo=UTC)) for seed in (1, 1, 2)
    )

    assert first == again
    assert hash(first) == hash(again)
    assert first != other
    assert first.fingerprint() != other.fingerprint()


@EACH_KIND
def test_pem_comes_back_the_same(kind: CertificateKind) -> None:
    made = certificate(kind)
    text = made.to_pem()

    for pem in (text, text.encode(), _key_last(text)):
        read = Certificate.from_pem(pem)
        assert read.chain == made.chain
        assert read.key_type == made.key_type
        assert read.group == made.group


def _key_last(text: str) -> str:
    end = text.index("-----BEGIN CERTIFICATE-----")
    return text[end:] + text[:end]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ed25519"])
def test_key_in_the_format_of_openssl_is_read(kind: CertificateKind) -> None:
    text = certificate(kind).to_pem()
    key = load_pem_private_key(text.encode(), None)
    old = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    assert Certificate.from_pem(old + _key_last(text)).chain == certificate(kind).chain


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_pem_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Certificate.from_pem(text)


def test_key_of_somebody_else_is_a_value_error() -> None:
    mine, other = certificate().to_pem(), certificate(who="other").to_pem()
    split = mine.index("-----BEGIN CERTIFICATE-----")

    with pytest.raises(ValueError, match="private key"):
        Certificate.from_pem(mine[:split] + other[other.index("-----BEGIN CERTIFICATE-----") :])


def test_encrypted_key_is_a_value_error() -> None:
    made = certificate()
    text = made.to_pem()
    key = load_pem_private_key(text.encode(), None)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        locked = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"password")).decode()
        with pytest.raises(ValueError, match="private key"):
            Certificate.from_pem(locked + _key_last(text).partition("-----BEGIN PRIVATE KEY-----")[0])
    locked_der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    with pytest.raises(ValueError, match="private key"):
        Certificate(made.chain, locked_der)


def test_chain_whose_first_certificate_is_not_that_of_the_key_is_refused() -> None:
    key = load_pem_private_key(certificate().to_pem().encode(), None)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for chain in (certificate(who="other").chain, (b"nonsense",), certificate("rsa-2048").chain):
        with pytest.raises(ValueError, match="certificate"):
            Certificate(chain, der)


def test_keys_that_do_not_suit_are_refused() -> None:
    chain = certificate().chain
    keys: list[ed448.Ed448PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = [
        ed448.Ed448PrivateKey.generate(),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 1024),
    ]
    for key in keys:
        with pytest.raises(ValueError, match="P-256"):
            Certificate(chain, key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="chain"):
        Certificate((), b"")


@EACH_KIND
def test_copies_and_pickles_are_equal_and_sign(kind: CertificateKind) -> None:
    made = certificate(kind)
    scheme = {"rsa": 0x0401, "ecdsa": 0x0403, "ed25519": 0x0807}[made.key_type]
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert twin == made
        assert twin.sign(scheme, b"message")


def test_nothing_secret_is_shown() -> None:
    assert repr(certificate()) == f"<Certificate {certificate().fingerprint()}>"


# --- fingerprints ---


@pytest.mark.parametrize("algorithm", ["sha-224", "sha-256", "sha-384", "sha-512", "SHA-256"])
@pytest.mark.spec("rfc8122:5/4")
def test_fingerprint_is_the_hash_of_the_der_in_upper_case(algorithm: str) -> None:
    made = certificate()
    name = algorithm.lower().replace("-", "")
    digest = hashlib.new(name, made.chain[0]).hexdigest().upper()
    pairs = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))

    assert str(made.fingerprint(algorithm)) == f"{algorithm.lower()} {pairs}"


@pytest.mark.parametrize("algorithm", ["sha-1", "md5", "md2", "sha3-256", ""])
@pytest.mark.spec("rfc8122:5/2")
def test_no_fingerprint_is_made_with_a_weak_or_unknown_function(algorithm: str) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        certificate().fingerprint(algorithm)


@given(st.sampled_from(["sha-224", "sha-256", "sha-384", "sha-512"]), st.booleans())
def test_fingerprint_comes_back_the_same_in_either_case(algorithm: str, lower: bool) -> None:
    made = certificate().fingerprint(algorithm)
    text = str(made).lower() if lower else str(made).upper()

    assert Fingerprint.parse(text) == made
    assert Fingerprint.parse(f"  {text} ") == made


@pytest.mark.parametrize(
    "text",
    ["", "sha-256", "sha-256 ", "sha-256 AB", "sha-256 AB:C", "sha-256 ABCD", "sha-256 " + "G0:" * 31 + "00", " AB:CD"],
)
def test_fingerprint_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fingerprint.parse(text)


@examples(50)
@given(st.text(max_size=60))
def test_fingerprint_of_any_text_parses_or_is_a_value_error(text: str) -> None:
    try:
        Fingerprint.parse(text)
    except ValueError:
        return


def test_unknown_function_is_data() -> None:
    parsed = Fingerprint.parse("sha9-999 AB:CD")

    assert (parsed.algorithm, parsed.digest) == ("sha9-999", b"\xab\xcd")
