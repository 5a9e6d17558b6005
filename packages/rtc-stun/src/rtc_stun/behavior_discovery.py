"""The client's side of NAT behaviour discovery: mapping, filtering, hairpinning, fragments (:rfc:`5780#section-4`)."""

import enum
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from rtc_stun.attribute import Attribute
from rtc_stun.attributes import MappedAddress
from rtc_stun.behavior import Behavior, BehaviorDiscovered, NatBehavior
from rtc_stun.behavior_attributes import ChangeRequest, OtherAddress, Padding
from rtc_stun.client_authentication import Credential
from rtc_stun.client_config import ClientConfig
from rtc_stun.datagram import Address
from rtc_stun.discovery import Discovery
from rtc_stun.events import FailureReason, RequestFailed, RequestSucceeded
from rtc_stun.journal import Trace
from rtc_stun.probing import Outcome, Probe, Returned


class _Test(enum.Enum):
    """The tests in the order they are made: nothing may be sent to the other address before filtering is known."""

    CONNECTIVITY = "4.3, test I"
    FILTERING_OF_HOSTS = "4.4, test II"
    FILTERING_OF_PORTS = "4.4, test III"
    MAPPING_BY_HOST = "4.3, test II"
    MAPPING_BY_PORT = "4.3, test III"
    FRAGMENTS = "3.5"
    SECOND_ADDRESS = "3.4, the mapped address of the second port"
    HAIRPINNING = "3.4"


_ORDER: Final = tuple(_Test)
_Answer: TypeAlias = RequestSucceeded | RequestFailed


class BehaviorDiscovery(Discovery):
    """Find out how NATs and firewalls on the path to a server treat UDP.

    Call `discover`; it ends in `BehaviorDiscovered` or, where the server cannot be reached, in `DiscoveryFailed`. That
    takes a few round trips, and some seconds more for every test that gets no answer. For true results take ports that
    have sent nothing for a quarter of an hour, such as random ones from 32768 to 65535, and do not share them.

    Args:
        local: The address to explore: that of a socket's own interface, or no NAT could be told from one.
        second_local: Another port of the same host, to find out about hairpinning; None to leave that out.
        server: Whom to ask. Without OTHER-ADDRESS in its responses, mapping and filtering stay unknown.
        rng: Cryptographic randomness, such as `os.urandom`.
        mtu: Bytes that the outgoing interface carries at once, to find out about fragments; None to leave that out.
        credential: None for servers that ask for none.
        config: How long to wait, above all. On a port that others use too, set ``fingerprint``.
        trace: Called with time, name and data of what happens.

    See :rfc:`5780#section-4`.
    """

    # [rfc5780:5/4] FINGERPRINT is the client's configuration.
    def __init__(
        self,
        *,
        local: Address,
        server: Address,
        rng: Callable[[int], bytes],
        second_local: Address | None = None,
        mtu: int | None = None,
        credential: Credential | None = None,
        config: ClientConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        addresses = (local,) if second_local is None else (local, second_local)
        super().__init__(addresses=addresses, server=server, rng=rng, credential=credential, config=config, trace=trace)
        self._local = local
        self._second_local = second_local
        self._padding = None if mtu is None else Padding.of_mtu(mtu)
        self._found = NatBehavior(local=local, mapped=local)
        self._other: Address | None = None
        self._mapped_by_host: Address | None = None
        self._test = _Test.CONNECTIVITY
        self._probes: list[Probe] = []

    def _begin(self) -> None:
        self._found = NatBehavior(local=self._local, mapped=self._local)
        self._other = None
        self._make(_Test.CONNECTIVITY)

    def _make(self, test: _Test) -> None:
        """Make a test, or the next one that makes sense."""
        for possible in _ORDER[_ORDER.index(test) :]:
            probes = self._probes_of(possible)
            if probes:
                self._test, self._probes = possible, probes
                for probe in probes:
                    self._prober.ask(probe)
                return
        self._end(BehaviorDiscovered(self._found))

    def _probes_of(self, test: _Test) -> list[Probe]:
        server, other = self._server, self._other
        match test:
            case _Test.CONNECTIVITY:
                return [self._probe(server)]
            case _Test.FILTERING_OF_HOSTS if other is not None:
                return [self._probe(server, ChangeRequest(ip=True, port=True), answer_from=other)]
            case _Test.FILTERING_OF_PORTS if other is not None:
                origin = Address(server.host, other.port)
                return [self._probe(server, ChangeRequest(ip=False, port=True), answer_from=origin)]
            case _Test.MAPPING_BY_HOST if other is not None and self._found.translated:
                return [self._probe(Address(other.host, server.port))]
            case _Test.MAPPING_BY_PORT if other is not None and self._found.translated:
                return [self._probe(other)]
            case _Test.FRAGMENTS if self._padding is not None:
                # [rfc5780:5/5]
                return [self._probe(server, self._padding)]
            case _Test.SECOND_ADDRESS if self._second_local is not None and self._found.translated:
                return [Probe(self._second_local, server)]
            case _:
                return []

    def _probe(self, server: Address, *attributes: Attribute, answer_from: Address | None = None) -> Probe:
        return Probe(self._local, server, attributes, answer_from)

    def _conclude(self, probe: Probe, outcome: Outcome) -> None:
        if probe not in self._probes:
            return
        if self._test is _Test.HAIRPINNING:
            self._learn_hairpinning(probe, outcome)
            return
        if isinstance(outcome, Returned):
            return  # only a peer that reflects everything does that
        match self._test:
            case _Test.CONNECTIVITY:
                self._learn_address(outcome)
            case _Test.FILTERING_OF_HOSTS:
                self._learn_filtering(outcome, Behavior.ENDPOINT_INDEPENDENT, None, _Test.FILTERING_OF_PORTS)
            case _Test.FILTERING_OF_PORTS:
                narrowest = Behavior.ADDRESS_AND_PORT_DEPENDENT
                self._learn_filtering(outcome, Behavior.ADDRESS_DEPENDENT, narrowest, _Test.MAPPING_BY_HOST)
            case _Test.MAPPING_BY_HOST:
                self._learn_mapping_by_host(outcome)
            case _Test.MAPPING_BY_PORT:
                self._learn_mapping_by_port(outcome)
            case _Test.FRAGMENTS:
                self._learn_fragments(outcome)
            case _Test.SECOND_ADDRESS:
                self._learn_second_address(outcome)

    def _learn_address(self, outcome: _Answer) -> None:
        if isinstance(outcome, RequestFailed):
            self._fail(outcome)
            return
        mapped = _mapped(outcome)
        if mapped is None:
            return
        clear, other = outcome.response.get(MappedAddress), outcome.response.get(OtherAddress)
        rewriting = None if clear is None else clear.address != mapped
        self._found = replace(self._found, mapped=mapped, rewriting=rewriting)
        if not self._found.translated:
            self._found = replace(self._found, mapping=Behavior.ENDPOINT_INDEPENDENT)
        if other is not None and other.address.host != self._server.host and other.address.port != self._server.port:
            self._other = other.address
        self._make(_Test.FILTERING_OF_HOSTS)

    def _learn_filtering(
        self, outcome: _Answer, if_answered: Behavior, if_silent: Behavior | None, when_silent: _Test
    ) -> None:
        if isinstance(outcome, RequestSucceeded):
            self._found = replace(self._found, filtering=if_answered)
        elif outcome.reason is FailureReason.TIMEOUT:
            self._found = replace(self._found, filtering=if_silent)
            self._make(when_silent)
            return
        # [rfc5780:5/3] A 420 leaves it unknown.
        self._make(_Test.MAPPING_BY_HOST)

    def _learn_mapping_by_host(self, outcome: _Answer) -> None:
        self._mapped_by_host = _mapped(outcome)
        if self._mapped_by_host == self._found.mapped:
            self._found = replace(self._found, mapping=Behavior.ENDPOINT_INDEPENDENT)
        self._make(_Test.FRAGMENTS if self._mapped_by_host in (None, self._found.mapped) else _Test.MAPPING_BY_PORT)

    def _learn_mapping_by_port(self, outcome: _Answer) -> None:
        mapped = _mapped(outcome)
        if mapped is not None:
            by_host = mapped == self._mapped_by_host
            mapping = Behavior.ADDRESS_DEPENDENT if by_host else Behavior.ADDRESS_AND_PORT_DEPENDENT
            self._found = replace(self._found, mapping=mapping)
        self._make(_Test.FRAGMENTS)

    def _learn_fragments(self, outcome: _Answer) -> None:
        if isinstance(outcome, RequestSucceeded):
            if outcome.response.get(Padding) is not None:
                self._found = replace(self._found, fragments=True)
        elif outcome.reason is FailureReason.TIMEOUT:
            self._found = replace(self._found, fragments=False)
        self._make(_Test.SECOND_ADDRESS)

    def _learn_second_address(self, outcome: _Answer) -> None:
        second = _mapped(outcome)
        if second is None or self._second_local is None:
            self._end(BehaviorDiscovered(self._found))
            return
        # Both write to each other, for a filter may want either to have written first.
        self._test = _Test.HAIRPINNING
        self._probes = [Probe(self._second_local, self._found.mapped), Probe(self._local, second)]
        for probe in self._probes:
            self._prober.ask(probe)

    def _learn_hairpinning(self, probe: Probe, outcome: Outcome) -> None:
        if isinstance(outcome, Returned):
            self._found = replace(self._found, hairpinning=True)
            for other in self._probes:
                self._prober.give_up(other)
        else:
            self._probes.remove(probe)
            if self._probes:
                return
            self._found = replace(self._found, hairpinning=False)
        self._end(BehaviorDiscovered(self._found))


def _mapped(outcome: _Answer) -> Address | None:
    return outcome.mapped_address if isinstance(outcome, RequestSucceeded) else None
