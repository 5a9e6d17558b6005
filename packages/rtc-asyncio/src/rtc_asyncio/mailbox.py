"""Where threads leave what an event loop is to do next.

`asyncio.loop.call_soon_threadsafe` is made for the exception: each call makes a handle, and writes a byte to a socket that the loop reads until
it is empty. Here the kernel keeps a counter (`eventfd`): a thread adds to it, one read clears it, and all that lies in the mailbox is done at
once. Where the system has no such counter, or the event loop cannot watch it, `call_soon_threadsafe` has to do.
"""

import asyncio
import contextlib
import contextvars
import os
import sys
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import ClassVar, TypeVar

R = TypeVar("R")


class Mailbox:
    """Calls that threads wish for and the event loop makes, in their order. There is one for each loop, as long as that is there.

    Args:
        loop: Makes the calls. It may be closed before the threads end; then nobody makes them any more.
    """

    _of_loops: ClassVar["weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[Mailbox]]"] = (
        weakref.WeakKeyDictionary()
    )
    """A loop keeps its mailbox as long as it watches the counter; what nobody takes out any more may refer to the loop, and must not keep it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)  # a thread that waits for work keeps no loop alive
        self._calls: deque[Callable[[], object]] = deque()
        self._counter = _counter(loop, self._empty)
        if self._counter is not None:
            # A thread refers to the mailbox that it writes to: it cannot write to what has this number next.
            weakref.finalize(self, os.close, self._counter).atexit = False

    @classmethod
    def of_running_loop(cls) -> "Mailbox":
        """Return the mailbox of the running event loop."""
        loop = asyncio.get_running_loop()
        known = cls._of_loops.get(loop)
        mailbox = None if known is None else known()
        if mailbox is None:
            mailbox = cls(loop)
            cls._of_loops[loop] = weakref.ref(mailbox)
        return mailbox

    def post(self, call: Callable[[R], object], result: R) -> None:
        """Let the event loop make a call, unless it is closed by then. From any thread."""
        if self._counter is not None:
            self._calls.append(partial(call, result))
            os.eventfd_write(self._counter, 1)
            return
        loop = self._loop()
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed: nobody wants to know
                loop.call_soon_threadsafe(call, result)

    def _empty(self) -> None:
        """Do what was left here."""
        if self._counter is None:
            return
        os.eventfd_read(self._counter)
        calls = self._calls
        try:
            for _ in range(len(calls)):
                calls.popleft()()
        finally:
            if calls:  # one has raised, which the event loop tells, or others came: they have their turn next
                os.eventfd_write(self._counter, 1)


def _counter(loop: asyncio.AbstractEventLoop, on_change: Callable[[], None]) -> int | None:
    """Return a counter that an event loop watches; None where there can be none."""
    if sys.platform != "linux" or not hasattr(os, "eventfd"):  # Python may be built without it
        return None
    try:
        counter = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError:
        return None
    try:
        # Not in the context of whoever happens to be the first.
        contextvars.Context().run(loop.add_reader, counter, on_change)
    except NotImplementedError:
        os.close(counter)
        return None
    return counter
