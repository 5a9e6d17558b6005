"""How a client proves itself to one server and judges what comes back (:rfc:`8489#section-9`).

A session sends nothing: `protection` says how to protect the next request, `judge` what a response is worth.
"""

from collections.abc import Sequence
from dataclasses import field
from typing import Final, Protocol, TypeAlias

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import (
    Algorithm,
    ErrorCode,
    Nonce,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Realm,
    UserHash,
    Username,
)
from rtc_stun.credentials import long_term_key, short_term_key, userhash
from rtc_stun.dataclass import dataclass
from rtc_stun.errors import IntegrityError
from rtc_stun.events import FailureReason
from rtc_stun.message import Integrity, Message, MessageClass
from rtc_stun.nonce import SecurityFeature, security_features
from rtc_stun.precis import opaque_string

_CHALLENGES: Final = frozenset({401, 438})
_KNOWN_ALGORITHMS: Final = frozenset(Algorithm)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTermCredential:
    """A username and password that both sides learned elsewhere, such as by signalling."""

    username: str
    password: str = field(repr=False)
    integrity: Integrity = Integrity.BOTH
    """What the first request carries; one of the two if it is known what the server supports."""

    def __post_init__(self) -> None:
        """Refuse what OpaqueString does not allow."""
        opaque_string(self.username)
        opaque_string(self.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTermCredential:
    """A username and password as one has them with a provider; the server asks for them with a challenge."""

    username: str
    password: str = field(repr=False)
    algorithms: Sequence[int] = (Algorithm.SHA256, Algorithm.MD5)
    """The password algorithms to go along with; the server's preference decides. Servers of :rfc:`5389` name none and
    mean MD5: leave that out and they are refused, and so is whoever on the path makes a server look like one."""

    def __post_init__(self) -> None:
        """Refuse what OpaqueString does not allow."""
        opaque_string(self.username)
        opaque_string(self.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKeyCredential:
    """A name and a key for the long-term mechanism, as an authorization server hands them out (:rfc:`7635`).

    The key is used as it is, with HMAC-SHA-1. The token that tells the server about it is for the caller to add.
    """

    username: str
    """Names the key that the token is sealed with (``kid``)."""
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what OpaqueString does not allow."""
        opaque_string(self.username)


Credential: TypeAlias = ShortTermCredential | LongTermCredential | SessionKeyCredential


@dataclass(frozen=True, slots=True)
class Protection:
    """What a request carries to authenticate itself."""

    attributes: tuple[Attribute, ...] = ()
    key: bytes | None = field(default=None, repr=False)
    integrity: Integrity = Integrity.SHA1


UNPROTECTED: Final = Protection()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The response may be acted upon."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """The response is to be forgotten, as if it had never arrived."""

    violated: bool
    """Whether it failed to prove its integrity: over a reliable transport that ends the transaction."""


@dataclass(frozen=True, slots=True)
class Challenged:
    """The server wants (other) credentials, which the session now has: ask again in a new transaction."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The transaction has failed."""

    reason: FailureReason


Verdict: TypeAlias = Accepted | Discarded | Challenged | Refused

_ACCEPTED: Final = Accepted()
_IGNORED: Final = Discarded(violated=False)
_VIOLATED: Final = Discarded(violated=True)


class Session(Protocol):
    """What a client knows about authentication with one server."""

    def protection(self) -> Protection:
        """Say how to protect the next request."""

    def judge(self, response: Message, sent: Protection) -> Verdict:
        """Judge a response to a request that carried ``sent``, and learn from it."""

    def indication_protection(self) -> Protection:
        """Say how to protect an indication."""

    def admits(self, indication: Message) -> bool:
        """Tell whether an indication of the server is to be taken seriously."""


class OpenSession:
    """No credentials: every response counts."""

    __slots__ = ()

    def protection(self) -> Protection:
        """Say that nothing is to be added."""
        return UNPROTECTED

    def judge(self, response: Message, sent: Protection) -> Verdict:  # noqa: ARG002 - the signature is Session's
        """Accept."""
        return _ACCEPTED

    def indication_protection(self) -> Protection:
        """Say that nothing is to be added."""
        return UNPROTECTED

    def admits(self, indication: Message) -> bool:  # noqa: ARG002 - the signature is Session's
        """Let it in."""
        return True


class ShortTermSession:
    """The short-term mechanism, with one server (:rfc:`8489#section-9.1`)."""

    __slots__ = ("_integrity", "_key", "_username")

    def __init__(self, credential: ShortTermCredential) -> None:
        self._username = Username(credential.username)
        self._key = short_term_key(credential.password)
        self._integrity = credential.integrity

    def protection(self) -> Protection:
        """Add USERNAME and the integrity that the server is known to support, both kinds until it is known."""
        # [rfc8489:9.1.2/1] [rfc8489:9.1.2/2]
        return Protection((self._username,), self._key, self._integrity)

    def judge(self, response: Message, sent: Protection) -> Verdict:
        """Accept what the password's holder sent."""
        # [rfc8489:9.1.4/1]
        if sent.integrity is not Integrity.BOTH and response.integrity not in (sent.integrity, None):
            return _VIOLATED
        try:
            proven_by = response.verify_integrity(self._key)
        except IntegrityError:
            return _VIOLATED
        # [rfc8489:9.1.5/1]
        self._integrity = proven_by
        return _ACCEPTED

    def indication_protection(self) -> Protection:
        """Protect it like a request."""
        return self.protection()

    def admits(self, indication: Message) -> bool:
        """Let in what carries our username and what the password's holder protected."""
        # [rfc8489:9.1.3/2] [rfc8489:9.1.3/4]
        if indication.get(Username) != self._username:
            return False
        try:
            indication.verify_integrity(self._key)
        except IntegrityError:
            # [rfc8489:9.1.3/6]
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Challenge:
    """What the server asked for, and the answer to it."""

    user: Username | UserHash
    realm: Realm
    nonce: Nonce
    algorithms: PasswordAlgorithms | None
    algorithm: PasswordAlgorithm | None
    key: bytes = field(repr=False)


class LongTermSession:
    """The long-term mechanism, with one server (:rfc:`8489#section-9.2`)."""

    __slots__ = ("_challenge", "_credential")

    def __init__(self, credential: LongTermCredential | SessionKeyCredential) -> None:
        self._credential = credential
        self._challenge: _Challenge | None = None
        """None until the server has sent one; what came with the last one after that."""

    def protection(self) -> Protection:
        """Add nothing before the first challenge, and the answer to the last challenge ever after."""
        challenge = self._challenge
        # [rfc8489:9.2.3.1/1]
        if challenge is None:
            return UNPROTECTED
        # [rfc8489:9.2.3.2/2] [rfc8489:9.2.5/7] [rfc8489:9.2.5/8] [rfc8489:9.2.5/14]
        attributes: list[Attribute] = [challenge.user, challenge.realm, challenge.nonce]
        if challenge.algorithms is None or challenge.algorithm is None:
            # [rfc8489:9.2.3.2/3] A server without algorithms is one of RFC 5389, which knows nothing but SHA-1.
            return Protection(tuple(attributes), challenge.key, Integrity.SHA1)
        # [rfc8489:9.2.5/9] [rfc8489:9.2.5/10]
        attributes += (challenge.algorithms, challenge.algorithm)
        # [rfc8489:9.2.5/20]
        return Protection(tuple(attributes), challenge.key, Integrity.SHA256)

    def judge(self, response: Message, sent: Protection) -> Verdict:
        """Answer a challenge, or accept what the password's holder sent."""
        error = response.get(ErrorCode)
        code = error.code if error is not None and response.message_class is MessageClass.ERROR else None
        # [rfc8489:9.2.5/1]
        stripped = _announces(response, SecurityFeature.PASSWORD_ALGORITHMS) and not response.get(PasswordAlgorithms)
        if code in _CHALLENGES:
            # [rfc8489:9.2.5/2]
            return Refused(FailureReason.BID_DOWN) if stripped else self._take_challenge(response, sent, code == 438)
        # [rfc8489:9.2.5/15]
        if stripped:
            return _IGNORED
        # [rfc8489:9.2.5/16] [rfc8489:14.8/11] Anybody could have sent it, but to lack integrity is its right.
        if code == 400 and response.integrity is None:
            return _IGNORED
        if sent.key is None:
            return _ACCEPTED
        if sent.integrity is Integrity.SHA256 and response.integrity is Integrity.SHA1:
            return _VIOLATED
        try:
            response.verify_integrity(sent.key)
        except IntegrityError:
            return _VIOLATED
        return _ACCEPTED

    def indication_protection(self) -> Protection:
        """Add nothing: an indication cannot be challenged, so this mechanism does not protect any."""
        return UNPROTECTED

    def admits(self, indication: Message) -> bool:  # noqa: ARG002 - the signature is Session's
        """Let it in, unproven."""
        return True

    def _take_challenge(self, response: Message, sent: Protection, stale: bool) -> Verdict:
        nonce, realm = response.get(Nonce), response.get(Realm)
        if nonce is None or realm is None:
            return Refused(FailureReason.MALFORMED_RESPONSE)
        algorithms = response.get(PasswordAlgorithms)
        previous = self._challenge
        # Whoever had algorithms does not lose them: that would let SHA-1 in again. [rfc8489:9.2.5/20]
        if previous is not None and previous.algorithms is not None and algorithms is None:
            return Refused(FailureReason.BID_DOWN)
        if isinstance(self._credential, SessionKeyCredential):
            return self._answer_with_key(self._credential, nonce, realm, sent, stale)
        algorithm = self._choose(self._credential, algorithms)
        number = Algorithm.MD5 if algorithms is None else None if algorithm is None else algorithm.algorithm
        # [rfc8489:9.2.5/11] Without a list it is MD5 that we may not support.
        if number is None or number not in self._credential.algorithms:
            return Refused(FailureReason.NO_ALGORITHM)
        username, password = self._credential.username, self._credential.password
        try:
            user: Username | UserHash = Username(username)
            # [rfc8489:9.2.5/4] [rfc8489:9.2.5/5] [rfc8489:9.2.5/6]
            if _announces(response, SecurityFeature.USERNAME_ANONYMITY):
                user = UserHash(userhash(username, realm.text))
            key = long_term_key(username, realm.text, password, number)
            # Realm and nonce must be fit to be sent back.
            realm.serialize(b"")
            nonce.serialize(b"")
        except ValueError:
            return Refused(FailureReason.MALFORMED_RESPONSE)
        # [rfc8489:9.2.5/12] The same user in the same realm with the same key would be refused again.
        if (
            not stale
            and sent.key is not None
            and key == sent.key
            and user in sent.attributes
            and realm in sent.attributes
        ):
            return Refused(FailureReason.CREDENTIALS_REFUSED)
        # [rfc8489:9.2.3.2/1] [rfc8489:9.2.5/3] [rfc8489:9.2.5/13]
        self._challenge = _Challenge(user, realm, nonce, algorithms, algorithm, key)
        return Challenged()

    def _answer_with_key(
        self, credential: SessionKeyCredential, nonce: Nonce, realm: Realm, sent: Protection, stale: bool
    ) -> Verdict:
        """A key that is there already depends on no realm and no algorithm."""
        if not stale and sent.key is not None:
            return Refused(FailureReason.CREDENTIALS_REFUSED)
        try:
            realm.serialize(b"")
            nonce.serialize(b"")
        except ValueError:
            return Refused(FailureReason.MALFORMED_RESPONSE)
        self._challenge = _Challenge(Username(credential.username), realm, nonce, None, None, credential.key)
        return Challenged()

    @staticmethod
    def _choose(credential: LongTermCredential, offered: PasswordAlgorithms | None) -> PasswordAlgorithm | None:
        if offered is None:
            return None
        for entry in offered.algorithms:
            if entry.algorithm in credential.algorithms and entry.algorithm in _KNOWN_ALGORITHMS:
                return entry
        return None


def _announces(response: Message, feature: SecurityFeature) -> bool:
    nonce = response.get(Nonce)
    features = None if nonce is None else security_features(nonce.value)
    return features is not None and feature in features


def open_session(credential: Credential | None) -> Session:
    """Return the session that a credential calls for."""
    match credential:
        case None:
            return OpenSession()
        case ShortTermCredential():
            return ShortTermSession(credential)
        case LongTermCredential() | SessionKeyCredential():
            return LongTermSession(credential)
