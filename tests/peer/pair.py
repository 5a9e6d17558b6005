"""Two peer connections on the simulated network, with signalling between them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Self, TypeVar

from tests.support.nat import Nat
from tests.support.network import Host, Link, Network, Node
from tests.support.rng import SeededRng

import rtc_peer
from rtc_datachannel import ChannelOpened, ChannelReceived, DataChannel, MessageReceived
from rtc_peer import Configuration, PeerConnection, PeerOptions, SdpType, SessionDescription
from rtc_stun import Address

E = TypeVar("E")
WALL_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)


def make_peer(
    name: str = "peer", configuration: Configuration | None = None, options: PeerOptions | None = None
) -> PeerConnection:
    """A connection that stands alone."""
    return PeerConnection(
        rng=SeededRng(name), wall_clock=WALL_CLOCK, configuration=configuration, options=options or PeerOptions()
    )


class Side:
    """One peer: its machine, its place, what it has said."""

    def __init__(self, name: str, node: Node, host: Host) -> None:
        self.name = name
        self.node = node
        self.host = host
        self.other: Side = self
        self.ports = 5000
        self.held: list[rtc_peer.IceCandidateFound] = []
        """Our candidates that signalling has not brought to the peer."""

    @property
    def machine(self) -> PeerConnection:
        """The peer connection."""
        assert isinstance(self.node.machine, PeerConnection)
        return self.node.machine

    @property
    def local(self) -> SessionDescription:
        """Our description."""
        found = self.machine.local_description
        assert found is not None
        return found

    def of(self, kind: type[E]) -> list[E]:
        """Our events of one class."""
        return self.node.of(kind)

    def messages(self) -> list[str | bytes]:
        """What arrived on all channels."""
        return [event.data for event in self.of(MessageReceived)]

    def channel(self, index: int = 0) -> DataChannel:
        """A channel that is open, by the order in which they opened."""
        found = [each.channel for each in self.node.events if isinstance(each, ChannelOpened | ChannelReceived)]
        return found[index]


class Pair:
    """Two sides. Candidates flow by themselves unless `trickle` is off; local addresses are told when asked for."""

    def __init__(
        self,
        *,
        seed: int = 1,
        link: Link | None = None,
        left: Configuration | None = None,
        right: Configuration | None = None,
        options: tuple[PeerOptions, PeerOptions] | None = None,
        behind: tuple[Nat | None, Nat | None] = (None, None),
        hosts: tuple[Sequence[str], Sequence[str]] = (("192.0.2.1",), ("192.0.2.2",)),
        trickle: bool = True,
        gather: bool = True,
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.01))
        self.trickle = trickle
        self.gather = gather
        settings = options or (PeerOptions(), PeerOptions())
        self.left = self._side(f"{seed} left", left, settings[0], hosts[0], behind[0])
        self.right = self._side(f"{seed} right", right, settings[1], hosts[1], behind[1])
        self.left.other, self.right.other = self.right, self.left

    def _side(
        self,
        name: str,
        configuration: Configuration | None,
        options: PeerOptions,
        hosts: Sequence[str],
        nat: Nat | None,
    ) -> Side:
        node = self.network.attach(make_peer(name, configuration, options))
        side = Side(name, node, self.network.host(*hosts, behind=nat))
        node.on_event = lambda event: self._happened(side, event)
        return side

    @property
    def now(self) -> float:
        """The present."""
        return self.network.now

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.left, self.right

    # --- signalling ---

    def offer(self, side: Side | None = None) -> SessionDescription:
        """Set an offer on one side, the left one by default, and return it."""
        side = side or self.left
        side.machine.set_local_description(SessionDescription(SdpType.OFFER), self.now)
        return side.local

    def answer(self, side: Side | None = None, kind: SdpType = SdpType.ANSWER) -> SessionDescription:
        """Set an answer on one side, the right one by default, and return it."""
        side = side or self.right
        side.machine.set_local_description(SessionDescription(kind), self.now)
        return side.local

    def give(self, side: Side, description: SessionDescription) -> None:
        """Set a description of the peer's, and the candidates that were held."""
        side.machine.set_remote_description(description, self.now)
        self.bring(side.other)

    def negotiate(self, offerer: Side | None = None) -> None:
        """One whole exchange."""
        offerer = offerer or self.left
        self.give(offerer.other, self.offer(offerer))
        self.give(offerer, self.answer(offerer.other))

    def bring(self, side: Side) -> None:
        """Bring held candidates of one side to the other."""
        there = side.other.machine
        if there.remote_description is not None and not there.closed and self.trickle:
            held, side.held = side.held, []
            for event in held:
                self.add_candidate(side.other, event)

    def add_candidate(self, side: Side, event: rtc_peer.IceCandidateFound) -> None:
        """Tell one side of a candidate of the other."""
        side.machine.add_ice_candidate(
            event.candidate, self.now, sdp_mid=event.sdp_mid, username_fragment=event.username_fragment
        )

    # --- time ---

    def run(self, until: Callable[[], bool], timeout: float = 30.0) -> bool:
        """Let time pass until something holds."""
        return self.network.run(until=until, timeout=timeout)

    def settle(self, seconds: float = 1.0) -> None:
        """Let time pass."""
        self.network.advance(seconds)

    def connect(self, **channel: object) -> Self:
        """Negotiate a channel and wait until both sides have it."""
        self.left.machine.create_data_channel("chat", **channel)  # type: ignore[arg-type]  # the caller knows the options
        self.negotiate()
        assert self.run(self.talking), [side.machine.connection_state for side in self.sides]
        return self

    def talking(self) -> bool:
        """Whether the first channel is open on both sides."""
        return all(side.node.saw(ChannelOpened) or side.node.saw(ChannelReceived) for side in self.sides)

    # --- what the machines want ---

    def _happened(self, side: Side, event: object) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id) if self.gather:
                self.add_addresses(side, transport_id)
            case rtc_peer.IceCandidateFound():
                side.held.append(event)
                self.bring(side)
            case _:
                pass

    def add_addresses(self, side: Side, transport_id: int) -> list[Address]:
        """Open a socket on each address of a host, and say that these are all."""
        side.ports += 1
        found = []
        for host in side.host.hosts:
            address = self.network.bind(side.node, side.host.bind(side.ports, host))
            side.machine.add_local_address(transport_id, address, self.now)
            found.append(address)
        side.machine.end_of_local_addresses(transport_id, self.now)
        return found
