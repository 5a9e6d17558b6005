"""The monitor of the network's addresses."""

import asyncio
import os
import shutil
import subprocess
import sys

import pytest

from rtc_asyncio.interfaces import interface_addresses
from rtc_asyncio.network_monitor import NetworkMonitor


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


async def test_a_monitor_tells_of_addresses_and_leaves_nothing() -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs Linux, root and iproute2")
    told = asyncio.Event()
    name = f"rtc{os.getpid() % 10_000}"
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
    except subprocess.CalledProcessError:
        pytest.skip("no virtual cables here")
    _ip("link", "set", f"{name}p", "up")
    try:
        monitor = NetworkMonitor.watch(told.set)
        _ip("link", "set", name, "up")
        _ip("addr", "add", "10.78.0.1/24", "dev", name)
        async with asyncio.timeout(10):
            while "10.78.0.1" not in [each.host for each in interface_addresses()]:
                await told.wait()
                told.clear()
        _ip("link", "set", name, "down")
        async with asyncio.timeout(10):
            while "10.78.0.1" in [each.host for each in interface_addresses()]:
                await told.wait()
                told.clear()
        monitor.leave(told.set)
    finally:
        _ip("link", "del", name)

    assert asyncio.get_running_loop() not in NetworkMonitor.running


async def test_where_nobody_tells_the_addresses_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_asyncio.network_monitor._netlink_socket", lambda: None)
    monkeypatch.setattr("rtc_asyncio.network_monitor.POLLING_INTERVAL", 0.01)
    present = interface_addresses()
    told: list[int] = []

    def listener() -> None:
        told.append(len(present))

    monkeypatch.setattr("rtc_asyncio.network_monitor.interface_addresses", lambda: list(present))
    monitor = NetworkMonitor.watch(listener)
    await asyncio.sleep(0.05)
    unchanged = list(told)
    present.pop()
    await asyncio.sleep(0.05)
    monitor.leave(listener)

    assert unchanged == []
    assert told == [len(present)]
