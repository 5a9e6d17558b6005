"""One DTLS handshake in virtual time, every circumstance chosen by a seed.

Versions; order of suites, groups and profiles; kinds of certificates; MTUs from 256 to 1500 that change between transmissions, and a path that takes less; up to 30 %
loss, reordering, duplication; cookies; fingerprints that come late. In the end both sides have agreed on the same, data pass both ways, and both are closed.
"""

import random
from collections.abc import Callable
from typing import Final

from tests.dtls.ends import certificate
from tests.support.network import Link, Network, Node
from tests.support.rng import SeededRng

from rtc_dtls import (
    ApplicationDataReceived,
    CertificateKind,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    HandshakeCompleted,
    Role,
    SrtpProfile,
    Version,
)

from .call import SimulationError

KINDS: Final[tuple[CertificateKind, ...]] = ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048")
VERSIONS: Final = (
    ((Version.DTLS_1_3, Version.DTLS_1_2),) * 2,
    ((Version.DTLS_1_3,), (Version.DTLS_1_3, Version.DTLS_1_2)),
    ((Version.DTLS_1_3, Version.DTLS_1_2), (Version.DTLS_1_3,)),
    ((Version.DTLS_1_2,), (Version.DTLS_1_3, Version.DTLS_1_2)),
    ((Version.DTLS_1_3, Version.DTLS_1_2), (Version.DTLS_1_2,)),
)
"""Of the client and of the server."""
MTUS: Final = (256, 300, 548, 1200, 1500)
PATIENCE: Final = 2000.0
"""Virtual seconds for a handshake: at a loss of 30 % few flights of many small datagrams arrive whole."""
SIGNALLING_DELAY: Final = 0.5
"""Virtual seconds after which late fingerprints come."""
MESSAGES: Final = 20


class Handshake:
    """The handshake of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(f"handshake {seed}")
        choose = self.random.choice
        link = Link(
            delay=choose([0.001, 0.02, 0.15]),
            jitter=choose([0.0, 0.02]),
            loss=choose([0.0, 0.05, 0.15, 0.3]),
            duplication=choose([0.0, 0.1]),
            reordering=choose([0.0, 0.2]),
            mtu=choose([548, 1200, 1500]),
        )
        self.network = Network(seed=seed, link=link, batch=choose([False, True]))
        self.certificates = [certificate(choose(KINDS), f"simulated {role.name}") for role in Role]
        self.is_late = [self.random.random() < 0.2 for _ in Role]
        self.versions = choose(VERSIONS)
        self.client, self.server = self._end(Role.CLIENT), self._end(Role.SERVER)
        self.nodes: tuple[Node, Node] = self.network.join(self.client, self.server)

    def run(self) -> None:
        """Shake hands, talk, and say goodbye.

        Raises:
            SimulationError: A promise was broken.
        """
        self.client.start(0.0)
        self.network.flush()
        if any(self.is_late):
            self._change_mtus_until(lambda: self.network.now >= SIGNALLING_DELAY)
            for end, other, late in zip(self._ends, reversed(self.certificates), self.is_late, strict=True):
                if late and not end.closed:
                    end.set_remote_fingerprints((other.fingerprint(),), self.network.now)
            self.network.flush()
        self._change_mtus_until(lambda: all(end.state is ConnectionState.CONNECTED for end in self._ends))
        self._compare()
        self._talk()
        if self.client.version == Version.DTLS_1_3:
            self._update_keys()
            self._talk()
        for end in self._ends:
            end.close(self.network.now)
            self.network.advance(1.0)
        if any(end.state is not ConnectionState.CLOSED for end in self._ends):
            raise SimulationError(f"they end as {[end.state.name for end in self._ends]}")

    @property
    def _ends(self) -> tuple[DtlsConnection, DtlsConnection]:
        return self.client, self.server

    def _end(self, role: Role) -> DtlsConnection:
        index = list(Role).index(role)
        defaults = DtlsConfig()
        config = DtlsConfig(
            certificate=self.certificates[index],
            remote_fingerprints=None if self.is_late[index] else (self.certificates[1 - index].fingerprint(),),
            versions=self.versions[index],
            cipher_suites=self._shuffled(defaults.cipher_suites),
            groups=self._shuffled(defaults.groups),
            # Without any the server has to ask for one.
            key_share_groups=self.random.choice([None, None, ()]),
            record_size_limit=self.random.choice([16385, 300]),
            srtp_profiles=self._shuffled(tuple(SrtpProfile)),
            cookie_secrets=(bytes(32),) if role is Role.SERVER and self.random.random() < 0.5 else (),
            mtu=self.random.choice(MTUS),
            max_timeout=5.0,
            max_transmissions=1000,
        )
        rng = SeededRng(f"{self.seed} {role.name}")
        return DtlsConnection(role=role, config=config, rng=rng, peer_address=b"192.0.2.1:1")

    def _shuffled(self, items: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(self.random.sample(items, len(items)))

    def _change_mtus_until(self, done: Callable[[], bool]) -> None:
        """Let time pass; now and then an owner learns something new about the path."""
        while not done():
            if self.network.now > PATIENCE or any(end.closed for end in self._ends):
                events = [repr(node.events[-1:]) for node in self.nodes]
                raise SimulationError(f"no handshake: {[end.state.name for end in self._ends]}, {events}")
            until = self.network.now + self.random.choice([0.3, 1.0, 4.0])
            if not self.network.run(until=done, timeout=until - self.network.now):
                self.network.advance(until - self.network.now)  # where everybody waits, no time passes by itself
            self.random.choice(self._ends).set_mtu(self.random.choice(MTUS))

    def _compare(self) -> None:
        """Both sides agreed on the same, and each knows the other."""
        first, second = (
            (
                end.version,
                end.cipher_suite,
                end.group,
                end.selected_srtp_profile,
                end.export_keying_material("EXPERIMENTAL", 32),
            )
            for end in self._ends
        )
        if first != second:
            raise SimulationError(f"they agreed on {first[:4]} and {second[:4]}")
        for end, other, node in zip(self._ends, reversed(self.certificates), self.nodes, strict=True):
            if end.peer_certificates != other.chain:
                raise SimulationError("a certificate is not that of the other side")
            if len(node.of(HandshakeCompleted)) != 1:
                raise SimulationError("a handshake was not completed once")

    def _update_keys(self) -> None:
        """Both go on with new keys, at the same time or not, while data flow."""
        for end in self._ends:
            if self.random.random() < 0.7:
                end.update_keys(self.network.now, ask_peer=self.random.random() < 0.5)
                self.network.flush()
        self.network.advance(self.random.choice([0.0, 0.1, 20.0]))

    def _talk(self) -> None:
        """What arrives is what was sent, no more than once, and some of it does."""
        for number in range(MESSAGES):
            for end in self._ends:
                end.send(f"{end.role.name} {number}".encode())
            self.network.flush()
            self.network.advance(0.1)
        self.network.advance(1.0)
        for node, other in zip(self.nodes, reversed(self._ends), strict=True):
            received = [event.data for event in node.of(ApplicationDataReceived)]
            node.events.clear()
            sent = {f"{other.role.name} {number}".encode() for number in range(MESSAGES)}
            if not received or len(set(received)) != len(received) or not set(received) <= sent:
                raise SimulationError(f"{len(received)} messages of {MESSAGES} arrived")
