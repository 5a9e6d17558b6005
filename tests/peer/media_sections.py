"""Sections of audio and video, what a peer answers to them, and how they name header extensions."""

from tests.peer.descriptions import describe
from tests.peer.descriptions import section as data_section
from tests.peer.talk import negotiated, sections

from rtc_peer import AUDIO_CODECS, VIDEO_CODECS, CodecCapability, PeerConnection
from rtc_rtp.parameters import RtpCodec
from rtc_sdp import MediaDescription

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


def received(peer: PeerConnection, mid: str = "0") -> tuple[RtpCodec, ...]:
    """What a peer is ready to receive."""
    receive = negotiated(peer)[mid].receive
    assert receive is not None
    return receive.codecs


def capabilities(kind: str, *wanted: str) -> list[CodecCapability]:
    known = AUDIO_CODECS if kind == "audio" else VIDEO_CODECS
    return [next(each for each in known if each.name == name) for name in wanted]
