"""Functions that work on encoded frames of senders and receivers."""

import asyncio
from dataclasses import replace

import pytest

from rtc_asyncio import (
    EncodedFrameTrack,
    InvalidStateError,
    RTCPeerConnection,
    RTCRtpScriptTransform,
    RTCRtpScriptTransformer,
)
from rtc_rtp import EncodedFrame

from .test_media_flow import connected, picture

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


def flipped(frame: EncodedFrame) -> EncodedFrame:
    """A cipher, of a kind: all bytes behind the header that the payload format reads."""
    head, body = frame.data[:10], frame.data[10:]
    return replace(frame, data=head + bytes(byte ^ 0xFF for byte in body))


async def flip(transformer: RTCRtpScriptTransformer) -> None:
    async for frame in transformer.readable:
        await transformer.writable.write(flipped(frame))


async def passed(pair: Pair, track: EncodedFrameTrack, count: int = 3) -> list[bytes]:
    reader = pair[1].getReceivers()[0].frames()
    for number in range(count):
        await track.put(picture(number, key=number == 0))
        await asyncio.sleep(0.005)
    async with asyncio.timeout(30):
        frames = [await reader.get() for _ in range(count)]
    reader.close()
    return [frame.data for frame in frames]


ORIGINAL = [picture(number, key=number == 0).data for number in range(3)]


@pytest.mark.parametrize("form", ["function", "script"])
async def test_what_one_side_changes_the_other_changes_back(pair: Pair, form: str) -> None:
    track = EncodedFrameTrack("video")
    sender = pair[0].addTrack(track)
    receiver = await connected(pair)
    sender.transform = flipped if form == "function" else RTCRtpScriptTransform(flip)
    changed = await passed(pair, track)
    receiver.transform = flipped if form == "function" else RTCRtpScriptTransform(flip)

    assert changed == [flipped(EncodedFrame(data, 0)).data for data in ORIGINAL]
    assert await passed(pair, track) == ORIGINAL
    sender.transform = receiver.transform = None
    assert await passed(pair, track) == ORIGINAL


async def test_a_function_may_drop_frames(pair: Pair) -> None:
    track = EncodedFrameTrack("video")
    pair[0].addTrack(track)
    receiver = await connected(pair)
    receiver.transform = lambda frame: frame if frame.keyframe else None
    reader = receiver.frames()
    for number in range(6):
        await track.put(picture(number, key=number % 3 == 0))
    await asyncio.sleep(0.2)

    assert [frame.keyframe for frame in reader.take_all()] == [True, True]


async def test_a_transform_belongs_to_one_end(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("video")
    transform = RTCRtpScriptTransform(flip)
    transceiver.sender.transform = transform
    with pytest.raises(InvalidStateError):
        transceiver.receiver.transform = transform

    assert transceiver.sender.transform is transform
    assert transceiver.receiver.transform is None


async def test_key_frames_are_asked_for_and_made(pair: Pair) -> None:
    transformers: list[RTCRtpScriptTransformer] = []
    asked: list[object] = []
    requests: list[int] = []

    async def keep(transformer: RTCRtpScriptTransformer) -> None:
        transformers.append(transformer)
        transformer.on("keyframerequest")(asked.append)
        async for frame in transformer.readable:
            await transformer.writable.write(frame)

    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    sender = pair[0].addTrack(track)
    receiver = await connected(pair)
    sender.transform, receiver.transform = RTCRtpScriptTransform(keep), RTCRtpScriptTransform(keep)
    await passed(pair, track)
    ours, theirs = transformers
    requests.clear()
    await ours.generateKeyFrame()
    assert requests == [1]
    await asyncio.sleep(0.1)  # so long that the request is none of those that the first key frame answered
    await theirs.sendKeyFrameRequest()
    async with asyncio.timeout(30):
        while not asked:
            await asyncio.sleep(0.01)

    assert asked == [None]
    assert requests == [1, 1]
    with pytest.raises(InvalidStateError):
        await theirs.generateKeyFrame()
    with pytest.raises(InvalidStateError):
        await ours.sendKeyFrameRequest()


async def test_a_transform_that_raises_is_reported_and_costs_a_frame(pair: Pair) -> None:
    reports: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(str(context["exception"])))

    def faulty(frame: EncodedFrame) -> EncodedFrame:
        raise ValueError("plain")

    async def script(transformer: RTCRtpScriptTransformer) -> None:
        await transformer.readable.get()
        raise ValueError("script")

    track = EncodedFrameTrack("video")
    sender = pair[0].addTrack(track)
    receiver = await connected(pair)
    receiver.transform = faulty
    sender.transform = RTCRtpScriptTransform(script)
    await track.put(picture(0, key=True))
    await asyncio.sleep(0.05)
    assert reports == ["script"]
    sender.transform = None
    await track.put(picture(0, key=True))
    await asyncio.sleep(0.1)

    assert reports == ["script", "plain"]
