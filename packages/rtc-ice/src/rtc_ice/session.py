"""One ICE session: the candidates and checklists that belong to one pair of credentials (:rfc:`8445#section-5.3`).

A restart begins another session; the old one keeps its pair and its consent until the new one has chosen.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from rtc_ice.candidate import PEER_REFLEXIVE, Candidate
from rtc_ice.checklist import Checklist
from rtc_ice.checklist_set import ChecklistSet
from rtc_ice.config import IceConfig
from rtc_ice.credentials import Credentials, Rng
from rtc_ice.dataclass import dataclass
from rtc_ice.errors import StateError
from rtc_ice.messages import build_check
from rtc_ice.pair import ComponentKey, LocalCandidate, Pair, Path, RemoteCandidate, can_pair, without_zone
from rtc_ice.role import Role
from rtc_ice.state import ChecklistState, PairInput
from rtc_ice.tcp import tcp_extensions
from rtc_ice.transaction import CheckTransaction, TransactionTable
from rtc_stun import Address, Datagram, short_term_key

MAX_AUTHENTICATED_PATHS: Final = 256
"""How many paths are remembered on which the peer has proven to know our password."""

MAX_PEER_REFLEXIVE: Final = 32
"""How many local candidates are kept that only responses told of."""

REVIVAL_INTERVAL: Final = 5.0
"""Seconds until pairs that led nowhere are tried again."""

DOUBTFUL_COUNT: Final = 3
"""A check that had to be sent this often casts doubt on its pair: a second and a half without an answer."""


@dataclass(frozen=True, slots=True)
class RemoteParameters:
    """What the peer signalled about itself."""

    credentials: Credentials
    lite: bool
    ta: float
    renomination: bool = False
    """Whether it understands that nominations are numbered and that the last one holds."""


class PeerCheck(NamedTuple):
    """A check of the peer that was proven and answered with success."""

    local: LocalCandidate
    """Where it arrived."""
    source: Address
    """Where it came from."""
    remote_ufrag: str
    priority: int
    use_candidate: bool
    nomination: int = 0
    """Number of the nomination, or 0."""

    @property
    def path(self) -> Path:
        """Where an answer leaves and goes."""
        return self.local.base, self.source, self.local.candidate.transport


class Session:
    """Candidates, pairs and what the peer has proven, under one pair of credentials."""

    def __init__(
        self, local: Credentials, *, config: IceConfig, role: Role, rng: Rng, count: Callable[[str], None]
    ) -> None:
        self.local = local
        self.local_key = short_term_key(local.password)
        self.remote: RemoteParameters | None = None
        self.remote_key = b""
        self.config = config
        self.role = role
        self.rng = rng
        # [rfc8445:5.1.1.1/3]
        self.our_components: Final[list[ComponentKey]] = [
            (stream, component_id)
            for stream, highest in enumerate(config.components)
            for component_id in range(1, highest + 1)
        ]
        self.checklists = ChecklistSet(len(config.components), config.max_pairs)
        self.checks: TransactionTable[CheckTransaction] = TransactionTable()
        self.local_candidates: list[LocalCandidate] = []
        self.remote_candidates: list[RemoteCandidate] = []
        self.remote_candidates_ended = False
        self._pending: list[RemoteCandidate] = []
        """Candidates of the peer whose session cannot be told before its credentials are known."""
        self.early_checks: dict[Path, PeerCheck] = {}
        self.authenticated_paths: dict[Path, None] = {}
        """Paths that data may arrive on, in the order in which they were proven."""
        self.nominating: dict[ComponentKey, Pair] = {}
        """As controlling agent: the valid pairs that are being nominated."""
        self.first_valid_at: dict[ComponentKey, float] = {}
        self.completed_at: float | None = None
        """When every component had its pair."""
        self.lost_at: float | None = None
        """Since when a component has been without the pair that it had."""
        self.nominations = 0
        """Number of the last nomination, ours or the peer's."""
        self.count = count
        """Counts what is ignored, by reason."""
        self._pair_number = 0
        self._revived_at: dict[ComponentKey, float] = {}
        self._learned = 0

    @property
    def gathers(self) -> bool:
        """Whether there may be further candidates: until every component has its pair, or for ever."""
        return self.completed_at is None or self.config.continual

    @property
    def renominates(self) -> bool:
        """Whether the controlling agent may change its mind, and the other follows."""
        return self.config.continual and self.remote is not None and self.remote.renomination

    # --- candidates ---

    def add_local(self, candidate: LocalCandidate) -> None:
        """Take in a candidate of ours that has been handed out for signalling, and pair it."""
        self.local_candidates.append(candidate)
        # [rfc8445:6.1.2.4/1] [rfc8838:10/2] [rfc8838:11/1] Checks leave from bases alone: the pairs of a reflexive
        # candidate, moved to its base, would all be redundant with those that the base has already.
        if candidate.is_base:
            for remote in self.remote_candidates:
                self._pair(candidate, remote)

    def find_base(self, address: Address, transport: str = "udp") -> LocalCandidate | None:
        """Return the candidate that sends from an address."""
        return next(
            (local for local in self.local_candidates if local.is_base and local.is_at(address, transport)), None
        )

    def remove_local(self, address: Address, transport: str) -> None:
        """Forget a base that is gone with all that depends on it."""
        # [rfc8445:5.1.1.4/3]
        self.local_candidates = [local for local in self.local_candidates if not local.is_at(address, transport)]
        for checklist in self.checklists:
            for pair in [each for each in (*checklist.pairs, *checklist.valid) if each.local.is_at(address, transport)]:
                checklist.remove(pair)
                checklist.invalidate(pair)
        for transaction in self.checks.all():
            if transaction.pair.local.is_at(address, transport):
                self.checks.remove(transaction)
        for paths in (self.early_checks, self.authenticated_paths):
            for path in [path for path in paths if (path[0], path[2]) == (address, transport)]:
                del paths[path]

    def take_remote(self, remote: RemoteCandidate) -> bool:
        """Look at a candidate that the peer signalled, take it in if it is of use, and return whether anything is new by it."""
        candidate = remote.candidate
        if self.remote_candidates_ended and not self.config.continual:
            # [rfc8838:14/2]
            self.count("remote-candidate-after-end")
        elif not candidate.is_usable or not is_sendable(candidate.address):
            self.count("remote-candidate-unusable")
        elif candidate.ufrag is None:
            return self._add_remote(remote)
        elif self.remote is not None:
            return self._take_named(remote)
        elif len(self._pending) < self.config.max_remote_candidates:
            self._pending.append(remote)
        else:
            self.count("remote-candidate-limit")
        return False

    def take_pending(self) -> None:
        """Take in the candidates that waited for the peer's credentials."""
        for remote in self._pending:
            self._take_named(remote)
        self._pending.clear()

    def _take_named(self, remote: RemoteCandidate) -> bool:
        if self.remote is not None and remote.candidate.ufrag == self.remote.credentials.ufrag:
            return self._add_remote(remote)
        self.count("remote-candidate-of-other-session")
        return False

    def _add_remote(self, remote: RemoteCandidate) -> bool:
        candidate = remote.candidate
        known = self.find_remote(candidate.address, candidate.transport, remote.stream, candidate.component_id)
        if known is not None:
            return self._confirm(known, candidate)
        # [rfc8445:19.5.1/2]
        if len(self.remote_candidates) >= self.config.max_remote_candidates:
            self.count("remote-candidate-limit")
            return False
        self.remote_candidates.append(remote)
        # [rfc8838:17/3]
        for local in self.local_candidates:
            if local.is_base:
                self._pair(local, remote)
        return True

    def find_remote(self, address: Address, transport: str, stream: int, component_id: int) -> RemoteCandidate | None:
        """Return the peer's candidate with that address."""
        wanted = without_zone(address)
        return next(
            (
                remote
                for remote in self.remote_candidates
                if without_zone(remote.candidate.address) == wanted
                and remote.candidate.transport == transport
                and remote.stream == stream
                and remote.candidate.component_id == component_id
            ),
            None,
        )

    def learn_remote(self, address: Address, local: LocalCandidate, priority: int) -> RemoteCandidate | None:
        """Make a peer-reflexive candidate of the unknown source of a check; ``None`` if there are too many.

        See :rfc:`8445#section-7.3.1.3`.
        """
        if len(self.remote_candidates) >= self.config.max_remote_candidates:
            self.count("remote-candidate-limit")
            return None
        foundations = {remote.candidate.foundation for remote in self.remote_candidates}
        while (foundation := f"prflx{self._learned}") in foundations:
            self._learned += 1
        candidate = Candidate(
            foundation=foundation,
            component_id=local.candidate.component_id,
            transport=local.candidate.transport,
            priority=priority,
            address=address,
            type=PEER_REFLEXIVE,
            # [rfc6544:7.2/4]
            extensions=tcp_extensions(
                None if local.candidate.tcp_type is None else local.candidate.tcp_type.counterpart
            ),
        )
        self._learned += 1
        remote = RemoteCandidate(candidate, local.stream)
        self.remote_candidates.append(remote)
        return remote

    def _confirm(self, known: RemoteCandidate, candidate: Candidate) -> bool:
        if not known.is_peer_reflexive:
            self.count("remote-candidate-duplicate")
            untried = all(pair.is_untried for pair in self.checklists.pairs() if pair.remote is known)
            # As in :rfc:`8445#section-6.1.2.4`: of pairs that differ in nothing but the candidate's kind, the better one stays.
            if candidate.priority <= known.priority or not untried:
                return False
            known.priority = candidate.priority
        # [rfc8838:11/2] The pairs of the learned candidate become those of the signalled one and keep their priority,
        # which is what the peer said first.
        known.candidate = replace(candidate, address=known.candidate.address)
        self.checklists.refresh(controlling=self.role.controlling)
        return True

    # --- pairs ---

    def _pair(self, local: LocalCandidate, remote: RemoteCandidate) -> None:
        # A lite agent has no checklists.
        if self.config.lite or not can_pair(local, remote):
            return
        pair = self.insert_pair(local, remote)
        if pair is not None and self.config.continual and self.checklist_of(pair).state is not ChecklistState.RUNNING:
            self.check_again(pair)

    def revive(self, component: ComponentKey, now: float) -> None:
        """Try everything once more: what conclusions dropped, and what failed when it was tried; now and then, not always."""
        last = self._revived_at.get(component)
        if last is not None and now < last + REVIVAL_INTERVAL:
            return
        self._revived_at[component] = now
        for local in self.local_candidates:
            if local.is_base and (local.stream, local.candidate.component_id) == component:
                for remote in self.remote_candidates:
                    self._pair(local, remote)

    def check_again(self, pair: Pair) -> None:
        """Queue a check of a pair, whatever came of the last one, unless one is under way."""
        under_way = any(each.pair is pair and not each.cancelled for each in self.checks.all())
        if pair.can(PairInput.TRIGGER):
            pair.step(PairInput.TRIGGER)
        checklist = self.checklist_of(pair)
        if not (under_way or pair.consent_lost):
            checklist.trigger(pair)
            if checklist.state is ChecklistState.FAILED:
                checklist.state = ChecklistState.RUNNING

    def is_doubtful(self, pair: Pair) -> bool:
        """Whether a check of a pair has been waiting for its answer for suspiciously long, so that others are preferred."""
        return self.config.continual and any(
            transaction.pair is pair.source and transaction.sent_count >= DOUBTFUL_COUNT
            for transaction in self.checks.all()
        )

    def insert_pair(self, local: LocalCandidate, remote: RemoteCandidate) -> Pair | None:
        """Put a pair into its checklist unless it is there; ``None`` if there is no room for it."""
        pair = self.make_pair(local, remote)
        known = self.checklists.find(pair.path)
        if known is not None:
            return known
        evicted = self.checklists.insert(pair)
        if evicted is not None:
            self.count("pair-limit")
        return None if evicted is pair else pair

    def make_pair(self, local: LocalCandidate, remote: RemoteCandidate) -> Pair:
        """Make a pair that is in no list yet."""
        self._pair_number += 1
        return Pair(self._pair_number, local, remote, controlling=self.role.controlling)

    def checklist_of(self, pair: Pair) -> Checklist:
        """Return the checklist of the pair's stream."""
        return self.checklists.checklists[pair.stream]

    def valid_of(self, component: ComponentKey) -> list[Pair]:
        """Return the valid pairs of a component, best first."""
        return self.checklists.checklists[component[0]].valid_of(component)

    def nominated_of(self, component: ComponentKey) -> list[Pair]:
        """Return the nominated pairs of a component, best first."""
        return self.checklists.checklists[component[0]].nominated_of(component)

    def components(self) -> list[ComponentKey]:
        """Return the components that need a pair: those that both agents have candidates for, once that is known.

        See :rfc:`8445#section-6.1.2.2`.
        """
        if not self.remote_candidates_ended:
            return self.our_components
        theirs: dict[int, int] = {}
        for remote in self.remote_candidates:
            theirs[remote.stream] = max(theirs.get(remote.stream, 0), remote.candidate.component_id)
        return [key for key in self.our_components if key[1] <= theirs.get(key[0], key[1])]

    def check_datagram(
        self, pair: Pair, transaction_id: bytes, *, priority: int, use_candidate: bool, nomination: int = 0
    ) -> Datagram:
        """Build a Binding request for a pair.

        Raises:
            StateError: The peer's credentials are not known.
        """
        if self.remote is None:
            raise StateError("the peer's credentials are not known")
        data = build_check(
            transaction_id,
            # [rfc8445:7.2.2/1]
            username=f"{self.remote.credentials.ufrag}:{self.local.ufrag}",
            key=self.remote_key,
            priority=priority,
            controlling=self.role.controlling,
            tie_breaker=self.role.tie_breaker,
            use_candidate=use_candidate,
            nomination=nomination if self.renominates else 0,
        )
        return Datagram(data, *pair.path)

    # --- roles and proofs ---

    def switch_role(self, *, controlling: bool) -> None:
        """Change sides: pair priorities depend on it."""
        if self.role.controlling == controlling:
            return
        self.role.controlling = controlling
        self.nominating.clear()
        for pair in self.checklists.pairs():
            pair.nominate_on_success = False
        self.checklists.refresh(controlling=controlling)

    def authenticate_path(self, path: Path) -> None:
        """Remember that the peer has proven on a path to know our password."""
        if path not in self.authenticated_paths and len(self.authenticated_paths) >= MAX_AUTHENTICATED_PATHS:
            # Replayed checks must not push out the paths that we have proven from our side too.
            valid = {pair.path for checklist in self.checklists for pair in checklist.valid}
            oldest = next((known for known in self.authenticated_paths if known not in valid), None)
            if oldest is None:
                return
            del self.authenticated_paths[oldest]
        self.authenticated_paths[path] = None

    def hear(self, path: Path, now: float) -> None:
        """Note that the peer proved to be there on a path: its check was answered."""
        valid = [pair for checklist in self.checklists for pair in checklist.valid if pair.path == path]
        for pair in valid:
            pair.heard_at = pair.asked_at = now
        checked = valid[0] if valid else self.checklists.find(path)
        if checked is not None:
            checked.statistics.requests_received += 1
            checked.statistics.responses_sent += 1

    def fail_pair(self, pair: Pair) -> None:
        """Give a pair up, for it has no path any more; it may be triggered anew."""
        for transaction in self.checks.all():
            if transaction.pair is pair:
                self.checks.remove(transaction)
        checklist = self.checklist_of(pair)
        if checklist.find(pair.path) is pair:
            checklist.fail(pair)
        checklist.invalidate(pair)
        if pair.can(PairInput.FAIL):
            pair.step(PairInput.FAIL)

    def cancel_checks(self, pairs: list[Pair]) -> None:
        """Stop retransmitting the checks of some pairs, but take their responses."""
        for transaction in self.checks.all():
            if transaction.pair in pairs:
                transaction.cancel()

    def begin_nomination(self, pair: Pair) -> None:
        """As controlling agent, nominate a valid pair by its next check."""
        self.nominations += 1
        pair.nomination = self.nominations
        self.nominating[pair.component] = pair
        self.checklist_of(pair).trigger(pair.source)

    def nominate(self, pair: Pair, now: float) -> None:
        """Set the nominated flag of a valid pair, which concludes its component.

        See :rfc:`8445#section-8.1.2`.
        """
        if self.renominates:
            for former in self.nominated_of(pair.component):
                former.nominated = False
        pair.nominated = True
        self.nominating.pop(pair.component, None)
        checklist = self.checklist_of(pair)
        self.cancel_checks(checklist.conclude(pair.component))
        wanted = [component for component in self.components() if component[0] == pair.stream]
        if all(checklist.nominated_of(component) for component in wanted):
            checklist.state = ChecklistState.COMPLETED
        if self.completed_at is None and all(each.state is ChecklistState.COMPLETED for each in self.checklists):
            self.completed_at = now


@lru_cache(maxsize=256)
def is_sendable(address: Address) -> bool:
    """Whether checks to an address make sense and do no harm: a port, and one host instead of many or none."""
    ip = ipaddress.ip_address(address.host)
    if ip.version == 6 and ip.ipv4_mapped is not None:
        # The IPv4 hosts behind these have addresses of their own, which are looked at as such.
        return False
    return address.port > 0 and not (ip.is_multicast or ip.is_unspecified or address.host == "255.255.255.255")
