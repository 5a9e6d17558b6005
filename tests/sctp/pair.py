"""Two associations on the simulated network."""

from tests.support.network import Link, Network
from tests.support.rng import SeededRng

from rtc_sctp import (
    Association,
    AssociationConfig,
    AssociationEstablished,
    Chunk,
    MessageReceived,
    Packet,
)


class Pair:
    """Both sides connect at once unless told otherwise; what goes over the wire is recorded."""

    def __init__(
        self,
        *,
        link: Link | None = None,
        seed: int = 1,
        left: AssociationConfig | None = None,
        right: AssociationConfig | None = None,
        batch: bool = True,
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.01), batch=batch)
        self.left, self.right = (
            Association(config=config, rng=SeededRng(f"{seed} {name}"))
            for name, config in (("left", left), ("right", right))
        )
        self.left_node, self.right_node = self.network.join(self.left, self.right)
        self.wire: list[tuple[str, Packet]] = []
        """What left, by side; also what was lost."""

        for name, node in (("left", self.left_node), ("right", self.right_node)):
            node.tap = lambda _now, datagram, name=name: self._record(name, datagram.data)

    def _record(self, name: str, data: bytes) -> bool:
        self.wire.append((name, Packet.parse(data)))
        return True

    def connect(self, *, both: bool = True) -> "Pair":
        """Set the association up."""
        self.left.connect(self.network.now)
        if both:
            self.right.connect(self.network.now)
        assert self.network.run(
            until=lambda: self.left_node.saw(AssociationEstablished) and self.right_node.saw(AssociationEstablished),
            timeout=200.0,
        )
        return self

    def settle(self, seconds: float = 5.0) -> None:
        """Let time pass."""
        self.network.flush()
        self.network.advance(seconds)

    def set_link(self, link: Link) -> None:
        """Change both directions."""
        for host in self.network.internet.members.values():
            host.link = link  # type: ignore[union-attr]  # no translators here

    def cut(self) -> None:
        """Let nothing through any more."""
        self.set_link(Link(loss=1.0))

    def received(self, stream_id: int | None = None) -> list[bytes]:
        """What arrived on the right, in order."""
        return [
            event.data
            for event in self.right_node.of(MessageReceived)
            if stream_id is None or event.stream_id == stream_id
        ]

    def chunks(self, side: str, kind: type[Chunk]) -> list[Chunk]:
        """The chunks of one kind that one side sent."""
        return [
            chunk for name, packet in self.wire if name == side for chunk in packet.chunks if isinstance(chunk, kind)
        ]
