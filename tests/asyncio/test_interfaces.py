"""Which addresses of a machine are offered, and in which order."""

from __future__ import annotations

import socket
import struct
import sys
from dataclasses import replace

import ifaddr
import pytest

from rtc_asyncio import interfaces, netlink
from rtc_asyncio.interfaces import interface_addresses, local_hosts
from rtc_asyncio.netlink import ListedAddress

TEMPORARY, DEPRECATED = 0x01, 0x20


def _adapter(name: str, *hosts: str) -> list[ListedAddress]:
    return [ListedAddress(host, name, 2, 64 if ":" in host else 24, is_temporary=False) for host in hosts]


def _machine(monkeypatch: pytest.MonkeyPatch, *adapters: list[ListedAddress]) -> None:
    monkeypatch.setattr(interfaces, "_listed", lambda: [each for adapter in adapters for each in adapter])


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


@pytest.mark.spec("rfc8835:3.3/1", "rfc8835:3.3/2")
@pytest.mark.parametrize("hidden", [False, True])
def test_a_temporary_address_hides_the_lasting_one_beside_it(monkeypatch: pytest.MonkeyPatch, *, hidden: bool) -> None:
    first, second, *others = _adapter("wlan0", "2a00:1450::1", "2a00:1450::2", "10.0.0.1", "fd00::1", "fe80::1")
    second = replace(second, is_temporary=hidden)
    _machine(monkeypatch, [first, second, *others], _adapter("eth0", "2a00:1450::7"))

    lasting = [] if hidden else ["2a00:1450::1"]
    assert local_hosts() == [*lasting, "2a00:1450::2", "2a00:1450::7", "10.0.0.1", "fd00::1", "fe80::1%wlan0"]


@pytest.mark.spec("rfc8835:3.3/2")
def test_a_deprecated_temporary_address_is_for_those_who_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lasting, deprecated, fresh = _adapter("wlan0", "2a00:1450::1", "2a00:1450::2", "2a00:1450::3")
    _machine(monkeypatch, [lasting, deprecated, replace(fresh, is_temporary=True)])

    assert local_hosts() == ["2a00:1450::3"]
    assert {each.host: each.is_superseded for each in interface_addresses()} == {
        "2a00:1450::1": True,
        "2a00:1450::2": True,
        "2a00:1450::3": False,
    }


# --- what Linux tells ---


class Kernel:
    """Answers as rtnetlink does, in as many parts as it is given."""

    def __init__(self, links: list[bytes], addresses: list[bytes]) -> None:
        self._answers = {18: links, 22: addresses}
        self._waiting: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        _, kind, flags, _, _ = struct.unpack_from("=IHHII", data)
        assert flags == 0x301
        self._waiting += [*self._answers[kind], _message(3, bytes(4))]
        return len(data)

    def recv(self, length: int, /) -> bytes:
        return self._waiting.pop(0)


def _message(kind: int, body: bytes, **attributes: bytes) -> bytes:
    for name, value in attributes.items():
        body += struct.pack("=HH", 4 + len(value), int(name[1:])) + value + bytes(-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 0, 0) + body


def _link(index: int, name: str, state: int) -> bytes:
    return _message(16, struct.pack("=BxHiII", 0, 1, index, 0, 0), _3=name.encode() + b"\0", _16=bytes([state]))


def _address(index: int, host: str, *, flags: int = 0, own: str | None = None) -> bytes:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    body = struct.pack("=BBBBI", family, 64 if ":" in host else 24, flags, 0, index)
    local = {} if own is None else {"_2": socket.inet_pton(family, own)}
    return _message(20, body, _1=socket.inet_pton(family, host), _3=b"label\0", **local)


def test_the_kernel_s_answers_are_read() -> None:
    kernel = Kernel(
        [_link(1, "lo", 0) + _link(2, "wlan0", 6), _link(3, "eth0", 2), _link(4, "tun0", 0)],
        [
            _address(1, "127.0.0.1") + _address(2, "10.0.0.1", flags=TEMPORARY) + _address(3, "10.0.3.1"),
            _address(4, "10.9.0.1", own="10.9.0.2"),
            _message(20, struct.pack("=BBBBI", 28, 0, 0, 0, 2), _1=b"1234"),
            _address(2, "2a00:1450::1"),
            _address(2, "2a00:1450::2", flags=TEMPORARY),
            _address(2, "2a00:1450::3", flags=TEMPORARY | DEPRECATED),
        ],
    )

    assert netlink._read(kernel) == [
        ListedAddress("127.0.0.1", "lo", 1, 24, is_temporary=False),
        ListedAddress("10.0.0.1", "wlan0", 2, 24, is_temporary=False),
        ListedAddress("10.9.0.2", "tun0", 4, 24, is_temporary=False),
        ListedAddress("2a00:1450::1", "wlan0", 2, 64, is_temporary=False),
        ListedAddress("2a00:1450::2", "wlan0", 2, 64, is_temporary=True),
        ListedAddress("2a00:1450::3", "wlan0", 2, 64, is_temporary=False),
    ]


@pytest.mark.parametrize(
    ("links", "addresses"),
    [
        (_message(2, bytes(20)), b""),
        (bytes(16), b""),
        (_message(16, bytes(16)), b""),
        (_message(16, bytes(3)), b""),
        (_link(1, "lo", 0), _message(20, bytes(3))),
        (_link(1, "lo", 0), _message(20, struct.pack("=BBBBI", socket.AF_INET, 8, 0, 0, 1), _1=b"123")),
    ],
    ids=["error", "garbage", "no name", "short link", "short address", "no address"],
)
def test_a_kernel_that_does_not_tell_is_an_error(links: bytes, addresses: bytes) -> None:
    with pytest.raises(OSError, match="does not list"):
        netlink._read(Kernel([links], [addresses]))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux")
def test_linux_lists_what_the_library_lists() -> None:
    library = [(ip.ip if isinstance(ip.ip, str) else ip.ip[0]) for each in ifaddr.get_adapters() for ip in each.ips]

    assert {each.host for each in netlink.list_addresses()} <= set(library)
    assert "127.0.0.1" in [each.host for each in netlink.list_addresses()]


def test_where_the_system_does_not_tell_all_addresses_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[ListedAddress]:
        raise OSError("not here")

    ips = [ifaddr.IP((host, 0, 0), 64, "wlan0") for host in ("2a00:1450::1", "2a00:1450::2")]
    monkeypatch.setattr(interfaces, "list_addresses", refuse)
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [ifaddr.Adapter("wlan0", "wlan0", ips, index=2)])

    assert local_hosts() == ["2a00:1450::1", "2a00:1450::2"]
