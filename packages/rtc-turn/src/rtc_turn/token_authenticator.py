"""Third-party authorization in a server: clients prove themselves with tokens of an authorization server.

See :rfc:`7635#section-7` and :rfc:`7635#section-9`.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from rtc_stun import (
    Address,
    Authenticated,
    Integrity,
    IntegrityError,
    Message,
    Nonce,
    NonceMint,
    Realm,
    SecurityFeature,
    Unauthenticated,
    Username,
)
from rtc_turn.access_token import TokenContents, TokenKey
from rtc_turn.attributes import AccessToken, ThirdPartyAuthorization
from rtc_turn.dataclass import dataclass
from rtc_turn.errors import ParseError

# [rfc7635:7/1] [rfc7635:9/4]
CLOCK_DIFFERENCE: Final = 5.0
"""Seconds that the clocks of the two servers may differ by."""
NONCE_LIFETIME: Final = 600.0
MAX_SESSIONS: Final = 65_536
"""Clients whose session key is remembered; who was heard least lately has to show its token again."""


@dataclass(slots=True)
class _Session:
    username: str
    key: bytes
    expires_at: float
    """By the clock of the day."""


class TokenAuthenticator:
    """Let in whoever has a token (`rtc_stun.Authenticator`).

    A client shows its token with Allocate and Refresh; its other requests are protected by the session key alone, so that is
    remembered for the address that it comes from.

    Args:
        realm: The realm.
        server_name: What this server is called by its authorization server; clients are told.
        keys: What is shared with authorization servers, by the name that clients send as USERNAME (``kid``). It is looked
            up in with each token: change it to replace keys.
        secret: Random bytes for the nonces, as of `rtc_stun.LongTermAuthenticator`.
        wall_clock: Returns seconds since 1970, such as `time.time`.
        nonce_lifetime: Seconds after which a client needs another nonce.
    """

    def __init__(
        self,
        realm: str,
        server_name: str,
        keys: Mapping[str, TokenKey],
        *,
        secret: bytes,
        wall_clock: Callable[[], float],
        nonce_lifetime: float = NONCE_LIFETIME,
    ) -> None:
        self._realm = Realm(realm)
        self._realm.serialize(b"")
        self._server_name = server_name
        self._keys = keys
        self._wall_clock = wall_clock
        self._mint = NonceMint(secret, SecurityFeature.NONE, nonce_lifetime)
        self._sessions: OrderedDict[Address, _Session] = OrderedDict()

    def authenticate(self, request: Message, source: Address, now: float) -> Authenticated | Unauthenticated:
        """Judge a request."""
        if request.integrity is None:
            return self._challenge(401, source, now)
        username, nonce = request.get(Username), request.get(Nonce)
        if username is None or nonce is None or request.get(Realm) is None:
            return Unauthenticated(400)
        clock = self._wall_clock()
        token = request.get(AccessToken)
        session = (
            self._known(source, username.text) if token is None else self._opened(username.text, token.value, clock)
        )
        if session is None or session.expires_at <= clock:
            return self._challenge(401, source, now)
        try:
            request.verify_integrity(session.key)
        except IntegrityError:
            return self._challenge(401, source, now)
        if not self._mint.is_valid(nonce.value, source, now):
            return self._challenge(438, source, now)
        self._remember(source, session)
        # [rfc7635:7/2] [rfc7635:9/2] [rfc7635:9/3]
        return Authenticated(
            session.username, session.key, Integrity.SHA1, Integrity.SHA1, valid_for=session.expires_at - clock
        )

    def _opened(self, username: str, token: bytes, clock: float) -> _Session | None:
        key = self._keys.get(username)
        if key is None:
            return None
        try:
            contents = TokenContents.open(token, key, self._server_name)
        except ParseError:
            return None
        age = abs(clock - contents.timestamp)
        if age >= contents.lifetime + CLOCK_DIFFERENCE:
            return None
        return _Session(username, contents.session_key, clock + contents.lifetime + CLOCK_DIFFERENCE - age)

    def _known(self, source: Address, username: str) -> _Session | None:
        session = self._sessions.get(source)
        return session if session is not None and session.username == username else None

    def _remember(self, source: Address, session: _Session) -> None:
        self._sessions[source] = session
        self._sessions.move_to_end(source)
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)

    def _challenge(self, error_code: int, source: Address, now: float) -> Unauthenticated:
        name = ThirdPartyAuthorization(self._server_name.encode())
        return Unauthenticated(error_code, (self._realm, Nonce(self._mint.mint(source, now)), name))
