"""What a restart replaces: a session, and the gathering and checking that are done for it.

Questions to servers and checks begin at one common pace and take turns (:rfc:`8445#section-14`).
"""

from collections.abc import Callable

from rtc_ice.check import Checker
from rtc_ice.conclusion import next_nomination
from rtc_ice.config import IceConfig
from rtc_ice.credentials import Credentials, Rng
from rtc_ice.events import LocalCandidateGathered
from rtc_ice.foundation import Foundations
from rtc_ice.gathering import Gatherer
from rtc_ice.local_address import LocalAddress
from rtc_ice.pair import LocalCandidate
from rtc_ice.relayed import Relays
from rtc_ice.renomination import recovery_ends_at
from rtc_ice.role import Role
from rtc_ice.session import Session
from rtc_ice.stun_streams import StunStreams
from rtc_stun import Datagram


class Generation:
    """A session with its gatherer and its checker."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        config: IceConfig,
        role: Role,
        foundations: Foundations,
        relays: Relays,
        streams: StunStreams,
        rng: Rng,
        count: Callable[[str], None],
    ) -> None:
        self.session = Session(credentials, config=config, role=role, rng=rng, count=count)
        self.checker = Checker(self.session, foundations)
        self.gatherer = Gatherer(config=config, foundations=foundations, relays=relays, streams=streams, rng=rng)
        self._relays = relays
        self._gathering_turn = False

    def gather(self, local: LocalAddress, now: float) -> list[LocalCandidateGathered]:
        """Make the host candidate of an address, and ask servers for others; return what is to be told at once."""
        candidates = self.gatherer.candidates_of(local)
        if local.tcp_type is None:
            self._relays.gather(local, now)
        if self.session.config.relay_only:
            return []
        gathered = [self.take_local(candidate) for candidate in candidates]
        return [each for each in gathered if each is not None]

    def take_answers(self) -> list[LocalCandidateGathered]:
        """Take in the candidates that servers have given over streams, and TURN servers; where those had no room, ask for a reflexive one."""
        session = self.session
        unserved, self._relays.unserved = self._relays.unserved, []
        for local, server in unserved:
            host = session.find_base(local.address)
            if host is not None and session.gathers:
                self.gatherer.ask(host, server)
        candidates = self._relays.candidates() + self.gatherer.take_answers()
        if not session.gathers:
            return []
        gathered = [self.take_local(candidate) for candidate in candidates]
        return [each for each in gathered if each is not None]

    def take_local(self, local: LocalCandidate) -> LocalCandidateGathered | None:
        """Take in a candidate of ours; return the event that must reach the caller before any check leaves.

        ``None`` if the candidate is redundant, or not to be signalled.
        """
        session = self.session
        # [rfc8445:5.1.3/1] What comes later has the lower priority: host candidates are the first.
        if any(_is_redundant(local, each) for each in session.local_candidates):
            session.count("redundant-candidate")
            return None
        session.add_local(local)
        if not local.is_signalled:
            return None
        # [rfc8838:10/1]
        return LocalCandidateGathered(
            local.candidate, session.local.ufrag, local.stream, local.server, local.turn_server
        )

    @property
    def has_work(self) -> bool:
        """Whether `next_request` would return a request."""
        return self.gatherer.has_work or (self._may_check and self.session.checklists.has_work())

    def next_request(self, ta: float, now: float) -> list[Datagram]:
        """Begin a check or a question to a server, in turn while there are both; see `has_work`.

        Returns:
            The first request; nothing if a TURN client is to be asked for it.
        """
        asks_server = self.gatherer.has_work and (self._gathering_turn or not self._may_check)
        pair = None if asks_server or not self._may_check else self.session.checklists.next_check()
        self._gathering_turn = pair is not None
        if pair is not None:
            return [self.checker.perform(pair, ta, now)]
        return self.gatherer.next_request(ta, now)

    def handle_timeout(self, now: float) -> list[Datagram]:
        """Return the requests to repeat."""
        return self.checker.handle_timeout(now) + self.gatherer.handle_timeout(now)

    def next_timeout(self, now: float) -> float | None:
        """Return when a request is to be repeated, or a conclusion becomes possible by time alone."""
        times = [self.session.checks.next_timeout(), self.gatherer.next_timeout(), next_nomination(self.session, now)]
        deadlines = (self.checker.pac_deadline, recovery_ends_at(self.session))
        times += [at for at in deadlines if at is not None and at > now]
        return min((at for at in times if at is not None), default=None)

    @property
    def _may_check(self) -> bool:
        return self.session.remote is not None and not self.session.config.lite


def _is_redundant(local: LocalCandidate, known: LocalCandidate) -> bool:
    same = local.candidate.address == known.candidate.address and known.is_at(local.base, local.candidate.transport)
    # [rfc8828:5.2/4] What is kept to ourselves leaves the peer without the same from a server.
    return same and known.is_signalled
