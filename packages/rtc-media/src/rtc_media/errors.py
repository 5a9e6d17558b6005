"""What goes wrong here, and whose fault it is."""

from types import TracebackType
from typing import Final

import av

from rtc_asyncio import CodecError

__all__ = ["LIBAV_ERRORS", "CodecError", "MediaError", "libav_fails_as"]

LIBAV_ERRORS: Final = (av.FFmpegError, av.codec.codec.UnknownCodecError)
"""What libav raises: its own errors never cross the package's border."""


class MediaError(Exception):
    """A file, device or URL cannot be read or written, or holds nothing of use."""


class libav_fails_as:  # noqa: N801 - it reads as what it does: `with libav_fails_as(CodecError, ...)`
    """Let what libav raises fly on as one of our errors. What is done for every picture catches `LIBAV_ERRORS` itself.

    Args:
        error: The class to raise.
        doing: Begins the message.
    """

    __slots__ = ("_doing", "_error")

    def __init__(self, error: type[CodecError] | type[MediaError], doing: str) -> None:
        self._error = error
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(failure, LIBAV_ERRORS):
            raise self._error(f"{self._doing}: {said_by(failure)}") from failure


def said_by(failure: BaseException) -> str:
    """Return what libav says, without its number and the name of the file, which stand before it already."""
    if isinstance(failure, av.error.ExitError):  # libav was interrupted: PyAV does so when the time is up
        return "it took longer than the timeout"
    return str(failure.strerror or failure) if isinstance(failure, av.FFmpegError | OSError) else str(failure)
