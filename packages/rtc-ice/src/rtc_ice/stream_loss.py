"""What the streams of TCP candidates mean for the pairs: which are needed, and what follows when one is gone.

See :rfc:`6544#section-8` and :rfc:`6544#section-11.1`.
"""

from typing import Final

from rtc_ice.check import Checker
from rtc_ice.config import CONSENT_LIFETIME
from rtc_ice.pair import Pair, Path
from rtc_ice.selection import Selection
from rtc_ice.session import Session
from rtc_ice.state import ChecklistState, PairInput, PairState
from rtc_ice.tcp_carrier import TcpCarrier
from rtc_ice.triggered import GRACE_PERIOD

MAX_LOSSES: Final = 3
"""How often a connection is made anew for a pair that never succeeds on any."""


def take_loss(path: Path, session: Session, checker: Checker, selection: Selection, now: float, *, broke: bool) -> None:
    """Draw the conclusions from the loss of a stream, or from a connection that could not be made.

    Its pair has failed. Where we connect, and had been connected, it is proven anew over a new connection. Where the pair
    carried data, the checks go on for that, or for what the peer will connect by, as long as consent would have lasted.

    Args:
        path: Of the stream.
        session: The present one.
        checker: Of that session.
        selection: The pairs that carry data.
        now: The present.
        broke: Whether there was a connection, and the other side spoke ICE as far as is known.
    """
    session.authenticated_paths.pop(path, None)
    session.early_checks.pop(path, None)
    carried_data = any(monitor.session is session and monitor.pair.path == path for monitor in selection.monitors())
    checked = session.checklists.find(path)
    if checked is not None and checked.is_untried and _connects(checked):
        return  # the peer's connection was lost; ours is yet to be tried
    was_tried = checked is not None and checked.state is not PairState.FAILED
    for pair in _pairs_of(session, path):
        # [rfc6544:7.1/5]
        session.fail_pair(pair)
    if carried_data:
        _reopen(session, checker, now)
    if checked is not None and broke and was_tried:
        _check_anew(checked, session)


def _reopen(session: Session, checker: Checker, now: float) -> None:
    """Let another pair be nominated, in due time."""
    session.completed_at = None
    checker.pac_deadline = max(checker.pac_deadline or now, now + CONSENT_LIFETIME)
    for component in session.components():
        checklist = session.checklists.checklists[component[0]]
        if checklist.state is ChecklistState.COMPLETED and not checklist.nominated_of(component):
            checklist.state = ChecklistState.RUNNING


def _check_anew(pair: Pair, session: Session) -> None:
    if not _connects(pair) or pair.losses >= MAX_LOSSES:
        return
    pair.losses += 1
    # [rfc6544:11.1/2] [rfc6544:11.1/4] The check opens the connection.
    pair.step(PairInput.TRIGGER)
    session.checklist_of(pair).trigger(pair)


def keep_streams(
    carrier: TcpCarrier, current: Session, previous: Session | None, selection: Selection, now: float
) -> None:
    """Let the streams stay on which the peer was proven to be, and close those that nothing needs.

    Needed are those of selected pairs, and of pairs that are still being checked. Of several pairs that were nominated one
    is left in the end, unless the session is continual and may have use for the others.
    """
    sessions = [current] if previous is None else [current, previous]
    carrier.prove({path for session in sessions for path in session.authenticated_paths})
    # [rfc6544:8/2] [rfc6544:9.2/1] [rfc6544:9.2/3] [rfc6544:11.1/1]
    needed = {monitor.pair.path for monitor in selection.monitors()}
    for session in sessions:
        if not session.gathers and session.completed_at is not None and now >= session.completed_at + GRACE_PERIOD:
            continue
        needed |= {pair.path for pair in session.checklists.pairs() if pair.state is not PairState.FAILED}
        needed |= {pair.path for checklist in session.checklists for pair in checklist.valid}
        if session.completed_at is None:
            # Of lite agents, which have no pairs before the peer nominates one, and of those who await the credentials.
            needed |= session.authenticated_paths.keys()
    for path in carrier.keep(needed):
        for session in sessions:
            session.authenticated_paths.pop(path, None)
            for pair in _pairs_of(session, path):
                session.fail_pair(pair)


def _pairs_of(session: Session, path: Path) -> list[Pair]:
    checked = session.checklists.find(path)
    valid = [pair for checklist in session.checklists for pair in checklist.valid if pair.path == path]
    return [*valid, *([] if checked is None or checked in valid else [checked])]


def _connects(pair: Pair) -> bool:
    tcp_type = pair.local.candidate.tcp_type
    return tcp_type is not None and tcp_type.connects
