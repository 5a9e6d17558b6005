"""Every vector of RFC 5769, and that of RFC 8489 appendix B.1."""

import hmac

import pytest
from tests.stun.vectors import load_vector

from rtc_stun import (
    BINDING,
    ICE_ATTRIBUTES,
    Address,
    Algorithm,
    IceControlled,
    Integrity,
    Message,
    MessageClass,
    Nonce,
    ParseError,
    Priority,
    Realm,
    Software,
    UserHash,
    Username,
    XorMappedAddress,
    long_term_key,
    saslprep,
    short_term_key,
    userhash,
)

SHORT_TERM_KEY = short_term_key("VOkJxbRl1RmTxUk/WvJxBt")
MATRIX = "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
MATRIX_PASSWORD = saslprep("The\u00adM\u00aatr\u2168")


@pytest.mark.spec("rfc8489:5/1", "rfc8489:5/2", "rfc8489:5/7")
def test_rfc5769_request() -> None:
    message = Message.parse(load_vector("rfc5769-2.1-request"), ICE_ATTRIBUTES)

    assert (message.method, message.message_class) == (BINDING, MessageClass.REQUEST)
    assert message.transaction_id.hex() == "b7e7a701bc34d686fa87dfae"
    assert message.attributes[:4] == [
        Software("STUN test client"),
        Priority(0x6E0001FF),
        IceControlled(0x932FF9B151263B36),
        Username("evtj:h6vY"),
    ]
    assert message.verify_integrity(SHORT_TERM_KEY) is Integrity.SHA1
    message.verify_fingerprint()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("rfc5769-2.2-ipv4-response", Address("192.0.2.1", 32853)),
        ("rfc5769-2.3-ipv6-response", Address("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
@pytest.mark.spec("rfc8489:14/5")
def test_rfc5769_response(name: str, address: Address) -> None:
    message = Message.parse(load_vector(name))

    assert message.message_class is MessageClass.SUCCESS
    assert message.get(Software) == Software("test vector")
    assert message.get(XorMappedAddress) == XorMappedAddress(address)
    assert message.verify_integrity(SHORT_TERM_KEY) is Integrity.SHA1
    message.verify_fingerprint()


def test_rfc5769_long_term_request() -> None:
    message = Message.parse(load_vector("rfc5769-2.4-long-term-request"))

    assert message.attributes[:3] == [Username(MATRIX), Nonce(b"f//499k954d6OL34oL9FSTvy64sA"), Realm("example.org")]
    key = long_term_key(MATRIX, "example.org", MATRIX_PASSWORD)
    assert message.verify_integrity(key) is Integrity.SHA1


def test_rfc5769_long_term_request_is_made_byte_for_byte() -> None:
    vector = load_vector("rfc5769-2.4-long-term-request")
    key = long_term_key(MATRIX, "example.org", MATRIX_PASSWORD)
    attributes = [Username(MATRIX), Nonce(b"f//499k954d6OL34oL9FSTvy64sA"), Realm("example.org")]

    message = Message(BINDING, MessageClass.REQUEST, vector[8:20], attributes)

    assert message.serialize(key=key) == vector


@pytest.mark.spec("rfc8489:5/7")
def test_rfc8489_b1_as_printed_has_a_wrong_length_and_is_refused() -> None:
    vector = load_vector("rfc8489-b.1-as-printed")

    with pytest.raises(ParseError, match="message length 156 does not fit"):
        Message.parse(vector)

    # The length printed counts the header as well, and the HMAC printed covers that length.
    key = long_term_key(MATRIX, "example.org", MATRIX_PASSWORD, Algorithm.SHA256)
    assert hmac.digest(key, vector[:-36], "sha256") == vector[-32:]


@pytest.mark.spec("rfc8489:14.4/1", "rfc8489:14.4/2")
def test_rfc8489_b1_as_corrected_by_its_erratum() -> None:
    message = Message.parse(load_vector("rfc8489-b.1-corrected"))

    assert message.get(UserHash) == UserHash(userhash(MATRIX, "example.org"))
    assert message.get(Nonce) == Nonce(b"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
    key = long_term_key(MATRIX, "example.org", MATRIX_PASSWORD, Algorithm.SHA256)
    assert message.verify_integrity(key) is Integrity.SHA256
