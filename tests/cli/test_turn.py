"""`rtc turn`: its file, its process as a user has it, and its page."""

import asyncio
import contextlib
import json
import signal
import socket
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

import aiohttp
import pytest
from click.testing import CliRunner
from tests.asyncio.turn_party import HOST, Peer, TurnParty, certificate
from tests.cli.process import command, environment

from rtc_asyncio import TurnListener
from rtc_cli import turn_options
from rtc_cli.errors import CommandError
from rtc_cli.main import main
from rtc_cli.turn import Options, check
from rtc_cli.turn_options import OPTIONS, Settings, example
from rtc_cli.turn_tokens import GcmKey
from rtc_stun import LongTermCredential, long_term_key
from rtc_turn import Allocated, TokenContents, TokenGrant, TokenWanted, TurnConfig, time_limited_credential


def says(folder: Path, text: str) -> Options:
    """Options with a file."""
    file = folder / "turn.toml"
    file.write_text(text)
    file.chmod(0o600)
    return Options(file=file)


# The file.


def uncommented(text: str) -> str:
    """The example with every option in force."""
    lines = (line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines())
    return "\n".join(lines)


def test_the_example_names_every_option_with_its_default() -> None:
    document = tomllib.loads(example())
    said = {
        f"{section}.{name}": value
        for section, inner in document.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
    }
    explained = tomllib.loads(
        uncommented(example()).replace("64 hexadecimal digits", 64 * "0").replace("32 hexa", 8 * "0")
    )
    paths = {
        "realm",
        *(f"{section}.{name}" for section, inner in explained.items() if isinstance(inner, dict) for name in inner),
    }

    assert {path for path in paths if not path.startswith("users.")} == set(OPTIONS)
    for path, value in said.items():
        assert OPTIONS[path].read(value) == OPTIONS[path].default, path


def test_the_example_marks_what_counts_at_once() -> None:
    text = example()
    for path, option in OPTIONS.items():
        if option.is_live:
            name = path.partition(".")[2]
            section = text[text.index(f"[{path.partition('.')[0]}]") :]
            above = section[: section.index(f"{name} = ")].splitlines()
            # Its comment, or that of the options that share it.
            while (above and not above[-1].startswith("# ")) or " = " in above[-1]:
                above.pop()
            assert "(live)" in " ".join(above[-3:]), path


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[listen]\nupd = 3478", "there is no option listen.upd; is it listen.udp?"),
        ("nonsense", "t.*turn.toml: .*"),
        ("[listen]\nudp = 70000", "listen.udp must be a port from 1 to 65535, or false"),
        ("[listen]\nudp = true", "listen.udp must be a port"),
        ("[listen]\nhosts = ['example.org']", "listen.hosts must be IP addresses, and 'example.org' is none"),
        ("listen = 3", "there is no option listen"),
        ("[relay]\nports = [9, 8]", "relay.ports must be"),
        ("[relay]\nexternal = 3", "relay.external must be a table"),
        ("[relay]\nfamilies = ['ipx']", "relay.families must be a list of"),
        ("[relay]\ntcp = 1", "relay.tcp must be true or false"),
        ("[peers]\nallowed = ['10.0.0.1/8']", "peers.allowed must be networks"),
        ("[limits]\nallocations = 0", "limits.allocations must be a whole number"),
        ("[limits]\nlifetime = 100\nmax_lifetime = 99\n[users]\na = 'b'", "longer than"),
        ("[log]\nformat = 'xml'", 'log.format must be "text" or "json"'),
        ("[users]\nalice = 3", "users.alice must be a password"),
        ("[users]\nalice = { sha256 = 'ab' }", "users.alice must be 64 hexadecimal digits"),
        ("[listen]\nudp = false\ntcp = false\n[users]\na = 'b'", "no port to listen on"),
        ("[tls]\nkey = 'x'\n[users]\na = 'b'", "go together"),
        ("[credentials]\ntoken_server = 'x'", "go together"),
        ("[credentials]\ntoken_keys = { north = '12' }", "token_keys must be 32 or 64 hexadecimal digits"),
        ("[credentials]\ntoken_keys = 3", "token_keys must be a table"),
        ("[tls]\nkey = '/nowhere'\ncertificate = '/nowhere'\n[users]\na = 'b'", "/nowhere: No such file"),
        ("", "nobody could use this server"),
    ],
)
def test_what_makes_no_sense_is_said_in_words(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=complaint):
        check(says(tmp_path, text))


def test_what_the_command_line_says_counts_more() -> None:
    settings = Settings.parse({"realm": "a", "users": {"alice": "x"}, "listen": {"udp": 1}})
    settings = settings.with_values({"realm": "b"}, {"bob": "y"})

    assert (settings[turn_options.REALM], settings[turn_options.UDP], settings.users) == (
        "b",
        1,
        {"alice": "x", "bob": "y"},
    )
    with pytest.raises(ValueError, match="must be networks"):
        settings.with_values({"peers.allowed": ["x"]}, {})


def test_a_key_stands_for_a_password() -> None:
    runner = CliRunner()
    result = runner.invoke(main, ["turn", "--realm", "example.org", "--key", 'al"ice'], input="secret\nsecret\n")
    users = Settings.parse({"users": tomllib.loads(result.stdout)}).users

    assert users == {
        'al"ice': {
            "sha256": long_term_key('al"ice', "example.org", "secret", 2),
            "md5": long_term_key('al"ice', "example.org", "secret", 1),
        }
    }
    assert runner.invoke(main, ["turn", "--key", "alice"]).exit_code == 2


def test_checking_opens_nothing(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    file = tmp_path / "turn.toml"
    file.write_text(f"[users]\na = 'b'\n[tls]\ncertificate = '{made.chain_file}'\nkey = '{made.key_file}'\n")
    result = CliRunner().invoke(main, ["turn", "-c", str(file), "--check", "--realm", "example.org"])

    assert result.exit_code == 0
    assert result.stdout == "realm example.org, udp 3478, tcp 3478, tls 5349, dtls 5349, 1 user: this would run\n"
    assert CliRunner().invoke(main, ["turn", "--user", "alice"]).exit_code == 2
    assert CliRunner().invoke(main, ["turn", "--check", "--user", "a:b", "--allow-peer", "x"]).exit_code == 1
    assert "relay" in CliRunner().invoke(main, ["turn", "--example"]).stdout


# The process.


class Turn:
    """A running `rtc turn`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, object]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(cls, *arguments: str) -> AsyncIterator[Self]:
        process = await asyncio.create_subprocess_exec(
            *command("turn", "--json", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        turn = cls(process)
        try:
            yield turn
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def event(self, name: str) -> dict[str, object]:
        """The next event of this name; others are kept in `events`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while line := await self._process.stdout.readline():
                event = json.loads(line)
                self.events.append(event)
                if event["event"] == name:
                    return dict(event)
        assert self._process.stderr is not None
        raise AssertionError((self.events, await self._process.stderr.read()))

    def listener(self, transport: str) -> TurnListener:
        """Where to come."""
        scheme, kind = {
            "udp": ("turn", "udp"),
            "tcp": ("turn", "tcp"),
            "tls": ("turns", "tcp"),
            "dtls": ("turns", "udp"),
        }[transport]
        uris = [str(each["uri"]) for each in self.events if each["event"] == "listening"]
        (found,) = (each for each in uris if each.startswith(f"{scheme}:") and each.endswith(f"={kind}"))
        host, port = found.partition(":")[2].partition("?")[0].split(":")
        return TurnListener(transport=transport, host=host, port=int(port))  # type: ignore[arg-type] # a literal

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def end(self) -> tuple[int | None, str]:
        async with asyncio.timeout(20):
            _, errors = await self._process.communicate()
        return self._process.returncode, errors.decode()


@pytest.fixture
def unused_port() -> Callable[[], int]:
    """Finds ports that nobody has, for UDP and TCP alike."""

    def find() -> int:
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
                udp.bind((HOST, 0))
                port = int(udp.getsockname()[1])
                with contextlib.suppress(OSError):
                    tcp.bind((HOST, port))
                    return port

    return find


@pytest.fixture
def ports(unused_port: Callable[[], int]) -> str:
    """A section with ports that are free."""
    names = ("udp", "tcp", "tls", "dtls")
    return f"[listen]\nhosts = ['{HOST}']\n" + "".join(f"{name} = {unused_port()}\n" for name in names)


async def test_as_an_administrator_has_it(tmp_path: Path, ports: str) -> None:
    made = certificate(tmp_path)
    text = f"realm = 'example.org'\n{ports}[tls]\ncertificate = '{made.chain_file}'\nkey = '{made.key_file}'\n"
    text += "[peers]\nallowed = ['127.0.0.0/8']\n[credentials]\nsecrets = ['north']\n"
    options = says(tmp_path, text + "[users]\nalice = 'secret'\n")
    assert options.file is not None
    async with Turn.launch("--config", str(options.file)) as turn:
        await turn.event("ready")
        peer = Peer()
        for transport in ("udp", "tcp", "tls", "dtls"):
            async with TurnParty.at(turn.listener(transport)) as party:
                await party.allocate()
                assert await party.send(b"hello", peer.address) == b"HELLO"
                allocated = await turn.event("allocated")
                assert (allocated["username"], allocated["transport"]) == ("alice", transport)
        peer.socket.close()
        service = time_limited_credential("north", "carol", expires_at=2e9)
        async with TurnParty.at(turn.listener("udp"), credential=service) as party:
            await party.allocate()

        options.file.write_text(
            text.replace("north", "south").replace("'example.org'", "'other.org'") + "[users]\nbob = 'x'\n"
        )
        turn.signal(signal.SIGHUP)
        reloaded = await turn.event("reloaded")
        assert reloaded["waiting"] == ["realm"]
        options.file.write_text("[users")
        turn.signal(signal.SIGHUP)
        assert "nothing was changed" in str((await turn.event("error"))["text"])
        for credential in (service, LongTermCredential(username="alice", password="secret")):
            async with TurnParty.at(turn.listener("udp"), credential=credential) as party:
                with pytest.raises(AssertionError, match="REFUSED"):
                    await party.allocate()
        turn.signal(signal.SIGTERM)
        code, errors = await turn.end()

    assert (code, errors) == (0, "")


async def test_who_has_a_token_comes_in(tmp_path: Path, ports: str) -> None:
    key, session_key = bytes(range(32)), bytes(range(20))
    text = f"realm = 'example.org'\n{ports}[credentials]\ntoken_server = 'turn.example.org'\n"
    options = says(tmp_path, text + f"token_keys = {{ north = '{key.hex()}' }}\n")
    contents = TokenContents(session_key=session_key, timestamp=time.time(), lifetime=600)
    token = contents.seal(GcmKey(key), bytes(12), "turn.example.org")
    async with Turn.launch("--config", str(options.file)) as turn:
        await turn.event("ready")
        config = TurnConfig(third_party=True)
        async with TurnParty.at(turn.listener("udp"), credential=None, config=config) as party:
            now = asyncio.get_running_loop().time()
            party.client.allocate(now)
            party.flush()
            wanted = await party.event(TokenWanted)
            grant = TokenGrant(username="north", token=token, session_key=session_key, expires_in=600.0)
            party.client.authorize(grant, now)
            party.flush()
            allocated = await party.event(Allocated)

    assert wanted.server_name == "turn.example.org"
    assert 590 <= allocated.lifetime <= 600


async def test_a_guest_is_let_in_where_nobody_was_named(unused_port: Callable[[], int]) -> None:
    async with Turn.launch("--host", HOST, "--port", str(unused_port())) as turn:
        guest = await turn.event("guest")
        await turn.event("ready")
        credential = LongTermCredential(username="guest", password=str(guest["password"]))
        async with TurnParty.at(turn.listener("udp"), credential=credential) as party:
            await party.allocate()
        turn.signal(signal.SIGINT)
        code, errors = await turn.end()

    assert (code, errors) == (130, "")


def test_without_a_user_a_guest_is_checked_for() -> None:
    result = CliRunner().invoke(main, ["turn", "--check", "--realm", "example.org"])

    assert (result.exit_code, result.stdout) == (
        0,
        "realm example.org, udp 3478, tcp 3478, 1 user: this would run\n",
    )


async def test_a_port_in_use_is_one_sentence(unused_port: Callable[[], int]) -> None:
    port = str(unused_port())
    async with Turn.launch("--host", HOST, "--port", port, "--user", "a:b") as first:
        await first.event("ready")
        async with Turn.launch("--host", HOST, "--port", port, "--user", "a:b") as second:
            code, errors = await second.end()

    assert (code, errors) == (
        1,
        f"rtc: the server cannot be started: {HOST} port {port} over UDP: Address already in use\n",
    )


async def test_a_file_that_everybody_may_read_is_warned_of(tmp_path: Path, ports: str) -> None:
    options = says(tmp_path, f"{ports}[users]\nalice = 'secret'\n")
    assert options.file is not None
    options.file.chmod(0o644)
    async with Turn.launch("--config", str(options.file)) as turn:
        warning = await turn.event("warning")
        await turn.event("ready")

    assert str(options.file) in str(warning["text"])


# The page.


async def test_the_page_shows_what_goes_on(tmp_path: Path, unused_port: Callable[[], int]) -> None:
    page, port = str(unused_port()), str(unused_port())
    arguments = (
        "--host",
        HOST,
        "--port",
        port,
        "--user",
        "alice:secret",
        "--statistics",
        page,
        "--allow-peer",
        "127.0.0.0/8",
    )
    async with Turn.launch(*arguments) as turn:
        url = str((await turn.event("statistics"))["url"])
        await turn.event("ready")
        peer = Peer()
        async with TurnParty.at(turn.listener("udp")) as party, aiohttp.ClientSession() as session:
            await party.allocate()
            await party.send(b"hello", peer.address)
            document = await (await session.get(f"{url}statistics.json")).json()
            metrics = await (await session.get(f"{url}metrics")).text()
            html = await session.get(url)
            assert "default-src 'none'" in html.headers["Content-Security-Policy"]
            assert "TURN server" in await html.text()
            for name in ("turn.js", "turn.css", "plot.js", "units.js", "style.css", "icon.svg"):
                assert (await session.get(f"{url}{name}")).status == 200
            rebound = await session.get(f"{url}statistics.json", headers={"Host": "evil.example"})
            assert rebound.status == 403
        peer.socket.close()

    (allocation,) = document["list"]
    assert allocation["username"] == "alice"
    assert (allocation["permissions"], allocation["bytes_to_peers"], allocation["bytes_to_client"]) == (1, 5, 5)
    assert (document["allocations"], document["responses"]["0"] >= 2, document["users"]) == (1, True, 1)
    assert "rtc_turn_allocations 1\n" in metrics
    assert 'rtc_turn_relayed_bytes_total{to="peers"} 5\n' in metrics
