"""The requests of a client on their way from one transaction to the next.

See :rfc:`8489#section-6.2` and :rfc:`8489#section-6.3`.
"""

from collections.abc import Callable
from typing import Final

from rtc_stun.attributes import ErrorCode
from rtc_stun.client_authentication import (
    Accepted,
    Challenged,
    Credential,
    Discarded,
    Refused,
    Session,
    open_session,
)
from rtc_stun.client_config import ClientConfig
from rtc_stun.client_streams import ClientStreams
from rtc_stun.datagram import Address
from rtc_stun.events import FailureReason, RequestFailed, RequestRedirected, RequestSucceeded
from rtc_stun.exchange import Exchange, Phase
from rtc_stun.journal import Journal
from rtc_stun.message import TRANSACTION_ID_LENGTH, Message, MessageClass
from rtc_stun.outcome import Again, Elsewhere, Failure, Success, outcome_of
from rtc_stun.retransmission import Retransmission
from rtc_stun.rto import RtoCache
from rtc_stun.timers import Timers
from rtc_stun.transactions import TransactionTable

MAX_CHALLENGES: Final = 4
"""Challenges that one request answers: one for the realm, one for a stale nonce, and some patience."""
MAX_SESSIONS: Final = 256
"""Servers whose challenge is remembered."""


class Requests:
    """Carry each request through its transactions until an event can tell how it ended."""

    def __init__(
        self,
        config: ClientConfig,
        credential: Credential | None,
        rng: Callable[[int], bytes],
        rto_cache: RtoCache,
        streams: ClientStreams,
        journal: Journal,
    ) -> None:
        self._config = config
        self._credential = credential
        self._rng = rng
        self._rto_cache = rto_cache
        self._streams = streams
        self._journal = journal
        self._timers = Timers()
        self._table = TransactionTable(self._timers)
        self._sessions: dict[Address, Session] = {}

    def __len__(self) -> int:
        return len(self._table)

    def set_credential(self, credential: Credential | None) -> None:
        """Prove ourselves otherwise with the next requests."""
        self._credential = credential
        self._sessions.clear()

    # What the application wants.

    def check(self, exchange: Exchange) -> None:
        """Make a request to find out what is wrong with it; it is made again, with its own ID, when its turn comes.

        Raises:
            ValueError: It cannot be sent like this.
        """
        self._prepare(exchange, bytes(TRANSACTION_ID_LENGTH), self.known_session(exchange.server))

    def submit(self, exchange: Exchange) -> None:
        """Take in a request."""
        self._enqueue(exchange)

    def get(self, request_id: int) -> Exchange | None:
        """Return a request that has not ended."""
        return self._table.get(request_id)

    def fail(
        self,
        exchange: Exchange,
        reason: FailureReason,
        error_code: int | None = None,
        response: Message | None = None,
    ) -> None:
        """End a request without success; the next in turn begins."""
        self._fail(exchange, reason, error_code, response)
        self.admit(exchange.server)

    def _fail(
        self,
        exchange: Exchange,
        reason: FailureReason,
        error_code: int | None = None,
        response: Message | None = None,
    ) -> None:
        self._table.remove(exchange)
        self._journal.events.append(RequestFailed(exchange.request_id, exchange.server, reason, error_code, response))
        self._trace_end(exchange, reason.name.lower())

    def fail_all(self, server: Address) -> None:
        """End every request to a server that cannot be reached."""
        for exchange in self._table.with_server(server):
            self._fail(exchange, FailureReason.TRANSPORT_FAILED)

    def close(self) -> None:
        """End everything."""
        for exchange in self._table.all():
            self._table.remove(exchange)
            self._journal.events.append(RequestFailed(exchange.request_id, exchange.server, FailureReason.CANCELLED))

    # Their turn, and time.

    def _enqueue(self, exchange: Exchange) -> None:
        self._table.enqueue(exchange)
        self._streams.want(exchange.server, exchange.domain)
        self.admit(exchange.server)

    def admit(self, server: Address) -> None:
        """Begin the transactions of queued requests, as many as the server may have at a time."""
        while self._streams.is_ready(server) and (exchange := self._table.next_in_turn(server)) is not None:
            try:
                # [rfc8489:5/3] The caller's source of randomness is a cryptographic one.
                self._prepare(exchange, self._rng(TRANSACTION_ID_LENGTH), self.session(server))
            except ValueError:
                self._fail(exchange, FailureReason.TOO_LARGE)
            else:
                exchange.retransmission = self._schedule(server)
                self._table.begin(exchange)

    def _prepare(self, exchange: Exchange, transaction_id: bytes, session: Session) -> None:
        exchange.prepare(transaction_id, session.protection(), fingerprint=self._config.fingerprint)
        self._config.check_length(len(exchange.wire), ipv6=exchange.server.is_ipv6)

    def _schedule(self, server: Address) -> Retransmission:
        if self._streams.are_used:
            return Retransmission.reliable(self._config.reliable_timeout)
        return Retransmission(
            self._rto_cache.rto(server.host, self._journal.now),
            max_requests=self._config.max_requests,
            last_wait_factor=self._config.last_wait_factor,
        )

    def next_timeout(self) -> float | None:
        """Return when a request must be repeated, tried again or given up; at once if one waits to be flushed."""
        return self._journal.now if self._table.has_due else self._timers.next()

    def flush(self) -> list[tuple[Address, bytes]]:
        """Return what is to be sent now, and to whom."""
        output = []
        stats = self._journal.stats
        for exchange in self._table.flush(self._journal.now):
            output.append((exchange.server, exchange.wire))
            if exchange.retransmission.sent_count == 1:
                stats.requests_sent += 1
            else:
                stats.retransmissions += 1
            if self._journal.is_traced:
                self._journal.trace("stun:request_sent", exchange.record())
        return output

    def handle_timeout(self) -> None:
        """Repeat, try again, or give up what is due."""
        for request_id in self._timers.pop_due(self._journal.now):
            exchange = self._table.get(request_id)
            if exchange is not None:
                self._time_out(exchange)

    def _time_out(self, exchange: Exchange) -> None:
        if exchange.phase is Phase.PAUSED:
            self._enqueue(exchange)
            return
        if not exchange.retransmission.expired:
            self._table.repeat(exchange)
            return
        # [rfc8489:9.1.4/3] [rfc8489:9.2.5/18]
        self.fail(exchange, FailureReason.INTEGRITY_VIOLATED if exchange.violated else FailureReason.TIMEOUT)
        stream = self._streams.to(exchange.server)
        if stream is not None:
            # [rfc8489:6.2.2/4] It does not work any more; the next request opens another.
            self._streams.abort(stream)
            self.lose_stream(exchange.server)

    def lose_stream(self, server: Address) -> None:
        """Fail what was under way over a stream that is gone; what waited for its turn gets another."""
        waiting = []
        for exchange in self._table.with_server(server):
            if exchange.phase is Phase.QUEUED:
                waiting.append(exchange)
            else:
                self.fail(exchange, FailureReason.TRANSPORT_FAILED)
        if waiting:
            self._streams.want(server, waiting[0].domain)

    # Responses.

    def receive(self, response: Message, remote: Address) -> None:
        """Take in a message that is no indication."""
        exchange = self._table.find(response.transaction_id)
        if exchange is None or response.message_class is MessageClass.REQUEST:
            self._journal.drop("no-transaction")
        elif remote != exchange.server:
            self._journal.drop("wrong-source")
        elif response.method != exchange.method:
            self._journal.drop("wrong-method")
        else:
            self._judge(exchange, response)

    def session(self, server: Address) -> Session:
        """Return what is known about authentication with a server, and remember it."""
        session = self._sessions.get(server)
        if session is None:
            session = self._sessions[server] = open_session(self._credential)
            if len(self._sessions) > MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
        return session

    def known_session(self, server: Address) -> Session:
        """Return the same, but remember nothing: what may come to nothing must not make us forget what matters."""
        return self._sessions.get(server) or open_session(self._credential)

    def admits(self, indication: Message, remote: Address) -> bool:
        """Tell whether an indication is to be taken seriously."""
        return self.known_session(remote).admits(indication)

    def _judge(self, exchange: Exchange, response: Message) -> None:
        verdict = self.session(exchange.server).judge(response, exchange.protection)
        if isinstance(verdict, Discarded):
            self._discard(exchange, verdict.violated)
            return
        self._measure(exchange)
        match verdict:
            case Refused(reason=reason):
                error = response.get(ErrorCode)
                self.fail(exchange, reason, None if error is None else error.code, response)
            case Challenged():
                self._answer_challenge(exchange, response)
            case Accepted():
                self._accept(exchange, response)

    def _discard(self, exchange: Exchange, violated: bool) -> None:
        self._journal.drop("integrity" if violated else "ignored")
        exchange.violated |= violated
        # [rfc8489:9.1.4/2] [rfc8489:9.2.5/17] Over UDP the transaction goes on.
        # [rfc8489:9.1.4/4] [rfc8489:9.2.5/19] Over a stream there is nothing more to come.
        if violated and self._streams.are_used:
            self.fail(exchange, FailureReason.INTEGRITY_VIOLATED)

    def _measure(self, exchange: Exchange) -> None:
        if not self._streams.are_used:
            now = self._journal.now
            retransmission = exchange.retransmission
            rtt = now - retransmission.sent_at if retransmission.sent_count == 1 else None
            self._rto_cache.completed(exchange.server.host, now, rtt)

    def _answer_challenge(self, exchange: Exchange, response: Message) -> None:
        exchange.challenge_count += 1
        if exchange.challenge_count > MAX_CHALLENGES:
            self.fail(exchange, FailureReason.CREDENTIALS_REFUSED, None, response)
            return
        self._table.end(exchange)
        self._enqueue(exchange)

    def _accept(self, exchange: Exchange, response: Message) -> None:
        self._journal.stats.responses_accepted += 1
        match outcome_of(exchange, response, self._journal.now, self._config):
            case Success(mapped_address=address):
                self._table.remove(exchange)
                event = RequestSucceeded(exchange.request_id, exchange.server, response, address)
                self._journal.events.append(event)
                self._trace_end(exchange, "succeeded")
                self.admit(exchange.server)
            case Failure(reason=reason, error_code=code):
                self.fail(exchange, reason, code, response)
            case Again():
                self._pause(exchange)
            case Elsewhere(server=server, domain=domain):
                self._redirect(exchange, server, domain)

    def _pause(self, exchange: Exchange) -> None:
        now = self._journal.now
        pause = self._rto_cache.rto(exchange.server.host, now) * 2**exchange.server_error_count
        exchange.server_error_count += 1
        self._table.end(exchange)
        self._table.pause(exchange, now + pause)
        self.admit(exchange.server)

    def _redirect(self, exchange: Exchange, server: Address, domain: str | None) -> None:
        if not self._streams.fits(server, domain):
            self.fail(exchange, FailureReason.REDIRECTION_REFUSED, 300)
            return
        self._table.end(exchange)
        left = exchange.server
        exchange.redirect(server, domain)
        self._journal.events.append(RequestRedirected(exchange.request_id, server, domain))
        # [rfc8489:10/5] The client has one credential, and the new server gets the same.
        self._enqueue(exchange)
        self.admit(left)

    def _trace_end(self, exchange: Exchange, outcome: str) -> None:
        if self._journal.is_traced:
            data = {"request_id": exchange.request_id, "outcome": outcome}
            self._journal.trace("stun:request_ended", data)
