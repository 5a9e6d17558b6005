"""The username fragment and password that the agents exchange by signalling (:rfc:`8445#section-5.3`)."""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import field
from typing import Final, Self

from rtc_ice.dataclass import dataclass

Rng = Callable[[int], bytes]
"""Returns that many unpredictable bytes; ``os.urandom`` outside of tests."""

# [rfc8445:5.3/3] Six random bytes are 48 bits (24 are asked for), eighteen are 144 (128 are asked for). Multiples of
# three, so that Base64 needs no padding, which is not in the grammar.
_UFRAG_RANDOM_LENGTH: Final = 6
_PASSWORD_RANDOM_LENGTH: Final = 18

_UFRAG: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an agent tells its peer so that each can recognise the other's checks.

    The grammar is that of :rfc:`8839#section-5.4`: letters, digits, ``+`` and ``/``.

    Raises:
        ValueError: A part is too short, too long or has other characters.
    """

    ufrag: str
    """Names the session; 4 to 256 characters."""
    password: str = field(repr=False)
    """Proves it; 22 to 256 characters."""

    def __post_init__(self) -> None:
        if not _UFRAG.fullmatch(self.ufrag):
            raise ValueError("a username fragment has 4 to 256 letters, digits, '+' or '/'")
        if not _PASSWORD.fullmatch(self.password):
            raise ValueError("a password has 22 to 256 letters, digits, '+' or '/'")

    @classmethod
    def generate(cls, rng: Rng) -> Self:
        """Make unguessable credentials: 48 bits name the session, 144 protect it."""
        return cls(
            b64encode(rng(_UFRAG_RANDOM_LENGTH)).decode("ascii"),
            b64encode(rng(_PASSWORD_RANDOM_LENGTH)).decode("ascii"),
        )
