"""A TURN server on the simulated network: over UDP, TCP, TLS and DTLS."""

from collections.abc import Sequence
from itertools import count

from rtc_stun import Address, LongTermAuthenticator, LongTermUsers
from rtc_turn import AddressFamily, OpenRelay, PublicPeers, TurnServer, TurnServerConfig

from .network import Host, Network, Node
from .rng import SeededRng
from .streams import Streams

USER, PASSWORD = "alice", "wonder land"
TLS_PORT = 5349
EVERYBODY = ["0.0.0.0/0", "::/0"]
"""Documentation addresses are not public; the tests live there."""


class TurnHost:
    """A host with a TURN server at port 3478 over UDP and TCP, and at 5349 over TLS and DTLS."""

    def __init__(
        self,
        network: Network,
        *hosts: str,
        streams: Streams | None = None,
        config: TurnServerConfig | None = None,
        allowed: Sequence[str] = EVERYBODY,
    ) -> None:
        self.users = LongTermUsers("example.org", {USER: PASSWORD})
        self.server = TurnServer(
            rng=SeededRng(f"turn {hosts}"),
            authenticator=LongTermAuthenticator(self.users, secret=b"s" * 32),
            policy=PublicPeers(allowed=allowed),
            config=config,
        )
        self.host: Host = network.host(*hosts)
        self.address = Address(hosts[0], 3478)
        self._network = network
        self._streams = streams
        self._ports = count(50_000)
        self._ids = count()
        bindings = [self.host.bind(port, host) for host in hosts for port in (3478, TLS_PORT)]
        self.node: Node = network.attach(self.server, *bindings)
        self.node.on_event = self._on_event
        if streams is not None:
            for host in hosts:
                streams.listen(Address(host, 3478), self.server, self._accept, self.server.transport_closed)
                streams.listen(Address(host, TLS_PORT), self.server, self._accept, self.server.transport_closed)

    def _accept(self, local: Address, remote: Address, now: float) -> int:
        transport_id = next(self._ids)
        transport = "tls" if local.port == TLS_PORT else "tcp"
        self.server.transport_opened(transport_id, local, remote, now, transport=transport)
        return transport_id

    def _on_event(self, event: object) -> None:
        if not isinstance(event, OpenRelay):
            return
        wanted = event.family is AddressFamily.IPV6
        host = next((each for each in self.host.hosts if (":" in each) == wanted), None)
        if host is None:
            self.server.relay_failed(event.relay_id, self._network.now)
            return
        relayed = self._network.bind(self.node, self.host.bind(next(self._ports), host))
        self.server.relay_opened(event.relay_id, relayed, self._network.now)
