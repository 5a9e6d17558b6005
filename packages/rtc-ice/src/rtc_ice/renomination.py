"""How a session that has its pair comes to another one: continual gathering and renomination.

:rfc:`8445` ends with one nominated pair; a network that changes then means a restart. Where both agents count their
nominations (draft-thatcher-ice-renomination), the controlling one may nominate again, and the highest number holds. An
address that appears is paired and checked at any time; one that vanishes takes its pairs along, and what is left is tried
again. Whether the pair in use still works is asked as soon as the peer is heard on another path. One that works is left for
nothing but a direct path instead of one through a relay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtc_ice.config import CONSENT_LIFETIME
from rtc_ice.consent import consent_ends_at, is_heard

if TYPE_CHECKING:
    from rtc_ice.pair import ComponentKey, Pair
    from rtc_ice.selection import Selection
    from rtc_ice.session import Session

RECOVERY_TIME: Final = CONSENT_LIFETIME
"""Seconds without any path until a continual session gives up."""


def keep_moving(session: Session, selection: Selection, now: float) -> None:
    """Look after the pairs of a continual session: doubt those that fell silent, nominate better ones."""
    if not session.config.continual:
        return
    complete = session.completed_at is not None
    if complete:
        session.lost_at = None if selection.covers(session.components()) else (session.lost_at or now)
    for component in session.components():
        incumbent = selection.pair_of(component)
        usable = _usable(session, component, now)
        if complete and (incumbent is None or not is_heard(incumbent, session.config, now)):
            session.revive(component, now)
        if complete and incumbent is not None and any(_was_heard_later(pair, incumbent) for pair in usable):
            session.check_again(incumbent.source)
        if session.role.controlling and session.renominates and usable:
            pending = session.nominating.get(component)
            # The network may change before the first nomination is through: then it is not waited for either.
            wants = (
                (complete and _is_wanting(session, incumbent, usable[0]))
                if pending is None
                else session.is_doubtful(pending)
            )
            if wants:
                session.begin_nomination(usable[0])


def recovery_ends_at(session: Session) -> float | None:
    """Return until when a session without a path is not given up; ``None`` if it has one, or cannot find another."""
    return None if session.lost_at is None else session.lost_at + RECOVERY_TIME


def may_recover(session: Session, now: float) -> bool:
    """Whether another path may turn up."""
    end = recovery_ends_at(session)
    return end is not None and now < end


def _usable(session: Session, component: ComponentKey, now: float) -> list[Pair]:
    """Return the valid pairs that the peer consents to and that nothing speaks against, best first."""
    valid = (pair for pair in session.valid_of(component) if now < consent_ends_at(pair, session.config))
    return [pair for pair in valid if not session.is_doubtful(pair)]


def _was_heard_later(pair: Pair, incumbent: Pair) -> bool:
    return pair is not incumbent and (pair.heard_at or 0.0) > (incumbent.heard_at or 0.0)


def _is_wanting(session: Session, incumbent: Pair | None, best: Pair) -> bool:
    if incumbent is None or not incumbent.nominated or session.is_doubtful(incumbent):
        return True
    # A relay costs somebody money and everybody time; other pairs that work are left in peace.
    return incumbent.is_relayed and not best.is_relayed and best.priority > incumbent.priority
