"""Handshakes over a bad network: every datagram lost, doubled or late, one at a time, and all of them at random."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, make
from tests.support.network import Link, Network, Node

from rtc_dtls import Version

DELAY = 0.02
EACH_VERSION = pytest.mark.parametrize("version", [Version.DTLS_1_2, Version.DTLS_1_3], ids=["1.2", "1.3"])
FATES = ("lost", "doubled", "late", "very late")


@dataclass
class Fate:
    """What happens to one datagram, the `number`-th of all those of a side."""

    side: str
    number: int
    what: str


class Wire:
    """A wire with a delay of 20 ms on which the fate of single datagrams is decided beforehand."""

    def __init__(self, client: Watched, server: Watched, fates: list[Fate]) -> None:
        self.ends = {"client": client, "server": server}
        self.now = 0.0
        self._fates = {(fate.side, fate.number): fate.what for fate in fates}
        self.sent = {"client": 0, "server": 0}
        self._flying: list[tuple[float, int, str, bytes]] = []
        self._serial = 0

    def run(self, *, deadline: float = 120.0) -> bool:
        """Let time pass until both are connected."""
        self._flush()
        while not all(end.connected for end in self.ends.values()):
            due = [at for end in self.ends.values() if (at := end.next_timeout()) is not None]
            due += [min(self._flying)[0]] if self._flying else []
            if not due or min(due) > deadline:
                return False
            self.now = max(self.now, min(due))
            self._deliver()
            for end in self.ends.values():
                at = end.next_timeout()
                if at is not None and at <= self.now:
                    end.handle_timeout(self.now)
            self._flush()
        return True

    def _deliver(self) -> None:
        arrived = sorted(entry for entry in self._flying if entry[0] <= self.now)
        self._flying = [entry for entry in self._flying if entry[0] > self.now]
        for _, _, side, datagram in arrived:
            self.ends["server" if side == "client" else "client"].receive_datagram(datagram, self.now)
            self._flush()

    def _flush(self) -> None:
        for side, end in self.ends.items():
            for datagram in end.datagrams_to_send(self.now):
                what = self._fates.get((side, self.sent[side]))
                self.sent[side] += 1
                delays = {"lost": [], "doubled": [DELAY, DELAY], "late": [2.5 * DELAY], "very late": [3.0]}.get(
                    what or "", [DELAY]
                )
                for delay in delays:
                    self._serial += 1
                    self._flying.append((self.now + delay, self._serial, side, datagram))


def pair(*, cookies: bool, mtu: int, version: int, seed: str = "loss", kind: str = "ecdsa") -> tuple[Watched, Watched]:
    who = keys.identity(kind, "subject")
    return (
        make(CLIENT, who=who, mtu=mtu, seed=seed, kind=kind, versions=(version,)),
        make(SERVER, who=who, mtu=mtu, seed=seed, kind=kind, cookies=cookies, versions=(version,)),
    )


def undisturbed(*, cookies: bool, mtu: int, version: int) -> dict[str, int]:
    """How many datagrams each side sends when nothing is lost."""
    client, server = pair(cookies=cookies, mtu=mtu, version=version)
    wire = Wire(client, server, [])
    assert wire.run()
    assert wire.now < 0.3
    return wire.sent


def every_datagram(*, cookies: bool, mtu: int, version: int) -> Iterator[Fate]:
    for side, count in undisturbed(cookies=cookies, mtu=mtu, version=version).items():
        for number in range(count):
            for what in FATES:
                yield Fate(side, number, what)


@EACH_VERSION
@pytest.mark.parametrize("mtu", [256, 1200])
@pytest.mark.parametrize("cookies", [False, True])
@pytest.mark.spec(
    "rfc6347:4.2.4/1",
    "rfc6347:4.2.4/3",
    "rfc6347:4.2.4/4",
    "rfc6347:4.2.4/7",
    "rfc6347:4.2.5/1",
    "rfc6347:4.2.3/6",
    "rfc6347:4.2.2/7",
    "rfc6347:4.1/9",
)
def test_handshake_survives_the_fate_of_any_one_datagram(cookies: bool, mtu: int, version: int) -> None:
    fates = list(every_datagram(cookies=cookies, mtu=mtu, version=version))
    assert len(fates) >= 12

    for fate in fates:
        client, server = pair(cookies=cookies, mtu=mtu, version=version)
        wire = Wire(client, server, [fate])

        assert wire.run(deadline=10.0), fate
        assert_data_flows(wire)


@EACH_VERSION
@pytest.mark.parametrize("cookies", [False, True])
def test_handshake_survives_the_loss_of_any_two_datagrams(cookies: bool, version: int) -> None:
    singles = [fate for fate in every_datagram(cookies=cookies, mtu=1200, version=version) if fate.what == "lost"]

    for first in singles:
        for second in [
            *singles,
            Fate(first.side, first.number + 1, "lost"),
            Fate(first.side, first.number + 2, "lost"),
        ]:
            client, server = pair(cookies=cookies, mtu=1200, version=version)
            wire = Wire(client, server, [first, second])

            assert wire.run(deadline=20.0), (first, second)
            assert_data_flows(wire)


def assert_data_flows(wire: Wire) -> None:
    client, server = wire.ends["client"], wire.ends["server"]
    client.send(b"from the client")
    server.send(b"from the server")
    for datagram in client.datagrams_to_send(wire.now):
        server.receive_datagram(datagram, wire.now)
    for datagram in server.datagrams_to_send(wire.now):
        client.receive_datagram(datagram, wire.now)
    assert server.received == [b"from the client"]
    assert client.received == [b"from the server"]


@EACH_VERSION
@pytest.mark.parametrize(("mtu", "kind", "runs"), [(1200, "ecdsa", 120), (256, "ecdsa", 40), (256, "rsa", 20)])
def test_handshake_survives_a_third_of_all_datagrams_lost(mtu: int, kind: str, runs: int, version: int) -> None:
    for seed in range(runs):
        ends = pair(cookies=bool(seed % 2), mtu=mtu, version=version, seed=f"random {seed}", kind=kind)
        link = Link(delay=0.02, jitter=0.02, loss=0.3, duplication=0.1, reordering=0.2)
        network = Network(seed=seed, link=link, batch=bool(seed % 3))
        network.join(*ends)
        _run(network, ends, seed)

        assert not any(end.closed for end in ends)


def _run(network: Network, ends: tuple[Watched, Watched], seed: int) -> None:
    assert network.run(until=lambda: all(end.connected for end in ends), timeout=1500.0), seed


@EACH_VERSION
def test_after_the_handshake_the_network_falls_silent(version: int) -> None:
    client, server = pair(cookies=True, mtu=1200, version=version)
    network = Network(seed=1, link=Link(delay=0.02))
    nodes: tuple[Node, Node] = network.join(client, server)
    network.run(until=lambda: client.connected and server.connected)
    sent = network.traffic.sent

    network.advance(1000.0)

    assert network.traffic.sent == sent
    assert all(node.machine.next_timeout() is None for node in nodes)
