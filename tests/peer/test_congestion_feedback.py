"""Which feedback for congestion control descriptions agree upon (RFC 8888 section 6)."""

from dataclasses import replace

import pytest
from tests.peer.descriptions import describe
from tests.peer.media_sections import answered, media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, section

from rtc_peer import AUDIO_CODECS, VIDEO_CODECS, CodecCapability, MediaOptions, PeerConnection, PeerOptions, SdpType
from rtc_sdp import MediaDescription, RtcpFb


def _with(feedback: tuple[str, ...], capabilities: tuple[CodecCapability, ...]) -> tuple[CodecCapability, ...]:
    return tuple(replace(each, feedback=feedback) if each.name in {"vp8", "opus"} else each for each in capabilities)


def _options(*feedback: str) -> PeerOptions:
    media = MediaOptions(audio_codecs=_with(feedback, AUDIO_CODECS), video_codecs=_with(feedback, VIDEO_CODECS))
    return PeerOptions(media=media)


def _told(media: MediaDescription) -> list[str]:
    return [each.serialize() for each in media.get_all(RtcpFb)]


def _offered(peer: PeerConnection, *feedback: str) -> list[str]:
    lines = ("rtpmap:96 VP8/90000", *(f"rtcp-fb:* {each}" for each in feedback))
    return _told(answered(peer, media_section(*lines, media="video", fmt="96"))[0])


@pytest.mark.spec("rfc8888:6/1")
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_congestion_control_feedback_counts_for_all_formats(kind: str) -> None:
    options = _options("ack ccfb", "nack")
    talk = Talk(options=(options, options))
    talk.left.add_track("audio" if kind == "audio" else "video", "track")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        lines = [each for each in _told(section(peer.local_description)) if "ccfb" in each]
        assert lines == ["* ack ccfb"]
    send, receive = negotiated(talk.left)["0"].send, negotiated(talk.right)["0"].receive
    assert send is not None
    assert receive is not None
    assert all("ack ccfb" in codec.feedback for codec in (*send.codecs, *receive.codecs))


@pytest.mark.spec("rfc8888:6/2")
@pytest.mark.parametrize(
    ("ours", "chosen"),
    [
        (("ack ccfb", "transport-cc", "nack"), ["96 nack", "* ack ccfb"]),
        (("transport-cc", "ack ccfb", "nack"), ["96 nack", "96 transport-cc"]),
    ],
)
def test_of_two_kinds_that_tell_the_same_the_preferred_one_is_answered(
    ours: tuple[str, ...], chosen: list[str]
) -> None:
    assert _offered(make_peer(options=_options(*ours)), "transport-cc", "ack ccfb", "nack") == chosen


def test_a_kind_that_is_offered_alone_is_answered_whatever_is_preferred() -> None:
    options = _options("ack ccfb", "transport-cc")

    assert _offered(make_peer(options=options), "transport-cc") == ["96 transport-cc"]


@pytest.mark.spec("rfc8888:6/3")
def test_the_choice_stays_in_whatever_order_it_is_offered_again() -> None:
    peer = make_peer(options=_options("ack ccfb", "transport-cc"))
    first = _offered(peer, "transport-cc", "ack ccfb")
    lines = ("rtpmap:96 VP8/90000", "rtcp-fb:* ack ccfb", "rtcp-fb:96 transport-cc")
    again = media_section(*lines, media="video", fmt="96")

    peer.set_remote_description(describe(again, session=("group:BUNDLE 0",), version=2), 0.0)
    peer.set_local_description(None, 0.0)

    assert peer.local_description is not None
    assert peer.local_description.type is SdpType.ANSWER
    assert _told(section(peer.local_description)) == first == ["* ack ccfb"]
