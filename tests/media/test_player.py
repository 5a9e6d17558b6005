"""Players: files come as tracks, at their pace, and no thread stays."""

import asyncio
import gc
import itertools
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from rtc_asyncio import EncodedFrameTrack, MediaStreamError, MediaStreamTrack
from rtc_media import MediaError, MediaPlayer, MediaRecorder, VideoDecoder, player, player_reader, read_picture_number
from rtc_rtp import EncodedFrame, payload_format

from .files import encoded_sound, encoded_video, record
from .support import cards, codec, luma, pictures, samples, similarity, sines, spectrum


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


@pytest.mark.parametrize("decode", [True, False])
async def test_nothing_is_lost_of_a_stream_that_lasts_longer_than_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, decode: bool
) -> None:
    """The sound ends after half a second; the pictures go on at their pace, and none is passed over."""
    path = tmp_path / "long.webm"
    video, audio, recorder = EncodedFrameTrack("video"), EncodedFrameTrack("audio"), MediaRecorder(path)
    recorder.addTrack(video)
    recorder.addTrack(audio)
    await record(recorder, (video, encoded_video("video/VP8", 60)), (audio, encoded_sound("audio/opus")))
    for module in (player, player_reader):
        monkeypatch.setattr(module, "QUEUE_SECONDS", 0.4)
    monkeypatch.setattr(player_reader, "READ_AHEAD", 0.1)

    async with await MediaPlayer.open(path, decode=decode) as played:
        assert played.audio is not None
        assert played.video is not None
        seen, heard = await asyncio.gather(all_of(played.video), all_of(played.audio))

    assert len(seen) == 60
    assert len(heard) >= 25


async def test_a_track_that_is_read_no_more_does_not_keep_the_other_from_its_end(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (player, player_reader):
        monkeypatch.setattr(module, "QUEUE_SECONDS", 0.2)
    monkeypatch.setattr(player_reader, "READ_AHEAD", 0.1)
    monkeypatch.setattr(player_reader, "STALLED", 0.1)

    async with asyncio.timeout(20), MediaPlayer(film) as played:
        assert played.audio is not None
        assert played.video is not None
        await played.video.recv()
        assert len(await all_of(played.audio)) > 10


async def test_a_player_that_is_forgotten_is_told_of_and_ends(film: Path) -> None:
    players = [MediaPlayer(film, loop=True)]
    assert players[0].video is not None
    await players[0].video.recv()
    players.clear()

    with pytest.warns(ResourceWarning, match="unclosed player"):
        gc.collect()

    async with asyncio.timeout(5):
        while any(thread.name == "media-player" for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_a_source_that_says_nothing_is_given_up_in_words() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MediaError, match="cannot be opened: it took longer than the timeout"):
            await MediaPlayer.open(f"http://127.0.0.1:{port}/film.webm", timeout=0.3)


@pytest.mark.parametrize("decode", [True, False])
async def test_a_file_that_was_put_together_of_two_is_played_on(tmp_path: Path, *, decode: bool) -> None:
    """Times begin anew in the middle, and the sound has other channels and another rate: as on television."""
    path = tmp_path / "two.ts"
    parts = []
    for layout, rate, size in (("mono", 44_100, (160, 120)), ("stereo", 48_000, (320, 240))):
        with av.open(tmp_path / "part.ts", "w") as container:
            video = container.add_stream("libx264", rate=30, options={"tune": "zerolatency"})
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
            audio = container.add_stream("aac", rate=rate)
            audio.layout = layout
            for frame in cards(15, *size):
                container.mux(video.encode(frame))
            for sound in sines(0.5, rate=rate):
                container.mux(audio.encode(sound))
            container.mux(video.encode(None))
            container.mux(audio.encode(None))
        parts.append((tmp_path / "part.ts").read_bytes())
    path.write_bytes(b"".join(parts))

    async with MediaPlayer(path, decode=decode) as played:
        seen = await all_of(played.video)
        assert played.error is None
        heard = await all_of(played.audio) if played.audio is not None else []

    assert len(seen) >= 29
    times = [each.timestamp / 90_000 if isinstance(each, EncodedFrame) else each.time for each in seen]  # type: ignore[attr-defined]
    steps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(steps) > 0
    assert max(steps) < 0.2
    if decode:
        assert sum(each.samples for each in heard if isinstance(each, av.AudioFrame)) > 0.9 * 48_000
        assert spectrum(samples(heard)[4800:], 48_000)[0] == pytest.approx(440, abs=6)


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


@pytest.mark.parametrize(
    ("name", "says"),
    [("none.mp4", "No such file or directory"), ("bad.mp4", "Invalid data found when processing input")],
)
def test_errors_say_what_is_wrong_in_words(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(100))

    with pytest.raises(MediaError) as refused:
        MediaPlayer(tmp_path / name)

    assert str(refused.value) == f"{tmp_path / name} cannot be opened: {says}"


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
