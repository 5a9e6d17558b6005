"""Discovery of NATs of every kind, by a real client and a real server (RFC 5780, section 4)."""

import itertools
from dataclasses import replace

import pytest
from tests.support.nat import Behaviour, Nat
from tests.support.network import Host, Link, Network, Node
from tests.support.rng import SeededRng

from rtc_stun import (
    BEHAVIOR_ATTRIBUTES,
    DISCOVERY_CLIENT,
    Address,
    AlternateAddresses,
    AlternateServer,
    Behavior,
    BehaviorConfig,
    BehaviorDiscovered,
    BehaviorDiscovery,
    BindingLifetimeDiscovery,
    Closed,
    Datagram,
    DiscoveryFailed,
    ErrorCode,
    FailureReason,
    Fingerprint,
    LifetimeDiscovered,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    Message,
    MessageClass,
    NatBehavior,
    Padding,
    ServerConfig,
    StateError,
    StunServer,
)

PRIMARY, ALTERNATE = Address("198.51.100.1", 3478), Address("198.51.100.2", 3479)
PAIR = AlternateAddresses(PRIMARY, ALTERNATE)
PUBLIC = "203.0.113.1"
KINDS = list(Behaviour)


class Scene:
    """A server, a client, and what is between them."""

    def __init__(
        self,
        nat: Nat | None = None,
        *,
        behavior: BehaviorConfig | None = None,
        users: LongTermUsers | None = None,
        link: Link | None = None,
        seed: int = 0,
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.01))
        place = self.network.host(PRIMARY.host, ALTERNATE.host)
        self.server = StunServer(
            authenticator=None if users is None else LongTermAuthenticator(users, secret=bytes(32)),
            config=ServerConfig(behavior=behavior or BehaviorConfig(alternates=(PAIR,))),
        )
        bindings = [place.bind(port, host) for host in place.hosts for port in (PRIMARY.port, ALTERNATE.port)]
        self.server_node = self.network.attach(self.server, *bindings)
        self.client_host: Host = self.network.host("192.168.1.10", behind=nat)
        self.seed = seed
        self.sent: list[tuple[float, Datagram]] = []

    def join(self, machine: BehaviorDiscovery | BindingLifetimeDiscovery) -> Node:
        node = self.network.attach(machine, self.client_host.bind(5000), self.client_host.bind(5001))
        node.tap = self._tap
        return node

    def _tap(self, now: float, datagram: Datagram) -> bool:
        self.sent.append((now, datagram))
        return True

    def discovery(self, **options: object) -> BehaviorDiscovery:
        arguments: dict[str, object] = {"mtu": 1500, "second_local": Address("192.168.1.10", 5001)} | options
        return BehaviorDiscovery(
            local=Address("192.168.1.10", 5000),
            server=PRIMARY,
            rng=SeededRng(self.seed),
            **arguments,  # type: ignore[arg-type]
        )

    def discover(self, **options: object) -> object:
        machine = self.discovery(**options)
        node = self.join(machine)
        machine.discover(self.network.now)
        assert self.network.run(until=lambda: bool(node.events), timeout=300)
        (event,) = node.events
        return event

    def lifetime(self, **options: float) -> object:
        machine = BindingLifetimeDiscovery(
            local=Address("192.168.1.10", 5000),
            second_local=Address("192.168.1.10", 5001),
            server=PRIMARY,
            rng=SeededRng(self.seed),
            **options,  # type: ignore[arg-type]
        )
        node = self.join(machine)
        machine.discover(self.network.now)
        assert self.network.run(until=lambda: bool(node.events), timeout=36_000)
        (event,) = node.events
        return event


def behavior(event: object) -> NatBehavior:
    assert isinstance(event, BehaviorDiscovered), event
    return event.behavior


@pytest.mark.parametrize("hairpinning", [True, False])
@pytest.mark.parametrize("filtering", KINDS, ids=lambda kind: f"filters {kind.value}")
@pytest.mark.parametrize("mapping", KINDS, ids=lambda kind: f"maps {kind.value}")
def test_every_kind_of_nat_is_known(mapping: Behaviour, filtering: Behaviour, hairpinning: bool) -> None:
    nat = Nat(PUBLIC, mapping=mapping, filtering=filtering, hairpinning=hairpinning)

    found = behavior(Scene(nat).discover())

    assert found.translated
    assert found.mapped.host == PUBLIC
    assert found.mapping is Behavior(mapping.value)
    assert found.filtering is Behavior(filtering.value)
    # Where each destination has a mapping of its own, the filter of the one does not know whom the other has written to.
    meet = Behaviour.ENDPOINT_INDEPENDENT in (mapping, filtering)
    assert found.hairpinning is (hairpinning and meet)
    assert (found.fragments, found.rewriting) == (True, False)


def test_no_nat_is_known_too() -> None:
    found = behavior(Scene().discover())

    assert not found.translated
    assert (found.mapping, found.filtering) == (Behavior.ENDPOINT_INDEPENDENT, Behavior.ENDPOINT_INDEPENDENT)
    assert found.hairpinning is None


@pytest.mark.parametrize("seed", range(5))
def test_lost_datagrams_do_not_change_the_result(seed: int) -> None:
    link = Link(delay=0.02, jitter=0.01, loss=0.1, duplication=0.1)
    config = replace(DISCOVERY_CLIENT, max_requests=7)

    found = behavior(
        Scene(Nat(PUBLIC, filtering=Behaviour.ADDRESS_DEPENDENT), link=link, seed=seed).discover(config=config)
    )

    assert found.mapping is Behavior.ENDPOINT_INDEPENDENT
    assert found.filtering is Behavior.ADDRESS_DEPENDENT
    assert found.hairpinning is True


def test_blocked_udp_is_told_in_seconds() -> None:
    scene = Scene(Nat(PUBLIC, udp_blocked=True))

    event = scene.discover()

    assert event == DiscoveryFailed(FailureReason.TIMEOUT)
    assert scene.network.now == pytest.approx(5.5)


@pytest.mark.spec("rfc5780:5/3")
def test_a_server_with_one_address_leaves_mapping_and_filtering_unknown() -> None:
    found = behavior(Scene(Nat(PUBLIC), behavior=BehaviorConfig()).discover())

    assert (found.mapping, found.filtering) == (None, None)
    assert (found.fragments, found.hairpinning) == (True, True)


@pytest.mark.spec("rfc5780:5/3")
def test_a_refusal_to_change_leaves_filtering_unknown() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery(second_local=None, mtu=None)
    node = scene.join(discovery)
    _answer_changes_with_420(scene)

    discovery.discover(0.0)
    scene.network.run(until=lambda: bool(node.events), timeout=60)

    found = behavior(node.events[0])
    assert (found.mapping, found.filtering) == (Behavior.ENDPOINT_INDEPENDENT, None)


def _answer_changes_with_420(scene: Scene) -> None:
    """Let responses to changed requests be refusals that leave from where the request arrived."""

    def spoil(_: float, datagram: Datagram) -> bool:
        message = Message.parse(datagram.data, BEHAVIOR_ATTRIBUTES)
        if datagram.local == ALTERNATE:
            refusal = Message(message.method, MessageClass.ERROR, message.transaction_id, [ErrorCode.with_phrase(420)])
            datagram.data, datagram.local = refusal.serialize(), PRIMARY
        return True

    scene.server_node.tap = spoil


def test_a_server_that_ignores_the_change_opens_no_filter() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery(second_local=None, mtu=None)
    node = scene.join(discovery)

    def ignore(_: float, datagram: Datagram) -> bool:
        datagram.local = PRIMARY
        return True

    scene.server_node.tap = ignore
    discovery.discover(0.0)
    scene.network.run(until=lambda: bool(node.events), timeout=60)

    assert behavior(node.events[0]).filtering is Behavior.ADDRESS_AND_PORT_DEPENDENT
    assert discovery.stats.dropped["wrong-path"] > 0


def test_fragments_that_are_lost_are_told() -> None:
    scene = Scene(Nat(PUBLIC), link=Link(delay=0.01, mtu=1472))

    assert behavior(scene.discover()).fragments is False


@pytest.mark.spec("rfc5780:5/5", "rfc5780:7.6/2")
def test_a_request_is_padded_to_the_mtu() -> None:
    scene = Scene(Nat(PUBLIC))
    scene.discover(mtu=1499)

    padded = [message.get(Padding) for message in sent_messages(scene) if message.get(Padding) is not None]
    assert padded == [Padding(bytes(1500))]


def sent_messages(scene: Scene) -> list[Message]:
    return [Message.parse(datagram.data, BEHAVIOR_ATTRIBUTES) for _, datagram in scene.sent]


@pytest.mark.spec("rfc5780:5/7", "rfc5780:5/8")
def test_transactions_are_paced_and_their_repetitions_too() -> None:
    scene = Scene(Nat(PUBLIC, hairpinning=False))
    scene.discover()

    begun: dict[bytes, float] = {}
    for now, datagram in scene.sent:
        begun.setdefault(datagram.data[8:20], now)
    times, all_times = sorted(begun.values()), [now for now, _ in scene.sent]
    assert len(times) >= 8
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in itertools.pairwise(times))
    assert all(later - earlier > 0.05 for earlier, later in itertools.pairwise(all_times))


@pytest.mark.spec("rfc5780:5/4")
def test_fingerprint_goes_along_where_the_port_is_shared() -> None:
    scene = Scene(Nat(PUBLIC))
    scene.discover(config=replace(DISCOVERY_CLIENT, fingerprint=True))

    assert scene.sent
    assert all(message.get(Fingerprint) is not None for message in sent_messages(scene))


@pytest.mark.spec("rfc5780:5/6")
def test_nobody_is_sent_elsewhere() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery()
    node = scene.join(discovery)

    def redirect(_: float, datagram: Datagram) -> bool:
        message = Message.parse(datagram.data, BEHAVIOR_ATTRIBUTES)
        content = [ErrorCode.with_phrase(300), AlternateServer(ALTERNATE)]
        datagram.data = Message(message.method, MessageClass.ERROR, message.transaction_id, content).serialize()
        return True

    scene.server_node.tap = redirect
    discovery.discover(0.0)
    scene.network.run(until=lambda: bool(node.events), timeout=60)

    (event,) = node.events
    assert isinstance(event, DiscoveryFailed)
    assert event.error_code == 300
    assert {datagram.remote for _, datagram in scene.sent} == {PRIMARY}


def test_an_address_rewritten_on_the_path_is_told() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery()
    node = scene.join(discovery)

    def rewrite(_: float, datagram: Datagram) -> bool:
        # What a helpful gateway does: it looks for the public address in clear, and puts in the private one.
        datagram.data = datagram.data.replace(bytes([203, 0, 113, 1]), bytes([192, 168, 1, 10]))
        return True

    scene.server_node.tap = rewrite
    discovery.discover(0.0)
    scene.network.run(until=lambda: bool(node.events), timeout=60)

    found = behavior(node.events[0])
    assert found.rewriting is True
    assert found.mapped.host == PUBLIC


@pytest.mark.parametrize("password", ["secret", "guess"])
def test_servers_that_ask_who_is_there(password: str) -> None:
    users = LongTermUsers("example.org", {"alice": "secret"})

    event = Scene(Nat(PUBLIC), users=users).discover(credential=LongTermCredential(username="alice", password=password))

    if password == "secret":
        assert behavior(event).filtering is Behavior.ADDRESS_AND_PORT_DEPENDENT
    else:
        assert isinstance(event, DiscoveryFailed)
        assert event.reason is FailureReason.CREDENTIALS_REFUSED


def test_a_discovery_can_be_repeated_but_not_doubled() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery()
    node = scene.join(discovery)
    discovery.discover(scene.network.now)
    with pytest.raises(StateError):
        discovery.discover(scene.network.now)
    scene.network.run(until=lambda: len(node.events) == 1, timeout=60)

    discovery.discover(scene.network.now)
    scene.network.run(until=lambda: len(node.events) == 2, timeout=60)
    discovery.close(scene.network.now)

    assert behavior(node.events[0]).mapping is behavior(node.events[1]).mapping
    assert discovery.events() == [Closed()]
    with pytest.raises(StateError):
        discovery.discover(scene.network.now)


def test_closing_in_the_middle_tells_that_nothing_was_found() -> None:
    scene = Scene(Nat(PUBLIC))
    discovery = scene.discovery()
    discovery.discover(0.0)
    discovery.close(0.0)

    assert discovery.events() == [DiscoveryFailed(FailureReason.CANCELLED), Closed()]
    assert discovery.datagrams_to_send(0.0) == []
    assert discovery.next_timeout() is None


@pytest.mark.parametrize("lifetime", [7.0, 30.0, 119.0, 300.0])
def test_the_lifetime_of_a_binding_is_found(lifetime: float) -> None:
    event = Scene(Nat(PUBLIC, mapping_lifetime=lifetime)).lifetime(longest=400.0, precision=2.0)

    assert isinstance(event, LifetimeDiscovered)
    assert event.less_than is not None
    assert event.at_least <= lifetime <= event.less_than
    assert event.less_than - event.at_least <= 2.0


def test_a_binding_that_outlives_everything_tried() -> None:
    event = Scene(Nat(PUBLIC, mapping_lifetime=1000.0)).lifetime(longest=200.0, precision=5.0)

    assert event == LifetimeDiscovered(200.0, None)


@pytest.mark.spec("rfc5780:5/1")
def test_a_server_that_sends_to_no_other_port_ends_the_search_for_a_lifetime() -> None:
    one_port = BehaviorConfig(alternates=(PAIR,), response_ports=range(0))

    event = Scene(Nat(PUBLIC), behavior=one_port).lifetime(longest=20.0)

    assert isinstance(event, DiscoveryFailed)
    assert event.error_code == 420


@pytest.mark.parametrize("wrong", [{"precision": 0.0}, {"precision": 700.0}])
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="precision"):
        Scene().lifetime(**wrong)


def test_both_addresses_differ_and_the_transport_is_udp() -> None:
    with pytest.raises(ValueError, match="another"):
        Scene().discovery(second_local=Address("192.168.1.10", 5000))
    with pytest.raises(ValueError, match="UDP"):
        Scene().discovery(config=replace(DISCOVERY_CLIENT, transport="tcp"))
