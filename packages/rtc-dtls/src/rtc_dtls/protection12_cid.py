"""Sealing and opening records of DTLS 1.2 that have a connection ID. See :rfc:`9146#section-4` and :rfc:`9146#section-5.3`.

type = 25 | version (2) | epoch, sequence number (8) | cid | length (2) | ciphertext of  content || type || zeros

additional data = 8 times 0xff | 25 | length of cid | 25 | version | epoch, sequence number | cid | length of the plaintext
"""

from collections.abc import Sequence
from struct import Struct

from cryptography.exceptions import InvalidTag

from .alert import AlertDescription
from .cipher_suite import CipherSuite
from .errors import ProtocolError, StateError
from .key_schedule12 import DirectionKeys
from .protection12 import TAG_LENGTH, Opener, Sealer
from .record import MAX_PLAINTEXT_LENGTH, TLS12_CID, Opened, Record
from .version import Version

_pack_head = Struct(">BHQ").pack
_pack_additional_data = Struct(">QBBBHQ").pack


def _additional_data(version: int, number: int, connection_id: bytes, length: int) -> bytes:
    # [rfc9146:5/1] [rfc9146:5.3/1]
    head = _pack_additional_data(2**64 - 1, TLS12_CID, len(connection_id), TLS12_CID, version, number)
    return head + connection_id + length.to_bytes(2, "big")


class CidSealer(Sealer):
    """The sending direction of an epoch whose records have the peer's connection ID."""

    __slots__ = ("_connection_id",)

    def __init__(self, suite: CipherSuite, keys: DirectionKeys, epoch: int, connection_id: bytes) -> None:
        super().__init__(suite, keys, epoch)
        self._connection_id = connection_id
        self.overhead += len(connection_id) + 1

    def __reduce__(self) -> tuple[object, ...]:
        return _sealer_again, (self._suite, self._keys, self.next_number, self._connection_id)

    def seal_many(self, content_type: int, contents: Sequence[bytes]) -> list[bytes]:
        """Encrypt each content as a record of its own.

        Raises:
            StateError: The sequence numbers of this epoch do not suffice. Nothing was sealed.
        """
        first = self.next_number
        if len(contents) > self.records_left:
            raise StateError("the sequence numbers of this epoch are used up")
        self.next_number = first + len(contents)
        version, connection_id, explicit = int(Version.DTLS_1_2), self._connection_id, self._suite.explicit_nonce_length
        sealed = []
        for number, content in enumerate(contents, first):
            # [rfc9146:4/1] [rfc9146:4/2]
            inner = content + content_type.to_bytes(1, "big")
            sent = number.to_bytes(8, "big")[:explicit]
            nonce = self._iv + sent if explicit else (self._iv_number ^ number).to_bytes(12, "big")
            ciphertext = self._aead.encrypt(nonce, inner, _additional_data(version, number, connection_id, len(inner)))
            length = len(sent) + len(ciphertext)
            head = _pack_head(TLS12_CID, version, number)
            sealed.append(head + connection_id + length.to_bytes(2, "big") + sent + ciphertext)
        return sealed


def _sealer_again(suite: CipherSuite, keys: DirectionKeys, number: int, connection_id: bytes) -> CidSealer:
    sealer = CidSealer(suite, keys, number >> 48, connection_id)
    sealer.next_number = number
    return sealer


class CidOpener(Opener):
    """The receiving direction of an epoch whose records have our connection ID. `open_inner` alone opens them."""

    __slots__ = ()

    def open_inner(self, record: Record) -> Opened | str:
        """Check and decrypt one record, whose connection ID is right.

        Returns:
            What is inside, or as a `str` the reason to drop the record. Only success moves the replay window.

        Raises:
            ProtocolError: The peer itself sealed something that is not allowed.
        """
        sequence_number = record.sequence_number
        if not self.window.is_new(sequence_number):
            return "record_replayed"
        explicit = self._suite.explicit_nonce_length
        fragment = record.fragment
        length = len(fragment) - explicit - TAG_LENGTH
        # [rfc9146:5/2]
        if not 0 < length <= MAX_PLAINTEXT_LENGTH:
            return "record_too_short" if length <= 0 else "record_too_long"
        nonce = self._iv + fragment[:explicit] if explicit else (self._iv_number ^ record.number).to_bytes(12, "big")
        additional_data = _additional_data(record.version, record.number, record.connection_id, length)
        try:
            inner = self._aead.decrypt(nonce, fragment[explicit:], additional_data)
        except InvalidTag:
            # [rfc9146:6/2]
            return "record_bad_mac"
        self.window.accept(sequence_number)
        content = inner.rstrip(b"\0")
        if not content:
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, "a record of nothing but padding", "RFC 9146 section 4"
            )
        if len(content) - 1 > self._limit:
            # [rfc8449:4/5]
            raise ProtocolError(AlertDescription.RECORD_OVERFLOW, "a record is too long", "RFC 8449 section 4")
        return Opened(content[-1], content[:-1], record.number)
