"""Three peers in one program: the one in the middle hands on encoded frames, and records them, without touching a codec."""

import asyncio
import tempfile
from pathlib import Path

from rtc_asyncio import EncodedFrameTrack, RTCPeerConnection
from rtc_media import MediaPlayer, MediaRecorder, TestCardTrack, read_picture_number


async def connect(offerer: RTCPeerConnection, answerer: RTCPeerConnection) -> None:
    offerer.onicecandidate = lambda event: answerer.addIceCandidate(event.candidate)
    answerer.onicecandidate = lambda event: offerer.addIceCandidate(event.candidate)
    await offerer.setLocalDescription()
    await answerer.setRemoteDescription(offerer.localDescription)
    await answerer.setLocalDescription()
    await offerer.setRemoteDescription(answerer.localDescription)


async def forward(source: RTCPeerConnection, target: RTCPeerConnection, recording: Path) -> None:
    """Send what the source sends to the target, and into a file."""
    receiver = source.getReceivers()[0]
    # A key frame that the target needs can only come from the one who encodes.
    forwarded = EncodedFrameTrack("video", on_key_frame_request=receiver.requestKeyFrame)
    target.addTrack(forwarded)
    recorder = MediaRecorder(recording)
    recorder.addTrack(forwarded)
    async with recorder:
        async for frame in receiver.frames():
            forwarded.put_nowait(frame)


async def main() -> None:
    recording = Path(tempfile.mkdtemp()) / "call.webm"
    speaker, listener = RTCPeerConnection(), RTCPeerConnection()
    middle_in, middle_out = RTCPeerConnection(), RTCPeerConnection()
    arrived = asyncio.get_running_loop().create_future()
    listener.ontrack = lambda event: arrived.done() or arrived.set_result(event.track)
    async with speaker, listener, middle_in, middle_out:
        speaker.addTrack(TestCardTrack(320, 240))
        await connect(speaker, middle_in)
        forwarding = asyncio.create_task(forward(middle_in, middle_out, recording))
        await asyncio.sleep(0)
        await connect(middle_out, listener)
        track = await arrived
        seen = [read_picture_number(await track.recv()) for _ in range(15)]
        forwarding.cancel()
        await asyncio.wait([forwarding])
    async with MediaPlayer(recording) as player:
        first = read_picture_number(await player.video.recv())
    print("the listener saw", len(seen), "pictures; the recording begins with number", first)


asyncio.run(main())
