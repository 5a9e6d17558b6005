"""Several kinds of users on one server."""

from collections.abc import Sequence
from typing import Final

from rtc_stun import Address, Attribute, Authenticated, Authenticator, Message, Unauthenticated

STALE_NONCE: Final = 438


class AnyOf:
    """Let in whom one of several authenticators knows (`rtc_stun.Authenticator`).

    With it, users of a list, those of a web service, those of its former secret and those with tokens use the same server. A
    challenge says what each of them says; a client whom one of them finds stale is known, and has to ask again.

    Args:
        authenticators: At least one. They are of one realm and share their secret for nonces, as each sees the nonces of all.

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
        code = next((each.error_code for each in refusals if each.error_code == STALE_NONCE), refusals[0].error_code)
        # Of each kind the first one's.
        attributes: dict[int, Attribute] = {}
        for refusal in refusals:
            for attribute in refusal.attributes:
                attributes.setdefault(attribute.TYPE, attribute)
        return Unauthenticated(code, tuple(attributes.values()))
