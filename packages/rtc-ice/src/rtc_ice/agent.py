"""The ICE agent: wires candidates, checks, nomination and consent, and moves nothing itself."""

from collections.abc import Iterable
from dataclasses import replace

from rtc_ice.agent_gathering import GatheringSide
from rtc_ice.candidate import Candidate
from rtc_ice.carrier import Carriers
from rtc_ice.conclusion import (
    connection_state,
    fail_where_hopeless,
    nominate_where_ripe,
    pair_lite_with_lite,
    unchecked_paths,
)
from rtc_ice.config import MIN_TA, IceConfig
from rtc_ice.credentials import Credentials, Rng
from rtc_ice.errors import StateError
from rtc_ice.events import Event, RoleChanged
from rtc_ice.foundation import Foundations
from rtc_ice.generation import Generation
from rtc_ice.journal import Journal
from rtc_ice.keepalive import Keepalives
from rtc_ice.local_address import LocalAddresses
from rtc_ice.output import Output
from rtc_ice.pacing import Pacer
from rtc_ice.pair import RemoteCandidate
from rtc_ice.pair_watch import PairWatch
from rtc_ice.receiving import Receiver
from rtc_ice.relayed import Relays
from rtc_ice.renomination import keep_moving
from rtc_ice.responder import Responder
from rtc_ice.role import Role
from rtc_ice.selection import Selection
from rtc_ice.session import RemoteParameters, Session
from rtc_ice.state import ConnectionState, GatheringState
from rtc_ice.status import Status
from rtc_ice.stream_loss import keep_streams, take_loss
from rtc_ice.stun_streams import StunStreams
from rtc_ice.tcp_carrier import TcpCarrier
from rtc_ice.trace import Trace
from rtc_ice.triggered import GRACE_PERIOD, replay_early_checks
from rtc_stun import Datagram, short_term_key


class IceAgent(GatheringSide):
    """An ICE agent, full or lite, for the streams of one session.

    The loop: bind sockets and `add_local_address` each; signal what `events` reports; tell the agent what the peer
    signalled (`set_remote_credentials`, `add_remote_candidate`, `end_of_remote_candidates`); hand in datagrams and call
    `handle_timeout` at `next_timeout`; after every call send `datagrams_to_send` and look at `events`.

    Args:
        controlling: Whether this agent chooses the pairs: the one that sent the first offer does.
        rng: Returns that many unpredictable bytes; ``os.urandom``.
        config: What differs from the defaults.
        credentials: What was signalled already; fresh ones are made if there are none.
        trace: Takes structured records of what happens.
        now: Present time in seconds, on the clock that all later calls use.
    """

    def __init__(
        self,
        *,
        controlling: bool,
        rng: Rng,
        config: IceConfig | None = None,
        credentials: Credentials | None = None,
        trace: Trace | None = None,
        now: float = 0.0,
    ) -> None:
        self._config = config or IceConfig()
        self._rng = rng
        self._journal = Journal(trace, now)
        count = self._journal.count
        self._stats = self._journal.stats
        self._status = Status()
        # [rfc8445:6.1.1/1] [rfc8445:6.1.1/3] The caller knows who started.
        self._role = Role(controlling=controlling, rng=rng)
        self._reported_role = controlling
        self._addresses = LocalAddresses()
        self._foundations = Foundations()
        self._pacer = Pacer(self._config.ta)
        self._selection = Selection()
        self._pair_watch = PairWatch() if self._config.report_pairs else None
        self._keepalives = Keepalives(self._config.keepalive_interval, rng)
        self._events: list[Event] = []
        self._output = Output(count)
        self._relays = Relays(config=self._config, foundations=self._foundations, rng=rng, count=count, trace=trace)
        self._tcp = TcpCarrier(count)
        self._stun_streams = StunStreams(rng, count)
        self._carriers = Carriers(self._relays, self._tcp, self._stun_streams)
        self._data = Output(count)
        """What carriers brought for the application."""
        self._receiver = Receiver(
            responder=Responder(count, lite=self._config.lite),
            selection=self._selection,
            output=self._output,
            stats=self._stats,
            count=count,
        )
        self._current = self._make_generation(credentials)
        self._previous: Session | None = None
        """The session before the last restart, while its pair still carries data."""
        self._timeout: float | None = None
        """When something is due; right unless there is something to flush."""
        self._settled_at = now
        """When conclusions were last drawn."""
        self._unflushed = False
        """Whether anything happened since the last flush: it may have left output, or work for the next one."""

    @property
    def controlling(self) -> bool:
        """Whether this agent chooses the pairs."""
        return self._role.controlling

    @controlling.setter
    def controlling(self, value: bool) -> None:
        # [rfc8445:6.1.1/4] [rfc8445:9/4] Roles outlive restarts; conflicts alone change them once the peer is known.
        if self._session.remote is not None or self._previous is not None or self._closed:
            raise StateError("the role is fixed once the peer's credentials are known")
        self._session.switch_role(controlling=value)
        self._reported_role = value

    # --- what the caller knows ---

    def set_remote_credentials(
        self,
        ufrag: str,
        password: str,
        now: float,
        *,
        lite: bool = False,
        ta: float | None = None,
        renomination: bool = False,
    ) -> None:
        """Tell what the peer signalled about itself; checks begin as soon as there are pairs.

        Args:
            ufrag: The peer's username fragment.
            password: The peer's password.
            now: The present.
            lite: Whether the peer is a lite agent.
            ta: The pacing that the peer proposed, in seconds.
            renomination: Whether the peer has the ICE option ``renomination``.

        Raises:
            ValueError: The credentials do not follow the grammar.
            StateError: Other credentials were set before: `restart` first. Or the agent is closed.
        """
        self._enter(now)
        credentials = Credentials(ufrag, password)
        session = self._session
        if session.remote is not None:
            # [rfc8445:9/2]
            if (session.remote.credentials, session.remote.lite) != (credentials, lite):
                raise StateError("new credentials or another kind of agent mean a restart: call restart() first")
            return
        assumed_ta = self._config.assumed_remote_ta
        session.remote = RemoteParameters(credentials, lite, assumed_ta if ta is None else ta, renomination)
        session.remote_key = short_term_key(password)
        self._pacer.agree(self._config.ta, max(MIN_TA, session.remote.ta))
        # [rfc8445:6.1.1/2] [rfc8445:6.1.1/5] After a restart the peer may have become another kind of agent.
        if lite != self._config.lite:
            session.switch_role(controlling=lite)
        # [rfc8863:4/1]
        self._current.checker.pac_deadline = self._now + self._config.effective_patience
        session.take_pending()
        replay_early_checks(session, self._now)
        self._settle()

    def add_remote_candidate(
        self, candidate: Candidate, now: float, *, stream: int = 0, is_private: bool = False
    ) -> None:
        """Tell of a candidate that the peer signalled. What cannot be used is ignored and counted in `stats`.

        Args:
            candidate: With an IP address: resolve names before.
            now: The present.
            stream: Index of the data stream.
            is_private: Whether the peer hid the address behind a name (see `MulticastDns`): no relay is told of it.

        Raises:
            ValueError: There is no such stream.
            StateError: The agent is closed.
        """
        self._enter(now)
        if not 0 <= stream < len(self._config.components):
            raise ValueError(f"there is no stream {stream}")
        # [rfc8838:4/1] [rfc8838:5/2] [rfc8838:15/1] At any time, before the credentials too.
        # Those of a description often come once more one by one.
        if self._session.take_remote(RemoteCandidate(candidate, stream, is_private=is_private)):
            self._settle()

    def end_of_remote_candidates(self, now: float) -> None:
        """Tell that the peer signalled the end of its candidates for this session.

        Of a peer that does not trickle, tell it right after the candidates of its description.
        """
        self._enter(now)
        # [rfc8838:3/2] [rfc8838:5/1] All at once and then the end: that is ICE without trickle.
        if not self._session.remote_candidates_ended:
            self._session.remote_candidates_ended = True
            self._settle()

    def restart(self, now: float, *, credentials: Credentials | None = None, config: IceConfig | None = None) -> None:
        """Begin a new session, with new credentials and candidates.

        Data stays on the old pair until a new one is nominated. Signal the new `local_credentials`, and set the peer's
        new ones. The addresses added so far are gathered again; add others if there are, then call
        `end_of_local_addresses` again.

        Args:
            now: The present.
            credentials: What was signalled already; fresh ones are made if there are none.
            config: Servers and policy from now on: ``stun_servers``, ``turn_servers`` and ``relay_only`` count.

        Raises:
            StateError: The agent is closed.
        """
        self._enter(now)
        if config is not None:
            self._config = replace(
                self._config,
                stun_servers=config.stun_servers,
                turn_servers=config.turn_servers,
                relay_only=config.relay_only,
            )
            self._relays.configure(self._config)
        if self._config.relay_only:
            self._stun_streams.stop()
        if self._previous is None or not self._selection.uses(self._previous):
            # A session that no peer has heard of is forgotten.
            self._previous = self._session if self._session.remote is not None else None
        self._current.gatherer.stop()
        self._addresses.ended = False
        # [rfc8445:9/1] [rfc8839:4.4.3.1.1/1] [rfc8839:4.4.3.2/1] [rfc8839:4.4.3.2/2]
        self._current = self._make_generation(credentials)
        if self._status.gathering is GatheringState.COMPLETE:
            self._step_gathering(GatheringState.GATHERING)
        for local in self._addresses:
            self._gather(local)
        self._settle()

    # --- the contract of every machine ---

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take a datagram that is STUN or TURN by its first byte (:rfc:`7983`). Never raises for what the network sent."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take several datagrams that arrived together; look at `data_received` next."""
        self._journal.advance(now)
        for datagram in datagrams:
            self._stats.datagrams_received += 1
            if self._closed:
                self._journal.count("closed")
            elif not self._carriers.receive_datagram(datagram, self._now):
                self._receive(datagram)
        if not self._closed:
            self._unwrap()
            self._settle()

    def handle_timeout(self, now: float) -> None:
        """Act on what is due. Call at or after `next_timeout`; earlier, nothing happens."""
        self._journal.advance(now)
        if self._is_idle() or self._closed:
            return
        now = self._now
        self._carriers.handle_timeout(now)
        self._output.extend(self._current.handle_timeout(now))
        self._output.extend(self._keepalives.handle_timeout(now))
        self._settle()

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Return what is to be sent now, new checks included; drains. Call after every other call."""
        self._journal.advance(now)
        if self._is_idle():
            return []
        if self._closed:
            self._unflushed = False
            return self._carriers.datagrams_to_send(self._now)
        self._begin_transactions()
        self._output.extend(self._selection.consent_checks(self._now))
        output = self._carriers.send(self._output.drain(), self._now)
        output += self._carriers.datagrams_to_send(self._now)
        self._timeout = self._next_deadline()
        self._unflushed = False
        self._stats.datagrams_sent += len(output)
        return output

    def events(self) -> list[Event]:
        """Return what happened since the last look; drains. Call after every other call."""
        self._events.extend(self._carriers.stream_wishes())
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` wants to be called, at the latest; ``None`` if nothing is pending."""
        return self._now if self._unflushed else self._timeout

    def close(self, now: float) -> None:
        """End the session. Nothing is sent any more, not even keepalives."""
        self._journal.advance(now)
        if self._closed:
            return
        # [rfc8445:11/8]
        self._output.drain()
        self._selection.clear()
        self._current.gatherer.stop()
        self._carriers.close(self._now)
        self._previous = None
        self._timeout = None
        self._unflushed = self._carriers.has_farewell
        self._step(ConnectionState.CLOSED)

    @property
    def closed(self) -> bool:
        """Whether the agent has ended."""
        return self._closed

    @property
    def _closed(self) -> bool:
        return self._status.connection is ConnectionState.CLOSED

    def _receive(self, datagram: Datagram) -> None:
        discovered = self._receiver.receive(datagram, self._current, self._previous, self._now)
        if discovered is not None:
            self._events.append(discovered)

    def _is_idle(self) -> bool:
        """Whether a flush or a timeout has nothing to do: all that data in flight costs."""
        return not self._unflushed and (self._timeout is None or self._now < self._timeout)

    # --- sessions and candidates ---

    def _make_generation(self, credentials: Credentials | None) -> Generation:
        return Generation(
            # [rfc8445:5.3/2] [rfc8445:9/3] [rfc8839:5.4/3]
            credentials or Credentials.generate(self._rng),
            config=self._config,
            role=self._role,
            foundations=self._foundations,
            relays=self._relays,
            streams=self._stun_streams,
            rng=self._rng,
            count=self._journal.count,
        )

    def _begin_transactions(self) -> None:
        """Begin as many as Ta allows now."""
        while self._pacer.ready(self._now) and self._current.has_work:
            self._output.extend(self._current.next_request(self._pacer.ta, self._now))
            self._pacer.spend(self._now)

    # --- what follows from it all ---

    def _settle(self) -> None:
        """Draw every conclusion that the new facts allow."""
        now, session = self._now, self._session
        for path, broke in self._tcp.lost():
            take_loss(path, session, self._current.checker, self._selection, now, broke=broke)
        for base in self._relays.lost():
            self._drop_base(base, "udp")
        self._events.extend(self._current.take_answers())
        self._events.extend(self._selection.end_lost(now))
        gathering_done = self._conclude_gathering()
        pair_lite_with_lite(session, gathering_done=gathering_done, now=now)
        fail_where_hopeless(session, self._current.checker, gathering_done=gathering_done, now=now)
        nominate_where_ripe(session, gathering_done=gathering_done, now=now)
        self._events.extend(self._selection.update(session, now))
        self._selection.regain_consent(session)
        keep_moving(session, self._selection, now)
        # [rfc8445:8.3.1/1] What the peer sends by the old pair, because it has yet to hear of the new one, still counts.
        if session.completed_at is not None and now >= session.completed_at + GRACE_PERIOD:
            self._previous = None
        if self._previous is None:
            self._relays.release(now)
        if self._tcp.has_streams:
            keep_streams(self._tcp, session, self._previous, self._selection, now)
        if self._reported_role != self._role.controlling:
            self._reported_role = self._role.controlling
            self._events.append(RoleChanged(self._role.controlling))
        state = connection_state(
            session, self._selection, before=self._status.connection, gathering_done=gathering_done, now=now
        )
        if state is not self._status.connection:
            self._step(state)
        if self._pair_watch is not None:
            self._events.extend(self._pair_watch.changes(session))
        # [rfc8445:11/1] [rfc8839:6/1]
        self._keepalives.follow(unchecked_paths(session, self._selection), now)
        self._settled_at = now
        self._unflushed = True

    def _conclude_gathering(self) -> bool:
        """Report the end of gathering; return whether it has ended."""
        for failures in (self._current.gatherer.failures, self._relays.failures):
            self._events.extend(failures)
            failures.clear()
        if self._session.completed_at is not None and (not self._session.gathers or self._current.gatherer.done):
            # [rfc8838:13/10] [rfc8445:5.1.1.4/1]
            self._current.gatherer.stop()
            self._relays.stop(self._now)
            self._stun_streams.stop()
        # [rfc8838:13/2] [rfc8838:13/4] [rfc8838:13/5]
        ended = self._addresses.ended or self._session.completed_at is not None
        done = ended and self._current.gatherer.done
        if done and self._status.gathering is not GatheringState.COMPLETE:
            self._step_gathering(GatheringState.COMPLETE)
        return done

    def _next_deadline(self) -> float | None:
        """Compute when something is due next."""
        times = [
            # What time alone decides is due until it has been decided, even if a flush comes first.
            self._current.next_timeout(self._settled_at),
            self._selection.next_timeout(self._settled_at),
            self._keepalives.next_timeout(),
            self._carriers.next_timeout(),
            max(self._pacer.ready_at, self._now) if self._current.has_work else None,
        ]
        return min((at for at in times if at is not None), default=None)

    def _step(self, state: ConnectionState) -> None:
        self._events.append(self._status.step_connection(state))
        self._journal.tell("ice:connection_state_changed", {"state": state.value})

    def _step_gathering(self, state: GatheringState) -> None:
        # [rfc8838:13/1]
        self._events.append(self._status.step_gathering(state, self._session.local.ufrag))
        self._journal.tell("ice:gathering_state_changed", {"state": state.value})

    def _enter(self, now: float) -> None:
        """Begin a command."""
        if self._closed:
            raise StateError("the agent is closed")
        self._journal.advance(now)
