"""Streams on the simulated network: what machines ask for with `OpenTransport` is connected to whoever listens there.

    streams = Streams(network)
    streams.listen(Address("198.51.100.1", 3478), accept_of(server), server)
    streams.follow(node)                    # a machine that opens streams

Bytes arrive complete and in order, and pass translators and those who block UDP, as TCP on port 443 does. A stream of the
transport ``dtls`` or ``udp`` is datagrams on the network instead: they are lost, delayed and translated like all others.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from rtc_stun import Address, CloseTransport, Datagram, OpenTransport, StreamData

from .network import Binding, Network, Node


class StreamMachine(Protocol):
    """What every machine with streams of its own can do."""

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None: ...
    def stream_data_to_send(self, now: float) -> list[StreamData]: ...


class Opener(StreamMachine, Protocol):
    """A machine that asks for streams."""

    def transport_opened(self, transport_id: int, now: float, local: Address | None = None) -> None: ...
    def transport_failed(self, transport_id: int, now: float) -> None: ...


Accept = Callable[[Address, Address, float], int | None]
"""Tells a machine of a stream: local and remote address as it sees them, and the time. Returns the number of the stream."""
Closed = Callable[[int, float], None]
Call = tuple[Opener, int, Address]
"""Who opens a stream, under which number, and from where."""


@dataclass
class Listener:
    """Who takes streams at an address."""

    machine: StreamMachine
    accept: Accept
    closed: Closed


@dataclass
class End:
    """One end of a stream."""

    machine: StreamMachine
    transport_id: int
    closed: Closed
    other: "End | None" = None
    free_at: float = 0.0
    """When what was written so far has arrived at the other end."""


@dataclass
class StreamStats:
    """What the network expects of every machine."""

    dropped: dict[str, int] = field(default_factory=dict)


class OwnSocket:
    """A socket for one connection, which over DTLS is taken as established; a machine of the network."""

    def __init__(
        self, machine: StreamMachine, transport_id: int, local: Address, remote: Address, transport: str
    ) -> None:
        self._transport = transport
        self.stats = StreamStats()
        self.closed = False
        self._machine = machine
        self._transport_id = transport_id
        self._path = (local, remote)
        self._output: list[Datagram] = []

    def write(self, data: bytes) -> None:
        """Send one datagram."""
        self._output.append(Datagram(data, *self._path, self._transport))

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        self._machine.receive_stream_data(self._transport_id, datagram.data, now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        for datagram in datagrams:
            self.receive_datagram(datagram, now)

    def handle_timeout(self, now: float) -> None: ...

    def next_timeout(self) -> float | None:
        return 0.0 if self._output else None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        output, self._output = self._output, []
        return output

    def events(self) -> list[object]:
        return []

    def close(self, now: float) -> None:
        self.closed = True


class Streams:
    """All streams of a network; itself a machine of it, which moves what others write.

    Args:
        network: Where the machines live.
        delay: Seconds that bytes, and the opening of a stream, take.
    """

    def __init__(self, network: Network, *, delay: float = 0.01) -> None:
        self.stats = StreamStats()
        self.closed = False
        self.delay = delay
        self.blocked: Callable[[Address], bool] = lambda remote: False
        """Whether attempts to reach an address are lost without a word."""
        self.opened: list[OpenTransport] = []
        """Every wish so far."""
        self._network = network
        network.attach(self)
        self._listeners: dict[Address, Listener] = {}
        self._machines: list[StreamMachine] = []
        self._ends: dict[tuple[int, int], End] = {}
        self._plans: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._own_sockets: dict[tuple[int, int], OwnSocket] = {}
        self._calling: dict[tuple[Address, Address], Call] = {}
        """By the addresses on the way: attempts that have not arrived."""

    # --- building ---

    def listen(self, address: Address, machine: StreamMachine, accept: Accept, closed: Closed) -> None:
        """Let a machine take the streams to an address."""
        self._listeners[address] = Listener(machine, accept, closed)
        self._watch(machine)

    def ignore(self, address: Address) -> None:
        """Listen no more."""
        del self._listeners[address]

    def follow(self, node: Node, machine: Opener) -> None:
        """Fulfil the wishes of a node's machine."""
        before = node.on_event

        def on_event(event: object) -> None:
            if isinstance(event, OpenTransport):
                self._open(node, machine, event)
            elif isinstance(event, CloseTransport):
                self.close_end(machine, event.transport_id)
            if before is not None:
                before(event)

        node.on_event = on_event
        self._watch(machine)

    @property
    def count(self) -> int:
        """How many streams there are."""
        return (len(self._ends) + 1) // 2

    def break_stream(self, machine: StreamMachine, transport_id: int) -> None:
        """Break one stream so that both ends hear of it at once."""
        end = self._ends.pop((id(machine), transport_id), None)
        if end is None or end.other is None:
            return
        other = end.other
        self._ends.pop((id(other.machine), other.transport_id), None)
        end.closed(end.transport_id, self._network.now)
        other.closed(other.transport_id, self._network.now)
        self._network.flush()

    def break_everything(self) -> None:
        """Break every stream that both ends know of, as a device in between that has lost its memory."""
        for end in list(self._ends.values()):
            other = end.other
            known = self._ends.get((id(end.machine), end.transport_id)) is end
            if known and other is not None and (id(other.machine), other.transport_id) in self._ends:
                self.break_stream(end.machine, end.transport_id)

    def break_all(self, machine: StreamMachine) -> None:
        """Break every stream of a machine; both ends notice."""
        for end in [end for end in self._ends.values() if end.machine is machine]:
            self.close_end(machine, end.transport_id)
            end.closed(end.transport_id, self._network.now)

    def close_end(self, machine: StreamMachine, transport_id: int) -> None:
        """Close a stream from one side, after what was written."""
        self._collect(self._network.now)
        # Who hangs up before it is through is never through.
        self._calling = {way: call for way, call in self._calling.items() if call[:2] != (machine, transport_id)}
        end = self._ends.pop((id(machine), transport_id), None)
        if end is None or end.other is None:
            return
        other = end.other
        at = max(end.free_at, self._network.now + self.delay)

        def tell(now: float) -> None:
            if self._ends.pop((id(other.machine), other.transport_id), None) is not None:
                other.closed(other.transport_id, now)

        self._plan(at, tell)

    def _watch(self, machine: StreamMachine) -> None:
        if all(each is not machine for each in self._machines):
            self._machines.append(machine)

    def _open(self, node: Node, machine: Opener, wish: OpenTransport) -> None:
        self.opened.append(wish)
        host = node.hosts[wish.local.host] if wish.local is not None else next(iter(node.hosts.values()))
        self._count += 1
        port = wish.local.port if wish.local is not None and wish.local.port else 30_000 + self._count
        local = Address(wish.local.host if wish.local is not None else host.hosts[0], port)
        if wish.transport in ("dtls", "udp"):
            socket = self._own_sockets[id(machine), wish.transport_id] = OwnSocket(
                machine, wish.transport_id, local, wish.remote, wish.transport
            )
            self._network.attach(socket, Binding(host, local))
            self._plan(self._network.now, lambda now: machine.transport_opened(wish.transport_id, now, local))
            return
        if self.blocked(wish.remote):
            return
        gateway = host.realm.gateway
        seen = local if gateway is None else Address(gateway.public_host, local.port)

        self._calling[seen, wish.remote] = (machine, wish.transport_id, local)

        def connect(now: float) -> None:
            if self._calling.pop((seen, wish.remote), None) is None:
                return  # the other side called at the same time, and was first
            back = self._calling.pop((wish.remote, seen), None)
            if back is not None:
                self._meet((machine, wish.transport_id, local), back, now)
                return
            listener = self._listeners.get(wish.remote)
            inner = None if listener is None else listener.accept(wish.remote, seen, now)
            if listener is None or inner is None:
                self._plan(now + self.delay, lambda then: machine.transport_failed(wish.transport_id, then))
                return
            near = End(machine, wish.transport_id, machine.transport_failed)
            far = End(listener.machine, inner, listener.closed)
            near.other, far.other = far, near
            self._ends[id(listener.machine), inner] = far

            def opened(then: float) -> None:
                self._ends[id(machine), wish.transport_id] = near
                machine.transport_opened(wish.transport_id, then, local)

            self._plan(now + self.delay, opened)

        self._plan(self._network.now + self.delay, connect)

    def _meet(self, one: Call, other: Call, now: float) -> None:
        """Join two that called each other at the same time: simultaneous open."""
        ends = [End(machine, transport_id, machine.transport_failed) for machine, transport_id, _ in (one, other)]
        ends[0].other, ends[1].other = ends[1], ends[0]
        for end, (machine, transport_id, local) in zip(ends, (one, other), strict=True):
            self._ends[id(machine), transport_id] = end
            machine.transport_opened(transport_id, now, local)

    # --- moving ---

    def _plan(self, at: float, action: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._plans, (at, self._count, action))

    def _collect(self, now: float) -> bool:
        moved = False
        for machine in self._machines:
            for written in machine.stream_data_to_send(now):
                moved = True
                self._write(machine, written, now)
        return moved

    def _write(self, machine: StreamMachine, written: StreamData, now: float) -> None:
        socket = self._own_sockets.get((id(machine), written.transport_id))
        if socket is not None:
            socket.write(written.data)
            return
        end = self._ends.get((id(machine), written.transport_id))
        if end is None or end.other is None:
            self.stats.dropped["stream-gone"] = self.stats.dropped.get("stream-gone", 0) + 1
            return
        other = end.other
        end.free_at = max(end.free_at, now + self.delay)

        def arrive(then: float) -> None:
            if (id(other.machine), other.transport_id) in self._ends:
                other.machine.receive_stream_data(other.transport_id, written.data, then)

        self._plan(end.free_at, arrive)

    # --- the machine ---

    def receive_datagram(self, datagram: Datagram, now: float) -> None: ...

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None: ...

    def handle_timeout(self, now: float) -> None:
        while self._plans and self._plans[0][0] <= now:
            _, _, action = heapq.heappop(self._plans)
            action(now)

    def next_timeout(self) -> float | None:
        return self._plans[0][0] if self._plans else None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        self._collect(now)
        return []

    def events(self) -> list[object]:
        return []

    def close(self, now: float) -> None:
        self.closed = True
