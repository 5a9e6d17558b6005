"""Two of our own connections face to face, without a network: datagrams are carried by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial

from tests.support.rng import SeededRng

from rtc_dtls import Certificate, CertificateKind, DtlsConfig, DtlsConnection, Event, Role, Version

config12 = partial(DtlsConfig, versions=(Version.DTLS_1_2,))
"""Options of a connection that speaks DTLS 1.2 alone."""

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Filter = Callable[[bytes], bool]


@cache
def certificate(kind: CertificateKind = "ecdsa-p256", who: str = "somebody") -> Certificate:
    """A certificate, the same for the same words (as far as RSA allows)."""
    return Certificate.generate(rng=SeededRng(f"{kind} {who}"), wall_clock=NOW, kind=kind)


class Ends:
    """A client and a server; configurations that are not given expect each other's certificate."""

    def __init__(
        self,
        client: DtlsConfig | None = None,
        server: DtlsConfig | None = None,
        *,
        seed: str = "ends",
        peer_address: bytes = b"192.0.2.1:1",
    ) -> None:
        mine, yours = certificate(who="client"), certificate(who="server")
        client = client or config12(certificate=mine, remote_fingerprints=(yours.fingerprint(),))
        server = server or config12(certificate=yours, remote_fingerprints=(mine.fingerprint(),))
        self.now = 0.0
        self.client = DtlsConnection(role=Role.CLIENT, config=client, rng=SeededRng(f"{seed} client"))
        self.server = DtlsConnection(
            role=Role.SERVER, config=server, rng=SeededRng(f"{seed} server"), peer_address=peer_address
        )
        self.sent: dict[Role, list[bytes]] = {Role.CLIENT: [], Role.SERVER: []}
        self.events: dict[Role, list[Event]] = {Role.CLIENT: [], Role.SERVER: []}

    def carry_once(self) -> bool:
        """Let each end send and the other receive; whether anything moved."""
        moved = False
        for source, target in ((self.client, self.server), (self.server, self.client)):
            datagrams = source.datagrams_to_send(self.now)
            self.sent[source.role] += datagrams
            target.receive_datagrams(datagrams, self.now)
            moved = moved or bool(datagrams)
        for end in (self.client, self.server):
            self.events[end.role] += end.events()
        return moved

    def carry(self) -> None:
        """Carry until both are silent."""
        for _ in range(50):
            if not self.carry_once():
                return
        raise AssertionError("they never fall silent")

    def connect(self) -> "Ends":
        """Start and carry."""
        self.client.start(self.now)
        self.carry()
        return self

    def seen(self, role: Role, kind: type[Event]) -> list[Event]:
        """Events of a class."""
        return [event for event in self.events[role] if isinstance(event, kind)]
