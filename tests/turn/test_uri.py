"""TURN URIs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_turn import ParseError, TurnUri


@pytest.mark.spec("rfc8656:4.1/1", "rfc7065:3.2/1")
@pytest.mark.parametrize(
    ("text", "host", "port", "transport"),
    [
        # The examples of RFC 7065, appendix A.
        ("turn:example.org", "example.org", 3478, "udp"),
        ("turns:example.org", "example.org", 5349, "tls"),
        ("turn:example.org:8000", "example.org", 8000, "udp"),
        ("turn:example.org?transport=udp", "example.org", 3478, "udp"),
        ("turn:example.org?transport=tcp", "example.org", 3478, "tcp"),
        ("turns:example.org?transport=tcp", "example.org", 5349, "tls"),
        # And others.
        ("turns:example.org?transport=udp", "example.org", 5349, "dtls"),
        ("TURN:EXAMPLE.org:0080?transport=TCP", "example.org", 80, "tcp"),
        ("turn:[2001:DB8::1]:5", "2001:db8::1", 5, "udp"),
        ("turn:192.0.2.1", "192.0.2.1", 3478, "udp"),
    ],
)
def test_example(text: str, host: str, port: int, transport: str) -> None:
    uri = TurnUri.parse(text)

    assert (uri.host, uri.effective_port, uri.effective_transport) == (host, port, transport)
    assert TurnUri.parse(str(uri)) == uri


@pytest.mark.spec("rfc7065:3.1/1")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn:",
        "turn://example.org",
        "turn:user@example.org",
        "turn:example.org/path",
        "turn:example.org?transport=sctp",
        "turn:example.org?transport=",
        "turn:example.org?ttl=5",
        "turn:example.org:65536",
        "turn:example.org:99999999999999999999",
        "turn:example.org:x",
        "turn:[2001:db8::1",
        "turn:[::ffff::1]",
        "turn:a%zz",
        "stun:example.org",
        "turn:example.org#x",
    ],
)
def test_what_is_no_turn_uri(text: str) -> None:
    with pytest.raises(ParseError):
        TurnUri.parse(text)


@given(text=st.text(max_size=30).map(lambda rest: "turn:" + rest))
def test_any_text_is_a_uri_or_a_parse_error(text: str) -> None:
    try:
        uri = TurnUri.parse(text)
    except ParseError:
        return

    assert TurnUri.parse(str(uri)) == uri


def test_whether_a_name_has_to_be_resolved() -> None:
    assert TurnUri(host="192.0.2.1").is_ip_address
    assert not TurnUri(host="example.org").is_ip_address
