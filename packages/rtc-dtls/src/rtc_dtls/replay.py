"""Replay protection. See :rfc:`6347#section-4.1.2.6`.

Bit 0 of the bitmap stands for the highest sequence number that authenticated, bit n for the one n below it.
"""

from typing import Final

# [rfc9147:4.5.1/5] [rfc6347:4.1.2.6/1] [rfc6347:4.1.2.6/5] [rfc6347:4.1.2.6/6] [rfc6347:4.1.2.6/7]
WINDOW_SIZE: Final = 512
"""Records behind the newest that are still told apart: batches reorder by more than the usual 64."""

WINDOW_MASK: Final = (1 << WINDOW_SIZE) - 1


class ReplayWindow:
    """Which sequence numbers of one epoch were seen. Ask `is_new` before decrypting, call `accept` after."""

    __slots__ = ("bitmap", "highest")

    def __init__(self) -> None:
        self.highest = -1
        self.bitmap = 0

    def is_new(self, sequence_number: int) -> bool:
        """Whether a record with this number may still be accepted. Changes nothing."""
        behind = self.highest - sequence_number
        if behind < 0:
            return True
        # [rfc6347:4.1.2.6/8]
        return behind < WINDOW_SIZE and not self.bitmap >> behind & 1

    def accept(self, sequence_number: int) -> None:
        """Remember a record that authenticated; only such a record may move the window."""
        ahead = sequence_number - self.highest
        if ahead <= 0:
            self.bitmap |= 1 << -ahead
        elif ahead >= WINDOW_SIZE:
            self.bitmap = 1
            self.highest = sequence_number
        else:
            self.bitmap = (self.bitmap << ahead | 1) & WINDOW_MASK
            self.highest = sequence_number
