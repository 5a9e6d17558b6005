"""How a subcommand runs, and how it ends: one clear sentence for what goes wrong, and an exit code.

0    it worked
1    it did not: no connection, a peer that never answered, a port in use
2    the command line is wrong
130  interrupted (Ctrl-C); 143 and 129 where it was asked to end by SIGTERM or SIGHUP
"""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Final, NoReturn

import click

from .errors import CheckFailedError, CommandError
from .output import Output

EXIT_FAILURE: Final = 1
EXIT_SIGNAL: Final = 128
"""Plus the number of the signal, as shells have it."""


def run(command: Coroutine[None, None, None], *, as_json: bool) -> NoReturn:
    """Run a command and exit with its code; what went wrong is one sentence on standard error."""
    output = Output(sys.stdout)
    try:
        with contextlib.redirect_stdout(output):
            code = asyncio.run(_until_ended(command, output))
    except CheckFailedError:
        sys.exit(EXIT_FAILURE)
    except CommandError as error:
        if as_json:
            print(json.dumps({"error": str(error)}), file=output, flush=True)
        click.echo(f"rtc: {error}", err=True)
        sys.exit(EXIT_FAILURE)
    sys.exit(code)


async def _until_ended(command: Coroutine[None, None, None], output: Output) -> int:
    """Run a command to its end; a signal that asks to end, or output that goes nowhere, cancels it, so that it can tidy up.

    Returns:
        The exit code.

    Raises:
        CommandError: It failed, or its output did.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(command)
    received: list[int] = []

    def end(number: int) -> None:
        received.append(number)
        task.cancel()

    output.on_failure = lambda: loop.call_soon_threadsafe(task.cancel)
    for name in ("SIGTERM", "SIGHUP"):
        with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            number = getattr(signal, name)
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
                loop.add_signal_handler(number, end, number)
    try:
        await task
        output.flush()
    except asyncio.CancelledError:
        if received:
            return EXIT_SIGNAL + received[0]
        if output.failure is None:
            raise
    finally:
        output.on_failure = None
    if output.failure is not None:
        raise CommandError(output.why())
    return 0
