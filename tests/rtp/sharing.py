"""Several flows behind one bottleneck: calls, and a transfer that only loss slows down, as TCP's Reno does."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tests.support.network import Link, Network

from .call import Receiver, Sender, Stats


class Flow(Protocol):
    """One of several machines behind one wire."""

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def datagrams_to_send(self, now: float) -> list[bytes]: ...
    def next_timeout(self) -> float | None: ...


class Bundle:
    """Flows that share a wire; the first byte of a datagram tells whose it is."""

    def __init__(self, flows: Sequence[Flow]) -> None:
        self.flows = flows
        self.stats = Stats()
        self.closed = False

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        self.flows[datagram[0]].receive_datagrams([datagram[1:]], now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        for datagram in datagrams:
            self.receive_datagram(datagram, now)

    def handle_timeout(self, now: float) -> None:
        for flow in self.flows:
            flow.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[bytes]:
        return [
            bytes((index,)) + datagram
            for index, flow in enumerate(self.flows)
            for datagram in flow.datagrams_to_send(now)
        ]

    def events(self) -> Sequence[object]:
        return []

    def next_timeout(self) -> float | None:
        due = [at for flow in self.flows if (at := flow.next_timeout()) is not None]
        return min(due, default=None)

    def close(self, now: float) -> None:
        self.closed = True


class RenoSender:
    """A transfer without end: the window grows by a packet a round trip and is halved when something is lost."""

    SIZE = 1200

    def __init__(self, starts_at: float) -> None:
        self.window = 4.0
        self._starts_at = starts_at
        self._next = 0
        self._flying: dict[int, float] = {}
        self._recover = 0
        self._threshold = float("inf")
        self._now = 0.0

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        for datagram in datagrams:
            number = int.from_bytes(datagram, "big")
            self._flying.pop(number, None)
            self.window += 1.0 if self.window < self._threshold else 1.0 / self.window
            # What was sent three packets before one that arrived is lost: the path keeps the order.
            lost = [sent for sent in self._flying if sent < number - 3]
            for sent in lost:
                del self._flying[sent]
            if lost and lost[-1] >= self._recover:
                self.window = self._threshold = max(self.window / 2, 2.0)
                self._recover = self._next

    def handle_timeout(self, now: float) -> None:
        self._now = now
        if self._flying and now - next(iter(self._flying.values())) > 3.0:
            self._flying.clear()
            self.window = 2.0

    def datagrams_to_send(self, now: float) -> list[bytes]:
        datagrams = []
        while now >= self._starts_at and len(self._flying) < int(self.window):
            self._flying[self._next] = now
            datagrams.append(self._next.to_bytes(8, "big") + bytes(self.SIZE - 8))
            self._next += 1
        return datagrams

    def next_timeout(self) -> float | None:
        if not self._flying:
            return max(self._starts_at, self._now) if self._now < self._starts_at else None
        return next(iter(self._flying.values())) + 3.001


class RenoReceiver:
    """Acknowledges every packet."""

    def __init__(self) -> None:
        self.received_bytes = 0
        self._acknowledgements: list[bytes] = []

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        for datagram in datagrams:
            self.received_bytes += len(datagram)
            self._acknowledgements.append(datagram[:8])

    def handle_timeout(self, now: float) -> None:
        pass

    def datagrams_to_send(self, now: float) -> list[bytes]:
        leaving, self._acknowledgements = self._acknowledgements, []
        return leaving

    def next_timeout(self) -> float | None:
        return None


class Sharing:
    """Some calls, and a transfer if that is wished, from one side of a bottleneck to the other."""

    def __init__(self, *, link: Link, starts: Sequence[float], transfer_at: float | None = None) -> None:
        self.network = Network(seed=1)
        self.senders = [Sender(0.0) for _ in starts]
        for sender, start in zip(self.senders, starts, strict=True):
            sender.starts_at = start
        self.receivers = [Receiver() for _ in starts]
        self.transfer = RenoReceiver()
        sending: list[Flow] = [*self.senders]
        receiving: list[Flow] = [*self.receivers]
        if transfer_at is not None:
            sending.append(RenoSender(transfer_at))
            receiving.append(self.transfer)
        self.network.join(Bundle(sending), Bundle(receiving), link=link, back=Link(delay=link.delay))

    def throughputs(self, seconds: float) -> list[float]:
        """Go on for so long; return what arrived of each call, then of the transfer, in bits per second."""
        ends: list[Receiver | RenoReceiver] = [*self.receivers, self.transfer]
        before = [each.received_bytes for each in ends]
        self.network.advance(seconds)
        return [8 * (each.received_bytes - was) / seconds for each, was in zip(ends, before, strict=True)]
