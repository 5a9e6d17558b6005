"""Flights: what is sent together, packed into datagrams, and when it is sent again.

A flight keeps its messages, not its datagrams: every transmission is cut for the MTU of the moment and sealed under
fresh sequence numbers. In DTLS 1.3 parts that the peer has
acknowledged stay out. See :rfc:`6347#section-4.2.3`, :rfc:`6347#section-4.2.4` and :rfc:`9147#section-5.8`.
"""

from typing import Final

from .ack import Piece, SentRecords
from .handshake import FRAGMENT_HEADER_LENGTH, HandshakeMessage
from .record import ContentType
from .record_layer import RecordLayer

FINAL_FLIGHT_LIFETIME: Final = 240.0
"""Seconds (twice TCP's MSL) for which the last flight is repeated when the peer asks for it."""


class ChangeCipherSpec:
    """The message that is no handshake message but belongs to a flight."""

    __slots__ = ()

    epoch: Final = 0

    def __bytes__(self) -> bytes:
        return b"\x01"


FlightItem = HandshakeMessage | ChangeCipherSpec


def pack(
    items: list[FlightItem], records: RecordLayer, mtu: int, sent: SentRecords, *, apart: bool = False
) -> list[bytes]:
    """Pack what is outstanding of a flight into as few datagrams as possible, and note what went where.

    Neighbouring messages share a record (a ChangeCipherSpec stands between those of different epochs), records share a
    datagram, and a fragment is short only where the datagram ends. With ``apart`` each message has records of its own.
    """
    # [rfc6347:4.2.3/8]
    packer = _Packer(records, mtu, sent, apart=apart)
    for item in items:
        if isinstance(item, ChangeCipherSpec):
            packer.add_change_cipher_spec(item)
        else:
            packer.add_message(item)
    return packer.finish()


class _Packer:
    """The datagram being filled, and the record at its end that still takes more."""

    __slots__ = ("_apart", "_content", "_datagram", "_datagrams", "_epoch", "_mtu", "_pieces", "_records", "_sent")

    def __init__(self, records: RecordLayer, mtu: int, sent: SentRecords, *, apart: bool) -> None:
        self._records = records
        self._apart = apart
        self._mtu = mtu
        self._sent = sent
        self._pieces: list[Piece] = []
        self._datagrams: list[bytes] = []
        self._datagram = b""
        self._epoch = 0
        self._content = b""

    def add_message(self, message: HandshakeMessage) -> None:
        """Add what is outstanding of a message, in as many fragments as it takes."""
        if message.epoch != self._epoch:
            self._end_record()
            self._epoch = message.epoch
        # [rfc9147:5.8.1/1]
        for start, end in message.outstanding:
            self._add_range(message, start, end)
        if self._apart:
            self._end_record()

    def _add_range(self, message: HandshakeMessage, offset: int, end: int) -> None:
        while True:
            left = end - offset
            room = self._room() - FRAGMENT_HEADER_LENGTH
            # [rfc9147:4.3/1] [rfc9147:4.3/2] [rfc9147:4.4/4] [rfc9147:5.5/2]
            # [rfc6347:4.1.1/1] [rfc6347:4.1.1/2] [rfc6347:4.1.1.1/8] [rfc6347:4.2.3/1] [rfc6347:4.2.3/2]
            if room < min(left, 1):
                self._end_datagram()
                room = self._room() - FRAGMENT_HEADER_LENGTH
            taken = min(left, room)
            # [rfc6347:4.2.3/3] [rfc6347:4.2.3/4] [rfc9147:5.5/1] [rfc9147:5.5/5]
            self._content += bytes(message.fragment(offset, taken))
            self._pieces.append((message, offset, offset + taken))
            offset += taken
            if offset == end:
                return

    def add_change_cipher_spec(self, message: ChangeCipherSpec) -> None:
        """Add the one-byte record."""
        self._end_record()
        record_length = self._records.overhead(message.epoch) + 1
        if len(self._datagram) + record_length > self._mtu:
            self._end_datagram()
        self._datagram += self._records.seal(ContentType.CHANGE_CIPHER_SPEC, bytes(message), message.epoch)

    def finish(self) -> list[bytes]:
        """Return the datagrams."""
        self._end_datagram()
        return self._datagrams

    def _room(self) -> int:
        """Bytes that the open record could still take."""
        used = len(self._datagram) + self._records.overhead(self._epoch)
        return min(self._mtu - used, self._records.max_content(self._epoch)) - len(self._content)

    def _end_record(self) -> None:
        # [rfc5246:6.2.1/3]
        if self._content:
            self._sent.add(self._records.next_number(self._epoch), self._pieces)
            self._pieces = []
            self._datagram += self._records.seal(ContentType.HANDSHAKE, self._content, self._epoch)
            self._content = b""

    def _end_datagram(self) -> None:
        self._end_record()
        if self._datagram:
            self._datagrams.append(self._datagram)
            self._datagram = b""


class RetransmissionTimer:
    """Doubles from flight to flight as long as datagrams get lost. See :rfc:`6347#section-4.2.4.1`."""

    __slots__ = ("_maximum", "_timeout", "deadline", "initial", "transmissions")

    def __init__(self, initial: float, maximum: float) -> None:
        self._maximum = maximum
        self.initial = initial
        self._timeout = initial
        # [rfc6347:4.2.4/6]
        self.deadline: float | None = None
        self.transmissions = 0
        """How often the current flight was sent."""

    def rescale(self, initial: float) -> None:
        """Use another initial timeout, from the next transmission on. Backing off so far is kept."""
        self._timeout = min(self._timeout / self.initial * initial, self._maximum)
        self.initial = initial

    def begin_flight(self) -> None:
        """A new flight: what came before was received, and if it was so at once, start from the initial value."""
        # [rfc6347:4.2.4.1/3]
        if self.transmissions <= 1:
            self._timeout = self.initial
        self.transmissions = 0
        self.deadline = None

    def sent(self, now: float) -> None:
        """The flight went out."""
        self.transmissions += 1
        self.deadline = now + self._timeout

    def expired(self) -> None:
        """The deadline passed: back off."""
        # [rfc6347:4.2.4.1/2] [rfc9147:5.8.2/2]
        self._timeout = min(2 * self._timeout, self._maximum)
        self.deadline = None

    def stop(self) -> None:
        """Nothing is left to wait for."""
        self.deadline = None
