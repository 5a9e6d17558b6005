"""Credentials that end by themselves, as web services hand them out for their TURN servers.

The username is the time of its end and, after a colon, any name; the password is a MAC of the username under a secret that
service and server share, so that the server needs no list of users. Servers know this as the "TURN REST API" or as
``use-auth-secret``; it never became an RFC.
"""

import base64
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rtc_stun import Algorithm, LongTermCredential, User, long_term_key, opaque_string

SEPARATOR: Final = ":"
MAX_REMEMBERED: Final = 1024
"""Users whose keys are kept, so that they are not made anew for each request; the oldest gives way."""


class TimeLimitedUsers:
    """The users of a realm whose names and passwords a web service makes (`rtc_stun.UserDirectory`).

    Quotas count for the name without its end: who comes with one credential after the other is still one user.

    Args:
        realm: The realm; a provider's domain name is the recommended choice.
        secret: What service and server share.
        wall_clock: Returns seconds since 1970, such as `time.time`.
        lasting: For how many seconds after the end of a name its user may prolong the allocations that he has
            (`rtc_stun.User.has_ended`), so that calls outlive their credentials.
    """

    def __init__(self, realm: str, secret: str, *, wall_clock: Callable[[], float], lasting: float = 0.0) -> None:
        self.realm = opaque_string(realm)
        """For reading: every key depends on it."""
        self._secret = secret
        self._wall_clock = wall_clock
        self._lasting = lasting
        self._known: dict[str, User] = {}

    def find(self, username: str) -> User | None:
        """Return the user with a name that has not ended yet, or so recently that it still serves."""
        now = self._wall_clock()
        password = time_limited_password(self._secret, username, now - self._lasting)
        if password is None:
            return None
        user = self._known.get(username)
        if user is None:
            try:
                keys = {int(each): long_term_key(username, self.realm, password, each) for each in Algorithm}
            except ValueError:
                return None  # a name with characters that none may have
            if len(self._known) >= MAX_REMEMBERED:
                del self._known[next(iter(self._known))]
            user = self._known[username] = User(username, keys, username.partition(SEPARATOR)[2])
        return user if int(username.partition(SEPARATOR)[0]) >= now else replace(user, has_ended=True)

    def find_hash(self, value: bytes) -> User | None:  # noqa: ARG002 - as in UserDirectory
        """Return None: who is not known by name cannot be known by hash."""
        return None


def time_limited_credential(secret: str, name: str = "", *, expires_at: float) -> LongTermCredential:
    """Return a username and password that a server with the same secret accepts until they end.

    Args:
        secret: What service and server share.
        name: To tell users apart in logs and quotas.
        expires_at: Seconds since 1970, by the server's clock.

    See `time_limited_password` for the server's side.
    """
    username = f"{int(expires_at)}{SEPARATOR}{name}" if name else str(int(expires_at))
    return LongTermCredential(username=username, password=_password(secret, username))


def time_limited_password(secret: str, username: str, wall_clock: float) -> str | None:
    """Return the password of a username, or None if the username has ended or is none of this kind.

    Args:
        secret: What service and server share.
        username: As the client sent it.
        wall_clock: Seconds since 1970.
    """
    end, _, _ = username.partition(SEPARATOR)
    if not (end.isascii() and end.isdigit() and len(end) <= 12) or int(end) < wall_clock:
        return None
    return _password(secret, username)


def _password(secret: str, username: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), username.encode(), "sha1")).decode()
