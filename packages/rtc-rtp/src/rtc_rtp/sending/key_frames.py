"""When a request for a key frame is news. See :rfc:`4585#section-6.3.1` and :rfc:`5104#section-4.3.1`."""

from typing import Final

PATIENCE: Final = 1.0
"""Seconds after which a request that the encoder did not answer is told again."""

MIN_INTERVAL: Final = 0.1
"""Seconds after a key frame for which requests were surely sent before it arrived; longer if the round trip is."""

MAX_REQUESTERS: Final = 64


class KeyFrameRequests:
    """What the peer asked of one encoding."""

    __slots__ = ("_fir_sequence_numbers", "_sent_at", "_told_at")

    def __init__(self) -> None:
        self._told_at: float | None = None
        """When a request was told that no key frame has answered."""

        self._sent_at = float("-inf")
        self._fir_sequence_numbers: dict[int, int] = {}

    def is_new_command(self, requester: int, sequence_number: int) -> bool:
        """Tell whether a Full Intra Request is no repetition of the one before."""
        # A repetition of the sequence number is the same command.
        if self._fir_sequence_numbers.get(requester) == sequence_number:
            return False
        if requester not in self._fir_sequence_numbers and len(self._fir_sequence_numbers) >= MAX_REQUESTERS:
            return False
        self._fir_sequence_numbers[requester] = sequence_number
        return True

    def ask(self, now: float, round_trip_time: float) -> bool:
        """Take a request; tell whether the encoder has to hear of it."""
        if self._told_at is not None and now < self._told_at + PATIENCE:
            return False
        if now < self._sent_at + max(MIN_INTERVAL, round_trip_time):
            return False
        self._told_at = now
        return True

    def answered(self, now: float) -> None:
        """Note that a key frame leaves."""
        self._told_at = None
        self._sent_at = now
