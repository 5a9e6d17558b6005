"""The simulated network does to datagrams what it says, for all tests stand on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from tests.support.nat import Behaviour, Nat, full_cone, port_restricted_cone, restricted_cone, symmetric
from tests.support.network import Host, Link, Network, Node

from rtc_stun import Address, Datagram

INNER = ("192.168.1.10", 5000)
OTHER_INNER = ("192.168.1.11", 5000)
FIRST = ("198.51.100.1", 3478)
FIRST_OTHER_PORT = ("198.51.100.1", 3479)
SECOND = ("198.51.100.2", 3478)


# Translators (RFC 4787).


@pytest.mark.parametrize(
    ("mapping", "new_port_for_another_port", "new_port_for_another_host"),
    [
        (Behaviour.ENDPOINT_INDEPENDENT, False, False),
        (Behaviour.ADDRESS_DEPENDENT, False, True),
        (Behaviour.ADDRESS_AND_PORT_DEPENDENT, True, True),
    ],
)
def test_mapping(mapping: Behaviour, new_port_for_another_port: bool, new_port_for_another_host: bool) -> None:
    nat = Nat("203.0.113.1", mapping=mapping)
    public = nat.outbound(INNER, FIRST, 0.0)

    assert public is not None
    assert public[0] == "203.0.113.1"
    assert nat.outbound(INNER, FIRST, 1.0) == public
    assert (nat.outbound(INNER, FIRST_OTHER_PORT, 1.0) != public) == new_port_for_another_port
    assert (nat.outbound(INNER, SECOND, 1.0) != public) == new_port_for_another_host
    assert nat.outbound(OTHER_INNER, FIRST, 1.0) != public


@pytest.mark.parametrize(
    ("filtering", "another_port_passes", "another_host_passes"),
    [
        (Behaviour.ENDPOINT_INDEPENDENT, True, True),
        (Behaviour.ADDRESS_DEPENDENT, True, False),
        (Behaviour.ADDRESS_AND_PORT_DEPENDENT, False, False),
    ],
)
def test_filtering(filtering: Behaviour, another_port_passes: bool, another_host_passes: bool) -> None:
    nat = Nat("203.0.113.1", filtering=filtering)
    public = nat.outbound(INNER, FIRST, 0.0)
    assert public is not None

    assert nat.inbound(FIRST, public, 1.0) == INNER
    assert (nat.inbound(FIRST_OTHER_PORT, public, 1.0) == INNER) == another_port_passes
    assert (nat.inbound(SECOND, public, 1.0) == INNER) == another_host_passes
    assert nat.inbound(FIRST, (public[0], public[1] + 1), 1.0) is None


def test_the_usual_names() -> None:
    kinds = [make("203.0.113.1") for make in (full_cone, restricted_cone, port_restricted_cone, symmetric)]

    independent, by_address, by_both = Behaviour
    assert [(nat.mapping, nat.filtering) for nat in kinds] == [
        (independent, independent),
        (independent, by_address),
        (independent, by_both),
        (by_both, by_both),
    ]


def test_a_mapping_lives_by_what_goes_out_and_not_by_what_comes_in() -> None:
    nat = full_cone("203.0.113.1")
    public = nat.outbound(INNER, FIRST, 0.0)
    assert public is not None
    assert nat.outbound(INNER, FIRST, 100.0) == public

    assert nat.inbound(FIRST, public, 220.0) == INNER
    assert nat.inbound(FIRST, public, 220.1) is None
    assert nat.outbound(INNER, FIRST, 220.1) != public


def test_a_permission_ends_although_the_mapping_serves_others() -> None:
    nat = restricted_cone("203.0.113.1")
    public = nat.outbound(INNER, FIRST, 0.0)
    assert public is not None
    nat.outbound(INNER, SECOND, 100.0)

    assert nat.inbound(FIRST, public, 120.0) == INNER
    assert nat.inbound(FIRST, public, 120.1) is None
    assert nat.inbound(SECOND, public, 120.1) == INNER


def test_a_rebooted_translator_knows_nothing() -> None:
    nat = full_cone("203.0.113.1")
    public = nat.outbound(INNER, FIRST, 0.0)
    assert public is not None

    nat.forget()

    assert nat.inbound(FIRST, public, 0.0) is None
    assert nat.outbound(INNER, FIRST, 0.0) != public


# The network, with a machine that says what it is told to say.


@dataclass
class Told:
    """Sends what the test queues, and records what arrives."""

    queue: list[Datagram] = field(default_factory=list)
    arrived: list[tuple[float, bytes, Address]] = field(default_factory=list)
    due_at: float | None = None
    is_stuck: bool = False
    closed: bool = False

    @dataclass
    class Stats:
        """Nothing is ever dropped."""

        dropped: dict[str, int] = field(default_factory=dict)

    stats: Stats = field(default_factory=Stats)

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        self.arrived.append((now, datagram.data, datagram.remote))

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        for datagram in datagrams:
            self.receive_datagram(datagram, now)

    def handle_timeout(self, now: float) -> None:
        if not self.is_stuck:
            self.due_at = None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        queue, self.queue = self.queue, []
        return queue

    def events(self) -> list[object]:
        return []

    def next_timeout(self) -> float | None:
        return self.due_at

    def close(self, now: float) -> None:
        self.closed = True


class Wire:
    """Two hosts and what the left one's link does."""

    def __init__(self, link: Link, *, seed: int = 1, behind: Nat | None = None) -> None:
        self.network = Network(seed=seed, link=link)
        self.here = self.network.host("192.0.2.1" if behind is None else INNER[0], behind=behind)
        self.there = self.network.host("192.0.2.2")
        self.left, self.right = Told(), Told()
        self.node = self._attach(self.left, self.here)
        self._attach(self.right, self.there)

    def _attach(self, machine: Told, host: Host) -> Node:
        return self.network.attach(machine, host.bind(1))

    def send(self, *payloads: bytes) -> list[tuple[float, bytes]]:
        """Send, let time pass, and return what arrived on the right and when."""
        local, remote = Address(self.here.hosts[0], 1), Address("192.0.2.2", 1)
        self.left.queue += [Datagram(data, local, remote) for data in payloads]
        self.network.run()
        return [(at, data) for at, data, _ in self.right.arrived]


def numbered(count: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(count)]


def test_delay() -> None:
    assert Wire(Link(delay=0.25)).send(b"a", b"b") == [(0.25, b"a"), (0.25, b"b")]


def test_jitter_spreads_arrivals() -> None:
    times = [at for at, _ in Wire(Link(delay=0.1, jitter=0.05)).send(*numbered(200))]

    assert min(times) >= 0.1
    assert max(times) <= 0.15
    assert max(times) - min(times) > 0.04


def test_loss_and_duplication_have_the_probability_they_are_given() -> None:
    wire = Wire(Link(loss=0.25))
    assert 650 < len(wire.send(*numbered(1000))) < 850
    assert wire.network.traffic.lost + wire.network.traffic.delivered == 1000

    assert 1150 < len(Wire(Link(duplication=0.25)).send(*numbered(1000))) < 1350


def test_reordering() -> None:
    arrived = [data for _, data in Wire(Link(reordering=0.2)).send(*numbered(100))]

    assert arrived != numbered(100)
    assert sorted(arrived) == numbered(100)


def test_bandwidth_delays_and_its_queue_overflows() -> None:
    wire = Wire(Link(delay=0.0, bandwidth_bps=8000, queue_length=3000))

    arrived = wire.send(*[bytes(1000)] * 5)

    assert [at for at, _ in arrived] == [1.0, 2.0, 3.0]
    assert wire.network.traffic.lost == 2


def test_what_exceeds_the_mtu_is_lost() -> None:
    wire = Wire(Link(mtu=100))

    assert [len(data) for _, data in wire.send(bytes(100), bytes(101))] == [100]
    assert wire.network.traffic.too_large == 1


def test_the_same_seed_gives_the_same_network() -> None:
    link = Link(loss=0.3, jitter=0.1, duplication=0.1, reordering=0.1)

    first = Wire(link, seed=7).send(*numbered(100))

    assert Wire(link, seed=7).send(*numbered(100)) == first
    assert Wire(link, seed=8).send(*numbered(100)) != first


def test_nobody_is_at_an_address_that_was_left() -> None:
    wire = Wire(Link())
    wire.there.move("192.0.2.3")

    assert wire.send(b"lost") == []
    assert wire.network.traffic.unroutable == 1


def test_nothing_leaves_from_an_address_that_was_left() -> None:
    wire = Wire(Link())
    wire.here.move("192.0.2.3")

    wire.left.queue.append(Datagram(b"lost", Address("192.0.2.1", 1), Address("192.0.2.2", 1)))
    wire.network.run()

    assert wire.right.arrived == []
    assert wire.network.traffic.unroutable == 1


def test_a_host_that_is_down_neither_sends_nor_receives() -> None:
    for which in ("here", "there"):
        wire = Wire(Link())
        getattr(wire, which).up = False

        assert wire.send(b"lost") == []


def test_a_tap_can_swallow() -> None:
    wire = Wire(Link())
    wire.node.tap = lambda _now, datagram: datagram.data != b"secret"

    assert [data for _, data in wire.send(b"secret", b"open")] == [b"open"]


def test_a_translator_hides_who_is_behind_it_and_lets_answers_in() -> None:
    wire = Wire(Link(), behind=port_restricted_cone("203.0.113.1"))
    wire.send(b"hello")
    ((_, _, seen),) = wire.right.arrived

    wire.right.queue.append(Datagram(b"answer", Address("192.0.2.2", 1), seen))
    wire.network.run()

    assert seen.host == "203.0.113.1"
    assert [data for _, data, _ in wire.left.arrived] == [b"answer"]


def test_nested_translators_translate_twice() -> None:
    outer, inner = symmetric("203.0.113.1"), symmetric("100.64.0.1")
    network = Network()
    network.nest(inner, outer)
    left, right = Told(), Told()
    network.attach(left, network.host("192.168.1.10", behind=inner).bind(5000))
    network.attach(right, network.host("192.0.2.2").bind(1))

    left.queue.append(Datagram(b"x", Address("192.168.1.10", 5000), Address("192.0.2.2", 1)))
    network.run()
    ((_, _, seen),) = right.arrived
    right.queue.append(Datagram(b"y", Address("192.0.2.2", 1), seen))
    network.run()

    assert seen.host == "203.0.113.1"
    assert [data for _, data, _ in left.arrived] == [b"y"]


@pytest.mark.parametrize("hairpinning", [True, False])
def test_hairpinning(hairpinning: bool) -> None:
    nat = full_cone("203.0.113.1")
    nat.hairpinning = hairpinning
    network = Network()
    left, right = Told(), Told()
    here, there = Address("192.168.1.10", 1), Address("192.168.1.11", 1)
    network.attach(left, network.host(here.host, behind=nat).bind(1))
    network.attach(right, network.host(there.host, behind=nat).bind(1))
    public = nat.outbound(there, FIRST, 0.0)
    assert public is not None

    left.queue.append(Datagram(b"round", here, Address(*public)))
    network.run()

    # The source is the public one (RFC 4787, REQ-9a).
    assert [remote.host for _, _, remote in right.arrived] == (["203.0.113.1"] if hairpinning else [])


def test_neighbours_behind_a_translator_reach_each_other_without_it() -> None:
    nat = symmetric("203.0.113.1")
    network = Network()
    left, right = Told(), Told()
    here, there = Address("192.168.1.10", 1), Address("192.168.1.11", 1)
    network.attach(left, network.host(here.host, behind=nat).bind(1))
    network.attach(right, network.host(there.host, behind=nat).bind(1))

    left.queue.append(Datagram(b"direct", here, there))
    network.run()

    assert [remote for _, _, remote in right.arrived] == [here]


def test_udp_can_be_blocked() -> None:
    nat = full_cone("203.0.113.1")
    nat.udp_blocked = True

    assert Wire(Link(), behind=nat).send(b"no") == []


def test_time_passes_to_the_next_timeout_and_stops_where_it_was_told() -> None:
    wire = Wire(Link())
    wire.left.due_at = 5.0

    stops = []
    for _ in range(2):
        wire.network.run(timeout=3.0)
        stops.append((wire.network.now, wire.left.next_timeout()))
    wire.network.advance(2.5)

    assert stops == [(3.0, 5.0), (5.0, None)]
    assert wire.network.now == 7.5


def test_a_machine_that_stays_due_is_caught() -> None:
    wire = Wire(Link())
    wire.left.due_at = 1.0
    wire.left.is_stuck = True

    with pytest.raises(AssertionError, match="Told is still due"):
        wire.network.run()


def test_a_machine_that_never_stops_talking_is_caught() -> None:
    wire = Wire(Link())

    def more(now: float) -> list[Datagram]:
        return [Datagram(b"more", Address("192.0.2.1", 1), Address("192.0.2.2", 1))]

    wire.left.datagrams_to_send = more  # type: ignore[method-assign]

    with pytest.raises(AssertionError, match="keep producing output"):
        wire.network.run()
