"""Pictures of a real encoder are what the other side lets them be (RFC 8851): size, rate, format."""

import asyncio
from itertools import pairwise

import av
import pytest

import rtc_media
from rtc_asyncio import MediaStreamTrack, RTCPeerConnection
from rtc_media import LibavCodecs


async def _pictures(restrictions: str, count: int) -> list[av.VideoFrame]:
    """Receive so many pictures of a test card of 640 by 360, sent by whoever was asked for them with restrictions."""
    codecs = LibavCodecs()
    async with RTCPeerConnection(codecs=codecs) as sending, RTCPeerConnection(codecs=codecs) as receiving:
        arrived: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        receiving.on("track")(arrived.set_result)
        receiving.addTransceiver("video", {"direction": "recvonly"})
        sending.addTrack(rtc_media.TestCardTrack(width=640, height=360, framerate=30))
        offer = await receiving.createOffer()
        await receiving.setLocalDescription(offer)
        local = receiving.localDescription
        assert local is not None
        await sending.setRemoteDescription({"type": "offer", "sdp": f"{local.sdp}a=rid:only recv {restrictions}\r\n"})
        await sending.setLocalDescription(await sending.createAnswer())
        answer = sending.localDescription
        assert answer is not None
        assert f"a=rid:only send {restrictions}" in answer.sdp
        await receiving.setRemoteDescription(answer)
        found: list[av.VideoFrame] = []
        async with asyncio.timeout(20):
            track = await arrived
            while len(found) < count:
                frame = await track.recv()
                assert isinstance(frame, av.VideoFrame)
                found.append(frame)
        return found


@pytest.mark.spec("rfc8851:5/1")
@pytest.mark.parametrize(
    ("restrictions", "width", "height"),
    [("max-width=200", 200, 112), ("max-height=100;max-width=1000", 178, 100), ("max-fs=20000", 190, 106)],
)
async def test_pictures_are_no_larger_than_is_allowed(restrictions: str, width: int, height: int) -> None:
    pictures = await _pictures(restrictions, 5)

    assert all(each.width <= width and each.height <= height for each in pictures)
    assert all(each.width >= 0.95 * width - 2 for each in pictures)


@pytest.mark.spec("rfc8851:5/3")
async def test_pictures_come_no_faster_than_their_pixels_allow() -> None:
    pictures = await _pictures("max-width=320;max-pps=288000", 12)

    times = [each.time for each in pictures]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    # Five a second of 320 by 180; the first of a stream may come twice in a row.
    assert sum(gaps) / len(gaps) >= 0.17
