"""What `rtc demo` measures once the channel is open: round trips of small messages, and a bulk transfer under a progress bar."""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from rtc_asyncio import MessageEvent, RTCDataChannel

from .errors import CommandError

MESSAGE_LENGTH: Final = 64 * 1024
"""Bytes of one message of the bulk transfer: what every WebRTC peer accepts."""
_COUNTER_LENGTH: Final = 8
"""Bytes at the head of each message that number it."""
_REFRESH_INTERVAL: Final = 0.1
"""Seconds between two looks at the progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrips:
    """How long a small message took there and back, in microseconds."""

    count: int
    median: float
    best: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """The bulk transfer; the figures count both ends of the connection."""

    bytes: int
    seconds: float
    mb_per_second: float
    mb_per_cpu_second: float


async def measure_round_trips(
    sender: RTCDataChannel, receiver: RTCDataChannel, *, count: int, timeout: float
) -> RoundTrips:
    """Send small messages there and back, one after the other.

    Raises:
        TimeoutError: One took longer than `timeout` seconds.
        CommandError: One came back changed.
    """
    answers: asyncio.Queue[str | bytes] = asyncio.Queue()

    def echo(event: MessageEvent) -> None:
        receiver.send(event.data)

    def answered(event: MessageEvent) -> None:
        answers.put_nowait(event.data)

    receiver.addEventListener("message", echo)
    sender.addEventListener("message", answered)
    times = []
    for number in range(count):
        start = time.perf_counter()
        sender.send(f"message {number}")
        async with asyncio.timeout(timeout):
            answer = await answers.get()
        if answer != f"message {number}":
            raise CommandError("a message came back changed: this is a fault of the library, please report it")
        times.append((time.perf_counter() - start) * 1e6)
    receiver.removeEventListener("message", echo)
    sender.removeEventListener("message", answered)
    return RoundTrips(count=len(times), median=statistics.median(times), best=min(times), worst=max(times))


class _Receiver:
    """Counts what arrives, and sees that it is what was sent."""

    def __init__(self, length: int) -> None:
        self.received = 0
        self.done = asyncio.Event()
        self.in_order = True
        self._length = length
        self._messages = 0

    def take(self, message: str | bytes) -> None:
        number = message[:_COUNTER_LENGTH]
        if number != self._messages.to_bytes(_COUNTER_LENGTH, "big")[: len(number)]:
            self.in_order = False
        self._messages += 1
        self.received += len(message)
        if self.received >= self._length:
            self.done.set()


async def measure_bulk(
    sender: RTCDataChannel, receiver: RTCDataChannel, *, length: int, timeout: float, console: Console | None
) -> Bulk:
    """Send numbered messages, in order, as fast as the channel takes them.

    Raises:
        TimeoutError: It stood still for `timeout` seconds.
        NetworkError: The channel closed.
        CommandError: Something else arrived than what was sent.
    """
    loop = asyncio.get_running_loop()
    counted = _Receiver(length)
    receiver.on("message")(counted.take)
    rest = bytes(MESSAGE_LENGTH - _COUNTER_LENGTH)
    started, cpu_started = time.perf_counter(), time.process_time()
    with _progress_bar(console, length) as show:
        refresh = loop.create_task(_refresh(lambda: show(counted.received)))
        try:
            async with asyncio.timeout(timeout) as patience:
                for number, start in enumerate(range(0, length, MESSAGE_LENGTH)):
                    message = number.to_bytes(_COUNTER_LENGTH, "big") + rest
                    sender.send(message[: length - start])
                    await sender.drain()
                    patience.reschedule(loop.time() + timeout)
                await counted.done.wait()
        finally:
            refresh.cancel()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    if not counted.in_order or counted.received != length:
        raise CommandError("the bulk transfer arrived changed: this is a fault of the library, please report it")
    megabytes = length / 1e6
    return Bulk(
        bytes=length,
        seconds=seconds,
        mb_per_second=megabytes / seconds,
        mb_per_cpu_second=megabytes / max(cpu, 1e-9),
    )


@contextmanager
def _progress_bar(console: Console | None, length: int) -> Iterator[Callable[[int], None]]:
    """A bar where a person watches, and nothing anywhere else; it is gone when the block ends."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    watched = console is not None and sys.stdout.isatty()
    with Progress(
        TextColumn(" " * 10), *columns, console=console, disable=not watched, transient=True, auto_refresh=False
    ) as progress:
        task = progress.add_task("bulk", total=length)
        yield lambda received: progress.update(task, completed=received, refresh=True)


async def _refresh(show: Callable[[], None]) -> None:
    while True:
        show()
        await asyncio.sleep(_REFRESH_INTERVAL)
