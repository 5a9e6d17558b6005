"""Putting handshake messages together from fragments in any order. See :rfc:`6347#section-4.2.3`.

Fragments may overlap and be cut differently when they are sent again (Firefox does it). What is held is bounded by what
arrived, never by the length a header announces: an attacker must send what he wants us to store.
"""

from bisect import bisect_left, bisect_right
from typing import Final

from .alert import AlertDescription
from .errors import ProtocolError
from .handshake import Fragment, HandshakeMessage, HandshakeType

MAX_MESSAGE_LENGTH: Final = 2**16
"""Longest body we put together. Certificates of WebRTC have some 300 bytes; a chain of 64 KiB is already absurd."""

MAX_MESSAGES_AHEAD: Final = 7
"""How many messages, the next one included, may be in assembly. The longest flight has five messages."""

MAX_PIECES: Final = 64
"""Disjoint pieces of one message. A message of that many holes is an attack; fragments that come on top are dropped."""

MAX_BUFFERED: Final = 2**17
"""Bytes held for all messages together."""

MAX_BUFFERED_HELLOS: Final = 2**14
"""The same while a server waits for its first hello, from whomever; those of browsers have some 1500 bytes."""

DUPLICATE: Final = "handshake_duplicate"
"""Why a fragment was dropped if its message was read before: the peer repeats itself."""


class _Assembly:
    """One message in the making: sorted, disjoint pieces that do not touch."""

    __slots__ = ("epoch", "held", "length", "message_type", "pieces", "starts")

    def __init__(self, message_type: int, length: int, epoch: int) -> None:
        self.message_type = message_type
        self.length = length
        self.epoch = epoch
        self.held = 0
        """Bytes in all pieces."""
        self.starts: list[int] = []
        self.pieces: list[bytearray] = []

    @property
    def complete(self) -> bool:
        return self.held == self.length

    def belongs(self, fragment: Fragment) -> bool:
        """Whether a fragment says the same of its message, and nothing else of the bytes that are here already."""
        if (self.message_type, self.length) != (fragment.message_type, fragment.length):
            return False
        offset, data = fragment.offset, fragment.data
        for index in range(*self._touched(offset, len(data))):
            start, piece = self.starts[index], self.pieces[index]
            low, high = max(start, offset), min(start + len(piece), offset + len(data))
            if piece[low - start : high - start] != data[low - offset : high - offset]:
                return False
        return True

    def add(self, offset: int, data: bytes) -> None:
        """Merge the bytes of a fragment that belongs in; those that make one hole too many are forgotten again."""
        first, last = self._touched(offset, len(data))
        if not data or (first == last and len(self.pieces) >= MAX_PIECES):
            return
        if first == last:
            self.starts.insert(first, offset)
            self.pieces.insert(first, bytearray(data))
            self.held += len(data)
            return
        before = sum(len(piece) for piece in self.pieces[first:last])
        start, merged = self._merge(offset, data, first, last)
        self.starts[first:last] = [start]
        self.pieces[first:last] = [merged]
        self.held += len(merged) - before

    def _touched(self, offset: int, length: int) -> tuple[int, int]:
        """Return the range of the pieces that these bytes overlap or touch."""
        first = bisect_left(self.starts, offset)
        if first and self.starts[first - 1] + len(self.pieces[first - 1]) >= offset:
            first -= 1
        return first, max(first, bisect_right(self.starts, offset + length))

    def _merge(self, offset: int, data: bytes, first: int, last: int) -> tuple[int, bytearray]:
        """Join ``data`` with the pieces ``first`` to ``last``, in place: a message may come byte by byte."""
        start, merged = self.starts[first], self.pieces[first]
        if offset < start:
            merged[:0] = data[: start - offset]
            start = offset
        for piece_start, piece in zip(self.starts[first + 1 : last], self.pieces[first + 1 : last], strict=True):
            taken = start + len(merged) - offset
            merged += data[taken : taken + piece_start - start - len(merged)]
            merged += piece
        if start + len(merged) < offset + len(data):
            merged += data[start + len(merged) - offset :]
        return start, merged


class Reassembler:
    """Takes fragments, gives whole messages in the order of their sequence numbers."""

    __slots__ = ("_assemblies", "_buffered", "_lowest_epoch", "in_order", "next_receive_seq")

    def __init__(self, *, in_order: bool = True) -> None:
        """Begin with message 0.

        Args:
            in_order: False for a server that waits for its first hello. Clients may have got cookies before, so that
                hello may have any number; other messages are left over from before. `synchronise` ends this.
        """
        self.next_receive_seq = 0
        self.in_order = in_order
        self._assemblies: dict[int, _Assembly] = {}
        self._buffered = 0
        self._lowest_epoch = 0

    def add(self, fragment: Fragment, epoch: int) -> str | None:
        """Take one fragment.

        Returns:
            None if it was kept, else why it was dropped.

        Raises:
            ProtocolError: The message is absurdly long, or the fragment contradicts an earlier one of the same message
                (but while a hello is awaited it is then of another client, and takes the place of the earlier one).
        """
        if not self.in_order and fragment.message_type != HandshakeType.CLIENT_HELLO:
            return "handshake_before_client_hello"
        ahead = fragment.message_seq - self.next_receive_seq
        if ahead < 0:
            # [rfc6347:4.2.2/6] [rfc9147:5.2/2]
            return DUPLICATE
        # [rfc9147:6.1/2] [rfc8446:5.1/1]
        if epoch < self._lowest_epoch:
            return "handshake_wrong_epoch"
        if ahead >= MAX_MESSAGES_AHEAD:
            return "handshake_too_far_ahead"
        if fragment.length > MAX_MESSAGE_LENGTH:
            raise _contradiction(f"a handshake message of {fragment.length} bytes is too long")
        if self._buffered + len(fragment.data) > (MAX_BUFFERED if self.in_order else MAX_BUFFERED_HELLOS):
            if self.in_order:
                return "handshake_buffer_full"
            self.forget()
        assembly = self._assemblies.get(fragment.message_seq)
        # What is protected counts more than what anybody may have forged.
        if assembly is not None and assembly.epoch > epoch:
            return "handshake_mixed_epochs"
        if assembly is None or assembly.epoch < epoch:
            assembly = self._begin(fragment, epoch)
        elif not assembly.belongs(fragment):
            if self.in_order:
                # [rfc9147:5.5/6]
                raise _contradiction("fragments of one message contradict each other")
            assembly = self._begin(fragment, epoch)
        before = assembly.held
        # [rfc6347:4.2.3/6] [rfc6347:4.2.3/7] [rfc6347:4.2.2/7] [rfc9147:5.2/3] [rfc9147:5.5/3] [rfc9147:5.5/4]
        assembly.add(fragment.offset, fragment.data)
        self._buffered += assembly.held - before
        return None

    def next_message(self) -> HandshakeMessage | None:
        """Return the next message in sequence once it is whole, and go on to the one after it."""
        message_seq = self.next_receive_seq
        if not self.in_order:
            message_seq = min((seq for seq, found in self._assemblies.items() if found.complete), default=0)
        # [rfc6347:4.2.2/5]
        assembly = self._assemblies.get(message_seq)
        if assembly is None or not assembly.complete:
            return None
        self._discard(message_seq)
        body = bytes(assembly.pieces[0]) if assembly.pieces else b""
        if self.in_order:
            self.next_receive_seq += 1
        return HandshakeMessage(assembly.message_type, message_seq, body, assembly.epoch)

    def synchronise(self, message_seq: int) -> None:
        """Deliver in order from this number on. Pieces of other hellos are forgotten: nobody knows whose they are."""
        self.in_order = True
        self.next_receive_seq = message_seq
        self.forget()

    def require_epoch(self, epoch: int) -> None:
        """From the next message on, take fragments of this epoch and later ones alone; others may be anybody's."""
        self._lowest_epoch = epoch
        for message_seq in [seq for seq, assembly in self._assemblies.items() if assembly.epoch < epoch]:
            self._discard(message_seq)

    @property
    def has_gap(self) -> bool:
        """Whether something is missing in front of what is here."""
        assembly = self._assemblies.get(self.next_receive_seq)
        if assembly is None:
            return bool(self._assemblies)
        return len(self._assemblies) > 1 or assembly.starts != [0]

    def forget(self) -> None:
        """Give up all messages in the making."""
        self._assemblies.clear()
        self._buffered = 0

    def _begin(self, fragment: Fragment, epoch: int) -> _Assembly:
        self._discard(fragment.message_seq)
        assembly = _Assembly(fragment.message_type, fragment.length, epoch)
        self._assemblies[fragment.message_seq] = assembly
        return assembly

    def _discard(self, message_seq: int) -> None:
        assembly = self._assemblies.pop(message_seq, None)
        if assembly is not None:
            self._buffered -= assembly.held


def _contradiction(message: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, message, "RFC 6347 section 4.2.3")
