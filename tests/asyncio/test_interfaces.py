"""Which addresses of a machine are offered, and in which order."""

from __future__ import annotations

from pathlib import Path

import ifaddr
import pytest

from rtc_asyncio import interfaces
from rtc_asyncio.interfaces import interface_addresses, local_hosts


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


_TABLE = """\
2a001450000000000000000000000001 02 40 00 00    wlan0
2a001450000000000000000000000002 02 40 00 {:02x}    wlan0
fd000000000000000000000000000001 02 40 00 80    wlan0
fe800000000000000000000000000001 02 40 20 80    wlan0
"""


@pytest.mark.spec("rfc8835:3.3/1", "rfc8835:3.3/2")
@pytest.mark.parametrize(("flags", "lasting"), [(0x01, False), (0x21, True), (0x00, True)])
def test_a_temporary_address_hides_the_lasting_one_beside_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: int, lasting: bool
) -> None:
    _machine(
        monkeypatch,
        _adapter("wlan0", "10.0.0.1", "2a00:1450::1", "2a00:1450::2", "fd00::1", "fe80::1"),
        _adapter("eth0", "2a00:1450::7"),
    )
    table = tmp_path / "if_inet6"
    table.write_text(_TABLE.format(flags))
    monkeypatch.setattr(interfaces, "_IPV6_ADDRESSES", table)

    first = ["2a00:1450::1"] if lasting else []
    assert local_hosts() == [*first, "2a00:1450::2", "2a00:1450::7", "10.0.0.1", "fd00::1", "fe80::1%wlan0"]


@pytest.mark.spec("rfc8835:3.3/2")
def test_a_deprecated_temporary_address_is_for_those_who_use_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _machine(monkeypatch, _adapter("wlan0", "2a00:1450::1", "2a00:1450::2", "2a00:1450::3"))
    table = tmp_path / "if_inet6"
    monkeypatch.setattr(interfaces, "_IPV6_ADDRESSES", table)
    line = "2a00145000000000000000000000000{} 02 40 00 {:02x}    wlan0\n"
    table.write_text(line.format(1, 0x00) + line.format(2, 0x21) + line.format(3, 0x01))

    assert local_hosts() == ["2a00:1450::3"]
    assert {each.host: each.is_superseded for each in interface_addresses()} == {
        "2a00:1450::1": True,
        "2a00:1450::2": True,
        "2a00:1450::3": False,
    }


def test_where_the_system_does_not_tell_all_addresses_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _machine(monkeypatch, _adapter("wlan0", "2a00:1450::1", "2a00:1450::2"))
    for text in (None, "something else\n"):
        table = tmp_path / "if_inet6"
        if text is not None:
            table.write_text(text)
        monkeypatch.setattr(interfaces, "_IPV6_ADDRESSES", table)
        assert local_hosts() == ["2a00:1450::1", "2a00:1450::2"]
