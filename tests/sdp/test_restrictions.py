"""Which rid and simulcast lines count, and what is answered."""

from collections.abc import Callable
from time import process_time

import pytest
from tests.sdp.vectors import build, load

from rtc_sdp import (
    MediaDescription,
    Rid,
    Simulcast,
    agreed_rids,
    answer_rids,
    answer_simulcast,
    usable_rids,
    usable_simulcast,
)
from rtc_sdp.contradictions import MAX_SIZES


def section(*lines: str) -> MediaDescription:
    return build("m=video 9 RTP/AVP 96 97", *lines).media[0]


def answered(*lines: str, formats: frozenset[str] = frozenset({"96", "97"})) -> list[str]:
    return [str(rid) for rid in answer_rids(section(*lines), formats)]


@pytest.mark.spec("rfc8851:6.2.2/3")
def test_malformed_rids_and_unknown_formats_are_discarded() -> None:
    media = section("a=rid:ä send", "a=rid", "a=rid:1 send pt=96,98", "a=rid:2 send pt=98", "a=rid:3 recv")

    assert {name: str(rid) for name, rid in usable_rids(media).items()} == {"1": "1 send pt=96", "3": "3 recv"}


@pytest.mark.spec("rfc8851:6.2.2/1")
def test_a_rid_that_comes_twice_is_neither_used_nor_answered() -> None:
    media = ("a=rid:1 send", "a=rid:2 send", "a=rid:1 recv")

    assert list(usable_rids(section(*media))) == ["2"]
    assert answered(*media) == ["2 recv"]


@pytest.mark.spec("rfc8851:6.2.2/2")
def test_a_rid_that_depends_on_a_missing_one_is_discarded() -> None:
    media = section("a=rid:1 send", "a=rid:2 send depend=1", "a=rid:3 send depend=1,4")

    assert list(usable_rids(media)) == ["1", "2"]


@pytest.mark.spec("rfc8851:6.2.2/2")
def test_what_depends_on_a_discarded_rid_is_discarded_with_it() -> None:
    media = section("a=rid:1 send depend=2", "a=rid:2 send depend=3", "a=rid:3 send depend=4", "a=rid:5 send")

    assert list(usable_rids(media)) == ["5"]


def test_rids_that_depend_on_each_other_are_kept() -> None:
    assert list(usable_rids(section("a=rid:1 send depend=2", "a=rid:2 send depend=1"))) == ["1", "2"]


@pytest.mark.spec("rfc8851:6.3/1")
@pytest.mark.spec("rfc8851:6.3/2", "rfc8851:6.3/3", "rfc8851:6.3/5")
def test_an_answered_rid_is_the_offered_one_seen_from_the_other_end() -> None:
    assert answered("a=rid:1 send max-width=1280", "a=rid:2 recv pt=97;max-fps=30") == [
        "1 recv max-width=1280",
        "2 send pt=97;max-fps=30",
    ]


@pytest.mark.spec("rfc8851:6.3/4")
def test_a_rid_without_a_remaining_format_is_left_out() -> None:
    assert answered("a=rid:1 send pt=96", "a=rid:2 send pt=96,97", formats=frozenset({"97"})) == ["2 recv pt=97"]


@pytest.mark.spec("rfc8851:6.3/6")
def test_a_rid_to_receive_with_a_restriction_we_do_not_know_is_left_out() -> None:
    assert answered("a=rid:1 recv max-future=1", "a=rid:2 send max-future=1") == ["2 recv max-future=1"]


@pytest.mark.spec("rfc8851:6.4/1", "rfc8851:6.4/2", "rfc8851:6.4/4", "rfc8851:6.4/5")
def test_of_an_answer_only_rids_within_the_offer_count() -> None:
    offer = section(
        "a=rid:1 send max-width=1280",
        "a=rid:2 send",
        "a=rid:3 send",
        "a=rid:4 send pt=96",
        "a=rid:5 send",
        "a=rid:6 send",
    )
    answer = section(
        "a=rid:1 recv max-width=640",
        "a=rid:2 recv max-fps=1",
        "a=rid:3 recv pt=96",
        "a=rid:4 recv pt=97",
        "a=rid:5 send",
        "a=rid:7 recv",
    )

    assert {name: str(rid) for name, rid in agreed_rids(offer, answer).items()} == {"1": "1 recv max-width=640"}


@pytest.mark.spec("rfc8851:6.4/3")
@pytest.mark.parametrize(
    ("offered", "answered", "agreed"),
    [
        ("max-width=640", "max-width=640", True),
        ("max-width=640", "max-width=320", True),
        ("max-width=640", "max-width=1280", False),
        ("max-bpp=0.5", "max-bpp=0.25", True),
        ("max-bpp=0.5", "max-bpp=0.75", False),
        ("max-width=640", "max-width", False),
        ("max-width=640", "max-width=small", False),
        ("depend=2", "depend=2", True),
        ("future=b", "future=a", False),
    ],
)
def test_restrictions_of_an_answer_are_no_wider_than_those_of_the_offer(
    offered: str, answered: str, agreed: bool
) -> None:
    offer = section(f"a=rid:1 send {offered}", "a=rid:2 send")
    answer = section(f"a=rid:1 recv {answered}", "a=rid:2 recv")

    assert list(agreed_rids(offer, answer)) == (["1", "2"] if agreed else ["2"])


@pytest.mark.spec("rfc8853:5.2/4", "rfc8853:5.2/5")
def test_simulcast_is_narrowed_to_rids_of_its_direction() -> None:
    media = section("a=rid:1 send", "a=rid:2 recv", "a=simulcast:send 1,x;2;x recv 2;1")

    assert str(usable_simulcast(media)) == "send 1 recv 2"
    assert usable_simulcast(section("a=simulcast:send 1")) is None
    assert usable_simulcast(section("a=rid:1 send")) is None
    assert usable_simulcast(section("a=rid:1 send", "a=simulcast:what")) is None


@pytest.mark.spec("rfc8853:5.3.2/2")
def test_two_simulcast_lines_mean_none() -> None:
    media = section("a=rid:1 send", "a=simulcast:send 1", "a=simulcast:send 1")

    assert usable_simulcast(media) is None
    assert answer_simulcast(media, answer_rids(media, {"96"})) is None


@pytest.mark.spec("rfc8853:5.3.2/3", "rfc8853:5.3.2/4", "rfc8853:5.3.2/6", "rfc8853:5.3.2/8")
def test_answered_simulcast_is_reversed_narrowed_and_keeps_its_pauses() -> None:
    media = section(
        "a=rid:1 send", "a=rid:2 send", "a=rid:3 send pt=97", "a=rid:4 recv", "a=simulcast:send 1,2;~3;x recv ~4"
    )

    assert str(answer_simulcast(media, answer_rids(media, {"96", "97"}))) == "recv 1,2;~3 send ~4"
    assert str(answer_simulcast(media, answer_rids(media, {"96"}))) == "recv 1,2 send ~4"
    assert answer_simulcast(media, []) is None


def test_browsers_agree() -> None:
    offer, answer = load("chromium-offer-media.sdp").media[1], load("chromium-answer-media.sdp").media[1]

    assert [Rid.parse(str(rid)) for rid in answer.get_all(Rid)] == answer_rids(offer, set(answer.formats))
    assert answer.get(Simulcast) == answer_simulcast(offer, answer_rids(offer, set(answer.formats)))
    assert list(agreed_rids(offer, answer)) == ["hi", "mid", "lo"]


def video(*lines: str) -> MediaDescription:
    return section("a=rtpmap:96 VP8/90000", "a=rtpmap:97 H264/90000", *lines)


def audio(*lines: str) -> MediaDescription:
    head = ("m=audio 9 RTP/AVP 111 0", "a=rtpmap:111 opus/48000/2")
    return build(*head, *lines).media[0]


@pytest.mark.spec("rfc8851:6.4/6")
@pytest.mark.parametrize(
    ("make", "restrictions", "kept"),
    [
        # Upper bounds of both kinds go together: the lower one holds.
        (video, "max-width=640;max-fs=1", True),
        (video, "pt=96;max-fps=30", True),
        # Of nothing there is no picture.
        (video, "max-width=0", False),
        (video, "max-fps=0", False),
        (video, "max-br=0", False),
        (video, "max-bpp=0.0001", True),
        (video, "max-bpp=0.00", False),
        (video, "max-bpp=48.1", False),
        (video, "max-height=high", False),
        (video, "max-height", True),
        (video, "max-future=0", True),
        # G.711 has one rate, Opus has many: by name it must be possible, otherwise one is enough.
        (audio, "max-br=32000", True),
        (audio, "pt=111;max-br=32000", True),
        (audio, "pt=0;max-br=32000", False),
        (audio, "pt=0,111;max-br=32000", False),
        (audio, "pt=0;max-br=64000", True),
        (audio, "max-width=640", False),
    ],
)
def test_a_rid_that_no_codec_can_keep_to_is_discarded(
    make: Callable[..., MediaDescription], restrictions: str, kept: bool
) -> None:
    offer = make(f"a=rid:1 send {restrictions}", "a=rid:2 send")
    answer = make(f"a=rid:1 recv {restrictions}", "a=rid:2 recv")

    expected = ["1", "2"] if kept else ["2"]
    assert list(agreed_rids(offer, answer)) == expected
    assert list(usable_rids(offer)) == expected


@pytest.mark.spec("rfc8851:6.4/6")
@pytest.mark.parametrize(
    ("imageattr", "restrictions", "kept"),
    [
        ("96 recv [x=[640:1280],y=[480:720]]", "pt=96;max-width=320", False),
        ("96 recv [x=[640:1280],y=[480:720]]", "pt=96;max-width=640", True),
        ("96 recv [x=[640:1280],y=[480:720]]", "pt=96;max-fs=300000", False),
        ("96 recv [x=[640:16:1280],y=480,q=0.5] [x=320,y=240]", "pt=96;max-width=320", True),
        ("96 send [x=640,y=480]", "pt=96;max-width=320", True),
        ("96 send [x=160,y=120] recv [x=640,y=480]", "pt=96;max-height=320", False),
        ("* recv [x=640,y=480]", "max-width=320", False),
        ("97 recv [x=640,y=480]", "max-width=320", True),
        ("96 recv *", "pt=96;max-width=320", True),
        ("96 recv [x=[", "pt=96;max-width=320", True),
    ],
)
def test_a_rid_that_forbids_the_sizes_that_are_wanted_is_discarded(
    imageattr: str, restrictions: str, kept: bool
) -> None:
    offer = video(f"a=rid:1 send {restrictions}")
    answer = video(f"a=imageattr:{imageattr}", f"a=rid:1 recv {restrictions}")

    assert list(agreed_rids(offer, answer)) == (["1"] if kept else [])


@pytest.mark.spec("rfc8851:6.4/6")
def test_sizes_of_which_there_are_very_many_forbid_nothing() -> None:
    for count, kept in ((MAX_SIZES, []), (MAX_SIZES + 1, ["1"])):
        sizes = " ".join(["[x=[640:1280],y=[480:720]]"] * count)
        assert list(usable_rids(video(f"a=imageattr:96 recv {sizes}", "a=rid:1 recv pt=96;max-width=320"))) == kept


@pytest.mark.parametrize("restriction", ["max-width=10", "pt=96;max-width=10"])
def test_lines_that_are_many_of_each_kind_are_read_once(restriction: str) -> None:
    formats = " ".join(map(str, range(1000)))
    attributes = ["a=imageattr:* recv [x=[640:1280],y=[480:720]]"] * 1000
    rids = [f"a=rid:{index} recv {restriction}" for index in range(1000)]
    media = build(f"m=video 9 RTP/AVP {formats}", *attributes, *rids).media[0]

    started = process_time()
    assert len(usable_rids(media)) == 1000
    assert process_time() - started < 2


def test_spaces_between_sizes_are_passed_over_once() -> None:
    media = video(f"a=imageattr:96 recv{' ' * 30_000}x", "a=rid:1 recv max-width=10")

    started = process_time()
    assert list(usable_rids(media)) == ["1"]
    assert process_time() - started < 2
