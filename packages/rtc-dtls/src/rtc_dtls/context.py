"""What the handshake's state machines share with the connection around them."""

from collections.abc import Callable

from .alert import AlertDescription
from .cipher_suite import CipherSuite
from .config import MAX_RECORD_SIZE, DtlsConfig
from .connection_id import encode_connection_id, find_connection_id
from .errors import ProtocolError
from .events import Event, PeerCertificateReceived
from .extensions import Extensions, ExtensionType
from .handshake import HandshakeMessage, HandshakeType, message_name
from .handshake_layer import HandshakeLayer
from .journal import Journal, Trace
from .key_schedule12 import DirectionKeys, MasterSecret
from .key_schedule13 import TrafficSecret
from .peer_identity import PeerIdentity
from .protection12 import Opener, Sealer
from .protection12_cid import CidOpener, CidSealer
from .protection13 import Opener13, Sealer13
from .record import MAX_PLAINTEXT_LENGTH
from .record_layer import RecordLayer
from .version import Version


class HandshakeContext:
    """The layers below, the options, and what comes out."""

    __slots__ = (
        "_limit",
        "config",
        "events",
        "identity",
        "is_client",
        "journal",
        "key_log",
        "layer",
        "peer_address",
        "records",
        "rng",
        "version",
    )

    def __init__(
        self,
        *,
        config: DtlsConfig,
        rng: Callable[[int], bytes],
        peer_address: bytes,
        is_client: bool,
        trace: Trace | None,
    ) -> None:
        self.config = config
        self.is_client = is_client
        self.version: Version | None = None
        """The version, as soon as it is chosen."""
        self._limit = MAX_RECORD_SIZE
        self.rng = rng
        self.peer_address = peer_address
        self.journal = Journal(trace)
        self.events: list[Event] = []
        self.key_log: list[str] = []
        self.records = RecordLayer()
        self.layer = HandshakeLayer(
            records=self.records,
            journal=self.journal,
            mtu=config.mtu,
            initial_timeout=config.initial_timeout,
            max_timeout=config.max_timeout,
            max_transmissions=config.max_transmissions,
            in_order=is_client,
        )
        self.identity = PeerIdentity(
            config.remote_fingerprints,
            is_anonymous_allowed=not is_client and not config.require_client_certificate,
        )

    def present_certificate(self, chain: tuple[bytes, ...]) -> None:
        """Take the peer's chain and tell the owner.

        Raises:
            ProtocolError: It does not match the fingerprints.
        """
        self.events.append(PeerCertificateReceived(chain))
        self.identity.present(chain)

    def install_keys(self, master: MasterSecret, *, is_client: bool) -> None:
        """Make epoch 1 readable and writable. What we say stays in epoch 0 until `RecordLayer.write_epoch` moves."""
        client, server = master.key_block()
        mine, theirs = (client, server) if is_client else (server, client)
        opener = self._opener12(master.suite, theirs)
        self.records.install(1, sealer=self._sealer12(master.suite, mine), opener=opener)
        if self.config.key_log:
            self.key_log.append(f"CLIENT_RANDOM {master.client_random.hex()} {master.secret.hex()}")

    def limit_records(self, peer_limit: int | None) -> None:
        """Respect the longest record the peer takes, and if it said so, let it respect ours.

        In DTLS 1.3 the limits count the content type, too. See :rfc:`8449#section-4`.
        """
        # [rfc8449:4/1]
        if peer_limit is not None:
            self.records.peer_limit = peer_limit - (self.version == Version.DTLS_1_3)
            self._limit = self.config.record_size_limit

    def _sealer12(self, suite: CipherSuite, keys: DirectionKeys) -> Sealer:
        connection_id = self.records.peer_connection_id
        # [rfc9146:3/3] [rfc9146:3/4]
        return CidSealer(suite, keys, 1, connection_id) if connection_id else Sealer(suite, keys, 1)

    def _opener12(self, suite: CipherSuite, keys: DirectionKeys) -> Opener:
        kind = CidOpener if self.records.connection_id else Opener
        return kind(suite, keys, 1, min(self._limit, MAX_PLAINTEXT_LENGTH))

    def agree_on_connection_ids(self, peer: bytes | None) -> None:
        """Take what the peer's hello says, if ours says something, too."""
        ours = self.config.connection_id
        if ours is not None and peer is not None:
            self.records.connection_id, self.records.peer_connection_id = ours, peer

    def install_sealer(self, secret: TrafficSecret, epoch: int) -> None:
        """Make an epoch of DTLS 1.3 the one we write."""
        self.records.install_sealer(Sealer13(secret.suite, secret.keys(), epoch, self.records.peer_connection_id))

    def install_opener(self, secret: TrafficSecret, epoch: int) -> None:
        """Make an epoch of DTLS 1.3 readable."""
        self.records.install_opener(Opener13(secret.suite, secret.keys(), epoch, self._limit))

    def log_secret(self, label: str, client_random: bytes, secret: bytes) -> None:
        """Write down a secret of DTLS 1.3, if that is wanted."""
        if self.config.key_log:
            self.key_log.append(f"{label} {client_random.hex()} {secret.hex()}")


def answer_connection_id(context: HandshakeContext, offered: Extensions) -> list[tuple[int, bytes]]:
    """As a server, agree on connection IDs if the client offers any, and make the extension of the ServerHello.

    Raises:
        ParseError: The extension is malformed.
    """
    theirs, ours = find_connection_id(offered), context.config.connection_id
    context.agree_on_connection_ids(theirs)
    if theirs is None or ours is None:
        return []
    return [(ExtensionType.CONNECTION_ID, encode_connection_id(ours))]


def unexpected(message: HandshakeMessage, state: object) -> ProtocolError:
    """The error for a message that has no place in this state."""
    name = message_name(message.message_type)
    return ProtocolError(
        AlertDescription.UNEXPECTED_MESSAGE,
        f"{name} while in {type(state).__name__}",
        "RFC 5246 section 7.3",
    )


def check_epoch(message: HandshakeMessage) -> None:
    """Finished is protected, everything before it is not; a message in the wrong epoch is forged or misplaced.

    Raises:
        ProtocolError: It is in the wrong epoch.
    """
    # [rfc5246:7.4/1]
    if message.epoch != (message.message_type == HandshakeType.FINISHED):
        raise ProtocolError(
            AlertDescription.UNEXPECTED_MESSAGE,
            f"{message_name(message.message_type)} in epoch {message.epoch}",
            "RFC 5246 section 7.4.9",
        )
