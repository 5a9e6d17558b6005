"""The candidate line: vectors, round trip, and lines that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_ice import Candidate, ParseError
from rtc_stun import Address

# From RFC 8839, section 5.1, and as browsers write them.
LINES = [
    "candidate:1 1 udp 2130706431 203.0.113.141 8998 typ host",
    "candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
    "candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu network-cost 50",
    "candidate:0 1 udp 2122187007 2001:db8::1 49152 typ host",
    "candidate:3498147984 1 udp 2122260223 1b0d2a3c-5a8e-4d7c-9f43-0c2a6b6f0b51.local 56622 typ host generation 0",
    "candidate:4 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
    "candidate:5 1 udp 100 192.0.2.9 1000 typ future",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_written_as_it_was_read(line: str) -> None:
    assert str(Candidate.parse(line)) == line


def test_the_fields_are_where_they_belong() -> None:
    candidate = Candidate.parse(f"a={LINES[2]}")

    assert candidate.foundation == "842163049"
    assert (candidate.component_id, candidate.transport, candidate.priority) == (1, "udp", 1677729535)
    assert candidate.address == Address("198.51.100.7", 46154)
    assert (candidate.type, candidate.related_address) == ("srflx", Address("0.0.0.0", 0))
    assert candidate.extensions == (("generation", "0"), ("ufrag", "EEtu"), ("network-cost", "50"))
    assert candidate.ufrag == "EEtu"
    assert candidate.extension("network-cost") == "50"
    assert candidate.extension("tcptype") is None


def test_case_and_spelling_of_addresses_do_not_matter() -> None:
    candidate = Candidate.parse("candidate:1 1 UDP 1 2001:DB8:0:0::1 9 typ host")

    assert candidate.transport == "udp"
    assert candidate.address == Address("2001:db8::1", 9)


@pytest.mark.spec("rfc8839:5.1/10")
@pytest.mark.parametrize(
    ("line", "usable"), [*((line, ".local" not in line and "typ future" not in line) for line in LINES)]
)
def test_what_this_package_can_check_is_told_apart(line: str, usable: bool) -> None:
    assert Candidate.parse(line).is_usable is usable


@pytest.mark.parametrize(
    "line",
    [
        "",
        "candidate:",
        "candidate:1 1 udp 1 192.0.2.1 9",
        "candidate:1 1 udp 1 192.0.2.1 9 typ",
        "candidate:1 1 udp 1 192.0.2.1 9 type host",
        "candidate:1 0 udp 1 192.0.2.1 9 typ host",
        "candidate:1 257 udp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 0 192.0.2.1 9 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 9 typ host",
        "candidate:1 1 udp -1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 192.0.2.1 \u0667 typ host",
        "candidate:1 1 udp 1 192.0.2.1:9 9 typ host",
        "candidate:1 1 udp 1 2001:db8:::1 9 typ host",
        "candidate:1! 1 udp 1 192.0.2.1 9 typ host",
        "candidate:" + "1" * 33 + " 1 udp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host generation",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host raddr a:b rport 1",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host " + "x y " * 2000,
    ],
)
def test_what_is_no_candidate_is_a_parse_error(line: str) -> None:
    with pytest.raises(ParseError):
        Candidate.parse(line)


tokens = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
hosts = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.just("name.local"))
addresses = st.builds(Address, hosts, st.integers(0, 65535))
candidates = st.builds(
    Candidate,
    foundation=st.text("abcXYZ019+/", min_size=1, max_size=32),
    component_id=st.integers(1, 256),
    transport=st.sampled_from(["udp", "tcp", "sctp"]),
    priority=st.integers(1, 2**32 - 1),
    address=addresses,
    type=st.sampled_from(["host", "srflx", "prflx", "relay", "future"]),
    related_address=st.none() | addresses,
    extensions=st.lists(st.tuples(tokens.filter(lambda name: name not in ("raddr", "rport")), tokens), max_size=3).map(
        tuple
    ),
)


@given(candidates)
def test_every_candidate_survives_its_line(candidate: Candidate) -> None:
    assert Candidate.parse(str(candidate)) == candidate


@given(st.text(max_size=100), st.sampled_from(LINES), st.integers(0, 60))
def test_hostile_text_raises_nothing_but_parse_errors(noise: str, line: str, place: int) -> None:
    for text in (noise, line[:place] + noise + line[place:], line[:place] + noise + line[place + len(noise) :]):
        try:
            candidate = Candidate.parse(text)
        except ParseError:
            continue
        assert Candidate.parse(str(candidate)) == candidate


def test_a_zone_that_the_peer_names_is_dropped() -> None:
    """It would choose among our interfaces."""
    parsed = Candidate.parse("candidate:1 1 udp 1 fe80::1%lo 9000 typ srflx raddr fe80::2%eth1 rport 1")

    assert parsed.address == Address("fe80::1", 9000)
    assert parsed.related_address == Address("fe80::2", 1)
