"""Two peers in one program: the card is sent in the codec that we like best, and its number is read off the pictures that arrive."""

import asyncio

from rtc_asyncio import RTCPeerConnection, RTCRtpSender
from rtc_media import TestCardTrack, encoder_name, read_picture_number

PREFERRED = ["video/AV1", "video/VP9", "video/VP8"]


def best_first(codec) -> int:
    mime_type = codec.mimeType
    return PREFERRED.index(mime_type) if mime_type in PREFERRED and encoder_name(mime_type) else len(PREFERRED)


async def main() -> None:
    async with RTCPeerConnection() as caller, RTCPeerConnection() as callee:
        caller.onicecandidate = lambda event: callee.addIceCandidate(event.candidate)
        callee.onicecandidate = lambda event: caller.addIceCandidate(event.candidate)
        arrived = asyncio.get_running_loop().create_future()
        callee.ontrack = lambda event: arrived.done() or arrived.set_result(event.track)

        transceiver = caller.addTransceiver(TestCardTrack(320, 240))
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences(sorted(codecs, key=best_first))

        await caller.setLocalDescription()
        await callee.setRemoteDescription(caller.localDescription)
        await callee.setLocalDescription()
        await caller.setRemoteDescription(callee.localDescription)

        track = await arrived
        numbers = []
        while len(numbers) < 10:
            number = read_picture_number(await track.recv())
            if number is not None:
                numbers.append(number)
        in_use = transceiver.sender.getParameters().codecs[0].mimeType
        print(in_use, "and ten pictures" if numbers == sorted(numbers) else numbers)


asyncio.run(main())
