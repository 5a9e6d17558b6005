"""Connectivity checks from the side that answers: the STUN server procedures of :rfc:`8445#section-7.3`.

A check proves that it comes from the peer by MESSAGE-INTEGRITY under our password. Absent is not valid: whatever is not
proven gets an error response at most and changes nothing.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rtc_ice.messages import ROLE_CONFLICT, build_error, build_success
from rtc_ice.role import Verdict
from rtc_ice.session import PeerCheck, Session
from rtc_stun import (
    Datagram,
    FingerprintError,
    GoogNomination,
    IceControlled,
    IceControlling,
    Integrity,
    IntegrityError,
    Message,
    Priority,
    UseCandidate,
    Username,
)

BAD_REQUEST = 400
UNAUTHENTICATED = 401
UNKNOWN_ATTRIBUTE = 420


class Answer(NamedTuple):
    """The response to send, and the check if it was accepted."""

    response: bytes
    session: Session | None = None
    check: PeerCheck | None = None


class Responder:
    """Answers Binding requests."""

    def __init__(self, count: Callable[[str], None], *, lite: bool) -> None:
        self._count = count
        self._lite = lite

    def answer(self, message: Message, datagram: Datagram, sessions: Sequence[Session]) -> Answer | None:
        """Authenticate a request and answer it.

        Args:
            message: A Binding request.
            datagram: What it came in.
            sessions: The present session, and the one before it while a restart is under way.

        Returns:
            The answer, or ``None`` if silence is the answer.
        """
        current = sessions[0]
        # [rfc8445:7.3/1]
        local = current.find_base(datagram.local, datagram.transport)
        if local is None:
            self._count("unknown-local-address")
            return None
        try:
            # [rfc8445:7.3/9]
            message.verify_fingerprint()
        except FingerprintError:
            self._count("no-fingerprint")
            return None
        username = message.get(Username)
        if username is None or message.integrity is None:
            return self._reject(message, BAD_REQUEST, "unauthenticated")
        # [rfc8445:7.3/4]
        local_ufrag, colon, remote_ufrag = username.text.partition(":")
        session = next((each for each in sessions if colon and each.local.ufrag == local_ufrag), None)
        if session is None or not remote_ufrag or ":" in remote_ufrag:
            return self._reject(message, UNAUTHENTICATED, "unknown-username")
        try:
            # [rfc8445:7.3/2]
            integrity = message.verify_integrity(session.local_key)
        except IntegrityError:
            return self._reject(message, UNAUTHENTICATED, "wrong-password")
        check = PeerCheck(local, datagram.remote, remote_ufrag, priority=0, use_candidate=False)
        return self._examine(message, _Signer(session, message, integrity), check, current)

    def _examine(self, message: Message, signer: "_Signer", check: PeerCheck, current: Session) -> Answer:
        """Answer a request that is proven to come from the peer."""
        unknown = message.unknown_required()
        if unknown:
            self._count("unknown-attribute")
            return signer.error(UNKNOWN_ATTRIBUTE, tuple(unknown))
        priority = message.get(Priority)
        controlling, controlled = message.get(IceControlling), message.get(IceControlled)
        if priority is None or (controlling is not None and controlled is not None):
            self._count("incomplete-check")
            return signer.error(BAD_REQUEST)
        # [rfc8445:7.3.1.1/2] [rfc8445:6.1.1/6]
        claim = controlling or controlled
        if claim is not None and not self._lite:
            verdict = current.role.judge(controlling=controlling is not None, tie_breaker=claim.value)
            if verdict is Verdict.REJECT:
                self._count("role-conflict")
                return signer.error(ROLE_CONFLICT)
            if verdict is Verdict.SWITCH:
                current.switch_role(controlling=not current.role.controlling)
        number = message.get(GoogNomination)
        check = check._replace(
            priority=priority.value,
            use_candidate=message.get(UseCandidate) is not None,
            nomination=0 if number is None else number.value,
        )
        return signer.success(check)

    def _reject(self, message: Message, code: int, reason: str) -> Answer:
        self._count(reason)
        # [rfc8445:7.3/7] An error never names another server.
        return Answer(build_error(message.transaction_id, code))


class _Signer(NamedTuple):
    """Makes responses that are protected as the request was."""

    session: Session
    request: Message
    integrity: Integrity

    def success(self, check: PeerCheck) -> Answer:
        # [rfc8445:7.3/3] [rfc8445:7.3/5] All that the answer needs is in the request.
        transaction_id, key = self.request.transaction_id, self.session.local_key
        return Answer(build_success(transaction_id, check.source, key, self.integrity), self.session, check)

    def error(self, code: int, unknown: tuple[int, ...] = ()) -> Answer:
        transaction_id, key = self.request.transaction_id, self.session.local_key
        return Answer(build_error(transaction_id, code, unknown=unknown, key=key, integrity=self.integrity))
