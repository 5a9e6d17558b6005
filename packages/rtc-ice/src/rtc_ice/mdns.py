"""Multicast DNS for candidates that hide their address behind a name (:rfc:`6762`, draft-ietf-mmusic-mdns-ice-candidates).

    mdns = MulticastDns(rng=os.urandom, now=now)
    mdns.add_link("192.0.2.7/24", now)          # an address of ours, and how far its link reaches
    name = mdns.publish("192.0.2.7", now)       # "1f4712db-….local": announce it in the candidate instead of the address
    mdns.resolve("c2a5….local", now)            # NameResolved follows

Only what candidates need: address records of names that are one random label and ``local``. Whatever is for anything else,
malformed, or from beyond the link, is dropped and counted.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Final, TypeAlias

from rtc_ice.credentials import Rng
from rtc_ice.dataclass import dataclass
from rtc_ice.dns_message import DnsMessage, DnsParseError, dns_name
from rtc_ice.errors import StateError
from rtc_ice.hidden_name import candidate_name, is_candidate_name
from rtc_ice.mdns_links import MDNS_PORT, MdnsLink
from rtc_ice.mdns_names import OwnName, Responder
from rtc_ice.mdns_questions import NameResolved, Resolver
from rtc_stun import Address, Datagram

DEFAULT_TIMEOUT: Final = 5.0
MAX_NAMES: Final = 256
"""Names of our own."""
MAX_QUESTIONS: Final = 64
"""Names that are asked for at the same time."""
MAX_LINKS: Final = 64
MAX_OUTPUT: Final = 256
"""Datagrams that wait for a caller that does not collect them; more are dropped and counted."""


@dataclass(slots=True)
class NameLost:
    """Somebody else on the link has a name of ours; nobody finds us by it any more."""

    name: str


MdnsEvent: TypeAlias = NameResolved | NameLost


@dataclass(slots=True)
class MdnsStats:
    """What was counted."""

    datagrams_received: int = 0
    datagrams_sent: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """How many datagrams were ignored, by reason."""


class MulticastDns:
    """Resolver and responder in one, on any number of links.

    Datagrams carry the address of the link that they arrived on as their local address, also those sent to a group.

    Args:
        rng: Returns that many unpredictable bytes: names are made of it.
        timeout: Seconds after which a name that nobody answers for counts as unknown.
        unicast: Whether to ask for answers to us alone, which spares the others. Not where other programs use port 5353 of
            the machine too: they would get our answers.
        trace: Takes structured records of what happens.
        now: Present time in seconds, on the clock that all later calls use.
    """

    def __init__(
        self,
        *,
        rng: Rng,
        timeout: float = DEFAULT_TIMEOUT,
        unicast: bool = True,
        trace: Callable[[float, str, Mapping[str, object]], None] | None = None,
        now: float = 0.0,
    ) -> None:
        if timeout <= 0:
            raise ValueError("timeout is positive")
        self._rng = rng
        self._trace = trace
        self._now = now
        self._closed = False
        self._stats = MdnsStats()
        self._links: dict[Address, MdnsLink] = {}
        self._responder = Responder(rng)
        self._resolver = Resolver(timeout=timeout, unicast=unicast)
        self._output: list[Datagram] = []

    @property
    def stats(self) -> MdnsStats:
        """Counters; alive, not a copy."""
        return self._stats

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    # --- commands ---

    def add_link(self, interface: str, now: float) -> Address:
        """Take part on the link of an address of ours.

        Args:
            interface: The address and the length of its prefix: ``192.0.2.7/24``, ``fe80::1%eth0/64``.
            now: The present.

        Returns:
            The local address of the link's datagrams: join the group of its family there (`MDNS_GROUP_IPV4`,
            `MDNS_GROUP_IPV6`), send from port 5353 with a TTL of 255.

        Raises:
            ValueError: It is none, is known, or is one too many.
            StateError: The machine is closed.
        """
        self._enter(now)
        link = MdnsLink.of(interface)
        if link.local in self._links or len(self._links) >= MAX_LINKS:
            raise ValueError(f"{interface} was added before, or is one too many")
        self._links[link.local] = link
        self._responder.link_added(link, self._now)
        return link.local

    def remove_link(self, local: Address, now: float) -> None:
        """Take part no more on the link of an address; names on it are silent until it comes back.

        Raises:
            ValueError: It was not added.
            StateError: The machine is closed.
        """
        self._enter(now)
        link = self._links.pop(local, None)
        if link is None:
            raise ValueError(f"{local} was not added")
        self._responder.link_removed(link)

    def publish(self, host: str, now: float) -> str:
        """Make a name for an address of ours, and announce it on the address's link, if there is one.

        Signal a candidate with the name at once; nothing needs to be waited for. `withdraw` it when the candidate is gone:
        a name that lives longer than a connection tells who we are.

        Raises:
            ValueError: It is no IP address.
            StateError: There are too many names, or the machine is closed.
        """
        self._enter(now)
        plain = str(ipaddress.ip_address(host.partition("%")[0]))
        if len(self._responder.names) >= MAX_NAMES:
            raise StateError(f"there are {MAX_NAMES} names already")
        link = next((each for each in self._links.values() if each.local.host.partition("%")[0] == plain), None)
        own = OwnName(candidate_name(self._rng), plain, link, self._now)
        self._responder.add(own)
        return own.name

    def withdraw(self, name: str, now: float) -> None:
        """Take a name of ours back; unknown ones, and lost ones, are ignored.

        Raises:
            ValueError: It is no name.
            StateError: The machine is closed.
        """
        self._enter(now)
        own = self._responder.names.get(dns_name(name))
        if own is not None:
            self._responder.withdraw(own, self._now)

    def resolve(self, name: str, now: float) -> None:
        """Ask for the address of a name; `NameResolved` follows, without addresses if nobody answers in time.

        Raises:
            ValueError: It is not the name of a candidate: see `is_candidate_name`.
            StateError: Too many names are being asked for, or the machine is closed.
        """
        self._enter(now)
        if not is_candidate_name(name):
            raise ValueError(f"{name[:80]!r} is not the name of a candidate")
        if len(self._resolver) >= MAX_QUESTIONS:
            raise StateError(f"{MAX_QUESTIONS} names are being asked for already")
        self._resolver.resolve(name, self._now)

    # --- the contract of every machine ---

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take a datagram. Never raises for what the network sent."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take several datagrams that arrived together."""
        self._now = max(self._now, now)
        for datagram in datagrams:
            self._stats.datagrams_received += 1
            reason = "closed" if self._closed else self._take(datagram)
            if reason is not None:
                self._count(reason)

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Call at or after `next_timeout`; earlier, nothing happens."""
        self._now = max(self._now, now)
        if self._closed:
            return
        for datagram in self._responder.handle_timeout(self._now):
            self._put(datagram)
        for datagram in self._resolver.handle_timeout(list(self._links.values()), self._now):
            self._put(datagram)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Return what is to be sent now; drains. Call after every other call."""
        self.handle_timeout(now)
        output, self._output = self._output, []
        self._stats.datagrams_sent += len(output)
        return output

    def events(self) -> list[MdnsEvent]:
        """Return what happened since the last look; drains. Call after every other call."""
        events: list[MdnsEvent] = [*self._resolver.resolved, *map(NameLost, self._responder.lost)]
        self._resolver.resolved, self._responder.lost = [], []
        return events

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` wants to be called, at the latest; ``None`` if nothing is pending."""
        if self._output:
            return self._now
        if self._closed:
            return None
        times = [self._responder.next_timeout(), self._resolver.next_timeout()]
        return min((at for at in times if at is not None), default=None)

    def close(self, now: float) -> None:
        """Take all names back, with the last datagrams to send, and ask for nothing any more."""
        self._now = max(self._now, now)
        if self._closed:
            return
        for datagram in self._responder.last_words(self._now):
            self._put(datagram)
        self._closed = True

    # --- the network ---

    def _take(self, datagram: Datagram) -> str | None:
        """Act on a datagram, or return why not."""
        link = self._links.get(datagram.local)
        if link is None:
            return "unknown-link"
        if not link.reaches(datagram.remote):
            return "off-link"
        try:
            message = DnsMessage.parse(datagram.data)
        except DnsParseError:
            return "malformed"
        # [rfc6762:18.3/1] [rfc6762:18.11/1]
        if not message.is_ordinary:
            return "unknown-operation"
        if not message.is_response:
            # [rfc6762:7.1/3]
            for answer in self._responder.take_query(message, datagram, link, self._now):
                self._put(answer)
        elif datagram.remote.port != MDNS_PORT:
            # [rfc6762:6/12]
            return "wrong-source-port"
        else:
            self._responder.take_response(message, self._now)
            self._resolver.take_response(message, link, self._now)
        return None

    def _put(self, datagram: Datagram) -> None:
        if len(self._output) < MAX_OUTPUT:
            self._output.append(datagram)
        else:
            self._count("output-limit")

    def _enter(self, now: float) -> None:
        if self._closed:
            raise StateError("multicast DNS is closed")
        self._now = max(self._now, now)

    def _count(self, reason: str) -> None:
        self._stats.dropped[reason] = self._stats.dropped.get(reason, 0) + 1
        if self._trace is not None:
            self._trace(self._now, "mdns:dropped", {"reason": reason})
