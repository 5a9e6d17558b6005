"""``a=rtcp-xr``: which extended reports are wanted (RFC 3611 section 5.1)."""

import pytest
from tests.sdp.vectors import build

from rtc_sdp import (
    DUPLICATE_TRACE,
    LOSS_TRACE,
    RECEIPT_TIMES,
    ROUND_TRIP,
    STATISTICS,
    VOIP_METRICS,
    ParseError,
    RoundTripMode,
    RtcpXr,
    XrFormat,
)

VOICE = ("m=audio 9 UDP/TLS/RTP/SAVPF 0",)


@pytest.mark.spec("rfc3611:5/1")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", RtcpXr()),
        ("pkt-loss-rle", RtcpXr.of(traces={LOSS_TRACE: None})),
        ("pkt-loss-rle=400 pkt-dup-rle=0", RtcpXr.of(traces={LOSS_TRACE: 400, DUPLICATE_TRACE: 0})),
        ("pkt-rcpt-times=200 voip-metrics", RtcpXr((XrFormat(RECEIPT_TIMES, "200"), XrFormat(VOIP_METRICS)))),
        ("stat-summary=loss,dup,jitt,HL", RtcpXr.of(statistics=("loss", "dup", "jitt", "HL"))),
        ("stat-summary", RtcpXr((XrFormat(STATISTICS),))),
        ("rcvr-rtt=all", RtcpXr.of(round_trip=RoundTripMode.ALL)),
        ("rcvr-rtt=sender:1000", RtcpXr.of(round_trip=RoundTripMode.SENDER, max_delays_size=1000)),
        ("new-thing=a=b,c:d other", RtcpXr((XrFormat("new-thing", "a=b,c:d"), XrFormat("other")))),
    ],
)
def test_the_attribute_says_which_reports_are_wanted(text: str, expected: RtcpXr) -> None:
    assert RtcpXr.parse(text) == expected
    assert expected.serialize() == text
    assert expected.to_attribute().text == f"rtcp-xr:{text}"


@pytest.mark.spec("rfc3611:5.1/4", "rfc3611:5.1/5", "rfc3611:5.1/6")
@pytest.mark.parametrize(
    "text",
    [
        " ",
        "pkt-loss-rle ",
        "pkt-loss-rle  pkt-dup-rle",
        "pkt-loss-rle=",
        "pkt-loss-rle=many",
        "pkt-loss-rle=-1",
        "pkt-dup-rle=99999999999",
        "stat-summary=",
        "stat-summary=loss,",
        "stat-summary=loss,speed",
        "stat-summary=loss, dup",
        "stat-summary=TTL,HL",
        "rcvr-rtt",
        "rcvr-rtt=",
        "rcvr-rtt=nobody",
        "rcvr-rtt=all:",
        "rcvr-rtt=all:x",
        "voip-metrics=1",
        "=1",
        "a\tb",
    ],
)
def test_what_contradicts_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        RtcpXr.parse(text)


@pytest.mark.spec("rfc3611:5.1/4", "rfc3611:5.1/5")
def test_neither_can_it_be_written() -> None:
    for statistics in (("TTL", "HL"), ("loss dup",), ("loss ", "dup")):
        with pytest.raises(ValueError, match=r"exclude|space|no list"):
            RtcpXr.of(statistics=statistics)


def test_it_is_asked_by_name() -> None:
    wanted = RtcpXr.parse("pkt-loss-rle=400 pkt-dup-rle rcvr-rtt=sender:100 stat-summary=loss,TTL pkt-loss-rle=5")

    assert [wanted.wants(name) for name in (LOSS_TRACE, RECEIPT_TIMES, ROUND_TRIP)] == [True, False, True]
    assert [wanted.max_size(name) for name in (LOSS_TRACE, DUPLICATE_TRACE, RECEIPT_TIMES)] == [400, None, None]
    assert (wanted.round_trip, wanted.max_size(ROUND_TRIP)) == (RoundTripMode.SENDER, 100)
    assert wanted.statistics == {"loss", "TTL"}
    assert (RtcpXr().round_trip, RtcpXr().statistics) == (None, frozenset())


@pytest.mark.spec("rfc3611:5.1/1")
def test_what_a_section_says_replaces_what_the_session_says() -> None:
    lines = ("a=rtcp-xr:rcvr-rtt=all", *VOICE, *VOICE, "a=rtcp-xr:pkt-loss-rle", *VOICE, "a=rtcp-xr:")
    description = build(*lines)

    found = [description.effective(media, RtcpXr) for media in description.media]
    assert [None if each is None else each.serialize() for each in found] == ["rcvr-rtt=all", "pkt-loss-rle", ""]
    assert str(description).count("a=rtcp-xr:\r\n") == 1


@pytest.mark.spec("rfc3611:5/1")
def test_an_empty_list_keeps_its_colon() -> None:
    media = build(*VOICE).media[0]
    media.add(RtcpXr())

    assert str(media).endswith("a=rtcp-xr:\r\n")
    assert media.get(RtcpXr) == RtcpXr()
