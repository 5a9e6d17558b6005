"""Two endpoints, or an endpoint and a bare association that breaks rules, on the simulated network."""

from collections.abc import Iterable
from typing import TypeVar

from tests.support.network import Link, Network, Node
from tests.support.rng import SeededRng

from rtc_datachannel import (
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannel,
    DataChannelConfig,
    DataChannelEndpoint,
    EndpointConnected,
    Event,
    MessageReceived,
    Ppid,
)
from rtc_sctp import Association, AssociationConfig

E = TypeVar("E")


class Side:
    """One endpoint of a pair with what it has reported so far."""

    def __init__(self, endpoint: DataChannelEndpoint, node: Node) -> None:
        self.endpoint = endpoint
        self.node = node

    def of(self, kind: type[E]) -> list[E]:
        return self.node.of(kind)

    def messages(self, channel: DataChannel | int) -> list[str | bytes]:
        """What arrived on one channel, in order."""
        channel_id = channel if isinstance(channel, int) else channel.id
        return [event.data for event in self.of(MessageReceived) if event.channel_id == channel_id]

    def received(self, index: int = -1) -> DataChannel:
        """A channel the peer opened."""
        return self.of(ChannelReceived)[index].channel

    def kinds(self) -> list[str]:
        """The names of the events, in order."""
        return [type(event).__name__ for event in self.node.events]

    def forget(self) -> None:
        """Drop the events seen so far."""
        self.node.events.clear()


class Pair:
    """A client (left, even streams) and a server (right, odd streams)."""

    def __init__(
        self,
        *,
        link: Link | None = None,
        seed: int = 1,
        left: DataChannelConfig | None = None,
        right: DataChannelConfig | None = None,
        batch: bool = True,
    ) -> None:
        self.network = Network(seed=seed, link=link, batch=batch)
        endpoints = [
            DataChannelEndpoint(config=config, rng=SeededRng(f"{seed} {name}"))
            for name, config in (("left", left), ("right", right))
        ]
        nodes = self.network.join(endpoints[0], endpoints[1])
        self.left, self.right = Side(endpoints[0], nodes[0]), Side(endpoints[1], nodes[1])

    def start(self) -> None:
        """Both sides begin; no time passes."""
        self.left.endpoint.start(self.network.now, client=True)
        self.right.endpoint.start(self.network.now, client=False)
        self.network.flush()

    def connect(self) -> "Pair":
        """Begin, and let time pass until both associations are up."""
        self.start()
        assert self.network.run(
            until=lambda: self.left.node.saw(EndpointConnected) and self.right.node.saw(EndpointConnected)
        )
        return self

    def settle(self, seconds: float = 5.0) -> None:
        """Let time pass."""
        self.network.flush()
        self.network.advance(seconds)

    def wait_for(self, channel: DataChannel, state: ChannelState, *, timeout: float = 600.0) -> None:
        """Let time pass until the channel is in this state."""
        assert self.network.run(until=lambda: channel.state is state, timeout=timeout)

    def open(self, label: str = "test", **options: object) -> tuple[DataChannel, DataChannel]:
        """A channel that the left side opens, as both sides see it."""
        before = len(self.right.of(ChannelReceived))
        channel = self.left.endpoint.create_channel(label, **options)  # type: ignore[arg-type]  # passed on as given
        assert self.network.run(
            until=lambda: (
                any(event.channel is channel for event in self.left.of(ChannelOpened))
                and len(self.right.of(ChannelReceived)) > before
            )
        )
        return channel, self.right.received()


class Attack:
    """An endpoint (the server) against a bare association that may say anything."""

    def __init__(
        self,
        *,
        config: DataChannelConfig | None = None,
        peer: AssociationConfig | None = None,
        seed: int = 1,
        client: bool = False,
    ) -> None:
        self.network = Network(seed=seed)
        self.endpoint = DataChannelEndpoint(config=config, rng=SeededRng(f"{seed} endpoint"))
        self.peer = Association(config=peer or AssociationConfig(), rng=SeededRng(f"{seed} peer"))
        node, self.peer_node = self.network.join(self.endpoint, self.peer)
        self.side = Side(self.endpoint, node)
        self.endpoint.start(0.0, client=client)
        self.peer.connect(0.0)
        assert self.network.run(until=lambda: self.side.node.saw(EndpointConnected))
        self.settle()

    def settle(self, seconds: float = 3.0) -> None:
        """Let time pass."""
        self.network.flush()
        self.network.advance(seconds)

    def say(self, stream_id: int, ppid: int, data: bytes, *, unordered: bool = False) -> None:
        """Send one message and let it arrive."""
        self.peer.send(stream_id, ppid, data, unordered=unordered)
        self.settle(1.0)

    def dcep(self, stream_id: int, message: object, *, unordered: bool = False) -> None:
        """Send one DCEP message and let it arrive."""
        self.say(stream_id, Ppid.DCEP, bytes(message), unordered=unordered)  # type: ignore[call-overload]  # bytes or a message

    def heard(self, kind: type[E]) -> list[E]:
        """What the peer's association reported."""
        return self.peer_node.of(kind)


def kinds(events: Iterable[Event]) -> list[str]:
    """The names of events."""
    return [type(event).__name__ for event in events]
