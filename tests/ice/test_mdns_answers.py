"""Multicast DNS: names are told, answered for and taken back."""

import itertools

import pytest
from tests.support.rng import SeededRng

from rtc_ice import MDNS_GROUP_IPV4, MulticastDns, is_candidate_name
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

from .link import LEGACY, OTHER, STRANGER, LocalLink, published, question

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
