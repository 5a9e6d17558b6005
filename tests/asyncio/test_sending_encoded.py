"""From a track of encoded frames or packets to the machine, and what happens when it cannot take them."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from rtc_asyncio import EncodedFrameTrack, RtpPacketTrack
from rtc_asyncio.sending import SendingPump
from rtc_rtp import (
    EncodedFrame,
    FrameMetadata,
    RtpPacket,
    SendEncoding,
    VideoOrientation,
)

from .fake_codec import FakeCodecs
from .sent import PLAIN, SIMULCAST, SPOKEN, Pictures, Recorder, pictures, until


async def test_encoded_frames_get_our_numbers() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    for ticks in (2**32 - 3000, 0):
        await track.put(EncodedFrame(b"x", ticks, ssrc=7, mime_type="video/h264", payload_type=33))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    (first, _), (second, _) = outlet.frames
    assert (second.timestamp - first.timestamp) % 2**32 == 3000
    assert first.payload_type == 102


async def test_an_encoded_frame_is_passed_on_with_what_is_known_of_it() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    known = EncodedFrame(
        b"x", 5, csrcs=(9,), capture_time=1e9, orientation=VideoOrientation(90), metadata=FrameMetadata()
    )
    await track.put(known)
    await until(lambda: bool(outlet.frames))
    pump.close()

    sent, _ = outlet.frames[0]
    assert (sent.csrcs, sent.capture_time, sent.orientation, sent.metadata) == (
        known.csrcs, known.capture_time, known.orientation, known.metadata,
    )  # fmt: skip


async def test_encoded_frames_of_another_source_go_on_in_time() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"x", 5, ssrc=7))
    await track.put(EncodedFrame(b"x", 4_000_000, ssrc=8))
    await until(lambda: len(outlet.frames) == 2)
    pump.close()

    (first, _), (second, _) = outlet.frames
    assert 1 <= (second.timestamp - first.timestamp) % 2**32 < 90_000


async def test_encoded_frames_go_to_the_encoding_that_they_name() -> None:
    outlet = Recorder(SIMULCAST)
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    for rid in ("f", "q", None):
        await track.put(EncodedFrame(b"x", 0, rid=rid))
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert [rid for _, rid in outlet.frames] == ["f", "q", "q"]


async def test_frames_of_a_codec_that_was_not_negotiated_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"x", 0, mime_type="video/AV1"))
    await until(lambda: pump.frames_dropped == 1)
    pump.close()

    assert outlet.frames == []
    assert "video/AV1" in caplog.text


async def test_a_request_for_a_key_frame_reaches_whoever_feeds_the_track() -> None:
    requests: list[int] = []
    pump = SendingPump("video", Recorder(), None)
    pump.start(EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1)))
    assert requests == [1], "who has seen nothing needs one"
    pump.key_frame_requested(None)
    pump.close()

    assert requests == [1, 1]


async def test_a_full_machine_costs_a_frame_and_takes_a_key_frame() -> None:
    requests: list[int] = []
    outlet = Recorder()
    outlet.full = True
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    pump.start(track)
    await track.put(EncodedFrame(b"x", 0))
    await until(lambda: pump.frames_dropped == 1)
    pump.close()

    assert requests == [1, 1], "one at the beginning"


async def test_a_frame_of_no_format_is_told_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Recorder()
    outlet.strict = True
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"?", 0))
    await track.put(EncodedFrame(b"?", 0))
    await until(lambda: pump.frames_dropped == 2)
    outlet.strict = False
    await track.put(EncodedFrame(b"x", 0))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    assert len(caplog.records) == 1


async def test_what_is_no_frame_ends_sending_and_is_told() -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["message"]))
    pump = SendingPump("video", Recorder(), FakeCodecs())
    pump.start(Pictures(["no picture"]))  # type: ignore[list-item]  # what is wrong
    await until(lambda: reports != [])
    pump.close()

    assert reports == ["sending a track failed"]


def _has_sent(pump: SendingPump, outlet: Recorder, taken: int, sent: int) -> bool:
    return pump.source_frames == taken and len(outlet.frames) == sent


async def test_an_encoding_that_is_active_again_begins_with_a_key_frame() -> None:
    codecs, outlet = FakeCodecs(), Recorder()
    pump = SendingPump("video", outlet, codecs)
    for round_, active in enumerate((True, False, True), start=1):
        outlet.parameters = replace(PLAIN, encodings=(SendEncoding(ssrc=1, active=active),))
        pump.start(Pictures(pictures(2), ends=False))
        await until(partial(_has_sent, pump, outlet, 2, 2 * ((round_ + 1) // 2)))
    pump.close()

    assert codecs.encoders[0].forced == [True, False, True, False]


async def test_after_a_lost_frame_those_that_refer_to_it_are_left_out() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video")
    pump.start(track)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    outlet.full = True
    await track.put(EncodedFrame(b"1", 1, keyframe=False))
    await until(lambda: pump.frames_dropped == 1)
    outlet.full = False
    for number, key in enumerate((False, False, True, False), start=2):
        await track.put(EncodedFrame(str(number).encode(), number, keyframe=key))
    await until(lambda: len(outlet.frames) == 3)
    pump.close()

    assert [frame.data for frame, _ in outlet.frames] == [b"0", b"4", b"5"]
    assert pump.frames_dropped == 3


async def test_frames_that_are_put_too_fast_cost_those_up_to_the_next_key_frame() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    requests: list[int] = []
    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    pump.start(track)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    for number in range(1, 400):
        track.put_nowait(EncodedFrame(str(number).encode(), number, keyframe=number == 390))
    await until(lambda: len(outlet.frames) == 11)
    pump.close()

    assert [int(frame.data) for frame, _ in outlet.frames] == [0, *range(390, 400)]
    assert len(requests) == 2


async def test_whoever_feeds_a_track_does_not_wait_for_a_sender_that_failed() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    class Broken(Recorder):
        def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
            raise RuntimeError("a fault of ours")

    pump = SendingPump("audio", Broken(SPOKEN), None)
    track = EncodedFrameTrack("audio")
    pump.start(track)
    async with asyncio.timeout(30):
        for number in range(600):  # more than may wait
            await track.put(EncodedFrame(b"x", number, mime_type="audio/opus"))
    pump.close()

    assert [context["message"] for context in failures] == ["sending a track failed"]


async def test_a_feeder_that_raises_when_asked_for_a_key_frame_harms_nobody() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def ask() -> None:
        raise RuntimeError("no key frames here")

    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = EncodedFrameTrack("video", on_key_frame_request=ask)
    pump.start(track)
    pump.key_frame_requested(None)
    await track.put(EncodedFrame(b"0", 0))
    await until(lambda: len(outlet.frames) == 1)
    pump.close()

    assert [str(context["exception"]) for context in failures] == ["no key frames here"] * 2


async def test_packets_pass_through_unless_the_track_is_disabled() -> None:
    outlet = Recorder()
    pump = SendingPump("video", outlet, None)
    track = RtpPacketTrack("video")
    pump.start(track)
    await track.put(RtpPacket(96, 1, 0, 1))
    await until(lambda: len(outlet.packets) == 1)
    track.enabled = False
    await track.put(RtpPacket(96, 2, 0, 1))
    await asyncio.sleep(0.01)
    pump.close()

    assert [packet.sequence_number for packet in outlet.packets] == [1]


async def test_a_pump_that_is_closed_leaves_no_task() -> None:
    pump = SendingPump("video", Recorder(), FakeCodecs())
    pump.start(Pictures(pictures(1), ends=False))
    await asyncio.sleep(0.01)
    pump.close()
    pump.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert [task for task in asyncio.all_tasks() if "Pump" in repr(task) or "Source" in repr(task)] == []
