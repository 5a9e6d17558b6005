"""Which codecs and numbers descriptions of media agree upon (RFC 8829 sections 5.2 and 5.3)."""

from dataclasses import replace

import pytest
from tests.peer.descriptions import describe, vector
from tests.peer.media_sections import answered, capabilities, media_section, received
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, names, negotiated, section, sections

from rtc_peer import (
    AUDIO_CODECS,
    VIDEO_CODECS,
    VIDEO_FLEXIBLE_REDUNDANCY,
    VIDEO_REDUNDANCY,
    DescriptionError,
    MediaOptions,
    ModificationError,
    PeerOptions,
    SdpType,
    SessionDescription,
)
from rtc_sdp import Direction, Extmap, Fmtp, MaxPtime, MediaDescription, RtpMap, format_parameters, rtpmaps


def encodings(media: MediaDescription) -> list[str]:
    """The formats of a section by name, in order."""
    return [f"{each.encoding}/{each.clock_rate}" for each in rtpmaps(media).values()]


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


@pytest.mark.spec(
    "rfc8829:5.2.1/30", "rfc8829:5.3.1/17", "rfc8854:4.2/1", "rfc8854:4.2/2", "rfc8854:7/2", "rfc7587:3.3/2"
)
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


@pytest.mark.spec("rfc8829:5.2.1/22", "rfc8829:5.2.2/21")
def test_an_offer_has_the_preferred_codecs_in_their_order_and_no_others() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")

    transceiver.set_codec_preferences(capabilities("audio", "pcma", "opus"))
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
    talk.right.transceivers[0].set_codec_preferences(capabilities("video", "av1", "vp8", "rtx"))

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


@pytest.mark.spec("rfc8854:5.2/3")
@pytest.mark.parametrize("name", ["ulpfec", "flexfec-03", "red"])
def test_a_section_of_error_correction_alone_is_rejected(name: str) -> None:
    options = MediaOptions(video_codecs=VIDEO_CODECS + VIDEO_REDUNDANCY + VIDEO_FLEXIBLE_REDUNDANCY)
    media = media_section(f"rtpmap:96 {name}/90000", media="video", fmt="96")

    assert answered(make_peer(options=PeerOptions(media=options)), media)[0].port == 0


@pytest.mark.spec("rfc8854:5.2/2")
def test_no_section_of_error_correction_alone_is_offered() -> None:
    options = MediaOptions(video_codecs=VIDEO_CODECS + VIDEO_REDUNDANCY + VIDEO_FLEXIBLE_REDUNDANCY)
    peer = make_peer(options=PeerOptions(media=options))
    transceiver = peer.add_transceiver("video")

    with pytest.raises(ModificationError):
        transceiver.set_codec_preferences(VIDEO_REDUNDANCY + VIDEO_FLEXIBLE_REDUNDANCY)
    (media,) = sections(peer.create_offer())

    assert {"VP8/90000", "flexfec-03/90000", "ulpfec/90000"} <= set(encodings(media))


def test_preferences_are_among_the_options_and_carry_media() -> None:
    transceiver = make_peer().add_transceiver("audio")
    opus = AUDIO_CODECS[0]

    with pytest.raises(ModificationError):
        transceiver.set_codec_preferences([replace(opus, channels=1)])
    with pytest.raises(ModificationError):
        transceiver.set_codec_preferences(capabilities("audio", "telephone-event", "cn"))

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


# --- later descriptions ---


@pytest.mark.spec("rfc8829:5.2.2/22", "rfc8829:5.2.2/23", "rfc8829:5.2.2/21", "rfc8834:4.3/3")
def test_a_later_offer_keeps_the_order_of_the_answer_and_appends_the_rest() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.offer()
    talk.right.transceivers[0].set_codec_preferences(capabilities("audio", "pcma", "opus"))
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

    ours.set_codec_preferences(capabilities("audio", "g722"))
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
        sender.transceiver.set_codec_preferences(capabilities("audio", *codecs))
        talk.negotiate()
        seen.append(sender.encodings[0].ssrc)

    assert seen[1] != seen[0]
    assert seen[2] == seen[1]
    assert seen[3] != seen[2]
