"""Which epochs can be written and read at the moment.

    epoch 0    plaintext: the handshake up to Finished, and alerts
    epoch 1    protected: Finished, alerts and all application data

The epoch in a record's header selects the keys; a ChangeCipherSpec moves nothing here, so a forged or early one is
harmless. Epoch 0 is shut for good when the handshake is over. See :rfc:`6347#section-4.1`.
"""

from typing import Final

from .protection import Opener, Plaintext, Sealer
from .record import MAX_PLAINTEXT_LENGTH, ContentType, Record
from .version import Version

MAX_EARLY_RECORDS: Final = 16
"""Records of the next epoch that are kept until its keys exist, because they overtook the end of the handshake."""

MAX_EARLY_BYTES: Final = 2**15
"""Bytes of these records together: nobody knows yet who sent them."""

KEPT: Final = "record_kept"
"""Given by `RecordLayer.open` in place of a reason to drop: `RecordLayer.take_early` will hand the record over."""


class RecordLayer:
    """Sealers and openers by epoch."""

    __slots__ = ("_early", "_openers", "_plaintext_readable", "_sealers", "authenticated", "write_epoch")

    def __init__(self) -> None:
        self._sealers: dict[int, Plaintext | Sealer] = {0: Plaintext()}
        self._openers: dict[int, Opener] = {}
        self._plaintext_readable = True
        self._early: list[Record] = []
        self.write_epoch = 0
        """The epoch for whatever is sent next."""
        self.authenticated = False
        """Whether a protected record of the peer was opened: from then on its alerts are protected, too."""

    def install(self, epoch: int, *, sealer: Sealer, opener: Opener) -> None:
        """Make the keys of an epoch usable in both directions; `write_epoch` stays."""
        # [rfc6347:4.1/4] [rfc5246:6.1/2]
        self._sealers[epoch] = sealer
        self._openers[epoch] = opener

    def close_plaintext(self) -> None:
        """Refuse epoch 0 from now on."""
        # [rfc6347:4.1/7] [rfc6347:4.2.8/2]
        self._plaintext_readable = False
        self._early.clear()

    def forget(self) -> None:
        """Lose all keys: nothing can be read or written any more."""
        self._sealers.clear()
        self._openers.clear()
        self._early.clear()
        self._plaintext_readable = False

    def set_plaintext_number(self, number: int) -> None:
        """Begin epoch 0 with a given sequence number; to be called before anything was sealed in it."""
        # [rfc6347:4.2.1/15]
        self._sealers[0].next_number = number

    def overhead(self, epoch: int) -> int:
        """Bytes a record of this epoch is longer than its content."""
        return self._sealers[epoch].overhead

    def seal(self, content_type: ContentType, content: bytes, epoch: int) -> bytes:
        """Make a record."""
        return self._sealers[epoch].seal(content_type, content)

    def open(self, record: Record) -> bytes | str:
        """Return the content of a record, or as a `str` why there is none now."""
        # [rfc6347:4.1/9]
        if record.epoch == 0:
            if not self._plaintext_readable:
                return "record_plaintext_after_handshake"
            if record.content_type == ContentType.APPLICATION_DATA:
                # [rfc5246:7.3/3]
                return "record_plaintext_application_data"
            if len(record.fragment) > MAX_PLAINTEXT_LENGTH:
                return "record_too_long"
            return record.fragment
        opener = self._openers.get(record.epoch)
        if opener is not None:
            if record.version != Version.DTLS_1_2:
                return "record_wrong_version"
            content = opener.open(record)
            if isinstance(content, bytes):
                self.authenticated = True
            return content
        # [rfc6347:4.1/10]
        # [rfc5246:7.1/3]
        if record.epoch == 1 and self._plaintext_readable:
            held = sum(len(early.fragment) for early in self._early)
            if len(self._early) < MAX_EARLY_RECORDS and held + len(record.fragment) <= MAX_EARLY_BYTES:
                self._early.append(record)
                return KEPT
            return "record_too_early"
        return "record_unknown_epoch"

    def take_early(self) -> list[Record]:
        """Hand over the records that waited for keys, if there are keys now."""
        if not self._openers:
            return []
        early, self._early = self._early, []
        return early

    def application_opener(self) -> Opener:
        """The opener for application data; only after `install`."""
        return self._openers[1]

    def application_sealer(self) -> Sealer:
        """The sealer for application data; only after `install`."""
        sealer = self._sealers[1]
        if not isinstance(sealer, Sealer):
            raise TypeError("epoch 1 is always protected")
        return sealer
