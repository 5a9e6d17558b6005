"""Multicast DNS: names are found, conflicts decided, and strangers not listened to."""

import ipaddress

import pytest

from rtc_ice import MDNS_GROUP_IPV4, MDNS_GROUP_IPV6, NameLost, NameResolved, is_candidate_name
from rtc_ice.dns_message import TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_NSEC, DnsMessage, DnsQuestion, DnsRecord, dns_name
from rtc_stun import Address, Datagram

from .link import LEGACY, OTHER, RESPONSE_FLAGS, LocalLink, address_record, published, question, response

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


@pytest.mark.parametrize("written", [OTHER.upper(), OTHER.upper() + ".", OTHER.replace("local", "Local")])
def test_capitals_make_no_other_name(written: str) -> None:
    link = LocalLink()
    here = link.station()
    assert is_candidate_name(written)
    here.mdns.resolve(written, 0.0)

    link.hear(here, response(address_record(OTHER, bytes([192, 0, 2, 9]))))

    assert here.found == [NameResolved(written, ("192.0.2.9",))]


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
