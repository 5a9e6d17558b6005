"""What sections of audio and video say beside their codecs: streams, sources, RTCP, bandwidth, profiles (RFC 8829 section 5)."""

import itertools
from dataclasses import replace

import pytest
from tests.peer.descriptions import describe, parsed, vector
from tests.peer.media_sections import media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, section, sections

from rtc_peer import (
    VIDEO_CODECS,
    VIDEO_FLEXIBLE_REDUNDANCY,
    DescriptionError,
    DescriptionSyntaxError,
    MediaOptions,
    PeerConnection,
    PeerOptions,
    SdpType,
    SessionDescription,
)
from rtc_rtp import SendParameters
from rtc_sdp import (
    Connection,
    Direction,
    Group,
    ImageAttr,
    Msid,
    Rtcp,
    RtcpMux,
    RtcpMuxOnly,
    RtcpRsize,
    Ssrc,
    SsrcGroup,
    check_answer,
)
from rtc_stun import Address

OPUS = "rtpmap:111 opus/48000/2"


def _sent(peer: PeerConnection, mid: str = "0") -> SendParameters:
    send = negotiated(peer)[mid].send
    assert send is not None
    return send


def _msids(description: SessionDescription | None, index: int = 0) -> list[str]:
    return [each.id for each in section(description, index).get_all(Msid)]


def _answered(*lines: str, bandwidth: str = "", setup: str = "actpass") -> PeerConnection:
    peer = make_peer()
    peer.add_track("audio", "voice")
    media = media_section(OPUS, *lines, setup=setup)
    if bandwidth:
        media[2:2] = [f"b={each}" for each in bandwidth.split()]
    peer.set_remote_description(describe(media), 0.0)
    peer.set_local_description(None, 0.0)
    return peer


# --- streams ---


@pytest.mark.parametrize(("streams", "written"), [(["s"], ["s"]), (["s", "t"], ["s", "t"]), ([], ["-"])])
def test_the_streams_of_a_track_are_written(streams: list[str], written: list[str]) -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice", streams)

    talk.negotiate()

    assert _msids(talk.left.local_description) == written
    assert {each.appdata for each in section(talk.left.local_description).get_all(Msid)} == {sender.id}
    assert talk.right.transceivers[0].receiver.remote_stream_ids == tuple(streams)
    assert talk.right.transceivers[0].receiver.track_id == sender.id


@pytest.mark.spec("rfc8829:5.2.2/7", "rfc8829:5.2.2/8", "rfc8829:5.3.2/14")
def test_streams_stay_while_nothing_is_sent_and_appear_when_something_is() -> None:
    talk = Talk()
    ours = talk.left.add_track("audio", "voice", ["s"]).transceiver
    talk.negotiate()
    theirs = talk.right.transceivers[0]
    never = _msids(talk.right.local_description)

    ours.direction = Direction.RECVONLY
    theirs.direction = Direction.SENDRECV
    theirs.sender.set_streams(["t"])
    talk.negotiate()
    held = _msids(talk.left.local_description), _msids(talk.right.local_description)
    theirs.direction = Direction.RECVONLY
    talk.negotiate()

    assert never == []
    assert held == (["s"], ["t"])
    assert _msids(talk.right.local_description) == ["t"]


def test_streams_that_the_application_exchanges_are_told_by_the_next_offer() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice", ["s"])
    talk.negotiate()

    sender.set_streams(["t", "u", "t"])
    talk.negotiate()

    assert _msids(talk.left.local_description) == ["t", "u"]
    assert talk.right.transceivers[0].receiver.remote_stream_ids == ("t", "u")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("msid:s t",), ("s",)),
        (("msid:s",), ("s",)),
        (("msid:s t", "msid:u t"), ("s", "u")),
        (("msid:- t",), ()),
        (("msid:!!! ::: t", "msid:s t"), ("s",)),
        (("ssrc:1 cname:x", "ssrc:1 msid:s t"), ("s",)),
        (("ssrc:1 msid:- t",), ()),
        (("ssrc:1 msid:s t", "msid:new t"), ("new",)),
    ],
)
def test_streams_of_the_peer_are_read_in_both_forms(lines: tuple[str, ...], expected: tuple[str, ...]) -> None:
    peer = _answered(*lines)

    assert peer.transceivers[0].receiver.remote_stream_ids == expected


def test_tracks_of_a_peer_that_names_no_stream_are_in_one_of_our_naming() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(media_section(OPUS), media_section(OPUS, mid="1")), 0.0)

    streams = [each.receiver.remote_stream_ids for each in peer.transceivers]

    assert streams[0] == streams[1]
    assert len(streams[0]) == 1


@pytest.mark.spec("rfc8829:5.2.1/48", "rfc8829:5.3.1/3", "rfc8829:5.2.2/33")
def test_sections_that_share_a_stream_are_played_in_step() -> None:
    talk = Talk()
    for kind, stream in (("audio", "s"), ("video", "s"), ("video", "other")):
        talk.left.add_track(kind, f"{kind}-{stream}", [stream])

    talk.negotiate()
    lip_sync = [
        [each.tags for each in parsed(peer.local_description).get_all(Group) if each.semantics == "LS"]
        for peer in (talk.left, talk.right)
    ]
    later = [each.tags for each in parsed(talk.right.create_offer()).get_all(Group) if each.semantics == "LS"]

    assert lip_sync == [[("0", "1")], [("0", "1")]]
    assert later == [("0", "1")]


@pytest.mark.spec("rfc8829:5.3.1/4")
def test_an_answer_of_separate_streams_does_not_play_them_in_step() -> None:
    talk = Talk()
    for kind in ("audio", "video"):
        talk.left.add_track(kind, kind, ["s"])
        talk.right.add_track(kind, kind, [kind])

    talk.negotiate()

    assert [each.semantics for each in parsed(talk.right.local_description).get_all(Group)] == ["BUNDLE"]


@pytest.mark.spec("rfc5888:7/1", "rfc5888:9.2/1", "rfc5888:9.2/2")
def test_groups_that_are_understood_are_answered_and_those_of_lip_sync_played_in_step() -> None:
    peer = make_peer()
    parts = [media_section(OPUS, f"msid:stream-{index} track-{index}", mid=str(index)) for index in range(3)]
    groups = ("group:BUNDLE 0 1 2", "group:LS 0 1", "group:UNHEARD-OF 0 1 2")

    peer.set_remote_description(describe(*parts, session=groups), 0.0)
    peer.set_local_description(None, 0.0)

    assert parsed(peer.local_description).get_all(Group) == [Group("BUNDLE", ("0", "1", "2")), Group("LS", ("0", "1"))]
    receive = [each.receive for each in peer.negotiated_media]
    first, second, third = (each.synchronization_group for each in receive if each is not None)
    assert first == second != third == "stream-2"


# --- sources ---


@pytest.mark.spec("rfc5576:6.1/1")
@pytest.mark.spec("rfc8834:4.8/1", "rfc8834:4.8/2", "rfc8834:4.9/1", "rfc8834:4.9/2", "rfc8834:4.1/5")
def test_sources_are_announced_with_what_repairs_them_under_one_name() -> None:
    talk = Talk()
    sound = talk.left.add_track("audio", "voice", ["s"])
    picture = talk.left.add_track("video", "camera", ["s"])

    talk.negotiate()

    audio, video = sections(talk.left.local_description)
    (encoding,) = picture.encodings
    assert {each.ssrc for each in audio.get_all(Ssrc)} == {sound.encodings[0].ssrc}
    assert not audio.has(SsrcGroup)
    assert video.get_all(SsrcGroup) == [SsrcGroup("FID", (encoding.ssrc, encoding.rtx_ssrc or 0))]
    cnames = {
        each.attribute.value
        for media in (audio, video)
        for each in media.get_all(Ssrc)
        if each.attribute.name == "cname"
    }
    assert cnames == {_sent(talk.left, "0").cname} == {_sent(talk.left, "1").cname}
    receive = negotiated(talk.right)["1"].receive
    assert receive is not None
    assert {ssrc: (each.rtx_ssrc, each.cname) for ssrc, each in receive.ssrcs.items()} == {
        encoding.ssrc: (encoding.rtx_ssrc, _sent(talk.left, "1").cname)
    }


@pytest.mark.spec("rfc8834:4.9/3", "rfc8834:4.8/4")
@pytest.mark.spec("rfc8827:9.2/4")
def test_every_connection_has_names_and_sources_of_its_own() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.right.add_track("audio", "voice")

    talk.negotiate()

    assert _sent(talk.left).cname != _sent(talk.right).cname
    assert _sent(talk.left).encodings[0].ssrc != _sent(talk.right).encodings[0].ssrc


def test_error_correction_has_a_source_that_is_announced() -> None:
    options = PeerOptions(media=MediaOptions(video_codecs=VIDEO_CODECS + VIDEO_FLEXIBLE_REDUNDANCY))
    talk = Talk(options=(options, options))
    sender = talk.left.add_track("video", "camera")

    talk.negotiate()

    (encoding,) = sender.encodings
    assert SsrcGroup("FEC-FR", (encoding.ssrc, encoding.fec_ssrc or 0)) in section(talk.left.local_description).get_all(
        SsrcGroup
    )
    receive = negotiated(talk.right)["0"].receive
    assert receive is not None
    assert [each.fec_ssrc for each in receive.ssrcs.values()] == [encoding.fec_ssrc]
    assert _sent(talk.left).flexfec_payload_type == receive.flexfec_payload_type is not None


def test_sources_of_a_section_are_bounded() -> None:
    peer = _answered(*(f"ssrc:{number} cname:x" for number in range(1, 200)))

    receive = negotiated(peer)["0"].receive
    assert receive is not None
    assert len(receive.ssrcs) == 64


# --- RTCP ---


@pytest.mark.spec("rfc8858:4.2/1", "rfc8858:4.5/4")
@pytest.mark.spec("rfc8834:4.5/3", "rfc8834:4.5/4", "rfc8834:4.6/3", "rfc8834:10/3", "rfc9143:9.3.1.4/1")
@pytest.mark.spec("rfc8829:5.2.2/26", "rfc8829:5.2.2/27", "rfc8829:5.2.2/28", "rfc8829:5.2.2/29", "rfc8829:5.3.2/9")
@pytest.mark.spec("rfc9143:9.3.1.2/1")
def test_the_first_offer_says_that_rtcp_has_no_port_and_later_ones_that_it_is_multiplexed() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")

    talk.negotiate()
    first, answer = section(talk.left.local_description), section(talk.right.local_description)
    later = section(talk.left.create_offer())

    assert all(first.has(each) for each in (Rtcp, RtcpMux, RtcpMuxOnly, RtcpRsize))
    for media in (answer, later):
        assert [media.has(each) for each in (Rtcp, RtcpMux, RtcpMuxOnly, RtcpRsize)] == [False, True, False, True]


@pytest.mark.spec("rfc5506:5/3")
@pytest.mark.spec("rfc8829:5.2.2/29", "rfc8834:4.6/2", "rfc8834:4.6/4")
@pytest.mark.parametrize("reduced", [False, True])
def test_rtcp_of_reduced_size_needs_both_sides(reduced: bool) -> None:
    peer = _answered("rtcp-rsize") if reduced else _answered()

    assert section(peer.local_description).has(RtcpRsize) is reduced
    assert section(peer.create_offer()).has(RtcpRsize) is reduced
    assert _sent(peer).reduced_size is reduced


@pytest.mark.spec("rfc8829:5.8.3/7", "rfc8829:5.8.3/8", "rfc8834:4.5/2")
@pytest.mark.parametrize("lines", [(), ("rtcp-mux-only",)])
def test_media_without_multiplexed_rtcp_are_refused(lines: tuple[str, ...]) -> None:
    media = [line for line in media_section(OPUS, *lines) if line != "a=rtcp-mux"]
    peer = make_peer()

    with pytest.raises(DescriptionError, match="RTCP"):
        peer.set_remote_description(describe(media), 0.0)

    assert peer.transceivers == ()


@pytest.mark.spec("rfc8829:5.8.3/9", "rfc8829:5.11/5")
def test_an_answer_cannot_go_back_to_a_port_for_rtcp() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.negotiate()
    talk.left.set_local_description(None, 0.0)
    talk.right.set_remote_description(talk.left.local_description or SessionDescription(SdpType.OFFER), 0.0)
    text = talk.right.create_answer().sdp.replace("a=rtcp-mux\r\n", "")

    with pytest.raises(DescriptionError, match="RTCP"):
        talk.left.set_remote_description(SessionDescription(SdpType.ANSWER, text), 0.0)


def test_multiplexing_that_the_tag_announces_counts_for_its_bundle() -> None:
    first = media_section(OPUS)
    second = [line for line in media_section(OPUS, mid="1") if line != "a=rtcp-mux" and "ice-" not in line]
    peer = make_peer()

    peer.set_remote_description(describe(first, second, session=("group:BUNDLE 0 1",)), 0.0)
    peer.set_local_description(None, 0.0)

    assert [media.port for media in sections(peer.local_description)] == [9, 9]


# --- address ---


@pytest.mark.spec("rfc3264:6.1/9")
def test_a_section_that_only_sends_has_an_address_too() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    offer = describe(media_section(OPUS, "recvonly"))
    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)
    peer.add_local_address(0, Address("192.0.2.1", 5000), 0.0)
    peer.end_of_local_addresses(0, 0.0)
    peer.datagrams_to_send(0.0)
    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)

    media = section(peer.local_description)

    assert media.direction is Direction.SENDONLY
    assert (media.port, media.connections) == (5000, (Connection("192.0.2.1"),))


@pytest.mark.spec("rfc3264:8/5")
def test_an_offer_that_comes_again_unchanged_is_answered_anew() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    offer = describe(media_section(OPUS), session=("group:BUNDLE 0",))
    answers = []

    for _ in range(2):
        peer.set_remote_description(offer, 0.0)
        peer.set_local_description(None, 0.0)
        answers.append(parsed(peer.local_description))

    for answer in answers:
        check_answer(parsed(offer), answer)
    assert str(answers[0].media[0]) == str(answers[1].media[0])


# --- bandwidth, pictures, profiles ---


@pytest.mark.spec("rfc8834:7.1/3", "rfc3264:6.1/23", "rfc3264:7/3")
@pytest.mark.parametrize(
    ("bandwidth", "limit"),
    [
        ("", None),
        ("TIAS:64000", 64_000),
        ("AS:50", 31_500),
        ("AS:50 TIAS:64000", 64_000),
        ("AS:1", 0),
        ("CT:50", None),
        ("RS:800 RR:2400", None),
    ],
)
def test_the_bandwidth_of_the_peer_bounds_what_we_send(bandwidth: str, limit: int | None) -> None:
    peer = _answered(bandwidth=bandwidth)

    assert [each.max_bitrate_bps for each in _sent(peer).encodings] == [limit]


@pytest.mark.spec("rfc3264:8.3.4/1")
def test_what_a_later_description_changes_holds_for_what_we_send_from_then_on() -> None:
    peer = _answered(bandwidth="TIAS:64000")
    media = media_section(OPUS, "ptime:40")
    media[2:2] = ["b=TIAS:16000"]

    peer.set_remote_description(describe(media, version=2), 0.0)
    peer.set_local_description(None, 0.0)

    (encoding,) = _sent(peer).encodings
    assert (encoding.max_bitrate_bps, encoding.packet_time_ms) == (16_000, 40)


@pytest.mark.spec("rfc9143:7.1.2/1")
def test_the_bandwidth_of_a_bundle_is_that_of_its_sections_together() -> None:
    peer = make_peer()
    for index in range(3):
        peer.add_track("audio", f"voice-{index}")
    parts = [media_section(OPUS, mid=str(index)) for index in range(3)]
    parts[0][2:2] = ["b=TIAS:64000"]
    parts[2][2:2] = ["b=TIAS:16000"]

    peer.set_remote_description(describe(*parts, session=("group:BUNDLE 0 1 2",)), 0.0)
    peer.set_local_description(None, 0.0)

    assert [each.transport_id for each in peer.negotiated_media] == [0, 0, 0]
    limits = [_sent(peer, str(index)).encodings[0].max_bitrate_bps for index in range(3)]
    assert limits == [64_000, None, 16_000]


@pytest.mark.spec("rfc8834:13/1")
@pytest.mark.parametrize("bandwidth", ["RS:0 RR:0", "RS:90000000 RR:90000000"])
@pytest.mark.parametrize("interval", [1, 3_600_000])
def test_an_interval_of_reports_that_nobody_can_mean_is_not_obeyed(bandwidth: str, interval: int) -> None:
    plain, peer = _answered(), _answered(f"rtcp-fb:111 trr-int {interval}", bandwidth=bandwidth)

    assert peer.negotiated_media == plain.negotiated_media
    assert parsed(peer.local_description).media == parsed(plain.local_description).media


@pytest.mark.spec("rfc3264:6.1/22", "rfc3264:7/3")
@pytest.mark.parametrize(
    ("lines", "packet_time_ms"),
    [
        ([], None),
        (["ptime:40"], 40),
        (["ptime:60", "maxptime:40"], 40),
        (["maxptime:120"], None),
        (["maxptime:10"], 10),
    ],
)
def test_packets_last_as_long_as_the_peer_wants(lines: list[str], packet_time_ms: int | None) -> None:
    peer = _answered(*lines)

    assert [each.packet_time_ms for each in _sent(peer).encodings] == [packet_time_ms]


def test_packets_last_as_long_as_the_application_wants_where_the_peer_lets_it() -> None:
    peer = _answered("ptime:20", "maxptime:60")
    sender = peer.transceivers[0].sender

    for wanted, sent in ((40, 40), (120, 60), (None, 20)):
        sender.set_encodings([replace(each, packet_time_ms=wanted) for each in sender.encodings])
        assert [each.packet_time_ms for each in _sent(peer).encodings] == [sent]


@pytest.mark.spec("rfc8829:3.6.1/1")
def test_limits_of_picture_sizes_are_not_understood_and_do_no_harm() -> None:
    peer = _answered("imageattr:111 send [x=640,y=480] recv *")

    assert not section(peer.local_description).has(ImageAttr)
    with pytest.raises(DescriptionSyntaxError):
        _answered("imageattr:")


@pytest.mark.spec("rfc8829:5.1.2/3", "rfc8829:5.1.2/4", "rfc8829:5.1.2/6", "rfc8829:5.1.2/5", "rfc8829:5.3.1/8")
@pytest.mark.parametrize(
    "protocol",
    [f"{lower}RTP/{s}AVP{f}" for lower, s, f in itertools.product(("", "UDP/TLS/", "TCP/DTLS/"), ("", "S"), ("", "F"))],
)
def test_every_profile_of_rtp_is_taken_for_one_with_dtls(protocol: str) -> None:
    media = media_section(OPUS)
    media[0] = f"m=audio 9 {protocol} 111"
    known = protocol.startswith("RTP/") or "/SAVP" in protocol
    peer = make_peer()

    peer.set_remote_description(describe(media), 0.0)
    peer.set_local_description(None, 0.0)

    answer = section(peer.local_description)
    assert (answer.port, answer.protocol) == (9 if known else 0, protocol)


@pytest.mark.spec("rfc8829:5.1.2/6", "rfc8834:4.2/2", "rfc8834:4.2/3")
def test_plain_rtp_is_rejected() -> None:
    media = [line for line in media_section(OPUS) if "fingerprint" not in line and "setup" not in line]
    media[0] = "m=audio 9 RTP/AVP 111"
    peer = make_peer()

    peer.set_remote_description(describe(media), 0.0)
    peer.set_local_description(None, 0.0)

    assert section(peer.local_description).port == 0
    assert peer.transceivers == ()


@pytest.mark.spec("rfc8829:5.1.2/8")
def test_our_own_offers_use_the_right_profile_whatever_the_peer_wrote() -> None:
    media = media_section(OPUS)
    media[0] = "m=audio 9 RTP/SAVPF 111"
    peer = make_peer()
    peer.set_remote_description(describe(media), 0.0)
    peer.set_local_description(None, 0.0)

    assert section(peer.create_offer()).protocol == "UDP/TLS/RTP/SAVPF"


@pytest.mark.spec("rfc8829:5.8.2/9")
@pytest.mark.parametrize(
    "line",
    [
        "rtpmap:111 opus",
        "fmtp:111",
        "ptime:soon",
        "maxptime:-1",
        "ssrc:x cname:y",
        "extmap:x urn:y",
        "rtcp-fb:300 nack",
        "rtcp:nowhere",
        "ssrc-group:FID",
    ],
)
def test_attributes_of_rtp_are_well_formed_or_the_description_is_refused(line: str) -> None:
    peer = make_peer()

    with pytest.raises(DescriptionSyntaxError):
        peer.set_remote_description(describe(media_section(OPUS, line)), 0.0)

    assert peer.transceivers == ()


@pytest.mark.spec("rfc8829:5.2.1/51")
def test_nothing_is_written_that_webrtc_forbids() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["s"])
    talk.left.add_track("video", "camera", ["s"])
    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert not {"crypto", "key-mgmt", "ice-lite", "imageattr"} & {
            attribute.name for media in sections(peer.local_description) for attribute in media.attributes
        }


@pytest.mark.parametrize("name", ["chromium-156", "firefox-153"])
def test_answers_of_browsers_to_our_offers_are_understood(name: str) -> None:
    for policy in ("call", "max-bundle"):
        peer = make_peer()
        peer.add_track("audio", "voice", ["s"])
        peer.add_track("video", "camera", ["s"])
        peer.add_transceiver("video")
        peer.create_data_channel()
        peer.set_local_description(None, 0.0)

        peer.set_remote_description(vector(f"{name}-answer-{policy}", SdpType.ANSWER), 0.0)

        assert [each.current_direction for each in peer.transceivers] == [
            Direction.SENDRECV,
            Direction.SENDRECV,
            Direction.SENDONLY,
        ]
        assert [each.id for each in peer.transports] == [0]
        assert len(peer.negotiated_media) == 3
        assert not peer.negotiation_needed
