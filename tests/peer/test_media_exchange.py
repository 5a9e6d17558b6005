"""Audio and video between two of ours, and with descriptions of browsers (RFC 8829 section 5)."""

import copy

import pytest
from tests.peer.descriptions import vector
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, names, negotiated, of, section, sections

from rtc_peer import SdpType, SessionDescription, TrackAdded
from rtc_sdp import Direction, Mid, Msid, RtcpMux, RtcpMuxOnly, RtcpRsize


def test_audio_and_video_are_agreed_upon_in_both_directions() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["stream"])
    talk.left.add_track("video", "camera", ["stream"])
    talk.right.add_track("audio", "their-voice", ["theirs"])
    talk.right.add_track("video", "their-camera", ["theirs"])

    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert [each.current_direction for each in peer.transceivers] == [Direction.SENDRECV] * 2
        assert [each.mid for each in peer.transceivers] == ["0", "1"]
        assert [(each.sends, each.receives) for each in peer.negotiated_media] == [(True, True)] * 2
        assert not peer.negotiation_needed
    check_agreement(talk.left, talk.right)
    assert names(talk.left)[0] == "audio/opus"


def test_both_sides_hear_of_each_others_tracks() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["stream"])
    talk.right.add_track("audio", "their-voice", ["theirs", "more"])

    talk.negotiate()

    assert [each.stream_ids for each in of(talk.right, TrackAdded)] == [("stream",)]
    assert [each.stream_ids for each in of(talk.left, TrackAdded)] == [("theirs", "more")]


@pytest.mark.parametrize("name", ["chromium-offer-media", "firefox-offer-media"])
def test_an_offer_of_a_browser_is_answered_with_its_numbers(name: str) -> None:
    peer = make_peer()
    offer = vector(name)
    peer.set_remote_description(offer, 0.0)
    assert [each.kind for each in peer.transceivers] == ["audio", "video"]

    peer.set_local_description(None, 0.0)

    theirs = sections(offer)
    for ours, offered in zip(sections(peer.local_description), theirs, strict=True):
        assert set(ours.formats) <= set(offered.formats)
        assert ours.direction is (None if ours.media_type == "application" else Direction.RECVONLY)
    receive = negotiated(peer)["0"].receive
    assert receive is not None
    assert receive.codecs[0].mime_type == "audio/opus"
    assert [(each.sends, each.receives) for each in peer.negotiated_media] == [(False, True)] * 2


@pytest.mark.spec("rfc5506:5/2")
def test_an_initial_offer_multiplexes_rtcp_and_says_so() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")

    media = section(peer.create_offer())

    assert media.protocol == "UDP/TLS/RTP/SAVPF"
    assert all(media.has(each) for each in (RtcpMux, RtcpMuxOnly, RtcpRsize, Mid))
    assert media.get_all(Msid)[0].id == "-"


def test_a_copy_of_a_connection_goes_on_by_itself() -> None:
    talk = Talk()
    talk.left.add_transceiver("video")
    talk.offer()

    copied = copy.deepcopy(talk.right)
    copied.transceivers[0].direction = Direction.INACTIVE
    talk.answer()

    assert copied.transceivers[0].direction is Direction.INACTIVE
    assert talk.right.transceivers[0].current_direction is Direction.RECVONLY
    assert copied.create_answer() != SessionDescription(SdpType.ANSWER)


@pytest.mark.spec("rfc8834:11/1", "rfc9143:9.1/4")
def test_every_track_is_a_stream_of_its_own() -> None:
    talk = Talk()
    for kind in ("audio", "audio", "video", "video"):
        talk.left.add_track(kind, f"track-{len(talk.left.transceivers)}", ["stream"])

    talk.negotiate()

    sent = [each.send for each in talk.left.negotiated_media if each.send is not None and each.sends]
    ssrcs = [ssrc for send in sent for each in send.encodings for ssrc in (each.ssrc, each.rtx_ssrc) if ssrc]
    assert len(sent) == 4
    assert len(set(ssrcs)) == len(ssrcs) == 6
