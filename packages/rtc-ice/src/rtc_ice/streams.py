"""Streams under numbers of one's own: how a machine that contains other machines passes their wishes on.

Machines that need byte streams (TURN over TCP or TLS, TCP candidates) ask for them with `rtc_stun.OpenTransport` and number
them themselves. Whoever contains several such machines tells them apart here: outside a stream has a number that is unique
within the container, inside it has its owner and the owner's number.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Generic, TypeVar

from rtc_stun import CloseTransport, OpenTransport, StreamData

Owner = TypeVar("Owner")


class StreamTable(Generic[Owner]):
    """The streams of several owners. Owners are told apart as keys of a dictionary are."""

    __slots__ = ("_closing", "_inner", "_next", "_outer")

    def __init__(self) -> None:
        self._next = 0
        self._inner: dict[int, tuple[Owner, int]] = {}
        self._outer: dict[tuple[Owner, int], int] = {}
        self._closing: list[int] = []
        """Streams whose owner wants them closed: what it says last can still be written."""

    def was_numbered(self, transport_id: int) -> bool:
        """Whether a stream ever had this number outside."""
        return 0 <= transport_id < self._next

    def add(self, owner: Owner, inner_id: int) -> int:
        """Return the number outside of an owner's stream, a new one unless it has one."""
        key = (owner, inner_id)
        outer = self._outer.get(key)
        if outer is None:
            outer = self._outer[key] = self._next
            self._inner[outer] = key
            self._next += 1
        return outer

    def find(self, transport_id: int) -> tuple[Owner, int] | None:
        """Return the owner of a stream and the owner's number for it; ``None`` if there is no such stream any more."""
        return self._inner.get(transport_id)

    def of(self, owner: Owner) -> list[int]:
        """Return the numbers outside of all streams of an owner."""
        return [outer for outer, (each, _) in self._inner.items() if each == owner]

    def forget(self, transport_id: int) -> None:
        """Forget a stream that has failed or was closed; its number is not given again."""
        key = self._inner.pop(transport_id, None)
        if key is not None:
            del self._outer[key]

    def wish(self, owner: Owner, event: OpenTransport | CloseTransport) -> OpenTransport | CloseTransport | None:
        """Translate an owner's wish; ``None`` if it is about a stream that is forgotten.

        A stream that is to be closed is forgotten once `data` was asked for what is to be written before.
        """
        if isinstance(event, OpenTransport):
            return replace(event, transport_id=self.add(owner, event.transport_id))
        outer = self._outer.get((owner, event.transport_id))
        if outer is None:
            return None
        self._closing.append(outer)
        return replace(event, transport_id=outer)

    def data(self, owner: Owner, output: Iterable[StreamData]) -> list[StreamData]:
        """Translate what an owner wants written; what is for a forgotten stream is left out."""
        found = ((self._outer.get((owner, each.transport_id)), each.data) for each in output)
        translated = [StreamData(outer, data) for outer, data in found if outer is not None]
        if self._closing:
            done = [outer for outer in self._closing if (known := self._inner.get(outer)) is None or known[0] == owner]
            for outer in done:
                self.forget(outer)
            self._closing = [outer for outer in self._closing if outer not in done]
        return translated
