"""One peer dials, the other listens for the digits. No codec is needed: tones travel as events, not as sound."""

import asyncio

from rtc_asyncio import EncodedFrameTrack, RTCPeerConnection


async def main() -> None:
    async with RTCPeerConnection() as phone, RTCPeerConnection() as exchange:
        sender = phone.addTrack(EncodedFrameTrack("audio"))

        phone.on("icecandidate")(exchange.addIceCandidate)
        exchange.on("icecandidate")(phone.addIceCandidate)
        await phone.setLocalDescription()
        await exchange.setRemoteDescription(phone.localDescription)
        await exchange.setLocalDescription()
        await phone.setRemoteDescription(exchange.localDescription)
        await phone.wait_for("connected")

        dtmf = sender.dtmf
        dtmf.insertDTMF("1509#", duration=50, interToneGap=40)

        dialled = ""
        async for tone in exchange.getReceivers()[0].tones():
            if tone.ended and tone.tone is not None:
                dialled += tone.tone
            if dialled.endswith("#"):
                break
        print(f"dialled {dialled}")


asyncio.run(main())
