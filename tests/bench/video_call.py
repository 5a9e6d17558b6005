"""A call of 720p at 30 pictures a second in VP8, both ends in the process that is measured: what it costs outside the codec.

Both libraries encode and decode with the same libav. The time that its threads spend in `encode` and `decode` is subtracted, so that
what remains is conversion, packets, encryption, congestion control, jitter buffers and the event loop.
"""

import asyncio
import time
from fractions import Fraction
from types import ModuleType
from typing import Any, Final, Literal

import av

SECONDS: Final = 6.0
"""How long is measured, after the call has settled."""
SETTLING: Final = 2.0
WIDTH, HEIGHT, FRAMERATE = 1280, 720, 30
BITRATE_BPS: Final = 600_000


class Codec:
    """A codec context whose work is timed."""

    spent = 0.0
    """CPU seconds, of all contexts."""
    bytes_encoded = 0

    def __init__(self, context: Any) -> None:
        object.__setattr__(self, "_context", context)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._context, name, value)

    def open(self) -> None:
        """Open, and take the time, which is that of the first picture where nobody opens by himself."""
        begun = time.thread_time()
        self._context.open()
        Codec.spent += time.thread_time() - begun

    def encode(self, frame: Any) -> Any:
        """Encode, and take the time."""
        begun = time.thread_time()
        packets = self._context.encode(frame)
        Codec.spent += time.thread_time() - begun
        Codec.bytes_encoded += sum(packet.size for packet in packets)
        return packets

    def decode(self, packet: Any) -> Any:
        """Decode, and take the time."""
        begun = time.thread_time()
        frames = self._context.decode(packet)
        Codec.spent += time.thread_time() - begun
        return frames

    @staticmethod
    def create(name: str, mode: Literal["r", "w"]) -> "Codec":
        """Make one as `av.CodecContext.create` does."""
        context = av.CodecContext.create(name, mode)
        context.thread_count = 1  # what other threads do is not seen
        return Codec(context)


class Av:
    """The module `av`, with codec contexts that are timed."""

    CodecContext = Codec

    def __getattr__(self, name: str) -> Any:
        return getattr(av, name)


def _time_the_codec(name: str) -> None:
    """Put the timed contexts where a library looks for libav's."""
    if name == "ours":
        from rtc_asyncio import codec_selection, codecs, paced_tracks
        from rtc_media import factory, video_decoder, video_encoder

        for module in (video_encoder, video_decoder):
            vars(module).update(av=Av(), VideoCodecContext=Codec)
        vars(video_encoder).update(thread_count=lambda _: 1)
        if codecs.installed_codecs() is None:  # in a source tree nothing is installed
            for module in (codecs, codec_selection, paced_tracks):
                vars(module).update(installed_codecs=lambda: factory.factory)
    else:
        from aiortc.codecs import vpx

        vars(vpx).update(av=Av(), CodecContext=Codec, number_of_threads=lambda *_: 1)


async def video_call(api: ModuleType, name: str) -> dict[str, float]:
    """CPU time outside the codec for a second of the call, and how many pictures arrive in it."""
    _time_the_codec(name)
    from rtc_media import TestCardPainter

    painter = TestCardPainter(WIDTH, HEIGHT)
    painted = [painter.paint(number, number / FRAMERATE) for number in range(FRAMERATE)]
    cards = [[bytes(plane) for plane in card.planes] for card in painted]

    class Card(api.VideoStreamTrack):  # type: ignore[name-defined, misc]
        """Cards that were painted before: painting is not what is measured."""

        number = 0

        async def recv(self) -> Any:
            pts, time_base = await self.next_timestamp()
            card = cards[self.number % len(cards)]
            self.number += 1
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane, painted in zip(frame.planes, card, strict=True):
                plane.update(painted)
            frame.pts, frame.time_base = pts, Fraction(time_base)
            return frame

    first, second = api.RTCPeerConnection(), api.RTCPeerConnection()
    arrived = asyncio.get_running_loop().create_future()
    second.on("track")(lambda event: arrived.set_result(getattr(event, "track", event)))
    if name == "ours":
        for source, target in ((first, second), (second, first)):
            source.on("icecandidate")(lambda candidate, target=target: _add(target, candidate))
    sender = first.addTrack(Card())
    _only_vp8(api, first)
    if name == "ours":  # aiortc never goes beyond it by itself, and every packet costs
        sender.track.contentHint = "detail"  # keeps the size of pictures
        parameters = sender.getParameters()
        parameters.encodings[0].maxBitrate = BITRATE_BPS
        await sender.setParameters(parameters)
    await first.setLocalDescription(await first.createOffer())
    await second.setRemoteDescription(first.localDescription)
    await second.setLocalDescription(await second.createAnswer())
    await first.setRemoteDescription(second.localDescription)
    track = await asyncio.wait_for(arrived, 30)
    pictures = 0

    async def watch() -> None:
        nonlocal pictures
        while True:
            await track.recv()
            pictures += 1

    watching = asyncio.create_task(watch())
    while not pictures:
        await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLING)
    cpu, codec, seen, wall = time.process_time(), Codec.spent, pictures, time.monotonic()
    sent = Codec.bytes_encoded
    await asyncio.sleep(SECONDS)
    wall = time.monotonic() - wall
    everything, in_codec = time.process_time() - cpu, Codec.spent - codec
    seen = pictures - seen
    watching.cancel()
    await first.close()
    await second.close()
    return {
        "outside_ms_per_picture": (everything - in_codec) * 1000 / max(seen, 1),
        "pictures_per_second": seen / wall,
        "all_ms_per_picture": everything * 1000 / max(seen, 1),
        "codec_ms_per_picture": in_codec * 1000 / max(seen, 1),
        "kilobits_per_second": (Codec.bytes_encoded - sent) * 8 / wall / 1000,
    }


async def _add(target: Any, candidate: Any) -> None:
    if target.remoteDescription is not None:
        await target.addIceCandidate(candidate)


def _only_vp8(api: ModuleType, connection: Any) -> None:
    codecs = api.RTCRtpSender.getCapabilities("video").codecs
    connection.getTransceivers()[0].setCodecPreferences([each for each in codecs if each.mimeType == "video/VP8"])
