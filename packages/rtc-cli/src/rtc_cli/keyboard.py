"""What a person, or a pipe, types into standard input."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator
from typing import Final

MAX_LINE_LENGTH: Final = 64 * 1024
"""Bytes of a line; longer ones are cut."""


def a_person_types() -> bool:
    """Whether standard input is a terminal, and this program in its foreground: in the background, reading would stop it."""
    try:
        descriptor = sys.stdin.fileno()
        return os.isatty(descriptor) and os.getpgrp() == os.tcgetpgrp(descriptor)
    except (AttributeError, OSError, ValueError):
        return False


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the terminal is gone
        return b""


async def lines() -> AsyncGenerator[str, None]:
    """Lines of standard input, without blocking and without a thread that could outlive the program."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    try:
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor) and not a_person_types():
            return
        loop.add_reader(descriptor, lambda: chunks.put_nowait(_read(descriptor)))
    except (AttributeError, NotImplementedError, OSError, ValueError):
        return  # there is nothing that could be waited for
    try:
        waiting = b""
        while chunk := await chunks.get():
            *whole, waiting = (waiting + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace").strip()
            waiting = waiting[-MAX_LINE_LENGTH:]
    finally:
        with contextlib.suppress(OSError, ValueError):
            loop.remove_reader(descriptor)
