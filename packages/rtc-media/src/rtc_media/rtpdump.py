r"""rtpdump files: RTP and RTCP packets with the times of their arrival, as rtptools, Wireshark and libwebrtc write and read them.

::

    #!rtpplay1.0 192.0.2.1/5004\n
    start, seconds | start, microseconds | source address | port | 0
          4                  4                  4            2     2
    length of this record | length of the packet, 0 if RTCP | offset, ms | packet      (repeated)
             2                          2                         4
"""

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from rtc_asyncio import MediaStreamError, MediaStreamTrack
from rtc_asyncio.tracks import MediaKind
from rtc_media.dataclass import dataclass
from rtc_media.errors import MediaError
from rtc_rtp import ParseError, RtpPacket, is_rtcp

MAGIC: Final = b"#!rtpplay1.0 "
FIRST_LINE_LIMIT: Final = 256
_HEADER: Final = struct.Struct("!IIIHH")
_RECORD: Final = struct.Struct("!HHI")


@dataclass(slots=True)
class DumpedPacket:
    """A packet in a file."""

    offset: float
    """Seconds after the recording began."""
    data: bytes
    """RTP or RTCP, whole."""
    is_rtcp: bool


class RtpDumpWriter:
    """Writes a file.

    Args:
        file: Open for writing bytes; whoever opened it closes it.
        start_time: When the recording began, seconds since the Unix epoch.
    """

    def __init__(self, file: BinaryIO, start_time: float = 0.0) -> None:
        self._file = file
        file.write(MAGIC + b"0.0.0.0/0\n")
        seconds = int(start_time)
        file.write(_HEADER.pack(seconds & 0xFFFF_FFFF, int((start_time - seconds) * 1_000_000), 0, 0, 0))

    def write(self, data: bytes, offset: float) -> None:
        """Add a packet.

        Args:
            data: RTP or RTCP, at most 65,527 bytes.
            offset: Seconds after the start.
        """
        if len(data) + _RECORD.size > 0xFFFF:
            raise ValueError(f"a packet of {len(data)} bytes does not fit into the format")
        length = 0 if is_rtcp(data) else len(data)
        self._file.write(_RECORD.pack(len(data) + _RECORD.size, length, int(offset * 1000) & 0xFFFF_FFFF) + data)


def read_rtpdump(file: BinaryIO) -> Iterator[DumpedPacket]:
    """Read the packets of a file; one that ends in the middle of a packet ends before it.

    Args:
        file: Open for reading bytes.

    Raises:
        MediaError: It is no such file.
    """
    first_line = file.readline(FIRST_LINE_LIMIT)
    if not first_line.startswith(MAGIC) or not first_line.endswith(b"\n"):
        raise MediaError("no rtpdump file: the first line is another")
    if len(file.read(_HEADER.size)) < _HEADER.size:
        raise MediaError("no rtpdump file: the header is cut off")
    while len(record := file.read(_RECORD.size)) == _RECORD.size:
        length, packet_length, milliseconds = _RECORD.unpack(record)
        if length < _RECORD.size:
            raise MediaError(f"an rtpdump record of {length} bytes is shorter than its header")
        data = file.read(length - _RECORD.size)
        if len(data) < length - _RECORD.size:
            return
        # Recorders may keep the beginning of a packet alone: its own length then says more than there is.
        yield DumpedPacket(milliseconds / 1000, data[:packet_length] if packet_length else data, packet_length == 0)


class RtpDumpTrack(MediaStreamTrack):
    """Plays the RTP packets of a file at the pace at which they came.

    Args:
        file: Its path.
        kind: What the packets carry; the file does not say.
        ssrc: Which stream; None for the first in the file.
        paced: Whether to wait until each packet is due.

    Raises:
        MediaError: The file cannot be read or is no rtpdump file.
    """

    def __init__(self, file: str | Path, kind: MediaKind, *, ssrc: int | None = None, paced: bool = True) -> None:
        super().__init__(kind, label=str(file))
        self._paced = paced
        try:
            with Path(file).open("rb") as opened:
                packets = list(_rtp_packets(opened, ssrc))
        except OSError as error:
            raise MediaError(f"{file}: {error}") from error
        self._packets = iter(packets)
        self._began: float | None = None

    async def recv(self) -> RtpPacket:
        """Take the next packet when it is due.

        Raises:
            MediaStreamError: The file, or the track, has ended.
        """
        if self.readyState == "ended":
            raise MediaStreamError("the track has ended")
        due = next(self._packets, None)
        if due is None:
            self._source_ended()
            raise MediaStreamError("the file has ended")
        offset, packet = due
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now - offset
        if self._paced:
            await asyncio.sleep(self._began + offset - now)
        return packet


def _rtp_packets(file: BinaryIO, ssrc: int | None) -> Iterator[tuple[float, RtpPacket]]:
    for dumped in read_rtpdump(file):
        if dumped.is_rtcp:
            continue
        try:
            packet = RtpPacket.parse(dumped.data)
        except ParseError:
            continue
        if ssrc is None:
            ssrc = packet.ssrc
        if packet.ssrc == ssrc:
            yield dumped.offset, packet
