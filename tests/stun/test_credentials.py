"""Keys, user hashes and the preparation of strings."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_stun import (
    Algorithm,
    LongTermCredential,
    LongTermUsers,
    ShortTermCredential,
    long_term_key,
    opaque_string,
    saslprep,
    short_term_key,
    userhash,
)


def test_long_term_key_of_the_rfc() -> None:
    assert long_term_key("user", "realm", "pass").hex() == "8493fbc53ba582fb4c044c456bdc40eb"


def test_long_term_key_by_sha256() -> None:
    key = long_term_key("user", "realm", "pass", Algorithm.SHA256)

    assert key == hashlib.sha256(b"user:realm:pass").digest()


def test_quotes_and_trailing_nulls_do_not_count() -> None:
    assert long_term_key('"user"\0', '"realm"\0\0', "pass\0") == long_term_key("user", "realm", "pass")


def test_every_spelling_of_a_username_makes_the_same_key() -> None:
    assert long_term_key("e\u0301", "realm", "pass") == long_term_key("\u00e9", "realm", "pass")


def test_unknown_algorithm_makes_no_key() -> None:
    with pytest.raises(ValueError, match="unknown"):
        long_term_key("user", "realm", "pass", 3)


def test_short_term_key_is_the_prepared_password() -> None:
    assert short_term_key("VOkJxbRl1RmTxUk/WvJxBt") == b"VOkJxbRl1RmTxUk/WvJxBt"
    assert short_term_key("e\u0301") == "\u00e9".encode()


@pytest.mark.spec("rfc8489:14.4/1", "rfc8489:14.4/2")
def test_userhash_covers_prepared_username_and_realm() -> None:
    assert userhash("e\u0301", "a\u00a0b") == hashlib.sha256("\u00e9:a b".encode()).digest()


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("plain ASCII, even so!", "plain ASCII, even so!"),
        ("e\u0301", "\u00e9"),
        ("a\u00a0b\u3000c", "a b c"),
        ("Stra\u00dfe", "Stra\u00dfe"),
        ("\u2168\u00aa", "\u2168\u00aa"),
        ("\uff21", "\uff21"),
        ("\u30de\u30c8\u30ea\u30c3\u30af\u30b9", "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"),
        ("\u05d0\u05d1 \U0001f600", "\u05d0\u05d1 \U0001f600"),
        ("x\u200dy", "x\u200dy"),
    ],
)
def test_opaque_string(text: str, prepared: str) -> None:
    assert opaque_string(text) == prepared


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "a\0b",
        "\x7f",
        "\u0085",
        "a\u00ad",
        "\u1100",
        "\u115f",
        "\ufeff",
        "\u0640",
        "\u202e",
        "\ue000",
        "\ud800",
    ],
)
def test_opaque_string_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        opaque_string(text)


@given(st.text(max_size=20))
def test_opaque_string_prepares_once(text: str) -> None:
    try:
        prepared = opaque_string(text)
    except ValueError:
        return
    assert opaque_string(prepared) == prepared


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("", ""),
    ],
)
def test_saslprep(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "a\u0627", "\ue000", "\u0627a\u0627"])
def test_saslprep_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        saslprep(text)


@pytest.mark.parametrize("kind", [ShortTermCredential, LongTermCredential])
def test_credentials_are_checked_at_once_and_kept_from_view(
    kind: type[ShortTermCredential] | type[LongTermCredential],
) -> None:
    assert "secret" not in repr(kind(username="user", password="secret"))
    for username, password in (("", "p"), ("u", ""), ("u\n", "p"), ("u", "p\n")):
        with pytest.raises(ValueError, match=r"."):
            kind(username=username, password=password)


def test_users_keep_keys_and_not_passwords() -> None:
    users = LongTermUsers("example.org", {"alice": "secret"})

    alice = users.find("alice")
    assert alice is not None
    assert alice.keys == {
        Algorithm.SHA256: long_term_key("alice", "example.org", "secret", Algorithm.SHA256),
        Algorithm.MD5: long_term_key("alice", "example.org", "secret", Algorithm.MD5),
    }
    assert users.find_hash(userhash("alice", "example.org")) is alice
    assert "keys" not in repr(alice)


def test_users_come_and_go() -> None:
    users = LongTermUsers("example.org")
    users.add_keys("bob", {Algorithm.MD5: bytes(16)})
    users.remove("bob")
    users.remove("nobody")

    assert users.find("bob") is None
    assert users.find_hash(userhash("bob", "example.org")) is None
