"""stun and stuns URIs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_stun import ParseError, StunUri


@pytest.mark.parametrize(
    ("text", "host", "port", "secure", "effective_port"),
    [
        ("stun:example.org", "example.org", None, False, 3478),
        ("stuns:example.org", "example.org", None, True, 5349),
        ("stun:example.org:8000", "example.org", 8000, False, 8000),
        ("stuns:example.org:443", "example.org", 443, True, 443),
        ("STUN:Example.ORG", "example.org", None, False, 3478),
        ("stun:192.0.2.1", "192.0.2.1", None, False, 3478),
        ("stun:192.0.2.1:19302", "192.0.2.1", 19302, False, 19302),
        ("stun:[2001:DB8::1]:3478", "2001:db8::1", 3478, False, 3478),
        ("stun:[::ffff:192.0.2.1]", "::ffff:c000:201", None, False, 3478),
        ("stun:example.org:", "example.org", None, False, 3478),
        ("stun:example.org:00080", "example.org", 80, False, 80),
        ("stun:a%20b", "a%20b", None, False, 3478),
    ],
)
@pytest.mark.spec("rfc7064:3.1/1", "rfc7064:3.2/1")
def test_uri(text: str, host: str, port: int | None, secure: bool, effective_port: int) -> None:
    uri = StunUri.parse(text)

    assert (uri.host, uri.port, uri.secure, uri.effective_port) == (host, port, secure, effective_port)
    assert StunUri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stun",
        "stun:",
        "stun://example.org",
        "stun:user@example.org",
        "stun:example.org/path",
        "stun:example.org?transport=udp",
        "stun:example.org#fragment",
        "turn:example.org",
        "http://example.org",
        "stun:example.org:65536",
        "stun:example.org:" + "9" * 5000,
        "stun:example.org:-1",
        "stun:example.org:1:2",
        "stun:[2001:db8::1",
        "stun:[::g]",
        "stun:[1:2]",
        "stun:2001:db8::1",
        "stun:exa mple.org",
        "stun:exämple.org",
        "stun:a%2",
        "stun:example.org\n",
        " stun:example.org",
        "stun:example.org:\u0663",
    ],
)
@pytest.mark.spec("rfc7064:3.1/1")
def test_what_is_not_a_uri_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        StunUri.parse(text)


@pytest.mark.parametrize("text", ["stuns:192.0.2.1", "stuns:[2001:db8::1]:443"])
@pytest.mark.spec("rfc8489:8.1/1")
def test_secure_uri_with_an_ip_address_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="not an IP address"):
        StunUri.parse(text)


def test_uri_can_be_made_by_hand() -> None:
    assert str(StunUri(host="2001:db8::1", port=1)) == "stun:[2001:db8::1]:1"
    assert str(StunUri(host="example.org", secure=True)) == "stuns:example.org"
    with pytest.raises(ParseError, match="out of range"):
        StunUri(host="example.org", port=65536)


@given(st.text(max_size=40))
def test_any_text_raises_nothing_but_parse_error(text: str) -> None:
    for candidate in (text, f"stun:{text}", f"stuns:{text}"):
        try:
            uri = StunUri.parse(candidate)
        except ParseError:
            continue
        assert StunUri.parse(str(uri)) == uri
