"""Our client against coturn's server."""

import subprocess
import time
from pathlib import Path

import pytest
from tests.interop.turn_driver import HOST, ClientDriver, coturn, installed
from tests.support.peers import require

from rtc_stun import LongTermCredential
from rtc_turn import (
    Allocated,
    AllocationEnded,
    ChannelBound,
    DataReceived,
    EndReason,
    PermissionRefused,
    TurnConfig,
    time_limited_credential,
)


@pytest.fixture(autouse=True)
def _coturn() -> None:
    require(installed(), "coturn is not installed")


# Our client.


def talk(driver: ClientDriver, count: int = 10) -> None:
    """Allocate, exchange datagrams with the peer, and give the allocation back."""
    client, now = driver.client, driver.now
    client.allocate(now())
    assert driver.run(lambda: bool(driver.saw(Allocated) or driver.saw(AllocationEnded)))
    assert driver.saw(Allocated), driver.events
    for number in range(count):
        client.send(b"message %d" % number, driver.peer.address, now())
        assert driver.run(lambda: len(driver.saw(DataReceived)) > number), driver.events  # noqa: B023 - run at once
    client.close(now())

    assert driver.run(lambda: client.closed)
    assert [event.data for event in driver.saw(DataReceived)] == [b"MESSAGE %d" % number for number in range(count)]
    assert {event.peer for event in driver.saw(DataReceived)} == {driver.peer.address}
    assert driver.saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]


@pytest.mark.parametrize("channels", [True, False], ids=["channels", "indications"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_client(transport: str, channels: bool, tmp_path: Path) -> None:
    with coturn(tmp_path) as port:
        driver = ClientDriver(port, config=TurnConfig(transport=transport, channels=channels))
        talk(driver)
        driver.close()

    assert bool(driver.saw(ChannelBound)) is channels
    # A slow machine repeats requests, and has answers left over.
    assert driver.client.stats.dropped.keys() <= {"no-transaction"}


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of the loopback address, and its key."""
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=turn"]
    line += ["-addext", f"subjectAltName=IP:{HOST}", "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(line, check=True, capture_output=True)
    return paths


def test_client_over_tls(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = certificate
    with coturn(tmp_path, "--cert", str(chain), "--pkey", str(key), "--no-dtls") as port:
        driver = ClientDriver(port, config=TurnConfig(transport="tls"), authority=chain)
        talk(driver)
        driver.close()


def test_client_over_dtls(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    chain, key = certificate
    with coturn(tmp_path, "--cert", str(chain), "--pkey", str(key)) as port:
        driver = ClientDriver(port, config=TurnConfig(transport="dtls"))
        talk(driver)
        driver.close()


def test_client_with_credentials_that_end(tmp_path: Path) -> None:
    with coturn(tmp_path, "--use-auth-secret", "--static-auth-secret", "north", user=None) as port:
        driver = ClientDriver(port, credential=time_limited_credential("north", "alice", expires_at=time.time() + 600))
        talk(driver)
        driver.close()
        late = ClientDriver(port, credential=time_limited_credential("north", "alice", expires_at=time.time() - 600))
        late.client.allocate(late.now())
        assert late.run(lambda: bool(late.saw(AllocationEnded)))
        late.close()

    assert late.saw(AllocationEnded)[0].reason is EndReason.REFUSED


def test_client_with_a_wrong_password(tmp_path: Path) -> None:
    with coturn(tmp_path) as port:
        driver = ClientDriver(port, credential=LongTermCredential(username="alice", password="guess"))
        driver.client.allocate(driver.now())
        assert driver.run(lambda: bool(driver.saw(AllocationEnded)))
        driver.close()

    assert driver.saw(AllocationEnded)[0].reason is EndReason.REFUSED


def test_a_nonce_that_has_ended_is_replaced(tmp_path: Path) -> None:
    with coturn(tmp_path, "--stale-nonce=1", "-v") as port:
        driver = ClientDriver(port)
        now = driver.now
        driver.client.allocate(now())
        assert driver.run(lambda: bool(driver.saw(Allocated)))
        driver.run(lambda: False, timeout=2.5)
        driver.client.send(b"late", driver.peer.address, now())
        assert driver.run(lambda: bool(driver.saw(DataReceived)))
        driver.client.close(now())
        assert driver.run(lambda: driver.client.closed)
        driver.close()
        log = (tmp_path / "log").read_text(errors="replace")

    assert driver.saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]
    assert "error 438" in log


def test_everything_is_refreshed_for_an_hour(tmp_path: Path) -> None:
    with coturn(tmp_path) as port:
        driver = ClientDriver(port)
        now = driver.now
        driver.client.allocate(now())
        assert driver.run(lambda: bool(driver.saw(Allocated)))
        for number in range(80):
            driver.skip(50.0)
            driver.client.send(b"still here", driver.peer.address, now())
            assert driver.run(lambda: len(driver.saw(DataReceived)) > number)  # noqa: B023 - run at once
        driver.close()

    assert driver.saw(AllocationEnded) == []
    assert driver.client.stats.refreshes >= 6
    assert driver.client.stats.dropped.keys() <= {"no-transaction"}


def test_a_quota_that_is_reached_is_told(tmp_path: Path) -> None:
    with coturn(tmp_path, "--user-quota", "1") as port:
        drivers = [ClientDriver(port), ClientDriver(port)]
        for driver in drivers:
            driver.client.allocate(driver.now())
            assert driver.run(lambda: bool(driver.saw(Allocated) or driver.saw(AllocationEnded)))  # noqa: B023
        for driver in drivers:
            driver.close()

    assert drivers[0].saw(Allocated)
    assert drivers[1].saw(AllocationEnded)[0].error_code == 486


def test_a_peer_that_is_denied_is_told(tmp_path: Path) -> None:
    with coturn(tmp_path, "--denied-peer-ip", "203.0.113.0-203.0.113.255") as port:
        driver = ClientDriver(port)
        now = driver.now
        driver.client.allocate(now())
        assert driver.run(lambda: bool(driver.saw(Allocated)))
        driver.client.send(b"x", driver.peer.address._replace(host="203.0.113.9"), now())
        assert driver.run(lambda: bool(driver.saw(PermissionRefused)))
        driver.close()

    assert driver.saw(PermissionRefused) == [PermissionRefused("203.0.113.9", 403)]


def test_a_server_that_starts_again_has_forgotten_us(tmp_path: Path) -> None:
    with coturn(tmp_path) as port:
        driver = ClientDriver(port)
        driver.client.allocate(driver.now())
        assert driver.run(lambda: bool(driver.saw(Allocated)))
    with coturn(tmp_path, port=port):
        driver.skip(545.0)
        assert driver.run(lambda: driver.client.closed, timeout=30.0)
        driver.close()

    assert driver.saw(AllocationEnded)[0].reason is EndReason.LOST
