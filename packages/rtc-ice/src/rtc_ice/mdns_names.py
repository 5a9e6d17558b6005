"""Names of our own in multicast DNS: announced, answered for, defended, taken back (:rfc:`6762#section-6` to 10).

Each name stands for one address on one link. It is a random UUID, which nobody else has; therefore it is announced
without being probed for first, and probed for only when somebody claims it after all.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from rtc_ice.credentials import Rng
from rtc_ice.dataclass import dataclass
from rtc_ice.dns_message import (
    AUTHORITATIVE,
    CLASS_ANY,
    CLASS_IN,
    RESPONSE,
    TRUNCATED,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_NSEC,
    DnsMessage,
    DnsName,
    DnsQuestion,
    DnsRecord,
    dns_name,
    nsec_data,
)
from rtc_ice.mdns_links import MDNS_PORT, MdnsLink
from rtc_stun import Datagram

# [rfc6762:10/1]
TTL: Final = 120
LEGACY_TTL: Final = 10
ANNOUNCEMENTS: Final = 2
ANNOUNCEMENT_INTERVAL: Final = 1.0
MULTICAST_INTERVAL: Final = 1.0
"""Seconds between two times that a record goes to all."""
DEFENCE_INTERVAL: Final = 0.25
PROBES: Final = 3
PROBE_INTERVAL: Final = 0.25
DEFERRAL: Final = 1.0
"""Seconds that the loser of a simultaneous probe waits."""
MAX_UNICAST_PER_SECOND: Final = 64
"""Answers to single askers; more are not given."""
NAMES_A_MESSAGE: Final = 12
"""Names that are told together: as many as one packet of the link holds, whatever is told of them."""


@dataclass(slots=True)
class Probing:
    """Somebody else claims the name: it is not ours before everybody was asked."""

    left: int
    """Probes to be sent still."""
    at: float
    """When the next is due, or the verdict."""
    started: bool = False
    """Whether the first was sent; what came before says nothing."""


class OwnName:
    """A name of ours, on the link of its address."""

    __slots__ = (
        "announcements",
        "answer_at",
        "labels",
        "last_multicast",
        "leaving",
        "link",
        "name",
        "negative",
        "nsec",
        "probing",
        "record",
    )

    def __init__(self, name: str, host: str, link: MdnsLink | None, now: float) -> None:
        self.name = name
        self.labels: Final[DnsName] = dns_name(name)
        ip = ipaddress.ip_address(host)
        kind = TYPE_A if ip.version == 4 else TYPE_AAAA
        # [rfc6762:10.2/1] A name has one address: this is its whole set.
        self.record = DnsRecord(self.labels, kind, ip.packed, TTL, cache_flush=True)
        # [rfc6762:6.1/6]
        self.nsec = DnsRecord(self.labels, TYPE_NSEC, nsec_data({kind}), TTL, cache_flush=True)
        self.link = link
        self.probing: Probing | None = None
        self.announcements = ANNOUNCEMENTS
        """Announcements to be made still."""
        self.answer_at: float | None = now
        """When the record is to go to all."""
        self.negative = False
        """Whether it was asked for a type that does not exist."""
        self.last_multicast: float | None = None
        self.leaving = False
        """Whether it is to be taken back at `answer_at`."""

    def schedule(self, at: float, interval: float = MULTICAST_INTERVAL) -> None:
        """See to it that all hear the record at a time, or later if they heard it just now."""
        # [rfc6762:6/13]
        if self.last_multicast is not None:
            at = max(at, self.last_multicast + interval)
        self.answer_at = at if self.answer_at is None else min(self.answer_at, at)

    def next_timeout(self) -> float | None:
        """Return when it has something to say."""
        if self.link is None:
            return None
        return self.answer_at if self.probing is None else self.probing.at


class Responder:
    """Speaks for our names, and for them alone."""

    def __init__(self, rng: Rng) -> None:
        self.names: dict[DnsName, OwnName] = {}
        self.lost: list[str] = []
        """Names that somebody else turned out to have, since the last look."""
        self._rng = rng
        self._budget_ends_at = 0.0
        self._budget = 0

    # --- commands ---

    def add(self, own: OwnName) -> None:
        """Take in a name; it is announced at once."""
        # [rfc6762:8.1/1]
        self.names[own.labels] = own

    def withdraw(self, own: OwnName, now: float) -> None:
        """Take a name back: it is answered for no more, and those who know it are told."""
        # [rfc6762:10.1/1]
        if own.link is None or own.last_multicast is None or own.probing is not None:
            del self.names[own.labels]
            return
        own.leaving = True
        own.answer_at = None
        own.schedule(now)

    def link_added(self, link: MdnsLink, now: float) -> None:
        """Announce the names whose address has a link from now on."""
        for own in self.names.values():
            # [rfc6762:8.4/1]
            if own.record.data == ipaddress.ip_address(link.local.host.partition("%")[0]).packed:
                own.link, own.announcements = link, ANNOUNCEMENTS
                own.schedule(now)

    def link_removed(self, link: MdnsLink) -> None:
        """Be silent about the names on a link that is gone."""
        for own in [own for own in self.names.values() if own.link == link]:
            own.link, own.last_multicast = None, None
            if own.leaving:
                del self.names[own.labels]

    def last_words(self, now: float) -> list[Datagram]:
        """Take all names back that may be spoken of now."""
        for own in list(self.names.values()):
            self.withdraw(own, now)
        return self.handle_timeout(now)

    # --- queries ---

    def take_query(self, query: DnsMessage, datagram: Datagram, link: MdnsLink, now: float) -> list[Datagram]:
        """Answer for our names; return what goes to the asker alone. What goes to all is scheduled."""
        for own in self._on(link):
            if own.probing is not None:
                self._break_tie(own, own.probing, query, now)
        # [rfc6762:6/1] [rfc6762:6/4] [rfc6762:6.3/1]
        asked = [(own, question) for question in query.questions for own in self._asked(question, link)]
        if not asked:
            return []
        if datagram.remote.port != MDNS_PORT:
            # [rfc6762:6.7/1] [rfc6762:6.7/2] [rfc6762:6.7/3] [rfc6762:6.7/4]
            return self._unicast(_legacy_response(query, asked), datagram, now)
        # [rfc6762:7.1/1] [rfc6762:7.1/2]
        asked = [(own, question) for own, question in asked if not _is_known(own, question, query.answers)]
        delay = self._delay(query, asked)
        to_asker: list[tuple[OwnName, DnsQuestion]] = []
        for own, question in asked:
            defends = any(each.name == own.labels for each in query.authorities)
            recent = own.last_multicast is not None and now < own.last_multicast + TTL / 4
            # [rfc6762:5.4/3] [rfc6762:5.4/4] [rfc6762:5.4/5]
            if question.unicast and (recent or defends):
                to_asker.append((own, question))
                continue
            own.negative = own.negative or not question.asks_for(own.labels, own.record.type)
            # [rfc6762:6/15] [rfc6762:8.1/5]
            own.schedule(now if defends else now + delay, DEFENCE_INTERVAL if defends else MULTICAST_INTERVAL)
        return self._unicast(_response(to_asker), datagram, now) if to_asker else []

    def _asked(self, question: DnsQuestion, link: MdnsLink) -> list[OwnName]:
        """Return the name of ours that a question is for; its record or the lack of another is the answer."""
        # [rfc6762:6.1/1] [rfc6762:6.1/8]
        # [rfc6762:14/1]
        own = self.names.get(question.name)
        speaks = own is not None and own.link == link and own.probing is None and not own.leaving
        return [own] if own is not None and speaks and question.dns_class in (CLASS_IN, CLASS_ANY) else []

    def _delay(self, query: DnsMessage, asked: Sequence[tuple[OwnName, DnsQuestion]]) -> float:
        """Return how long to wait with an answer that others may have to give too, or that may turn out to be known."""
        fraction = int.from_bytes(self._rng(2), "big") / 2**16
        if query.flags & TRUNCATED:
            # [rfc6762:6/9]
            return 0.4 + 0.1 * fraction
        # [rfc6762:6/7] [rfc6762:6.3/2] Where every question is ours, nobody else answers.
        ours = {question.name for _, question in asked}
        return 0.0 if all(each.name in ours for each in query.questions) else 0.02 + 0.1 * fraction

    def _unicast(self, response: DnsMessage, datagram: Datagram, now: float) -> list[Datagram]:
        if now >= self._budget_ends_at:
            self._budget_ends_at, self._budget = now + 1.0, MAX_UNICAST_PER_SECOND
        if not self._budget:
            return []
        self._budget -= 1
        return [Datagram(response.serialize(), datagram.local, datagram.remote)]

    # --- responses of others ---

    def take_response(self, response: DnsMessage, now: float) -> None:
        """See whether others claim what is ours."""
        for record in response.records:
            own = self.names.get(record.name)
            # Who says what does not exist claims nothing.
            if own is None or record.type == TYPE_NSEC or own.leaving:
                continue
            if record.same_as(own.record):
                # [rfc6762:6.6/2] [rfc6762:9/1]
                if record.ttl < TTL / 2 and own.probing is None:
                    own.schedule(now)
            elif own.probing is not None:
                # [rfc6762:8.1/7] [rfc6762:8.1/8] [rfc6762:8.1/9] [rfc6762:9/3]
                if own.probing.started:
                    del self.names[own.labels]
                    self.lost.append(own.name)
            elif record.type == own.record.type and record.dns_class == own.record.dns_class:
                # [rfc6762:6.6/1] [rfc6762:8.3/4] [rfc6762:9/2]
                own.probing = Probing(PROBES, now + PROBE_INTERVAL * int.from_bytes(self._rng(2), "big") / 2**16)

    def _break_tie(self, own: OwnName, probing: Probing, query: DnsMessage, now: float) -> None:
        theirs = sorted(each.identity for each in query.authorities if each.name == own.labels)
        asks = any(each.name == own.labels for each in query.questions)
        # [rfc6762:8.2/1] [rfc6762:8.2/3] [rfc6762:8.2.1/1] Of lists that begin alike, the longer one wins in Python too.
        if asks and theirs > [own.record.identity]:
            # [rfc6762:8.2/4]
            own.probing = Probing(PROBES, max(now + DEFERRAL, probing.at))

    # --- time ---

    def handle_timeout(self, now: float) -> list[Datagram]:
        """Return what is to be told to all now."""
        output = [datagram for own in list(self.names.values()) for datagram in self._probe(own, now)]
        due = [own for own in self.names.values() if own.probing is None and _is_due(own, now)]
        links = dict.fromkeys(own.link for own in due if own.link is not None)
        for link in links:
            # [rfc6762:6.4/1]
            here = [own for own in due if own.link == link]
            for start in range(0, len(here), NAMES_A_MESSAGE):
                together = here[start : start + NAMES_A_MESSAGE]
                # [rfc6762:6/10] [rfc6762:6/11]
                output.append(Datagram(_announcement(together).serialize(), link.local, link.group))
            for own in here:
                self._was_told(own, now)
        return output

    def _was_told(self, own: OwnName, now: float) -> None:
        if own.leaving:
            del self.names[own.labels]
            return
        own.last_multicast, own.negative, own.answer_at = now, False, None
        own.announcements = max(0, own.announcements - 1)
        # [rfc6762:8.3/1] [rfc6762:8.3/2] [rfc6762:8.3/3]
        if own.announcements:
            own.schedule(now + ANNOUNCEMENT_INTERVAL)

    def _probe(self, own: OwnName, now: float) -> list[Datagram]:
        probing, link = own.probing, own.link
        if probing is None or link is None or now < probing.at:
            return []
        if not probing.left:
            own.probing, own.announcements = None, ANNOUNCEMENTS
            own.schedule(now)
            return []
        # [rfc6762:8.1/3] [rfc6762:8.1/4]
        own.probing = Probing(probing.left - 1, now + PROBE_INTERVAL, started=True)
        # [rfc6762:8.1/2] [rfc6762:8.1/6] [rfc6762:10.2/3]
        question = DnsQuestion(own.labels, TYPE_ANY, unicast=True)
        proposed = DnsRecord(own.labels, own.record.type, own.record.data, TTL)
        probe = DnsMessage(questions=(question,), authorities=(proposed,))
        return [Datagram(probe.serialize(), link.local, link.group)]

    def next_timeout(self) -> float | None:
        """Return when a name has something to say."""
        times = [at for own in self.names.values() if (at := own.next_timeout()) is not None]
        return min(times, default=None)

    def _on(self, link: MdnsLink) -> list[OwnName]:
        return [own for own in self.names.values() if own.link == link]


def _is_due(own: OwnName, now: float) -> bool:
    return own.link is not None and own.answer_at is not None and now >= own.answer_at


def _is_known(own: OwnName, question: DnsQuestion, answers: Iterable[DnsRecord]) -> bool:
    wanted = _answer(own, question)
    return any(each.same_as(wanted) and each.ttl >= TTL / 2 for each in answers)


def _announcement(names: Sequence[OwnName]) -> DnsMessage:
    """Return the response that tells all of some names, or takes back those that leave."""
    answers = [_goodbye(own.record) if own.leaving else own.record for own in names]
    answers += [own.nsec for own in names if own.negative and not own.leaving]
    additionals = [own.nsec for own in names if not own.negative and not own.leaving]
    # [rfc6762:18.1/1] [rfc6762:18.2/1] [rfc6762:18.4/2] [rfc6762:6/5]
    return DnsMessage(flags=RESPONSE | AUTHORITATIVE, answers=tuple(answers), additionals=tuple(additionals))


def _goodbye(record: DnsRecord) -> DnsRecord:
    return DnsRecord(record.name, record.type, record.data, 0, cache_flush=True)


def _response(asked: Sequence[tuple[OwnName, DnsQuestion]]) -> DnsMessage:
    """Return the response to one asker that speaks multicast DNS."""
    answers = {_answer(own, question).identity: _answer(own, question) for own, question in asked}
    others = {each.identity: each for own, _ in asked for each in (own.record, own.nsec)}
    additionals = tuple(record for identity, record in others.items() if identity not in answers)
    return DnsMessage(flags=RESPONSE | AUTHORITATIVE, answers=tuple(answers.values()), additionals=additionals)


def _legacy_response(query: DnsMessage, asked: Sequence[tuple[OwnName, DnsQuestion]]) -> DnsMessage:
    """Return the response to an asker that knows ordinary DNS alone."""
    answers = {_answer(own, question).identity: _answer(own, question) for own, question in asked}
    # [rfc6762:10.2/2]
    plain = tuple(DnsRecord(each.name, each.type, each.data, LEGACY_TTL) for each in answers.values())
    return DnsMessage(id=query.id, flags=RESPONSE | AUTHORITATIVE, questions=query.questions, answers=plain)


def _answer(own: OwnName, question: DnsQuestion) -> DnsRecord:
    # [rfc6762:6.5/1]
    return own.record if question.asks_for(own.labels, own.record.type) else own.nsec
