"""Who may use the site of `rtc serve`: Host, Origin, and what the page itself may do."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from rtc_cli.site import MAX_SIGNALLING_LENGTH, application, is_allowed_host, is_own_origin


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "192.0.2.7", "desk.example:80"]
)
def test_ip_addresses_localhost_and_named_hosts_are_served(host: str) -> None:
    assert is_allowed_host(host, ["desk.example"])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil@localhost",
        "",
        "0x7f.1",
        "[::1",
        "::1",
        "a:b:c",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_allowed_host(host, ["desk.example"])


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://127.0.0.1:8080", True),
        ("http://127.0.0.1:9090", False),
        ("http://localhost:8080", False),
        ("http://evil.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_only_the_page_itself_is_its_own_origin(origin: str | None, own: bool) -> None:
    assert is_own_origin(origin, "127.0.0.1:8080") is own


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async def on_socket(socket: web.WebSocketResponse) -> None:
        await socket.send_str("welcome")
        async for message in socket:
            await socket.send_str(f"{len(message.data)}")

    runner = web.AppRunner(application([], on_socket), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_page_and_everything_it_names_is_there(url: str, client: aiohttp.ClientSession) -> None:
    types = {}
    for path in ("/", "/app.js", "/session.js", "/chat.js", "/files.js", "/style.css", "/icon.svg"):
        async with client.get(url + path) as response:
            assert response.status == 200
            types[path] = response.content_type

    assert types["/"] == "text/html"
    assert types["/app.js"] == "text/javascript"
    assert types["/style.css"] == "text/css"


async def test_nothing_else_is(url: str, client: aiohttp.ClientSession) -> None:
    for path in ("/index.html", "/../site.py", "/%2e%2e/site.py", "/page/app.js", "/.env"):
        async with client.get(url + path) as response:
            assert response.status == 404


async def test_the_page_may_load_nothing_from_elsewhere_and_run_no_inline_script(
    url: str, client: aiohttp.ClientSession
) -> None:
    async with client.get(url) as response:
        policy = response.headers["Content-Security-Policy"]
        text = await response.text()

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script type=" in text
    assert "<script>" not in text
    assert re.search(r"\son\w+=", text) is None
    assert "style=" not in text


async def test_no_module_writes_html(url: str, client: aiohttp.ClientSession) -> None:
    for path in ("/app.js", "/session.js", "/chat.js", "/files.js", "/transfer_row.js", "/statistics.js", "/units.js"):
        async with client.get(url + path) as response:
            text = await response.text()
        for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
            assert name not in text


async def test_a_rebound_name_is_refused_everywhere(url: str, client: aiohttp.ClientSession) -> None:
    for path in ("/", "/app.js", "/signal"):
        async with client.get(
            url + path, headers={"Host": "evil.example", "Origin": "http://evil.example"}
        ) as response:
            assert response.status == 403


async def test_the_page_may_signal(url: str, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(f"{url}/signal", headers={"Origin": url}) as socket:
        assert await socket.receive_str() == "welcome"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", None])
async def test_another_site_may_not(url: str, client: aiohttp.ClientSession, origin: str | None) -> None:
    headers = {} if origin is None else {"Origin": origin}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(f"{url}/signal", headers=headers)

    assert refused.value.status == 403


async def test_a_signalling_message_has_a_limit(url: str, client: aiohttp.ClientSession) -> None:
    async with client.ws_connect(f"{url}/signal", headers={"Origin": url}) as socket:
        await socket.receive_str()
        await socket.send_str("x" * (MAX_SIGNALLING_LENGTH + 1))
        answer = await socket.receive()

    assert answer.type is aiohttp.WSMsgType.CLOSE
    assert answer.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
