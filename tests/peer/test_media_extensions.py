"""Which header extensions and feedback descriptions of media agree upon (RFC 8285, RFC 4585)."""

import pytest
from tests.peer.descriptions import describe
from tests.peer.media_sections import (
    LEVEL,
    MID,
    ORIENTATION,
    TRANSPORT_CC,
    answered,
    capabilities,
    media_section,
    received,
)
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, section, sections

from rtc_peer import (
    DescriptionError,
    HeaderExtensionCapability,
    MediaOptions,
    ModificationError,
    RtpTransceiver,
    SdpType,
)
from rtc_sdp import Direction, Extmap, ExtmapAllowMixed, RtcpFb, rtpmaps

# --- offers ---


@pytest.mark.spec("rfc8285:5/1", "rfc8285:6/2", "rfc8285:6/4", "rfc8285:6/5")
@pytest.mark.spec("rfc8829:5.2.1/31", "rfc8829:5.3.1/18", "rfc8834:5.2/1", "rfc8834:10/6")
def test_the_header_extensions_that_webrtc_demands_are_agreed_upon() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.left.add_transceiver("video")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        audio, video = sections(peer.local_description)
        assert {MID, LEVEL} <= {each.uri for each in audio.get_all(Extmap)}
        assert {MID, ORIENTATION} <= {each.uri for each in video.get_all(Extmap)}
        ids = {each.uri: each.id for media in (audio, video) for each in media.get_all(Extmap)}
        assert len(set(ids.values())) == len(ids)
        assert audio.has(ExtmapAllowMixed)


@pytest.mark.spec("rfc8829:5.2.1/33", "rfc8829:5.3.1/20")
def test_the_feedback_that_webrtc_demands_is_agreed_upon() -> None:
    talk = Talk()
    talk.left.add_transceiver("video")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        media = section(peer.local_description)
        for number in (fmt for fmt, rtpmap in rtpmaps(media).items() if rtpmap.encoding == "VP8"):
            told = {f"{each.kind} {each.parameters}".strip() for each in media.get_all(RtcpFb) if each.format == number}
            assert {"nack", "nack pli", "ccm fir", "transport-cc"} <= told


# --- feedback ---


@pytest.mark.spec("rfc4585:4.2/5", "rfc4585:4.2/7", "rfc4585:4.2/10", "rfc4585:4.2/11")
@pytest.mark.parametrize("fmt", ["*", "96"])
def test_feedback_counts_for_a_format_or_for_all(fmt: str) -> None:
    peer = make_peer()
    lines = ("rtpmap:96 VP8/90000", f"rtcp-fb:{fmt} nack", f"rtcp-fb:{fmt} nack pli", f"rtcp-fb:{fmt} ack rpsi")
    media = answered(peer, media_section(*lines, media="video", fmt="96"))[0]

    assert [each.serialize() for each in media.get_all(RtcpFb)] == ["96 nack", "96 nack pli"]
    assert received(peer)[0].feedback == {"nack", "nack pli"}


@pytest.mark.spec("rfc8829:5.11/4")
def test_feedback_that_was_not_offered_is_no_answer() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    peer.set_local_description(None, 0.0)
    number = next(fmt for fmt, each in rtpmaps(section(peer.local_description)).items() if each.encoding == "opus")
    lines = (f"rtpmap:{number} opus/48000/2", f"rtcp-fb:{number} nack")

    with pytest.raises(DescriptionError, match="feedback"):
        peer.set_remote_description(
            describe(media_section(*lines, fmt=number, setup="active"), kind=SdpType.ANSWER), 0.0
        )

    assert peer.transceivers[0].current_direction is None


def test_an_answer_with_none_of_the_offered_formats_is_refused() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    peer.set_local_description(None, 0.0)

    with pytest.raises(DescriptionError, match="formats"):
        peer.set_remote_description(
            describe(media_section("rtpmap:111 exotic/8000", setup="active"), kind=SdpType.ANSWER), 0.0
        )


@pytest.mark.spec("rfc5104:7.1/1", "rfc5104:7.2/1", "rfc5104:7.2/2", "rfc5104:7.2/3")
def test_commands_to_the_encoder_are_agreed_upon_one_by_one() -> None:
    peer = make_peer()
    lines = ("rtpmap:96 VP8/90000", "rtcp-fb:96 ccm fir", "rtcp-fb:96 ccm tmmbr", "rtcp-fb:96 ccm")
    media = answered(peer, media_section(*lines, media="video", fmt="96"))[0]

    assert [each.serialize() for each in media.get_all(RtcpFb)] == ["96 ccm fir"]
    assert received(peer)[0].feedback == {"ccm fir"}


@pytest.mark.spec("rfc4585:4.2/1", "rfc4585:4.2/2", "rfc4585:4.2/3", "rfc4585:4.2/4")
def test_feedback_is_told_in_sections_whose_profile_has_it() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    peer.add_transceiver("video")
    offer = peer.create_offer()

    assert "rtcp-fb" not in offer.sdp.partition("m=")[0]
    for media in sections(offer):
        assert media.has(RtcpFb)
        assert media.protocol.endswith("SAVPF")


# --- header extensions ---


@pytest.mark.spec("rfc8285:7/3", "rfc8285:7/6", "rfc8285:7/7")
@pytest.mark.spec("rfc8829:5.10/9", "rfc8834:10/7")
def test_header_extensions_that_we_do_not_have_are_ignored() -> None:
    media = answered(
        make_peer(),
        media_section("rtpmap:111 opus/48000/2", f"extmap:7 {MID}", "extmap:3 urn:example:unheard-of"),
    )[0]

    assert [each.serialize() for each in media.get_all(Extmap)] == [f"7 {MID}"]


@pytest.mark.spec("rfc8285:7/9")
def test_an_extension_that_only_asks_for_a_number_gets_one() -> None:
    peer = make_peer()
    media = answered(
        peer,
        media_section(
            "rtpmap:111 opus/48000/2", f"extmap:4097 {MID}", f"extmap:1 {LEVEL}", f"extmap:300 {TRANSPORT_CC}"
        ),
    )[0]

    ids = {each.uri: each.id for each in media.get_all(Extmap)}
    assert set(ids) == {MID, LEVEL}
    assert ids[LEVEL] == 1
    assert 1 < ids[MID] < 15


@pytest.mark.spec("rfc8285:7/1", "rfc8285:7/4", "rfc8285:7/5")
def test_directions_of_header_extensions_are_intersected() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    media = answered(
        peer,
        media_section(
            "rtpmap:111 opus/48000/2",
            f"extmap:1/recvonly {LEVEL}",
            "extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level",
            f"extmap:3 {MID}",
        ),
    )[0]

    send, receive = negotiated(peer)["0"].send, negotiated(peer)["0"].receive
    assert [each.serialize() for each in media.get_all(Extmap)] == [f"1/sendonly {LEVEL}", f"3 {MID}"]
    assert send is not None
    assert receive is not None
    assert dict(send.header_extensions) == {1: LEVEL, 3: MID}
    assert dict(receive.header_extensions) == {3: MID}


@pytest.mark.spec("rfc8285:7/2")
def test_an_extension_that_the_peer_only_sends_is_only_received() -> None:
    media = answered(make_peer(), media_section("rtpmap:111 opus/48000/2", f"extmap:1/sendonly {LEVEL}"))[0]

    assert [each.serialize() for each in media.get_all(Extmap)] == [f"1/recvonly {LEVEL}"]


@pytest.mark.spec("rfc8285:7/8")
def test_of_extensions_that_are_offered_with_one_identifier_one_is_chosen() -> None:
    media = answered(
        make_peer(), media_section("rtpmap:111 opus/48000/2", f"extmap:4100 {MID}", f"extmap:4100 {LEVEL}")
    )[0]

    assert [each.uri for each in media.get_all(Extmap)] == [MID]


@pytest.mark.spec("rfc8285:7/10", "rfc6465:5/1")
def test_an_extension_has_one_identifier_in_all_sections_that_may_have_it() -> None:
    peer = make_peer()
    for _ in range(2):
        peer.add_transceiver("audio")
        peer.add_transceiver("video")
    media = sections(peer.create_offer())
    identifiers = {(each.uri, each.id) for section in media for each in section.get_all(Extmap)}
    levels = [any("csrc-audio-level" in each.uri for each in section.get_all(Extmap)) for section in media]

    assert len({uri for uri, _ in identifiers}) == len({number for _, number in identifiers}) == len(identifiers)
    assert levels == [True, False, True, False]


def test_the_application_chooses_header_extensions() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")
    chosen = [
        HeaderExtensionCapability(each.uri, Direction.INACTIVE if each.uri == LEVEL else each.direction)
        for each in transceiver.header_extensions
    ]

    transceiver.set_header_extensions(chosen)
    with pytest.raises(ModificationError):
        transceiver.set_header_extensions(chosen[1:])

    uris = {each.uri for each in section(peer.create_offer()).get_all(Extmap)}
    assert LEVEL not in uris
    assert MID in uris


# --- later descriptions ---


@pytest.mark.spec("rfc8829:5.2.2/24", "rfc8829:5.2.2/25")
def test_a_later_offer_has_the_extensions_and_the_feedback_of_the_answer() -> None:
    talk = Talk()
    talk.left.add_transceiver("video")
    talk.offer()
    modest = [
        each if each.uri == MID else HeaderExtensionCapability(each.uri, Direction.INACTIVE)
        for each in talk.right.transceivers[0].header_extensions
    ]
    talk.right.transceivers[0].set_header_extensions(modest)
    talk.right.transceivers[0].set_codec_preferences(capabilities("video", "vp8"))
    talk.answer()

    media = section(talk.left.create_offer())

    assert [each.uri for each in media.get_all(Extmap)] == [MID]
    fresh = next(fmt for fmt, each in rtpmaps(media).items() if each.encoding == "VP9")
    assert any(each.format == fresh for each in media.get_all(RtcpFb)), "formats that are new have their own"


def test_header_extensions_stay_as_they_were_answered_until_the_application_chooses_others() -> None:
    talk = Talk()
    ours = talk.left.add_transceiver("audio")
    talk.offer()
    theirs = talk.right.transceivers[0]
    theirs.set_header_extensions(
        HeaderExtensionCapability(each.uri, Direction.RECVONLY if each.uri == LEVEL else each.direction)
        if each.uri in {MID, LEVEL}
        else HeaderExtensionCapability(each.uri, Direction.INACTIVE)
        for each in theirs.header_extensions
    )
    talk.answer()

    def chosen(transceiver: RtpTransceiver) -> dict[str, Direction]:
        return {
            each.uri: each.direction
            for each in transceiver.header_extensions
            if each.direction is not Direction.INACTIVE
        }

    assert chosen(ours) == {MID: Direction.SENDRECV, LEVEL: Direction.SENDONLY}
    assert chosen(theirs) == {MID: Direction.SENDRECV, LEVEL: Direction.RECVONLY}
    assert chosen(talk.left.add_transceiver("audio")) == chosen(ours), "new ones are like the others"
    known = {each.uri for each in ours.header_extensions}
    assert known == {each.uri for each in MediaOptions().header_extensions("audio")}

    ours.set_header_extensions(HeaderExtensionCapability(each.uri) for each in ours.header_extensions)
    again = section(talk.left.create_offer())

    assert {each.uri for each in again.get_all(Extmap)} == known
