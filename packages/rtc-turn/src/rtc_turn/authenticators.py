"""Several kinds of users on one server."""

from collections.abc import Sequence
from typing import Final

from rtc_stun import Address, Authenticated, Authenticator, Message, Unauthenticated

STALE_NONCE: Final = 438


class AnyOf:
    """Let in whom one of several authenticators knows (`rtc_stun.Authenticator`).

    With it, users of a list, those of a web service, and those of its former secret use the same server. They are asked in
    order. What one of them says about strangers is what the first says, unless another finds the nonce stale: then the
    client is known, and has to ask again.

    Args:
        authenticators: At least one. Those of one realm share their secret for nonces, as each sees the nonces of all.

    Raises:
        ValueError: There is none.
    """

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        if not authenticators:
            raise ValueError("without an authenticator nobody comes in")
        self._authenticators = tuple(authenticators)

    def authenticate(self, request: Message, source: Address, now: float) -> Authenticated | Unauthenticated:
        """Judge a request."""
        refusals = []
        for authenticator in self._authenticators:
            judgement = authenticator.authenticate(request, source, now)
            if isinstance(judgement, Authenticated):
                return judgement
            refusals.append(judgement)
            if request.integrity is None:
                break  # Nobody can know who that is.
        return next((each for each in refusals if each.error_code == STALE_NONCE), refusals[0])
