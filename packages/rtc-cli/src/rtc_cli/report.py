"""What `rtc serve` and `rtc dtls` print: lines for people, or one JSON object a line for programs."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

_STYLES: Final = {
    "serving": "bold",
    "error": "red",
    "failed": "red",
    "connected": "green",
    "file_received": "green",
    "file_sent": "green",
    "chat": "bold",
    "disconnected": "yellow",
}
_EVENT_WIDTH: Final = 13
MAX_TEXT_LENGTH: Final = 4000
"""Characters of a line; what a stranger sends may be longer."""


class Report:
    """Prints events as they happen."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._started = time.monotonic()
        self._bars: Progress | None = None

    def say(self, event: str, text: str, **details: object) -> None:
        """One event: its name, a sentence for people, and details for programs."""
        if self._as_json:
            seconds = round(time.monotonic() - self._started, 3)
            print(json.dumps({"seconds": seconds, "event": event, "text": text, **details}), flush=True)
            return
        label = Text(f"{event.replace('_', ' '):>{_EVENT_WIDTH}}", _STYLES.get(event, "cyan"))
        if self._console.is_terminal:
            line = Table.grid(padding=(0, 2))
            line.add_column(no_wrap=True)
            line.add_column(overflow="fold")
            line.add_row(label, Text(printable(text)))
            self._console.print(line)
        else:
            self._console.print(Text.assemble(label, "  ", printable(text)), soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar as long as the block runs; all bars stand below the lines. Only where a person watches."""
        if self._as_json or not sys.stdout.isatty():
            yield _nothing
            return
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        bars = self._bars
        bar = bars.add_task(printable(what), total=None)
        try:
            yield lambda done, total: bars.update(bar, completed=done, total=total)
        finally:
            bars.remove_task(bar)
            if not bars.tasks:
                bars.stop()
                self._bars = None


def printable(text: str) -> str:
    """Text without control characters: what a stranger sends must not command the terminal."""
    cut = text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]} …"
    if cut.isprintable():
        return cut
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in cut)


def _nothing(done: int, total: int) -> None:
    pass
