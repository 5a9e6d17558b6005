"""Messages that overtook the opening of their channel, or the streams to answer it.

:rfc:`8832#section-6` has the opener send in order until it hears from the peer, so that nothing can overtake its
OPEN. Some peers send unordered from the start; when their OPEN is lost on the way, messages arrive on a stream nobody
knows. And an OPEN may arrive before the peer's consent to our having the stream on which to answer. They are held a while.
"""

from rtc_sctp import MessageReceived

_BOOKKEEPING = 64
"""Bytes that one held message counts on top of its own, so that tiny ones are bounded too."""


class EarlyMessages:
    """Bounded store of messages by stream, each stream with a deadline."""

    __slots__ = ("_capacity", "_deadlines", "_messages", "_size", "_timeout")

    def __init__(self, *, capacity: int, timeout: float) -> None:
        self._capacity = capacity
        self._timeout = timeout
        self._size = 0
        self._messages: dict[int, list[MessageReceived]] = {}
        self._deadlines: dict[int, float] = {}
        """By stream, in the order of the deadlines, which is that of the first messages."""

    def hold(self, message: MessageReceived, now: float) -> bool:
        """Keep one message; returns whether there was room."""
        size = len(message.data) + _BOOKKEEPING
        if self._size + size > self._capacity:
            return False
        self._size += size
        self._messages.setdefault(message.stream_id, []).append(message)
        self._deadlines.setdefault(message.stream_id, now + self._timeout)
        return True

    def streams(self) -> list[int]:
        """The streams of which messages are held."""
        return list(self._messages)

    def take(self, stream_id: int) -> list[MessageReceived]:
        """Give the stream's messages out, in order of arrival, and forget them."""
        messages = self._messages.pop(stream_id, [])
        self._deadlines.pop(stream_id, None)
        self._size -= sum(len(message.data) + _BOOKKEEPING for message in messages)
        return messages

    def next_deadline(self) -> float | None:
        """When the first stream has waited long enough."""
        for deadline in self._deadlines.values():
            return deadline
        return None

    def expire(self, now: float) -> list[int]:
        """Forget what waited too long; returns the streams."""
        late = []
        for stream_id, deadline in self._deadlines.items():
            if deadline > now:
                break
            late.append(stream_id)
        for stream_id in late:
            self.take(stream_id)
        return late

    def clear(self) -> None:
        """Forget everything."""
        self._messages.clear()
        self._deadlines.clear()
        self._size = 0
