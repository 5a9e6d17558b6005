"""Two peers in one program: one shows a test card and plays a tone, the other sees and hears it. Needs rtc-media."""

import asyncio

from rtc_asyncio import MediaStreamTrack, RTCPeerConnection
from rtc_media import TestCardTrack, ToneTrack


async def main() -> None:
    async with RTCPeerConnection() as caller, RTCPeerConnection() as callee:
        caller.addTrack(TestCardTrack(width=320, height=240))
        caller.addTrack(ToneTrack(440))

        tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
        callee.on("track")(tracks.put_nowait)

        # Signalling: offer, answer and candidates, by whatever way the two can reach each other already.
        caller.on("icecandidate")(callee.addIceCandidate)
        callee.on("icecandidate")(caller.addIceCandidate)
        await caller.setLocalDescription()
        await callee.setRemoteDescription(caller.localDescription)
        await callee.setLocalDescription()
        await caller.setRemoteDescription(callee.localDescription)

        received = {track.kind: track for track in (await tracks.get(), await tracks.get())}
        picture = await received["video"].recv()
        sound = await received["audio"].recv()
        print(f"a picture of {picture.width} by {picture.height}, and sound at {sound.sample_rate} Hz")


asyncio.run(main())
