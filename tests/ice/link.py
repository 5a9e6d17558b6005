"""Hosts on one link that speak multicast DNS, and somebody who speaks it by hand."""

from dataclasses import dataclass

from tests.support.network import Link, Network, Node
from tests.support.rng import SeededRng

from rtc_ice import MDNS_GROUP_IPV4, MulticastDns, NameResolved
from rtc_ice.dns_message import CLASS_IN, TYPE_A, DnsMessage, DnsQuestion, DnsRecord, dns_name
from rtc_stun import Address, Datagram

STRANGER = Address("192.0.2.99", 5353)
LEGACY = Address("192.0.2.99", 40_000)
"""The same host as a simple resolver, which asks from a port of its own."""
OTHER = "0f0f0f0f-0000-4000-8000-000000000000.local"
RESPONSE_FLAGS = 0x8400


@dataclass
class Station:
    """A machine on the link, and what it sent."""

    mdns: MulticastDns
    node: Node
    local: Address
    sent: list[tuple[float, Datagram]]

    @property
    def host(self) -> str:
        return self.local.host

    @property
    def messages(self) -> list[tuple[float, DnsMessage]]:
        return [(at, DnsMessage.parse(datagram.data)) for at, datagram in self.sent]

    @property
    def responses(self) -> list[tuple[float, DnsMessage]]:
        return [(at, message) for at, message in self.messages if message.is_response]

    @property
    def queries(self) -> list[tuple[float, DnsMessage]]:
        return [(at, message) for at, message in self.messages if not message.is_response]

    @property
    def found(self) -> list[NameResolved]:
        return self.node.of(NameResolved)


class LocalLink:
    """A link in virtual time."""

    def __init__(self, *, seed: int = 1, loss: float = 0.0) -> None:
        self.network = Network(seed=seed, link=Link(delay=0.001, loss=loss))
        self._seed = seed

    def station(self, host: str = "192.0.2.1", *, prefix: int = 24, unicast: bool = True) -> Station:
        mdns = MulticastDns(rng=SeededRng(f"{self._seed} {host}"), unicast=unicast, now=self.network.now)
        binding = self.network.host(host).bind(5353)
        node = self.network.attach(mdns, binding)
        sent: list[tuple[float, Datagram]] = []

        def tap(now: float, datagram: Datagram) -> bool:
            sent.append((now, datagram))
            return True

        node.tap = tap
        return Station(mdns, node, mdns.add_link(f"{host}/{prefix}", self.network.now), sent)

    def hear(self, station: Station, message: DnsMessage | bytes, *, source: Address = STRANGER) -> None:
        """Let a station hear a message."""
        data = message if isinstance(message, bytes) else message.serialize()
        station.mdns.receive_datagram(Datagram(data, station.local, source), self.network.now)
        self.network.flush()

    def settle(self, station: Station) -> None:
        """Let its announcements pass, and forget them."""
        self.network.flush()
        self.network.advance(5.0)
        station.sent.clear()


def published() -> tuple[LocalLink, Station, str]:
    """A station whose name everybody has heard."""
    link = LocalLink()
    station = link.station()
    name = station.mdns.publish(station.host, link.network.now)
    link.settle(station)
    link.network.advance(40.0)
    return link, station, name


def question(name: str, kind: int = TYPE_A, *, unicast: bool = False) -> DnsMessage:
    """A query with one question."""
    return DnsMessage(questions=(DnsQuestion(dns_name(name), kind, unicast),))


def address_record(name: str, data: bytes, *, kind: int = TYPE_A, ttl: int = 120) -> DnsRecord:
    """An address record as a responder of multicast DNS sends it."""
    return DnsRecord(dns_name(name), kind, data, ttl, cache_flush=True, dns_class=CLASS_IN)


def response(*records: DnsRecord) -> DnsMessage:
    """A response with these answers."""
    return DnsMessage(flags=RESPONSE_FLAGS, answers=records)


__all__ = ["MDNS_GROUP_IPV4", "STRANGER", "LocalLink", "Station", "address_record", "question", "response"]
