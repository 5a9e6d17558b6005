"""Application data that may not be delivered yet: it overtook the Finished, or the peer is not verified.

What waits is protected, but nobody knows by whom: it is bounded, and forgotten if the peer turns out to be another.
"""

from typing import Final

from .journal import Journal

MAX_HELD_DATAGRAMS: Final = 256
"""Records that may wait."""

MAX_HELD_BYTES: Final = 2**18
"""Bytes of these together."""


class Inbox:
    """Keeps data until `release`, in the order they came."""

    __slots__ = ("_held", "_held_length", "_journal")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._held: list[bytes] = []
        self._held_length = 0

    def hold(self, content: bytes) -> None:
        """Keep the content of a record, or drop it if too much waits."""
        if len(self._held) >= MAX_HELD_DATAGRAMS or self._held_length + len(content) > MAX_HELD_BYTES:
            self._journal.drop("application_data_too_early")
            return
        # [rfc6347:4.2.4/8]
        self._held.append(content)
        self._held_length += len(content)

    def release(self) -> list[bytes]:
        """Hand over what waits, and keep nothing."""
        held, self._held, self._held_length = self._held, [], 0
        return held
