"""`rtc stun`, as a person and as a program see it."""

import json
import socket
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.cli.stun_service import stun_service
from tests.interop.dtls_driver import free_port

from rtc_asyncio import TurnListener, TurnService
from rtc_cli import main
from rtc_cli.errors import CommandError
from rtc_cli.ice_servers import Target
from rtc_cli.lookup import Server, stun_url
from rtc_cli.probe import probe
from rtc_cli.stun import Options, run_stun
from rtc_cli.verdict import chances
from rtc_stun import Address, Behavior, LongTermAuthenticator, LongTermUsers, NatBehavior

from .turn_certificate import certificate

EI, AD, APD = Behavior
USERS = LongTermAuthenticator(LongTermUsers("example.org", {"alice": "secret"}), secret=bytes(32))


def url(address: Address) -> str:
    return f"{address.host}:{address.port}"


async def test_words_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    async with stun_service() as address:
        await run_stun(Options(server=url(address)), as_json=False)

    output = capsys.readouterr().out
    for words in (f"Asking 127.0.0.1:{address.port} over UDP", "seen as", "there is none", "anybody may write", "pass"):
        assert words in output


async def test_json_is_one_document_with_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    async with stun_service() as address:
        await run_stun(Options(server=f"stun:{url(address)}"), as_json=True)

    document = json.loads(capsys.readouterr().out)
    assert document["server"] == {
        "name": "127.0.0.1",
        "address": "127.0.0.1",
        "port": address.port,
        "transport": "udp",
    }
    assert document["local"] == document["mapped"]
    assert document["mapping"] == document["filtering"] == "endpoint-independent"
    assert (document["translated"], document["fragments"], document["rewriting"]) == (False, True, False)
    assert document["summary"].startswith("There is no NAT")


async def test_a_server_with_one_address_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    async with stun_service(helps=False) as address:
        await run_stun(Options(server=url(address)), as_json=False)

    assert "the server has but one address" in capsys.readouterr().out


async def test_the_lifetime_of_a_binding(capsys: pytest.CaptureFixture[str]) -> None:
    async with stun_service() as address:
        await run_stun(Options(server=url(address), longest=1.0), as_json=False)

    assert "more than 1 s without traffic" in capsys.readouterr().out


async def test_a_turn_server_that_helps(capsys: pytest.CaptureFixture[str]) -> None:
    hosts = "127.0.0.1", "127.0.0.2"
    port = free_port()
    service = TurnService(
        authenticator=USERS,
        listeners=[TurnListener(transport="udp", host=host, port=port) for host in hosts],
        discovery_port=free_port(),
    )
    async with service:
        await run_stun(Options(server=f"{hosts[0]}:{port}"), as_json=True)
        found = json.loads(capsys.readouterr().out)
        target = Target(Server.parse(f"turn:{hosts[0]}:{port}"), "alice", "secret")
        relayed = await probe(target, ssl.create_default_context(), 3.0)

    assert found["mapping"] == found["filtering"] == "endpoint-independent"
    assert relayed.works


async def test_a_turn_server_with_one_address_cannot_help() -> None:
    listener = TurnListener(transport="udp", host="127.0.0.1", port=0)
    service = TurnService(authenticator=USERS, listeners=[listener], discovery_port=free_port())

    with pytest.raises(ValueError, match="two addresses"):
        await service.start()


@pytest.mark.parametrize(
    ("user", "password", "words"),
    [("alice", "secret", None), ("alice", "guess", "does not accept this user"), (None, None, "give --user")],
)
async def test_servers_that_ask_who_is_there(user: str | None, password: str | None, words: str | None) -> None:
    async with stun_service(USERS) as address:
        options = Options(server=url(address), user=user, password=password)
        if words is None:
            await run_stun(options, as_json=True)
        else:
            with pytest.raises(CommandError, match=words):
                await run_stun(options, as_json=True)


async def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]

    with pytest.raises(CommandError, match="nothing listens on UDP port"):
        await run_stun(Options(server=f"127.0.0.1:{port}"), as_json=True)


async def test_nobody_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))

        with pytest.raises(CommandError, match=r"does not answer over UDP.*--transport tcp"):
            await run_stun(Options(server=f"127.0.0.1:{mute.getsockname()[1]}", timeout=0.3), as_json=True)


async def test_over_a_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = TurnService(
        authenticator=USERS,
        listeners=[TurnListener(transport=each, host="127.0.0.1", port=0) for each in ("tcp", "tls")],
        certificate=certificate(tmp_path, "127.0.0.1"),
    )
    async with service:
        for listener in service.listeners:
            address = f"127.0.0.1:{listener.port}"
            options = Options(server=address, transport=listener.transport, authority=str(tmp_path / "127.0.0.1.pem"))
            await run_stun(options, as_json=True)
            document = json.loads(capsys.readouterr().out)
            assert document["mapped"]["address"] == "127.0.0.1"
            assert document["local"] == document["mapped"]

        port = service.listeners[-1].port
        with pytest.raises(CommandError, match="not trusted"):
            await run_stun(Options(server=f"127.0.0.1:{port}", transport="tls"), as_json=True)


async def test_what_accepts_connections_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        for transport, spoken in (("tcp", "STUN"), ("tls", "TLS")):
            with pytest.raises(CommandError, match=f"does not speak {spoken}"):
                await run_stun(Options(server=f"127.0.0.1:{port}", transport=transport, timeout=0.3), as_json=True)


def test_a_name_that_nobody_has() -> None:
    result = CliRunner().invoke(main, ["stun", "nobody.invalid", "-4"])

    assert result.exit_code == 1
    assert result.stderr.startswith("rtc: no IPv4 address is known for nobody.invalid")


@pytest.mark.parametrize("text", ["http://example.org", "stun:", "stun:example.org:99999", "a b"])
def test_what_is_no_server(text: str) -> None:
    result = CliRunner().invoke(main, ["stun", text, "--json"])

    assert result.exit_code == 1
    assert "error" in json.loads(result.stdout)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("stun.example.org", "stun.example.org", 3478),
        ("stun.example.org:3479", "stun.example.org", 3479),
        ("192.0.2.1:99", "192.0.2.1", 99),
        ("2001:db8::1", "2001:db8::1", 3478),
        ("[2001:db8::1]:99", "2001:db8::1", 99),
        ("stun:stun.example.org", "stun.example.org", 3478),
        ("stuns:stun.example.org", "stun.example.org", 5349),
    ],
)
def test_ways_to_name_a_server(text: str, host: str, port: int) -> None:
    server = Server.parse(stun_url(text))

    assert (server.host, server.port) == (host, port)


@pytest.mark.parametrize(
    ("translated", "mapping", "filtering", "words"),
    [
        (False, EI, EI, "There is no NAT, and everybody may write"),
        (False, EI, APD, "except with peers behind a symmetric"),
        (True, EI, EI, "everybody may write"),
        (True, EI, AD, "with every peer that has UDP"),
        (True, EI, APD, "except with peers behind a symmetric"),
        (True, EI, None, "whom the network lets in is unknown"),
        (False, EI, None, "There is no NAT, and whom the network lets in is unknown"),
        (True, AD, EI, "This NAT is symmetric"),
        (True, APD, APD, "This NAT is symmetric"),
        (True, None, None, "two addresses"),
    ],
)
def test_what_it_means(translated: bool, mapping: Behavior | None, filtering: Behavior | None, words: str) -> None:
    local, mapped = Address("192.168.1.10", 5000), Address("203.0.113.1", 40_000)
    found = NatBehavior(local=local, mapped=mapped if translated else local, mapping=mapping, filtering=filtering)

    assert words in chances(found)
