"""`rtc turn` in a process of its own, for other programs to use."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.interop.dtls_driver import free_port

from rtc_asyncio.interfaces import local_hosts

REALM = "example.org"
USER = ("alice", "secret")
SECRET = "north"
TOKEN_KEYS = {
    "north": b"01234567890123456789012345678901",
    "union": b"1234567890123456",
    "oldempire": b"12345678901234567890123456789012",
}
"""Those that coturn's client makes itself tokens with."""
OPTIONS = """
realm = "{realm}"
[users]
alice = "secret"
[credentials]
secrets = ["{secret}"]
token_server = "turn.example.org"
token_keys = {{ {keys} }}
[listen]
hosts = ["{host}"]
udp = {plain}
tcp = {plain}
tls = {secure}
dtls = {secure}
[tls]
certificate = "{folder}/certificate.pem"
key = "{folder}/key.pem"
[relay]
tcp = true
old_channels = true
[peers]
allowed = ["{host}/32", "127.0.0.0/8"]
[limits]
allocations_per_user = {quota}
"""


def machine() -> str:
    """An address of this machine that browsers use."""
    return next((host for host in local_hosts() if ":" not in host), "127.0.0.1")


class TurnProcess:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], host: str, plain: int, secure: int, chain: Path) -> None:
        self._process = process
        self._ready = threading.Event()
        self.host = host
        self.plain = plain
        """Port of UDP and TCP."""
        self.secure = secure
        """Port of DTLS and TLS."""
        self.chain = chain
        """The certificate."""
        self.events: list[dict[str, object]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(20):
            raise AssertionError(f"the server does not start: {self.events}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == "ready":
                self._ready.set()

    def saw(self, name: str) -> list[dict[str, object]]:
        """The events of a name."""
        return [event for event in self.events if event["event"] == name]

    def end(self) -> None:
        """Let it end in order, so that everything is logged."""
        self._process.terminate()
        assert self._process.wait(20) == 0
        self._reader.join(5)


@contextmanager
def serving(
    folder: Path, *, host: str = "127.0.0.1", quota: int = 64, certificate: tuple[Path, Path] | None = None
) -> Iterator[TurnProcess]:
    """A server on free ports, with a certificate that vouches for itself unless there is another; it has ended afterwards."""
    chain, key = folder / "certificate.pem", folder / "key.pem"
    if certificate is not None:
        for made, wanted in zip(certificate, (chain, key), strict=True):
            wanted.write_bytes(made.read_bytes())
            wanted.chmod(0o600)
    else:
        line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=turn"]
        line += ["-addext", f"subjectAltName=IP:{host}", "-out", str(chain), "-keyout", str(key)]
        subprocess.run(line, check=True, capture_output=True)
    plain, secure = free_port(), free_port()
    file = folder / "turn.toml"
    file.write_text(
        OPTIONS.format(
            realm=REALM,
            keys=", ".join(f'{name} = "{key.hex()}"' for name, key in TOKEN_KEYS.items()),
            secret=SECRET,
            host=host,
            plain=plain,
            secure=secure,
            folder=folder,
            quota=quota,
        )
    )
    file.chmod(0o600)
    with subprocess.Popen(
        [sys.executable, "-m", "rtc_cli", "turn", "--config", str(file), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield TurnProcess(process, host, plain, secure, chain)
        finally:
            process.kill()
