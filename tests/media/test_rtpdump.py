"""Packets in a file: what is dumped is read and played again."""

import asyncio
import struct
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_asyncio import EncodedFrameTrack, RtpPacketTrack
from rtc_media import MediaError, MediaRecorder, RtpDumpTrack, RtpDumpWriter, read_rtpdump
from rtc_rtp import RtpPacket

from .files import encoded_sound, encoded_video, packetized, record

# --- recording without a codec ---


async def test_packets_are_dumped_and_played_again(tmp_path: Path) -> None:
    path = tmp_path / "call.rtpdump"
    track, recorder = RtpPacketTrack("video"), MediaRecorder(path)
    recorder.addTrack(track)
    packets = packetized("video/VP8", encoded_video("video/VP8"))
    async with recorder:
        for packet in packets:
            await track.put(packet)
        track.end()
        await recorder.wait()

    played = [packet async for packet in RtpDumpTrack(path, "video", paced=False) if isinstance(packet, RtpPacket)]

    assert [bytes(each) for each in played] == [bytes(each) for each in packets]


async def test_encoded_frames_are_dumped_as_packets(tmp_path: Path) -> None:
    path = tmp_path / "call.rtpdump"
    track, recorder = EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(track)
    frames = encoded_sound("audio/opus")

    await record(recorder, (track, frames))

    with path.open("rb") as file:
        dumped = [RtpPacket.parse(each.data) for each in read_rtpdump(file)]
    assert [each.payload for each in dumped] == [each.data for each in frames]
    assert [each.sequence_number for each in dumped] == list(range(len(frames)))


# --- rtpdump ---


@given(packets=st.lists(st.tuples(st.binary(min_size=12, max_size=100), st.integers(0, 10**6)), max_size=10))
@examples(50)
def test_a_dump_is_read_as_it_was_written(packets: list[tuple[bytes, int]]) -> None:
    file = BytesIO()
    writer = RtpDumpWriter(file, 1_700_000_000.25)
    for data, milliseconds in packets:
        writer.write(data, (milliseconds + 0.5) / 1000)
    file.seek(0)

    assert [(each.data, round(each.offset * 1000)) for each in read_rtpdump(file)] == packets


@given(
    data=st.binary(max_size=200),
    prefix=st.sampled_from([b"", b"#!rtpplay1.0 1.2.3.4/5\n", b"#!rtpplay1.0 1.2.3.4/5\n" + bytes(16)]),
)
def test_a_dump_that_is_none_raises_our_error(data: bytes, prefix: bytes) -> None:
    try:
        for packet in read_rtpdump(BytesIO(prefix + data)):
            assert len(packet.data) <= len(data)
    except MediaError:
        pass


async def test_a_dump_is_played_at_its_pace(tmp_path: Path) -> None:
    path = tmp_path / "call.rtpdump"
    with path.open("wb") as file:
        writer = RtpDumpWriter(file)
        for number in range(4):
            writer.write(bytes(RtpPacket(0, number, 160 * number, 5, b"x")), 10 + 0.05 * number)
            writer.write(struct.pack("!BBHI", 0x80, 201, 1, 5), 10 + 0.05 * number)  # RTCP, left out
            writer.write(bytes(RtpPacket(0, number, 160 * number, 6, b"other")), 10 + 0.05 * number)
    loop = asyncio.get_running_loop()
    begins = loop.time()

    packets = [packet async for packet in RtpDumpTrack(path, "audio") if isinstance(packet, RtpPacket)]

    assert [packet.payload for packet in packets] == [b"x"] * 4
    assert loop.time() - begins > 0.14
    with pytest.raises(MediaError):
        RtpDumpTrack(tmp_path / "absent", "audio")
