"""The page of `rtc serve` as it is, in real browsers: connects, chats, moves files both ways, shows statistics, comes back by itself."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from tests.cli.serving import Serving
from tests.support.installed import codecs_installed
from tests.support.peers import require

from . import browser
from .browser import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

_UNTIL = """const until = async (condition, what) => {
  for (const end = Date.now() + 20000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const value = await condition();
    if (value) return value;
  }
  throw new Error(`waited in vain for ${what}; the page says: ${document.body.innerText}`);
};
const $ = (id) => document.getElementById(id);
const row = (name) => [...document.querySelectorAll("#files li")].find((item) => item.querySelector(".name").textContent === name);
const transfer = (content, name) => { const data = new DataTransfer(); data.items.add(new File([content], name)); return data; };
const choose = (content, name) => { $("picker").files = transfer(content, name).files; $("picker").dispatchEvent(new Event("change")); };
const bytes = (length) => Uint8Array.from({ length }, (_, index) => (index * 7) & 255);
"""


class Stage:
    """A browser that has the page open, and the server behind it."""

    def __init__(self, page: Browser, serving: Serving) -> None:
        self.page = page
        self.server = serving.server
        self.report = serving.report
        self.directory = serving.directory

    async def run(self, code: str, argument: object = None) -> object:
        """Run code in the page."""
        return await self.page.run(_UNTIL + code, argument)

    async def connected(self) -> None:
        """Wait until the page says so."""
        await self.run(
            "await until(() => $('state').textContent === 'connected' && !$('send').disabled, 'the connection');"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=browser.NAMES)
async def launched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One browser for all tests of this file."""
    name: str = request.param
    require(browser.executable(name), f"{name} is not installed")
    serving = Serving(tmp_path_factory.mktemp("received"))
    with codecs_installed(tmp_path_factory.mktemp("metadata")):
        async with Browser.launch(name, site=serving.site) as page:
            yield Stage(page, serving)
            await serving.server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(launched: Stage) -> Stage:
    """The page, connected, and nothing left of the test before."""
    await launched.connected()
    launched.report.events.clear()
    for path in launched.directory.iterdir():
        path.unlink()
    return launched


async def test_chat_flows_both_ways_and_is_text(stage: Stage) -> None:
    await stage.run("$('text').value = argument; $('form').requestSubmit();", "Grüße ☺")
    stage.server.command("<img src=x onerror=alert(1)> & <b>bold</b>")

    said = await stage.report.event("chat")
    assert said["message"] == "Grüße ☺"
    lines = await stage.run(
        "await until(() => $('lines').querySelector('.theirs'), 'a line');"
        "return {text: [...$('lines').children].map((item) => item.textContent), markup: $('lines').querySelectorAll('img, b').length,"
        " field: $('text').value};"
    )
    assert lines == {
        "text": ["You: Grüße ☺", "Python: <img src=x onerror=alert(1)> & <b>bold</b>"],
        "markup": 0,
        "field": "",
    }


@pytest.mark.parametrize("way", ["chosen", "dropped"])
async def test_a_file_reaches_python(stage: Stage, way: str) -> None:
    name = f"photo {way}.bin"
    done = await stage.run(
        "const content = bytes(3_000_001);"
        "if (argument.way === 'chosen') choose(content, argument.name);"
        "else $('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: transfer(content, argument.name), cancelable: true}));"
        "const item = await until(() => row(argument.name), 'the transfer');"
        "await until(() => item.classList.contains('done') || item.classList.contains('failed'), 'its end');"
        "return {text: item.querySelector('.fact').textContent, sha256: item.querySelector('.fact').title};",
        {"way": way, "name": name},
    )
    received = await stage.report.event("file_received")

    content = bytes((index * 7) & 255 for index in range(256)) * (3_000_001 // 256 + 1)
    content = content[:3_000_001]
    sha256 = hashlib.sha256(content).hexdigest()
    assert "✓ 3.0 MB" in cast("dict[str, str]", done)["text"]
    assert cast("dict[str, str]", done)["sha256"] == received["sha256"] == sha256
    assert (stage.directory / name).read_bytes() == content


async def test_many_files_at_once_arrive_all(stage: Stage) -> None:
    await stage.run(
        "for (let index = 0; index < 12; index += 1) choose(bytes(200_000 + index), `many ${index}`);"
        "await until(() => [...Array(12).keys()].every((index) => row(`many ${index}`)?.classList.contains('done')), 'twelve files');"
    )

    assert {path.name for path in stage.directory.iterdir()} == {f"many {index}" for index in range(12)}


@pytest.mark.parametrize("length", [0, 5_000_000])
async def test_a_file_from_python_can_be_saved_under_its_name(stage: Stage, tmp_path: Path, length: int) -> None:
    file = tmp_path / f"from python {length} ü.bin"
    file.write_bytes(bytes(range(250)) * (length // 250))
    await stage.run(
        "globalThis.blobs ??= (() => { const blobs = new Map(), make = URL.createObjectURL;"
        " URL.createObjectURL = (blob) => { const url = make.call(URL, blob); blobs.set(url, blob); return url; }; return blobs; })();"
    )
    stage.server.command(f"/send {file}")
    saved = await stage.run(
        "const link = await until(() => row(argument)?.querySelector('a'), 'the link');"
        "const content = await blobs.get(link.href).arrayBuffer();"
        "const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', content));"
        "return {name: link.download, length: content.byteLength, sha256: [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('')};",
        file.name,
    )
    sent = await stage.report.event("file_sent")

    assert saved == {"name": file.name, "length": length, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert sent["size"] == length


async def test_a_file_that_is_too_large_is_refused_with_the_reason(stage: Stage) -> None:
    text = await stage.run(
        "choose(new Blob([new Uint8Array(60_000_000), new Uint8Array(60_000_000)]), 'too large');"
        "return await until(() => row('too large')?.classList.contains('failed') && row('too large').querySelector('.fact').textContent, 'the refusal');"
    )

    assert "more than the 100.0 MB that are accepted" in str(text)
    assert list(stage.directory.iterdir()) == []


async def test_a_transfer_can_be_cancelled_in_the_page(stage: Stage) -> None:
    text = await stage.run(
        "choose(new Uint8Array(90_000_000), 'long');"
        "const item = await until(() => row('long'), 'the transfer');"
        "await until(() => item.querySelector('progress')?.value > 1_000_000, 'progress');"
        "item.querySelector('button').click();"
        "await until(() => item.classList.contains('failed'), 'the end');"
        "return item.querySelector('.fact').textContent;"
    )
    error = await stage.report.event("error")

    assert text == "✗ cancelled"
    assert "the sender stopped after" in str(error["text"])
    assert list(stage.directory.iterdir()) == []


async def test_statistics_of_both_ends_are_shown_and_live(stage: Stage) -> None:
    shown = await stage.run(
        "const cells = () => Object.fromEntries([...$('facts').rows].map((line) => [line.cells[0].textContent, [...line.cells].slice(1).map((cell) => cell.textContent)]));"
        "await until(() => cells().sent?.every((text) => text.includes('B')) && $('up').textContent.endsWith('/s'), 'both ends');"
        "const before = cells(); await until(() => ['sent', 'received'].some((line) => cells()[line][1] !== before[line][1]), 'change');"
        "return cells();"
    )
    table = cast("dict[str, list[str]]", shown)

    assert set(table) == {"address", "round trip", "sent", "received", "security", "roles"}
    assert "packets" in table["sent"][1]
    assert "packets" in table["received"][1]
    assert "DTLS 1.3" in table["security"][1]
    assert "TLS_AES_128_GCM_SHA256" in table["security"][1]
    assert table["round trip"][1].endswith(" ms")
    assert "(host)" in table["address"][1]


_PICTURES = """
const context = Object.assign(document.createElement('canvas'), {width: 64, height: 48}).getContext('2d', {willReadFrequently: true});
const look = (name) => {
  context.drawImage($(name), 0, 0, 64, 48);
  const pixels = context.getImageData(0, 0, 64, 48).data;
  return [...Array(64 * 48).keys()].map((index) => 0.299 * pixels[4 * index] + 0.587 * pixels[4 * index + 1] + 0.114 * pixels[4 * index + 2]);
};
const facts = () => Object.fromEntries([...$('call-facts').rows].map((line) => [line.cells[0].textContent, [...line.cells].slice(1).map((cell) => cell.textContent)]));
const choose_effect = (name) => { $('effect').value = name; $('effect').dispatchEvent(new Event('change')); };
"""


async def test_a_call_shows_what_python_sends_back(stage: Stage) -> None:
    shown = await stage.run(
        _PICTURES + "$('drawing').click();"
        "await until(() => $('theirs').videoWidth, 'a picture from Python');"
        "await until(() => /[1-9]/.test(facts()['bit rate'][1]) && /[1-9]\\d* a second/.test(facts().picture[1]), 'figures');"
        "const loud = (name) => +$(name).getAttribute('aria-valuenow');"
        # Without a sound device Firefox' AudioContext does not run.
        "if (!navigator.userAgent.includes('Firefox')) await until(() => loud('meter-mine') > 5 && loud('meter-heard') > 5 && loud('meter-theirs') > 5, 'sound, here, there and back');"
        "return {size: $('theirs-size').textContent, facts: facts(), live: $('tiles').classList.contains('live')};"
    )
    table = cast("dict[str, dict[str, list[str]]]", shown)

    assert (await stage.report.event("call"))["effect"] == "mirror"
    assert cast("dict[str, object]", shown)["live"] is True
    assert str(table["size"]).split()[0] in {"160", "320", "480", "640"}
    assert set(table["facts"]) == {"picture", "codec", "bit rate", "lost", "jitter"}
    assert table["facts"]["codec"][0] in {"VP8", "VP9", "H264", "AV1"}


async def test_a_test_card_replaces_the_picture_and_the_call_ends(stage: Stage) -> None:
    bars = await stage.run(
        _PICTURES + "choose_effect('card');"
        # White, then yellow, cyan ... black: brightness falls from the left to the right of the bars.
        "const falls = () => { const seen = look('theirs'), bars = [...Array(8).keys()].map((bar) => seen[5 * 64 + 8 * bar + 4]);"
        " return bars.every((value, index) => !index || value < bars[index - 1] + 6) && bars[0] > 150 && bars[7] < 40 && bars; };"
        "const bars = await until(falls, 'the bars');"
        "$('hang-up').click();"
        "await until(() => !$('tiles').classList.contains('live') && $('hang-up').disabled, 'the end');"
        "return bars;"
    )

    assert len(cast("list[float]", bars)) == 8
    assert (await stage.report.event("effect"))["effect"] == "card"


async def test_the_page_comes_back_by_itself(stage: Stage) -> None:
    await stage.server.close()
    await stage.report.event("page_closed")
    await stage.report.event("connected")
    await stage.connected()
    await stage.run("$('text').value = 'I am back'; $('form').requestSubmit();")

    assert (await stage.report.event("chat"))["message"] == "I am back"


async def test_every_control_has_a_name(stage: Stage) -> None:
    nameless = await stage.run(
        "return [...document.querySelectorAll('button, input, select, video, progress, section, ol, ul, table, [role=meter]')].filter((item) => !("
        "item.getAttribute('aria-label') || item.getAttribute('aria-labelledby') || item.labels?.length || item.caption"
        " || (item.tagName === 'BUTTON' && item.textContent.trim()))).map((item) => item.outerHTML);"
    )

    assert nameless == []


@pytest.mark.parametrize("name", browser.NAMES)
async def test_another_site_in_the_same_browser_cannot_reach_it(name: str, tmp_path: Path) -> None:
    require(browser.executable(name), f"{name} is not installed")
    async with Serving.launch(tmp_path) as serving, Browser.launch(name) as elsewhere:
        outcome = await elsewhere.run(
            "const socket = new WebSocket(`${argument.replace('http', 'ws')}/signal`);"
            "const opened = await new Promise((resolve) => { socket.onopen = () => resolve(true); socket.onclose = () => resolve(false); });"
            "const read = await fetch(argument).then((response) => response.text()).catch(() => null);"
            "return {opened, read};",
            serving.url,
        )

    assert outcome == {"opened": False, "read": None}
    assert serving.report.events == []
