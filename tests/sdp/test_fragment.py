"""Trickle fragments."""

import pytest
from tests.sdp.vectors import raw

from rtc_sdp import (
    Attribute,
    Candidate,
    EndOfCandidates,
    IceOptions,
    IcePwd,
    IceUfrag,
    Limits,
    MediaField,
    Mid,
    ParseError,
    TrickleFragment,
)


def test_a_whip_fragment_is_read() -> None:
    fragment = TrickleFragment.parse(raw("whip-trickle.sdpfrag"))
    media = fragment.by_mid("0")

    assert media is not None
    assert fragment.get(IceOptions) == IceOptions(("trickle", "ice2"))
    assert len(media.get_all(Candidate)) == 2
    assert media.has(EndOfCandidates)
    assert not fragment.has(EndOfCandidates)
    assert "audio" in repr(fragment)


def test_credentials_of_the_session_level_count_for_sections() -> None:
    fragment = TrickleFragment.parse(
        "a=ice-pwd:asd88fgpdd777uzjYhagZg\na=ice-ufrag:8hhY\nm=audio 9 RTP/AVP 0\na=mid:1\na=end-of-candidates\n"
    )

    assert fragment.effective(fragment.media[0], IceUfrag) == IceUfrag("8hhY")
    assert fragment.effective(fragment.media[0], IcePwd) == IcePwd("asd88fgpdd777uzjYhagZg")


def test_a_fragment_is_built() -> None:
    fragment = TrickleFragment()
    fragment.add(IceUfrag("8hhY"))
    fragment.add_section("1").add(Candidate("1 1 UDP 1 192.0.2.1 5010 typ host"))
    fragment.add_section("2", MediaField("video", 9, "UDP/TLS/RTP/SAVPF", ("96",))).add(EndOfCandidates())

    assert str(fragment) == (
        "a=ice-ufrag:8hhY\r\nm=audio 9 RTP/AVP 0\r\na=mid:1\r\na=candidate:1 1 UDP 1 192.0.2.1 5010 typ host\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=end-of-candidates\r\n"
    )
    assert TrickleFragment.parse(str(fragment)) == fragment


def test_attribute_names_are_found_whatever_their_case() -> None:
    fragment = TrickleFragment.parse("a=ICE-UFRAG:8hhY\nm=audio 9 RTP/AVP 0\na=Mid:1\n")

    assert fragment.get(IceUfrag) == IceUfrag("8hhY")
    assert fragment.media[0].get(Mid) == Mid("1")
    assert str(fragment).startswith("a=ICE-UFRAG")


def test_unknown_attributes_are_ignored_and_the_pseudo_media_line_is_only_a_heading() -> None:
    fragment = TrickleFragment.parse("a=new:1\nm=what 0 X/Y\na=mid:1\n")

    assert fragment.get("new") == Attribute("new", "1")
    assert fragment.media[0].get(Mid) == Mid("1")


@pytest.mark.parametrize(
    "text", ["v=0\n", "a=mid:1\nc=IN IP4 1.2.3.4\n", "m=audio\n", "x", "\n", "m=audio 9 RTP/AVP 0\nt=0 0\n"]
)
def test_what_is_no_fragment_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        TrickleFragment.parse(text)


def test_an_empty_fragment_is_one() -> None:
    assert str(TrickleFragment.parse("")) == ""


def test_limits_hold_for_fragments() -> None:
    with pytest.raises(ParseError):
        TrickleFragment.parse("a=x\n" * 3, limits=Limits(attribute_count=2))


def test_a_fragment_is_no_description() -> None:
    assert TrickleFragment() != Attribute("x")
