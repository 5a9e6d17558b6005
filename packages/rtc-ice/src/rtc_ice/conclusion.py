"""What follows from the pairs' states: nominations, failures, the state of the connection.

Everything here is derived anew after every input, so that no flag can go stale. See :rfc:`8445#section-8`,
:rfc:`8445#section-7.2.5.4`, :rfc:`8838#section-8` and :rfc:`8863#section-4`.
"""

from rtc_ice.check import Checker
from rtc_ice.checklist import Checklist
from rtc_ice.pair import ComponentKey, Path, can_pair
from rtc_ice.renomination import may_recover
from rtc_ice.selection import Selection
from rtc_ice.session import Session
from rtc_ice.state import ChecklistState, ConnectionState


def nominate_where_ripe(session: Session, *, gathering_done: bool, now: float) -> None:
    """As controlling agent, begin to nominate the pairs that the policy chooses.

    See :rfc:`8445#section-8.1.1`.
    """
    if not session.role.controlling or session.config.lite or session.remote is None:
        return
    more_expected = not (gathering_done and session.remote_candidates_ended)
    for component in session.components():
        checklist = session.checklists.checklists[component[0]]
        if session.nominating.get(component) not in checklist.valid:
            session.nominating.pop(component, None)
        if not _is_open(session, checklist, component):
            continue
        valid = checklist.valid_of(component)
        # [rfc8863:4/5] [rfc8863:4/6] [rfc8838:13/3] [rfc8838:13/9] [rfc8838:14/1]
        chosen = session.config.nomination.choose(
            valid,
            [pair for pair in checklist.pairs if pair.component == component],
            more_expected=more_expected,
            first_valid_at=session.first_valid_at[component],
            now=now,
        )
        if chosen is not None:
            # [rfc8445:8.1.1/2] [rfc6544:8/1]
            session.begin_nomination(chosen)


def next_nomination(session: Session, now: float) -> float | None:
    """Return when the policy may choose what it has not chosen before; if it chose to wait even then, only events move it."""
    if not session.role.controlling or session.config.lite:
        return None
    policy = session.config.nomination
    times = [
        session.first_valid_at[component] + wait
        for component in session.components()
        if _is_open(session, session.checklists.checklists[component[0]], component)
        for wait in (policy.max_wait, policy.max_wait_for_direct)
    ]
    return min((at for at in times if at > now), default=None)


def _is_open(session: Session, checklist: Checklist, component: ComponentKey) -> bool:
    """Whether a pair could be nominated that is not yet."""
    return (
        checklist.state is ChecklistState.RUNNING
        and component not in session.nominating
        # [rfc8445:8.1.1/3] [rfc8839:4.3.4/4]
        and not checklist.nominated_of(component)
        and bool(checklist.valid_of(component))
    )


def pair_lite_with_lite(session: Session, *, gathering_done: bool, now: float) -> None:
    """Select without checks, as two lite agents do.

    See :rfc:`8445#section-8.2`.
    """
    if not (session.config.lite and session.remote is not None and session.remote.lite):
        return
    if not (gathering_done and session.remote_candidates_ended) or session.completed_at is not None:
        return
    for component in session.components():
        pairs = [
            session.make_pair(local, remote)
            for local in session.local_candidates
            for remote in session.remote_candidates
            if (local.stream, local.candidate.component_id) == component and can_pair(local, remote)
        ]
        if pairs and not session.nominated_of(component):
            # [rfc8445:8.2/1]
            best = max(pairs, key=lambda pair: pair.priority)
            session.checklist_of(best).validate(best, best)
            session.nominate(best, now)


def fail_where_hopeless(session: Session, checker: Checker, *, gathering_done: bool, now: float) -> None:
    """Fail the checklists that have nothing left to try and nobody to wait for."""
    if session.config.lite or not gathering_done or not checker.out_of_patience(now):
        return
    wanted = session.components()
    for checklist in session.checklists:
        # [rfc8838:8/1] [rfc8863:4/3] [rfc8863:4/4] [rfc8863:5/1] Out of patience and gathering done, see above.
        # [rfc8863:5/2] The timer stands in for an indication that never comes, once there was something to check.
        expecting = not session.remote_candidates_ended and not checklist.pairs
        if checklist.state is not ChecklistState.RUNNING or expecting:
            continue
        exhausted = all(pair.is_settled for pair in checklist.pairs)
        lacking = any(component[0] == checklist.stream and not checklist.valid_of(component) for component in wanted)
        if exhausted and lacking:
            checklist.state = ChecklistState.FAILED


def connection_state(
    session: Session, selection: Selection, *, before: ConnectionState, gathering_done: bool, now: float
) -> ConnectionState:
    """Derive the state of the connection.

    Args:
        session: The present session.
        selection: The selected pairs.
        before: The state so far, which tells a connection that was lost from one that never was.
        gathering_done: Whether no local candidates will follow.
        now: The present.
    """
    if all(checklist.state is ChecklistState.FAILED for checklist in session.checklists):
        return ConnectionState.FAILED
    if selection.covers(session.components()):
        silent = [monitor for monitor in selection.monitors() if monitor.silent(now)]
        if silent:
            # A restart forgets that connectivity was lost before it.
            forgotten = all(monitor.session is not session for monitor in silent)
            return ConnectionState.CHECKING if forgotten else ConnectionState.DISCONNECTED
        ended = session.completed_at is not None and gathering_done and session.remote_candidates_ended
        return ConnectionState.COMPLETED if ended else ConnectionState.CONNECTED
    if session.completed_at is not None and not any(checklist.valid for checklist in session.checklists):
        # A restart alone can bring back what was nominated and lost, unless other paths may turn up.
        return ConnectionState.DISCONNECTED if may_recover(session, now) else ConnectionState.FAILED
    if session.remote is None or not any(session.checklists.pairs()):
        return before if before in (ConnectionState.CHECKING, ConnectionState.DISCONNECTED) else _unstarted(before)
    unsettled = any(not pair.is_settled for pair in session.checklists.pairs())
    was_connected = before in (ConnectionState.CONNECTED, ConnectionState.COMPLETED, ConnectionState.DISCONNECTED)
    return ConnectionState.DISCONNECTED if was_connected and not unsettled else ConnectionState.CHECKING


def unchecked_paths(session: Session, selection: Selection) -> list[Path]:
    """Return the paths that need keepalives, because no consent checks keep them alive."""
    selected = [monitor.pair.path for monitor in selection.monitors()]
    # [rfc8445:11/2] [rfc8445:11/3] [rfc8445:11/14]
    if session.config.lite:
        return selected
    running = [checklist for checklist in session.checklists if checklist.state is ChecklistState.RUNNING]
    return [pair.path for checklist in running for pair in checklist.valid if pair.path not in selected]


def _unstarted(before: ConnectionState) -> ConnectionState:
    """The state without anything to check: new, unless a restart came upon something that had been there."""
    return ConnectionState.NEW if before is ConnectionState.NEW else ConnectionState.CHECKING
