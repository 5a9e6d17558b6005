"""`rtc dtls` with itself: what it says, what it demands, how it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from tests.dtls.ends import certificate

from rtc_cli import main
from rtc_cli.dtls_command import _GROUPS, _KINDS, _PROFILES, _SUITES, _VERSIONS, _endpoint, connect
from rtc_cli.dtls_facts import VERSIONS
from rtc_dtls import CertificateKind, CipherSuiteId, GroupId, SrtpProfile

from .process import command, environment


class Program:
    """`rtc dtls … --json` as a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def event(self, name: str) -> dict[str, object]:
        """The next event of a name."""
        assert self.process.stdout is not None
        seen = []
        async with asyncio.timeout(20):
            while line := await self.process.stdout.readline():
                event: dict[str, object] = json.loads(line)
                seen.append(event)
                if event.get("event") == name:
                    return event
        raise AssertionError(f"no {name} among {seen}")

    def type(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())

    async def end(self) -> tuple[int, str]:
        """End its input and wait for it; returns code and standard error."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(20):
            _, errors = await self.process.communicate()
        return self.process.returncode or 0, errors.decode()


@contextlib.asynccontextmanager
async def program(*arguments: str) -> AsyncIterator[Program]:
    """Start it; it is killed at the end if it still runs."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command("dtls", *arguments, "--json"), stdin=pipe, stdout=pipe, stderr=pipe, env=environment()
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@contextlib.asynccontextmanager
async def meeting(server: tuple[str, ...], client: tuple[str, ...]) -> AsyncIterator[tuple[Program, Program]]:
    """A server that ends with its first connection, and a client."""
    async with program("listen", "--port", "0", "--once", *server) as theirs:
        port = (await theirs.event("listening"))["port"]
        async with program("connect", "127.0.0.1", str(port), *client) as ours:
            yield ours, theirs


async def test_client_and_server_tell_the_same_and_carry_lines(tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    wishes = ("--srtp", "AEAD_AES_128_GCM", "--alpn", "webrtc", "--export", "EXPERIMENTAL", "--group", "SECP256R1")
    async with meeting(wishes, (*wishes, "--key", "rsa-2048", "--key-log", str(keys))) as (client, server):
        ours, theirs = await client.event("connected"), await server.event("connected")
        exported = await client.event("exported"), await server.event("exported")
        client.type("hello")
        heard = await server.event("received")
        server.type("good evening")
        answered = await client.event("received")
        code, errors = await client.end()
        closed = await server.event("closed")

    for name in ("version", "cipher_suite", "srtp_profile", "alpn_protocol", "group"):
        assert ours[name] == theirs[name]
    assert (ours["group"], ours["srtp_profile"], ours["alpn_protocol"]) == (
        "secp256r1",
        "SRTP_AEAD_AES_128_GCM",
        "webrtc",
    )
    assert str(theirs["signature_algorithm"]).startswith("rsa_")
    assert exported[0]["keying_material"] == exported[1]["keying_material"]
    assert (heard["text"], answered["text"]) == ("hello", "good evening")
    assert (code, errors) == (0, "")
    assert closed["text"] == "by the peer"
    assert len(keys.read_text().splitlines()) >= 1


@pytest.mark.parametrize(
    ("server", "client", "facts"),
    [
        ((), (), ("1.3", "TLS_AES_128_GCM_SHA256", "X25519MLKEM768")),
        ((), ("--dtls", "1.2"), ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "x25519")),
        (("--dtls", "1.2"), (), ("1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "x25519")),
        (
            ("--dtls", "1.3"),
            ("--suite", "CHACHA20_POLY1305_SHA256"),
            ("1.3", "TLS_CHACHA20_POLY1305_SHA256", "X25519MLKEM768"),
        ),
    ],
)
async def test_version_and_suite_can_be_chosen(
    server: tuple[str, ...], client: tuple[str, ...], facts: tuple[str, ...]
) -> None:
    async with meeting(server, client) as (ours, _):
        told = await ours.event("connected")

    assert tuple(told[name] for name in ("version", "cipher_suite", "group")) == facts


async def test_fingerprints_are_demanded(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    pem.write_text(certificate().to_pem())
    right, wrong = (str(certificate(who=who).fingerprint()) for who in ("somebody", "somebody else"))
    server = ("--certificate", str(pem))

    async with meeting(server, ("--fingerprint", right)) as (client, _):
        assert (await client.event("connected"))["verified"] is True
    async with meeting(server, ("--fingerprint", wrong)) as (client, theirs):
        failed, told = await client.event("failed"), await theirs.event("failed")
        code, errors = await client.end()
    assert failed["alert"] == told["alert"] == 42
    assert (failed["received"], told["received"]) == (False, True)
    assert code == 1
    assert errors.startswith("rtc: ")


async def test_nobody_listens() -> None:
    async with program("connect", "127.0.0.1", "9", "--timeout", "0.7") as client:
        await client.event("failed")
        code, errors = await client.end()

    assert code == 1
    assert "0.7 seconds" in errors


async def test_verbose_shows_the_messages() -> None:
    async with meeting((), ("--verbose",)) as (client, _):
        names = []
        while (event := await client.event("trace"))["name"] != "dtls:state_changed" or "CONNECTED" not in str(event):
            names.append(str(event["text"]))

    assert any("server_hello" in text for text in names)
    assert any("datagrams_sent" in text for text in names)


@pytest.mark.parametrize(
    "arguments",
    [
        ("connect", "127.0.0.1"),
        ("connect", "127.0.0.1:99999"),
        ("connect", "::1:4433"),
        ("connect", "127.0.0.1", "4433", "--fingerprint", "nonsense"),
        ("connect", "127.0.0.1", "4433", "--alpn", "x" * 300),
        ("connect", "127.0.0.1", "4433", "--suite", "NULL"),
        ("listen", "--no-client-certificate", "--fingerprint", "sha-256 " + ":".join(["AB"] * 32)),
    ],
)
def test_a_command_line_that_is_wrong_is_told(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["dtls", *arguments])

    assert result.exit_code == 2
    assert "Error" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("192.0.2.7:4433", ("192.0.2.7", 4433)),
        ("[2001:db8::7]:1", ("2001:db8::7", 1)),
        ("a.example:65535", ("a.example", 65_535)),
    ],
)
def test_the_port_may_stand_behind_the_host(typed: str, meant: tuple[str, int]) -> None:
    assert _endpoint(typed) == meant


def test_a_file_without_a_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()

    result = CliRunner().invoke(main, ["dtls", "listen", "--certificate", str(tmp_path / "empty.pem")])

    assert result.exit_code == 1
    assert "cannot be used" in result.output


@pytest.mark.parametrize(
    ("option", "typed", "meant"),
    [
        ("suites", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE_RSA_AES_256_GCM_SHA384"),
        ("suites", "tls_chacha20_poly1305_sha256", "CHACHA20_POLY1305_SHA256"),
        ("suites", "AES_128_GCM_SHA256", "AES_128_GCM_SHA256"),
        ("groups", "secp256r1", "SECP256R1"),
        ("profiles", "SRTP_AES128_CM_HMAC_SHA1_80", "AES128_CM_HMAC_SHA1_80"),
    ],
)
def test_names_may_be_typed_as_they_are_shown_and_registered(option: str, typed: str, meant: str) -> None:
    (parameter,) = [each for each in connect.params if each.name == option]

    assert parameter.type.convert(typed, parameter, None) == meant


async def test_a_server_that_gets_no_certificate_says_how_to_do_without() -> None:
    async with program("listen", "--port", "0", "--once", "--dtls", "1.2") as server:
        port = (await server.event("listening"))["port"]
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(
            *("openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}"), stdin=pipe, stdout=pipe, stderr=pipe
        )
        failed = await server.event("failed")
        client.kill()
        await client.communicate()

    assert "--no-client-certificate" in str(failed["text"])


def test_the_names_are_those_of_rtc_dtls() -> None:
    assert set(_VERSIONS) == set(VERSIONS)
    assert set(_SUITES) == {each.name for each in CipherSuiteId if "SCSV" not in each.name}
    assert set(_GROUPS) == {each.name for each in GroupId}
    assert set(_PROFILES) == {each.name for each in SrtpProfile}
    assert set(_KINDS) == set(get_args(CertificateKind))
