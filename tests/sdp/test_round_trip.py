"""What came in goes out again, byte for byte, and what was changed is all that changes."""

import copy
import pickle

import pytest
from tests.sdp.vectors import DESCRIPTIONS, HEAD, build, load, raw

from rtc_sdp import (
    KNOWN_ATTRIBUTES,
    Attribute,
    Bandwidth,
    Connection,
    Direction,
    IceUfrag,
    Mid,
    ParseError,
    SessionDescription,
    TrickleFragment,
)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_every_vector_is_written_as_it_was_read(name: str) -> None:
    description = SessionDescription.parse(raw(name))

    assert bytes(description) == raw(name)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_text_and_bytes_give_the_same_description(name: str) -> None:
    text = raw(name).decode()

    assert str(SessionDescription.parse(text)) == text
    assert SessionDescription.parse(text) == load(name)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_every_typed_attribute_of_the_vectors_parses_and_means_the_same_again(name: str) -> None:
    description = load(name)

    for section in (description, *description.media):
        for attribute in section.attributes:
            kind = KNOWN_ATTRIBUTES.get(attribute.name)
            if kind is not None:
                value = kind.parse(attribute.value or "")
                assert kind.parse(value.serialize()) == value


@pytest.mark.spec("rfc8866:5/3")
@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_bare_line_feeds_are_accepted_and_kept(name: str) -> None:
    data = raw(name).replace(b"\r\n", b"\n")

    assert bytes(SessionDescription.parse(data)) == data


def test_mixed_line_endings_and_a_missing_last_one_are_kept() -> None:
    data = b"v=0\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\nt=0 0\r\na=x"

    assert bytes(SessionDescription.parse(data)) == data


def test_a_line_put_behind_one_without_ending_gives_it_one() -> None:
    description = SessionDescription.parse("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\na=x")

    description.add(Attribute("y"))

    assert str(description).endswith("a=x\r\na=y\r\n")


@pytest.mark.spec("rfc8866:5/5", "rfc8866:5.13/3")
def test_unknown_attributes_stay_in_place_and_order() -> None:
    description = build(*(lines := ("a=zeta:1", "a=mid", "a=alpha", "a=zeta:2")))

    assert [f"a={attribute}" for attribute in description.attributes] == list(lines)
    assert description.get_all("zeta") == [Attribute("zeta", "1"), Attribute("zeta", "2")]
    assert description.get("alpha") == Attribute("alpha")
    assert description.get("beta") is None


@pytest.mark.spec("rfc8866:6.1/1", "rfc8866:6.1/2", "rfc8866:6.2/1", "rfc8866:6.2/2")
def test_cat_and_keywds_pass_through_unread() -> None:
    description = load("announcement.sdp")

    assert description.has("cat")
    assert description.has("keywds")
    assert not {"cat", "keywds"} & KNOWN_ATTRIBUTES.keys()


def test_odd_but_legal_spelling_survives_a_change_elsewhere() -> None:
    text = "v=0\r\no=- 0012 07 IN IP4 127.0.0.1\r\ns= \r\nt=00 0\r\na=ptime:20\r\nm=audio 09 RTP/AVP 0\n"
    description = SessionDescription.parse(text)

    description.media[0].add(Mid("a"))

    assert str(description) == text + "a=mid:a\r\n"


@pytest.mark.spec("rfc8866:5/4")
def test_utf8_is_read_as_characters() -> None:
    description = SessionDescription.parse("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=Grüße 🎥\r\nt=0 0\r\n".encode())

    assert description.session_name == "Grüße 🎥"


@pytest.mark.spec("rfc8866:6.10/2")
@pytest.mark.parametrize("charset", ["ISO-8859-1", "iso-8859-1", "Iso-8859-1"])
def test_text_in_another_charset_survives_and_can_be_read(charset: str) -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=caf\xe9\r\nt=0 0\r\na=charset:" + charset.encode() + b"\r\n"
    description = SessionDescription.parse(data)

    assert bytes(description) == data
    assert description.in_charset(description.session_name) == "café"


@pytest.mark.spec("rfc8866:6.10/3")
@pytest.mark.parametrize("charset", ["no-such-charset", "\x7f\u00e4", "utf-16"])
def test_text_in_an_unknown_charset_is_left_alone(charset: str) -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=caf\xe9\r\nt=0 0\r\na=charset:" + charset.encode() + b"\r\n"
    description = SessionDescription.parse(data)

    assert description.in_charset(description.session_name) == description.session_name


def test_text_that_does_not_fit_its_charset_is_left_alone() -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=caf\xe9\r\nt=0 0\r\na=charset:us-ascii\r\n"
    description = SessionDescription.parse(data)

    assert description.in_charset(description.session_name) == description.session_name


def test_text_without_a_charset_is_left_alone() -> None:
    description = build()

    assert description.in_charset("abc") == "abc"


def test_text_that_no_bytes_stand_for_is_refused() -> None:
    with pytest.raises(ParseError, match="encoded"):
        SessionDescription.parse(HEAD + "a=x:\ud800\r\n")


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_copies_and_pickles_are_equal_and_independent(name: str) -> None:
    description = load(name)

    copied = copy.deepcopy(description)
    pickled = pickle.loads(pickle.dumps(description))

    assert copied == pickled == description
    copied.add(Attribute("x"))
    copied.media.clear()
    assert bytes(description) == raw(name)


def test_changing_one_field_changes_one_line() -> None:
    description = load("sip-phone-offer.sdp")
    before = str(description).split("\r\n")

    description.media[0].port = 40000

    after = str(description).split("\r\n")
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("m=audio 11784 RTP/SAVP 9 8 0 18 101", "m=audio 40000 RTP/SAVP 9 8 0 18 101")
    ]


def test_fields_that_are_added_find_their_place() -> None:
    description = build("a=x", "m=audio 5004 RTP/AVP 0", "a=y")

    description.information = "info"
    description.emails = ("a@b.example",)
    description.phones = ("+1 2",)
    description.uri = "http://example.com"
    description.connection = Connection("192.0.2.1")
    description.bandwidths = (Bandwidth("AS", 1), Bandwidth("TIAS", 2))
    description.media[0].bandwidths = (Bandwidth("AS", 3),)
    description.media[0].connections = (Connection("::1", "IP6"),)
    description.media[0].information = "title"

    assert SessionDescription.parse(str(description)) == description
    assert [line[:1] for line in str(description).split("\r\n")] == [*"vosiuepcbbtamicba", ""]


def test_fields_that_are_removed_leave_nothing_behind() -> None:
    description = load("announcement.sdp")

    description.information = None
    description.uri = None
    description.emails = ()
    description.phones = ()
    description.connection = None
    description.bandwidths = ()

    assert [line.letter for line in description.lines] == list("vostrrztaaaaaaaa")
    assert SessionDescription.parse(str(description)) == description


def test_replacing_several_lines_by_fewer_and_by_more_keeps_the_place_and_endings() -> None:
    description = build("b=AS:1", "b=CT:2", "t=0 0", "a=x", head="v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\n")

    description.bandwidths = (Bandwidth("TIAS", 3),)
    assert "b=TIAS:3\r\nt=0 0" in str(description)
    description.bandwidths = (Bandwidth("AS", 1), Bandwidth("CT", 2), Bandwidth("RR", 3))
    assert "b=AS:1\r\nb=CT:2\r\nb=RR:3\r\nt=0 0" in str(description)
    assert description.bandwidth("CT") == 2
    assert description.bandwidth("TIAS") is None


def test_set_replaces_in_place_and_drops_repetitions() -> None:
    description = build("a=x:1", "a=y", "a=x:2", "a=z")

    description.set(Attribute("x", "3"))

    assert [str(attribute) for attribute in description.attributes] == ["x:3", "y", "z"]
    description.set(Attribute("new"))
    assert description.attributes[-1] == Attribute("new")


def test_remove_takes_a_name_a_class_or_one_attribute() -> None:
    media = build("m=audio 5004 RTP/AVP 0", "a=mid:1", "a=x:1", "a=x:2", "a=ice-ufrag:abcd").media[0]

    assert media.remove(Attribute("x", "1")) == 1
    assert media.remove("x") == 1
    assert media.remove(IceUfrag("abcd")) == 1
    assert media.remove(Mid) == 1
    assert media.remove(Mid) == 0
    assert media.attributes == ()


def test_assigning_attributes_replaces_them_all() -> None:
    description = build("a=x:1", "a=y")

    description.attributes = (Mid("1"), Attribute("z"))

    assert [str(attribute) for attribute in description.attributes] == ["mid:1", "z"]
    assert not description.has("x")
    assert description.has(Mid)


@pytest.mark.spec("rfc3264:5.1/1", "rfc3264:5.1/2", "rfc3264:5.1/3")
@pytest.mark.parametrize("direction", list(Direction))
def test_a_direction_is_marked_in_the_place_of_the_old_mark(direction: Direction) -> None:
    media = build("m=audio 5004 RTP/AVP 0", "a=x", "a=recvonly", "a=y", "a=inactive").media[0]

    media.direction = direction

    assert [str(attribute) for attribute in media.attributes] == ["x", direction.value, "y"]
    assert media.direction is direction
    media.direction = None
    assert media.direction is None
    media.direction = direction
    assert media.attributes[-1].name == direction.value


def test_of_contradicting_directions_the_first_counts() -> None:
    assert build("a=inactive", "a=sendonly").direction is Direction.INACTIVE


@pytest.mark.spec("rfc8866:6.10/5")
@pytest.mark.parametrize("text", ["x\r\na=y", "x\ny", "x\0", "\r"])
def test_no_value_can_smuggle_a_line_in(text: str) -> None:
    description = build()
    before = str(description)

    with pytest.raises(ValueError, match="NUL, CR or LF"):
        description.add(Attribute("a", text))
    with pytest.raises(ValueError, match="NUL, CR or LF"):
        description.session_name = text
    with pytest.raises(ValueError, match="NUL, CR or LF"):
        description.emails = (text,)

    assert str(description) == before


def test_a_fragment_round_trips_too() -> None:
    assert bytes(TrickleFragment.parse(raw("whip-trickle.sdpfrag"))) == raw("whip-trickle.sdpfrag")
