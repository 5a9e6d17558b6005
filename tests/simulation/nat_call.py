"""Two ICE agents of one seed, each in a network of some kind, with a STUN and a TURN server: which path results.

Where nothing is lost and signalling is quick, it is the very path of `tests.support.nat_kinds`. On a bad network it may be a relay for
want of patience, or be lost again, but there was one, and never one that such NATs cannot give.
"""

import random

from tests.ice.session import STUN_SERVER, Call, Party, Signalling
from tests.support.nat import Nat
from tests.support.nat_kinds import Kind, PairTypes, connects_directly, direct_path, relayed_paths
from tests.support.network import Link
from tests.support.streams import Streams
from tests.support.turn import PASSWORD, USER, TurnHost

from rtc_ice import ConsentExpired, IceConfig, TurnServer
from rtc_stun import Address, LongTermCredential

from .call import SimulationError

TURN_SERVER = Address("198.51.100.10", 3478)
CREDENTIAL = LongTermCredential(username=USER, password=PASSWORD)
CONFIG = IceConfig(
    stun_servers=(STUN_SERVER,),
    turn_servers=tuple(
        TurnServer(address=TURN_SERVER, transport=transport, credential=CREDENTIAL) for transport in ("udp", "tcp")
    ),
)
PATIENCE = 120.0
"""Virtual seconds until they are connected."""
SETTLING = 5.0
"""Virtual seconds within which a better path takes over."""


class NatCall:
    """The agents of one seed: every kind with every other, and two behind one carrier's NAT that hairpins or does not.

    Args:
        seed: Chooses everything.
        kinds: These two, on a good network, whatever the seed says.
        loss: Of that network, which is no excuse for another path.
    """

    def __init__(self, seed: int, kinds: tuple[Kind, Kind] | None = None, *, loss: float = 0.0) -> None:
        self.random = random.Random(f"{seed} nat")
        choose = self.random.choice
        self.is_good = choose([True, False]) or kinds is not None
        link = Link(delay=choose([0.001, 0.02, 0.08]), loss=loss) if self.is_good else self._bad_link()
        signalling = Signalling(delay=choose([0.0, 0.05]) if self.is_good else choose([0.0, 0.3, 1.0]))
        self.call = Call(seed=seed, link=link, alice=CONFIG, bob=CONFIG, signalling=signalling)
        self.call.serve_stun()
        self.streams = Streams(self.call.network, delay=link.delay)
        TurnHost(self.call.network, TURN_SERVER.host, streams=self.streams)
        self.is_shared = self.random.random() < 0.1 and kinds is None
        self.kinds = kinds or (choose(list(Kind)), choose(list(Kind)))
        self.hairpins = choose([True, False])
        if self.is_shared:
            self._sit_behind_one_carrier()
        else:
            self._sit_apart()

    @property
    def description(self) -> str:
        """The circumstances, for who reads that something went wrong."""
        where = (
            f"one carrier, hairpinning {self.hairpins}"
            if self.is_shared
            else " and ".join(str(each) for each in self.kinds)
        )
        return f"{where}, {'good' if self.is_good else 'bad'} network"

    def run(self) -> None:
        """Connect and look at the path.

        Raises:
            SimulationError: There is none, or another one than there has to be.
        """
        call = self.call
        call.start()
        if not call.run(call.connected, timeout=PATIENCE):
            raise SimulationError(f"{self.description}: no path was found")
        call.run(lambda: (call.completed() and call.agree()) or self._lost_consent(), timeout=PATIENCE)
        if not call.agree() and not self._lost_consent():
            raise SimulationError(f"{self.description}: both sides chose different paths")
        call.run(timeout=SETTLING)
        if self._lost_consent():
            return
        near, far = self._types(call.alice), self._types(call.bob)
        expected = self._expected()
        if not any(one.allows(near) for one in expected) or not any(one.reversed.allows(far) for one in expected):
            raise SimulationError(f"{self.description}: {near} and {far} instead of {expected}")

    def _lost_consent(self) -> bool:
        """Whether so many consent checks were lost in a row that the path had to be given up: :rfc:`7675` repeats none."""
        parties = (self.call.alice, self.call.bob)
        return not self.is_good and any(each.node.of(ConsentExpired) for each in parties)

    def _expected(self) -> set[PairTypes]:
        if self.is_shared:
            direct = {PairTypes("srflx", "srflx")} if self.hairpins else set()
            relayed = {PairTypes("srflx", "relay"), PairTypes("relay", "srflx")}
        else:
            direct = {direct_path(*self.kinds)} if connects_directly(*self.kinds) else set()
            relayed = relayed_paths(*self.kinds)
        if self.is_good:
            return direct or relayed
        return direct | relayed | {PairTypes("relay", "relay")}

    @staticmethod
    def _types(party: Party) -> PairTypes:
        pair = party.agent.selected_pair
        assert pair is not None
        return PairTypes(pair.local_candidate.type, pair.remote_candidate.type)

    def _bad_link(self) -> Link:
        choose = self.random.choice
        return Link(
            delay=choose([0.001, 0.05, 0.2]),
            jitter=choose([0.0, 0.03]),
            loss=choose([0.05, 0.1, 0.2]),
            duplication=choose([0.0, 0.05]),
            reordering=choose([0.0, 0.1]),
        )

    def _sit_apart(self) -> None:
        for number, kind in enumerate(self.kinds, 1):
            nat = kind.nat(f"203.0.113.{number}")
            self._sit(f"192.0.2.{number}" if nat is None else "192.168.1.10", nat)

    def _sit_behind_one_carrier(self) -> None:
        carrier = Kind.FULL_CONE.nat("203.0.113.1")
        assert carrier is not None
        carrier.hairpinning = self.hairpins
        for number in (1, 2):
            home = Kind.FULL_CONE.nat(f"100.64.0.{number}")
            assert home is not None
            self.call.network.nest(home, carrier)
            self._sit("192.168.1.10", home)

    def _sit(self, host: str, nat: Nat | None) -> None:
        party = self.call.join(self.call.network.host(host, behind=nat))
        self.streams.follow(party.node, party.agent)
