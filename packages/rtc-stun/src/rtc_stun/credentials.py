"""Keys of the two credential mechanisms, from username, realm and password.

See :rfc:`8489#section-9.1.1` and :rfc:`8489#section-9.2.2`.
"""

import hashlib

from rtc_stun.attributes import Algorithm
from rtc_stun.precis import opaque_string


def short_term_key(password: str) -> bytes:
    """Return the HMAC key of a short-term credential.

    Raises:
        ValueError: The password holds what OpaqueString does not allow.

    See :rfc:`8489#section-9.1.1`.
    """
    return opaque_string(password).encode()


def long_term_key(username: str, realm: str, password: str, algorithm: int = Algorithm.MD5) -> bytes:
    """Return the HMAC key of a long-term credential; a server can store it in place of the password.

    Args:
        username: The username. This, realm and password are prepared with OpaqueString here.
        realm: As in the REALM attribute.
        password: The password.
        algorithm: An `Algorithm`; MD5 only for peers that know nothing else.

    Raises:
        ValueError: The algorithm is unknown, or a text holds what OpaqueString does not allow.

    See :rfc:`8489#section-9.2.2` and :rfc:`8489#section-18.5.1`.
    """
    text = ":".join(
        (
            opaque_string(username.rstrip("\0").strip('"')),
            opaque_string(realm.rstrip("\0").strip('"')),
            opaque_string(password.rstrip("\0")),
        )
    ).encode()
    if algorithm == Algorithm.MD5:
        return hashlib.md5(text, usedforsecurity=False).digest()
    if algorithm == Algorithm.SHA256:
        return hashlib.sha256(text).digest()
    raise ValueError(f"password algorithm {algorithm} is unknown")


def userhash(username: str, realm: str) -> bytes:
    """Return the 32 bytes of USERHASH, which name a user to the server alone.

    See :rfc:`8489#section-14.4`.
    """
    # [rfc8489:14.4/1] [rfc8489:14.4/2]
    return hashlib.sha256(f"{opaque_string(username)}:{opaque_string(realm)}".encode()).digest()
