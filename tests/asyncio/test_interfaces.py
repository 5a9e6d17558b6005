"""Which addresses of a machine are offered, and in which order."""

from __future__ import annotations

import ifaddr
import pytest

from rtc_asyncio.interfaces import local_hosts


def _adapter(name: str, *hosts: str) -> ifaddr.Adapter:
    ips = [ifaddr.IP((host, 0, 2) if ":" in host else host, 64 if ":" in host else 24, name) for host in hosts]
    return ifaddr.Adapter(name, name, ips)


def _machine(monkeypatch: pytest.MonkeyPatch, *adapters: ifaddr.Adapter) -> None:
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: list(adapters))


@pytest.mark.spec("rfc8421:3/1", "rfc8421:4/1")
def test_ipv6_goes_before_ipv4_where_it_leads_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    _machine(
        monkeypatch,
        _adapter("lo", "127.0.0.1", "::1"),
        _adapter("wlan0", "10.0.0.1", "fd00::1", "2a00:1450::1", "fe80::1"),
        _adapter("eth0", "11.0.0.1", "2002:b00:1::1", "2001:0:b00::1", "2a00:1450::2"),
    )

    assert local_hosts() == [
        "2a00:1450::1",
        "2a00:1450::2",
        "10.0.0.1",
        "11.0.0.1",
        "2002:b00:1::1",
        "2001:0:b00::1",
        "fd00::1",
        "fe80::1%wlan0",
    ]


def test_loopback_is_for_those_who_ask_and_those_who_have_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = _adapter("lo", "127.0.0.1", "::1")
    _machine(monkeypatch, loopback, _adapter("eth0", "10.0.0.1"))
    assert local_hosts() == ["10.0.0.1"]
    assert local_hosts(loopback=True) == ["10.0.0.1", "127.0.0.1", "::1"]

    _machine(monkeypatch, loopback, _adapter("eth0", "169.254.7.7"))

    assert local_hosts() == ["127.0.0.1", "::1"]
