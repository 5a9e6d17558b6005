"""The file that Wireshark reads keys from (SSLKEYLOGFILE, draft-ietf-tls-keylogfile)."""

import logging
import os
from collections.abc import Sequence
from typing import Final

_LOGGER: Final = logging.getLogger("rtc_asyncio")


class KeyLog:
    """Adds lines to a file; one that does not exist yet is made for its owner alone.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._append(())

    def add(self, lines: Sequence[str]) -> None:
        """Add lines. A connection does not fail because the disk is full: that is logged."""
        if lines:
            try:
                self._append(lines)
            except OSError as error:
                _LOGGER.warning("keys cannot be written to %s: %s", self._path, error)

    def _append(self, lines: Sequence[str]) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
