"""A user, her keys and a server that asks for them."""

from rtc_stun import (
    Algorithm,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Realm,
    long_term_key,
)

REALM = Realm("example.org")
CREDENTIAL = LongTermCredential(username="alice", password="secret")
ALGORITHMS = PasswordAlgorithms((PasswordAlgorithm(Algorithm.SHA256), PasswordAlgorithm(Algorithm.MD5)))
KEY_MD5 = long_term_key("alice", "example.org", "secret", Algorithm.MD5)
KEY_SHA256 = long_term_key("alice", "example.org", "secret", Algorithm.SHA256)


def authenticator(
    *, anonymous: bool = False, algorithms: tuple[int, ...] = (Algorithm.SHA256, Algorithm.MD5)
) -> LongTermAuthenticator:
    users = LongTermUsers("example.org", {"alice": "secret"})
    return LongTermAuthenticator(users, secret=b"s" * 32, anonymous=anonymous, algorithms=algorithms)
