"""The peer's candidates on their way to the agent: names are resolved first, other generations are left out."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import rtc_ice
from rtc_ice import Candidate, is_candidate_name
from rtc_stun import Address

if TYPE_CHECKING:
    from rtc_ice import IceAgent

MAX_UNRESOLVED: Final = 32
"""Candidates that may wait for the resolution of their names."""

MAX_ADDRESSES_PER_HOST: Final = 8


class RemoteCandidates:
    """What the peer signalled for one agent.

    Args:
        agent: Takes the candidates.
    """

    __slots__ = ("_agent", "_ended", "_unresolved", "_wanted")

    def __init__(self, agent: IceAgent) -> None:
        self._agent = agent
        self._unresolved: list[tuple[Candidate, str]] = []
        """With the generation that each belongs to."""
        self._wanted: list[str] = []
        self._ended = ""
        """The generation whose end waits for names, or empty."""

    def add_line(self, text: str, ufrag: str, now: float) -> None:
        """Take a candidate of a description, of which the rest is sound if this is malformed and left out."""
        if not self._is_current(ufrag):
            return
        try:
            candidate = Candidate.parse(text)
        except rtc_ice.ParseError:
            return
        self.add(candidate, ufrag, now)

    def add(self, candidate: Candidate, ufrag: str, now: float) -> None:
        """Take a candidate.

        Args:
            candidate: With an address or a name.
            ufrag: The generation that it belongs to.
            now: Present time in seconds.
        """
        if not self._is_current(ufrag):
            return
        host = candidate.address.host
        if is_ip_literal(host):
            self._agent.add_remote_candidate(candidate, now)
        elif is_resolvable(host) and _has_destination(candidate) and len(self._unresolved) < MAX_UNRESOLVED:
            if all(host != each.address.host for each, _ in self._unresolved):
                self._wanted.append(host)
            self._unresolved.append((candidate, ufrag))

    def end(self, ufrag: str, now: float) -> None:
        """Take the end of a generation; names that are still being resolved delay it."""
        if not self._is_current(ufrag):
            return
        if any(each == ufrag for _, each in self._unresolved):
            self._ended = ufrag
            return
        self._ended = ""
        self._agent.end_of_remote_candidates(now)

    def host_resolved(self, host: str, addresses: Iterable[str], now: float) -> None:
        """Take the addresses that a name stands for; none if it has none."""
        waiting = [each for each in self._unresolved if each[0].address.host == host]
        self._unresolved = [each for each in self._unresolved if each[0].address.host != host]
        found = list(addresses)[:MAX_ADDRESSES_PER_HOST]
        is_private = is_candidate_name(host)
        if is_private and len(found) > 1:
            # The name of a candidate stands for one address; this one is something else's.
            found = []
        for candidate, ufrag in waiting:
            if self._is_current(ufrag):
                for address in found:
                    resolved = replace(candidate, address=Address(address, candidate.address.port))
                    self._agent.add_remote_candidate(resolved, now, is_private=is_private)
        if self._ended:
            self.end(self._ended, now)

    def take_wanted(self) -> list[str]:
        """Return the names to resolve that were not asked for yet."""
        wanted, self._wanted = self._wanted, []
        return wanted

    def _is_current(self, ufrag: str) -> bool:
        remote = self._agent.remote_credentials
        return remote is not None and remote.ufrag == ufrag


def is_resolvable(host: str) -> bool:
    """Whether a candidate's name may be looked up: any of the DNS, but of the local network only what candidates use.

    See draft-ietf-mmusic-mdns-ice-candidates, section 3.2: others are devices, which a peer must not send our checks to.
    """
    return not host.lower().removesuffix(".").endswith(".local") or is_candidate_name(host)


def _has_destination(candidate: Candidate) -> bool:
    """Whether its address is where something is sent: that of a TCP candidate that connects tells nothing."""
    return candidate.transport == "udp" or (candidate.tcp_type is not None and candidate.tcp_type.accepts)


@lru_cache(maxsize=256)
def is_ip_literal(host: str) -> bool:
    """Tell an IP address from a domain name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
