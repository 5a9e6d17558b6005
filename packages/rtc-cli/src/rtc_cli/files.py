"""Files over a data channel: one channel a file, its label the name of this little protocol.

    sender                                   receiver
    {"name": ..., "size": ...}  text   ->
    bytes, in pieces                   ->    writes them to a temporary file, counts, hashes
                                       <-    {"received": size, "sha256": ...}  text, or
                                       <-    {"refused": why}  text, at any time
    closes the channel

Either side closes the channel to cancel. Both ends run it in both directions; the browser's half is in page/files.js.
"""

import asyncio
import contextlib
import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rtc_asyncio import DOMException, RTCDataChannel, RTCPeerConnection

from .errors import reason
from .names import keep, partial_file, safe_name

LABEL: Final = "file"
PIECE_LENGTH: Final = 64 * 1024
"""Bytes of one message: what every WebRTC peer accepts."""
MAX_SIZE: Final = 2**63 - 1
"""Bytes that a file may be said to have: what file systems count to."""
IDLE_TIMEOUT: Final = 60.0
"""Seconds without a byte, or without an answer, after which a transfer is given up."""
DISK_RESERVE: Final = 64 * 1024 * 1024
"""Bytes that a file must leave free on the disk."""

Progress = Callable[[int, int], None]
"""Called with the bytes so far and the bytes of the whole file."""


class TransferError(Exception):
    """The file did not arrive whole, or was refused; the message is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file that arrived whole."""

    path: Path
    length: int
    sha256: str


async def receive_file(channel: RTCDataChannel, directory: Path, max_length: int, progress: Progress) -> Received:
    """Receive one file on a channel that the peer opened, and answer with its hash.

    Args:
        channel: The channel, of which nothing was read yet.
        directory: Where the file goes; made if it does not exist.
        max_length: Bytes of the largest file that is accepted.
        progress: Called as bytes arrive.

    Raises:
        TransferError: The file is too large, not what was announced, or the channel closed too early. Nothing is left behind.
        OSError: It cannot be written. Nothing is left behind either.
    """
    messages = channel.__aiter__()
    try:
        name, size = _announced(await _next(messages))
        _check_room(name, size, directory, max_length)
        with partial_file(directory) as (file, partial):
            digest = hashlib.sha256()
            received = 0
            while received < size:
                piece = await _next(messages)
                if not isinstance(piece, bytes):
                    raise TransferError(f"{name}: the sender stopped after {received} of {size} bytes")
                received += len(piece)
                if received > size:
                    raise TransferError(f"{name}: more bytes arrived than were announced")
                _check_room(name, size - received, directory, max_length)  # others may have filled the disk meanwhile
                file.write(piece)
                digest.update(piece)
                progress(received, size)
            file.flush()
            path = keep(partial, name)
    except (TransferError, OSError) as error:
        refuse(channel, str(error) if isinstance(error, TransferError) else f"it cannot be written: {reason(error)}")
        raise
    except BaseException:
        channel.close()
        raise
    with contextlib.suppress(DOMException):  # the file is here; a sender that left needs no answer
        channel.send(json.dumps({"received": received, "sha256": digest.hexdigest()}))
    return Received(path=path, length=size, sha256=digest.hexdigest())


async def send_file(pc: RTCPeerConnection, path: Path, progress: Progress) -> int:
    """Send one file on a channel of its own, and compare the hash that the peer answers with.

    Returns:
        How many bytes it has.

    Raises:
        OSError: The file cannot be read.
        TransferError: The peer refused it, went away, or received something else.
    """
    size = path.stat().st_size
    channel = pc.createDataChannel(LABEL)
    try:
        await channel.wait_for("open")
        channel.send(json.dumps({"name": path.name, "size": size}))
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        channel.on("message")(lambda message: _settle(answer, _parsed(message)))
        channel.on("close")(lambda: _settle(answer, None))
        sha256 = await _send_pieces(channel, path, size, answer, progress)
        async with asyncio.timeout(IDLE_TIMEOUT):
            match await answer:
                case {"received": int(received), "sha256": str(theirs)}:
                    if received != size or theirs != sha256:
                        raise TransferError(f"{path.name}: it arrived changed")
                    return size
                case {"refused": str(reason)}:
                    raise TransferError(f"{path.name} was refused: {reason}")
                case _:
                    raise TransferError(f"{path.name}: the receiver stopped it, or went away")
    except DOMException:
        raise TransferError(f"{path.name}: the connection broke") from None
    except TimeoutError:
        raise TransferError(f"{path.name}: the receiver did not confirm it") from None
    finally:
        channel.close()


async def _send_pieces(
    channel: RTCDataChannel, path: Path, size: int, answer: "asyncio.Future[object]", progress: Progress
) -> str:
    """Send until all is sent or the receiver answers early; returns the hash of what was sent."""
    digest = hashlib.sha256()
    sent = 0
    with path.open("rb") as file:
        while sent < size and not answer.done() and channel.readyState == "open":
            piece = file.read(min(PIECE_LENGTH, size - sent))
            if not piece:
                raise TransferError(f"{path.name}: it became shorter while it was sent")
            digest.update(piece)
            channel.send(piece)
            sent += len(piece)
            progress(sent, size)
            with contextlib.suppress(DOMException):  # it closed: the answer says why
                await channel.drain()
    return digest.hexdigest()


def _settle(answer: "asyncio.Future[object]", value: object) -> None:
    if not answer.done():
        answer.set_result(value)


def refuse(channel: RTCDataChannel, reason: str) -> None:
    """Tell the sender why its file is not wanted, and close the channel."""
    with contextlib.suppress(DOMException):
        channel.send(json.dumps({"refused": reason}))
    channel.close()


async def _next(messages: AsyncIterator[str | bytes]) -> str | bytes | None:
    try:
        async with asyncio.timeout(IDLE_TIMEOUT):
            return await anext(messages, None)
    except TimeoutError:
        raise TransferError(f"the sender was silent for {IDLE_TIMEOUT:g} s") from None


def _parsed(message: str | bytes | None) -> object:
    if not isinstance(message, str):
        return None
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return None


def _announced(message: str | bytes | None) -> tuple[str, int]:
    match _parsed(message):
        case {"name": str(name), "size": int(size)} if 0 <= size <= MAX_SIZE and not isinstance(size, bool):
            return safe_name(name), size
    raise TransferError("a file channel began without name and size")


def _check_room(name: str, size: int, directory: Path, max_length: int) -> None:
    if size > max_length:
        raise TransferError(f"{name} has {_readable(size)}, more than the {_readable(max_length)} that are accepted")
    existing = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    if size + DISK_RESERVE > shutil.disk_usage(existing).free:
        raise TransferError(f"{name} has {_readable(size)}, for which the disk has no room")


def _readable(length: int) -> str:
    """A length for people, in powers of ten, as the page shows it."""
    amount, unit = float(length), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.1f} {unit}"
