"""Sealing and opening the records of one epoch in one direction, DTLS 1.2 with an AEAD.

    AES-GCM             nonce = salt (4) || explicit (8), the explicit part is sent in front of the ciphertext;
                        ours is always epoch || sequence number, so it can never repeat (:rfc:`5288#section-3`)
    ChaCha20-Poly1305   nonce = IV (12) xor (0 (4) || epoch || sequence number), nothing is sent (:rfc:`7905#section-2`)

    additional data = epoch || sequence number || type || version || plaintext length     (:rfc:`5246#section-6.2.3.3`)

A sealer counts the sequence numbers it uses; an opener keeps the replay window. Both keep only raw bytes as state and
make the cipher object again after a copy.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .alert import AlertDescription
from .cipher_suite import CipherSuite
from .errors import ProtocolError, StateError
from .key_schedule12 import DirectionKeys
from .record import HEADER, HEADER_LENGTH, MAX_PLAINTEXT_LENGTH, MAX_SEQUENCE_NUMBER, ContentType, Record
from .replay import WINDOW_MASK, WINDOW_SIZE, ReplayWindow
from .version import Version

TAG_LENGTH: Final = 16

_DTLS_1_2: Final = int(Version.DTLS_1_2)
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_GCM_EXPANSION: Final = 8 + TAG_LENGTH
_CHACHA_EXPANSION: Final = TAG_LENGTH

_pack_header = HEADER.pack
_unpack_header = HEADER.unpack_from
_pack_gcm_header = Struct(">BHQHQ").pack
_pack_additional_data = Struct(">QBHH").pack


def record_overhead(suite: CipherSuite) -> int:
    """Bytes a protected record is longer than what it carries."""
    # [rfc6347:4.1.1.1/4]
    return HEADER_LENGTH + suite.explicit_nonce_length + TAG_LENGTH


class Plaintext:
    """Epoch 0 in the sending direction: framing and counting without a cipher."""

    __slots__ = ("next_number",)

    overhead: Final = HEADER_LENGTH

    def __init__(self) -> None:
        self.next_number = 0

    def seal(self, content_type: int, content: bytes, version: int = _DTLS_1_2) -> bytes:
        """Frame one record."""
        # [rfc6347:4.1/3] [rfc5246:6.1/3] [rfc9147:4/1]
        record = _pack_header(content_type, version, self.next_number, len(content)) + content
        self.next_number += 1
        return record


class _Keyed:
    """Keys and the cipher object made from them; the object is made again after copying or unpickling."""

    __slots__ = ("_aead", "_iv", "_iv_number", "_keys", "_suite")

    def __init__(self, suite: CipherSuite, keys: DirectionKeys) -> None:
        self._suite = suite
        self._keys = keys
        self._make_cipher()

    def _make_cipher(self) -> None:
        gcm = self._suite.aead == "aes_gcm"
        self._aead: AESGCM | ChaCha20Poly1305 = AESGCM(self._keys.key) if gcm else ChaCha20Poly1305(self._keys.key)
        self._iv = self._keys.iv
        self._iv_number = int.from_bytes(self._keys.iv, "big")


class Sealer(_Keyed):
    """The sending direction of an epoch."""

    __slots__ = ("next_number", "overhead")

    def __init__(self, suite: CipherSuite, keys: DirectionKeys, epoch: int) -> None:
        super().__init__(suite, keys)
        # [rfc6347:4.1/3] [rfc6347:4.1/6] [rfc5246:6.1/3]
        self.next_number = epoch << 48
        """Epoch and sequence number of the next record."""
        self.overhead = record_overhead(suite)

    def __getstate__(self) -> tuple[CipherSuite, DirectionKeys, int]:
        return self._suite, self._keys, self.next_number

    def __setstate__(self, state: tuple[CipherSuite, DirectionKeys, int]) -> None:
        self._suite, self._keys, self.next_number = state
        self.overhead = record_overhead(self._suite)
        self._make_cipher()

    @property
    def records_left(self) -> int:
        """How many records this epoch may still send before its sequence numbers are used up."""
        return MAX_SEQUENCE_NUMBER - (self.next_number & MAX_SEQUENCE_NUMBER)

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Encrypt one record."""
        return self.seal_many(content_type, (content,))[0]

    def seal_many(self, content_type: int, contents: Sequence[bytes]) -> list[bytes]:
        """Encrypt each content as a record of its own.

        Raises:
            StateError: The sequence numbers of this epoch do not suffice. Nothing was sealed.
        """
        first = self.next_number
        if len(contents) > self.records_left:
            raise StateError("the sequence numbers of this epoch are used up")
        # [rfc5246:6.1/1] [rfc5288:3/2]
        self.next_number = first + len(contents)
        encrypt = self._aead.encrypt
        sealed = []
        if self._suite.aead == "aes_gcm":
            salt = self._iv
            for number, content in enumerate(contents, first):
                length = len(content)
                # [rfc5288:3/1] [rfc5288:3/3]
                # Header and explicit nonce are one piece: the nonce repeats the header's epoch and sequence number.
                header = _pack_gcm_header(content_type, _DTLS_1_2, number, length + _GCM_EXPANSION, number)
                # [rfc6347:4.1.2.1/1] [rfc5246:6.2.3.3/4]
                additional_data = _pack_additional_data(number, content_type, _DTLS_1_2, length)
                sealed.append(header + encrypt(salt + header[13:], content, additional_data))
        else:
            iv = self._iv_number
            for number, content in enumerate(contents, first):
                length = len(content)
                header = _pack_header(content_type, _DTLS_1_2, number, length + _CHACHA_EXPANSION)
                additional_data = _pack_additional_data(number, content_type, _DTLS_1_2, length)
                # [rfc7905:2/1] [rfc7905:2/2] [rfc7905:2/3]
                sealed.append(header + encrypt((iv ^ number).to_bytes(12, "big"), content, additional_data))
        return sealed


class Opener(_Keyed):
    """The receiving direction of an epoch, with its replay window."""

    __slots__ = ("_limit", "epoch", "window")

    def __init__(self, suite: CipherSuite, keys: DirectionKeys, epoch: int, limit: int = MAX_PLAINTEXT_LENGTH) -> None:
        """Take keys, and the longest plaintext that we let the peer send."""
        super().__init__(suite, keys)
        self._limit = limit
        self.epoch = epoch
        # [rfc6347:4.1.2.6/2]
        self.window = ReplayWindow()

    def __getstate__(self) -> tuple[CipherSuite, DirectionKeys, int, int, ReplayWindow]:
        return self._suite, self._keys, self.epoch, self._limit, self.window

    def __setstate__(self, state: tuple[CipherSuite, DirectionKeys, int, int, ReplayWindow]) -> None:
        self._suite, self._keys, self.epoch, self._limit, self.window = state
        self._make_cipher()

    def open(self, record: Record) -> bytes | str:
        """Check and decrypt one record.

        Returns:
            The plaintext, or as a `str` the reason to drop the record. Only success moves the replay window.

        Raises:
            ProtocolError: The peer itself sealed more than we let it.
        """
        sequence_number = record.sequence_number
        # [rfc6347:4.1.2.6/3] [rfc6347:4.1.2.6/4]
        if not self.window.is_new(sequence_number):
            return "record_replayed"
        fragment = record.fragment
        explicit = self._suite.explicit_nonce_length
        length = len(fragment) - explicit - TAG_LENGTH
        if length < 0:
            return "record_too_short"
        if length > MAX_PLAINTEXT_LENGTH:
            return "record_too_long"
        nonce = self._iv + fragment[:explicit] if explicit else (self._iv_number ^ record.number).to_bytes(12, "big")
        additional_data = _pack_additional_data(record.number, record.content_type, record.version, length)
        try:
            plaintext = self._aead.decrypt(nonce, fragment[explicit:], additional_data)
        except InvalidTag:
            # [rfc6347:4.1.2.1/2] [rfc6347:4.1.2.1/3] [rfc6347:4.1.2.6/9]
            return "record_bad_mac"
        # [rfc6347:4.1.2.6/10]
        self.window.accept(sequence_number)
        # [rfc8449:4/5]
        if length > self._limit:
            raise ProtocolError(AlertDescription.RECORD_OVERFLOW, "a record is too long", "RFC 8449 section 4")
        return plaintext

    def open_application_data(self, datagrams: Sequence[bytes], at: int, opened: list[bytes]) -> int:
        """Open the common case in a tight loop: datagrams that are one application data record of this epoch.

        Args:
            datagrams: A batch as received.
            at: Where in the batch to begin.
            opened: Plaintexts are appended here.

        Returns:
            The index of the first datagram that is anything else (forged, replayed, empty, several records), which
            `open` has to look at; ``len(datagrams)`` if there is none. Equal to `open` in what it accepts.
        """
        epoch, iv, iv_number, decrypt = self.epoch, self._iv, self._iv_number, self._aead.decrypt
        explicit = self._suite.explicit_nonce_length
        start = HEADER_LENGTH + explicit
        expansion = explicit + TAG_LENGTH
        shortest = HEADER_LENGTH + expansion
        window = self.window
        highest, bitmap = window.highest, window.bitmap
        longest = self._limit
        end = len(datagrams)
        while at < end:
            datagram = datagrams[at]
            size = len(datagram)
            if not shortest < size <= longest:
                break
            content_type, version, number, length = _unpack_header(datagram)
            ahead = (number & MAX_SEQUENCE_NUMBER) - highest
            if (
                content_type != _APPLICATION_DATA
                or version != _DTLS_1_2
                or number >> 48 != epoch
                or length != size - HEADER_LENGTH
                or (ahead <= 0 and (ahead <= -WINDOW_SIZE or bitmap >> -ahead & 1))
            ):
                break
            additional_data = _pack_additional_data(number, content_type, version, length - expansion)
            nonce = iv + datagram[HEADER_LENGTH:start] if explicit else (iv_number ^ number).to_bytes(12, "big")
            try:
                opened.append(decrypt(nonce, datagram[start:], additional_data))
            except InvalidTag:
                break
            at += 1
            if ahead == 1:
                bitmap = (bitmap << 1 | 1) & WINDOW_MASK
                highest += 1
            else:
                window.highest, window.bitmap = highest, bitmap
                window.accept(number & MAX_SEQUENCE_NUMBER)
                highest, bitmap = window.highest, window.bitmap
        window.highest, window.bitmap = highest, bitmap
        return at
