"""Files over a data channel: one channel a file, its label the name of this little protocol.

    sender                                   receiver
    {"name": ..., "size": ...}  text   ->
    bytes, in pieces                   ->    writes them to a temporary file, counts
                                       <-    {"received": size, "sha256": ...}  text
    closes the channel

Both ends run it in both directions; the browser's half is in page/app.js.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rtc_asyncio import NetworkError, RTCDataChannel, RTCPeerConnection

LABEL: Final = "file"
PIECE_LENGTH: Final = 64 * 1024
"""Bytes of one message: what every WebRTC peer accepts."""
MAX_NAME_LENGTH: Final = 120

Progress = Callable[[int, int], None]
"""Called with the bytes so far and the bytes of the whole file."""

_UNSAFE: Final = re.compile(r"[^\w.()\[\] -]")


class TransferError(Exception):
    """The file did not arrive whole, or was refused; the message is for a person."""


def safe_name(name: str) -> str:
    """A file name without folders, control characters or a leading dot."""
    cleaned = _UNSAFE.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")[:MAX_NAME_LENGTH]
    return cleaned or "unnamed"


def free_path(directory: Path, name: str) -> Path:
    """A path in `directory` that does not exist yet: "a.txt", then "a (1).txt"."""
    path = directory / name
    number = 0
    while path.exists():
        number += 1
        path = directory / f"{Path(name).stem} ({number}){Path(name).suffix}"
    return path


async def receive_file(channel: RTCDataChannel, directory: Path, max_length: int, progress: Progress) -> Path:
    """Receive one file on a channel that the peer opened, and answer with its hash.

    Returns:
        Where the file is.

    Raises:
        TransferError: It is larger than `max_length`, not what was announced, or the channel closed too early. Nothing is left behind.
    """
    messages = channel.__aiter__()
    try:
        name, size = _announced(await anext(messages, None), max_length)
    except TransferError:
        channel.close()
        raise
    directory.mkdir(parents=True, exist_ok=True)
    path = free_path(directory, safe_name(name))
    partial = path.with_name(path.name + ".part")
    digest = hashlib.sha256()
    received = 0
    try:
        with partial.open("wb") as file:
            while received < size:
                piece = await anext(messages, None)
                if not isinstance(piece, bytes):
                    raise TransferError(f"{name}: the browser stopped after {received} of {size} bytes")
                received += len(piece)
                if received > size:
                    raise TransferError(f"{name}: more bytes arrived than were announced")
                file.write(piece)
                digest.update(piece)
                progress(received, size)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        channel.close()
        raise
    with contextlib.suppress(Exception):  # the file is here; a peer that left needs no answer
        channel.send(json.dumps({"received": received, "sha256": digest.hexdigest()}))
    return path


async def send_file(pc: RTCPeerConnection, path: Path, progress: Progress) -> None:
    """Send one file on a channel of its own, and compare the hash that the peer answers with.

    Raises:
        OSError: The file cannot be read.
        TransferError: The peer refused it, went away, or received something else.
    """
    size = path.stat().st_size
    digest = hashlib.sha256()
    channel = pc.createDataChannel(LABEL)
    try:
        with path.open("rb") as file:
            await channel.wait_for("open")
            channel.send(json.dumps({"name": path.name, "size": size}))
            sent = 0
            while piece := file.read(PIECE_LENGTH):
                digest.update(piece)
                channel.send(piece)
                sent += len(piece)
                progress(sent, size)
                await channel.drain()
        answer = await anext(channel.__aiter__(), None)
        received = json.loads(answer) if isinstance(answer, str) else {}
        if received.get("sha256") != digest.hexdigest():
            raise TransferError(f"{path.name}: the peer did not confirm the file")
    except NetworkError:
        raise TransferError(f"{path.name}: the peer went away or refused the file") from None
    finally:
        channel.close()


def _announced(message: str | bytes | None, max_length: int) -> tuple[str, int]:
    try:
        header = json.loads(message) if isinstance(message, str) else None
    except json.JSONDecodeError:
        header = None
    match header:
        case {"name": str(name), "size": int(size)} if size >= 0:
            if size > max_length:
                raise TransferError(f"{safe_name(name)}: {size} bytes are more than the {max_length} that are accepted")
            return safe_name(name), size
    raise TransferError("a file channel began without name and size")
