"""Credentials that end by themselves."""

from rtc_turn import time_limited_credential, time_limited_password


def test_vector() -> None:
    # openssl: printf '1433895918:alice' | openssl dgst -sha1 -hmac north -binary | base64
    credential = time_limited_credential("north", "alice", expires_at=1_433_895_918.9)

    assert credential.username == "1433895918:alice"
    assert credential.password == "RqMvcGPYTJMGThVLSi4amT4zFtI="


def test_the_server_comes_to_the_same_password_until_the_end() -> None:
    credential = time_limited_credential("secret", "alice", expires_at=1000.0)

    assert time_limited_password("secret", credential.username, 999.0) == credential.password
    assert time_limited_password("secret", credential.username, 1000.0) == credential.password
    assert time_limited_password("secret", credential.username, 1000.5) is None
    assert time_limited_password("another", credential.username, 999.0) != credential.password


def test_a_name_without_a_time_is_of_another_kind() -> None:
    for name in ("", "alice", ":alice", "-5:alice", "1e9", "٣", "9" * 13):
        assert time_limited_password("secret", name, 0.0) is None
    assert time_limited_credential("secret", expires_at=5.0).username == "5"
