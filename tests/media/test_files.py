"""Players and recorders: what is written is read back, by PyAV and by ffprobe; times fit; no thread stays."""

import asyncio
import itertools
import json
import shutil
import struct
import subprocess
import threading
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_asyncio import EncodedFrameTrack, MediaStreamError, MediaStreamTrack, RtpPacketTrack
from rtc_asyncio.tracks import MediaKind
from rtc_media import (
    MediaError,
    MediaPlayer,
    MediaRecorder,
    RtpDumpTrack,
    RtpDumpWriter,
    TestCardTrack,
    ToneTrack,
    VideoDecoder,
    read_picture_number,
    read_rtpdump,
)
from rtc_rtp import EncodedFrame, RtpPacket, payload_format

from .support import (
    RATES,
    audio_encoder,
    cards,
    codec,
    luma,
    pictures,
    samples,
    similarity,
    sines,
    spectrum,
    video_encoder,
)


@pytest.fixture(autouse=True)
async def no_thread_stays() -> AsyncIterator[None]:
    yield
    await asyncio.sleep(0)
    names = {thread.name.rstrip("_0123456789") for thread in threading.enumerate()}
    assert not names & {"media-player", "media-recorder"}


def probe(path: Path) -> dict[str, dict[str, object]]:
    """What ffprobe, which is somebody else's build of libav, says about the streams."""
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("ffprobe is not installed")
    command = [program, "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    return {stream["codec_type"]: stream for stream in json.loads(done.stdout)["streams"]}


def read(path: Path, kind: str) -> list[av.VideoFrame | av.AudioFrame]:
    with av.open(path) as container:
        return [f for f in container.decode(**{kind: 0}) if isinstance(f, av.VideoFrame | av.AudioFrame)]


def numbers(path: Path) -> list[int | None]:
    return [read_picture_number(frame) for frame in read(path, "video") if isinstance(frame, av.VideoFrame)]


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


# --- recording what is encoded here ---


@pytest.mark.parametrize(
    ("extension", "video", "audio"),
    [("mp4", "h264", "aac"), ("webm", "vp8", "opus"), ("mkv", "h264", "opus")],
)
async def test_raw_tracks_are_recorded(tmp_path: Path, extension: str, video: str, audio: str) -> None:
    path = tmp_path / f"call.{extension}"
    recorder = MediaRecorder(str(path))
    card = TestCardTrack(160, 120)
    tracks = [card, ToneTrack(440)]
    for track in tracks:
        recorder.addTrack(track)
    await recorder.start()
    async with asyncio.timeout(30):
        while card._number < 15:
            await asyncio.sleep(0.05)
    await recorder.stop()
    for track in tracks:
        assert track.readyState == "live"
        track.stop()

    assert len(numbers(path)) >= 10
    assert numbers(path) == sorted(number or 0 for number in numbers(path))
    rate = read(path, "audio")[0].sample_rate  # type: ignore[union-attr] # sound
    assert spectrum(samples(read(path, "audio"))[rate // 10 :], rate)[0] == pytest.approx(440, abs=6)
    streams = probe(path)
    assert (streams["video"]["codec_name"], streams["audio"]["codec_name"]) == (video, audio)
    assert (streams["video"]["width"], streams["video"]["height"]) == (160, 120)


@pytest.mark.parametrize("extension", ["wav", "ogg", "mp3", "flac"])
async def test_sound_alone_is_recorded(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"tone.{extension}"
    recorder = MediaRecorder(path)
    tone = ToneTrack(1000)
    recorder.addTrack(tone)
    async with recorder:
        await asyncio.sleep(0.4)
    tone.stop()

    sound = samples(
        [av.AudioResampler(format="s16").resample(f)[0] for f in read(path, "audio") if isinstance(f, av.AudioFrame)]
    )
    assert spectrum(sound[4800:], 48_000)[0] == pytest.approx(1000, abs=5)
    assert len(sound) == pytest.approx(0.4 * 48_000, abs=6000)


@pytest.mark.spec("rfc7742:3.2/1")
async def test_a_recording_goes_on_when_the_picture_changes_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sizes.mkv"
    track = FrameTrack([*cards(5, 320, 240), *cards(5, 160, 120, first=5), *cards(5, 640, 360, first=10)])
    recorder = MediaRecorder(path)
    recorder.addTrack(track)
    async with recorder:
        await recorder.wait()

    assert numbers(path) == list(range(15))
    assert {(f.width, f.height) for f in read(path, "video") if isinstance(f, av.VideoFrame)} == {(320, 240)}


class FrameTrack(MediaStreamTrack):
    """Delivers frames as fast as they are taken."""

    kind: MediaKind = "video"

    def __init__(self, frames: "list[av.VideoFrame]") -> None:
        super().__init__()
        self._left = iter(frames)

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0)
        frame = next(self._left, None)
        if frame is None:
            self._source_ended()
            raise MediaStreamError
        return frame


# --- recording without a codec ---


@pytest.mark.parametrize(
    ("mime_type", "extension"),
    [
        ("video/VP8", "ivf"),
        ("video/VP8", "webm"),
        ("video/VP9", "ivf"),
        ("video/VP9", "webm"),
        ("video/VP9", "mp4"),
        ("video/AV1", "ivf"),
        ("video/AV1", "webm"),
        ("video/AV1", "mp4"),
        ("video/H264", "mp4"),
        ("video/H264", "mkv"),
        ("video/H265", "mp4"),
        ("video/H265", "mkv"),
    ],
)
async def test_encoded_pictures_are_written_as_they_are(tmp_path: Path, mime_type: str, extension: str) -> None:
    path = tmp_path / f"video.{extension}"
    track, recorder = EncodedFrameTrack("video"), MediaRecorder(path)
    recorder.addTrack(track)
    frames = encoded_video(mime_type)

    await record(recorder, (track, frames))

    assert numbers(path) == list(range(15))
    stream = probe(path)["video"]
    assert stream["nb_read_packets"] == "15"
    assert (stream["width"], stream["height"]) == (192, 144)
    with av.open(path) as container:
        times = [float(packet.pts * packet.time_base) for packet in container.demux() if packet.pts is not None]
    assert times == pytest.approx([i / 30 for i in range(15)], abs=0.002)


@pytest.mark.parametrize(
    ("mime_type", "extension"),
    [
        ("audio/opus", "ogg"),
        ("audio/opus", "webm"),
        ("audio/opus", "mp4"),
        ("audio/PCMU", "wav"),
        ("audio/PCMA", "wav"),
        ("audio/G722", "wav"),
    ],
)
async def test_encoded_sound_is_written_as_it_is(tmp_path: Path, mime_type: str, extension: str) -> None:
    path = tmp_path / f"sound.{extension}"
    track, recorder = EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(track)

    await record(recorder, (track, encoded_sound(mime_type)))

    rate = RATES[mime_type]
    converter = av.AudioResampler(format="s16", layout="mono")
    sound = samples(
        [each for f in read(path, "audio") if isinstance(f, av.AudioFrame) for each in converter.resample(f)]
    )
    assert spectrum(sound[rate // 10 :], rate)[0] == pytest.approx(440, abs=6)
    assert len(sound) == pytest.approx(rate / 2, rel=0.05)
    assert probe(path)["audio"]["sample_rate"] == str(rate)


@pytest.mark.parametrize("extension", ["webm", "mkv"])
async def test_pictures_and_sound_are_aligned(tmp_path: Path, extension: str) -> None:
    """Captured at the same time, though their RTP clocks began anywhere: so they stand in the file together."""
    path = tmp_path / f"call.{extension}"
    video, audio, recorder = EncodedFrameTrack("video"), EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(video)
    recorder.addTrack(audio)
    pictured, heard = encoded_video("video/VP8"), encoded_sound("audio/opus")
    for frames, offset, rate, late in ((pictured, 12_345, 90_000, 0.1), (heard, 4_000_000_000, 48_000, 0.0)):
        for frame in frames:
            frame.capture_time = 1_700_000_000 + frame.timestamp / rate + late
            frame.timestamp = (frame.timestamp + offset) % 2**32

    await record(recorder, (video, pictured), (audio, heard))

    starts: dict[str, float] = {}
    with av.open(path) as container:
        for packet in container.demux():
            if packet.pts is not None:
                starts.setdefault(packet.stream.type, float(packet.pts * packet.time_base))
    assert starts["video"] - starts["audio"] == pytest.approx(0.1, abs=0.02)


async def test_a_recording_of_encoded_pictures_begins_with_a_key_frame(tmp_path: Path) -> None:
    path = tmp_path / "late.webm"
    encoder = video_encoder("video/VP8")
    frames = [each for i, f in enumerate(cards(10)) for each in encoder.encode(f, force_keyframe=i == 4)][1:]
    track, recorder = EncodedFrameTrack("video"), MediaRecorder(path)
    recorder.addTrack(track)

    await record(recorder, (track, frames))

    assert numbers(path) == [4, 5, 6, 7, 8, 9]


async def test_a_track_that_never_delivers_holds_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "half.webm"
    video, audio, recorder = EncodedFrameTrack("video"), EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(video)
    recorder.addTrack(audio)

    await record(recorder, (video, encoded_video("video/VP8")), (audio, []))

    assert numbers(path) == list(range(15))


@pytest.mark.parametrize("mime_type", ["video/VP8", "video/H264"])
async def test_rtp_packets_become_a_file_without_a_codec(tmp_path: Path, mime_type: str) -> None:
    path = tmp_path / "packets.mkv"
    parameters = {"packetization-mode": "1"}
    track, recorder = RtpPacketTrack("video"), MediaRecorder(path)
    recorder.addTrack(track, codec(mime_type, parameters))
    packets = packetized(mime_type, encoded_video(mime_type))
    del packets[-2:-1]  # one is lost

    async with recorder:
        for packet in packets:
            await track.put(packet)
        track.end()
        await recorder.wait()

    # The picture after the one that was lost builds on it, and is spoilt.
    assert numbers(path)[:13] == list(range(13))
    assert len(numbers(path)) == 14


def packetized(mime_type: str, frames: list[EncodedFrame]) -> list[RtpPacket]:
    made = payload_format(mime_type, {"packetization-mode": "1"})
    assert made is not None
    payloads = [(frame, *each) for frame in frames for each in made.packetize(frame, 500)]
    return [
        RtpPacket(96, number & 0xFFFF, frame.timestamp, 7, payload, marker=marker)
        for number, (frame, payload, marker) in enumerate(payloads, 65_530)
    ]


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


# --- what goes wrong with recorders ---


async def test_a_file_that_cannot_be_opened_raises_our_error(tmp_path: Path) -> None:
    for name in ("nowhere/call.mp4", "call.nonsense", "nowhere/call.rtpdump"):
        with pytest.raises(MediaError, match="cannot be written"):
            await MediaRecorder(tmp_path / name).start()


@pytest.mark.parametrize("extension", ["webm", "rtpdump", "wav"])
async def test_what_a_file_cannot_hold_ends_the_recording_and_is_told(tmp_path: Path, extension: str) -> None:
    track, recorder = EncodedFrameTrack("video"), MediaRecorder(tmp_path / f"call.{extension}")
    recorder.addTrack(track)
    await recorder.start()
    track.put_nowait(
        EncodedFrame(
            encoded_video("video/H264")[0].data, 0, mime_type="video/H264" if extension != "rtpdump" else "video/x"
        )
    )
    await recorder.wait()

    assert isinstance(recorder.error, MediaError)
    with pytest.raises(MediaError):
        await recorder.stop()
    await recorder.stop()


async def test_what_was_written_before_an_error_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "call.webm"
    track, recorder = EncodedFrameTrack("video"), MediaRecorder(path)
    recorder.addTrack(track)
    await recorder.start()
    for frame in encoded_video("video/VP8"):
        await track.put(frame)
    await track.put("no frame")  # type: ignore[arg-type] # that is the point
    await recorder.wait()

    with pytest.raises(MediaError):
        await recorder.stop()
    assert numbers(path) == list(range(15))


async def test_an_empty_recording_ends_quietly(tmp_path: Path) -> None:
    recorder = MediaRecorder(tmp_path / "call.webm")
    recorder.addTrack(EncodedFrameTrack("video"))
    await recorder.start()
    with pytest.raises(MediaError, match="no more tracks"):
        recorder.addTrack(EncodedFrameTrack("audio"))
    await recorder.stop()
    await recorder.stop()


# --- playing ---


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second of test card and tone, made by libav alone."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    with av.open(path, "w") as container:
        video = container.add_stream("libvpx", rate=30, options={"deadline": "realtime", "b": "500k"})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        audio = container.add_stream("libopus", rate=48_000)
        audio.layout = "mono"
        for frame in cards(30, 160, 120):
            container.mux(video.encode(frame))
        for sound in sines(1.0):
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


async def all_of(track: MediaStreamTrack | None, limit: int = 10**6) -> list[object]:
    assert track is not None
    frames: list[object] = []
    while len(frames) < limit:
        try:
            frames.append(await track.recv())
        except MediaStreamError:
            break
    return frames


async def test_a_file_is_played_in_real_time(film: Path) -> None:
    loop = asyncio.get_running_loop()
    begins = loop.time()
    async with await MediaPlayer.open(film) as player:
        seen, heard = await asyncio.gather(all_of(player.video), all_of(player.audio))

    assert loop.time() - begins > 0.85
    video = [frame for frame in seen if isinstance(frame, av.VideoFrame)]
    assert [read_picture_number(frame) for frame in video] == list(range(30))
    assert [frame.pts for frame in video] == pytest.approx([3000 * i for i in range(30)], abs=100)
    assert spectrum(samples(heard)[4800:], 48_000)[0] == pytest.approx(440, abs=3)
    assert player.error is None


async def test_the_tracks_tell_what_they_are(film: Path) -> None:
    player = MediaPlayer(str(film))
    assert player.video is not None
    assert player.audio is not None

    assert player.video.getSettings() == {"width": 160, "height": 120, "frameRate": pytest.approx(30, abs=1)}
    assert player.audio.getSettings() == {"sampleRate": 48_000, "channelCount": 1}
    await player.close()


async def test_closing_does_not_wait_for_a_source_that_has_gone_silent(film: Path) -> None:
    silent = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        content = film.read_bytes()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content[: len(content) // 3])
        await silent.wait()
        writer.close()

    async with await asyncio.start_server(stall, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(10):
                player = await MediaPlayer.open(f"http://127.0.0.1:{port}/film.mkv")
                assert player.video is not None
                await player.video.recv()
                await asyncio.sleep(0.2)  # all that came is read
                await player.close()
            was_held = any("media-player" in thread.name for thread in threading.enumerate())
        finally:
            silent.set()
        async with asyncio.timeout(10):
            while any("media-player" in thread.name for thread in threading.enumerate()):
                await asyncio.sleep(0.01)

    assert was_held
    assert player.video.readyState == "ended"


async def test_the_end_is_told(film: Path) -> None:
    async with MediaPlayer(film) as player:
        ended = asyncio.Event()
        assert player.audio is not None
        player.audio.on("ended")(ended.set)
        await all_of(player.audio)
        async with asyncio.timeout(30):
            await ended.wait()
        assert player.audio.readyState == "ended"


async def test_a_file_is_sent_without_a_codec(film: Path) -> None:
    decoder = VideoDecoder(codec("video/VP8"))
    async with MediaPlayer(film, decode=False) as player:
        seen, heard = await asyncio.gather(all_of(player.video, 20), all_of(player.audio, 20))

    frames = [frame for frame in seen if isinstance(frame, EncodedFrame)]
    assert [frame.mime_type for frame in frames] == ["video/VP8"] * 20
    assert frames[0].keyframe
    assert [read_picture_number(pictures(decoder, frame)[0]) for frame in frames] == list(range(20))
    assert [frame.mime_type for frame in heard if isinstance(frame, EncodedFrame)] == ["audio/opus"] * 20


@pytest.mark.parametrize(
    ("mime_type", "extension"), [("video/H264", "mp4"), ("video/H265", "mp4"), ("video/AV1", "webm")]
)
async def test_files_of_other_codecs_are_sent_as_rtp_wants_them(tmp_path: Path, mime_type: str, extension: str) -> None:
    path = tmp_path / f"film.{extension}"
    track, recorder = EncodedFrameTrack("video"), MediaRecorder(path)
    recorder.addTrack(track)
    await record(recorder, (track, encoded_video(mime_type, 6)))
    decoder = VideoDecoder(codec(mime_type))

    async with MediaPlayer(path, decode=False) as player:
        frames = [frame for frame in await all_of(player.video) if isinstance(frame, EncodedFrame)]

    assert [read_picture_number(p) for frame in frames for p in pictures(decoder, frame)] == list(range(6))
    made = payload_format(mime_type, {"packetization-mode": "1"})
    assert made is not None
    assert all(made.packetize(frame, 1000) for frame in frames)


async def test_g711_in_a_file_is_cut_into_packets_of_20_ms(tmp_path: Path) -> None:
    path = tmp_path / "phone.wav"
    track, recorder = EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(track)
    await record(recorder, (track, encoded_sound("audio/PCMU", 0.3)))

    async with MediaPlayer(path, decode=False) as player:
        frames = [frame for frame in await all_of(player.audio) if isinstance(frame, EncodedFrame)]

    assert {len(frame.data) for frame in frames} == {160}
    assert [frame.timestamp for frame in frames] == [160 * i for i in range(15)]


async def test_a_picture_that_is_played_over_and_over_keeps_real_time(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    with av.open(path, "w", format="image2") as container:
        stream = container.add_stream("png")
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        container.mux(stream.encode(av.VideoFrame(64, 48, "rgb24")))

    async with MediaPlayer(path, loop=True) as player:
        seen = await all_of(player.video, 4)

    times = [frame.pts / 90_000 for frame in seen if isinstance(frame, av.VideoFrame) and frame.pts is not None]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12], abs=0.001)


async def test_who_stops_waiting_for_a_recorder_does_not_stop_it(tmp_path: Path) -> None:
    track, recorder = EncodedFrameTrack("audio"), MediaRecorder(tmp_path / "sound.ogg")
    recorder.addTrack(track)
    async with recorder:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await recorder.wait()
        await asyncio.sleep(0)
        assert not any(task.done() or task.cancelling() for task in recorder._tasks)


async def test_a_loop_goes_on_in_time(film: Path) -> None:
    async with MediaPlayer(film, loop=True) as player:
        seen, heard = await asyncio.gather(all_of(player.video, 40), all_of(player.audio, 65))

    times = [frame.pts / 90_000 for frame in seen if isinstance(frame, av.VideoFrame) and frame.pts is not None]
    assert all(0.02 < b - a < 0.09 for a, b in itertools.pairwise(times))
    shown = [read_picture_number(frame) for frame in seen if isinstance(frame, av.VideoFrame)]
    assert shown == [*range(30), *range(10)]
    assert len(heard) == 65


async def test_one_track_plays_while_the_other_is_not_read(film: Path) -> None:
    async with MediaPlayer(film) as player:
        assert len(await all_of(player.audio)) >= 48


async def test_stopping_the_last_track_ends_the_thread(film: Path) -> None:
    player = MediaPlayer(film, loop=True)
    assert player.audio is not None
    assert player.video is not None
    await asyncio.gather(player.audio.recv(), player.video.recv())
    player.audio.stop()
    await player.video.recv()
    player.video.stop()

    with pytest.raises(MediaStreamError):
        await player.video.recv()
    await asyncio.to_thread(player._reader.join)
    await player.close()


async def test_a_reader_that_waits_is_woken_by_the_end(film: Path) -> None:
    player = MediaPlayer(film, loop=True)
    assert player.video is not None
    waiting = asyncio.create_task(all_of(player.video))
    await asyncio.sleep(0.05)
    await player.close()

    async with asyncio.timeout(30):
        assert isinstance(await waiting, list)


async def test_open_files_are_played(film: Path) -> None:
    with film.open("rb") as file:
        async with MediaPlayer(file) as player:
            assert len(await all_of(player.video, 3)) == 3


def test_what_cannot_be_played_raises_our_error(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.mp4"
    rubbish.write_bytes(bytes(1000))
    text = tmp_path / "sub.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nnothing\n")

    for path in (tmp_path / "absent.mp4", rubbish, text):
        with pytest.raises(MediaError, match=r"cannot be opened|nothing to play"):
            MediaPlayer(path)
    with pytest.raises(MediaError, match="cannot be opened"):
        MediaPlayer(rubbish, format="nonsense")


async def test_a_damaged_file_is_played_as_far_as_it_goes(film: Path, tmp_path: Path) -> None:
    data = bytearray(film.read_bytes())
    for at in range(len(data) // 2, len(data), 97):
        data[at] ^= 0x55
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(data)

    async with MediaPlayer(damaged) as player:
        assert len(await all_of(player.video)) >= 10


@pytest.mark.parametrize("rotation", [90, 180, -90])
async def test_a_film_from_a_phone_is_turned_upright(tmp_path: Path, rotation: int) -> None:
    path = tmp_path / "phone.h264"
    frames = encoded_video("video/H264", 3)
    turner = av.bitstream.BitStreamFilterContext(
        f"h264_metadata=display_orientation=insert:rotate={rotation}", av.Codec("h264", "r")
    )
    path.write_bytes(b"".join(bytes(each) for frame in frames for each in turner.filter(av.Packet(frame.data))))

    async with MediaPlayer(path, format="h264") as player:
        (frame, *_) = await all_of(player.video, 1)

    assert isinstance(frame, av.VideoFrame)
    (upright,) = cards(1)
    expected = np.rot90(luma(upright), rotation // 90).astype(np.uint8)
    turned = av.VideoFrame.from_ndarray(np.ascontiguousarray(expected), format="gray")
    assert similarity(turned, frame) > 0.9


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
