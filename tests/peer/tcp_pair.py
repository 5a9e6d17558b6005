"""Two connections with TCP candidates on the simulated network."""

from collections.abc import Sequence

from tests.peer.pair import Pair, Side
from tests.support.streams import Streams

from rtc_ice import TcpType
from rtc_peer import PeerOptions
from rtc_stun import Address

FIRST_PORT = 5000


class TcpPair(Pair):
    """Two sides with the given types of TCP candidates."""

    def __init__(
        self,
        *left: TcpType,
        right: Sequence[TcpType],
        udp: bool = False,
        options: tuple[PeerOptions, PeerOptions] | None = None,
        **settings: object,
    ) -> None:
        super().__init__(options=options, **settings)  # type: ignore[arg-type]  # the caller knows them
        self.streams = Streams(self.network)
        self.udp = udp
        self.types = {self.left.name: tuple(left), self.right.name: tuple(right)}
        for side in self.sides:
            self.streams.follow(side.node, side.machine)

    def add_addresses(self, side: Side, transport_id: int) -> list[Address]:
        """Listen where it is wanted, on UDP too if it is not blocked; a restart uses what is there."""
        if side.ports > FIRST_PORT:
            side.machine.end_of_local_addresses(transport_id, self.now)
            return []
        host = side.host.hosts[0]
        side.node.hosts[host] = side.host
        found = []
        if self.udp:
            side.ports += 1
            found.append(self.network.bind(side.node, side.host.bind(side.ports)))
            side.machine.add_local_address(transport_id, found[-1], self.now)
        for tcp_type in self.types[side.name]:
            side.ports += 1
            found.append(Address(host, side.ports))
            if side.machine.add_local_address(transport_id, found[-1], self.now, tcp_type=tcp_type):
                machine = side.machine
                self.streams.listen(found[-1], machine, machine.transport_accepted, machine.transport_failed)
        side.machine.end_of_local_addresses(transport_id, self.now)
        return found

    def talk(self) -> None:
        """A message each way, long enough for many packets."""
        for side in self.sides:
            known = len(side.other.messages())
            side.machine.send(side.channel(), bytes(50_000))
            assert self.run(lambda side=side, known=known: len(side.other.messages()) > known)  # type: ignore[misc]
