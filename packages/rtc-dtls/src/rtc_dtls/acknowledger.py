"""When to acknowledge the peer's handshake records. See :rfc:`9147#section-7.1`.

- at once, if something is missing in front of what arrived, if a flight is complete that has no answer, or if the peer
  repeats what it need not repeat,
- after a quarter of the retransmission timeout, if the rest of a flight does not come,
- not at all, if our own next flight says it.
"""

from typing import Final

from .ack import RECORD_NUMBER_LENGTH, ReceivedRecords, encode_ack

DELAY: Final = 0.25
"""Parts of the initial timeout that the rest of a flight may take."""


class Acknowledger:
    """What could be acknowledged, and when it has to be."""

    __slots__ = ("_received", "deadline", "due")

    def __init__(self) -> None:
        self._received = ReceivedRecords()
        self.due = False
        """Whether an ACK has to go out with the next flush."""
        self.deadline: float | None = None
        """When one will have to."""

    def add(self, number: int) -> None:
        """A record of the handshake arrived, and what is in it is used or kept."""
        self._received.add(number)

    def discard(self, number: int) -> None:
        """It is not: part of its content was thrown away."""
        # [rfc9147:7/2] [rfc9147:7/3]
        self._received.discard(number)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that the peer does not know."""
        return not self._received.newest(1)

    def wait(self, until: float) -> None:
        """The flight is not complete: acknowledge what there is if the rest does not come by then."""
        # [rfc9147:7.1/2]
        if self.deadline is None and not self.due:
            self.deadline = until

    def settle(self) -> None:
        """The flight is answered: that says it all. What comes from now on is another."""
        # [rfc9147:7/4] [rfc9147:7.1/4]
        self._received.clear()
        self.due = False
        self.deadline = None

    def handle_timeout(self, now: float) -> None:
        """The rest did not come."""
        if self.deadline is not None and now >= self.deadline:
            self.due = True
            self.deadline = None

    def take(self, room: int) -> bytes:
        """Return the content of the ACK that is due, in so many bytes."""
        self.due = False
        self.deadline = None
        return encode_ack(self._received.newest((room - 2) // RECORD_NUMBER_LENGTH))
