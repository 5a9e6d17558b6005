"""Encoded pictures and sound, and what stands in a file."""

from rtc_asyncio import EncodedFrameTrack
from rtc_media import MediaRecorder
from rtc_rtp import EncodedFrame, RtpPacket, payload_format

from .support import RATES, audio_encoder, cards, sines, video_encoder


def encoded_video(mime_type: str, count: int = 15) -> list[EncodedFrame]:
    encoder = video_encoder(mime_type)
    return [each for frame in cards(count) for each in encoder.encode(frame, force_keyframe=False)]


def encoded_sound(mime_type: str, seconds: float = 0.5) -> list[EncodedFrame]:
    encoder = audio_encoder(mime_type)
    source = sines(seconds, rate=RATES[mime_type])
    return [each for frame in source for each in encoder.encode(frame, force_keyframe=False)]


async def record(recorder: MediaRecorder, *sources: tuple[EncodedFrameTrack, list[EncodedFrame]]) -> None:
    """Record frames that come as fast as they can be written."""
    async with recorder:
        for track, frames in sources:
            for frame in frames:
                await track.put(frame)
            track.end()
        await recorder.wait()


def packetized(mime_type: str, frames: list[EncodedFrame]) -> list[RtpPacket]:
    made = payload_format(mime_type, {"packetization-mode": "1"})
    assert made is not None
    payloads = [(frame, *each) for frame in frames for each in made.packetize(frame, 500)]
    return [
        RtpPacket(96, number & 0xFFFF, frame.timestamp, 7, payload, marker=marker)
        for number, (frame, payload, marker) in enumerate(payloads, 65_530)
    ]
