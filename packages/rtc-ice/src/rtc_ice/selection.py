"""Which pair carries data (:rfc:`8445#section-12.1`)."""

from rtc_ice.consent import ConsentMonitor, consent_ends_at, is_heard
from rtc_ice.events import ConsentExpired, Event, SelectedPairChanged
from rtc_ice.pair import CandidatePair, ComponentKey, Pair
from rtc_ice.session import Session
from rtc_ice.state import ChecklistState, PairInput
from rtc_stun import Address, Datagram


class Selection:
    """The pair of each component, and the watch over the peer's consent to receive on it."""

    def __init__(self) -> None:
        self.pairs: dict[ComponentKey, CandidatePair] = {}
        """What carries the data of each component, as last reported."""
        self._monitors: dict[ComponentKey, ConsentMonitor] = {}
        self._nominated: set[ComponentKey] = set()

    def monitors(self) -> list[ConsentMonitor]:
        """Return the watches over the selected pairs."""
        return list(self._monitors.values())

    def regain_consent(self, session: Session) -> None:
        """Check valid pairs again that could carry data, had the peer's consent not run out on them meanwhile."""
        for component in session.our_components:
            if component in self._monitors or session.config.lite:
                continue
            checklist = session.checklists.checklists[component[0]]
            stale = checklist.valid_of(component) if checklist.state is not ChecklistState.FAILED else []
            for pair in stale:
                if not any(transaction.pair is pair.source for transaction in session.checks.all()):
                    checklist.trigger(pair.source)

    def pair_of(self, component: ComponentKey) -> Pair | None:
        """Return the pair that carries a component's data."""
        monitor = self._monitors.get(component)
        return None if monitor is None else monitor.pair

    def covers(self, components: list[ComponentKey]) -> bool:
        """Whether each of the components has a pair."""
        return all(component in self._monitors for component in components)

    def uses(self, session: Session) -> bool:
        """Whether a pair of that session carries data."""
        return any(monitor.session is session for monitor in self._monitors.values())

    def awaiting(self, transaction_id: bytes, now: float) -> ConsentMonitor | None:
        """Return the watch whose check a response answers."""
        return next((each for each in self._monitors.values() if each.awaits(transaction_id, now)), None)

    def consent_checks(self, now: float) -> list[Datagram]:
        """Return the consent checks that are due."""
        return [datagram for monitor in self._monitors.values() for datagram in monitor.checks_due(now)]

    def next_timeout(self, now: float) -> float | None:
        """Return when a monitor has something to do next."""
        times = [monitor.next_timeout(now) for monitor in self._monitors.values()]
        return min((at for at in times if at is not None), default=None)

    def end_lost(self, now: float) -> list[Event]:
        """Give up the pairs whose consent has ended, and report them."""
        events: list[Event] = []
        for component, monitor in list(self._monitors.items()):
            if monitor.lost(now):
                monitor.discard()
                _retire(monitor)
                # [rfc7675:5.1/2] Without a monitor there is no selected pair, and nobody is told where to send.
                del self._monitors[component]
                events.append(ConsentExpired(monitor.pair.snapshot(), monitor.revoked))
        return events

    def update(self, session: Session, now: float) -> list[Event]:
        """Choose the best pair of each component, and report what changed."""
        events: list[Event] = []
        for component in session.our_components:
            self._choose(session, component, now)
            events.extend(self._report(component))
        return events

    def drop_base(self, address: Address, transport: str) -> None:
        """Forget the pairs that send from an address that is gone."""
        for component, monitor in list(self._monitors.items()):
            if monitor.pair.local.is_at(address, transport):
                del self._monitors[component]

    def clear(self) -> None:
        """Select nothing any more."""
        self._monitors.clear()
        self.pairs.clear()
        self._nominated.clear()

    def _choose(self, session: Session, component: ComponentKey, now: float) -> None:
        incumbent = self._monitors.get(component)
        pair = self._best(session, component, incumbent, now)
        if pair is None:
            self._monitors.pop(component, None)
        elif incumbent is None or incumbent.pair is not pair:
            self._monitors[component] = ConsentMonitor(session, pair, now)

    def _best(
        self, session: Session, component: ComponentKey, incumbent: ConsentMonitor | None, now: float
    ) -> Pair | None:
        # [rfc8445:12.1/4]
        if session.checklists.checklists[component[0]].state is ChecklistState.FAILED:
            return None
        usable = _may_use(session, component[0])
        # [rfc8445:12.1/2] [rfc8445:8.1.1/4]
        nominated = _with_consent(session.nominated_of(component), session, now)
        if nominated and usable:
            # A peer that can no longer use the best one goes on with another. It checks there: lite agents see it too.
            live = (pair for pair in nominated if is_heard(pair, session.config, now) and not session.is_doubtful(pair))
            return next(live, nominated[0])
        # [rfc7675:5.1/10] [rfc8445:9/1] During a restart data stays on the old pair, and consent is asked for there.
        if incumbent is not None and incumbent.session is not session:
            return incumbent.pair
        # [rfc8445:12.1/1] [rfc7675:5.1/1] The peer's answer, or its check, is its consent.
        return next(iter(_with_consent(session.valid_of(component), session, now)), None) if usable else None

    def _report(self, component: ComponentKey) -> list[Event]:
        monitor = self._monitors.get(component)
        known = self.pairs.get(component)
        if monitor is None:
            if known is None:
                return []
            del self.pairs[component]
            self._nominated.discard(component)
            return [SelectedPairChanged(*component, pair=None, nominated=False)]
        pair, nominated = monitor.pair.snapshot(), monitor.pair.nominated
        if known == pair and nominated == (component in self._nominated):
            return []
        self.pairs[component] = pair
        if nominated:
            self._nominated.add(component)
        else:
            self._nominated.discard(component)
        return [SelectedPairChanged(*component, pair=pair, nominated=nominated)]


def _with_consent(pairs: list[Pair], session: Session, now: float) -> list[Pair]:
    # [rfc7675:5.1/12] What was valid half a minute ago has to be checked again.
    return [pair for pair in pairs if now < consent_ends_at(pair, session.config)]


def _may_use(session: Session, stream: int) -> bool:
    """Whether the valid list of a stream may be used already."""
    # [rfc8445:12.1.1/1]
    return not session.config.lite or all(session.valid_of(each) for each in session.components() if each[0] == stream)


def _retire(monitor: ConsentMonitor) -> None:
    """Never use the pair again under these credentials."""
    checklist = monitor.session.checklist_of(monitor.pair)
    for pair in (monitor.pair, monitor.pair.source):
        # [rfc7675:5.1/13]
        pair.consent_lost = True
        if pair.can(PairInput.FAIL):
            pair.step(PairInput.FAIL)
    checklist.untrigger(monitor.pair.source)
    checklist.invalidate(monitor.pair)
