"""Which epochs can be written and read at the moment.

             DTLS 1.2                                           DTLS 1.3
    epoch 0  plaintext: the handshake up to Finished, alerts    plaintext: the hellos, alerts
    epoch 1  Finished, alerts and all application data          (early data, which we do not take)
    epoch 2                                                     the rest of the handshake
    epoch 3                                                     application data, tickets, alerts, ACKs
    epoch n                                                     the same after n - 3 updates of the keys

The epoch in a record's header selects the keys; a ChangeCipherSpec moves nothing here, so a forged or early one is
harmless. Epoch 0 is shut for good when the handshake is over. See :rfc:`6347#section-4.1` and :rfc:`9147#section-6.1`.
"""

from typing import Final

from .protection12 import Opener, Plaintext, Sealer
from .protection12_cid import CidOpener, CidSealer
from .protection13 import Opener13, Sealer13
from .record import MAX_PLAINTEXT_LENGTH, TLS12_CID, ContentType, Opened, Record
from .record13 import EPOCH_MASK, ProtectedRecord
from .version import Version

MAX_EARLY_RECORDS: Final = 16
"""Records of a later epoch that are kept until its keys exist, because they overtook the end of the handshake."""

MAX_EARLY_BYTES: Final = 2**15
"""Bytes of these records together: nobody knows yet who sent them."""

# [rfc9147:8/7]
READABLE_EPOCHS: Final = 2
"""Protected epochs of DTLS 1.3 that stay readable: the newest, and the one before it for what is late or repeated."""

KEPT: Final = "record_kept"
"""Given by `RecordLayer.open` in place of a reason to drop: `RecordLayer.take_early` will hand the record over."""

BAD_MAC: Final = "record_bad_mac"
"""The reason to drop a record that failed authentication."""


class RecordLayer:
    """Sealers and openers by epoch."""

    __slots__ = (
        "_early",
        "_openers",
        "_openers13",
        "_plaintext_readable",
        "_sealers",
        "authenticated",
        "connection_id",
        "peer_connection_id",
        "peer_limit",
        "write_epoch",
    )

    def __init__(self) -> None:
        self._sealers: dict[int, Plaintext | Sealer | Sealer13] = {0: Plaintext()}
        self._openers: dict[int, Opener] = {}
        self._openers13: list[Opener13] = []
        self._plaintext_readable = True
        self._early: list[Record | ProtectedRecord] = []
        self.write_epoch = 0
        """The epoch for whatever is sent next."""
        self.authenticated = False
        """Whether a protected record of the peer was opened: from then on its alerts are protected, too."""
        self.connection_id = b""
        """What the peer's protected records have to have, once that is agreed on; empty: nothing."""
        self.peer_connection_id = b""
        """What ours have to have."""
        self.peer_limit = MAX_PLAINTEXT_LENGTH
        """Bytes of content that the peer lets a protected record have (:rfc:`8449`)."""

    def install(self, epoch: int, *, sealer: Sealer, opener: Opener) -> None:
        """Make the keys of an epoch of DTLS 1.2 usable in both directions; `write_epoch` stays."""
        # [rfc6347:4.1/4] [rfc5246:6.1/2]
        self._sealers[epoch] = sealer
        self._openers[epoch] = opener

    def install_sealer(self, sealer: Sealer13) -> None:
        """Make an epoch of DTLS 1.3 writable, and what is sent from now on part of it."""
        self._sealers[sealer.epoch] = sealer
        self.write_epoch = sealer.epoch
        # Only the handshake's messages are repeated under older keys. [rfc9147:4.2.1/3]
        for epoch in [epoch for epoch in self._sealers if epoch not in (0, sealer.epoch, sealer.epoch - 1)]:
            del self._sealers[epoch]

    def install_opener(self, opener: Opener13) -> None:
        """Make an epoch of DTLS 1.3 readable; the oldest of more than two is forgotten."""
        # [rfc9147:8/4] [rfc9147:4.2.1/1]
        self._openers13 = [opener, *self._openers13[: READABLE_EPOCHS - 1]]

    def close_plaintext(self) -> None:
        """Refuse epoch 0 from now on, and keep nothing more for keys that may come."""
        # [rfc6347:4.1/7] [rfc6347:4.2.8/2]
        self._plaintext_readable = False

    def forget(self) -> None:
        """Lose all keys: nothing can be read or written any more."""
        self._sealers.clear()
        self._openers.clear()
        self._openers13.clear()
        self._early.clear()
        self._plaintext_readable = False

    def set_plaintext_number(self, number: int) -> None:
        """Begin epoch 0 with a given sequence number; to be called before anything was sealed in it."""
        # [rfc6347:4.2.1/15]
        self._sealers[0].next_number = number

    def overhead(self, epoch: int) -> int:
        """Bytes a record of this epoch is longer than its content."""
        return self._sealers[epoch].overhead

    def max_content(self, epoch: int) -> int:
        """Bytes of the longest content of a record of this epoch: the peer's limit counts for protected ones."""
        # [rfc8449:4/1]
        if not epoch:
            return MAX_PLAINTEXT_LENGTH
        # With a connection ID the content type is inside, and counts. [rfc9146:5/2]
        return min(self.peer_limit, MAX_PLAINTEXT_LENGTH - isinstance(self._sealers[epoch], CidSealer))

    def next_number(self, epoch: int) -> int:
        """Epoch and sequence number of the next record that is sealed in an epoch."""
        return self._sealers[epoch].next_number

    def seal(self, content_type: ContentType, content: bytes, epoch: int) -> bytes:
        """Make a record."""
        return self._sealers[epoch].seal(content_type, content)

    def open(self, record: Record | ProtectedRecord) -> Opened | str:
        """Return what is in a record, or as a `str` why there is nothing now.

        Raises:
            ProtocolError: The peer itself sealed something that is not allowed.
        """
        if isinstance(record, ProtectedRecord):
            return self._open13(record)
        # [rfc6347:4.1/9]
        if record.epoch == 0:
            return self._open_plaintext(record)
        opener = self._openers.get(record.epoch)
        if opener is not None:
            if record.version != Version.DTLS_1_2:
                return "record_wrong_version"
            # [rfc9146:3/2]
            if record.connection_id != self.connection_id:
                return "record_connection_id"
            if isinstance(opener, CidOpener):
                opened = opener.open_inner(record)
                self.authenticated |= isinstance(opened, Opened)
                return opened
            content = opener.open(record)
            if isinstance(content, str):
                return content
            self.authenticated = True
            return Opened(record.content_type, content, record.number)
        # [rfc6347:4.1/10]
        # [rfc5246:7.1/3]
        return self._keep(record) if record.epoch == 1 else "record_unknown_epoch"

    def _open_plaintext(self, record: Record) -> Opened | str:
        # [rfc9147:5.11/1]
        if not self._plaintext_readable:
            return "record_plaintext_after_handshake"
        if record.content_type == ContentType.APPLICATION_DATA:
            # [rfc5246:7.3/3]
            return "record_plaintext_application_data"
        if record.content_type == TLS12_CID:
            # Only what is protected has a connection ID: anybody may have made it up.
            return "record_plaintext_connection_id"
        if len(record.fragment) > MAX_PLAINTEXT_LENGTH:
            return "record_too_long"
        return Opened(record.content_type, record.fragment, record.number)

    def _open13(self, record: ProtectedRecord) -> Opened | str:
        bits = record.epoch_bits
        # [rfc9147:4.2.2/2]
        for opener in self._openers13:
            if opener.epoch & EPOCH_MASK == bits:
                # [rfc9147:4/4] [rfc9147:9/4]
                if record.connection_id != self.connection_id:
                    return "record_connection_id"
                opened = opener.open(record)
                if isinstance(opened, Opened):
                    self.authenticated = True
                return opened
        # Early data are of epoch 1. [rfc9147:6.1/1] [rfc9147:4.2.1/2] [rfc8446:8/1]
        return self._keep(record) if bits in (2, 3) else "record_unknown_epoch"

    def _keep(self, record: Record | ProtectedRecord) -> str:
        """Keep a record for keys that may still come."""
        if not self._plaintext_readable:
            return "record_unknown_epoch"
        held = sum(len(early.fragment) for early in self._early)
        if len(self._early) >= MAX_EARLY_RECORDS or held + len(record.fragment) > MAX_EARLY_BYTES:
            return "record_too_early"
        self._early.append(record)
        return KEPT

    def take_early(self) -> list[Record | ProtectedRecord]:
        """Hand over the records that waited for keys, if there are keys now."""
        if not self._openers and not self._openers13:
            return []
        early, self._early = self._early, []
        return early

    def application_opener(self) -> Opener | Opener13:
        """The opener for application data; only once the handshake is over."""
        return self._openers13[0] if self._openers13 else self._openers[1]

    @property
    def forgeries(self) -> int:
        """Records of DTLS 1.3 that failed authentication under the newest key of the peer."""
        return self._openers13[0].forgeries if self._openers13 else 0

    def forget_attacked(self, limit: int) -> None:
        """Lose the older key of DTLS 1.3 if so many records failed authentication under it; the newest one stays."""
        # [rfc9147:4.5.3/3]
        self._openers13[1:] = [opener for opener in self._openers13[1:] if opener.forgeries < limit]

    def use_peer_connection_id(self, connection_id: bytes) -> None:
        """Put another connection ID into our records of DTLS 1.3."""
        self.peer_connection_id = connection_id
        for sealer in self._sealers.values():
            if isinstance(sealer, Sealer13):
                sealer.use_connection_id(connection_id)

    def application_sealer(self) -> Sealer | Sealer13:
        """The sealer for application data; only once the handshake is over."""
        sealer = self._sealers[self.write_epoch]
        if isinstance(sealer, Plaintext):
            raise TypeError("application data are always protected")
        return sealer
