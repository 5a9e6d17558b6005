"""Consent freshness: nothing is sent to a peer that no longer answers (:rfc:`7675`).

The pair that carries data is checked every four to six seconds, each check sent once. Thirty seconds without an answer,
or an authenticated 403, end the consent for good: these credentials are never used on that path again.
"""

from typing import Final

from rtc_ice.config import CONSENT_LIFETIME, IceConfig
from rtc_ice.messages import ROLE_CONFLICT, TRANSACTION_ID_LENGTH
from rtc_ice.pair import Pair
from rtc_ice.session import Session
from rtc_ice.transaction import Transaction, TransactionTable
from rtc_stun import Datagram, ErrorCode, Message, MessageClass

FORBIDDEN: Final = 403

_MIN_RESPONSE_WAIT: Final = 1.0
_RTT_ALLOWANCE: Final = 4
"""A response may take this many times the last round trip."""


class ConsentTransaction(Transaction):
    """A consent check: sent once."""

    __slots__ = ("controlling",)

    def __init__(
        self, transaction_id: bytes, datagram: Datagram, now: float, *, wait: float, controlling: bool
    ) -> None:
        super().__init__(transaction_id, datagram, now, rto=wait, max_requests=1, final_wait=wait)
        self.controlling = controlling
        """The role that the request claimed."""


class ConsentMonitor:
    """Watches over the pair that carries a component's data."""

    def __init__(self, session: Session, pair: Pair, now: float) -> None:
        self.session = session
        self.pair = pair
        self.revoked = False
        """Whether the peer withdrew its consent."""
        self._transactions: TransactionTable[ConsentTransaction] = TransactionTable()
        self._unanswered = 0
        """How many checks were sent since the last answer."""
        self._next_check_at = now
        if pair.heard_at is None:
            pair.heard_at = now
        # A pair that is taken up long after the peer's last answer is checked at once.
        self._schedule(now if pair.last_response_at is None else pair.last_response_at)

    @property
    def checks(self) -> bool:
        """Whether consent is asked for: by full agents alone."""
        return not self.session.config.lite

    def lost(self, now: float) -> bool:
        """Whether nothing may be sent any more."""
        return self.revoked or now >= self.expires_at

    def silent(self, now: float) -> bool:
        """Whether the peer was not heard for so long that the connection counts as disconnected."""
        return now >= self.silent_at

    @property
    def expires_at(self) -> float:
        """When consent ends unless the peer answers."""
        return consent_ends_at(self.pair, self.session.config)

    @property
    def silent_at(self) -> float:
        """When silence begins to count."""
        return silent_at(self.pair, self.session.config)

    def checks_due(self, now: float) -> list[Datagram]:
        """Return the consent check that is due, if one is."""
        for transaction in self._transactions.due(now):
            self._transactions.remove(transaction)
        if not self.checks or now < self._next_check_at or self.lost(now):
            return []
        self._schedule(now)
        return [self._ask(now)]

    def handle_response(self, message: Message, datagram: Datagram, now: float) -> bool:
        """Take an authenticated response; return whether it answers a consent check of this pair."""
        transaction = self._transactions.get(message.transaction_id)
        if transaction is None or (datagram.local, datagram.remote, datagram.transport) != self.pair.path:
            return False
        self._transactions.remove(transaction)
        self.pair.statistics.responses_received += 1
        self._unanswered = 0
        error = message.get(ErrorCode)
        if error is None and message.message_class is MessageClass.SUCCESS and not message.unknown_required():
            self.pair.statistics.measure(now - transaction.sent_at)
            for proven in (self.pair, self.pair.source):
                proven.last_response_at = proven.heard_at = now
        elif error is not None and error.code == FORBIDDEN:
            self.revoked = True
        elif error is not None and error.code == ROLE_CONFLICT:
            self.session.switch_role(controlling=not transaction.controlling)
            self.session.role.renew()
        return True

    def awaits(self, transaction_id: bytes, now: float) -> bool:
        """Whether a response with that ID is expected still."""
        transaction = self._transactions.get(transaction_id)
        return transaction is not None and not transaction.expired(now)

    def discard(self) -> None:
        """Forget all checks under way, for consent is gone."""
        # [rfc7675:5.1/8]
        for transaction in self._transactions.all():
            self._transactions.remove(transaction)

    def next_timeout(self, now: float) -> float | None:
        """Return when something is to be done or noticed next."""
        times = [self.expires_at]
        if self.checks:
            times.append(self._next_check_at)
        if not self.silent(now):
            times.append(self.silent_at)
        if (at := self._transactions.next_timeout()) is not None:
            times.append(at)
        earliest = min(times)
        return None if earliest == float("inf") else earliest

    def _ask(self, now: float) -> Datagram:
        # [rfc7675:5.1/6] [rfc7675:5.1/9] Fresh and unpredictable, and told to nobody but the peer.
        transaction_id = self.session.rng(TRANSACTION_ID_LENGTH)
        priority = self.pair.local.peer_reflexive_priority()
        datagram = self.session.check_datagram(self.pair, transaction_id, priority=priority, use_candidate=False)
        # [rfc7675:5.1/7] Each check that went unanswered doubles the wait, or a path that has become long would be lost.
        allowance = _RTT_ALLOWANCE * (self.pair.statistics.current_round_trip_time or 0.0)
        wait = min(max(_MIN_RESPONSE_WAIT, allowance) * 2**self._unanswered, CONSENT_LIFETIME)
        self._unanswered += 1
        controlling = self.session.role.controlling
        self._transactions.add(ConsentTransaction(transaction_id, datagram, now, wait=wait, controlling=controlling))
        # [rfc7675:5.1/11] Over whatever the pair sends by, also where TCP seems to say that somebody listens.
        self.pair.statistics.requests_sent += 1
        self.pair.statistics.consent_requests_sent += 1
        return datagram

    def _schedule(self, start: float) -> None:
        # [rfc7675:5.1/3]
        fraction = int.from_bytes(self.session.rng(4), "big") / 2**32
        self._next_check_at = start + self.session.config.consent_interval * (0.8 + 0.4 * fraction)


def consent_ends_at(pair: Pair, config: IceConfig) -> float:
    """Return when the peer's last answer on a valid pair is too old to send data there."""
    # A lite agent asks for no consent; that the peer checks is all it knows.
    if config.lite:
        return float("inf")
    # [rfc7675:5.1/1] [rfc7675:5.1/2]
    return float("-inf") if pair.last_response_at is None else pair.last_response_at + CONSENT_LIFETIME


def silent_at(pair: Pair, config: IceConfig) -> float:
    """Return when the silence on a pair begins to count as disconnection."""
    # A peer without consent checks of its own sends a lite agent nothing but indications, which prove nothing.
    patience = CONSENT_LIFETIME if config.lite else config.disconnected_timeout
    return float("inf") if pair.heard_at is None else pair.heard_at + patience


def is_heard(pair: Pair, config: IceConfig, now: float) -> bool:
    """Whether the peer has proved on a pair lately that it is there."""
    return pair.heard_at is not None and now < pair.heard_at + config.disconnected_timeout
