"""Stateless cookies for HelloVerifyRequest. See :rfc:`6347#section-4.2.1`.

cookie = HMAC-SHA256(secret, length of address || address || ClientHello without its cookie)
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from .client_hello import ClientHello
from .presentation import vector

MIN_SECRET_LENGTH: Final = 16


def make_cookie(secret: bytes, address: bytes, hello: ClientHello) -> bytes:
    """Make the cookie that this client at this address has to return with this very hello."""
    # [rfc6347:4.2.1/9] [rfc6347:4.2.1/13]
    return hmac.digest(secret, vector(2, address) + hello.without_cookie(), hashlib.sha256)


def is_cookie_valid(secrets: Sequence[bytes], address: bytes, hello: ClientHello) -> bool:
    """Whether the hello carries a cookie made with one of the secrets, which may be changed while the server runs."""
    valid = False
    for secret in secrets:
        valid |= hmac.compare_digest(make_cookie(secret, address, hello), hello.cookie)
    return valid
