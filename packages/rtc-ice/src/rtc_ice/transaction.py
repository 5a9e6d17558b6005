"""Requests under way: retransmission, patience for the last response, cancellation.

A request is sent at once and again after RTO, 3 RTO, 7 RTO and so on, at most Rc times; the last one waits Rm times RTO
(:rfc:`8489#section-6.2.1`).
"""

from typing import Generic, TypeVar

from rtc_ice.pair import Pair
from rtc_stun import Datagram


class Transaction:
    """One request and its schedule. Derived classes say what the answer is for."""

    __slots__ = (
        "_deadline",
        "_interval",
        "_max_requests",
        "cancelled",
        "datagram",
        "next_at",
        "sent_at",
        "sent_count",
        "transaction_id",
    )

    def __init__(
        self,
        transaction_id: bytes,
        datagram: Datagram,
        now: float,
        *,
        rto: float,
        max_requests: int,
        final_wait: float,
        timeout: float | None = None,
    ) -> None:
        self.transaction_id = transaction_id
        self.datagram = datagram
        self.sent_at = now
        self.sent_count = 1
        self.cancelled = False
        self._interval = rto
        self._max_requests = max_requests
        complete = now + rto * (2.0 ** (max_requests - 1) - 1) + final_wait
        self._deadline = complete if timeout is None else min(complete, now + timeout)
        self.next_at = self._deadline
        self._schedule(now)

    def advance(self, now: float) -> bool:
        """Act on the timer; return whether to send once more. If not, the transaction is over: see `expired`."""
        if self.expired(now):
            return False
        self.sent_count += 1
        self._interval *= 2
        self._schedule(now)
        return True

    def expired(self, now: float) -> bool:
        """Whether nothing further will be sent or waited for."""
        return now >= self._deadline

    def cancel(self) -> None:
        """Send no more, but go on waiting for a response; silence is no failure now.

        See :rfc:`8445#section-7.3.1.4`.
        """
        self.cancelled = True
        self.next_at = self._deadline

    def _schedule(self, now: float) -> None:
        repeats = self.sent_count < self._max_requests
        self.next_at = min(now + self._interval, self._deadline) if repeats else self._deadline


class CheckTransaction(Transaction):
    """A connectivity check, ordinary, triggered or nominating."""

    __slots__ = ("controlling", "nominates", "pair", "priority")

    def __init__(
        self,
        transaction_id: bytes,
        datagram: Datagram,
        now: float,
        *,
        pair: Pair,
        priority: int,
        controlling: bool,
        nominates: Pair | None,
        rto: float,
        max_requests: int,
        final_wait: float,
    ) -> None:
        super().__init__(transaction_id, datagram, now, rto=rto, max_requests=max_requests, final_wait=final_wait)
        self.pair = pair
        self.priority = priority
        """What PRIORITY said: the priority of the candidate that the response may reveal."""
        self.controlling = controlling
        """The role that the request claimed."""
        self.nominates = nominates
        """The valid pair that the request nominates, if it carries USE-CANDIDATE."""


T = TypeVar("T", bound=Transaction)


class TransactionTable(Generic[T]):
    """Transactions by ID, in the order in which they began."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, T] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, transaction: T) -> None:
        """Begin to wait for a response."""
        self._by_id[transaction.transaction_id] = transaction

    def get(self, transaction_id: bytes) -> T | None:
        """Return the transaction that a response answers."""
        return self._by_id.get(transaction_id)

    def remove(self, transaction: T) -> None:
        """Wait no longer."""
        self._by_id.pop(transaction.transaction_id, None)

    def all(self) -> list[T]:
        """Return the transactions under way."""
        return list(self._by_id.values())

    def due(self, now: float) -> list[T]:
        """Return those whose timer has fired."""
        return [transaction for transaction in self._by_id.values() if transaction.next_at <= now]

    def next_timeout(self) -> float | None:
        """Return when the next timer fires."""
        return min((transaction.next_at for transaction in self._by_id.values()), default=None)
