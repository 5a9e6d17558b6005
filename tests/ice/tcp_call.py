"""Two agents with TCP candidates on the simulated network."""

from tests.ice.session import Call, Party, Signalling
from tests.support.network import Link
from tests.support.streams import Streams

from rtc_ice import IceConfig, TcpType
from rtc_stun import Address, Datagram

TCP_PORT = 9000
SO_PORT = 9001

ALICE, BOB = "192.0.2.1", "192.0.2.2"


class TcpCall(Call):
    """Alice, who controls, and Bob; UDP is blocked unless it is asked for.

    Args:
        alice: Types of her TCP candidates.
        bob: Types of his.
        udp: Whether both have UDP candidates too.
    """

    def __init__(
        self,
        *alice: TcpType,
        bob: tuple[TcpType, ...],
        udp: bool = False,
        configs: tuple[IceConfig, IceConfig] = (IceConfig(), IceConfig()),
        roles: tuple[bool, bool] = (True, False),
        seed: int = 1,
        link: Link | None = None,
        signalling: Signalling | None = None,
    ) -> None:
        super().__init__(seed=seed, alice=configs[0], bob=configs[1], roles=roles, link=link, signalling=signalling)
        self.streams = Streams(self.network)
        self.tcp_types = (alice, bob)
        self.has_udp = udp
        self.arrived: list[list[bytes]] = [[], []]
        """Data that each party was given."""
        for host in (ALICE, BOB):
            party = self.join(self.network.host(host))
            self.streams.follow(party.node, party.agent)

    def start(self, *, gather: bool = True, signal: bool = True) -> None:
        """Add all addresses, UDP first, and exchange credentials."""
        if gather:
            for party, tcp_types in zip(self.parties, self.tcp_types, strict=True):
                if self.has_udp:
                    self.gather(party, end=False)
                for tcp_type in tcp_types:
                    self.add_tcp(party, tcp_type)
                party.agent.end_of_local_addresses(self.network.now)
        super().start(gather=False, signal=signal)

    def add_tcp(self, party: Party, tcp_type: TcpType) -> Address:
        """Give a party a TCP candidate, and listen for it if it is connected to."""
        port = SO_PORT if tcp_type is TcpType.SIMULTANEOUS_OPEN else TCP_PORT
        address = Address(party.host.hosts[0], port)
        party.agent.add_local_address(address, self.network.now, tcp_type=tcp_type)
        if tcp_type.accepts:
            self.streams.listen(address, party.agent, party.agent.transport_accepted, party.agent.transport_failed)
        return address

    def say(self, party: Party, data: bytes) -> None:
        """Send data on the selected pair."""
        pair = party.agent.selected_pair
        assert pair is not None
        datagram = Datagram(data, pair.local, pair.remote, pair.local_candidate.transport)
        party.agent.send([datagram], self.network.now)
        self.network.flush()

    def heard(self, party: Party) -> list[bytes]:
        """Take the data that came from where the peer is."""
        return [
            each.data
            for each in party.agent.data_received()
            if party.agent.is_valid_path(each.local, each.remote, each.transport)
        ]

    def agree_over_tcp(self) -> bool:
        """Whether both have selected the same path, be it a connection."""
        ours, theirs = self.alice.agent.selected_pair, self.bob.agent.selected_pair
        return (
            ours is not None
            and theirs is not None
            and ours.local_candidate.transport == theirs.local_candidate.transport
            and (not ours.is_carried or ours.local_candidate.address == theirs.remote or ours.remote == theirs.local)
        )

    def talks(self) -> bool:
        """Send something in both directions and return whether it arrived."""
        self.say(self.alice, b"\x80from alice")
        self.say(self.bob, b"\x80from bob")
        self.run(timeout=0.5)
        return (self.heard(self.alice), self.heard(self.bob)) == ([b"\x80from bob"], [b"\x80from alice"])
