"""Making answers, and what offers and answers look like across an exchange."""

import copy

import pytest
from tests.sdp.vectors import audio, build, load

from rtc_sdp import (
    Attribute,
    Bundles,
    Direction,
    Fmtp,
    FormatMatch,
    MediaDescription,
    Mid,
    Origin,
    RtpMap,
    SessionDescription,
    answer_direction,
    answer_media,
    check_answer,
    format_parameters,
    match_formats,
    next_origin,
    reject,
    rtpmaps,
    start_answer,
)

S, O, R, I = Direction.SENDRECV, Direction.SENDONLY, Direction.RECVONLY, Direction.INACTIVE  # noqa: E741
ORIGIN = Origin("-", "2", 7)


@pytest.mark.spec("rfc3264:6.1/3", "rfc3264:6.1/4", "rfc3264:6.1/5")
@pytest.mark.parametrize(
    ("offered", "answers"),
    [
        (S, {S: S, O: O, R: R, I: I}),
        (O, {S: R, O: I, R: R, I: I}),
        (R, {S: O, O: O, R: I, I: I}),
        (I, {S: I, O: I, R: I, I: I}),
    ],
)
def test_the_answered_direction_is_what_the_offer_leaves_room_for(
    offered: Direction, answers: dict[Direction, Direction]
) -> None:
    assert {wanted: answer_direction(offered, wanted) for wanted in Direction} == answers


def test_directions_combine() -> None:
    assert [direction.reversed for direction in (S, O, R, I)] == [S, R, O, I]
    assert [direction.held for direction in (S, O, R, I)] == [O, O, I, I]
    assert O | R is S
    assert O & R is I
    assert (S.sends, O.sends, R.receives, I.receives) == (True, True, True, False)


@pytest.mark.spec("rfc3264:6/7", "rfc3264:6/8", "rfc3264:8.2/2", "rfc9143:7.3.3/2", "rfc8841:10.3/9")
def test_a_rejected_section_keeps_type_protocol_formats_and_mid_only() -> None:
    offered = load("chromium-offer-media.sdp").media[0]

    assert str(reject(offered)) == (
        "m=audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
    )
    assert not reject(build("m=audio 1 RTP/AVP 0").media[0]).has(Mid)


@pytest.mark.spec("rfc3264:6/2", "rfc3264:6/3", "rfc3264:6/4", "rfc3264:6/5")
@pytest.mark.parametrize("name", ["chromium-offer-media.sdp", "sip-phone-offer.sdp", "announcement.sdp"])
def test_an_answer_starts_as_the_rejection_of_everything(name: str) -> None:
    offer = load(name)

    answer = start_answer(offer, origin=ORIGIN)

    assert answer.origin == ORIGIN
    assert answer.times == offer.times
    assert [media.media_type for media in answer.media] == [media.media_type for media in offer.media]
    assert {media.port for media in answer.media} == {0}
    check_answer(offer, answer)


def test_an_offer_without_sections_is_answered_without() -> None:
    assert start_answer(build(), origin=ORIGIN).media == []


def test_encodings_come_from_rtpmap_or_the_profile() -> None:
    media = build(*audio("a=rtpmap:97 iLBC/8000", "a=rtpmap:97 twice/1", formats="97 0 8 96 07")).media[0]

    assert rtpmaps(media) == {
        "97": RtpMap(97, "iLBC", 8000),
        "0": RtpMap(0, "PCMU", 8000),
        "8": RtpMap(8, "PCMA", 8000),
    }


def test_fmtp_lines_of_one_format_are_joined() -> None:
    media = build(*audio("a=fmtp:0 a=1", "a=fmtp:8 x", "a=fmtp:0 b=2")).media[0]

    assert format_parameters(media) == {"0": "a=1;b=2", "8": "x"}


@pytest.mark.spec("rfc3264:6.1/15", "rfc3264:5.1/11")
def test_common_formats_come_in_the_order_of_the_offer() -> None:
    offered = build(*audio("a=rtpmap:97 OPUS/48000/2", formats="8 97 0 18")).media[0]
    supported = build(*audio("a=rtpmap:111 opus/48000/2", formats="0 111 8")).media[0]

    matches = match_formats(offered, supported)

    assert [(match.offered, match.supported) for match in matches] == [("8", "8"), ("97", "111"), ("0", "0")]


def test_parameters_decide_between_formats_of_one_encoding() -> None:
    offered = build(
        *audio(
            "a=rtpmap:96 H264/90000", "a=fmtp:96 mode=1", "a=rtpmap:97 H264/90000", "a=fmtp:97 mode=2", formats="96 97"
        )
    ).media[0]
    supported = build(
        *audio("a=rtpmap:100 H264/90000", "a=rtpmap:101 H264/90000", "a=fmtp:101 mode=1", formats="100 101")
    ).media[0]

    matches = match_formats(offered, supported, same_parameters=lambda _rtpmap, ours, theirs: ours == theirs)

    assert matches == [FormatMatch("96", "101", RtpMap(96, "H264", 90000))]


def test_formats_of_other_protocols_match_by_name() -> None:
    offered = build("m=application 9 UDP/DTLS/SCTP webrtc-datachannel other").media[0]
    supported = build("m=application 9 UDP/DTLS/SCTP webrtc-datachannel").media[0]

    assert match_formats(offered, supported) == [FormatMatch("webrtc-datachannel", "webrtc-datachannel")]


@pytest.mark.spec("rfc3264:6.1/10", "rfc3264:6.1/11", "rfc3264:6.1/12")
def test_an_answered_section_uses_the_payload_types_of_the_offer_and_explains_them() -> None:
    offer = build(*audio("a=sendonly", "a=rtpmap:97 opus/48000/2", formats="97 0 18"))
    supported = build(
        *audio("a=rtpmap:111 opus/48000/2", "a=fmtp:111 useinbandfec=1", "a=fmtp:0 x", formats="111 0")
    ).media[0]

    media = answer_media(offer, offer.media[0], supported)

    assert str(media) == (
        "m=audio 5004 RTP/AVP 97 0\r\na=recvonly\r\n"
        "a=rtpmap:97 opus/48000/2\r\na=fmtp:97 useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:0 x\r\n"
    )


@pytest.mark.spec("rfc3264:6.1/18", "rfc3264:8.2/1", "rfc3264:5.1/4")
@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 5004 RTP/AVP 18",),
        ("m=video 5004 RTP/AVP 0",),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 0 RTP/AVP 0", "a=bundle-only", "a=mid:0"),
    ],
)
def test_a_section_that_is_off_or_has_nothing_in_common_is_rejected(lines: tuple[str, ...]) -> None:
    offer = build(*lines)

    media = answer_media(offer, offer.media[0], build(*audio(formats="0 8")).media[0])

    assert media == reject(offer.media[0])


def test_a_section_without_a_mid_is_answered_without() -> None:
    offer = build(*audio())

    assert not answer_media(offer, offer.media[0], offer.media[0]).has(Mid)


def test_a_bundle_only_section_is_accepted() -> None:
    offer = build(
        "a=group:BUNDLE a b", "m=audio 1 RTP/AVP 0", "a=mid:a", "m=audio 0 RTP/AVP 0", "a=mid:b", "a=bundle-only"
    )

    media = answer_media(offer, offer.media[1], build(*audio()).media[0])

    assert media.port == 5004
    assert media.get(Mid) == Mid("b")


@pytest.mark.spec("rfc3264:8/1", "rfc3264:8/2", "rfc3264:8/3")
def test_the_version_grows_with_a_change_and_only_then() -> None:
    previous = load("chromium-offer-data.sdp")
    updated = copy.deepcopy(previous)

    assert next_origin(previous, updated) == previous.origin
    updated.media[0].add(Attribute("end-of-candidates"))
    updated.origin = ORIGIN
    origin = next_origin(previous, updated)
    assert origin.same_session(previous.origin)
    assert origin.sess_version == previous.origin.sess_version + 1


@pytest.mark.spec("rfc3264:8/2")
def test_increment_version_counts_by_one() -> None:
    description = load("chromium-offer-data.sdp")

    description.increment_version()

    assert description.origin.sess_version == 3
    assert "o=- 4962303333179871722 3 IN IP4 127.0.0.1\r\n" in str(description)


def test_a_whole_exchange_over_a_phone_offer() -> None:
    offer = load("sip-phone-offer.sdp")
    answer = start_answer(offer, origin=ORIGIN)
    supported = MediaDescription("audio", 40000, "RTP/SAVP", ("8", "101"))
    supported.add(RtpMap(101, "telephone-event", 8000))
    supported.add(Fmtp("101", "0-15"))

    answer.media[0] = answer_media(offer, offer.media[0], supported, wanted=Direction.RECVONLY)

    check_answer(offer, SessionDescription.parse(str(answer)))
    assert answer.media[0].formats == ("8", "101")
    assert answer.direction_of(answer.media[0]) is Direction.RECVONLY
    assert [Bundles(answer).is_rejected(media) for media in answer.media] == [False, True, True, True]
