"""Whom a server relays to."""

import pytest

from rtc_stun import Address
from rtc_turn import PublicPeers

FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::a00:1",
    "0.1.2.3",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.1",
    "203.0.113.1",
    "100::1",
    "2001:db8::1",
    "2001:2::1",
    "2001:20::1",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "ff0e::1",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "example.org",
    "",
]


@pytest.mark.parametrize("host", FORBIDDEN)
def test_what_is_not_public_is_not_reached(host: str) -> None:
    assert not PublicPeers().allows("alice", Address(host, 80))


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public_is_reached(host: str) -> None:
    assert PublicPeers().allows("alice", Address(host, 80))
    assert not PublicPeers(denied=["8.8.8.0/24", "2606:4700::/32"]).allows("alice", Address(host, 80))


def test_what_is_named_is_reached_unless_it_is_denied() -> None:
    policy = PublicPeers(allowed=["10.0.0.0/8", "fc00::/7"], denied=["10.0.0.5/32"])

    assert [
        policy.allows("alice", Address(host, 1)) for host in ("10.0.0.4", "10.0.0.5", "fc00::1", "::ffff:10.0.0.4")
    ] == [
        True,
        False,
        True,
        True,
    ]
    with pytest.raises(ValueError, match="network"):
        PublicPeers(allowed=["everything"])
