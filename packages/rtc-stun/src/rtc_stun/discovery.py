"""What the machines of discovery have in common: one probe after the other until something is known."""

import abc
from collections.abc import Callable, Iterable
from typing import Final

from rtc_stun.behavior import DiscoveryEvent, DiscoveryFailed
from rtc_stun.client_authentication import Credential
from rtc_stun.client_config import STREAM_TRANSPORTS, ClientConfig, ClientStats
from rtc_stun.datagram import Address, Datagram, check_canonical
from rtc_stun.errors import StateError
from rtc_stun.events import Closed, FailureReason, RequestFailed
from rtc_stun.journal import Trace
from rtc_stun.probing import DISCOVERY_CLIENT, Outcome, Probe, Prober

UNKNOWN_ATTRIBUTE: Final = 420


class Discovery(abc.ABC):
    """A machine that finds something out by asking a server, and then may do so again."""

    def __init__(
        self,
        *,
        addresses: Iterable[Address],
        server: Address,
        rng: Callable[[int], bytes],
        credential: Credential | None,
        config: ClientConfig | None,
        trace: Trace | None,
    ) -> None:
        addresses = tuple(addresses)
        for address in (*addresses, server):
            check_canonical(address)
        if len(set(addresses)) != len(addresses):
            raise ValueError("the second address is another one")
        config = DISCOVERY_CLIENT if config is None else config
        if config.transport in STREAM_TRANSPORTS:
            raise ValueError("how a NAT treats UDP is found out over UDP")
        self._server = server
        self._prober = Prober(addresses=addresses, rng=rng, credential=credential, config=config, trace=trace)
        self._events: list[DiscoveryEvent] = []
        self._running = False
        self._closed = False

    @property
    def stats(self) -> ClientStats:
        """Counters, for reading."""
        return self._prober.stats

    def discover(self, now: float) -> None:
        """Begin; drain the output next. It ends in one event.

        Raises:
            StateError: The machine is closed, or has begun already.
        """
        if self._closed:
            raise StateError("the discovery is closed")
        if self._running:
            raise StateError("the discovery has begun already")
        self._advance(now)
        self._running = True
        self._begin()

    @abc.abstractmethod
    def _begin(self) -> None:
        """Plan the first probe."""

    @abc.abstractmethod
    def _conclude(self, probe: Probe, outcome: Outcome) -> None:
        """Learn from a probe and plan the next, or end."""

    def _end(self, event: DiscoveryEvent) -> None:
        self._running = False
        self._events.append(event)

    def _fail(self, outcome: RequestFailed) -> None:
        self._end(DiscoveryFailed(outcome.reason, outcome.error_code))

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram that arrived at one of our addresses; drain events and output next."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._advance(now)
        for datagram in datagrams:
            self._prober.receive(datagram)
        self._learn()

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._advance(now)
        self._prober.handle_timeout()
        self._learn()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        return self._prober.now if self._events else self._prober.next_timeout()

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent, each from its own local address."""
        self._advance(now)
        return self._prober.flush()

    def events(self) -> list[DiscoveryEvent]:
        """Drain what has been found out."""
        events, self._events = self._events, []
        return events

    def close(self, now: float) -> None:
        """Give up; drain `events` one last time."""
        if self._closed:
            return
        self._advance(now)
        self._prober.close()
        if self._running:
            self._end(DiscoveryFailed(FailureReason.CANCELLED))
        self._closed = True
        self._events.append(Closed())

    @property
    def closed(self) -> bool:
        """Whether the machine has come to its end."""
        return self._closed

    def _learn(self) -> None:
        for probe, outcome in self._prober.outcomes():
            if self._running:
                self._conclude(probe, outcome)

    def _advance(self, now: float) -> None:
        self._prober.now = max(self._prober.now, now)
