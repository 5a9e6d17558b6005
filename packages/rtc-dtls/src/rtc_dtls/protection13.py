"""Sealing and opening the records of one epoch in one direction, DTLS 1.3.

    inner plaintext = content || type || zeros                       (:rfc:`8446#section-5.2`, padding of any length)
    nonce           = IV (12) xor sequence number                    (the epoch is not in it, :rfc:`9147#section-4`)
    additional data = the unified header, its number in plain
    number on wire  = low bits xor mask,  mask = AES-ECB or ChaCha20 (sn_key, first 16 bytes of the ciphertext)

A batch gets its masks in one call. See :rfc:`9147#section-4.2.3`.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .alert import AlertDescription
from .cipher_suite13 import MAX_RECORDS, CipherSuite13
from .errors import ProtocolError, StateError
from .key_schedule13 import TrafficKeys
from .record import MAX_PLAINTEXT_LENGTH, MAX_SEQUENCE_NUMBER, ContentType, Opened
from .record13 import (
    CONNECTION_ID_BIT,
    EPOCH_MASK,
    FIXED_BITS,
    LENGTH_BIT,
    MAX_CIPHERTEXT_LENGTH,
    SEQUENCE_BIT,
    ProtectedRecord,
    closest_sequence_number,
)
from .replay import WINDOW_MASK, WINDOW_SIZE, ReplayWindow

TAG_LENGTH: Final = 16
SAMPLE_LENGTH: Final = 16
HEADER_LENGTH: Final = 5
"""Of the header we send: a sequence number of 16 bits, and a length."""

OVERHEAD: Final = HEADER_LENGTH + 1 + TAG_LENGTH
"""Bytes our records are longer than what they carry."""

MAX_LOOKAHEAD: Final = 64
"""Datagrams whose masks are made in one call at most. All but the first are in vain if that one is forged: then we begin
with one again, and double."""

_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_SHORTEST: Final = OVERHEAD + 1

_pack_header = Struct(">BHH").pack


class _Keyed:
    """Keys and the cipher objects made from them; the objects are made again after copying or unpickling."""

    __slots__ = ("_aead", "_ecb", "_first", "_iv_number", "_keys", "_suite", "epoch")

    def __init__(self, suite: CipherSuite13, keys: TrafficKeys, epoch: int) -> None:
        self._suite = suite
        self._keys = keys
        self.epoch = epoch
        self._make_ciphers()

    def _make_ciphers(self) -> None:
        keys = self._keys
        self._first = FIXED_BITS | SEQUENCE_BIT | LENGTH_BIT | self.epoch & EPOCH_MASK
        """First byte of the header that we send ourselves, which is the common one."""
        self._iv_number = int.from_bytes(keys.iv, "big")
        self._aead: AESGCM | ChaCha20Poly1305
        if self._suite.aead == "aes_gcm":
            self._aead = AESGCM(keys.key)
            # Kept open: making it costs more than fifty masks. ECB has no state between blocks.
            self._ecb = Cipher(algorithms.AES(keys.sequence_number_key), modes.ECB()).encryptor()  # noqa: S305
        else:
            self._aead = ChaCha20Poly1305(keys.key)

    def _masks(self, samples: Sequence[bytes]) -> tuple[bytes, bytes]:
        """Return the first and the second byte of the mask of every sample."""
        # [rfc9147:4.2.3/1]
        if self._suite.aead == "aes_gcm":
            blocks = self._ecb.update(b"".join(samples))
            return blocks[::SAMPLE_LENGTH], blocks[1::SAMPLE_LENGTH]
        key = self._keys.sequence_number_key
        # Counter and nonce lie in the sample as the library wants them.
        masks = [Cipher(algorithms.ChaCha20(key, sample), None).encryptor().update(b"\0\0") for sample in samples]
        return bytes(mask[0] for mask in masks), bytes(mask[1] for mask in masks)


class Sealer13(_Keyed):
    """The sending direction of an epoch."""

    __slots__ = ("_limit", "_pack", "_prefix", "_sequence_number", "overhead")

    def __init__(self, suite: CipherSuite13, keys: TrafficKeys, epoch: int, connection_id: bytes = b"") -> None:
        """Take keys, and the connection ID that the peer wants to see."""
        super().__init__(suite, keys, epoch)
        self.use_connection_id(connection_id)
        self._limit = MAX_RECORDS[suite.aead]
        self._sequence_number = 0

    def use_connection_id(self, connection_id: bytes) -> None:
        """Put another connection ID into the records, or none."""
        # [rfc9147:4/4]
        first = self._first | (CONNECTION_ID_BIT if connection_id else 0)
        self._prefix = first.to_bytes(1, "big") + connection_id
        self._pack = Struct(f">{len(self._prefix)}sHH").pack
        self.overhead = OVERHEAD + len(connection_id)

    def __getstate__(self) -> tuple[CipherSuite13, TrafficKeys, int, int, int, bytes]:
        return self._suite, self._keys, self.epoch, self._limit, self._sequence_number, self._prefix[1:]

    def __setstate__(self, state: tuple[CipherSuite13, TrafficKeys, int, int, int, bytes]) -> None:
        self._suite, self._keys, self.epoch, self._limit, self._sequence_number, connection_id = state
        self._make_ciphers()
        self.use_connection_id(connection_id)

    @property
    def next_number(self) -> int:
        """Epoch and sequence number of the next record, as one number."""
        return self.epoch << 48 | self._sequence_number

    @next_number.setter
    def next_number(self, number: int) -> None:
        self._sequence_number = number & MAX_SEQUENCE_NUMBER

    @property
    def records_sealed(self) -> int:
        """How often the key was used."""
        return self._sequence_number

    @property
    def records_left(self) -> int:
        """How many records this key may still protect."""
        return max(self._limit - self._sequence_number, 0)

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Encrypt one record."""
        return self.seal_many(content_type, (content,))[0]

    def seal_many(self, content_type: int, contents: Sequence[bytes]) -> list[bytes]:
        """Encrypt each content as a record of its own.

        Raises:
            StateError: The key was used too often. Nothing was sealed.
        """
        sequence_number = self._sequence_number
        # [rfc9147:4.5.3/1] [rfc9147:4.2.1/4]
        if len(contents) > self.records_left:
            raise StateError("this key has protected as many records as it may")
        self._sequence_number = sequence_number + len(contents)
        pack, prefix, iv, encrypt = self._pack, self._prefix, self._iv_number, self._aead.encrypt
        tail = content_type.to_bytes(1, "big")
        sealed = []
        for number, content in enumerate(contents, sequence_number):
            # [rfc9147:4/5] [rfc9147:4/6]
            header = pack(prefix, number & 0xFFFF, len(content) + 17)
            sealed.append(encrypt((iv ^ number).to_bytes(12, "big"), content + tail, header))
        high, low = self._masks([ciphertext[:SAMPLE_LENGTH] for ciphertext in sealed])
        return [
            pack(prefix, number & 0xFFFF ^ (mask_high << 8 | mask_low), len(ciphertext)) + ciphertext
            for number, (ciphertext, mask_high, mask_low) in enumerate(
                zip(sealed, high, low, strict=True), sequence_number
            )
        ]


class Opener13(_Keyed):
    """The receiving direction of an epoch, with its replay window."""

    __slots__ = ("_limit", "_lookahead", "forgeries", "window")

    def __init__(
        self, suite: CipherSuite13, keys: TrafficKeys, epoch: int, limit: int = MAX_PLAINTEXT_LENGTH + 1
    ) -> None:
        """Take keys, and the longest inner plaintext that we let the peer send."""
        super().__init__(suite, keys, epoch)
        self._limit = limit
        self._lookahead = MAX_LOOKAHEAD
        # [rfc9147:4.5.1/1]
        self.window = ReplayWindow()
        # [rfc9147:4.5.3/3]
        self.forgeries = 0
        """Records that failed authentication."""

    def __getstate__(self) -> tuple[CipherSuite13, TrafficKeys, int, int, ReplayWindow, int]:
        return self._suite, self._keys, self.epoch, self._limit, self.window, self.forgeries

    def __setstate__(self, state: tuple[CipherSuite13, TrafficKeys, int, int, ReplayWindow, int]) -> None:
        self._suite, self._keys, self.epoch, self._limit, self.window, self.forgeries = state
        self._lookahead = MAX_LOOKAHEAD
        self._make_ciphers()

    def open(self, record: ProtectedRecord) -> Opened | str:
        """Decrypt and check one record.

        Returns:
            What is inside, or as a `str` the reason to drop the record. Only success moves the replay window.

        Raises:
            ProtocolError: The peer itself sealed something that is not allowed.
        """
        fragment = record.fragment
        # [rfc9147:4.2.3/3]
        if len(fragment) < SAMPLE_LENGTH:
            return "record_too_short"
        if len(fragment) > MAX_CIPHERTEXT_LENGTH:
            return "record_too_long"
        at, length = record.sequence_at, record.sequence_length
        encrypted = int.from_bytes(record.header[at : at + length], "big")
        high, low = self._masks((fragment[:SAMPLE_LENGTH],))
        plain = encrypted ^ (high[0] << 8 | low[0] if length == 2 else high[0])
        number = closest_sequence_number(plain, 8 * length, self.window.highest + 1)
        # [rfc9147:4/5]
        header = record.header[:at] + plain.to_bytes(length, "big") + record.header[at + length :]
        try:
            inner = self._aead.decrypt((self._iv_number ^ number).to_bytes(12, "big"), fragment, header)
        except InvalidTag:
            # [rfc9147:4.5.2/1] [rfc9147:4.5.3/3] [rfc9147:11/5]
            self.forgeries += 1
            return "record_bad_mac"
        # [rfc9147:4.5.1/2] [rfc9147:4.5.1/3] [rfc9147:4.5.1/4]
        if not self.window.is_new(number):
            return "record_replayed"
        self.window.accept(number)
        content = inner.rstrip(b"\0")
        if not content:
            # [rfc8446:5.4/3]
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, "a record of nothing but padding", "RFC 8446 section 5.4"
            )
        if len(inner) > self._limit:
            # [rfc8446:5.4/4] [rfc8449:4/5]
            raise ProtocolError(AlertDescription.RECORD_OVERFLOW, "a record is too long", "RFC 8446 section 5.4")
        return Opened(content[-1], content[:-1], self.epoch << 48 | number)

    def open_application_data(self, datagrams: Sequence[bytes], at: int, opened: list[bytes]) -> int:
        """Open the common case in a tight loop: datagrams that are one application data record of this epoch.

        Args:
            datagrams: A batch as received.
            at: Where in the batch to begin.
            opened: Contents are appended here.

        Returns:
            The index of the first datagram that is anything else (forged, replayed, padded, empty, with another
            header, several records), which `open` has to look at; ``len(datagrams)`` if there is none. Equal to `open`
            in what it accepts.
        """
        first, iv, decrypt = self._first, self._iv_number, self._aead.decrypt
        longest = HEADER_LENGTH + self._limit + TAG_LENGTH
        end = at
        samples = []
        for datagram in datagrams[at : at + self._lookahead]:
            size = len(datagram)
            if (
                not _SHORTEST <= size <= longest
                or datagram[0] != first
                or datagram[3] << 8 | datagram[4] != size - HEADER_LENGTH
            ):
                break
            samples.append(datagram[HEADER_LENGTH : HEADER_LENGTH + SAMPLE_LENGTH])
            end += 1
        if not samples:
            return at
        window = self.window
        highest, bitmap = window.highest, window.bitmap
        self._lookahead = min(2 * self._lookahead, MAX_LOOKAHEAD)
        for datagram, high, low in zip(datagrams[at:end], *self._masks(samples), strict=True):
            plain = (datagram[1] ^ high) << 8 | datagram[2] ^ low
            ahead = (plain - highest - 1 & 0xFFFF) + 1
            if ahead > 0x8000 and highest + ahead >= 0x10000:
                ahead -= 0x10000
            number = highest + ahead
            header = _pack_header(first, plain, len(datagram) - HEADER_LENGTH)
            try:
                inner = decrypt((iv ^ number).to_bytes(12, "big"), datagram[HEADER_LENGTH:], header)
            except InvalidTag:
                self._lookahead = 1
                break
            if inner[-1] != _APPLICATION_DATA or (ahead <= 0 and (ahead <= -WINDOW_SIZE or bitmap >> -ahead & 1)):
                break
            opened.append(inner[:-1])
            at += 1
            if ahead == 1:
                bitmap = (bitmap << 1 | 1) & WINDOW_MASK
                highest += 1
            else:
                window.highest, window.bitmap = highest, bitmap
                window.accept(number)
                highest, bitmap = window.highest, window.bitmap
        window.highest, window.bitmap = highest, bitmap
        return at
