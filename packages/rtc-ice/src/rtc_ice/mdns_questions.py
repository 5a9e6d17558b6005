"""Names of others in multicast DNS: asked for until somebody answers (:rfc:`6762#section-5`)."""

import ipaddress
from collections.abc import Iterable
from typing import Final

from rtc_ice.dataclass import dataclass
from rtc_ice.dns_message import TYPE_A, TYPE_AAAA, DnsMessage, DnsName, DnsQuestion, DnsRecord, dns_name
from rtc_ice.mdns_links import MdnsLink
from rtc_stun import Datagram

FIRST_INTERVAL: Final = 1.0
"""Seconds until a question is asked again; twice as long every time."""
MAX_CACHED: Final = 256
"""Names whose answers are remembered."""
MAX_CACHED_TTL: Final = 120
"""Seconds that an answer is believed, however long its TTL."""
MAX_ADDRESSES: Final = 8
"""Addresses that a name may have."""
_LENGTHS: Final = {TYPE_A: 4, TYPE_AAAA: 16}


@dataclass(slots=True)
class NameResolved:
    """A name was answered for, or its time is up."""

    name: str
    """As it was asked for."""
    addresses: tuple[str, ...]
    """IP literals; none if nobody answered. Link-local IPv6 addresses carry the zone of the link that they were heard on."""


@dataclass(slots=True)
class _Question:
    name: str
    labels: DnsName
    at: float
    """When to ask next."""
    interval: float
    deadline: float
    asked: bool = False
    """Whether it was asked before."""


class Resolver:
    """Asks for names, all links at once.

    Args:
        timeout: Seconds after which a name counts as unknown.
        unicast: Whether to ask for answers to us alone.
    """

    def __init__(self, *, timeout: float, unicast: bool) -> None:
        self.resolved: list[NameResolved] = []
        """What was found out since the last look."""
        self._timeout = timeout
        self._unicast = unicast
        self._questions: dict[DnsName, _Question] = {}
        self._cache: dict[DnsName, tuple[float, tuple[str, ...]]] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def resolve(self, name: str, now: float) -> None:
        """Begin to ask for a name, unless its answer is known or awaited.

        Raises:
            ValueError: It is no name.
        """
        labels = dns_name(name)
        known = self._cache.get(labels)
        if known is not None and now < known[0]:
            self.resolved.append(NameResolved(name, known[1]))
        elif labels not in self._questions:
            self._questions[labels] = _Question(name, labels, now, FIRST_INTERVAL, now + self._timeout)

    def cancel(self, name: str) -> None:
        """Ask for a name no more."""
        self._questions.pop(dns_name(name), None)

    def take_response(self, response: DnsMessage, link: MdnsLink, now: float) -> None:
        """Look for answers to our questions; all else that others tell is left alone."""
        # [rfc6762:6/3] [rfc6762:6/5] [rfc6762:18.1/3] What the response repeats of a question does not matter.
        found: dict[DnsName, list[DnsRecord]] = {}
        for record in response.records:
            # [rfc6762:6.1/3]
            if record.dns_class == 1 and _LENGTHS.get(record.type) == len(record.data):
                if record.ttl == 0:
                    # [rfc6762:10.1/2]
                    self._forget_soon(record.name, now)
                elif record.name in self._questions:
                    found.setdefault(record.name, []).append(record)
        for labels, records in found.items():
            question = self._questions.pop(labels)
            addresses = _addresses(records, link)
            self._remember(labels, addresses, now + min(MAX_CACHED_TTL, *(each.ttl for each in records)))
            self.resolved.append(NameResolved(question.name, addresses))

    def _remember(self, labels: DnsName, addresses: tuple[str, ...], until: float) -> None:
        self._cache.pop(labels, None)
        while len(self._cache) >= MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        self._cache[labels] = (until, addresses)

    def _forget_soon(self, labels: DnsName, now: float) -> None:
        if labels in self._cache:
            until, addresses = self._cache[labels]
            self._cache[labels] = (min(until, now + 1.0), addresses)

    def handle_timeout(self, links: Iterable[MdnsLink], now: float) -> list[Datagram]:
        """Return the questions to ask now; give up those whose time is over."""
        for question in [each for each in self._questions.values() if now >= each.deadline]:
            del self._questions[question.labels]
            self.resolved.append(NameResolved(question.name, ()))
        due = [each for each in self._questions.values() if now >= each.at]
        output = []
        for first in (True, False):
            # [rfc6762:5.4/1] [rfc6762:5.4/2] Again only by way of all.
            asked = [each for each in due if each.asked is not first]
            unicast = self._unicast and first
            questions = tuple(DnsQuestion(each.labels, kind, unicast) for each in asked for kind in (TYPE_A, TYPE_AAAA))
            if questions:
                # [rfc6762:5.2/3] [rfc6762:18.1/2] [rfc6762:18.2/2]
                data = DnsMessage(questions=questions).serialize()
                output += [Datagram(data, link.local, link.group) for link in links]
        for question in due:
            question.asked = True
            # [rfc6762:5.2/1] [rfc6762:5.2/2]
            question.at = now + question.interval
            question.interval *= 2
        return output

    def next_timeout(self) -> float | None:
        """Return when a question is to be asked again or given up."""
        return min((min(each.at, each.deadline) for each in self._questions.values()), default=None)


def _addresses(records: Iterable[DnsRecord], link: MdnsLink) -> tuple[str, ...]:
    """Return the distinct addresses of a name, in the order in which they were told."""
    found: dict[str, None] = {}
    for record in records:
        ip = ipaddress.ip_address(record.data)
        _, separator, zone = link.local.host.partition("%")
        found[f"{ip}{separator}{zone}" if ip.version == 6 and ip.is_link_local else str(ip)] = None
    return tuple(found)[:MAX_ADDRESSES]
