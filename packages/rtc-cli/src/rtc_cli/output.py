"""Standard output that may go away: a closed pipe or a full disk ends the command with one sentence, wherever it was being written to."""

import contextlib
import errno
import io
import os
from collections.abc import Callable
from typing import TextIO


class Output(io.TextIOBase):
    """Writes through until that fails; everything after that is discarded, and nothing raises.

    Lines are printed from callbacks, tasks and the thread of a progress bar, where an exception would be lost or come out as a trace.

    Args:
        stream: Where to; None where the program was started without standard output.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self.failure: OSError | None = None
        """Why it could not be written."""
        self.on_failure: Callable[[], object] | None = None
        """Called at most once, from whichever thread was writing."""
        if isinstance(stream, io.TextIOWrapper):  # an arrow that the terminal does not have is no reason to fail
            stream.reconfigure(errors="replace")

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the stub
        """That of the stream."""
        return "utf-8" if self._stream is None else self._stream.encoding

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self._is_terminal

    def fileno(self) -> int:
        """The stream's descriptor."""
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str, /) -> int:
        """Write, or discard."""
        if self._stream is not None and self.failure is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self._failed(error)
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        if self._stream is not None and self.failure is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._failed(error)

    def why(self) -> str:
        """What to tell a person about the failure."""
        if self.failure is None:
            return ""
        if self.failure.errno in (errno.EPIPE, errno.ESHUTDOWN):
            return "standard output was closed before everything was written"
        return f"standard output cannot be written: {self.failure.strerror or self.failure}"

    def _failed(self, error: OSError) -> None:
        self.failure = error
        with contextlib.suppress(OSError, ValueError):  # what is still buffered would fail again when Python ends
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
        if self.on_failure is not None:
            self.on_failure()
