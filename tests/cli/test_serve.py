"""The server of `rtc serve` with pages that are Python programs: chat, files, limits, and what strangers may try."""

import asyncio
import hashlib
import json
from pathlib import Path

import aiohttp
import pytest

from rtc_cli import files
from rtc_cli.browser import MAX_CHAT_BACKLOG

from .page import Page, answer_of
from .serving import Serving


async def test_chat_flows_both_ways(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        connected = await serve.event("connected")
        await page.say("hello, Python")
        said = await serve.event("chat")
        serve.server.command("hello, browser")

        assert said["message"] == "hello, Python"
        assert said["browser"] == 1
        assert await page.hear() == "hello, browser"
        assert connected["dtls_version"] == "1.3"


async def test_a_browser_that_does_not_keep_up_loses_lines_and_costs_no_memory(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        for number in range(1000):
            serve.server.command(f"{number} " + "x" * 3000)
        heard = [await page.hear() for _ in range(300)]
        serve.server.command("still there?")
        while not (line := await page.hear()).startswith("still"):
            heard.append(line)

    assert line == "still there?"
    assert [int(text.split()[0]) for text in heard] == list(range(len(heard)))
    assert sum(map(len, heard)) < MAX_CHAT_BACKLOG + 10_000


async def test_statistics_arrive(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        async with asyncio.timeout(10):
            statistics = json.loads(await anext(page.statistics.__aiter__()))

    assert statistics["transport"]["dtlsState"] == "connected"
    assert statistics["transport"]["bytesSent"] > 0
    assert statistics["candidate-pair"]["bytesSent"] > 0


async def test_a_file_arrives_whole_and_under_a_safe_name(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    directory = tmp_path / "made when needed"
    async with Serving.launch(directory) as serve, Page.open(serve.url) as page:
        answer = await page.upload("../../holiday.jpg", content)
        event = await serve.event("file_received")

    sha256 = hashlib.sha256(content).hexdigest()
    assert answer == {"received": len(content), "sha256": sha256}
    assert event["path"] == str(directory / "holiday.jpg")
    assert event["sha256"] == sha256
    assert (directory / "holiday.jpg").read_bytes() == content


async def test_files_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await asyncio.gather(*(page.upload("a.txt", bytes([number]) * 100_000) for number in range(4)))
        await page.upload("empty", b"")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (1).txt", "a (2).txt", "a (3).txt", "a.txt", "empty"]
    contents = {path.read_bytes() for path in tmp_path.glob("a*")}
    assert contents == {bytes([number]) * 100_000 for number in range(4)}


async def test_a_file_goes_to_every_browser(tmp_path: Path) -> None:
    file = tmp_path / "report (final).txt"
    file.write_bytes(bytes(range(256)) * 1000)
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as first, Page.open(serve.url) as second:
        await serve.event("connected")
        await serve.event("connected")
        serve.server.command(f"/send {file}")
        downloads = await asyncio.gather(first.download(), second.download())
        sent = [await serve.event("file_sent"), await serve.event("file_sent")]

    assert list(downloads) == [(file.name, file.read_bytes())] * 2
    assert {event["browser"] for event in sent} == {1, 2}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"name": "large.bin", "size": 1_000_001}, "more than the 1.0 MB"),
        ({"name": "large.bin", "size": 10**18}, "more than the 1.0 MB"),
        ({"name": "x", "size": 10**400}, "without name and size"),
        ({"name": "x", "size": -1}, "without name and size"),
        ({"name": "x", "size": True}, "without name and size"),
        ({"name": 7, "size": 1}, "without name and size"),
        ({"size": 1}, "without name and size"),
        ([], "without name and size"),
        ("not JSON", "without name and size"),
        ("[" * 50_000, "without name and size"),
    ],
)
async def test_what_is_not_acceptable_is_refused_with_the_reason(tmp_path: Path, header: object, reason: str) -> None:
    async with Serving.launch(tmp_path, max_file_length=1_000_000) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file(header)
        answer = await answer_of(channel)
        event = await serve.event("error")

        async with asyncio.timeout(10):
            await channel.wait_for("closed")
    assert reason in str(answer["refused"])
    assert reason in str(event["text"])
    assert list(tmp_path.iterdir()) == []


async def test_more_bytes_than_announced_are_refused(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file({"name": "a.bin", "size": 10})
        channel.send(bytes(11))

        assert "more bytes" in str((await answer_of(channel))["refused"])
        await serve.event("error")
    assert list(tmp_path.iterdir()) == []


async def test_a_transfer_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file({"name": "a.bin", "size": 1000})
        channel.send(bytes(500))
        channel.close()

        assert "stopped after 500 of 1000 bytes" in str((await serve.event("error"))["text"])
    assert list(tmp_path.iterdir()) == []


async def test_a_page_that_leaves_is_noticed(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve:
        async with Page.open(serve.url):
            await serve.event("connected")

        assert (await serve.event("page_closed"))["browser"] == 1


async def test_a_browser_that_never_answers_is_one_sentence(tmp_path: Path) -> None:
    async with (
        Serving.launch(tmp_path, timeout=0.5) as serve,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{serve.url}/signal", headers={"Origin": serve.url}) as signalling,
    ):
        event = await serve.event("error")

        assert event["text"] == "browser 1: no connection within 0.5 s (ICE is new); it never made an offer"
        assert await signalling.receive_json() == {"effect": "mirror", "film": False}
        assert "no connection" in (await signalling.receive_json())["error"]


async def test_nonsense_in_signalling_is_reported_and_survived(tmp_path: Path) -> None:
    nonsense = [
        "not JSON",
        "[" * 50_000,
        '{"description": {"type": "offer", "sdp": "v=1"}}',
        '{"description": {"type": "dance"}}',
        '{"candidate": {"candidate": "x", "sdpMid": "0"}}',
    ]
    async with Serving.launch(tmp_path) as serve, aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{serve.url}/signal", headers={"Origin": serve.url}) as signalling:
            for text in nonsense:
                await signalling.send_str(text)
                assert "unusable" in str((await serve.event("error"))["text"])
        async with Page.open(serve.url):
            await serve.event("connected")


async def test_a_page_that_leaves_in_mid_transfer_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "endless"
    file.write_bytes(bytes(5_000_000))
    directory = tmp_path / "received"
    async with Serving.launch(directory) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        channel = await page.begin_file({"name": "a.bin", "size": 1000})
        channel.send(bytes(500))
        serve.server.command(f"/send {file}")
        await page.files.get()
        while not directory.exists() or not list(directory.iterdir()):
            await asyncio.sleep(0.01)
        await page.socket.close()
        ends = {str((await serve.event("error"))["text"]) for _ in range(2)}

    assert ends == {
        "browser 1: the connection ended before its file had arrived",
        "browser 1: the connection ended before endless had arrived",
    }
    assert list(directory.iterdir()) == []


async def test_a_connection_that_is_silent_for_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IDLE_TIMEOUT", 0.3)
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file({"name": "a.bin", "size": 1000})

        assert "silent for 0.3 s" in str((await answer_of(channel))["refused"])
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_arrives_changed_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"content")
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        serve.server.command(f"/send {file}")
        channel = await page.files.get()
        channel.send(json.dumps({"received": 7, "sha256": hashlib.sha256(b"other").hexdigest()}))

        assert (await serve.event("error"))["text"] == "browser 1: a.bin: it arrived changed"


async def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"content")
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        serve.server.command(f"/send {file}")
        file.unlink()  # before its turn comes
        assert (await serve.event("error"))["text"] == "browser 1: a.bin cannot be read: No such file or directory"
        assert page.files.empty()


async def test_a_page_may_refuse_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(5_000_000))
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        serve.server.command(f"/send {file}")
        channel = await page.files.get()
        channel.send(json.dumps({"refused": "no thanks"}))

        assert (await serve.event("error"))["text"] == "browser 1: a.bin was refused: no thanks"


async def test_a_page_may_stop_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(50_000_000))
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await serve.event("connected")
        serve.server.command(f"/send {file}")
        (await page.files.get()).close()

        assert "a.bin: the receiver stopped it" in str((await serve.event("error"))["text"])


async def test_a_full_disk_is_no_place_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DISK_RESERVE", 10**18)
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        answer = await page.upload("a.bin", b"content")

    assert "the disk has no room" in str(answer["refused"])
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_others_fill_meanwhile_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file({"name": "a.bin", "size": 1000})
        while not list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
        monkeypatch.setattr(files, "DISK_RESERVE", 10**18)
        channel.send(bytes(500))
        assert "the disk has no room" in str((await answer_of(channel))["refused"])
        await serve.event("error")

    assert list(tmp_path.iterdir()) == []


async def test_files_that_are_announced_together_are_counted(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channels = [page.pc.createDataChannel("file") for _ in range(12)]
        answers = await asyncio.gather(*(answer_of(channel) for channel in channels[8:]))

    assert all("on their way" in str(answer["refused"]) for answer in answers)


async def test_what_is_not_http_is_answered_and_not_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with Serving.launch(tmp_path) as serve:
        port = int(serve.url.rpartition(":")[2])
        for garbage in (
            b"\0\1\2\r\n\r\n",
            b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
            b"GET http://[::1 HTTP/1.1\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(garbage)
            async with asyncio.timeout(20):
                assert b" 400 " in await reader.readline()
            writer.close()

    assert capfd.readouterr().err == ""


async def test_a_folder_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_bytes(b"a file where the folder should be")
    async with Serving.launch(blocked / "folder") as serve, Page.open(serve.url) as page:
        answer = await page.upload("a.bin", b"content")
        event = await serve.event("error")

    assert "it cannot be written" in str(answer["refused"])
    assert event["text"] == "browser 1: its file cannot be written: Not a directory"


async def test_unknown_channels_are_closed(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = page.pc.createDataChannel("something else")

        async with asyncio.timeout(10):
            await channel.wait_for("closed")


async def test_one_browser_sends_only_so_many_files_at_once(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve, Page.open(serve.url) as page:
        await asyncio.gather(*(page.begin_file({"name": "a", "size": 10}) for _ in range(8)))

        assert "on their way" in str((await answer_of(page.pc.createDataChannel("file")))["refused"])


async def test_commands_that_cannot_be_done_say_why(tmp_path: Path) -> None:
    async with Serving.launch(tmp_path) as serve:
        for line, why in (
            (f"/send {tmp_path}/nothing", "is not a file"),
            ("/send", "is not a file"),
            (f"/send {'a' * 300}", "cannot be sent: File name too long"),
            ("/send ~nobody-of-this-name/a", "cannot be sent: Could not determine home directory."),
            ("hello?", "no browser is connected"),
            (f"/send {__file__}", "no browser is connected"),
        ):
            serve.server.command(line)
            assert why in str((await serve.event("error"))["text"])
        serve.server.command("/dance")
        assert "/send FILE" in str((await serve.event("help"))["text"])
