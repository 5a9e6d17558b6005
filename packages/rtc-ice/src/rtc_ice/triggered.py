"""What a proven check of the peer sets off: :rfc:`8445#section-7.3.1.3` to :rfc:`8445#section-7.3.2`.

The peer's address is learned, a check goes back, a nomination is taken note of. Before the peer's credentials are known
the check is remembered instead.
"""

from typing import Final

from rtc_ice.consent import consent_ends_at
from rtc_ice.pair import Pair, RemoteCandidate
from rtc_ice.session import PeerCheck, Session
from rtc_ice.state import ChecklistState, PairInput, PairState

MAX_EARLY_CHECKS: Final = 32
"""How many paths are remembered on which the peer checks before we know its credentials."""

GRACE_PERIOD: Final = 3.0
"""How long after completion the peer's checks still trigger ours, and the pairs of before a restart are honoured."""


def take_check(session: Session, check: PeerCheck, now: float) -> None:
    """Act on a check of the peer in the present session."""
    if session.renominates and not session.role.controlling and (check.use_candidate or check.nomination):
        # libwebrtc leaves USE-CANDIDATE out where there is a number. One that was overtaken says what the peer wanted once.
        check = check._replace(use_candidate=check.nomination >= session.nominations)
        session.nominations = max(session.nominations, check.nomination)
    if session.config.lite:
        if check.use_candidate:
            _accept_nomination(session, check, now)
    elif session.remote is None:
        _remember(session, check)
    elif session.remote.credentials.ufrag == check.remote_ufrag:
        _trigger(session, check, now)
    else:
        # Forked signalling: we know the password of one peer alone.
        session.count("check-of-other-peer")


def replay_early_checks(session: Session, now: float) -> None:
    """Act on what arrived before the peer's credentials were known."""
    # [rfc8445:7.3/6]
    checks = list(session.early_checks.values())
    session.early_checks.clear()
    for check in checks:
        take_check(session, check, now)


def _remember(session: Session, check: PeerCheck) -> None:
    known = session.early_checks.get(check.path)
    if known is None and len(session.early_checks) >= MAX_EARLY_CHECKS:
        session.count("early-check-limit")
        return
    nominated = check.use_candidate or (known is not None and known.use_candidate)
    session.early_checks[check.path] = check._replace(use_candidate=nominated)


def _trigger(session: Session, check: PeerCheck, now: float) -> None:
    nominated = check.use_candidate and not session.role.controlling
    # [rfc8445:8.3.1/1] A nomination is followed even later: a peer of RFC 5245 may change its mind.
    late = session.completed_at is not None and now >= session.completed_at + GRACE_PERIOD
    if late and not nominated and not session.config.continual:
        return
    pair = _find_or_make_pair(session, check)
    if pair is None or pair.consent_lost:
        return
    # [rfc7675:5.1/12] A pair without fresh consent has to be checked again before it carries data.
    fresh = now < consent_ends_at(pair, session.config)
    if pair.state is PairState.SUCCEEDED and (fresh or not nominated):
        if nominated and pair.valid is not None:
            pair.valid.nomination = check.nomination
            session.nominate(pair.valid, now)
        return
    _queue(session, pair)
    pair.nominate_on_success = pair.nominate_on_success or nominated
    if nominated:
        pair.nomination = check.nomination


def _find_or_make_pair(session: Session, check: PeerCheck) -> Pair | None:
    remote = _find_remote(session, check)
    if remote is None:
        remote = session.learn_remote(check.source, check.local, check.priority)
    return None if remote is None else session.insert_pair(check.local, remote)


def _find_remote(session: Session, check: PeerCheck) -> RemoteCandidate | None:
    local = check.local.candidate
    return session.find_remote(check.source, local.transport, check.local.stream, local.component_id)


def _queue(session: Session, pair: Pair) -> None:
    if pair.state is PairState.IN_PROGRESS:
        session.cancel_checks([pair])
    # [rfc8445:7.3.1.4/1] [rfc8445:7.3.1.4/2] [rfc6544:11.1/6]
    if pair.can(PairInput.TRIGGER):
        pair.step(PairInput.TRIGGER)
    checklist = session.checklist_of(pair)
    checklist.trigger(pair)
    if checklist.state is ChecklistState.FAILED:
        checklist.state = ChecklistState.RUNNING


def _accept_nomination(session: Session, check: PeerCheck, now: float) -> None:
    """As lite agent, take the pair that the peer chose.

    See :rfc:`8445#section-7.3.2`.
    """
    checklist = session.checklists.checklists[check.local.stream]
    pair = next((pair for pair in checklist.valid if pair.path == check.path), None)
    if pair is None:
        remote = _find_remote(session, check)
        remote = remote or session.learn_remote(check.source, check.local, check.priority)
        if remote is None:
            return
        pair = session.make_pair(check.local, remote)
        checklist.validate(pair, pair)
    if not pair.nominated:
        session.nominate(pair, now)
