"""Two connections, and tracks to send between them."""

from rtc_asyncio import EncodedFrameTrack, RTCPeerConnection

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


def video() -> EncodedFrameTrack:
    return EncodedFrameTrack("video")


def audio() -> EncodedFrameTrack:
    return EncodedFrameTrack("audio")
