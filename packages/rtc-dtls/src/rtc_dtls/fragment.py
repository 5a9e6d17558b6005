"""Putting handshake messages together from fragments in any order. See :rfc:`6347#section-4.2.3`.

Fragments may overlap and be cut differently when they are sent again (Firefox does it). What is held is bounded by what
arrived, never by the length a header announces: an attacker must send what he wants us to store.
"""

from bisect import bisect_left
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


class _Assembly:
    """One message in the making: sorted, disjoint pieces that do not touch."""

    __slots__ = ("epoch", "length", "message_type", "pieces", "starts")

    def __init__(self, message_type: int, length: int, epoch: int) -> None:
        self.message_type = message_type
        self.length = length
        self.epoch = epoch
        self.starts: list[int] = []
        self.pieces: list[bytearray] = []

    @property
    def complete(self) -> bool:
        if self.length == 0:
            return True
        return len(self.pieces) == 1 and len(self.pieces[0]) == self.length

    def add(self, offset: int, data: bytes) -> int:
        """Merge a fragment in. Returns how many bytes are held more than before.

        Raises:
            ProtocolError: It overlaps what is there with other bytes.
        """
        if not data:
            return 0
        first = bisect_left(self.starts, offset)
        if first and self.starts[first - 1] + len(self.pieces[first - 1]) >= offset:
            first -= 1
        last = first
        end = offset + len(data)
        while last < len(self.starts) and self.starts[last] <= end:
            last += 1
        if first == last and len(self.pieces) >= MAX_PIECES:
            return 0
        if first == last:
            self.starts.insert(first, offset)
            self.pieces.insert(first, bytearray(data))
            return len(data)
        before = sum(len(piece) for piece in self.pieces[first:last])
        start, merged = self._merge(offset, data, first, last)
        self.starts[first:last] = [start]
        self.pieces[first:last] = [merged]
        return len(merged) - before

    def _merge(self, offset: int, data: bytes, first: int, last: int) -> tuple[int, bytearray]:
        """Join ``data`` with the pieces ``first`` to ``last`` that it overlaps or touches."""
        start, merged = self.starts[first], self.pieces[first]
        if offset < start:
            merged[:0] = data[: start - offset]
            start = offset
        position = offset - start
        for piece_start, piece in zip(self.starts[first + 1 : last], self.pieces[first + 1 : last], strict=True):
            filler = piece_start - start - len(merged)
            taken = start + len(merged) - offset
            merged += data[taken : taken + filler]
            merged += piece
        if start + len(merged) < offset + len(data):
            merged += data[start + len(merged) - offset :]
        if merged[position : position + len(data)] != data:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                "fragments of one message overlap with different bytes",
                "RFC 6347 section 4.2.3",
            )
        return start, merged


class Reassembler:
    """Takes fragments, gives whole messages in the order of their sequence numbers."""

    __slots__ = ("_assemblies", "_buffered", "_in_order", "next_receive_seq")

    def __init__(self, *, in_order: bool = True) -> None:
        """Begin with message 0.

        Args:
            in_order: False for a server that waits for its first hello. Clients may have got cookies before, so that
                hello may have any number; other messages are left over from before. `synchronise` ends this.
        """
        self.next_receive_seq = 0
        self._in_order = in_order
        self._assemblies: dict[int, _Assembly] = {}
        self._buffered = 0

    def add(self, fragment: Fragment, epoch: int) -> str | None:
        """Take one fragment.

        Returns:
            None if it was kept, else why it was dropped.

        Raises:
            ProtocolError: It contradicts an earlier fragment of the same message, or the message is absurdly long.
        """
        if not self._in_order and fragment.message_type != HandshakeType.CLIENT_HELLO:
            return "handshake_before_client_hello"
        ahead = fragment.message_seq - self.next_receive_seq
        if ahead < 0:
            return "handshake_duplicate"
        if ahead >= MAX_MESSAGES_AHEAD:
            return "handshake_too_far_ahead"
        if fragment.length > MAX_MESSAGE_LENGTH:
            raise _contradiction(f"a handshake message of {fragment.length} bytes is too long")
        if self._buffered + len(fragment.data) > MAX_BUFFERED:
            return "handshake_buffer_full"
        assembly = self._assemblies.get(fragment.message_seq)
        if assembly is None:
            assembly = _Assembly(fragment.message_type, fragment.length, epoch)
            self._assemblies[fragment.message_seq] = assembly
        elif assembly.epoch != epoch:
            return "handshake_mixed_epochs"
        elif (assembly.message_type, assembly.length) != (fragment.message_type, fragment.length):
            raise _contradiction("fragments of one message differ in type or length")
        self._buffered += assembly.add(fragment.offset, fragment.data)
        return None

    def next_message(self) -> HandshakeMessage | None:
        """Return the next message in sequence once it is whole, and go on to the one after it."""
        message_seq = self.next_receive_seq
        if not self._in_order:
            message_seq = min((seq for seq, found in self._assemblies.items() if found.complete), default=0)
        assembly = self._assemblies.get(message_seq)
        if assembly is None or not assembly.complete:
            return None
        del self._assemblies[message_seq]
        body = bytes(assembly.pieces[0]) if assembly.pieces else b""
        self._buffered -= len(body)
        if self._in_order:
            self.next_receive_seq += 1
        return HandshakeMessage(assembly.message_type, message_seq, body, assembly.epoch)

    def synchronise(self, message_seq: int) -> None:
        """Deliver in order from this number on, and forget what came before."""
        self._in_order = True
        self.next_receive_seq = message_seq
        for old in [seq for seq in self._assemblies if seq < message_seq]:
            self._buffered -= sum(len(piece) for piece in self._assemblies.pop(old).pieces)


def _contradiction(message: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, message, "RFC 6347 section 4.2.3")
