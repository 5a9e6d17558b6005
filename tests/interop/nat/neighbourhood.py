"""A public network in network namespaces, with a STUN and TURN server, and private networks behind NATs of every kind.

::

                        198.51.100.0/24
   coturn .1, .2  ours .3, .4┬─────────┬───────────┬──────── ...
                             │         │           │
                           open      NAT .12     NAT .13
                                       │ 10.2.0.0/24
                                     client

Needs root, ``ip`` and ``nft``. What it builds has this process's number in its name, and vanishes with `Neighbourhood.close`.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

from tests.support.nat_kinds import Kind

from .rules import rules

SERVER: Final = "198.51.100.1"
OTHER_SERVER: Final = "198.51.100.2"
OUR_SERVER: Final = "198.51.100.3"
OUR_OTHER_SERVER: Final = "198.51.100.4"
SERVERS: Final = {"coturn": SERVER, "ours": OUR_SERVER}
ROUTER: Final = "198.51.100.254"
TOOLS: Final = ("ip", "nft", "turnserver")


def possible() -> bool:
    """Whether this process may build networks: root may, but not in every container."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    if shutil.which("ip") is None:
        return True  # so that it is missed
    probe = f"rtc{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], check=False, capture_output=True).returncode == 0
    if made:
        subprocess.run(["ip", "netns", "del", probe], check=True)
    return made


def missing() -> list[str]:
    """The programs that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


@dataclass(frozen=True)
class Place:
    """Where a program can run."""

    namespace: str
    host: str
    """Its IP address there."""

    def command(self, *line: str) -> list[str]:
        """The command line that runs a program there."""
        return ["ip", "netns", "exec", self.namespace, *line]


class Neighbourhood:
    """All of it."""

    def __init__(self) -> None:
        self._prefix = f"rtc{os.getpid()}"
        self._namespaces: list[str] = []
        self._script: list[str] = []
        self._count = 0
        public = self._namespace("public")
        self._public = public
        self._script += [
            f"ip -n {public} link add bridge type bridge forward_delay 0",
            f"ip -n {public} addr add {ROUTER}/24 dev bridge",
            f"ip -n {public} link set bridge up",
            # The way to private addresses, and to everything else: without a word into nowhere.
            _set(public, "ipv4/ip_forward", 1),
            f"ip -n {public} route add blackhole default",
        ]
        self.server = Place(self._namespace("server"), SERVER)
        self._plug(self.server.namespace, "eth0", SERVER, OTHER_SERVER)
        self.our_server = Place(self._namespace("ours"), OUR_SERVER)
        self._plug(self.our_server.namespace, "eth0", OUR_SERVER, OUR_OTHER_SERVER)

    def client(self, kind: Kind) -> Place:
        """Plan a network of a kind with one client in it."""
        if kind is Kind.OPEN:
            self._count += 1
            place = Place(self._namespace(f"c{self._count}"), f"198.51.100.{10 + self._count}")
            self._plug(place.namespace, "eth0", place.host)
            return place
        (place,) = self.clients(kind, 1)
        return place

    def clients(self, kind: Kind, segments: int, *, each: int = 1, hairpinning: bool = False) -> list[Place]:
        """Plan a network of a kind with several segments that do not reach each other, and some clients in each."""
        self._count += 1
        number, nat = self._count, self._namespace(f"n{self._count}")
        public = f"198.51.100.{10 + number}"
        self._plug(nat, "wan", public)
        self._script += [
            _set(nat, "ipv4/ip_forward", 1),
            f"ip netns exec {nat} nft -f - <<'RULES'\n{rules(kind, public, hairpinning=hairpinning)}\nRULES",
        ]
        places = []
        for segment in range(segments):
            router, subnet = f"10.{number}.{segment}.1", f"10.{number}.{segment}"
            lan = f"lan{segment}"
            self._script += [
                f"ip -n {nat} link add {lan} type bridge forward_delay 0",
                f"ip -n {nat} addr add {router}/24 dev {lan}",
                f"ip -n {nat} link set {lan} up",
            ]
            for client in range(each):
                place = Place(self._namespace(f"c{number}-{segment}{client}"), f"{subnet}.{client + 2}")
                self._script += [
                    f"ip -n {nat} link add v{segment}{client} type veth peer name eth0 netns {place.namespace}",
                    f"ip -n {nat} link set v{segment}{client} master {lan} up",
                    *self._configure(place.namespace, "eth0", place.host),
                    f"ip -n {place.namespace} route add default via {router}",
                ]
                places.append(place)
        return places

    def build(self) -> None:
        """Make everything that was planned."""
        script, self._script = self._script, []
        done = subprocess.run(
            ["sh", "-e"], input="\n".join(script), text=True, capture_output=True, check=False, timeout=120
        )
        if done.returncode != 0:
            self.close()
            raise RuntimeError(done.stderr)

    def close(self) -> None:
        """Remove everything; programs that still run there must have been ended."""
        for namespace in self._namespaces:
            subprocess.run(["ip", "netns", "del", namespace], check=False, capture_output=True)

    def _namespace(self, name: str) -> str:
        namespace = f"{self._prefix}-{name}"
        self._namespaces.append(namespace)
        self._script.append(f"ip netns add {namespace}")
        self._script += [
            _set(namespace, "ipv6/conf/all/disable_ipv6", 1),
            f"ip -n {namespace} link set lo up",
        ]
        return namespace

    def _plug(self, namespace: str, interface: str, *hosts: str) -> None:
        """Connect a namespace with the public network."""
        port = f"p{len(self._namespaces)}"
        self._script += [
            f"ip -n {self._public} link add {port} type veth peer name {interface} netns {namespace}",
            f"ip -n {self._public} link set {port} master bridge up",
            *self._configure(namespace, interface, *hosts),
            f"ip -n {namespace} route add default via {ROUTER}",
        ]

    @staticmethod
    def _configure(namespace: str, interface: str, *hosts: str) -> list[str]:
        return [
            *(f"ip -n {namespace} addr add {host}/24 dev {interface}" for host in hosts),
            f"ip -n {namespace} link set {interface} up",
        ]


def _set(namespace: str, name: str, value: int) -> str:
    return f"ip netns exec {namespace} sh -c 'echo {value} > /proc/sys/net/{name}'"
