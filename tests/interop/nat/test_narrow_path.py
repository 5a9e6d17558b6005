"""DONT-FRAGMENT where it matters: between our server and the peer there is a link that is narrower than the server's own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.peers import require

from .neighbourhood import missing

PROGRAM = Path(__file__).with_name("narrow_path.py")
NARROW = 1280
ENDS = {"ipv4": ("10.9.1.1", "10.9.2.2"), "ipv6": ("fd09:1::1", "fd09:2::2")}
SCRIPT = """
for each in server router peer; do ip netns add $P-$each; ip -n $P-$each link set dev lo up; done
ip -n $P-server link add eth0 type veth peer name wide netns $P-router
ip -n $P-peer link add eth0 type veth peer name narrow netns $P-router
ip -n $P-server addr add 10.9.1.1/24 dev eth0
ip -n $P-server addr add fd09:1::1/64 dev eth0 nodad
ip -n $P-router addr add 10.9.1.254/24 dev wide
ip -n $P-router addr add fd09:1::fe/64 dev wide nodad
ip -n $P-router addr add 10.9.2.254/24 dev narrow
ip -n $P-router addr add fd09:2::fe/64 dev narrow nodad
ip -n $P-peer addr add 10.9.2.2/24 dev eth0
ip -n $P-peer addr add fd09:2::2/64 dev eth0 nodad
ip -n $P-server link set dev eth0 up
ip -n $P-peer link set dev eth0 mtu $MTU up
ip -n $P-router link set dev wide up
ip -n $P-router link set dev narrow mtu $MTU up
ip netns exec $P-router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
ip -n $P-server route add default via 10.9.1.254
ip -n $P-server -6 route add default via fd09:1::fe
ip -n $P-peer route add default via 10.9.2.254
ip -n $P-peer -6 route add default via fd09:2::fe
# When Linux takes note that a link is up, as late as a second after that, it forgets what it has learnt of paths over IPv6.
for link in "server link show eth0" "router link show wide" "router link show narrow" "peer link show eth0"; do
    until ip -n $P-$link | grep -q "state UP"; do sleep 0.05; done
done
"""


@pytest.fixture
def prefix() -> Iterator[str]:
    """The first part of the names of three namespaces in a row, in which no path is known yet."""
    require(not missing(), f"not installed: {', '.join(missing())}")
    prefix = f"rtc{os.getpid()}-narrow"
    environment = os.environ | {"P": prefix, "MTU": str(NARROW)}
    try:
        subprocess.run(["sh", "-e"], input=SCRIPT, text=True, env=environment, check=True, timeout=60)
        yield prefix
    finally:
        for each in ("server", "router", "peer"):
            subprocess.run(["ip", "netns", "del", f"{prefix}-{each}"], check=False, capture_output=True)


def relayed(prefix: str, family: str, *, whole: bool) -> tuple[list[int], list[list[int]]]:
    """The lengths of what arrives at the peer, and the ICMP errors that the client is told."""
    host, peer = ENDS[family]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = ["ip", "netns", "exec"]
    with subprocess.Popen(
        [*line, f"{prefix}-peer", sys.executable, str(PROGRAM), "receive", peer],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as receiver:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "ready\n"
        told = subprocess.run(
            [*line, f"{prefix}-server", sys.executable, str(PROGRAM), "relay", host, peer, "whole" if whole else ""],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            check=True,
            timeout=60,
        )
        return json.loads(receiver.stdout.readline()), json.loads(told.stdout)


def test_a_client_that_asks_for_nothing_gets_everything_across(prefix: str) -> None:
    assert relayed(prefix, "ipv4", whole=False) == ([1000, 1400, 1400, 1200], [])


def test_what_is_to_stay_whole_is_not_cut_and_each_time_the_client_is_told_how_long_it_may_be(prefix: str) -> None:
    too_big = [3, 4, NARROW, 7000]

    # The first time it is the router who says so, the second time the kernel, which has listened.
    assert relayed(prefix, "ipv4", whole=True) == ([1000, 1200], [too_big, too_big])


@pytest.mark.parametrize("whole", [False, True])
def test_from_ipv6_the_server_does_what_it_always_does(prefix: str, *, whole: bool) -> None:
    # No router cuts what goes over IPv6: the first one too many tells the server's kernel to do so.
    assert relayed(prefix, "ipv6", whole=whole) == ([1000, 1400, 1200], [[2, 0, NARROW, 7000]])
