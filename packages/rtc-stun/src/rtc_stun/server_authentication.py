"""How a server checks who is asking (:rfc:`8489#section-9`).

An authenticator judges a request in the order of the RFC's checks and says what a response carries. Servers of other
protocols on top of STUN can use them as well.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Protocol, TypeAlias

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import (
    Algorithm,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Realm,
    UserHash,
    Username,
)
from rtc_stun.credentials import short_term_key
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.errors import IntegrityError
from rtc_stun.message import Integrity, Message
from rtc_stun.nonce import NonceMint, SecurityFeature, security_features
from rtc_stun.precis import opaque_string
from rtc_stun.users import ALL_ALGORITHMS, User, UserDirectory

NONCE_LIFETIME: Final = 600.0
MIN_SECRET_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The request comes from a known user."""

    username: str
    key: bytes = field(repr=False)
    """Protects the response."""
    integrity: Integrity
    """Which attribute the response carries."""
    proven_by: Integrity
    """Which attribute of the request was verified."""
    account: str = ""
    """Whom quotas are counted for; empty where it is the name."""
    valid_for: float | None = None
    """Seconds for which it stays so without being proven anew; None for as long as may be."""
    has_ended: bool = False
    """Whether the user's time is over, so that nothing new is to begin: see `User.has_ended`."""


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """The request is refused; an indication is forgotten."""

    error_code: int
    attributes: tuple[Attribute, ...] = ()
    """What the error response carries beside ERROR-CODE. It is not protected: there is no secret to do it with."""


Judgement: TypeAlias = Authenticated | Unauthenticated


class Authenticator(Protocol):
    """What a server asks about each request."""

    def authenticate(self, request: Message, source: Address, now: float) -> Judgement:
        """Judge a parsed request from an address."""


class ShortTermAuthenticator:
    """The short-term mechanism (:rfc:`8489#section-9.1.3`).

    Args:
        passwords: By username. It is looked up in with each request: change it to add and remove users.
    """

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords

    def authenticate(self, request: Message, source: Address, now: float) -> Judgement:  # noqa: ARG002 - as in Authenticator
        """Judge a request or an indication."""
        username = request.get(Username)
        # [rfc8489:9.1.3/1] [rfc8489:9.1.3/10] Absent integrity is not valid integrity.
        if request.integrity is None or username is None:
            return Unauthenticated(400)
        password = self._passwords.get(username.text)
        # [rfc8489:9.1.3/3]
        if password is None:
            return Unauthenticated(401)
        try:
            key = short_term_key(password)
            proven_by = request.verify_integrity(key)
        except (IntegrityError, ValueError):
            # [rfc8489:9.1.3/5] A stored password that OpaqueString does not allow proves nobody.
            return Unauthenticated(401)
        # [rfc8489:9.1.3/7] [rfc8489:9.1.3/8] The strongest that the request had is what was verified.
        return Authenticated(username.text, key, proven_by, proven_by)


class LongTermAuthenticator:
    """The long-term mechanism (:rfc:`8489#section-9.2.4`).

    It holds no state for a client: nonces prove themselves.

    Args:
        users: The realm and its users.
        secret: Random bytes for the nonces, better 32 than the least 16. Servers that share it, and a clock, know each
            other's; a secret that outlives its clock is to be replaced.
        algorithms: What clients may make keys with, the preferred first. Clients of :rfc:`5389` know only MD5: leave it
            out and they stay out.
        anonymous: Whether clients are asked to send USERHASH in place of USERNAME.
        nonce_lifetime: Seconds after which a client needs another nonce.

    Raises:
        ValueError: The secret is too short, or there is no algorithm.
    """

    def __init__(
        self,
        users: UserDirectory,
        *,
        secret: bytes,
        algorithms: tuple[int, ...] = ALL_ALGORITHMS,
        anonymous: bool = False,
        nonce_lifetime: float = NONCE_LIFETIME,
    ) -> None:
        if not algorithms:
            raise ValueError("a server offers at least one password algorithm")
        if len(secret) < MIN_SECRET_LENGTH:
            raise ValueError(f"the secret has at least {MIN_SECRET_LENGTH} bytes, not {len(secret)}")
        self._users = users
        self._anonymous = anonymous
        self._algorithms = PasswordAlgorithms(tuple(PasswordAlgorithm(algorithm) for algorithm in algorithms))
        self._algorithms.serialize(b"")
        self._offered = frozenset(algorithms)
        # [rfc8489:9.2.4/6]
        features = SecurityFeature.PASSWORD_ALGORITHMS
        # [rfc8489:9.2.4/7]
        if anonymous:
            features |= SecurityFeature.USERNAME_ANONYMITY
        self._mint = NonceMint(secret, features, nonce_lifetime)

    def authenticate(self, request: Message, source: Address, now: float) -> Judgement:
        """Judge a request; indications cannot be protected by this mechanism."""
        # [rfc8489:9.2.4/2]
        if request.integrity is None:
            return self._challenge(401, source, now)
        nonce = request.get(Nonce)
        username, hashed = request.get(Username), request.get(UserHash)
        # [rfc8489:9.2.4/9] [rfc8489:9.2.4/10]
        if (username is None and hashed is None) or nonce is None or request.get(Realm) is None:
            return Unauthenticated(400)
        # [rfc8489:9.2.4/11]
        if not self._algorithms_are_ours(request, nonce):
            return Unauthenticated(400)
        user = self._find(username, hashed)
        # [rfc8489:9.2.4/12]
        if user is None:
            return self._challenge(401, source, now)
        chosen = request.get(PasswordAlgorithm)
        number = int(Algorithm.MD5) if chosen is None else chosen.algorithm
        # A client that names no algorithm means MD5, which is no way in where it is not offered.
        key = user.keys.get(number) if number in self._offered else None
        try:
            # [rfc8489:9.2.4/17]
            proven_by = None if key is None else request.verify_integrity(key)
        except IntegrityError:
            proven_by = None
        if key is None or proven_by is None:
            return self._challenge(401, source, now)
        # [rfc8489:9.2.4/20]
        if not self._mint.is_valid(nonce.value, source, now):
            return self._challenge(438, source, now)
        # [rfc8489:9.2.4/24] [rfc8489:9.2.4/25]
        legacy = chosen is None and request.get(PasswordAlgorithms) is None
        integrity = Integrity.SHA1 if legacy else Integrity.SHA256
        return Authenticated(user.username, key, integrity, proven_by, user.account, has_ended=user.has_ended)

    def _algorithms_are_ours(self, request: Message, nonce: Nonce) -> bool:
        """Tell whether nobody on the path changed what we offered."""
        features = security_features(nonce.value)
        chosen, offered = request.get(PasswordAlgorithm), request.get(PasswordAlgorithms)
        if features is None or SecurityFeature.PASSWORD_ALGORITHMS not in features:
            return True
        if chosen is None and offered is None:
            return True
        return offered == self._algorithms and chosen in self._algorithms.algorithms

    def _find(self, username: Username | None, hashed: UserHash | None) -> User | None:
        if hashed is not None and self._anonymous:
            return self._users.find_hash(hashed.value)
        if username is None:
            return None
        try:
            name = opaque_string(username.text)
        except ValueError:
            # No user has such a name; whoever looks users up does not get to see it.
            return None
        return self._users.find(name)

    def _challenge(self, error_code: int, source: Address, now: float) -> Unauthenticated:
        # [rfc8489:9.2.4/3] [rfc8489:9.2.4/4] [rfc8489:9.2.4/8]
        # [rfc8489:9.2.4/13] [rfc8489:9.2.4/14] [rfc8489:9.2.4/15] [rfc8489:9.2.4/16]
        # [rfc8489:9.2.4/18] [rfc8489:9.2.4/19] [rfc8489:9.2.4/21] [rfc8489:9.2.4/22] [rfc8489:9.2.4/23]
        nonce = Nonce(self._mint.mint(source, now))
        return Unauthenticated(error_code, (Realm(self._users.realm), nonce, self._algorithms))
