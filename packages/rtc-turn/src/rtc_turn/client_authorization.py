"""Third-party authorization in a client: a token of an authorization server in place of a password (:rfc:`7635#section-8`)."""

from dataclasses import field
from typing import Final

from rtc_stun import Attribute, Credential, RequestFailed, SessionKeyCredential
from rtc_turn.attributes import AccessToken, ThirdPartyAuthorization
from rtc_turn.client_link import ClientLinks
from rtc_turn.client_requests import Journal
from rtc_turn.dataclass import dataclass
from rtc_turn.events import TokenWanted
from rtc_turn.method import ALLOCATE, REFRESH

UNAUTHENTICATED: Final = 401
RENEWAL_MARGIN: Final = 60.0
"""Seconds before the end of a token at which another is wished for; half of its life if that is shorter."""
MAX_NAME_LENGTH: Final = 763
"""Bytes of a server's name, as of the other names in STUN."""
_WITH_TOKEN: Final = frozenset({ALLOCATE, REFRESH})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What an authorization server gives a client."""

    username: str
    """Names the key that the token is sealed with (``kid``)."""
    # [rfc7635:6.2/1]
    token: bytes = field(repr=False)
    """The token itself, decoded from base64; it means nothing to the client."""
    session_key: bytes = field(repr=False)
    """What the client proves itself with (``key``, 20 bytes)."""
    expires_in: float
    """Seconds."""


class ClientAuthorization:
    """The token of a client.

    Args:
        is_wanted: Whether there may be one.
        credential: What to go by where the server does not know of tokens.
        links: The ways to the server.
        journal: Takes wishes.
    """

    def __init__(self, *, is_wanted: bool, credential: Credential | None, links: ClientLinks, journal: Journal) -> None:
        self._is_wanted = is_wanted
        self._credential = credential
        self._links = links
        self._journal = journal
        self._grant: TokenGrant | None = None
        self._server_name = ""
        self._renew_at: float | None = None
        if not is_wanted:
            links.set_credential(credential)

    def is_same_user(self, credential: Credential | None) -> bool:
        """Whether a credential is that of the present user."""
        names = [None if each is None else each.username for each in (credential, self._credential)]
        return names[0] == names[1]

    def set_credential(self, credential: Credential | None) -> None:
        """Use another password from now on, unless a token is used."""
        self._credential = credential
        if not self._is_wanted:
            self._links.set_credential(credential)

    def attributes(self, method: int) -> tuple[Attribute, ...]:
        """Return what a request carries beside its own attributes."""
        # [rfc7635:9/1]
        return (AccessToken(self._grant.token),) if self._grant is not None and method in _WITH_TOKEN else ()

    def wishes_for_token(self, failure: RequestFailed) -> bool:
        """Whether the server, which has refused, lets in who has a token: then one is wished for."""
        name = None if failure.response is None else failure.response.get(ThirdPartyAuthorization)
        # [rfc7635:6.1/2]
        if not self._is_unproven(failure) or name is None or len(name.value) > MAX_NAME_LENGTH:
            return False
        self._server_name = name.value.decode(errors="replace")
        self._journal.events.append(TokenWanted(self._server_name))
        return True

    def falls_back(self, failure: RequestFailed) -> bool:
        """Whether the server, which knows of no tokens, may let in who has a password: then that is used."""
        if not self._is_unproven(failure) or self._credential is None:
            return False
        self._is_wanted = False
        self._links.set_credential(self._credential)
        return True

    def _is_unproven(self, failure: RequestFailed) -> bool:
        return self._is_wanted and self._grant is None and failure.error_code == UNAUTHENTICATED

    def grant(self, grant: TokenGrant) -> None:
        """Use a token from now on."""
        # [rfc7635:8/1] [rfc7635:8/2] [rfc7635:9/5]
        self._links.set_credential(SessionKeyCredential(username=grant.username, key=grant.session_key))
        self._grant = grant
        margin = min(RENEWAL_MARGIN, grant.expires_in / 2)
        self._renew_at = self._journal.now + grant.expires_in - margin

    def handle_timeout(self) -> None:
        """Wish for another token, when the present one nears its end."""
        if self._renew_at is not None and self._journal.now >= self._renew_at:
            self._renew_at = None
            self._journal.events.append(TokenWanted(self._server_name))

    def next_timeout(self) -> float | None:
        """Return when another token is to be wished for."""
        return self._renew_at
