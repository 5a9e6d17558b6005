"""Starting all numbers of an association anew, those of streams and TSNs. See :rfc:`6525#section-5.2.4`."""

from typing import Final

from .context import Context
from .events import AssociationReset
from .receiver import Receiver
from .send_queue import SendQueue
from .sender import Sender
from .serial import MASK_32

_JUMP: Final = 0x8000_0000
"""How far the receiver of a request moves its peer's TSNs, so that no old one can be taken for a new one."""

MAX_SEGMENT_LIFETIME: Final = 30.0
"""Seconds for which packets of before may still arrive; no second request leaves within."""


class Renumbering:
    """What both sides of an SSN/TSN reset do: let what is under way arrive, hold back the rest, and begin anew."""

    __slots__ = ("_context", "_queue", "_receiver", "_sender")

    def __init__(self, context: Context, queue: SendQueue, sender: Sender, receiver: Receiver) -> None:
        self._context = context
        self._queue = queue
        self._sender = sender
        self._receiver = receiver

    def prepare(self) -> bool:
        """Begin no further message; returns whether everything begun has arrived."""
        # [rfc6525:5.1.4/3]
        self._queue.suspend()
        return not self._sender.outstanding.chunks and self._queue.is_empty

    def await_answer(self) -> None:
        """The request left: what the peer sends from now on may come under new numbers before its answer does."""
        self._receiver.delivery.await_new_numbers()

    def cancel(self) -> None:
        """Go on with the old numbers."""
        self._receiver.delivery.keep_old_numbers()
        self._queue.resume()

    def perform_for_peer(self) -> tuple[int, int]:
        """Begin anew as the peer asks; returns our next TSN and the peer's, for the response."""
        # [rfc6525:5.2.4/1] [rfc6525:5.1.7/6] [rfc6525:5.2.4/2]
        peers_next = (self._receiver.tracker.cumulative_tsn + 1 + _JUMP) & MASK_32
        our_next = (self._sender.last_assigned_tsn + 1) & MASK_32
        # [rfc6525:5.2.4/3] Nothing of ours is outstanding, or `prepare` would not have said so.
        self._begin_anew(our_next, peers_next)
        # [rfc6525:5.1.7/3] [rfc6525:5.1.7/5]
        return our_next, peers_next

    def perform_ours(self, peers_next: int, our_next: int) -> None:
        """Begin anew as the peer's response says."""
        # [rfc6525:5.2.7/6] [rfc6525:5.2.7/7]
        self._begin_anew(our_next, peers_next)

    def _begin_anew(self, our_next: int, peers_next: int) -> None:
        # [rfc6525:5.2.4/4] [rfc6525:5.2.4/5]
        self._sender.renumber(our_next)
        self._receiver.renumber(peers_next)
        self._queue.begin_anew()
        self._context.events.append(AssociationReset())
        self._queue.resume()
