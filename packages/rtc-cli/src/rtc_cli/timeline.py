"""The timeline of `rtc demo`: what happened when, one line a step, as wide as the terminal and never wider."""

import time
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

LABELS: Final = {
    "path": "path found",
    "handshake": "DTLS handshake",
    "secure": "DTLS done",
    "open": "channel open",
    "round_trips": "round trips",
    "bulk": "bulk transfer",
}
"""What people read where the key alone would not do. The keys are those of `--json`."""
_PEER_STYLES: Final = {"alice": "magenta", "bob": "green"}
_STEP_TIME_MIN_WIDTH: Final = 100
"""Columns of the terminal from which on there is room for how long each step took."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line."""

    ms: float
    """Milliseconds since the offer was begun."""
    peer: str
    """"alice", "bob", or empty where it concerns both."""
    event: str
    detail: str

    def to_json(self) -> dict[str, object]:
        """The step as `--json` has it."""
        return {"ms": round(self.ms, 3), "peer": self.peer or None, "event": self.event, "detail": self.detail}


class Timeline:
    """Collects steps and prints each as it happens.

    Args:
        console: Where to print; None to collect only.
    """

    def __init__(self, console: Console | None) -> None:
        self.steps: list[Step] = []
        self._console = console
        self._started = time.perf_counter()

    def start(self) -> None:
        """Count from now."""
        self._started = time.perf_counter()

    def add(self, event: str, detail: str = "", *, peer: str = "", once: bool = False) -> None:
        """Note one step; with `once`, only if this peer has not come to it before."""
        if once and any(step.event == event and step.peer == peer for step in self.steps):
            return
        step = Step((time.perf_counter() - self._started) * 1000, peer, event, detail)
        before = self.steps[-1].ms if self.steps else 0.0
        self.steps.append(step)
        if self._console is not None:
            self._print(self._console, step, before)

    @staticmethod
    def _print(console: Console, step: Step, before: float) -> None:
        line = Text.assemble(
            (f"{step.ms:8.1f} ms", "cyan"),
            "  ",
            (f"{step.peer:<5}", _PEER_STYLES.get(step.peer, "")),
            "  ",
        )
        label = LABELS.get(step.event, step.event)
        line.append(f"{label:<14}  " if step.detail else label)
        line.append(step.detail, "dim")
        if not console.is_terminal:
            console.print(line, soft_wrap=True)
            return
        took = f"+{step.ms - before:.1f} ms"
        if console.width >= _STEP_TIME_MIN_WIDTH:
            line.truncate(console.width - len(took) - 2, overflow="ellipsis", pad=True)
            line.append(f"  {took}", "cyan dim")
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
