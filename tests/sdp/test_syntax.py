"""What the strict parser refuses, and what the lenient one lets through."""

import pytest
from tests.sdp.vectors import HEAD, build

from rtc_sdp import Limits, Mid, Origin, ParseError, SdpError, SessionDescription


def refuse(text: str | bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        SessionDescription.parse(text)
    return caught.value


@pytest.mark.spec("rfc8866:5/1")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("o=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\n", 1),
        ("v=0\ns=-\nt=0 0\n", 2),
        ("v=0\no=- 1 1 IN IP4 1.2.3.4\nt=0 0\n", 3),
        ("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\ns=-\nt=0 0\n", 4),
        ("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\na=x\nt=0 0\n", 4),
        ("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nb=AS:1\nc=IN IP4 1.2.3.4\nt=0 0\n", 5),
        ("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nm=audio 1 RTP/AVP 0\n", None),
        (HEAD + "i=late\n", 5),
        (HEAD + "m=audio 1 RTP/AVP 0\na=x\nb=AS:1\n", 7),
        (HEAD + "m=audio 1 RTP/AVP 0\nt=0 0\n", 6),
        (HEAD + "m=audio 1 RTP/AVP 0\ni=1\ni=2\n", 7),
    ],
)
def test_lines_out_of_order_are_refused(text: str, line: int | None) -> None:
    assert refuse(text).line == line


@pytest.mark.spec("rfc8866:5.3/1")
def test_a_description_without_or_with_two_session_names_is_refused() -> None:
    assert refuse("v=0\no=- 1 1 IN IP4 1.2.3.4\nt=0 0\n").line == 3
    assert refuse("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=a\ns=b\nt=0 0\n").line == 4


@pytest.mark.spec("rfc8866:5.6/1")
@pytest.mark.parametrize("letter", ["e", "p"])
def test_contacts_in_a_media_section_are_refused(letter: str) -> None:
    assert refuse(HEAD + f"m=audio 1 RTP/AVP 0\n{letter}=x\n").line == 6


@pytest.mark.spec("rfc8866:5.7/6")
def test_two_connections_at_the_session_level_are_refused() -> None:
    assert refuse("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nc=IN IP4 1.2.3.4\nc=IN IP4 1.2.3.5\nt=0 0\n").line == 5


@pytest.mark.spec("rfc3264:5/4")
def test_two_descriptions_in_one_text_are_refused() -> None:
    assert refuse(HEAD + HEAD).line == 5


@pytest.mark.spec("rfc8866:5/2")
@pytest.mark.parametrize("letter", ["x", "V", "1", "é"])
def test_an_unknown_type_letter_refuses_the_description(letter: str) -> None:
    error = refuse(HEAD + f"{letter}=1\n")

    assert error.line == 5
    assert "type letter" in error.reason


@pytest.mark.parametrize("strict", [True, False])
def test_an_unknown_type_letter_is_refused_by_the_lenient_parser_too(strict: bool) -> None:
    with pytest.raises(ParseError):
        SessionDescription.parse(HEAD + "x=1\n", strict=strict)


@pytest.mark.parametrize("line", ["a", "a =x", "=x", " a=x", "av=x", "a:x", "\r", "a=\rx", "a=x\0"])
def test_what_is_not_a_line_is_refused(line: str) -> None:
    assert refuse(HEAD + line + "\r\n").line == 5


@pytest.mark.parametrize(
    "line",
    [
        "v=1",
        "v=",
        "v=00x",
        "o=- 1 1 IN IP4",
        "o=- 1 1 IN IP4 1.2.3.4 x",
        "o=- x 1 IN IP4 1.2.3.4",
        "o=- 1 -1 IN IP4 1.2.3.4",
        "o=-  1 1 IN IP4 1.2.3.4",
        "o=- 1 99999999999999999999 IN IP4 1.2.3.4",
        "s=",
        "t=0",
        "t=0 x",
        "t=0 0 0",
    ],
)
def test_a_malformed_line_of_the_session_level_is_refused(line: str) -> None:
    lines = HEAD.split("\r\n")
    number = "vost".index(line[0])
    lines[number] = line

    assert refuse("\r\n".join(lines)).line == number + 1


@pytest.mark.parametrize(
    "line",
    [
        "r=7d",
        "r=7d 1h",
        "r=0 1 1",
        "r=7w 1h 0",
        "z=1",
        "z=1 1 2",
        "z=1 x",
        "k=",
        "k=other",
        "a=",
        "a=:x",
        "a=x:",
        "a=x y:1",
        "a=é",
    ],
)
def test_a_malformed_line_behind_the_times_is_refused(line: str) -> None:
    assert refuse(HEAD + line + "\n").line == 5


@pytest.mark.parametrize(
    "line",
    [
        "m=audio 1 RTP/AVP",
        "m=audio 65536 RTP/AVP 0",
        "m=audio -1 RTP/AVP 0",
        "m=audio 1/0 RTP/AVP 0",
        "m=audio 1/ RTP/AVP 0",
        "m=audio 1 RTP//AVP 0",
        "m=audio 1 RTP/AVP 0 ",
        "m=audio  1 RTP/AVP 0",
        "m=au/dio 1 RTP/AVP 0",
        "m=audio 1 RTP/AVP 0,8",
    ],
)
@pytest.mark.spec("rfc8841:4.3/1")
def test_a_malformed_media_line_is_refused(line: str) -> None:
    assert refuse(HEAD + line + "\n").line == 5


@pytest.mark.parametrize("line", ["i=", "c=IN IP4", "c=IN IP4 1.2.3.4 x", "b=AS", "b=AS:x", "b=:1", "b=AS:-1"])
def test_a_malformed_line_of_a_section_is_refused(line: str) -> None:
    assert refuse(HEAD + f"m=audio 1 RTP/AVP 0\n{line}\n").line == 6


@pytest.mark.spec("rfc8866:5.3/2")
def test_a_session_name_is_never_empty() -> None:
    assert refuse("v=0\no=- 1 1 IN IP4 1.2.3.4\ns=\nt=0 0\n").line == 3
    with pytest.raises(ValueError, match="never empty"):
        SessionDescription(Origin("-", "1", 1), session_name="")


def test_the_older_place_of_zone_adjustments_is_accepted() -> None:
    description = build("z=1 -1h")

    assert description.times[0].zone_adjustments is not None


def test_the_lenient_parser_takes_lines_in_any_order_and_with_any_value() -> None:
    text = "s=\no=me x y z\n\nv=7\nm=audio 1 RTP/AVP 0 8 \na=x:\nb=fast\na=mid:1\n\n"

    description = SessionDescription.parse(text, strict=False)

    assert str(description) == text
    assert description.session_name == ""
    assert description.times == ()
    assert description.media[0].formats == ("0", "8")
    assert description.media[0].get(Mid) == Mid("1")


def test_what_the_lenient_parser_let_through_raises_when_asked_for() -> None:
    description = SessionDescription.parse("o=me\nm=audio 1 RTP/AVP 0\nb=fast\na=a b:1\nt=x\n", strict=False)

    with pytest.raises(ParseError, match="line 1"):
        _ = description.origin
    with pytest.raises(ParseError, match="line 3"):
        _ = description.media[0].bandwidths
    with pytest.raises(ParseError, match="line 4"):
        _ = description.media[0].attributes
    with pytest.raises(ParseError, match="no o= line"):
        _ = SessionDescription.parse("", strict=False).origin
    with pytest.raises(ParseError, match="line 1"):
        _ = SessionDescription.parse("t=x\n", strict=False).times


def test_the_lenient_parser_still_wants_sense_in_media_lines() -> None:
    with pytest.raises(ParseError, match="line 1"):
        SessionDescription.parse("m=audio port RTP/AVP 0\n", strict=False)
    assert SessionDescription.parse("m=audio 0 RTP/AVP\n", strict=False).media[0].formats == ("0",)


def test_setting_a_field_in_a_lenient_description_does_not_lose_blank_lines() -> None:
    description = SessionDescription.parse("v=0\n\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\n", strict=False)

    description.session_name = "x"
    description.times = description.times

    assert str(description).startswith("v=0\n\no=")


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(length=45), HEAD + "a=x\r\n"),
        (Limits(line_length=30), HEAD + "a=" + "x" * 29 + "\r\n"),
        (Limits(line_count=4), HEAD + "a=x\r\n"),
        (Limits(attribute_count=1), HEAD + "a=x\r\na=y\r\n"),
        (Limits(media_count=1), HEAD + "m=audio 1 RTP/AVP 0\r\n" * 2),
    ],
)
def test_what_is_too_big_is_refused(limits: Limits, text: str) -> None:
    with pytest.raises(ParseError):
        SessionDescription.parse(text, limits=limits)
    SessionDescription.parse(text)


def test_length_counts_bytes() -> None:
    text = HEAD + "a=x:" + "ä" * 10 + "\r\n"

    with pytest.raises(ParseError):
        SessionDescription.parse(text, limits=Limits(length=len(text)))
    SessionDescription.parse(text, limits=Limits(length=len(text.encode())))


def test_errors_name_reason_and_line_and_survive_pickling() -> None:
    import pickle

    error = refuse(HEAD + "b=AS:1\n")

    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, again.line, str(again)) == (error.reason, 5, str(error))
    assert isinstance(error, SdpError)
    assert isinstance(error, ValueError)
