"""Credentials that end by themselves, as web services hand them out for their TURN servers.

The username is the time of its end and, after a colon, any name; the password is a MAC of the username under a secret that
service and server share, so that the server needs no list of users. Servers know this as the "TURN REST API" or as
``use-auth-secret``; it never became an RFC.
"""

import base64
import hmac
from typing import Final

from rtc_stun import LongTermCredential

SEPARATOR: Final = ":"


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
