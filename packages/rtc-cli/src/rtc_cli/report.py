"""What `rtc serve` prints: lines for people, or one JSON object a line for programs."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

_STYLES = {"error": "red", "connected": "green", "chat": "bold", "failed": "red", "disconnected": "yellow"}


class Report:
    """Prints events as they happen."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console()
        self._started = time.monotonic()
        self._progress: Progress | None = None

    def say(self, event: str, text: str, **details: object) -> None:
        """One event: its name, a sentence for people, and details for programs."""
        if self._as_json:
            seconds = round(time.monotonic() - self._started, 3)
            print(json.dumps({"seconds": seconds, "event": event, "text": text, **details}), flush=True)
        else:
            style = _STYLES.get(event, "cyan")
            self._console.print(f"[{style}]{event:>14}[/]  {escape(text)}", highlight=False)

    @contextlib.contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar as long as the block runs; all bars stand below the lines."""
        if self._as_json:
            yield _nothing
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
                transient=True,
            )
            self._progress.start()
        bars = self._progress
        bar = bars.add_task(what, total=None)
        try:
            yield lambda done, total: bars.update(bar, completed=done, total=total)
        finally:
            bars.remove_task(bar)
            if not bars.tasks:
                bars.stop()
                self._progress = None


def _nothing(done: int, total: int) -> None:
    pass
