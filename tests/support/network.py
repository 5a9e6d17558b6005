"""A simulated network on a virtual clock: whole conversations between machines in microseconds, reproducible from a seed.

    network = Network(seed=7, link=Link(delay=0.02, loss=0.1))
    alice, bob = network.join(machine_a, machine_b)          # machines that speak bytes: one wire between the two
    network.run(until=lambda: alice.saw(Connected) and bob.saw(Connected))

Machines that speak `Datagram` live on hosts, which may stand behind address translators:

    home = network.host("192.168.1.10", behind=symmetric("203.0.113.1"))
    node = network.attach(agent, home.bind(5000))

Every machine is driven by the sans-I/O contract and nothing else. The network watches the contract while it does so: a machine
that is still due after its timeout was handled and its output drained fails the test at once.
"""

import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, TypeVar

from rtc_stun import Address, Datagram

from .addresses import Endpoint
from .nat import Nat

D = TypeVar("D")
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Stats(Protocol):
    """The part of every machine's counters that the contract prescribes."""

    dropped: dict[str, int]


class Machine(Protocol[D, E_co]):
    """The verbs every machine has."""

    def receive_datagram(self, datagram: D, now: float) -> None: ...
    def receive_datagrams(self, datagrams: Iterable[D], now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def datagrams_to_send(self, now: float) -> list[D]: ...
    def events(self) -> Sequence[E_co]: ...
    def next_timeout(self) -> float | None: ...
    def close(self, now: float) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def stats(self) -> Stats: ...


MULTICAST_GROUPS: Final = ("224.0.0.251", "ff02::fb")
"""What is sent there reaches the whole realm: it is one link."""

AnyMachine: TypeAlias = Machine[bytes, object] | Machine[Datagram, object]


@dataclass(kw_only=True)
class Link:
    """What happens to a datagram that a host sends. Probabilities are 0 to 1, times seconds."""

    delay: float = 0.01
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    """Probability that a datagram is held back for `reordering_delay` and so overtaken by those after it."""
    reordering_delay: float = 0.03
    bandwidth_bps: float | None = None
    queue_length: int = 256 * 1024
    """Bytes that may wait for the bandwidth; what comes on top is lost."""
    mtu: int = 65535
    """Largest UDP payload in bytes; a larger one is lost without a word."""


@dataclass
class Traffic:
    """What the network did, for assertions and for the curious."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    too_large: int = 0
    unroutable: int = 0
    bytes_delivered: int = 0


@dataclass
class Realm:
    """Addresses that reach each other without translation, and the way out."""

    members: dict[str, "Host | Nat"] = field(default_factory=dict)
    gateway: Nat | None = None
    outer: "Realm | None" = None


class Host:
    """A machine's place in a realm: one or more IP addresses and a link."""

    def __init__(self, hosts: Sequence[str], realm: Realm, link: Link) -> None:
        self.hosts = list(hosts)
        self.realm = realm
        self.link = link
        self.nodes: dict[Endpoint, Node] = {}
        self.link_free_at = 0.0
        self.up = True

    def bind(self, port: int, host: str | None = None) -> "Binding":
        """An address of this host for `Network.attach`."""
        return Binding(self, Address(host if host is not None else self.hosts[0], port))

    def move(self, host: str) -> None:
        """Change the only address, as a phone does that leaves the house: datagrams to the old one are lost."""
        for old in self.hosts:
            self.realm.members.pop(old, None)
        self.hosts = [host]
        self.realm.members[host] = self


@dataclass
class Binding:
    """A host's address and port that a machine shall own."""

    host: Host
    address: Address


class Node:
    """A machine on the network and what it has said so far."""

    def __init__(self, machine: AnyMachine, *, wire: tuple[Address, Address] | None) -> None:
        self.machine = machine
        self.wire = wire
        self.hosts: dict[str, Host] = {}
        self.events: list[object] = []
        self.on_event: Callable[[object], None] | None = None
        """Called with every event after it was recorded; may command any machine."""
        self.tap: Callable[[float, Datagram], bool] | None = None
        """Sees every datagram that leaves; returning False swallows it."""

    def saw(self, kind: type[object]) -> bool:
        """Whether an event of this class was drained."""
        return any(isinstance(event, kind) for event in self.events)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one class, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def receive(self, batch: list[Datagram], now: float) -> None:
        """Hand over what arrived together."""
        if self.wire is None:
            machine: Machine[Datagram, object] = self.machine  # type: ignore[assignment]  # the wire tells which kind it is
            machine.receive_datagrams(batch, now)
        else:
            stream: Machine[bytes, object] = self.machine  # type: ignore[assignment]
            stream.receive_datagrams([datagram.data for datagram in batch], now)

    def drain(self, now: float) -> list[Datagram]:
        """Collect output and events."""
        if self.wire is None:
            machine: Machine[Datagram, object] = self.machine  # type: ignore[assignment]
            output = machine.datagrams_to_send(now)
        else:
            stream: Machine[bytes, object] = self.machine  # type: ignore[assignment]
            local, remote = self.wire
            output = [Datagram(data, local, remote) for data in stream.datagrams_to_send(now)]
        for event in self.machine.events():
            self.events.append(event)
            if self.on_event is not None:
                self.on_event(event)
        return output


class Network:
    """Routes datagrams between machines in virtual time."""

    def __init__(self, *, seed: int = 0, link: Link | None = None, batch: bool = True) -> None:
        self.now = 0.0
        self.traffic = Traffic()
        self.internet = Realm()
        self.nodes: list[Node] = []
        self.trace: Callable[[float, Datagram], None] | None = None
        """Sees every datagram that is delivered."""
        self._link = link or Link()
        self._random = random.Random(seed)
        self._flying: list[tuple[float, int, Node, Datagram]] = []
        self._sequence = 0
        self._batch = batch
        self._realms: dict[int, Realm] = {}
        self._wires = 0

    # --- building ---

    def host(self, *hosts: str, behind: Nat | None = None, link: Link | None = None) -> Host:
        """Put a host into the internet, or behind a translator."""
        realm = self.internet if behind is None else self._inside(behind)
        host = Host(hosts, realm, link or self._link)
        for ip in hosts:
            realm.members[ip] = host
        return host

    def nest(self, inner: Nat, outer: Nat) -> None:
        """Put the translator `inner` behind `outer` (a carrier's). Call before any host is put behind `inner`."""
        self._inside(inner, self._inside(outer))

    def attach(self, machine: Machine[Datagram, object], *bindings: Binding) -> Node:
        """Put a machine that speaks `Datagram` on its addresses."""
        node = Node(machine, wire=None)
        self.nodes.append(node)
        for binding in bindings:
            self.bind(node, binding)
        return node

    def bind(self, node: Node, binding: Binding) -> Address:
        """Give a node one more address."""
        binding.host.nodes[binding.address] = node
        node.hosts[binding.address.host] = binding.host
        return binding.address

    def join(
        self,
        left: Machine[bytes, object],
        right: Machine[bytes, object],
        *,
        link: Link | None = None,
        back: Link | None = None,
    ) -> tuple[Node, Node]:
        """Put a wire between two machines that speak bytes; `back` is the link of the right one."""
        self._wires += 1
        hosts = (f"10.{self._wires >> 8}.{self._wires & 255}.1", f"10.{self._wires >> 8}.{self._wires & 255}.2")
        addresses = (Address(hosts[0], 1), Address(hosts[1], 1))
        nodes = (Node(left, wire=addresses), Node(right, wire=(addresses[1], addresses[0])))
        for node, host, way in zip(nodes, hosts, (link, back or link), strict=True):
            self.nodes.append(node)
            self.bind(node, self.host(host, link=way).bind(1))
        return nodes

    def _inside(self, nat: Nat, outer: Realm | None = None) -> Realm:
        realm = self._realms.get(id(nat))
        if realm is None:
            realm = Realm(gateway=nat, outer=outer or self.internet)
            self._realms[id(nat)] = realm
            (outer or self.internet).members[nat.public_host] = nat
        return realm

    # --- running ---

    def run(self, *, until: Callable[[], bool] | None = None, timeout: float = 60.0) -> bool:
        """Let time pass until the condition holds, nothing is left to do, or `timeout` virtual seconds are over.

        Returns whether the condition held (True without one).
        """
        deadline = self.now + timeout
        self.flush()
        while until is None or not until():
            at = self._next()
            if at is None or at > deadline:
                self.now = deadline if at is not None else self.now
                return until is None or until()
            self.now = max(self.now, at)
            self._deliver()
            self._fire()
        return True

    def advance(self, seconds: float) -> None:
        """Let exactly this much virtual time pass."""
        end = self.now + seconds
        self.run(timeout=seconds)
        self.now = end
        self._fire()

    def flush(self) -> None:
        """Drain every machine until none has output; call after commands."""
        for _ in range(1000):
            drained = [self._drain(node) for node in self.nodes]
            if not any(drained):
                return
        raise AssertionError("machines keep producing output without any time passing")

    def _next(self) -> float | None:
        times = [at for node in self.nodes if (at := node.machine.next_timeout()) is not None]
        if self._flying:
            times.append(self._flying[0][0])
        return min(times, default=None)

    def _deliver(self) -> None:
        arrived: dict[int, tuple[Node, list[Datagram]]] = {}
        while self._flying and self._flying[0][0] <= self.now:
            _, _, node, datagram = heapq.heappop(self._flying)
            self.traffic.delivered += 1
            self.traffic.bytes_delivered += len(datagram.data)
            if self.trace is not None:
                self.trace(self.now, datagram)
            if self._batch:
                arrived.setdefault(id(node), (node, []))[1].append(datagram)
            else:
                node.receive([datagram], self.now)
                self._drain(node)
        for node, batch in arrived.values():
            node.receive(batch, self.now)
        self.flush()

    def _fire(self) -> None:
        for node in list(self.nodes):
            at = node.machine.next_timeout()
            if at is not None and at <= self.now:
                node.machine.handle_timeout(self.now)
                self._drain(node)
                self.flush()
                again = node.machine.next_timeout()
                if again is not None and again <= self.now and not self._flying_now():
                    raise AssertionError(f"{type(node.machine).__name__} is still due after handle_timeout and a drain")

    def _flying_now(self) -> bool:
        return bool(self._flying) and self._flying[0][0] <= self.now

    def _drain(self, node: Node) -> bool:
        known = len(node.events)
        output = node.drain(self.now)
        for datagram in output:
            if node.tap is None or node.tap(self.now, datagram):
                self._send(node, datagram)
        return bool(output) or len(node.events) > known

    # --- routing ---

    def _send(self, node: Node, datagram: Datagram) -> None:
        self.traffic.sent += 1
        host = node.hosts.get(datagram.local.host)
        if host is None or not host.up or datagram.local.host not in host.hosts:
            self.traffic.unroutable += 1
            return
        link = host.link
        if len(datagram.data) > link.mtu:
            self.traffic.too_large += 1
            return
        departure = self.now
        if link.bandwidth_bps is not None:
            waiting = max(0.0, host.link_free_at - self.now) * link.bandwidth_bps / 8
            if waiting + len(datagram.data) > link.queue_length:
                self.traffic.lost += 1
                return
            host.link_free_at = max(self.now, host.link_free_at) + len(datagram.data) * 8 / link.bandwidth_bps
            departure = host.link_free_at
        copies = 2 if self._chance(link.duplication) else 1
        for _ in range(copies):
            if self._chance(link.loss):
                self.traffic.lost += 1
                continue
            at = departure + link.delay + (self._random.random() * link.jitter if link.jitter else 0.0)
            if self._chance(link.reordering):
                at += link.reordering_delay
            self._route(datagram, host.realm, at)

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability

    def _route(self, datagram: Datagram, realm: Realm, at: float) -> None:
        source: Endpoint = datagram.local
        destination: Endpoint = datagram.remote
        if destination[0] in MULTICAST_GROUPS:
            self._route_to_all(datagram, realm, at)
            return
        for _ in range(8):
            member = realm.members.get(destination[0])
            if isinstance(member, Host):
                node = member.nodes.get(destination)
                if node is None or not member.up:
                    break
                self._fly(
                    node, Datagram(datagram.data, Address(*destination), Address(*source), datagram.transport), at
                )
                return
            if isinstance(member, Nat):
                inner = member.inbound(source, destination, self.now)
                if inner is None:
                    break
                destination = inner
                realm = self._realms[id(member)]
                continue
            if realm.gateway is None or realm.outer is None:
                break
            public = realm.gateway.outbound(source, destination, self.now)
            if public is None:
                break
            source = public
            realm = realm.outer
        self.traffic.unroutable += 1

    def _route_to_all(self, datagram: Datagram, realm: Realm, at: float) -> None:
        """Multicast: to every address of the realm and the family that has the port, the sender's own included."""
        for member in dict.fromkeys(realm.members.values()):
            if not isinstance(member, Host) or not member.up:
                continue
            for endpoint, node in list(member.nodes.items()):
                there = Address(*endpoint)
                same_family = there.is_ipv6 == datagram.local.is_ipv6
                if same_family and there.port == datagram.remote.port and there.host in member.hosts:
                    self._fly(node, Datagram(datagram.data, there, datagram.local, datagram.transport), at)

    def _fly(self, node: Node, datagram: Datagram, at: float) -> None:
        self._sequence += 1
        heapq.heappush(self._flying, (at, self._sequence, node, datagram))
