"""Connectivity checks from the side that asks: the STUN client procedures of :rfc:`8445#section-7.2`."""

from typing import Final

from rtc_ice.candidate import PEER_REFLEXIVE, Candidate
from rtc_ice.config import MIN_RTO
from rtc_ice.foundation import Foundations
from rtc_ice.messages import ROLE_CONFLICT, TRANSACTION_ID_LENGTH, mapped_address
from rtc_ice.pair import LocalCandidate, Pair, without_zone
from rtc_ice.session import MAX_PEER_REFLEXIVE, Session
from rtc_ice.state import ChecklistState, PairInput
from rtc_ice.tcp import TCP_TRANSACTION_TIMEOUT, tcp_extensions
from rtc_ice.transaction import CheckTransaction
from rtc_stun import Address, Datagram, ErrorCode, Message

MAX_CHECKS_PER_PAIR: Final = 8
"""How many answers are waited for on one pair, cancelled checks included; beyond that the last but one is given up.

The first ones stay: a peer that checks faster than the path is long would otherwise outrun every answer.
"""


class Checker:
    """Sends the checks of a session and draws the conclusions from their responses."""

    def __init__(self, session: Session, foundations: Foundations) -> None:
        self._session = session
        self._foundations = foundations
        self.pac_deadline: float | None = None
        """Until when no checklist may fail; ``None`` before the peer's credentials are known."""

    # --- asking ---

    def perform(self, pair: Pair, ta: float, now: float) -> Datagram:
        """Begin a check of a pair and return its first request."""
        session = self._session
        nominee = session.nominating.get(pair.component)
        nominates = nominee if nominee is not None and nominee.source is pair else None
        priority = pair.local.peer_reflexive_priority()
        # [rfc6544:7.1/7] A stream repeats by itself what was lost.
        over_stream = pair.local.candidate.transport == "tcp"
        rto = TCP_TRANSACTION_TIMEOUT if over_stream else self.rto(ta)
        pair.step(PairInput.PERFORM)
        transaction_id = session.rng(TRANSACTION_ID_LENGTH)
        datagram = session.check_datagram(
            pair,
            transaction_id,
            priority=priority,
            use_candidate=nominates is not None,
            nomination=0 if nominates is None else nominates.nomination,
        )
        transaction = CheckTransaction(
            transaction_id,
            datagram,
            now,
            pair=pair,
            priority=priority,
            controlling=session.role.controlling,
            nominates=nominates,
            rto=rto,
            max_requests=1 if over_stream else session.config.max_requests,
            final_wait=rto if over_stream else rto * session.config.final_wait_rtos,
        )
        under_way = [each for each in session.checks.all() if each.pair is pair]
        for latest in under_way[MAX_CHECKS_PER_PAIR - 1 :]:
            session.checks.remove(latest)
        session.checks.add(transaction)
        pair.statistics.requests_sent += 1
        return datagram

    def rto(self, ta: float) -> float:
        """Return the retransmission timeout that suits the number of checks under way.

        See :rfc:`8445#section-14.3`.
        """
        # [rfc8445:14.3/2] [rfc8445:14.3/3]
        return max(MIN_RTO, ta * self._session.checklists.open_count())

    # --- time ---

    def handle_timeout(self, now: float) -> list[Datagram]:
        """Return the requests to repeat, and fail the pairs whose time is up."""
        again = []
        for transaction in self._session.checks.due(now):
            if transaction.advance(now):
                transaction.pair.statistics.retransmissions_sent += 1
                again.append(transaction.datagram)
                continue
            self._session.checks.remove(transaction)
            if not transaction.cancelled:
                # [rfc8445:7.2.5.2.3/1]
                self._fail(transaction, now)
        return again

    # --- answers ---

    def handle_response(self, transaction: CheckTransaction, message: Message, datagram: Datagram, now: float) -> None:
        """Take an authenticated response."""
        session, pair = self._session, transaction.pair
        session.checks.remove(transaction)
        pair.statistics.responses_received += 1
        if transaction.sent_count == 1:
            pair.statistics.measure(now - transaction.sent_at)
        error = message.get(ErrorCode)
        if error is not None and error.code == ROLE_CONFLICT:
            self._yield_role(transaction)
            return
        mapped = mapped_address(message)
        # [rfc8445:7.2.5.2.1/1] [rfc8445:7.2.5.2.1/4] [rfc8445:7.2.5.2.4/1]
        if (
            error is not None
            or message.unknown_required()
            or not _is_symmetric(transaction, datagram)
            or mapped is None
        ):
            self._fail(transaction, now)
            return
        if session.checklist_of(pair).find(pair.path) is pair and not pair.consent_lost:
            self._succeed(transaction, mapped, now)

    def _yield_role(self, transaction: CheckTransaction) -> None:
        """Change sides because the peer insists, and check again."""
        session, pair = self._session, transaction.pair
        # [rfc8445:7.2.5.1/1] [rfc8445:7.2.5.1/2]
        session.switch_role(controlling=not transaction.controlling)
        session.role.renew()
        checklist = session.checklist_of(pair)
        if checklist.find(pair.path) is not pair:
            return
        # [rfc8445:7.2.5.1/3]
        if pair.can(PairInput.TRIGGER):
            pair.step(PairInput.TRIGGER)
        checklist.trigger(pair)

    def _succeed(self, transaction: CheckTransaction, mapped: Address, now: float) -> None:
        session, pair = self._session, transaction.pair
        checklist = session.checklist_of(pair)
        valid = self._valid_pair(transaction, mapped)
        nominee = session.nominating.get(pair.component)
        if nominee is None or nominee.source is not pair:
            checklist.untrigger(pair)
        for proven in (pair, valid):
            proven.step(PairInput.SUCCEED)
            proven.last_response_at = proven.heard_at = now
            proven.losses = 0
        checklist.validate(valid, pair)
        session.authenticate_path(valid.path)
        session.first_valid_at.setdefault(pair.component, now)
        session.checklists.unfreeze(pair.foundation)
        if pair.nominate_on_success and not session.role.controlling:
            pair.nominate_on_success = False
            valid.nomination = pair.nomination
            session.nominate(valid, now)
        elif transaction.nominates is not None and session.role.controlling:
            valid.nomination = transaction.nominates.nomination
            session.nominate(valid, now)

    def _valid_pair(self, transaction: CheckTransaction, mapped: Address) -> Pair:
        """Find or make the pair that the response proves.

        See :rfc:`8445#section-7.2.5.3.1` and :rfc:`8445#section-7.2.5.3.2`.
        """
        session, pair = self._session, transaction.pair
        # [rfc8445:7.2.5.3.1/1]
        if mapped == without_zone(pair.path[0]):
            return pair
        local = self._local_of(mapped, pair) or self._learn_local(transaction, mapped)
        if pair.valid is not None and pair.valid.local is local:
            return pair.valid
        valid = session.make_pair(local, pair.remote)
        return session.checklists.find(valid.path) or valid if local.is_base else valid

    def _local_of(self, mapped: Address, pair: Pair) -> LocalCandidate | None:
        candidates = [
            local
            for local in self._session.local_candidates
            if local.candidate.address == mapped
            and local.candidate.transport == pair.local.candidate.transport
            and (local.stream, local.candidate.component_id) == pair.component
        ]
        return next((local for local in candidates if local.base == pair.path[0]), None) or next(
            (local for local in candidates if local.is_base), None
        )

    def _learn_local(self, transaction: CheckTransaction, mapped: Address) -> LocalCandidate:
        pair, session = transaction.pair, self._session
        base = pair.local
        candidate = Candidate(
            foundation=self._foundations.get(PEER_REFLEXIVE, base.base, None),
            component_id=base.candidate.component_id,
            transport=base.candidate.transport,
            priority=transaction.priority,
            address=mapped,
            type=PEER_REFLEXIVE,
            related_address=without_zone(base.base),
            extensions=tcp_extensions(base.candidate.tcp_type),
        )
        local = LocalCandidate(candidate, base.base, base.stream, base.local_preference)
        if sum(each.candidate.type == PEER_REFLEXIVE for each in session.local_candidates) < MAX_PEER_REFLEXIVE:
            session.local_candidates.append(local)
        return local

    def _fail(self, transaction: CheckTransaction, now: float) -> None:
        session, pair = self._session, transaction.pair
        checklist = session.checklist_of(pair)
        nominated = transaction.nominates is not None or pair.nominate_on_success
        if checklist.find(pair.path) is not pair:
            return
        # [rfc8445:7.2.5.3.4/1] [rfc8445:7.2.5.3.4/2] [rfc8445:7.3.1.5/1]
        checklist.fail(pair)
        # [rfc8863:4/3]
        if nominated and checklist.state is ChecklistState.RUNNING and self.out_of_patience(now):
            checklist.state = ChecklistState.FAILED

    def out_of_patience(self, now: float) -> bool:
        """Whether failures may be declared."""
        return self.pac_deadline is not None and now >= self.pac_deadline


def _is_symmetric(transaction: CheckTransaction, datagram: Datagram) -> bool:
    # [rfc8445:7.2.5.2.1/2] [rfc8445:7.2.5.2.1/3]
    return transaction.pair.path == (datagram.local, datagram.remote, datagram.transport)
