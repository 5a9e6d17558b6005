"""What the streams of TCP candidates mean for the pairs: which are needed, and what follows when one is gone.

See :rfc:`6544#section-8` and :rfc:`6544#section-11.1`.
"""

from rtc_ice.check import Checker
from rtc_ice.config import CONSENT_LIFETIME
from rtc_ice.pair import Pair, Path
from rtc_ice.selection import Selection
from rtc_ice.session import Session
from rtc_ice.state import ChecklistState, PairInput, PairState
from rtc_ice.tcp_carrier import TcpCarrier


def take_loss(path: Path, session: Session, checker: Checker, selection: Selection, now: float) -> None:
    """Draw the conclusions from the loss of a stream, or from a connection that could not be made.

    A pair that was only tried has failed. One that carried data is proven anew: where we connect, over a new connection;
    where the peer does, over the one that it will make. For that the checks go on, as long as consent would have lasted.
    """
    session.authenticated_paths.pop(path, None)
    session.early_checks.pop(path, None)
    carried_data = any(monitor.session is session and monitor.pair.path == path for monitor in selection.monitors())
    for pair in _pairs_of(session, path):
        # [rfc6544:7.1/5]
        session.fail_pair(pair)
    if not carried_data:
        return
    session.completed_at = None
    checker.pac_deadline = max(checker.pac_deadline or now, now + CONSENT_LIFETIME)
    checked = session.checklists.find(path)
    for component in session.components():
        checklist = session.checklists.checklists[component[0]]
        if checklist.state is ChecklistState.COMPLETED and not checklist.nominated_of(component):
            checklist.state = ChecklistState.RUNNING
    tcp_type = None if checked is None else checked.local.candidate.tcp_type
    if checked is not None and tcp_type is not None and tcp_type.connects:
        # [rfc6544:11.1/2] [rfc6544:11.1/4] The check opens the connection.
        checked.step(PairInput.TRIGGER)
        session.checklist_of(checked).trigger(checked)


def keep_streams(carrier: TcpCarrier, current: Session, previous: Session | None, selection: Selection) -> None:
    """Let the streams stay on which the peer was proven to be, and close those that nothing needs.

    Needed are those of selected pairs, and of pairs that are still being checked.
    """
    sessions = [current] if previous is None else [current, previous]
    carrier.prove({path for session in sessions for path in session.authenticated_paths})
    # [rfc6544:8/2] [rfc6544:9.2/1] [rfc6544:9.2/3] [rfc6544:11.1/1]
    needed = {monitor.pair.path for monitor in selection.monitors()}
    for session in sessions:
        needed |= {pair.path for pair in session.checklists.pairs() if pair.state is not PairState.FAILED}
        needed |= {pair.path for checklist in session.checklists for pair in checklist.valid}
        if session.completed_at is None:
            # Of lite agents, which have no pairs before the peer nominates one, and of those who await the credentials.
            needed |= session.authenticated_paths.keys()
    carrier.keep(needed)


def _pairs_of(session: Session, path: Path) -> list[Pair]:
    checked = session.checklists.find(path)
    valid = [pair for checklist in session.checklists for pair in checklist.valid if pair.path == path]
    return [*valid, *([] if checked is None or checked in valid else [checked])]
