"""The file of keys: off by default, for its owner alone, one line and more for each connection."""

import asyncio
import stat
from pathlib import Path

import pytest

from rtc_asyncio import RTCPeerConnection

from .party import negotiate

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


async def test_keys_are_written_where_they_are_wanted_and_nowhere_else(tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "keys.txt"
    _, right = pair
    left = RTCPeerConnection(hosts=["127.0.0.1"], key_log_file=path)
    left.createDataChannel("channel")

    await negotiate(left, right)
    async with asyncio.timeout(30):
        await left.wait_for("connected")
    await left.close()

    lines = path.read_text().splitlines()
    assert lines
    assert all(len(line.split(" ")) == 3 for line in lines)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


async def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="keys"):
        RTCPeerConnection(key_log_file=tmp_path / "nowhere" / "keys")
