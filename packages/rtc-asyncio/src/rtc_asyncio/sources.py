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
        wanted: Called when a reader waits for a frame; None if frames come by themselves.
        idle: Called when the last reader has gone.
        busy: Called when the first reader has come.
    """

    def __init__(
        self,
        wanted: Callable[[], None] | None = None,
        idle: Callable[[], None] | None = None,
        busy: Callable[[], None] | None = None,
    ) -> None:
        self._wanted = wanted
        self._idle = idle
        self._busy = busy
        self._readers: list[FrameQueue[T]] = []
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
        reader: FrameQueue[T] = FrameQueue(limit, wanted=self._wanted, arrived=arrived, on_close=self._gone)
        if self._ended:
            reader.end()
        else:
            self._readers.append(reader)
            if self._busy is not None and len(self._readers) == 1:
                self._busy()
        return reader

    def push(self, frame: T) -> None:
        """Hand a frame to all readers; nobody waits for one that is slow."""
        for reader in tuple(self._readers):
            reader.push(frame)

    async def put(self, frame: T) -> None:
        """Hand a frame to all readers once each has room for it."""
        for reader in tuple(self._readers):
            await reader.room()
            reader.push(frame)

    def end(self) -> None:
        """Nothing will come any more. Idempotent."""
        self._ended = True
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.end()

    def _gone(self, reader: FrameQueue[T]) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers and self._idle is not None:
            self._idle()


class PullSource(Source[T]):
    """A source that is asked for each frame, by one task for all readers, which runs only while somebody waits.

    Args:
        recv: Gives the next frame, and raises `MediaStreamError` when there is none.
        on_end: Called when `recv` has raised.
    """

    def __init__(self, recv: Callable[[], Awaitable[T]], on_end: Callable[[], None]) -> None:
        super().__init__(self._start, self._stop)
        self._recv = recv
        self._on_end = on_end
        self._reading: asyncio.Task[None] | None = None

    def end(self) -> None:
        """Nothing will come any more. Idempotent."""
        super().end()
        self._stop()

    def _start(self) -> None:
        if self._reading is None and not self.ended:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None and reading is not asyncio.current_task(reading.get_loop()):
            reading.cancel()

    async def _read(self) -> None:
        try:
            frame = await self._recv()
        except MediaStreamError:
            self._finish()
        except Exception as error:  # noqa: BLE001 - the application's track: its fault ends it, and is told
            asyncio.get_running_loop().call_exception_handler({"message": "a track's recv raised", "exception": error})
            self._finish()
        else:
            self._reading = None
            self.push(frame)

    def _finish(self) -> None:
        self._reading = None
        self.end()
        self._on_end()
