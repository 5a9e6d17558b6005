"""Calls with `rtc serve`, `rtc play` and `rtc record`: pages that are Python programs send a test card and read what comes back."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest
from aiohttp import web
from click.testing import CliRunner
from tests.support.installed import codecs_installed

from rtc_asyncio import MediaStreamTrack, RTCPeerConnection, RTCRtpTransceiver
from rtc_cli.errors import CommandError
from rtc_cli.main import main
from rtc_cli.record import Options, run_record
from rtc_media import MediaRecorder, TestCardTrack, ToneTrack, read_picture_number

from .page import Page
from .serving import Serving


@pytest.fixture(autouse=True)
def codecs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with codecs_installed(tmp_path_factory.mktemp("metadata")):
        yield


async def call(page: Page, *tracks: MediaStreamTrack) -> list[RTCRtpTransceiver]:
    """Offer media in the connection that is there."""
    transceivers = [page.pc.addTransceiver(track) for track in tracks]
    await page.pc.setLocalDescription()
    assert page.pc.localDescription is not None
    await page.socket.send_json({"description": page.pc.localDescription.toJSON()})
    return transceivers


async def picture(transceiver: RTCRtpTransceiver, looks_right: Callable[[av.VideoFrame], bool]) -> av.VideoFrame:
    """The first picture of those that arrive that is what we wait for."""
    async with asyncio.timeout(30):
        while True:
            frame = await transceiver.receiver.track.recv()
            assert isinstance(frame, av.VideoFrame)
            if looks_right(frame):
                return frame


def is_card(frame: av.VideoFrame) -> bool:
    return read_picture_number(frame) is not None and not is_dim(frame)


def is_mirrored(frame: av.VideoFrame) -> bool:
    return is_card(av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24")[:, ::-1].copy()))


def is_dim(frame: av.VideoFrame) -> bool:
    """Whether the white bar has lost its white: where there is no edge, little of the picture is left."""
    return bool(frame.to_ndarray(format="gray")[5, frame.width // 16] < 130)


async def test_the_picture_comes_back_mirrored_and_in_every_other_way(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serving, Page.open(serving.url) as page:
        video, audio = await call(page, TestCardTrack(320, 240), ToneTrack(440, level_dbov=-20))
        assert (await serving.event("call"))["effect"] == "mirror"
        assert (await picture(video, is_mirrored)).width == 320

        for effect, looks_right in (("same", is_card), ("edges", is_dim), ("same", is_card), ("mirror", is_mirrored)):
            await page.socket.send_json({"effect": effect})
            assert (await serving.event("effect"))["effect"] == effect
            assert (await picture(video, looks_right)).width == 320
        await page.socket.send_json({"effect": "card"})
        assert (await picture(video, lambda frame: is_card(frame) and frame.width == 640)).height == 480
        sound = await audio.receiver.track.recv()
        assert isinstance(sound, av.AudioFrame)
        await page.socket.send_json({"effect": "nonsense"})


async def test_python_tells_how_loud_the_page_is_and_what_it_counts(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serving, Page.open(serving.url) as page:
        await call(page, TestCardTrack(160, 120), ToneTrack(440, level_dbov=-20))
        level: float | None = None
        streams: list[dict[str, object]] = []
        async with asyncio.timeout(30):
            async for message in page.statistics:
                told = json.loads(message)
                level = told.get("level", level)
                streams = told.get("streams", streams)
                if (
                    level is not None
                    and level > -30
                    and any(int(str(each.get("framesDecoded", 0))) > 5 for each in streams)
                ):
                    break

    assert level == pytest.approx(-20, abs=2)
    assert {(each["type"], each["kind"]) for each in streams} == {
        (way, kind) for way in ("inbound-rtp", "outbound-rtp") for kind in ("audio", "video")
    }


@pytest.fixture
async def film(tmp_path: Path) -> Path:
    """A second of test card and tone."""
    path = tmp_path / "film.webm"
    recorder = MediaRecorder(path)
    card = TestCardTrack(160, 120)
    recorder.addTrack(card)
    recorder.addTrack(ToneTrack(440))
    async with recorder, asyncio.timeout(20):
        while card._number < 30:
            await asyncio.sleep(0.05)
    return path


async def test_what_is_played_is_recorded_without_a_codec(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "call.webm"
    async with Serving.launch(tmp_path, film=film) as serving:
        options = Options(url=serving.url, file=recording, duration=1.5, encode=False, timeout=20)
        await run_record(options, as_json=True)

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["event"] for each in events] == ["connected", "recorded"]
    assert events[-1]["video"] > 10
    with av.open(recording) as container:
        assert {stream.codec_context.name.removeprefix("lib") for stream in container.streams} == {"vp8", "opus"}
        numbers = [read_picture_number(frame) for frame in container.decode(video=0)]
    assert len(numbers) > 10
    assert None not in numbers


@pytest.mark.parametrize(
    ("name", "held"),
    [("call.mp4", {"h264", "opus"}), ("call.ivf", {"vp8"}), ("call.opus", {"opus"}), ("call.wav", {"pcm_mulaw"})],
)
async def test_the_session_is_asked_for_what_the_file_can_hold(
    film: Path, tmp_path: Path, name: str, held: set[str]
) -> None:
    async with Serving.launch(tmp_path, film=film) as serving:
        options = Options(url=serving.url, file=tmp_path / name, duration=1.0, encode=False, timeout=20)
        await run_record(options, as_json=True)

    with av.open(tmp_path / name) as container:
        assert {stream.codec_context.name.removeprefix("lib") for stream in container.streams} == held


@contextlib.asynccontextmanager
async def whep(*, shows: bool = True, lasts: float | None = None) -> AsyncIterator[str]:
    """A WHEP endpoint that shows a test card, or keeps it to itself, and its URL."""
    connections = []

    async def watch(request: web.Request) -> web.Response:
        pc = RTCPeerConnection()
        connections.append(pc)
        await pc.setRemoteDescription({"type": "offer", "sdp": await request.text()})
        sender = pc.addTrack(TestCardTrack(160, 120))
        if not shows:
            await sender.replaceTrack(None)
        await pc.setLocalDescription()
        while pc.iceGatheringState != "complete":
            await asyncio.sleep(0.01)
        assert pc.localDescription is not None
        if lasts is not None:
            asyncio.get_running_loop().call_later(lasts, pc.close)
        return web.Response(status=201, text=pc.localDescription.sdp, content_type="application/sdp")

    site = web.Application()
    site.router.add_post("/whep/room", watch)
    serving = web.AppRunner(site)
    await serving.setup()
    await web.TCPSite(serving, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{serving.addresses[0][1]}/whep/room"
    finally:
        for pc in connections:
            await pc.close()
        await serving.cleanup()


async def test_a_whep_endpoint_is_recorded(tmp_path: Path) -> None:
    recording = tmp_path / "call.webm"
    async with whep() as url:
        options = Options(url=url, file=recording, duration=1.5, encode=False, timeout=20)
        await run_record(options, as_json=True)
        with pytest.raises(CommandError, match="answers 404"):
            await run_record(replace(options, url=f"{url}/elsewhere"), as_json=True)

    with av.open(recording) as container:
        numbers = [read_picture_number(frame) for frame in container.decode(video=0)]
    assert len(numbers) > 10
    assert numbers == sorted(number or 0 for number in numbers)


@pytest.mark.parametrize(("name", "target"), [("call.webm", "/proc/call.webm"), ("call.rtpdump", "/dev/full")])
async def test_a_file_that_takes_no_more_ends_the_recording(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / name).symlink_to(target)
    async with whep() as url, asyncio.timeout(30) as limit:
        options = Options(url=url, file=tmp_path / name, duration=None, encode=False, timeout=20)
        with pytest.raises(CommandError, match="the file cannot be written"):
            await run_record(options, as_json=True)

    assert not limit.expired()


async def test_a_recording_ends_with_the_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever is recorded hangs up, by WHEP or with the page's WebSocket, and nobody waits until the path is given up."""
    async with asyncio.timeout(25):
        async with whep(lasts=0.7) as url:
            await run_record(
                Options(url=url, file=tmp_path / "a.webm", duration=None, encode=False, timeout=20), as_json=True
            )
        async with Serving.launch(tmp_path) as serving:
            options = Options(url=serving.url, file=tmp_path / "b.webm", duration=None, encode=False, timeout=20)
            recording = asyncio.create_task(run_record(options, as_json=True))
            await serving.event("call")
            await asyncio.sleep(1.0)
        await recording

    told = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert told.count("recorded") == 2


async def test_a_recording_of_nothing_is_a_failure(tmp_path: Path) -> None:
    async with whep(shows=False) as url:
        options = Options(url=url, file=tmp_path / "call.webm", duration=0.3, encode=False, timeout=20)
        with pytest.raises(CommandError, match="nothing was recorded"):
            await run_record(options, as_json=True)


async def test_who_is_one_too_many_is_told_so_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_cli.serve.MAX_BROWSERS", 0)
    async with Serving.launch(tmp_path) as serving:
        options = Options(url=serving.url, file=tmp_path / "call.webm", duration=1, encode=False, timeout=60)
        async with asyncio.timeout(20):
            with pytest.raises(CommandError, match="too many visitors"):
                await run_record(options, as_json=True)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    result = CliRunner().invoke(main, ["play", str(tmp_path / "pipe"), "--port", "0"])

    assert result.exit_code == 1
    assert "is no file" in result.output


def test_what_cannot_be_recorded_or_played_is_one_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("no film")
    for arguments, sentence in (
        (["record", "nonsense", "-o", str(tmp_path / "x.webm")], "is no URL that begins with http"),
        (["record", "http://127.0.0.1:1/", "-o", str(tmp_path / "x.webm")], "127.0.0.1:1"),
        (["play", str(text), "--port", "0"], "cannot be opened"),
        (
            ["play", str(text), "--stun", "stun:stun.example.org", "--allow-name", "here", "--max-file", "1"],
            "cannot be opened",
        ),
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1
        assert sentence in result.output
        assert "Traceback" not in result.output
