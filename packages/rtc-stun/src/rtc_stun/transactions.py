"""The exchanges of a client: which wait for their turn, which are out, and when the next one is due."""

from collections import deque
from typing import Final

from rtc_stun.datagram import Address
from rtc_stun.exchange import Exchange, Phase
from rtc_stun.timers import Timers

MAX_OUTSTANDING: Final = 10
"""Transactions in progress with one server; further requests wait."""

_IN_PROGRESS: Final = frozenset({Phase.DUE, Phase.WAITING})


class TransactionTable:
    """Every exchange, by request and by transaction, in the phase that it is in. Only this class changes a phase."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._exchanges: dict[int, Exchange] = {}
        self._by_transaction: dict[bytes, Exchange] = {}
        self._queues: dict[Address, deque[Exchange]] = {}
        self._outstanding: dict[Address, int] = {}
        self._due: list[Exchange] = []

    def __len__(self) -> int:
        return len(self._exchanges)

    @property
    def has_due(self) -> bool:
        """Whether a request waits to be flushed."""
        return bool(self._due)

    def get(self, request_id: int) -> Exchange | None:
        """Return the exchange of a request."""
        return self._exchanges.get(request_id)

    def find(self, transaction_id: bytes) -> Exchange | None:
        """Return the exchange whose request is out under a transaction ID, if only for the first time."""
        exchange = self._by_transaction.get(transaction_id)
        return exchange if exchange is not None and exchange.retransmission.sent_count else None

    def all(self) -> list[Exchange]:
        """Return every exchange, the oldest first."""
        return list(self._exchanges.values())

    def with_server(self, server: Address) -> list[Exchange]:
        """Return the exchanges that wait for a server or for its answer."""
        return [one for one in self.all() if one.server == server and one.phase is not Phase.PAUSED]

    def enqueue(self, exchange: Exchange) -> None:
        """Let an exchange, new or taken out with `end`, wait for its turn."""
        self._exchanges[exchange.request_id] = exchange
        exchange.phase = Phase.QUEUED
        self._queues.setdefault(exchange.server, deque()).append(exchange)

    def next_in_turn(self, server: Address) -> Exchange | None:
        """Take an exchange out of the queue if the server may have another transaction."""
        queue = self._queues.get(server)
        # [rfc8489:6.2/1]
        if queue is None or self._outstanding.get(server, 0) >= MAX_OUTSTANDING:
            return None
        exchange = queue.popleft()
        if not queue:
            del self._queues[server]
        return exchange

    def begin(self, exchange: Exchange) -> None:
        """Put the request of an exchange, which has a new transaction ID, into the next flush."""
        exchange.phase = Phase.DUE
        self._by_transaction[exchange.transaction_id] = exchange
        self._outstanding[exchange.server] = self._outstanding.get(exchange.server, 0) + 1
        self._due.append(exchange)

    def repeat(self, exchange: Exchange) -> None:
        """Put the same request into the next flush once more."""
        exchange.phase = Phase.DUE
        self._due.append(exchange)

    def flush(self, now: float) -> list[Exchange]:
        """Take out what is due; its timers run from ``now``."""
        due, self._due = self._due, []
        for exchange in due:
            exchange.phase = Phase.WAITING
            self._timers.set(exchange.request_id, exchange.retransmission.sent(now))
        return due

    def pause(self, exchange: Exchange, until: float) -> None:
        """Let an exchange that was taken out with `end` rest."""
        exchange.phase = Phase.PAUSED
        self._timers.set(exchange.request_id, until)

    def end(self, exchange: Exchange) -> None:
        """Take an exchange out of its queue or transaction; the exchange itself may go on."""
        self._timers.cancel(exchange.request_id)
        if exchange.phase in _IN_PROGRESS:
            del self._by_transaction[exchange.transaction_id]
            self._outstanding[exchange.server] -= 1
            if not self._outstanding[exchange.server]:
                del self._outstanding[exchange.server]
        if exchange.phase is Phase.DUE:
            self._due.remove(exchange)
        queue = self._queues.get(exchange.server)
        if exchange.phase is Phase.QUEUED and queue is not None and exchange in queue:
            queue.remove(exchange)
            if not queue:
                del self._queues[exchange.server]

    def remove(self, exchange: Exchange) -> None:
        """End an exchange for good."""
        self.end(exchange)
        del self._exchanges[exchange.request_id]
