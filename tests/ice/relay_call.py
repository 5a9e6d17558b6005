"""Two agents and a TURN server of ours on the simulated network."""

from tests.support.nat import Nat
from tests.support.network import Link
from tests.support.streams import Streams
from tests.support.turn import PASSWORD, TLS_PORT, USER, TurnHost

from rtc_ice import CandidatePair, IceConfig, TurnServer
from rtc_stun import Address, Datagram, LongTermCredential
from rtc_turn import TurnServerConfig

from .session import Call, Party

CREDENTIAL = LongTermCredential(username=USER, password=PASSWORD)
TURN = Address("198.51.100.10", 3478)
SECOND_TURN = Address("198.51.100.20", 3478)
UDP = TurnServer(address=TURN, credential=CREDENTIAL)
TCP = TurnServer(address=TURN, transport="tcp", credential=CREDENTIAL)
TLS = TurnServer(
    address=Address(TURN.host, TLS_PORT), transport="tls", credential=CREDENTIAL, domain="turn.example.org"
)
DTLS = TurnServer(
    address=Address(TURN.host, TLS_PORT), transport="dtls", credential=CREDENTIAL, domain="turn.example.org"
)
RELAY_ONLY = IceConfig(turn_servers=(UDP,), relay_only=True)
EVERY_TRANSPORT = [UDP, TCP, TLS, DTLS]


def transport_of(server: TurnServer) -> str:
    return server.transport


class RelayCall(Call):
    """A call with a TURN server on the internet, and streams."""

    def __init__(
        self,
        alice: IceConfig | None = None,
        bob: IceConfig | None = None,
        *,
        seed: int = 1,
        link: Link | None = None,
        server: TurnServerConfig | None = None,
        allowed: list[str] | None = None,
    ) -> None:
        super().__init__(seed=seed, link=link, alice=alice, bob=bob)
        self.streams = Streams(self.network)
        allowed = ["0.0.0.0/0", "::/0"] if allowed is None else allowed
        self.turn = TurnHost(self.network, TURN.host, streams=self.streams, config=server, allowed=allowed)

    def sit(self, nat: Nat | None = None, *hosts: str) -> Party:
        """Put the next agent on the network, with its streams."""
        n = len(self.parties) + 1
        if hosts:
            host = self.network.host(*hosts, behind=nat)
        elif nat is None:
            host = self.network.host(f"192.0.2.{n}")
        else:
            host = self.network.host("192.168.1.10", behind=nat)
        party = self.join(host)
        self.streams.follow(party.node, party.agent)
        return party

    def both_sit(self) -> None:
        self.sit()
        self.sit()
        self.start()

    def talk(self) -> None:
        """Send data both ways, and see it arrive from where it should."""
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            there = selected_pair(receiver)
            at_sockets: list[Datagram] = []
            self.network.trace = lambda now, datagram, seen=at_sockets: seen.append(datagram)
            send(sender, b"\x80data", self.network.now)
            self.network.advance(1.0)
            self.network.trace = None
            arrived = receiver.agent.data_received()
            if not there.is_carried:
                assert arrived == []
                arrived = [each for each in at_sockets if each.local == there.local and each.data == b"\x80data"]
            assert [(each.data, each.local, each.remote) for each in arrived] == [
                (b"\x80data", there.local, there.remote)
            ]
            assert receiver.agent.is_valid_path(there.local, there.remote)


def selected_pair(party: Party) -> CandidatePair:
    pair = party.agent.selected_pair
    assert pair is not None
    return pair


def send(party: Party, data: bytes, now: float) -> None:
    pair = selected_pair(party)
    party.agent.send([Datagram(data, pair.local, pair.remote)], now)
