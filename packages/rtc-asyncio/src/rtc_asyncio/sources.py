"""Where the frames of a track come from: one source, any number of readers, each of which gets every frame."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from .errors import MediaStreamError
from .frame_queue import FrameQueue

T = TypeVar("T")

READER_LIMIT: Final = 32
"""How many frames may wait for a reader before the oldest is thrown away, unless it asks for another number."""


class Source(Generic[T]):
    """Hands each frame to everyone who reads.

    Args:
        idle: Called when the last reader has gone.
        busy: Called when the first reader has come.
    """

    def __init__(
        self,
        idle: Callable[[], None] | None = None,
        busy: Callable[[], None] | None = None,
    ) -> None:
        self._idle = idle
        self._busy = busy
        self._readers: tuple[FrameQueue[T], ...] = ()
        """Never changed, but replaced: who is handed a frame may subscribe, or close."""
        self._ended = False

    @property
    def read(self) -> bool:
        """Whether anyone reads."""
        return bool(self._readers)

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._ended

    def subscribe(self, limit: int = READER_LIMIT, arrived: Callable[[], None] | None = None) -> FrameQueue[T]:
        """Add a reader; one that does not wait is called when a frame has arrived."""
        reader = self._queue(limit, arrived)
        if self._ended:
            reader.end()
        else:
            self._readers += (reader,)
            if self._busy is not None and len(self._readers) == 1:
                self._busy()
        return reader

    def push(self, frame: T) -> None:
        """Hand a frame to all readers; nobody waits for one that is slow."""
        for reader in self._readers:
            reader.push(frame)

    async def put(self, frame: T) -> None:
        """Hand a frame to all readers once each has room for it."""
        for reader in self._readers:
            await reader.room()
            reader.push(frame)

    def end(self) -> None:
        """Nothing will come any more. Idempotent."""
        self._ended = True
        readers, self._readers = self._readers, ()
        for reader in readers:
            reader.end()

    def _queue(self, limit: int, arrived: Callable[[], None] | None) -> FrameQueue[T]:
        return FrameQueue(limit, arrived=arrived, on_close=self._gone)

    def _gone(self, reader: FrameQueue[T]) -> None:
        self._readers = tuple([each for each in self._readers if each is not reader])
        if not self._readers and self._idle is not None:
            self._idle()


class PullSource(Source[T]):
    """A source that is asked for each frame, while somebody waits: by the task of its only reader, or by one of its own for several.

    Args:
        recv: Gives the next frame, and raises `MediaStreamError` when there is none.
        on_end: Called when `recv` has raised.
    """

    def __init__(self, recv: Callable[[], Awaitable[T]], on_end: Callable[[], None]) -> None:
        super().__init__(self._stop)
        self._recv = recv
        self._on_end = on_end
        self._has_begun = False
        """Whether `recv` was asked: not before the next turn of the event loop, so that readers who come together miss nothing."""
        self._asking: asyncio.Task[object] | None = None
        """The task that waits for `recv`."""
        self._is_lent = False
        """Whether that is the task of a reader."""
        self._is_interrupted = False
        """Whether it was cancelled by us."""

    def end(self) -> None:
        """Nothing will come any more. Idempotent."""
        super().end()
        self._stop()

    async def fetch(self, reader: FrameQueue[T]) -> None:
        """See to it that frames come, and return when one may have come to a reader."""
        task = asyncio.current_task()
        if self._asking is not None or task is None or not self._has_begun or self._readers != (reader,):
            if self._asking is None:
                self._has_begun = True
                self._asking = asyncio.get_running_loop().create_task(self._ask())
                self._asking.add_done_callback(self._asked)
            await reader.sleep()
            return
        # The task of the only reader asks by itself, which saves a task and two turns of the event loop for each frame.
        self._asking, self._is_lent = task, True
        others = task.cancelling()
        try:
            await self._ask()
        except asyncio.CancelledError:
            # As `asyncio.timeout` does: what we have cancelled ends here, unless others did so, too.
            if not self._is_interrupted or task.uncancel() > others:
                raise
        else:
            if self._is_interrupted:
                task.uncancel()
        finally:
            self._asking, self._is_lent, self._is_interrupted = None, False, False
            for other in self._readers:
                if other is not reader:
                    other.look()  # who came meanwhile has relied on this one

    def _queue(self, limit: int, arrived: Callable[[], None] | None) -> FrameQueue[T]:
        return FrameQueue(limit, arrived=arrived, fetch=self.fetch, on_close=self._gone)

    def _asked(self, task: asyncio.Task[object]) -> None:
        if self._asking is task:
            self._asking = None

    async def _ask(self) -> None:
        try:
            frame = await self._recv()
        except MediaStreamError:
            self._finish()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self._failed(error)  # the track's own fault: nobody has cancelled us
        except Exception as error:  # noqa: BLE001 - the application's track: its fault ends it, and is told
            self._failed(error)
        else:
            if not self._is_lent:
                self._asking = None  # a reader that is woken now may ask at once
            self.push(frame)

    def _stop(self) -> None:
        """Wait for `recv` no more."""
        asking = self._asking
        if asking is None or self._is_interrupted or asking is asyncio.current_task(asking.get_loop()):
            return
        if self._is_lent:
            self._is_interrupted = True
        else:
            self._asking = None
        asking.cancel()

    def _failed(self, error: BaseException) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "a track's recv raised", "exception": error})
        self._finish()

    def _finish(self) -> None:
        self.end()
        self._on_end()
