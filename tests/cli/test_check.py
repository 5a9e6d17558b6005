"""`rtc check`: what it says of servers that work, and of each way in which they may not."""

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtc_asyncio import TurnListener, TurnService
from rtc_cli import main
from rtc_cli.check import Options, run_check
from rtc_cli.errors import CheckFailedError, CommandError
from rtc_cli.ice_servers import Target, read_ice_servers, targets_of
from rtc_stun import LongTermAuthenticator, LongTermUsers
from rtc_turn import TurnServerConfig

from .turn_certificate import certificate

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def turn(
    folder: Path, *, host: str = HOST, lifetime: timedelta = timedelta(days=1), config: TurnServerConfig | None = None
) -> AsyncIterator[dict[str, int]]:
    """A TURN server on the loopback interface; yields its ports by transport."""
    service = TurnService(
        authenticator=LongTermAuthenticator(LongTermUsers("example.org", {"alice": "secret"}), secret=bytes(32)),
        listeners=[TurnListener(transport=each, host=HOST, port=0) for each in ("udp", "tcp", "tls", "dtls")],
        certificate=certificate(folder, host, lifetime=lifetime),
        config=config,
    )
    async with service:
        yield {listener.transport: listener.port for listener in service.listeners}


async def check(
    capsys: pytest.CaptureFixture[str],
    *urls: str,
    user: str | None = "alice",
    password: str | None = "secret",
    authority: Path | None = None,
    every: bool = False,
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Check as a program; the document, and what it says of each server."""
    options = Options(
        targets=tuple(targets_of(urls, user, password)),
        timeout=1.0,
        authority=None if authority is None else str(authority),
        every=every,
    )
    with contextlib.suppress(CheckFailedError):
        await run_check(options, as_json=True)
    document = json.loads(capsys.readouterr().out)
    return document, document["servers"]


async def test_everything_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        document, servers = await check(
            capsys,
            f"stun:{HOST}:{ports['udp']}",
            f"turn:{HOST}:{ports['udp']}",
            f"turn:{HOST}:{ports['tcp']}?transport=tcp",
            f"turns:{HOST}:{ports['tls']}",
            authority=tmp_path / f"{HOST}.pem",
            every=True,
        )

    assert document["works"] is True
    assert document["summary"] == "This machine can connect: a relay is there for whenever no direct path is found."
    assert [server["code"] for server in servers] == ["ok"] * 4
    assert [server["transport"] for server in servers] == ["udp", "udp", "tcp", "tls"]
    assert all(str(server["mapped"]).startswith(HOST) for server in servers)
    assert [server["relayed"] is not None for server in servers] == [False, True, True, True]


async def test_words_for_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        urls = [f"turn:{HOST}:{ports['udp']}", f"turn:{HOST}:{ports['tcp']}?transport=tcp"]
        await run_check(Options(targets=tuple(targets_of(urls, "alice", "secret"))), as_json=False)
        good = capsys.readouterr().out
        with pytest.raises(CheckFailedError):
            await run_check(Options(targets=tuple(targets_of(urls, "alice", "guess"))), as_json=False)
        bad = capsys.readouterr().out

    assert good.count("✓") == 2
    assert "relays at" in good
    assert bad.count("✗") == 2
    assert "does not accept this user and password" in bad
    assert "The network is not in the way; user and password are." in bad


@pytest.mark.parametrize(
    ("user", "password", "code"), [("alice", "guess", "credentials"), (None, None, "no_credentials")]
)
async def test_credentials(
    user: str | None, password: str | None, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with turn(tmp_path) as ports:
        document, (server,) = await check(capsys, f"turn:{HOST}:{ports['udp']}", user=user, password=password)

    assert document["works"] is False
    assert server["code"] == code


async def test_a_certificate_for_another_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path, host="turn.example.org") as ports:
        _, (server,) = await check(capsys, f"turns:{HOST}:{ports['tls']}", authority=tmp_path / "turn.example.org.pem")

    assert server["code"] == "tls_name"


async def test_a_certificate_that_has_expired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path, lifetime=timedelta(days=-1)) as ports:
        _, (server,) = await check(capsys, f"turns:{HOST}:{ports['tls']}", authority=tmp_path / f"{HOST}.pem")

    assert server["code"] == "tls_expired"


async def test_a_certificate_of_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        document, (server,) = await check(capsys, f"turns:{HOST}:{ports['tls']}")

    assert server["code"] == "tls_untrusted"
    assert "the server's certificate is" in str(document["summary"])


async def test_tls_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        _, (server,) = await check(capsys, f"turns:{HOST}:{ports['tcp']}")

    assert server["code"] in ("tls_failed", "closed", "mute")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (TurnServerConfig(max_allocations=0), "capacity"),
        (TurnServerConfig(max_allocations_per_user=0), "quota"),
    ],
)
async def test_no_room(config: TurnServerConfig, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path, config=config) as ports:
        _, (server,) = await check(capsys, f"turn:{HOST}:{ports['udp']}")

    assert server["code"] == code


async def test_udp_is_silent_and_tcp_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:  # a firewall, as it were
            mute.bind((HOST, ports["tcp"]))
            document, (server,) = await check(capsys, f"turn:{HOST}:{ports['tcp']}")
            besides, _ = await check(capsys, f"turn:{HOST}:{ports['tcp']}", f"turn:{HOST}:{ports['tcp']}?transport=tcp")

    assert server["code"] == "silent"
    assert document["works"] is False
    assert f"add ?transport=tcp to turn:{HOST}" in str(document["summary"])
    assert besides["works"] is True
    assert "UDP is blocked" in str(besides["summary"])


async def test_nobody_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]

    document, servers = await check(capsys, f"turn:{HOST}:{port}", f"turn:{HOST}:{port}?transport=tcp")

    assert [server["code"] for server in servers] == ["refused", "refused"]
    assert document["works"] is False


async def test_a_name_that_nobody_has(capsys: pytest.CaptureFixture[str]) -> None:
    _, (server,) = await check(capsys, "turn:nobody.invalid")

    assert server["code"] == "name"


async def test_a_relay_over_dtls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        url = f"turns:{HOST}:{ports['dtls']}?transport=udp"
        document, (server,) = await check(capsys, url, authority=tmp_path / f"{HOST}.pem")
        _, (unknown,) = await check(capsys, url)
        _, (stranger,) = await check(capsys, url, authority=tmp_path / f"{HOST}.pem", password="wrong")

    assert (server["code"], server["transport"]) == ("ok", "dtls")
    assert str(server["relayed"]).startswith(HOST)
    assert "a relay over DTLS is there" in str(document["summary"])
    assert unknown["code"] == "tls_untrusted"
    assert stranger["code"] == "credentials"


async def test_dtls_where_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with turn(tmp_path) as ports:
        _, (server,) = await check(capsys, f"turns:{HOST}:{ports['udp']}?transport=udp")

    assert server["code"] == "silent"
    assert "DTLS" in str(server["reason"])


async def test_one_that_works_is_enough_unless_all_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with turn(tmp_path) as ports:
        urls = (f"turn:{HOST}:{ports['udp']}", "turn:nobody.invalid")
        lenient, _ = await check(capsys, *urls)
        strict, _ = await check(capsys, *urls, every=True)

    assert lenient["works"] is True
    assert "1 of 2 does not work" in str(lenient["summary"])
    assert strict["works"] is False


def test_the_servers_of_a_page() -> None:
    text = json.dumps(
        {
            "iceServers": [
                {"urls": "stun:a.example"},
                {"urls": ["turn:b.example", "turns:b.example:443"], "username": "alice", "credential": "secret"},
            ]
        }
    )

    assert read_ice_servers(text) == [
        *targets_of(["stun:a.example"], None, None),
        *targets_of(["turn:b.example", "turns:b.example:443"], "alice", "secret"),
    ]
    assert "secret" not in repr(read_ice_servers(text))


@pytest.mark.parametrize(
    "text", ["", "7", '"turn:a"', '[{"url": 7}]', '[{"urls": ["http://a"]}]', '[{"urls": "turn:a", "username": 7}]']
)
def test_what_is_no_list_of_servers(text: str) -> None:
    with pytest.raises(CommandError):
        read_ice_servers(text)


def test_the_command_line() -> None:
    nothing = CliRunner().invoke(main, ["check"])
    wrong = CliRunner().invoke(main, ["check", "example.org", "--json"])
    unknown = CliRunner().invoke(main, ["check", "--servers", "-"], input='[{"urls": "turn:nobody.invalid"}]')

    assert (nothing.exit_code, wrong.exit_code, unknown.exit_code) == (1, 1, 1)
    assert "give URLs" in nothing.stderr
    assert "error" in json.loads(wrong.stdout)
    assert "cannot connect through this server" in unknown.stdout
    assert unknown.stderr == ""


def test_targets_keep_their_secret() -> None:
    (target,) = targets_of(["turn:a"], "alice", "secret")

    assert isinstance(target, Target)
    assert "secret" not in repr(target)
