"""How long a NAT keeps a binding that nobody uses (:rfc:`5780#section-4.6`)."""

from collections.abc import Callable
from typing import Final

from rtc_stun.behavior import DiscoveryFailed, LifetimeDiscovered
from rtc_stun.behavior_attributes import ResponsePort
from rtc_stun.client_authentication import Credential
from rtc_stun.client_config import ClientConfig
from rtc_stun.datagram import Address
from rtc_stun.discovery import Discovery
from rtc_stun.events import FailureReason, RequestFailed, RequestSucceeded
from rtc_stun.journal import Trace
from rtc_stun.probing import Outcome, Probe

LONGEST: Final = 600.0
"""Default for the longest silence that is tried, in seconds."""
PRECISION: Final = 10.0
"""Default for how closely the lifetime is told, in seconds."""


class BindingLifetimeDiscovery(Discovery):
    """Find out how long a NAT keeps a binding, by halving the interval that the lifetime must lie in.

    Call `discover`; it ends in `LifetimeDiscovered` or `DiscoveryFailed`, the latter with error 420 where the server does
    not send responses to other ports. It takes long: the sum of the silences tried, half an hour with the defaults.

    Args:
        local: The address whose binding is watched; nobody else may send from it.
        second_local: Another port of the same host, from which the server is asked to write to that binding.
        server: Whom to ask.
        rng: Cryptographic randomness, such as `os.urandom`.
        longest: The longest silence to try, in seconds.
        precision: How close both bounds of the result shall be, in seconds.
        credential: None for servers that ask for none.
        config: How long to wait for an answer, above all.
        trace: Called with time, name and data of what happens.

    See :rfc:`5780#section-4.6`.
    """

    def __init__(
        self,
        *,
        local: Address,
        second_local: Address,
        server: Address,
        rng: Callable[[int], bytes],
        longest: float = LONGEST,
        precision: float = PRECISION,
        credential: Credential | None = None,
        config: ClientConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        if not 0 < precision <= longest:
            raise ValueError("the precision is a positive time within the longest silence")
        addresses = (local, second_local)
        super().__init__(addresses=addresses, server=server, rng=rng, credential=credential, config=config, trace=trace)
        self._local, self._second_local = local, second_local
        self._longest, self._precision = longest, precision
        self._alive, self._gone = 0.0, longest + precision
        self._silence = longest
        self._probe = Probe(local, server)

    def _begin(self) -> None:
        self._alive, self._gone = 0.0, self._longest + self._precision
        self._silence = self._longest
        self._renew()

    def _renew(self) -> None:
        """Bring the binding to life; everything that comes later in this test arrives by it, or not at all."""
        self._probe = Probe(self._local, self._server)
        self._prober.ask(self._probe)

    def _conclude(self, probe: Probe, outcome: Outcome) -> None:
        if probe is not self._probe:
            return
        if probe.local == self._local:
            self._learn_address(outcome)
        else:
            self._learn_whether_alive(probe, outcome)

    def _learn_address(self, outcome: Outcome) -> None:
        if isinstance(outcome, RequestFailed):
            self._fail(outcome)
        elif isinstance(outcome, RequestSucceeded) and outcome.mapped_address is not None:
            port = ResponsePort(outcome.mapped_address.port)
            self._probe = Probe(self._second_local, self._server, (port,), answer_at=self._local)
            self._prober.ask(self._probe, after=self._silence)

    def _learn_whether_alive(self, probe: Probe, outcome: Outcome) -> None:
        if isinstance(outcome, RequestFailed) and outcome.reason is not FailureReason.TIMEOUT:
            # [rfc5780:5/1]
            self._end(DiscoveryFailed(outcome.reason, outcome.error_code))
            return
        if isinstance(outcome, RequestSucceeded) and probe.arrived_at == self._local:
            self._alive = self._silence
        else:
            self._gone = self._silence
        if self._alive >= self._longest:
            self._end(LifetimeDiscovered(self._alive, None))
        elif self._gone - self._alive <= self._precision:
            self._end(LifetimeDiscovered(self._alive, self._gone))
        else:
            self._silence = (self._alive + self._gone) / 2
            self._renew()
