"""What one reader of a track has not taken yet: a bounded queue that ends."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

from .errors import MediaStreamError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class FrameReader(Protocol[T_co]):
    """One reader's view of a track, which gets every frame. Iterate over it, or await `get`; `close` it when you are done."""

    @property
    def dropped(self) -> int:
        """How many frames were thrown away because they were not taken in time."""

    @property
    def ended(self) -> bool:
        """Whether nothing will be added any more."""

    def __len__(self) -> int: ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> T_co: ...

    async def get(self) -> T_co:
        """Take the next frame, and wait for it if need be.

        Raises:
            MediaStreamError: There is none, and none will come.
        """

    def take_all(self) -> Sequence[T_co]:
        """Take what is there, without waiting."""

    def close(self) -> None:
        """Read no more. Idempotent."""


class FrameQueue(Generic[T]):
    """What a reader has not taken yet; implements `FrameReader`.

    Args:
        limit: How many frames may wait.
        arrived: Called when something was added, for a reader that does not wait but is called.
        fetch: Sees to it that something is added, and returns when something may have been; for a source that has to be asked.
        on_close: Called once when the reader closes it.
    """

    def __init__(
        self,
        limit: int,
        *,
        arrived: Callable[[], None] | None = None,
        fetch: "Callable[[FrameQueue[T]], Awaitable[None]] | None" = None,
        on_close: "Callable[[FrameQueue[T]], None] | None" = None,
    ) -> None:
        self._limit = limit
        self._arrived = arrived
        self._fetch = fetch
        self._on_close = on_close
        self._waiting: deque[T] = deque()
        self._getters: deque[asyncio.Future[None]] = deque()
        self._putters: deque[asyncio.Future[None]] = deque()
        self._ended = False
        self.dropped = 0
        """How many frames were thrown away because they were not taken in time."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except MediaStreamError:
            raise StopAsyncIteration from None

    @property
    def full(self) -> bool:
        """Whether another frame would push out the oldest."""
        return len(self._waiting) >= self._limit

    @property
    def ended(self) -> bool:
        """Whether nothing will be added any more."""
        return self._ended

    # --- the reader's side ---

    async def get(self) -> T:
        """Take the next frame, and wait for it if need be.

        Raises:
            MediaStreamError: There is none, and none will come.
        """
        while not self._waiting:
            if self._ended:
                raise MediaStreamError("the track has ended")
            if self._fetch is None:
                await _sleep(self._getters)
            else:
                await self._fetch(self)
        return self.take()

    def take(self) -> T:
        """Take the next frame of those that are there.

        Raises:
            IndexError: There is none.
        """
        frame = self._waiting.popleft()
        if self._putters:
            _wake(self._putters)
        return frame

    def take_all(self) -> list[T]:
        """Take what is there, without waiting."""
        taken = list(self._waiting)
        self._waiting.clear()
        _wake(self._putters)
        return taken

    def close(self) -> None:
        """Read no more. Idempotent."""
        self._waiting.clear()
        self.end()
        if self._on_close is not None:
            done, self._on_close = self._on_close, None
            done(self)

    # --- the track's side ---

    def push(self, frame: T) -> None:
        """Add a frame; the oldest makes room if there is none."""
        if self._ended:
            return
        waiting = self._waiting
        if len(waiting) >= self._limit:
            waiting.popleft()
            self.dropped += 1
        waiting.append(frame)
        if self._getters:
            _wake(self._getters)
        if self._arrived is not None:
            self._arrived()

    async def room(self) -> None:
        """Wait until a frame can be added without loss, or the reader is gone."""
        while self.full and not self._ended:
            await _sleep(self._putters)

    def look(self) -> None:
        """Let whoever waits for a frame see to it again."""
        _wake(self._getters)

    def end(self) -> None:
        """Nothing will come any more; what is there can still be read. Idempotent."""
        self._ended = True
        _wake(self._getters)
        _wake(self._putters)

    def sleep(self) -> Awaitable[None]:
        """Wait until a frame may have come, or the end."""
        return _sleep(self._getters)


async def _sleep(sleepers: "deque[asyncio.Future[None]]") -> None:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sleepers.append(waiter)
    try:
        await waiter
    finally:
        if waiter in sleepers:
            sleepers.remove(waiter)


def _wake(sleepers: "deque[asyncio.Future[None]]") -> None:
    """Let everyone look again: there are few, and whoever is not served sleeps on."""
    while sleepers:
        waiter = sleepers.popleft()
        if not waiter.done():
            waiter.set_result(None)
