"""Requests from several of our addresses, paced, whose responses may come from elsewhere and arrive elsewhere.

That is what tells discovery apart from other usages: `StunClient` discards whatever does not come back the way it went.
"""

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Final, TypeAlias

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import ErrorCode
from rtc_stun.behavior_attributes import BEHAVIOR_ATTRIBUTES, Padding
from rtc_stun.client import StunClient
from rtc_stun.client_authentication import Credential
from rtc_stun.client_config import ClientConfig, ClientStats
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address, Datagram
from rtc_stun.errors import ParseError
from rtc_stun.events import RequestFailed, RequestSucceeded
from rtc_stun.journal import Trace
from rtc_stun.message import Message, MessageClass

SPACING: Final = 0.1
"""Seconds between two new transactions."""
MAX_LENGTH: Final = Padding.LENGTHS.stop + 20 + 4
"""Bytes of a request; one with PADDING is meant to be longer than the path carries at once."""

# [rfc5780:5/6] Nobody is redirected, unless the caller chooses so.
DISCOVERY_CLIENT: Final = ClientConfig(
    max_requests=4, last_wait_factor=4.0, known_attributes=BEHAVIOR_ATTRIBUTES, max_message_length=MAX_LENGTH
)
"""A client that takes 5.5 seconds to find that nothing comes back, where the default one takes 39.5."""


@dataclass(slots=True, eq=False)
class Probe:
    """One question of a discovery."""

    local: Address
    """Which of our addresses asks."""
    server: Address
    """Whom."""
    attributes: tuple[Attribute, ...] = ()
    answer_from: Address | None = None
    """Where a success response is to come from, if not from whom we asked."""
    answer_at: Address | None = None
    """Which of our addresses it may also arrive at."""
    arrived_at: Address | None = None
    """Which it did arrive at."""
    request_id: int | None = None
    """None until it was asked."""

    def accepts(self, message: Message, arrived: Datagram) -> bool:
        """Tell whether a response came from where it had to, and arrived where it might."""
        origin = self.server
        if self.answer_from is not None and message.get(ErrorCode) is None:
            origin = self.answer_from
        return arrived.remote == origin and arrived.local in (self.local, self.answer_at)


@dataclass(slots=True)
class Returned:
    """The request itself came back to us."""


Outcome: TypeAlias = RequestSucceeded | RequestFailed | Returned


@dataclass(slots=True)
class _Planned:
    at: float
    probe: Probe


@dataclass(slots=True)
class _Asked:
    client: StunClient
    probes: dict[int, Probe] = field(default_factory=dict)


class Prober:
    """Ask from our addresses, one probe at a time from each to any one server."""

    def __init__(
        self,
        *,
        addresses: Iterable[Address],
        rng: Callable[[int], bytes],
        credential: Credential | None,
        config: ClientConfig,
        trace: Trace | None,
    ) -> None:
        self._known = config.known_attributes
        self._asked = {
            local: _Asked(StunClient(local=local, rng=rng, credential=credential, config=config, trace=trace))
            for local in addresses
        }
        self._planned: list[_Planned] = []
        self._transactions: dict[bytes, Probe] = {}
        self._outcomes: list[tuple[Probe, Outcome]] = []
        self._dropped: dict[str, int] = {}
        self._free_at = float("-inf")
        self.now = float("-inf")

    @property
    def stats(self) -> ClientStats:
        """The sum of what all addresses count."""
        total = ClientStats(dropped=dict(self._dropped))
        for asked in self._asked.values():
            stats = asked.client.stats
            total.requests_sent += stats.requests_sent
            total.retransmissions += stats.retransmissions
            total.responses_accepted += stats.responses_accepted
            for reason, count in stats.dropped.items():
                total.dropped[reason] = total.dropped.get(reason, 0) + count
        return total

    # Commands.

    def ask(self, probe: Probe, *, after: float = 0.0) -> None:
        """Plan a probe, so many seconds from now."""
        # [rfc5780:5/7] [rfc5780:5/8] A fifth of the first timeout apart, repetitions never come together.
        at = max(self.now + after, self._free_at)
        self._free_at = at + SPACING
        self._planned.append(_Planned(at, probe))
        self._begin_due()

    def give_up(self, probe: Probe) -> None:
        """Forget a probe; no outcome will tell of it."""
        self._planned = [planned for planned in self._planned if planned.probe is not probe]
        asked = self._asked[probe.local]
        if probe.request_id is not None and asked.probes.pop(probe.request_id, None) is not None:
            asked.client.cancel(probe.request_id, self.now)
        self._forget(probe)

    def outcomes(self) -> list[tuple[Probe, Outcome]]:
        """Drain what has become of the probes."""
        for asked in self._asked.values():
            for event in asked.client.events():
                if isinstance(event, (RequestSucceeded, RequestFailed)):
                    probe = asked.probes.pop(event.request_id, None)
                    if probe is not None:
                        self._forget(probe)
                        self._outcomes.append((probe, event))
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def close(self) -> None:
        """Give up everything."""
        self._planned.clear()
        self._transactions.clear()
        self._outcomes.clear()
        for asked in self._asked.values():
            asked.client.close(self.now)
            asked.client.events()
            asked.probes.clear()

    # Input, time and output.

    def receive(self, arrived: Datagram) -> None:
        """Hand a datagram to whoever asked for it."""
        try:
            message = Message.parse(arrived.data, self._known)
        except ParseError:
            self._drop("malformed")
            return
        probe = self._transactions.get(message.transaction_id)
        if probe is None:
            self._drop("no-transaction")
        elif message.message_class is MessageClass.REQUEST:
            self._outcomes.append((probe, Returned()))
        elif not probe.accepts(message, arrived):
            self._drop("wrong-path")
        else:
            probe.arrived_at = arrived.local
            taken = Datagram(arrived.data, probe.local, probe.server, arrived.transport)
            self._asked[probe.local].client.receive_datagram(taken, self.now)

    def handle_timeout(self) -> None:
        """Do what time demands."""
        for asked in self._asked.values():
            asked.client.handle_timeout(self.now)
        self._begin_due()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due."""
        times = [planned.at for planned in self._planned]
        times += [at for asked in self._asked.values() if (at := asked.client.next_timeout()) is not None]
        return min(times, default=None)

    def flush(self) -> list[Datagram]:
        """Drain what is to be sent."""
        output = []
        for local, asked in self._asked.items():
            for datagram in asked.client.datagrams_to_send(self.now):
                for probe in asked.probes.values():
                    if probe.server == datagram.remote:
                        self._transactions[datagram.data[8:20]] = probe
                output.append(Datagram(datagram.data, local, datagram.remote, datagram.transport))
        return output

    def _begin_due(self) -> None:
        due = [planned.probe for planned in self._planned if planned.at <= self.now]
        self._planned = [planned for planned in self._planned if planned.at > self.now]
        for probe in due:
            asked = self._asked[probe.local]
            probe.request_id = asked.client.send_request(probe.server, self.now, attributes=probe.attributes)
            asked.probes[probe.request_id] = probe

    def _forget(self, probe: Probe) -> None:
        self._transactions = {number: one for number, one in self._transactions.items() if one is not probe}

    def _drop(self, reason: str) -> None:
        self._dropped[reason] = self._dropped.get(reason, 0) + 1
