"""Recorders: what is written is read back, by PyAV and by ffprobe."""

import asyncio
import errno
import io
import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from rtc_asyncio import EncodedFrameTrack, MediaStreamError, MediaStreamTrack, RtpPacketTrack
from rtc_asyncio.tracks import MediaKind
from rtc_media import MediaError, MediaRecorder, TestCardTrack, ToneTrack, read_picture_number
from rtc_rtp import EncodedFrame

from .files import encoded_sound, encoded_video, packetized, record
from .support import RATES, cards, codec, samples, sines, spectrum, video_encoder


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


class Sounds(MediaStreamTrack):
    """Delivers sound as fast as it is taken."""

    kind: MediaKind = "audio"

    def __init__(self, frames: "list[av.AudioFrame]") -> None:
        super().__init__()
        self._left = iter(frames)

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(0)
        frame = next(self._left, None)
        if frame is None:
            self._source_ended()
            raise MediaStreamError
        return frame


@pytest.mark.parametrize("extension", ["webm", "mp4", "wav"])
async def test_a_recording_goes_on_when_the_sound_changes_its_form(tmp_path: Path, extension: str) -> None:
    """As when a call changes over from Opus to G.711 and back."""
    path = tmp_path / f"sound.{extension}"
    frames: list[av.AudioFrame] = []
    for part, (rate, layout, form) in enumerate(
        [(48_000, "stereo", "s16"), (8000, "mono", "s16"), (44_100, "stereo", "fltp")]
    ):
        resampler = av.AudioResampler(format=form, layout=layout, rate=rate)
        for frame in sines(0.4, rate=48_000):
            for each in resampler.resample(frame):
                each.pts = (each.pts or 0) + round(part * 0.4 * rate)
                frames.append(each)
    recorder = MediaRecorder(path)
    recorder.addTrack(Sounds(frames))
    async with recorder:
        await recorder.wait()

    converter = av.AudioResampler(format="s16", layout="mono", rate=48_000)
    sound = samples(
        [each for f in read(path, "audio") if isinstance(f, av.AudioFrame) for each in converter.resample(f)]
    )
    assert len(sound) == pytest.approx(1.2 * 48_000, rel=0.05)
    for begin in (0.1, 0.5, 0.9):
        part_of_it = sound[round(begin * 48_000) : round((begin + 0.2) * 48_000)]
        assert spectrum(part_of_it, 48_000)[0] == pytest.approx(440, abs=6)


def grey(count: int, width: int, height: int) -> list[av.VideoFrame]:
    made = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((height, width), 100, np.uint8), format="gray")
        frame.pts, frame.time_base = number, Fraction(1, 30)
        made.append(frame)
    return made


async def record_pictures(path: Path, width: int = 64, height: int = 48, count: int = 3) -> None:
    recorder = MediaRecorder(path)
    recorder.addTrack(FrameTrack(grey(count, width, height)))
    async with recorder:
        await recorder.wait()


@pytest.mark.parametrize("extension", ["mp4", "webm"])
async def test_the_smallest_picture_is_recorded(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"dot.{extension}"

    await record_pictures(path, 1, 1)

    assert [(f.width, f.height) for f in read(path, "video") if isinstance(f, av.VideoFrame)] == [(2, 2)] * 3


@pytest.mark.parametrize(
    ("extension", "encoder"), [("ts", "h264"), ("flv", "h264"), ("mpg", "mpeg1video"), ("avi", "mpeg4"), ("gif", "gif")]
)
async def test_files_of_other_formats_are_recorded(tmp_path: Path, extension: str, encoder: str) -> None:
    path = tmp_path / f"other.{extension}"

    await record_pictures(path, count=30)

    assert probe(path)["video"]["codec_name"] == encoder


async def test_pictures_become_files_of_their_own(tmp_path: Path) -> None:
    for extension in ("png", "jpg"):
        await record_pictures(tmp_path / f"%d.{extension}")

    assert {each.name for each in tmp_path.iterdir()} == {f"{i}.{kind}" for i in (1, 2, 3) for kind in ("png", "jpg")}
    assert (tmp_path / "1.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "1.jpg").read_bytes().startswith(b"\xff\xd8")


async def test_recording_leaves_time_for_the_call(tmp_path: Path) -> None:
    """The encoder of MP4 looks at no picture twice, and holds none back: it writes its settings into the stream."""
    path = tmp_path / "quick.mp4"

    await record_pictures(path)

    settings = path.read_bytes()
    assert b"mbtree=0" in settings
    assert b"bframes=0" in settings


async def test_a_recorder_records_once(tmp_path: Path) -> None:
    recorder = MediaRecorder(tmp_path / "once.mp4")
    recorder.addTrack(FrameTrack(grey(3, 64, 48)))
    await recorder.start()
    await recorder.start()
    await recorder.wait()
    await recorder.stop()
    await recorder.stop()

    with pytest.raises(MediaError, match="records once"):
        await recorder.start()


def test_what_is_no_track_is_a_type_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        MediaRecorder(tmp_path / "x.mp4").addTrack("a track")  # type: ignore[arg-type]  # what is refused


async def test_a_format_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no encoder of theora"):
        await record_pictures(tmp_path / "pictures.ogg")


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


async def test_a_file_object_that_takes_nothing_ends_the_recording_and_is_told() -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    recorder = MediaRecorder(Full(), format="webm")  # type: ignore[arg-type]  # as much of a file as is written to
    recorder.addTrack(FrameTrack(grey(30, 64, 48)))
    recorder.addTrack(FrameTrack(grey(30, 64, 48)))
    await recorder.start()
    await recorder.wait()

    with pytest.raises(MediaError, match="No space left on device"):
        await recorder.stop()


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


async def test_a_track_that_comes_too_late_is_left_out_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "late.webm"
    video, audio, recorder = EncodedFrameTrack("video"), EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(video)
    recorder.addTrack(audio)
    pictures = encoded_video("video/VP8", 100)
    async with recorder:
        for frame in pictures:
            await video.put(frame)
        video.end()
        while len(recorder._tasks) > sum(each.done() for each in recorder._tasks) + 1:
            await asyncio.sleep(0.01)
        for frame in encoded_sound("audio/opus", 0.1):
            await audio.put(frame)
        audio.end()
        await recorder.wait()

    assert len(numbers(path)) == 100
    assert set(probe(path)) == {"video"}
    assert [record.message for record in caplog.records if record.name == "rtc_media"] == [
        "track 1 delivered nothing in the first 3 s, and is not in the file"
    ]


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


async def test_who_stops_waiting_for_a_recorder_does_not_stop_it(tmp_path: Path) -> None:
    track, recorder = EncodedFrameTrack("audio"), MediaRecorder(tmp_path / "sound.ogg")
    recorder.addTrack(track)
    async with recorder:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await recorder.wait()
        await asyncio.sleep(0)
        assert not any(task.done() or task.cancelling() for task in recorder._tasks)
