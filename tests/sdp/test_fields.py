"""The values of o=, c=, b=, m= and the times."""

from dataclasses import replace

import pytest
from tests.sdp.vectors import build, load

from rtc_sdp import (
    Bandwidth,
    Connection,
    MediaDescription,
    MediaField,
    Origin,
    ParseError,
    Repeat,
    SessionDescription,
    TimeDescription,
    ZoneAdjustments,
)


def test_origin_parses() -> None:
    origin = Origin.parse("jdoe 3724394400 3724394405 IN IP4 198.51.100.1")

    assert origin == Origin("jdoe", "3724394400", 3724394405, "IN", "IP4", "198.51.100.1")
    assert origin.serialize() == "jdoe 3724394400 3724394405 IN IP4 198.51.100.1"


def test_a_session_id_keeps_its_spelling_when_the_version_changes() -> None:
    description = build(head="v=0\r\no=- 0012 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n")

    description.increment_version()

    assert description.origin.serialize() == "- 0012 2 IN IP4 1.2.3.4"


@pytest.mark.spec("rfc8866:5.2/1")
@pytest.mark.parametrize("name", ["", "a b", "a\tb"])
def test_a_user_name_has_no_spaces(name: str) -> None:
    with pytest.raises(ValueError, match="username"):
        Origin(name, "1", 1)


@pytest.mark.spec("rfc3264:5/2", "rfc3264:5/3")
def test_a_new_origin_stays_within_63_bits() -> None:
    origin = Origin.create(lambda count: b"\xff" * count)

    assert int(origin.sess_id) == 2**63 - 1
    assert origin.sess_version == 0


@pytest.mark.spec("rfc3264:5/5", "rfc3264:5/6", "rfc8866:5.3/3")
def test_a_new_description_says_a_dash_and_no_bounds() -> None:
    description = SessionDescription(Origin.create(bytes))

    assert str(description) == "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("text", "connection"),
    [
        ("IN IP4 192.0.2.1", Connection("192.0.2.1")),
        ("IN IP4 host.example.com", Connection("host.example.com")),
        ("IN IP4 224.2.1.1/127", Connection("224.2.1.1", ttl=127)),
        ("IN IP4 224.2.1.1/127/3", Connection("224.2.1.1", ttl=127, address_count=3)),
        ("IN IP6 2001:db8::1", Connection("2001:db8::1", "IP6")),
        ("IN IP6 ff15::101/3", Connection("ff15::101", "IP6", address_count=3)),
        ("ATM NSAP 47.0091.8100", Connection("47.0091.8100", "NSAP", "ATM")),
        ("TN RFC2543 +1-201-406-4090 x", Connection("+1-201-406-4090 x", "RFC2543", "TN")),
    ],
)
def test_connection_round_trips(text: str, connection: Connection) -> None:
    assert Connection.parse(text) == connection
    assert connection.serialize() == text


@pytest.mark.parametrize(
    "text",
    ["IN IP4 256.1.1.1", "IN IP4 1.2.3", "IN IP4 1.2.3.4/", "IN IP6 ::g", "IN IP6 1::2::3", "IN IP6 fe80::1%eth0"],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Connection.parse(text)


def test_an_ipv4_address_has_no_leading_zeros() -> None:
    with pytest.raises(ParseError, match="not an IPv4 address"):
        Connection.parse("IN IP4 192.0.02.1")


@pytest.mark.spec("rfc8866:5/6", "rfc8866:5/7", "rfc8866:5/8")
def test_host_names_are_ascii() -> None:
    assert Connection.parse("IN IP4 xn--bcher-kva.example").address == "xn--bcher-kva.example"
    for name in ("bücher.example", "under_score", "a/b/c/d", "a,b"):
        with pytest.raises(ParseError):
            Connection.parse(f"IN IP4 {name}")
        with pytest.raises(ParseError):
            Connection.parse(f"IN IP6 {name}")


@pytest.mark.spec("rfc8866:5.7/2")
def test_ipv4_multicast_needs_a_ttl() -> None:
    with pytest.raises(ParseError, match="TTL"):
        Connection.parse("IN IP4 224.2.1.1")


@pytest.mark.spec("rfc8866:5.7/3")
def test_a_ttl_is_within_a_byte() -> None:
    assert Connection.parse("IN IP4 224.2.1.1/0").ttl == 0
    with pytest.raises(ParseError):
        Connection.parse("IN IP4 224.2.1.1/256")
    with pytest.raises(ValueError, match="TTL"):
        Connection("224.2.1.1", ttl=256)


@pytest.mark.spec("rfc8866:5.7/5")
def test_ipv6_has_no_ttl() -> None:
    with pytest.raises(ParseError):
        Connection.parse("IN IP6 ff15::101/127/3")
    with pytest.raises(ValueError, match="TTL"):
        Connection("ff15::101", "IP6", ttl=1)


@pytest.mark.spec("rfc8866:5.7/7")
@pytest.mark.parametrize("text", ["IN IP4 192.0.2.1/127", "IN IP4 192.0.2.1/1/2", "IN IP6 2001:db8::1/2"])
def test_unicast_has_no_number_of_addresses(text: str) -> None:
    with pytest.raises(ParseError, match="unicast"):
        Connection.parse(text)


@pytest.mark.spec("rfc3264:8.4/3")
def test_the_address_of_nobody_is_recognized() -> None:
    assert Connection.parse("IN IP4 0.0.0.0").is_unspecified
    assert Connection.parse("IN IP6 ::").is_unspecified
    assert not Connection.parse("IN IP4 192.0.2.1").is_unspecified


@pytest.mark.spec("rfc8866:5.8/5")
def test_bandwidths_of_known_and_unknown_types() -> None:
    media = build("m=audio 1 RTP/AVP 0", "b=AS:64", "b=TIAS:64000", "b=X-YZ:1", "b=RR:10").media[0]

    assert [bandwidth.bits_per_second for bandwidth in media.bandwidths] == [64000, 64000, None, 10]
    assert media.bandwidth("X-YZ") == 1
    assert Bandwidth.parse("CT:1").bits_per_second == 1000


@pytest.mark.spec("rfc3264:5.1/10", "rfc3264:6.1/13")
def test_formats_keep_their_order() -> None:
    media = build("m=audio 49170/2 RTP/AVP 8 0 101").media[0]

    assert media.field == MediaField("audio", 49170, "RTP/AVP", ("8", "0", "101"), 2)
    media.formats = ("101", "8")
    assert str(media) == "m=audio 49170/2 RTP/AVP 101 8\r\n"


def test_media_line_can_be_rewritten_part_by_part() -> None:
    media = MediaDescription("audio", 9, "RTP/AVP", ("0",))

    media.media_type = "video"
    media.protocol = "UDP/TLS/RTP/SAVPF"
    media.port = 5

    assert str(media) == "m=video 5 UDP/TLS/RTP/SAVPF 0\r\n"
    with pytest.raises(ValueError, match="port"):
        media.port = 65536
    assert media.port == 5
    assert media.is_rtp
    assert media != "m=video 5 UDP/TLS/RTP/SAVPF 0\r\n"
    assert repr(media) == "<MediaDescription video 5 UDP/TLS/RTP/SAVPF 0>"


@pytest.mark.spec("rfc3264:6/8", "rfc8841:4.3/1")
def test_a_media_line_has_at_least_one_format() -> None:
    with pytest.raises(ValueError, match="no format"):
        MediaDescription("audio", 0, "RTP/AVP", ())


def test_times_are_read_with_their_repeats_and_zones() -> None:
    times = load("announcement.sdp").times

    assert times == (
        TimeDescription(
            2873397496,
            2873404696,
            (Repeat(604800, 3600, (0, 90000)), Repeat(604800, 3600, (0, 90000))),
            ZoneAdjustments(((2882844526, -3600), (2898848070, 0))),
        ),
        TimeDescription(3034423619, 3042462419),
    )


def test_times_can_be_rewritten() -> None:
    description = load("announcement.sdp")

    description.times = (replace(description.times[0], repeats=(Repeat(86400, 60, (0,)),)), TimeDescription())

    assert "t=2873397496 2873404696\r\nr=86400 60 0\r\nz=2882844526 -3600 2898848070 0\r\nt=0 0\r\na=" in str(
        description
    )
    assert SessionDescription.parse(str(description)) == description
    with pytest.raises(ValueError, match="at least one"):
        description.times = ()


def test_values_that_no_line_could_hold_are_refused() -> None:
    for make in (
        lambda: Repeat(0, 1, (0,)),
        lambda: Repeat(1, 1, ()),
        lambda: TimeDescription(-1, 0),
        lambda: Bandwidth("a b", 1),
        lambda: Bandwidth("AS", -1),
        lambda: Origin("-", "x", 1),
        lambda: Origin("-", "1", -1),
        lambda: Connection(""),
        lambda: Connection("1.2.3.4", address_count=0),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - many reasons
            make()


def test_all_fields_of_an_announcement_are_read() -> None:
    description = load("announcement.sdp")

    assert description.session_name == "Lecture on multicast"
    assert description.information == "Every Tuesday and Thursday"
    assert description.uri == "http://www.example.com/seminars/sdp.pdf"
    assert description.emails == ("j.doe@example.com (Jane Doe)", "Joe Doe <joe@example.com>")
    assert description.phones == ("+1 617 555-6011",)
    assert description.connection == Connection("233.252.0.12", ttl=127)
    assert description.media[0].information == "The lecturer"
    assert description.connection_of(description.media[0]) == Connection("233.252.0.12", ttl=127)
    assert description.connection_of(description.media[1]) == Connection("ff15::101", "IP6", address_count=3)
    assert "mhandley" in repr(description)


@pytest.mark.parametrize("kind", [Repeat, ZoneAdjustments])
def test_a_time_beyond_64_bits_of_seconds_is_refused(kind: type[Repeat] | type[ZoneAdjustments]) -> None:
    with pytest.raises(ParseError, match="time"):
        kind.parse(f"1 {'9' * 19}d 1 1")
