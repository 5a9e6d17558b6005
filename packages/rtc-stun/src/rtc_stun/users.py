"""Whom a server knows (:rfc:`8489#section-9.2`)."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Protocol

from rtc_stun.attributes import Algorithm, Realm
from rtc_stun.credentials import long_term_key, userhash
from rtc_stun.dataclass import dataclass
from rtc_stun.precis import opaque_string

# [rfc8489:18.5.1.1/1] MD5 is there for clients that know nothing else, and so comes last.
ALL_ALGORITHMS: Final = (Algorithm.SHA256, Algorithm.MD5)


@dataclass(frozen=True, slots=True)
class User:
    """A user and the keys that prove it."""

    username: str
    keys: Mapping[int, bytes] = field(repr=False)
    """By password algorithm; an algorithm without a key is one that the user cannot use."""
    account: str = ""
    """Whom quotas are counted for, where a person has a new name each time; empty where it is the name."""
    has_ended: bool = False
    """Whether the user's time is over: who was let in before may go on, and nothing new begins."""


class UserDirectory(Protocol):
    """Where an authenticator looks users up: `LongTermUsers`, or a class of yours before a database.

    It is asked once for each request that claims to be of a user, so it may also derive the keys from the name, as for
    the time-limited users that a web service hands out.
    """

    @property
    def realm(self) -> str:
        """The realm that every key depends on, prepared with `opaque_string`."""

    def find(self, username: str) -> User | None:
        """Return the user with a name, which has been prepared with `opaque_string`."""

    def find_hash(self, value: bytes) -> User | None:
        """Return the user that a USERHASH (see `userhash`) means; None always where users are not anonymous."""


class LongTermUsers:
    """The users of one realm. Passwords are not kept, only keys made from them; changes count from the next request.

    Args:
        realm: The realm; a provider's domain name is the recommended choice.
        passwords: Users to begin with.

    Raises:
        ValueError: The realm must not be sent, or a name or password is not allowed.
    """

    def __init__(self, realm: str, passwords: Mapping[str, str] | None = None) -> None:
        Realm(realm).serialize(b"")
        self.realm = opaque_string(realm)
        """For reading: every key depends on it."""
        self._by_name: dict[str, User] = {}
        self._by_hash: dict[bytes, User] = {}
        for username, password in (passwords or {}).items():
            self.add(username, password)

    def add(self, username: str, password: str) -> None:
        """Add a user, or change the password of one.

        Raises:
            ValueError: Username or password hold what OpaqueString does not allow.
        """
        name = opaque_string(username)
        keys = {int(algorithm): long_term_key(name, self.realm, password, algorithm) for algorithm in ALL_ALGORITHMS}
        self.add_keys(name, keys)

    def add_keys(self, username: str, keys: Mapping[int, bytes]) -> None:
        """Add a user whose keys, made by `long_term_key`, are stored in place of a password."""
        user = User(opaque_string(username), dict(keys))
        self._by_name[user.username] = user
        self._by_hash[userhash(user.username, self.realm)] = user

    def remove(self, username: str) -> None:
        """Forget a user, if it is known."""
        user = self._by_name.pop(username, None)
        if user is not None:
            del self._by_hash[userhash(user.username, self.realm)]

    def find(self, username: str) -> User | None:
        """Return the user with a name."""
        return self._by_name.get(username)

    def find_hash(self, value: bytes) -> User | None:
        """Return the user that a USERHASH means."""
        return self._by_hash.get(value)
