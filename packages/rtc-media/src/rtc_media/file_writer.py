"""Files that are written while they are heard and seen: by libav, or as rtpdump. All of it blocks; a recorder calls it from a thread."""

import logging
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import av

from rtc_media.assembly import FrameAssembler
from rtc_media.errors import CodecError, MediaError, libav_fails_as, said_by
from rtc_media.rtpdump import RtpDumpWriter
from rtc_media.strands import Strand, make_strand
from rtc_rtp import EncodedFrame, RtpCodec, RtpPacket, payload_format
from rtc_rtp.payload import PayloadFormat

_LOGGER: Final = logging.getLogger("rtc_media")
PATIENCE: Final = 3.0
"""Seconds for which a file's beginning waits for tracks that have not delivered anything yet; they are left out then."""
MAX_PAYLOAD_LENGTH: Final = 1200


class FileWriter(Protocol):
    """What a recorder writes with."""

    def write(self, track: int, item: object, position: float) -> None:
        """Add what a track delivered.

        Args:
            track: Which one, 0 and up.
            item: A raw or encoded frame, or an RTP packet.
            position: Where it belongs, seconds; the beginning is where the first of all frames belongs.

        Raises:
            MediaError: It cannot be written.
        """

    def close(self) -> None:
        """Finish the file.

        Raises:
            MediaError: The end could not be written.
        """


class LibavWriter:
    """Writes what libav's muxers write: MP4, WebM, Matroska, Ogg, IVF, WAV ...

    Args:
        file: Path, URL or an open file.
        format: libav's name of the format; None to tell by the name of the file.
        options: For the muxer.
        track_count: How many tracks will deliver.
        codecs: What each track's RTP packets carry, if it delivers such.
    """

    def __init__(
        self,
        file: str | Path | BinaryIO,
        format: str | None,  # noqa: A002 - as in aiortc and PyAV
        options: dict[str, str] | None,
        track_count: int,
        codecs: dict[int, RtpCodec],
    ) -> None:
        self._assemblers = {track: FrameAssembler(codec) for track, codec in codecs.items()}
        # PyAV opens the file with its first packet: what is wrong with it should be told now.
        if isinstance(file, str | Path) and "://" not in str(file) and not Path(file).absolute().parent.is_dir():
            raise MediaError(f"{file} cannot be written: there is no such folder")
        with libav_fails_as(MediaError, f"{file} cannot be written"):
            target = str(file) if isinstance(file, Path) else file
            try:
                self._container = av.open(target, "w", format=format, options=options)
            except ValueError as error:
                raise MediaError(f"{file} cannot be written: {said_by(error)}") from error
        self._strands: list[Strand | None] = [None] * track_count
        self._waiting: list[tuple[int, object, float]] = []
        self._began_at: float | None = None
        self._started = False
        self._is_broken = False
        """Whether the beginning could not be written."""
        self._late: set[int] = set()
        """Tracks that began when the file had said already which streams it has."""
        self._base = 0.0

    def write(self, track: int, item: object, position: float) -> None:
        """Add what a track delivered; see `FileWriter.write`."""
        if isinstance(item, RtpPacket):
            if track not in self._assemblers:
                raise MediaError("to write RTP packets into this format, say what they carry: addTrack(track, codec)")
            item = self._assemblers[track].add(item)
            if item is None:
                return
        with _refused():
            if self._is_broken:
                raise MediaError("the file cannot be written: its beginning could not be")
            if not self._started:
                self._prepare(track, item, position)
            else:
                self._mux(track, item, position)

    def close(self) -> None:
        """Finish the file; see `FileWriter.close`."""
        with _refused():
            try:
                if not self._started and not self._is_broken and any(self._strands):
                    self._start()
                if self._started:
                    for strand in self._strands:
                        if strand is not None:
                            self._container.mux(strand.rest())
            finally:
                self._container.close()

    def _prepare(self, track: int, item: object, position: float) -> None:
        """A file says at its beginning which streams it has: wait until every track has shown what it is."""
        if self._strands[track] is None:
            self._strands[track] = make_strand(self._container, item)
            if self._strands[track] is None:
                return
        self._waiting.append((track, item, position))
        if self._began_at is None:
            self._began_at = position
        if all(self._strands) or position - self._began_at > PATIENCE:
            self._start()

    def _start(self) -> None:
        # Without its beginning libav must not be given anything: it would crash.
        self._is_broken = True
        self._container.start_encoding()
        self._is_broken = False
        self._started = True
        # What came first was not always captured first.
        self._base = min((position for _, _, position in self._waiting), default=0.0)
        for track, item, position in self._waiting:
            self._mux(track, item, position)
        self._waiting.clear()

    def _mux(self, track: int, item: object, position: float) -> None:
        strand = self._strands[track]
        if strand is not None:
            self._container.mux(strand.packets(item, max(0.0, position - self._base)))
        elif track not in self._late:
            self._late.add(track)
            _LOGGER.warning("track %d delivered nothing in the first %g s, and is not in the file", track, PATIENCE)


class RtpDumpFileWriter:
    """Writes RTP packets as they came, and encoded frames as the packets in which they would travel.

    Args:
        file: Path or an open file.
        start_time: When the recording began, seconds since the Unix epoch.
    """

    def __init__(self, file: str | Path | BinaryIO, start_time: float) -> None:
        self._own: BinaryIO | None = None
        if isinstance(file, str | Path):
            try:
                file = self._own = Path(file).open("wb")  # noqa: SIM115 - closed by `close`
            except OSError as error:
                raise MediaError(f"{file} cannot be written: {said_by(error)}") from error
        self._dump = RtpDumpWriter(file, start_time)
        self._formats: dict[int, PayloadFormat] = {}
        self._sequence_numbers: dict[int, int] = {}

    def write(self, track: int, item: object, position: float) -> None:
        """Add what a track delivered; see `FileWriter.write`."""
        try:
            match item:
                case RtpPacket():
                    self._dump.write(bytes(item), position)
                case EncodedFrame():
                    for packet in self._packets(track, item):
                        self._dump.write(bytes(packet), position)
                case _:
                    raise MediaError(f"rtpdump files hold packets, not {type(item).__name__}")
        except OSError as error:
            raise MediaError(f"the file cannot be written: {said_by(error)}") from error

    def close(self) -> None:
        """Finish the file; see `FileWriter.close`."""
        if self._own is not None:
            try:
                self._own.close()
            except OSError as error:  # what was buffered did not fit
                raise MediaError(f"the file cannot be written: {said_by(error)}") from error

    def _packets(self, track: int, frame: EncodedFrame) -> list[RtpPacket]:
        if track not in self._formats:
            found = payload_format(frame.mime_type or "", {})
            if found is None:
                raise MediaError(f"there is no payload format for {frame.mime_type or 'frames without a mime_type'}")
            self._formats[track] = found
        packets = []
        for payload, marker in self._formats[track].packetize(frame, MAX_PAYLOAD_LENGTH):
            number = self._sequence_numbers.get(track, frame.first_sequence_number or 0)
            self._sequence_numbers[track] = (number + 1) & 0xFFFF
            packets.append(
                RtpPacket(
                    payload_type=frame.payload_type if frame.payload_type is not None else 96 + track,
                    sequence_number=number,
                    timestamp=frame.timestamp & 0xFFFF_FFFF,
                    ssrc=frame.ssrc if frame.ssrc is not None else track + 1,
                    payload=payload,
                    marker=marker,
                )
            )
        return packets


class _refused:  # noqa: N801 - reads as a word in `with`
    """Let what libav and the codecs raise fly on as `MediaError`; PyAV tells some refusals by ValueError."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, av.FFmpegError | CodecError | ValueError | OSError):
            raise MediaError(f"the file cannot be written: {said_by(error)}") from error
