"""Drives one sans-I/O machine on asyncio: sockets in, sockets out, one timer.

The loop is the one of the guide "Drive a machine yourself", with what speed asks for: everything that has arrived goes in as one batch, everything
that wants to leave goes out as one batch, and one timer is looked at lazily instead of being set anew for every packet.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from rtc_stun import Address, Datagram

from .udp import Batch, UdpSocket

if TYPE_CHECKING:
    from .streams import MachineStreams

TIMER_SLACK: Final = 0.02
"""Seconds that the timer may be too early. To set it anew costs less than to be woken for nothing, but more than to leave it for a packet."""
TIMER_LEAD: Final = 0.05
"""Seconds from which on a timer is so far away that it may be too early by any time: it is set later by who comes when it is near, if at all."""
LINGER_LIMIT: Final = 0.01
"""Seconds that somebody who was woken may take to answer."""
IMPATIENCE: Final = 10.0
"""Seconds for which nobody is waited for after one who took longer: acknowledgements would be late by what the application computes."""

E = TypeVar("E")
E_inv = TypeVar("E_inv")


class DatagramMachine(Protocol[E_inv]):
    """A machine that speaks to several addresses: an ICE agent, a STUN server, a peer connection."""

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take what arrived together."""

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what wants to leave."""

    def events(self) -> list[E_inv]:
        """Drain what happened."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""


class DatagramSocket(Protocol):
    """What a driver sends through: a socket of its own, or its share of one."""

    @property
    def local(self) -> Address:
        """Where it is bound."""

    def send(self, datagrams: list[Datagram]) -> None:
        """Send in order, all from `local`."""

    def close(self) -> None:
        """Close at once."""

    def abandon(self) -> None:
        """Close where the event loop may be gone."""


class Driver(Generic[E]):
    """Moves the bytes of one machine and keeps its time. Use from within a running event loop.

    Args:
        machine: What to drive; nobody else may drive it.
        on_event: Called with each event of the machine, in order.
    """

    def __init__(self, machine: DatagramMachine[E], on_event: Callable[[E], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._machine = machine
        self._on_event = on_event
        self._sockets: dict[Address, DatagramSocket] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._flush_handle: asyncio.Handle | None = None
        self._unflushed = False
        self._flushing = False
        self._lingering = False
        """Whether a handler has woken somebody who may answer."""
        self._waits_since: float | None = None
        """Since when the flush waits for the answer, in seconds of the event loop's clock."""
        self._impatient_until = 0.0
        """Until when it waits for nobody, as above."""
        self._streams: MachineStreams | None = None
        self._closed = False
        self._thread = threading.get_ident()

    @property
    def now(self) -> float:
        """The time, in seconds of the event loop's clock, to hand to the machine's commands; asked in its thread alone."""
        self.check_thread()
        return self._loop.time()

    @property
    def sockets(self) -> list[DatagramSocket]:
        """The open sockets."""
        return list(self._sockets.values())

    def open_socket(self, local: Address) -> Address:
        """Bind a UDP socket and return its address with the port that the system chose.

        Raises:
            OSError: The address cannot be bound, or the driver was closed.
        """
        if self._closed:
            raise OSError("the driver is closed")
        udp = UdpSocket(local, self._received)
        self.add_socket(udp)
        return udp.local

    def add_socket(self, socket: DatagramSocket) -> None:
        """Send through a socket that somebody else reads, and hands to `take` what arrives."""
        self._sockets[socket.local] = socket

    def take(self, arrived_at: float, datagrams: list[Datagram]) -> None:
        """Take what arrived together at a socket that several drivers share, and flush soon."""
        self._machine.receive_datagrams(datagrams, arrived_at)
        self.wake()

    def use_streams(self, streams: "MachineStreams") -> None:
        """Write what the machine wants written to the streams that it asked for."""
        self._streams = streams

    def close_socket(self, local: Address) -> None:
        """Close one socket; unknown ones are ignored."""
        udp = self._sockets.pop(local, None)
        if udp is not None:
            udp.close()

    def wake(self) -> None:
        """Flush soon; call after every command. Many commands in one turn of the loop share one flush."""
        self._unflushed = True
        if not self._flushing:
            self._schedule()

    def flush(self) -> None:
        """Drain the machine now: events to the handler, datagrams to the sockets, the timer set.

        Events go first, so that what a handler answers leaves together with the acknowledgement of what it read.
        """
        self._flush(patient=False)

    def linger(self) -> None:
        """A handler of what arrived has woken somebody who may answer in this turn of the loop: let the answer leave with what is to be sent."""
        self._lingering = True

    def _flush(self, *, patient: bool) -> None:
        if self._flushing or self._closed:
            return
        self._flushing = True
        self._lingering = False
        machine = self._machine
        try:
            for event in machine.events():
                self._on_event(event)
            if patient and self._lingering and not self._unflushed and self._may_wait():
                self._unflushed = True
                return
            is_due = True
            while is_due:
                self._unflushed = False
                self._send()
                # Sending has events too, and whoever is told may want to send more.
                while events := machine.events():
                    for event in events:
                        self._on_event(event)
                is_due = self._unflushed
        finally:
            self._flushing = False
            if self._unflushed:
                self._schedule()
        self._set_timer()

    def close(self) -> None:
        """Flush one last time and close every socket and timer. Idempotent."""
        if self._closed:
            return
        self._send()
        self._closed = True
        if self._streams is not None:
            self._streams.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._flush_handle is not None:
            self._flush_handle.cancel()
        for udp in self._sockets.values():
            udp.close()
        self._sockets.clear()
        self._on_event = _ignore  # who is told refers to this driver: neither has to wait for a search for circles

    def abandon(self) -> None:
        """Close the sockets without a word, of a connection that nobody refers to any more; the event loop may be gone."""
        self._closed = True
        for udp in self._sockets.values():
            udp.abandon()
        self._sockets.clear()

    def check_thread(self) -> None:
        """Refuse a call from another thread.

        Raises:
            RuntimeError: The caller is not in the thread of the event loop; see `asyncio.loop.call_soon_threadsafe`.
        """
        if threading.get_ident() != self._thread:
            raise RuntimeError("called from another thread than that of the event loop; use loop.call_soon_threadsafe")

    def _received(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            self._machine.receive_datagrams(datagrams, arrived_at)
        self._flush(patient=True)

    def _schedule(self) -> None:
        if self._flush_handle is None and not self._closed:
            self._flush_handle = self._loop.call_soon(self._flush_soon)

    def _may_wait(self) -> bool:
        """Whether the flush may wait for whom a message has woken; notes since when it does."""
        now = self._loop.time()
        if now < self._impatient_until:
            return False
        self._waits_since = now
        return True

    def _flush_soon(self) -> None:
        self._flush_handle = None
        if self._waits_since is not None:
            now = self._loop.time()
            if now > self._waits_since + LINGER_LIMIT:
                self._impatient_until = now + IMPATIENCE
            self._waits_since = None
        if self._unflushed:
            self.flush()

    def _send(self) -> None:
        now = self._loop.time()
        datagrams = self._machine.datagrams_to_send(now)
        if self._streams is not None:
            self._streams.write_all(now)
        start = 0
        count = len(datagrams)
        while start < count:
            local = datagrams[start].local
            end = start + 1
            while end < count and datagrams[end].local is local:
                end += 1
            udp = self._sockets.get(local)
            if udp is not None:
                udp.send(datagrams[start:end] if end - start < count else datagrams)
            start = end

    def _set_timer(self) -> None:
        at = self._machine.next_timeout()
        if at is None or self._closed:
            return
        if self._timer is not None:
            early = at - self._timer_at
            if 0.0 <= early <= TIMER_SLACK or (early > 0.0 and self._timer_at >= self._loop.time() + TIMER_LEAD):
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer = None
        at = self._machine.next_timeout()
        now = self._loop.time()
        if at is not None and at <= now:
            self._machine.handle_timeout(now)
            self.flush()
        else:
            self._set_timer()


def _ignore(event: object) -> None:
    """Nobody is told any more."""
