"""Everything at once: agents in bad weather whose users restart, move, unplug and mistreat them; then all is well again."""

import copy
import random
from contextlib import suppress

import pytest
from tests.support.nat import port_restricted_cone, restricted_cone
from tests.support.network import Link

from rtc_ice import Candidate, CandidatePair, IceConfig, StateError
from rtc_stun import Address, Datagram

from .session import STUN_SERVER, Call, Party

WEATHER = Link(delay=0.03, jitter=0.05, loss=0.2, duplication=0.1, reordering=0.1)
FAIR = Link(delay=0.02)
MOVERS = ((False, False), (True, True), (True, False), (False, True))
"""Whose sessions are continual."""


class Chaos:
    """A call and somebody who cannot leave it alone."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        patience = self.rng.choice([0.0, 5.0, None])
        alice, bob = (
            IceConfig(stun_servers=(STUN_SERVER,), patience=patience, continual=moves, report_pairs=moves)
            for moves in MOVERS[seed % len(MOVERS)]
        )
        self.call = Call(seed=seed, link=WEATHER, alice=alice, bob=bob, roles=(True, self.rng.random() < 0.3))
        self.call.serve_stun()
        for index, kind in enumerate((port_restricted_cone, restricted_cone)):
            ips = [f"192.168.{index}.{n}" for n in (1, 2)]
            host = self.call.network.host(*ips, behind=kind(f"203.0.113.{index}"))
            self.call.join(host, *(host.bind(5000, ip) for ip in ips))
        self.caught: list[Datagram] = []
        for party in self.call.parties:
            party.node.tap = self._listen
        self.call.start()
        self.call.run(timeout=0.01)

    def _listen(self, now: float, datagram: Datagram) -> bool:
        self.caught = [*self.caught[-50:], datagram]
        return True

    def disturb(self) -> None:
        """Do one thing, and let some time pass."""
        party = self.rng.choice(self.call.parties)
        action = self.rng.choice(
            [self.wait, self.wait, self.restart, self.unplug, self.unbind, self.bind, self.lie, self.replay, self.copy]
        )
        with suppress(StateError, ValueError):  # misuse is answered at once, and changes nothing
            action(party)
        self.call.network.flush()
        self.call.run(timeout=self.rng.choice([0.01, 0.1, 1.0, 8.0]))

    def wait(self, party: Party) -> None:
        self.call.run(timeout=self.rng.choice([5.0, 20.0, 45.0]))

    def restart(self, party: Party) -> None:
        for each in self.call.parties if self.rng.random() < 0.7 else [party]:
            each.agent.restart(self.call.network.now)
            if self.rng.random() < 0.8:
                each.agent.end_of_local_addresses(self.call.network.now)
        self.tell()

    def tell(self) -> None:
        """Signal credentials as far as each side is ready for them."""
        for party, peer in (self.call.parties, self.call.parties[::-1]):
            if party.agent.remote_credentials is None:
                local = peer.agent.local_credentials
                party.agent.set_remote_credentials(
                    local.ufrag, local.password, self.call.network.now, renomination=peer.agent.renomination
                )

    def unplug(self, party: Party) -> None:
        party.host.up = not party.host.up

    def unbind(self, party: Party) -> None:
        party.agent.remove_local_address(self.rng.choice(party.bindings).address, self.call.network.now)

    def bind(self, party: Party) -> None:
        party.agent.add_local_address(self.rng.choice(party.bindings).address, self.call.network.now)

    def lie(self, party: Party) -> None:
        line = self.rng.choice(
            [
                "candidate:1 1 udp 99 192.168.0.1 5000 typ host",
                "candidate:1 1 udp 4294967295 203.0.113.200 9 typ relay",
                "candidate:1 1 tcp 1 192.0.2.1 9 typ host",
                "candidate:1 9 udp 1 2001:db8::1 9 typ srflx",
            ]
        )
        party.agent.add_remote_candidate(Candidate.parse(line), self.call.network.now)
        if self.rng.random() < 0.3:
            party.agent.end_of_remote_candidates(self.call.network.now)

    def replay(self, party: Party) -> None:
        for datagram in self.caught:
            data = bytearray(datagram.data)
            if self.rng.random() < 0.5:
                data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
            local = self.rng.choice(party.bindings).address
            source = self.rng.choice([datagram.local, Address("198.51.100.66", 6)])
            party.agent.receive_datagram(Datagram(bytes(data), local, source), self.call.network.now)

    def copy(self, party: Party) -> None:
        party.agent = copy.deepcopy(party.agent)
        party.node.machine = party.agent

    def mend(self) -> None:
        """Plug everything in, forget the weather, and begin anew."""
        now = self.call.network.now
        for party in self.call.parties:
            party.host.up = True
            party.host.link = FAIR
            for binding in party.bindings:
                if binding.address not in {each.base for each in party.agent.candidate_stats()}:
                    with suppress(ValueError):  # it waits for the restart
                        party.agent.add_local_address(binding.address, now)
        for party in self.call.parties:
            party.agent.restart(now)
            party.agent.end_of_local_addresses(now)
        self.tell()
        self.call.network.flush()


def _pairs(chaos: Chaos) -> list[CandidatePair | None]:
    return [party.agent.selected_pair for party in chaos.call.parties]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_was_done_to_them_agents_find_each_other_again(seed: int) -> None:
    chaos = Chaos(seed)
    for _ in range(25):
        chaos.disturb()
        for party in chaos.call.parties:
            for pair in _pairs(chaos):
                assert pair is None or pair.component_id == 1
            assert len(party.agent.candidate_pair_stats()) <= 200
            assert sum(each.selected for each in party.agent.candidate_pair_stats()) <= 1
            assert (party.agent.selected_pair is None) is not any(
                each.selected for each in party.agent.candidate_pair_stats()
            )

    chaos.mend()

    assert chaos.call.run(chaos.call.completed, timeout=60)
    assert chaos.call.agree()
