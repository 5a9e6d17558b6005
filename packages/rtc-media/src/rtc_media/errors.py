"""What goes wrong here, and whose fault it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import av

from rtc_asyncio import CodecError

__all__ = ["CodecError", "MediaError", "libav_fails_as"]


class MediaError(Exception):
    """A file, device or URL cannot be read or written, or holds nothing of use."""


@contextmanager
def libav_fails_as(error: type[CodecError] | type[MediaError], doing: str) -> Iterator[None]:
    """Let what libav raises fly on as one of our errors: its own never cross the package's border.

    Args:
        error: The class to raise.
        doing: Begins the message.
    """
    try:
        yield
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as failure:
        raise error(f"{doing}: {failure}") from failure
