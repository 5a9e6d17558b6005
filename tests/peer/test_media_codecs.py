"""Which codecs, numbers, header extensions and feedback descriptions of media agree upon (RFC 8829 sections 5.2 and 5.3)."""

from dataclasses import replace

import pytest
from tests.peer.descriptions import describe, vector
from tests.peer.descriptions import section as data_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, names, negotiated, section, sections

from rtc_peer import (
    AUDIO_CODECS,
    VIDEO_CODECS,
    VIDEO_REDUNDANCY,
    CodecCapability,
    DescriptionError,
    HeaderExtensionCapability,
    MediaOptions,
    ModificationError,
    PeerConnection,
    PeerOptions,
    RtpTransceiver,
    SdpType,
    SessionDescription,
)
from rtc_rtp.parameters import RtpCodec
from rtc_sdp import (
    Direction,
    Extmap,
    ExtmapAllowMixed,
    Fmtp,
    MaxPtime,
    MediaDescription,
    RtcpFb,
    RtpMap,
    format_parameters,
    rtpmaps,
)

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ORIENTATION = "urn:3gpp:video-orientation"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


def media_section(
    *lines: str, media: str = "audio", fmt: str = "111", mid: str = "0", port: int = 9, setup: str = "actpass"
) -> list[str]:
    """A section of audio or video with these attributes."""
    return data_section(
        "rtcp-mux", *lines, media=media, protocol="UDP/TLS/RTP/SAVPF", fmt=fmt, mid=mid, port=port, setup=setup
    )


def answered(peer: PeerConnection, *parts: list[str]) -> list[MediaDescription]:
    """What a peer answers to an offer of these sections."""
    mids = [line.removeprefix("a=mid:") for part in parts for line in part if line.startswith("a=mid:")]
    peer.set_remote_description(describe(*parts, session=(f"group:BUNDLE {' '.join(mids)}",)), 0.0)
    peer.set_local_description(None, 0.0)
    return sections(peer.local_description)


def encodings(media: MediaDescription) -> list[str]:
    """The formats of a section by name, in order."""
    return [f"{each.encoding}/{each.clock_rate}" for each in rtpmaps(media).values()]


def received(peer: PeerConnection, mid: str = "0") -> tuple[RtpCodec, ...]:
    """What a peer is ready to receive."""
    receive = negotiated(peer)[mid].receive
    assert receive is not None
    return receive.codecs


# --- offers ---


@pytest.mark.spec("rfc4585:3.7.2/1")
@pytest.mark.spec("rfc8829:5.2.1/23", "rfc8829:5.1.2/1", "rfc8829:5.2.1/21", "rfc8834:10/1", "rfc8834:4.2/1")
@pytest.mark.spec("rfc8834:10/4", "rfc8834:10/5", "rfc8834:4.3/1", "rfc3264:5.1/9")
def test_an_offer_has_the_mandatory_codecs() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    peer.add_transceiver("video")

    audio, video = sections(peer.create_offer())

    assert {"opus/48000", "PCMU/8000", "PCMA/8000", "telephone-event/8000"} <= set(encodings(audio))
    assert {"VP8/90000", "H264/90000"} <= set(encodings(video))
    profiles = [text for text in format_parameters(video).values() if "profile-level-id=42e01f" in text]
    assert any("packetization-mode=1" in text for text in profiles)
    assert audio.protocol == video.protocol == "UDP/TLS/RTP/SAVPF"
    assert all(len(media.formats) == len(media.get_all(RtpMap)) for media in (audio, video))


@pytest.mark.spec("rfc8829:5.2.1/30", "rfc8829:5.3.1/17")
def test_forward_error_correction_of_audio_is_announced_by_offers_and_answers() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        media = section(peer.local_description)
        opus = next(fmt for fmt, rtpmap in rtpmaps(media).items() if rtpmap.encoding == "opus")
        parameters = format_parameters(media)
        assert "useinbandfec=1" in parameters[opus]
        red = next(fmt for fmt, rtpmap in rtpmaps(media).items() if rtpmap.encoding == "red")
        assert parameters[red] == f"{opus}/{opus}"


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


@pytest.mark.spec("rfc8866:6.5/2")
def test_audio_says_how_long_its_packets_may_be() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    peer.add_transceiver("video")

    audio, video = sections(peer.create_offer())

    assert audio.get(MaxPtime) == MaxPtime(120)
    assert not video.has(MaxPtime)


@pytest.mark.spec("rfc8834:4.3/3", "rfc8834:4.3/2")
def test_a_payload_type_means_one_format_in_all_sections() -> None:
    peer = make_peer()
    for kind in ("audio", "video", "video", "audio"):
        peer.add_transceiver(kind)
    meanings: dict[str, set[str]] = {}

    for media in sections(peer.create_offer()):
        parameters = format_parameters(media)
        for fmt, rtpmap in rtpmaps(media).items():
            meanings.setdefault(fmt, set()).add(f"{rtpmap.serialize()} {parameters.get(fmt)}")

    assert all(len(each) == 1 for each in meanings.values())
    assert all(not 64 <= int(fmt) <= 95 for fmt in meanings), "it would look like RTCP"


# --- preferences ---


def _codecs(kind: str, *wanted: str) -> list[CodecCapability]:
    known = AUDIO_CODECS if kind == "audio" else VIDEO_CODECS
    return [next(each for each in known if each.name == name) for name in wanted]


@pytest.mark.spec("rfc8829:5.2.1/22", "rfc8829:5.2.2/21")
def test_an_offer_has_the_preferred_codecs_in_their_order_and_no_others() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")

    transceiver.set_codec_preferences(_codecs("audio", "pcma", "opus"))
    preferred = encodings(section(peer.create_offer()))
    transceiver.set_codec_preferences(())
    all_again = encodings(section(peer.create_offer()))

    assert preferred == ["PCMA/8000", "opus/48000"]
    assert len(all_again) == len(AUDIO_CODECS)


@pytest.mark.spec("rfc8829:5.3.1/9")
def test_an_answer_has_the_preferred_codecs_in_their_order_whatever_was_offered() -> None:
    talk = Talk()
    talk.left.add_transceiver("video")
    talk.offer()
    talk.right.transceivers[0].set_codec_preferences(_codecs("video", "av1", "vp8", "rtx"))

    talk.answer()

    assert encodings(section(talk.right.local_description)) == ["AV1/90000", "rtx/90000", "VP8/90000", "rtx/90000"]
    assert names(talk.left) == ["video/AV1", "video/VP8"]
    check_agreement(talk.left, talk.right)


@pytest.mark.spec("rfc8829:5.3.1/10", "rfc8829:5.10/6", "rfc8829:5.3.1/12")
def test_an_answer_keeps_the_order_of_the_offer_without_what_we_do_not_have() -> None:
    media = answered(
        make_peer(),
        media_section("rtpmap:100 exotic/48000", "rtpmap:111 opus/48000/2", "rtpmap:97 G722/8000", fmt="0 100 97 111"),
    )[0]

    assert media.formats == ("0", "97", "111")
    assert encodings(media) == ["PCMU/8000", "G722/8000", "opus/48000"]


@pytest.mark.spec("rfc8829:5.3.1/5")
@pytest.mark.parametrize(
    "media",
    [
        media_section("rtpmap:100 exotic/48000", fmt="100"),
        media_section("rtpmap:110 telephone-event/8000", fmt="110 13"),
        media_section("rtpmap:111 opus/48000/1"),
        media_section("rtpmap:96 H264/90000", "fmtp:96 profile-level-id=4d001f", media="video", fmt="96"),
    ],
)
def test_a_section_with_nothing_that_carries_media_is_rejected(media: list[str]) -> None:
    peer = make_peer()

    assert answered(peer, media)[0].port == 0
    assert peer.transceivers == ()


def test_preferences_are_among_the_options_and_carry_media() -> None:
    transceiver = make_peer().add_transceiver("audio")
    opus = AUDIO_CODECS[0]

    with pytest.raises(ModificationError):
        transceiver.set_codec_preferences([replace(opus, channels=1)])
    with pytest.raises(ModificationError):
        transceiver.set_codec_preferences(_codecs("audio", "telephone-event", "cn"))

    assert transceiver.codec_preferences == ()


# --- retransmission, redundancy, tones ---


@pytest.mark.spec("rfc8829:5.10/7")
@pytest.mark.parametrize("apt", ["fmtp:97 apt=98", "fmtp:97 rtx-time=100", "rtcp-rsize"])
def test_retransmission_of_nothing_is_refused(apt: str) -> None:
    peer = make_peer()
    media = media_section("rtpmap:96 VP8/90000", "rtpmap:97 rtx/90000", apt, media="video", fmt="96 97")

    with pytest.raises(DescriptionError):
        peer.set_remote_description(describe(media), 0.0)

    assert peer.transceivers == ()


@pytest.mark.spec("rfc8829:5.10/8")
def test_retransmission_of_a_format_that_we_do_not_have_is_ignored() -> None:
    media = answered(
        make_peer(),
        media_section(
            "rtpmap:96 VP8/90000",
            "rtpmap:97 rtx/90000",
            "fmtp:97 apt=96",
            "rtpmap:98 exotic/90000",
            "rtpmap:99 rtx/90000",
            "fmtp:99 apt=98",
            media="video",
            fmt="98 99 96 97",
        ),
    )[0]

    assert media.formats == ("96", "97")
    assert format_parameters(media)["97"] == "apt=96"


def test_retransmission_needs_both_sides() -> None:
    without = tuple(each for each in VIDEO_CODECS if each.name != "rtx")
    talk = Talk(options=(None, PeerOptions(media=MediaOptions(video_codecs=without))))
    talk.left.add_track("video", "camera")

    talk.negotiate()

    send = negotiated(talk.left)["0"].send
    assert send is not None
    assert all(each.rtx_payload_type is None for each in send.codecs)
    assert [each.rtx_ssrc for each in send.encodings] == [None]


def test_redundancy_of_what_was_not_answered_is_not_answered() -> None:
    media = answered(
        make_peer(),
        media_section(
            "rtpmap:111 opus/48000/2",
            "rtpmap:63 red/48000/2",
            "fmtp:63 111/100",
            "rtpmap:100 exotic/48000/2",
            fmt="111 63 100",
        ),
    )[0]

    assert media.formats == ("111",)


def test_error_correction_for_video_is_there_for_who_wants_it() -> None:
    options = PeerOptions(media=MediaOptions(video_codecs=VIDEO_CODECS + VIDEO_REDUNDANCY))
    talk = Talk(options=(options, options))
    talk.left.add_track("video", "camera")

    talk.negotiate()

    send, receive = negotiated(talk.left)["0"].send, negotiated(talk.right)["0"].receive
    assert send is not None
    assert receive is not None
    assert send.red_payload_type == receive.red_payload_type is not None
    assert send.ulpfec_payload_type == receive.ulpfec_payload_type is not None
    assert all(each.mime_type not in ("video/red", "video/ulpfec") for each in send.codecs)


def test_tones_have_a_payload_type_for_each_clock_rate() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")

    talk.negotiate()

    send, receive = negotiated(talk.left)["0"].send, negotiated(talk.right)["0"].receive
    assert send is not None
    assert receive is not None
    assert set(send.telephone_event_payload_types) == {8000, 48_000}
    assert send.telephone_event_payload_types == receive.telephone_event_payload_types
    assert send.codecs[-1].mime_type == "audio/CN"


def test_a_peer_without_tones_at_a_clock_rate_gets_none_at_it() -> None:
    peer = make_peer()
    answered(
        peer,
        media_section("rtpmap:111 opus/48000/2", "rtpmap:126 telephone-event/8000", fmt="111 0 126"),
    )

    receive = negotiated(peer)["0"].receive

    assert receive is not None
    assert receive.telephone_event_payload_types == {8000: 126}


# --- format parameters ---


@pytest.mark.spec("rfc3264:6.1/16")
def test_h264_is_matched_by_profile_and_packetization() -> None:
    media = answered(
        make_peer(),
        media_section(
            *(f"rtpmap:{number} H264/90000" for number in (96, 97, 98)),
            "fmtp:96 profile-level-id=640032;packetization-mode=1;level-asymmetry-allowed=1",
            "fmtp:97 profile-level-id=42e01f;packetization-mode=0;level-asymmetry-allowed=1",
            "fmtp:98 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
            media="video",
            fmt="96 97 98",
        ),
    )[0]

    assert media.formats == ("97", "98")
    configured = [dict(each.split("=") for each in text.split(";")) for text in format_parameters(media).values()]
    assert [each.get("packetization-mode", "0") for each in configured] == ["0", "1"]
    assert {each["profile-level-id"][:4] for each in configured} == {"42e0"}


@pytest.mark.spec("rfc3264:8.3.2/2", "rfc3264:6.1/26", "rfc3264:5.1/8", "rfc3264:7/1", "rfc3264:7/2", "rfc3264:6.1/24")
def test_we_send_by_the_numbers_of_the_peer_and_receive_by_our_own() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    peer.set_local_description(None, 0.0)
    ours = next(fmt for fmt, each in rtpmaps(section(peer.local_description)).items() if each.encoding == "opus")
    answer = media_section("rtpmap:107 opus/48000/2", "fmtp:107 stereo=1", fmt="107 8", setup="active")

    peer.set_remote_description(describe(answer, kind=SdpType.ANSWER), 0.0)

    send = negotiated(peer)["0"].send
    assert send is not None
    assert [(each.payload_type, each.parameters.get("stereo")) for each in send.codecs] == [(107, "1"), (8, None)]
    assert [each.payload_type for each in received(peer)] == [int(ours), 8]


@pytest.mark.spec("rfc8866:5.14/3")
@pytest.mark.spec("rfc3264:6.1/25", "rfc3264:6.1/14")
def test_what_the_peer_prefers_is_what_we_send() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    answered(peer, media_section("rtpmap:111 opus/48000/2", fmt="8 111 0"))

    assert names(peer) == ["audio/PCMA", "audio/opus", "audio/PCMU"]


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


@pytest.mark.spec("rfc8829:5.2.2/22", "rfc8829:5.2.2/23", "rfc8829:5.2.2/21", "rfc8834:4.3/3")
def test_a_later_offer_keeps_the_order_of_the_answer_and_appends_the_rest() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.offer()
    talk.right.transceivers[0].set_codec_preferences(_codecs("audio", "pcma", "opus"))
    talk.answer()
    first = talk.left.current_local_description

    later = section(talk.left.create_offer())

    assert encodings(later)[:3] == ["PCMA/8000", "opus/48000", "red/48000"]
    assert set(encodings(later)) == set(encodings(section(first)))
    assert {each.serialize() for each in later.get_all(RtpMap)} == {
        each.serialize() for each in section(first).get_all(RtpMap)
    }
    assert {each.serialize() for each in later.get_all(Fmtp)} == {
        each.serialize() for each in section(first).get_all(Fmtp)
    }


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
    talk.right.transceivers[0].set_codec_preferences(_codecs("video", "vp8"))
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


@pytest.mark.parametrize("name", ["chromium-156", "firefox-153"])
def test_numbers_of_the_peer_are_kept_by_our_own_offers(name: str) -> None:
    peer = make_peer()
    peer.set_remote_description(vector(f"{name}-offer-call"), 0.0)
    peer.set_local_description(None, 0.0)
    peer.add_transceiver("video")
    peer.add_transceiver("audio")

    offered = sections(peer.create_offer())

    for ours, theirs in zip(offered, sections(peer.local_description), strict=False):
        assert {each.serialize() for each in theirs.get_all(RtpMap)} <= {
            each.serialize() for each in ours.get_all(RtpMap)
        }
        assert {(each.id, each.uri) for each in ours.get_all(Extmap)} == {
            (each.id, each.uri) for each in theirs.get_all(Extmap)
        }
    vp8 = [fmt for media in offered for fmt, each in rtpmaps(media).items() if each.encoding == "VP8"]
    assert len(vp8) == 2
    assert len(set(vp8)) == 1


@pytest.mark.spec("rfc8829:4.1.11/1", "rfc3264:8.3.3/3", "rfc3264:5.1/16", "rfc3264:5.1/17")
def test_while_an_offer_is_under_way_the_formats_of_both_are_received() -> None:
    talk = Talk()
    ours = talk.left.add_transceiver("audio", direction=Direction.RECVONLY)
    talk.right.add_track("audio", "voice")
    talk.negotiate()
    agreed = {each.payload_type for each in received(talk.left)}

    ours.set_codec_preferences(_codecs("audio", "g722"))
    talk.left.set_local_description(None, 0.0)
    pending = {each.payload_type for each in received(talk.left)}
    talk.right.set_remote_description(talk.left.local_description or SessionDescription(SdpType.OFFER), 0.0)
    talk.answer()

    assert pending == agreed
    assert [each.mime_type for each in received(talk.left)] == ["audio/G722"]


@pytest.mark.spec("rfc8829:5.11/6", "rfc8829:5.11/7", "rfc8834:4.3/5")
def test_the_ssrc_stays_unless_the_clock_rate_changes() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice")
    talk.negotiate()
    opus = sender.encodings[0].ssrc
    seen = [opus]

    for codecs in (["g722"], ["pcmu"], ["opus"]):
        sender.transceiver.set_codec_preferences(_codecs("audio", *codecs))
        talk.negotiate()
        seen.append(sender.encodings[0].ssrc)

    assert seen[1] != seen[0]
    assert seen[2] == seen[1]
    assert seen[3] != seen[2]
