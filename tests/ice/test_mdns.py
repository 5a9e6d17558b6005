"""Multicast DNS: names are found, answered for, defended and taken back, and nothing else is done."""

import ipaddress
import itertools

import pytest
from tests.support.rng import SeededRng

from rtc_ice import MDNS_GROUP_IPV4, MDNS_GROUP_IPV6, MulticastDns, NameLost, NameResolved, is_candidate_name
from rtc_ice.dns_message import (
    CLASS_ANY,
    TRUNCATED,
    TYPE_A,
    TYPE_AAAA,
    TYPE_ANY,
    TYPE_NSEC,
    DnsMessage,
    DnsQuestion,
    DnsRecord,
    dns_name,
)
from rtc_ice.mdns_names import MAX_UNICAST_PER_SECOND
from rtc_stun import Address, Datagram

from .link import RESPONSE_FLAGS, STRANGER, LocalLink, Station, address_record, question, response

OTHER = "0f0f0f0f-0000-4000-8000-000000000000.local"
LEGACY = Address("192.0.2.99", 40_000)


def published() -> tuple[LocalLink, Station, str]:
    """A station whose name everybody has heard."""
    link = LocalLink()
    station = link.station()
    name = station.mdns.publish(station.host, link.network.now)
    link.settle(station)
    link.network.advance(40.0)
    return link, station, name


# --- finding ---


@pytest.mark.parametrize("unicast", [True, False])
def test_a_name_is_found(unicast: bool) -> None:
    link = LocalLink()
    here, there = link.station("192.0.2.1", unicast=unicast), link.station("192.0.2.2")
    name = there.mdns.publish("192.0.2.2", link.network.now)

    here.mdns.resolve(name, link.network.now)

    assert link.network.run(until=lambda: bool(here.found), timeout=0.05)
    assert here.found == [NameResolved(name, ("192.0.2.2",))]


@pytest.mark.parametrize("seed", range(5))
def test_a_name_is_found_on_a_lossy_link(seed: int) -> None:
    link = LocalLink(seed=seed, loss=0.3)
    here, there = link.station("192.0.2.1"), link.station("192.0.2.2")

    here.mdns.resolve(there.mdns.publish("192.0.2.2", 0.0), 0.0)

    assert link.network.run(until=lambda: bool(here.found), timeout=6.0)


def test_ipv6_has_its_own_group() -> None:
    link = LocalLink()
    here, there = link.station("2001:db8::1", prefix=64), link.station("2001:db8::2", prefix=64)
    name = there.mdns.publish("2001:db8::2", 0.0)

    here.mdns.resolve(name, 0.0)
    link.network.run(until=lambda: bool(here.found))

    assert here.sent[0][1].remote == MDNS_GROUP_IPV6
    assert here.found == [NameResolved(name, ("2001:db8::2",))]


def test_a_link_local_address_keeps_the_zone_of_its_link() -> None:
    link = LocalLink()
    here = link.station()
    local = here.mdns.add_link("fe80::1%eth0/64", 0.0)
    here.mdns.resolve(OTHER, 0.0)

    data = response(address_record(OTHER, ipaddress.ip_address("fe80::9").packed, kind=TYPE_AAAA)).serialize()

    here.mdns.receive_datagram(Datagram(data, local, Address("fe80::9%eth0", 5353)), 0.0)

    assert here.mdns.events() == [NameResolved(OTHER, ("fe80::9%eth0",))]


@pytest.mark.spec("rfc6762:5.2/1", "rfc6762:5.2/2", "rfc6762:5.4/2", "rfc6762:3/1", "rfc6762:5.2/3")
def test_a_question_is_asked_of_all_ever_more_rarely_and_then_given_up() -> None:
    link = LocalLink()
    here = link.station()

    here.mdns.resolve(OTHER, 0.0)
    link.network.flush()
    link.network.advance(20.0)

    assert [at for at, _ in here.queries] == pytest.approx([0.0, 1.0, 3.0])
    assert [message.questions[0].unicast for _, message in here.queries] == [True, False, False]
    assert {datagram.remote for _, datagram in here.sent} == {MDNS_GROUP_IPV4}
    assert {datagram.local for _, datagram in here.sent} == {Address("192.0.2.1", 5353)}
    assert here.found == [NameResolved(OTHER, ())]


@pytest.mark.spec("rfc6762:5.4/1")
def test_answers_to_us_alone_are_not_asked_for_where_others_share_the_port() -> None:
    link = LocalLink()
    here = link.station(unicast=False)

    here.mdns.resolve(OTHER, 0.0)
    link.network.flush()

    assert not any(each.unicast for _, message in here.queries for each in message.questions)


@pytest.mark.spec("rfc6762:18.1/2", "rfc6762:18.2/2")
def test_the_header_of_a_query_is_empty() -> None:
    link = LocalLink()
    here = link.station()

    here.mdns.resolve(OTHER, 0.0)
    link.network.flush()

    assert here.sent[0][1].data[:4] == bytes(4)


def test_an_answer_is_remembered_as_long_as_it_holds() -> None:
    link = LocalLink()
    here = link.station()
    here.mdns.resolve(OTHER, 0.0)
    link.hear(here, response(address_record(OTHER, bytes([192, 0, 2, 9]), ttl=10)))
    link.settle(here)

    here.mdns.resolve(OTHER, link.network.now)
    known = here.mdns.events()
    link.network.advance(6.0)
    here.mdns.resolve(OTHER, link.network.now)

    assert known == [NameResolved(OTHER, ("192.0.2.9",))]
    assert here.mdns.events() == []
    assert here.mdns.datagrams_to_send(link.network.now)


@pytest.mark.spec("rfc6762:10.1/2")
def test_a_goodbye_is_believed_a_second_later() -> None:
    link = LocalLink()
    here = link.station()
    here.mdns.resolve(OTHER, 0.0)
    link.hear(here, response(address_record(OTHER, bytes([192, 0, 2, 9]))))
    here.mdns.events()

    link.hear(here, response(address_record(OTHER, bytes([192, 0, 2, 9]), ttl=0)))
    here.mdns.resolve(OTHER, 0.5)
    at_once = here.mdns.events()
    here.mdns.resolve(OTHER, 1.1)

    assert at_once == [NameResolved(OTHER, ("192.0.2.9",))]
    assert here.mdns.events() == []


@pytest.mark.spec("rfc6762:6/3", "rfc6762:18.1/3")
def test_what_a_response_repeats_of_a_question_does_not_matter() -> None:
    link = LocalLink()
    here = link.station()
    here.mdns.resolve(OTHER, 0.0)
    record = address_record(OTHER, bytes([192, 0, 2, 9]))

    odd = DnsMessage(id=7, flags=RESPONSE_FLAGS, questions=(DnsQuestion(dns_name("x.local"), 1),), answers=(record,))
    link.hear(here, odd)

    assert here.found == [NameResolved(OTHER, ("192.0.2.9",))]


def test_all_addresses_of_a_name_are_told() -> None:
    link = LocalLink()
    here = link.station()
    here.mdns.resolve(OTHER, 0.0)

    link.hear(here, response(*(address_record(OTHER, bytes([192, 0, 2, last])) for last in (8, 9, 8))))

    assert here.found == [NameResolved(OTHER, ("192.0.2.8", "192.0.2.9"))]


@pytest.mark.parametrize("name", ["printer.local", "a.b.local", OTHER.replace("-", ""), "example.org", "x" + OTHER, ""])
def test_only_names_of_candidates_are_asked_for(name: str) -> None:
    assert not is_candidate_name(name)
    with pytest.raises(ValueError, match="candidate"):
        LocalLink().station().mdns.resolve(name, 0.0)


# --- answering ---


@pytest.mark.spec("rfc6762:8.1/1", "rfc6762:8.3/1", "rfc6762:8.3/2", "rfc6762:8.3/3", "rfc6762:10/1", "rfc6762:10.2/1")
def test_a_new_name_is_announced_twice_and_never_again() -> None:
    link = LocalLink()
    here = link.station()

    name = here.mdns.publish("192.0.2.1", 0.0)
    link.network.flush()
    link.network.advance(1000.0)

    assert [at for at, _ in here.responses] == pytest.approx([0.0, 1.0], abs=0.01)
    assert here.queries == []
    assert {datagram.remote for _, datagram in here.sent} == {MDNS_GROUP_IPV4}
    announced = here.responses[0][1].answers
    assert announced == (DnsRecord(dns_name(name), TYPE_A, bytes([192, 0, 2, 1]), 120, cache_flush=True),)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_many_names_are_told_in_messages_that_the_link_can_carry(host: str) -> None:
    mdns = MulticastDns(rng=SeededRng(1))
    mdns.add_link(f"{host}/64" if ":" in host else f"{host}/24", 0.0)
    names = {mdns.publish(host, 0.0) for _ in range(256)}
    told = mdns.datagrams_to_send(0.0)
    mdns.close(1.0)
    told += mdns.datagrams_to_send(1.0)
    answers = [DnsMessage.parse(each.data).answers for each in told]

    assert max(len(each.data) for each in told) <= 1440
    assert sum(map(len, answers)) == 2 * len(names)


def test_each_address_has_another_name_and_names_are_random() -> None:
    here = LocalLink().station()

    names = {here.mdns.publish(host, 0.0) for host in ("192.0.2.1", "192.0.2.1", "2001:db8::1")}

    assert len(names) == 3
    assert all(is_candidate_name(name) for name in names)
    assert all(name[14] == "4" and name[19] in "89ab" for name in names)


@pytest.mark.spec("rfc6762:6/4", "rfc6762:6/7", "rfc6762:6/10", "rfc6762:6/11", "rfc6762:6/5", "rfc6762:6.1/6")
@pytest.mark.spec("rfc6762:18.1/1", "rfc6762:18.2/1", "rfc6762:18.4/2")
def test_a_question_is_answered_to_all_at_once() -> None:
    link, station, name = published()

    link.hear(station, question(name.upper().replace("LOCAL", "Local")))

    [(at, message)] = station.responses
    [(_, datagram)] = station.sent
    assert at == link.network.now
    assert datagram.remote == MDNS_GROUP_IPV4
    assert datagram.local.port == 5353
    assert datagram.data[:4] == bytes.fromhex("00008400")
    assert message.questions == ()
    assert [record.type for record in message.records] == [TYPE_A, TYPE_NSEC]


@pytest.mark.spec("rfc6762:6.1/1", "rfc6762:6.1/5")
def test_a_type_that_does_not_exist_is_denied() -> None:
    link, station, name = published()

    link.hear(station, question(name, TYPE_AAAA))

    [(_, message)] = station.responses
    [denial] = [record for record in message.answers if record.type == TYPE_NSEC]
    assert denial.data.endswith(b"\0\1\x40")
    assert denial.ttl == 120


@pytest.mark.spec("rfc6762:6.5/1", "rfc6762:6/2")
def test_any_type_and_any_class_are_answered() -> None:
    link, station, name = published()

    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(name), TYPE_ANY, dns_class=CLASS_ANY),)))

    assert [record.type for record in station.responses[0][1].answers] == [TYPE_A]


@pytest.mark.spec("rfc6762:6/1", "rfc6762:6.1/8", "rfc6762:6/2")
def test_nothing_is_said_about_names_of_others_or_other_classes() -> None:
    link, station, name = published()

    link.hear(station, question(OTHER))
    link.hear(station, question("local"))
    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(name), TYPE_A, dns_class=3),)))
    link.network.advance(2.0)

    assert station.sent == []


@pytest.mark.spec("rfc6762:6.3/1", "rfc6762:6.3/2")
def test_among_questions_for_others_the_answer_waits_a_little() -> None:
    link, station, name = published()
    asked = link.network.now

    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(OTHER), 1), DnsQuestion(dns_name(name), 1))))
    link.network.advance(2.0)

    [(at, _)] = station.responses
    assert 0.019 <= at - asked <= 0.121


@pytest.mark.spec("rfc6762:6/9")
def test_a_query_that_goes_on_is_waited_for() -> None:
    link, station, name = published()
    asked = link.network.now

    link.hear(station, DnsMessage(flags=TRUNCATED, questions=(DnsQuestion(dns_name(name), 1),)))
    link.network.advance(2.0)

    [(at, _)] = station.responses
    assert 0.399 <= at - asked <= 0.501


@pytest.mark.spec("rfc6762:6/13")
def test_a_record_goes_to_all_once_a_second_however_often_it_is_asked_for() -> None:
    link, station, name = published()

    for _ in range(40):
        link.hear(station, question(name))
        link.network.advance(0.1)

    times = [at for at, _ in station.responses]
    assert len(times) == 5
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(times))


@pytest.mark.spec("rfc6762:6.4/1")
def test_answers_that_are_due_together_share_a_message() -> None:
    link = LocalLink()
    station = link.station()
    names = [station.mdns.publish("192.0.2.1", 0.0) for _ in range(3)]
    link.settle(station)

    link.hear(station, DnsMessage(questions=tuple(DnsQuestion(dns_name(name), 1) for name in names)))

    [(_, message)] = station.responses
    assert {record.name for record in message.answers} == set(map(dns_name, names))


@pytest.mark.spec("rfc6762:7.1/1", "rfc6762:7.1/2")
@pytest.mark.parametrize(("ttl", "answers"), [(120, 0), (60, 0), (59, 1)])
def test_what_the_asker_knows_is_not_repeated(ttl: int, answers: int) -> None:
    link, station, name = published()
    known = DnsRecord(dns_name(name), TYPE_A, bytes([192, 0, 2, 1]), ttl)

    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(name), 1),), answers=(known,)))
    link.network.advance(2.0)

    assert len(station.responses) == answers


@pytest.mark.spec("rfc6762:5.4/3")
def test_who_asks_for_an_answer_alone_gets_it_alone() -> None:
    link, station, name = published()
    link.hear(station, question(name))
    link.network.advance(2.0)
    station.sent.clear()

    link.hear(station, question(name, unicast=True))

    [(_, datagram)] = station.sent
    assert datagram.remote == STRANGER
    assert DnsMessage.parse(datagram.data).answers[0].cache_flush


@pytest.mark.spec("rfc6762:5.4/4")
def test_a_record_that_was_not_heard_for_long_goes_to_all_nevertheless() -> None:
    link, station, name = published()

    link.hear(station, question(name, unicast=True))

    assert [datagram.remote for _, datagram in station.sent] == [MDNS_GROUP_IPV4]


@pytest.mark.spec("rfc6762:5.4/5", "rfc6762:6/15", "rfc6762:8.1/5")
@pytest.mark.parametrize("unicast", [True, False])
def test_a_name_is_defended_at_once_against_a_probe(unicast: bool) -> None:
    link, station, name = published()
    link.hear(station, question(name))
    station.sent.clear()
    link.network.advance(0.3)
    now = link.network.now
    wanted = DnsRecord(dns_name(name), TYPE_A, bytes([192, 0, 2, 99]), 120)

    probe = DnsMessage(questions=(DnsQuestion(dns_name(name), TYPE_ANY, unicast),), authorities=(wanted,))
    link.hear(station, probe)

    assert [(at, datagram.remote) for at, datagram in station.sent] == [(now, STRANGER if unicast else MDNS_GROUP_IPV4)]


@pytest.mark.spec("rfc6762:6.7/1", "rfc6762:6.7/2", "rfc6762:6.7/3", "rfc6762:6.7/4", "rfc6762:10.2/2")
def test_a_simple_resolver_gets_a_simple_answer() -> None:
    link, station, name = published()
    query = DnsMessage(id=77, questions=(DnsQuestion(dns_name(name), TYPE_A),))

    link.hear(station, query, source=LEGACY)

    [(_, datagram)] = station.sent
    answer = DnsMessage.parse(datagram.data)
    assert datagram.remote == LEGACY
    assert (answer.id, answer.questions) == (77, query.questions)
    assert [(each.ttl, each.cache_flush, each.data) for each in answer.records] == [(10, False, bytes([192, 0, 2, 1]))]


def test_answers_to_single_askers_are_limited() -> None:
    link, station, name = published()

    for _ in range(200):
        link.hear(station, question(name), source=LEGACY)

    assert len(station.sent) == MAX_UNICAST_PER_SECOND


# --- taking back ---


@pytest.mark.spec("rfc6762:10.1/1")
def test_a_name_that_is_taken_back_is_unsaid() -> None:
    link, station, name = published()

    station.mdns.withdraw(name, link.network.now)
    link.network.flush()
    link.hear(station, question(name))
    link.network.advance(2.0)

    [(_, message)] = station.responses
    assert [(each.ttl, each.data) for each in message.answers] == [(0, bytes([192, 0, 2, 1]))]


def test_closing_takes_all_names_back() -> None:
    link, station, _ = published()

    station.mdns.close(link.network.now)
    link.network.flush()

    assert [each.ttl for each in station.responses[0][1].answers] == [0]
    assert station.mdns.next_timeout() is None


@pytest.mark.spec("rfc6762:8.4/1")
def test_a_name_is_announced_again_when_its_link_comes_back() -> None:
    link, station, name = published()
    station.mdns.remove_link(station.local, link.network.now)
    link.network.flush()
    link.hear(station, question(name))
    away = list(station.sent)

    station.mdns.add_link("192.0.2.1/24", link.network.now)
    link.network.flush()
    link.network.advance(10.0)

    assert away == []
    assert len(station.responses) == 2


# --- conflicts ---


@pytest.mark.spec("rfc6762:6.6/1", "rfc6762:8.3/4", "rfc6762:9/2", "rfc6762:8.1/2", "rfc6762:8.1/3", "rfc6762:8.1/4")
@pytest.mark.spec("rfc6762:8.1/6", "rfc6762:10.2/3")
def test_a_name_that_others_claim_is_probed_for_and_kept_if_nobody_insists() -> None:
    link, station, name = published()
    start = link.network.now

    link.hear(station, response(address_record(name, bytes([192, 0, 2, 99]))))
    link.network.advance(4.0)

    probes = [at for at, _ in station.queries]
    assert 0.0 <= probes[0] - start <= 0.251
    assert [later - probes[0] for later in probes] == pytest.approx([0.0, 0.25, 0.5])
    [query] = {message for _, message in station.queries}
    assert [(each.type, each.unicast) for each in query.questions] == [(TYPE_ANY, True)]
    assert [(each.data, each.cache_flush) for each in query.authorities] == [(bytes([192, 0, 2, 1]), False)]
    assert len(station.responses) == 2
    assert not station.node.saw(NameLost)


@pytest.mark.spec("rfc6762:8.1/7", "rfc6762:8.1/9", "rfc6762:9/3")
@pytest.mark.parametrize("kind", [TYPE_A, TYPE_AAAA, 16])
def test_a_name_that_others_insist_on_is_given_up(kind: int) -> None:
    link, station, name = published()
    claim = address_record(name, bytes([192, 0, 2, 99]))
    link.hear(station, response(claim))
    link.network.advance(0.3)

    link.hear(station, response(DnsRecord(claim.name, kind, claim.data, 120)))
    station.sent.clear()
    link.hear(station, question(name))
    link.network.advance(5.0)

    assert station.node.of(NameLost) == [NameLost(name)]
    assert station.sent == []


@pytest.mark.spec("rfc6762:8.1/8")
def test_a_claim_from_before_the_first_probe_is_passed_over() -> None:
    link, station, name = published()

    for _ in range(2):
        link.hear(station, response(address_record(name, bytes([192, 0, 2, 99]))))
    link.network.advance(5.0)

    assert not station.node.saw(NameLost)


@pytest.mark.spec("rfc6762:9/1")
def test_who_says_the_same_is_no_rival() -> None:
    link, station, name = published()

    link.hear(station, response(address_record(name, bytes([192, 0, 2, 1]))))
    link.network.advance(2.0)

    assert station.sent == []


@pytest.mark.spec("rfc6762:6.6/2")
def test_who_lets_our_record_end_too_early_is_corrected() -> None:
    link, station, name = published()

    link.hear(station, response(address_record(name, bytes([192, 0, 2, 1]), ttl=0)))
    link.network.advance(2.0)

    assert [message.answers[0].ttl for _, message in station.responses] == [120]


@pytest.mark.spec("rfc6762:8.2/1", "rfc6762:8.2/2", "rfc6762:8.2/3", "rfc6762:8.2/4", "rfc6762:8.2.1/1")
@pytest.mark.parametrize(
    ("records", "wins"),
    [
        ([(TYPE_A, b"\xc0\0\2\0")], True),
        ([(TYPE_A, b"\xc0\0\2\xc8")], False),
        ([(TYPE_A, b"\xc0\0\2\1\0")], False),
        ([(TYPE_A, b"\xc0\0\2\1")], True),
        ([(TYPE_A, b"\xc0\0\2\1"), (TYPE_AAAA, bytes(16))], False),
        ([(TYPE_AAAA, bytes(16))], False),
        ([], True),
    ],
)
def test_of_two_that_probe_at_once_the_later_data_wins(records: list[tuple[int, bytes]], wins: bool) -> None:
    link, station, name = published()
    link.hear(station, response(address_record(name, bytes([192, 0, 2, 99]))))
    link.network.advance(0.3)
    probes = len(station.queries)
    theirs = tuple(DnsRecord(dns_name(name), kind, data, 120) for kind, data in records)

    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(name), TYPE_ANY),), authorities=theirs))
    link.network.advance(0.9)

    # The loser waits for a second and begins again.
    assert len(station.queries) == (3 if wins else probes)
    link.network.advance(3.0)
    assert len(station.queries) == (3 if wins else probes + 3)


# --- strangers ---


@pytest.mark.spec("rfc6762:11/2", "rfc6762:5.5/2")
@pytest.mark.parametrize("source", ["198.51.100.7", "2001:db8::7", "nowhere"])
def test_what_comes_from_beyond_the_link_is_dropped(source: str) -> None:
    link, station, name = published()
    station.mdns.resolve(OTHER, link.network.now)
    link.network.flush()
    station.sent.clear()

    link.hear(station, question(name), source=Address(source, 5353))
    link.hear(station, response(address_record(OTHER, bytes([192, 0, 2, 9]))), source=Address(source, 5353))

    assert station.sent == []
    assert station.found == []
    assert station.mdns.stats.dropped == {"off-link": 2}


@pytest.mark.spec("rfc6762:6/12")
def test_responses_from_another_port_are_dropped() -> None:
    link = LocalLink()
    station = link.station()
    station.mdns.resolve(OTHER, 0.0)

    link.hear(station, response(address_record(OTHER, bytes([192, 0, 2, 9]))), source=LEGACY)

    assert station.found == []
    assert station.mdns.stats.dropped == {"wrong-source-port": 1}


@pytest.mark.spec("rfc6762:18.3/1", "rfc6762:18.11/1")
@pytest.mark.parametrize("flags", [0x0800, 0x7800, 0x0001, 0x000F])
def test_other_operations_and_failures_are_ignored(flags: int) -> None:
    link, station, name = published()
    station.mdns.resolve(OTHER, link.network.now)
    link.network.flush()
    station.sent.clear()

    link.hear(station, DnsMessage(flags=flags, questions=(DnsQuestion(dns_name(name), 1),)))
    odd = DnsMessage(flags=flags | RESPONSE_FLAGS, answers=(address_record(OTHER, bytes([192, 0, 2, 9])),))
    link.hear(station, odd)

    assert station.sent == []
    assert station.found == []
    assert station.mdns.stats.dropped == {"unknown-operation": 2}


def test_garbage_is_counted() -> None:
    link = LocalLink()
    station = link.station()

    link.hear(station, b"\xff" * 40)
    link.hear(station, response(address_record(OTHER, b"\1\2\3")))

    assert station.mdns.stats.dropped == {"malformed": 1}


@pytest.mark.spec("rfc6762:7.1/3")
def test_what_a_query_calls_known_is_not_believed() -> None:
    link = LocalLink()
    station = link.station()
    station.mdns.resolve(OTHER, 0.0)
    known = address_record(OTHER, bytes([192, 0, 2, 9]))

    link.hear(station, DnsMessage(questions=(DnsQuestion(dns_name(OTHER), TYPE_A),), answers=(known,)))

    assert station.found == []


@pytest.mark.spec("rfc6762:6.1/3")
def test_an_odd_denial_does_not_spoil_the_rest_of_its_message() -> None:
    link = LocalLink()
    station = link.station()
    station.mdns.resolve(OTHER, 0.0)
    odd = DnsRecord(dns_name(OTHER), TYPE_NSEC, b"\xff" * 5, 120)

    link.hear(station, response(odd, address_record(OTHER, bytes([192, 0, 2, 9]))))

    assert station.found == [NameResolved(OTHER, ("192.0.2.9",))]


@pytest.mark.spec("rfc6762:14/1")
def test_an_address_is_told_on_its_own_link_alone() -> None:
    link, station, name = published()
    elsewhere = station.mdns.add_link("198.51.100.1/24", link.network.now)

    data = question(name).serialize()
    station.mdns.receive_datagram(Datagram(data, elsewhere, Address("198.51.100.2", 5353)), link.network.now)
    link.network.flush()
    link.network.advance(2.0)

    assert station.sent == []
