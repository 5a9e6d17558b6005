"""From RTP to a track: encoded frames for those who want them as they are, decoded ones for those who read the track."""

import asyncio
import logging
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from rtc_rtp import EncodedFrame, RtpPacket

from .codecs import CodecError, CodecFactory
from .decoding import Decoding
from .frame_queue import FrameQueue, FrameReader
from .sources import Source
from .tracks import MediaFrame, MediaStreamTrack, RawFrame
from .worker import Worker

if TYPE_CHECKING:
    from rtc_rtp import RtpCodec

    from .tracks import MediaKind

_LOGGER: Final = logging.getLogger("rtc_asyncio")

PATIENCE: Final = 0.5
"""Seconds after which a key frame that has not come is asked for again."""
_ENCODED_LIMITS: Final = {"audio": 250, "video": 120}
"""How many encoded frames may wait for a slow decoder: five seconds of sound, four of video."""
_RAW_LIMITS: Final = {"audio": 250, "video": 4}
"""How many decoded frames may wait for a reader: five seconds of sound, and of pictures the newest."""


class RemoteMedia:
    """The frames of one receiver. Decoding happens while somebody reads its track.

    Args:
        kind: "audio" or "video".
        factory: The codec package; None if the track delivers encoded frames.
        codec_of: Finds the codec that a frame was encoded with.
        request_key_frame: Asks the peer for a key frame.
        read: Called when somebody begins to read frames, and when nobody reads them any more.
    """

    def __init__(
        self,
        kind: "MediaKind",
        factory: CodecFactory | None,
        codec_of: "Callable[[EncodedFrame], RtpCodec | None]",
        request_key_frame: Callable[[], None],
        read: Callable[[], None] = lambda: None,
    ) -> None:
        self._kind = kind
        self._factory = factory
        self._codec_of = codec_of
        self._request_key_frame = request_key_frame
        self._worker = Worker("rtc-decode")
        self._decodings: dict[int | None, Decoding] = {}
        self._encoded: FrameQueue[EncodedFrame] | None = None
        """What waits to be decoded; None while nobody reads."""
        self._is_decoding = False
        """Whether the thread is at a frame."""
        self._starved = False
        """Whether what comes refers to pictures that are missing."""
        self._dropped = 0
        self._warned: set[str] = set()
        self._sizes: dict[int | None, tuple[int, int]] = {}
        self._asked_at = 0.0
        self.frames: Source[EncodedFrame] = Source(idle=read, busy=read)
        """Encoded frames, for all who read them."""
        self._raw: Source[RawFrame] = Source(idle=self._stop)
        self.tracks: weakref.WeakSet[RemoteTrack] = weakref.WeakSet()
        """The track and its clones."""

    @property
    def decodings(self) -> dict[int | None, Decoding]:
        """What is decoded, by SSRC."""
        return self._decodings

    def received(self, frame: EncodedFrame) -> None:
        """A frame came from the peer."""
        metadata = frame.metadata
        if metadata is not None and metadata.width is not None and metadata.height is not None:
            self._sizes[frame.ssrc] = (metadata.width, metadata.height)
        self.frames.push(frame)

    def size(self, ssrc: int | None) -> tuple[int, int] | None:
        """Width and height of a stream's last picture, as far as it was decoded or its format shows it."""
        decoding = self._decodings.get(ssrc)
        if (
            decoding is not None
            and decoding.figures.frame_width is not None
            and decoding.figures.frame_height is not None
        ):
            return decoding.figures.frame_width, decoding.figures.frame_height
        return self._sizes.get(ssrc)

    def subscribe(self, limit: int | None = None) -> FrameReader[MediaFrame]:
        """Read decoded frames, or encoded ones where there is no codec package."""
        if self._factory is None:
            return self.frames.subscribe(limit or _ENCODED_LIMITS[self._kind])
        reader = self._raw.subscribe(limit or _RAW_LIMITS[self._kind])
        if self._encoded is None and not self._raw.ended:
            self._begin()
        return reader

    def settings(self) -> dict[str, object]:
        """What is known about the media."""
        figures = next((each.figures for each in reversed(self._decodings.values())), None)
        streams = [*self._sizes, *self._decodings]
        width, height = (self.size(streams[-1]) if streams else None) or (None, None)
        known = {
            "width": width,
            "height": height,
            "sampleRate": figures.sample_rate if figures is not None else None,
            "channelCount": figures.channel_count if figures is not None else None,
        }
        return {name: value for name, value in known.items() if value is not None}

    def blank(self, frame: MediaFrame) -> MediaFrame:
        """What a track that is disabled delivers in place of a frame: black or silence, where a codec package makes it."""
        if self._factory is None or isinstance(frame, EncodedFrame | RtpPacket):
            return frame
        return self._factory.blank(frame)

    def set_muted(self, muted: bool) -> None:
        """Media stop to come, or come again."""
        for track in list(self.tracks):
            track.set_muted(muted)

    def close(self, *, told: bool) -> None:
        """Nothing will come any more: all tracks end."""
        for track in list(self.tracks):
            track.end(told=told)
        self._stop()
        self.frames.end()
        self._raw.end()

    # --- decoding ---

    def _begin(self) -> None:
        """Decode from now on."""
        self._encoded = self.frames.subscribe(_ENCODED_LIMITS[self._kind], self._decode_next)
        self._starved = self._kind == "video"  # until a key frame comes
        self._dropped = 0
        self._is_decoding = False
        self._ask_for_key_frame()

    def _decode_next(self) -> None:
        """Decode what has come, in order, unless the thread is at it: it goes on when it has done."""
        while not self._is_decoding and (encoded := self._encoded) is not None and encoded:
            frame = encoded.take()
            if encoded.dropped != self._dropped:
                self._note_dropped(frame, encoded.dropped)
            if self._starved and not frame.keyframe:
                self._leave_out(frame)
                continue
            codec = self._codec_of(frame)
            if codec is None:
                continue
            decoding = self._decoding(frame.ssrc)
            if decoding.runs_inline(codec):
                self._decode_here(decoding, frame, codec)
            else:
                job, done = partial(decoding.decode, frame, codec), partial(self._was_decoded, codec, encoded)
                try:
                    self._worker.start(job, done)
                except RuntimeError as error:  # there is no thread to be had
                    self._failed(codec, error)
                    return
                self._is_decoding = True

    def _note_dropped(self, frame: EncodedFrame, dropped: int) -> None:
        """Frames before this one were thrown away, and what refers to them cannot be decoded."""
        if self._kind == "video":
            self._starved = True
            self._decoding(frame.ssrc).figures.frames_dropped += dropped - self._dropped
            self._ask_for_key_frame()
        self._dropped = dropped

    def _leave_out(self, frame: EncodedFrame) -> None:
        """A frame cannot be decoded, because what it refers to is missing; if a key frame does not come, it is asked for again."""
        self._decoding(frame.ssrc).figures.frames_dropped += 1
        if asyncio.get_running_loop().time() > self._asked_at + PATIENCE:
            self._ask_for_key_frame()

    def _decode_here(self, decoding: Decoding, frame: EncodedFrame, codec: "RtpCodec") -> None:
        try:
            decoded = decoding.decode(frame, codec)
        except Exception as error:  # noqa: BLE001 - of the codec package: see `_failed`
            self._failed(codec, error)
        else:
            self._hand_on(decoded)

    def _was_decoded(
        self, codec: "RtpCodec", encoded: FrameQueue[EncodedFrame], result: list[RawFrame] | BaseException
    ) -> None:
        """The thread has decoded a frame, or could not."""
        if encoded is not self._encoded:
            return  # nobody reads any more, or somebody else
        self._is_decoding = False
        if isinstance(result, BaseException):
            self._failed(codec, result)
        else:
            self._hand_on(result)
        if encoded:
            self._decode_next()

    def _hand_on(self, decoded: list[RawFrame]) -> None:
        self._starved = False
        for raw in decoded:
            self._raw.push(raw)

    def _failed(self, codec: "RtpCodec", error: BaseException) -> None:
        """A frame that cannot be decoded takes a key frame; what the codec package does not foresee ends decoding, and is told."""
        if not isinstance(error, CodecError):
            asyncio.get_running_loop().call_exception_handler({"message": "decoding failed", "exception": error})
            self._stop()
            self._raw.end()
            return
        if str(error) not in self._warned:
            self._warned.add(str(error))
            _LOGGER.warning("%s: %s", codec.mime_type, error)
        if self._kind == "video":
            self._starved = True
            self._ask_for_key_frame()

    def _ask_for_key_frame(self) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        self._request_key_frame()

    def _decoding(self, ssrc: int | None) -> Decoding:
        decoding = self._decodings.get(ssrc)
        if decoding is None:
            if self._factory is None:
                raise RuntimeError("there is nothing to decode with")
            decoding = self._decodings[ssrc] = Decoding(self._factory)
        return decoding

    def _stop(self) -> None:
        """Decode no more. Idempotent."""
        encoded, self._encoded = self._encoded, None
        if encoded is not None:
            encoded.close()
            decodings = list(self._decodings.values())
            self._decodings = {ssrc: each.successor() for ssrc, each in self._decodings.items()}
            self._worker.finish(partial(_close_all, decodings))


def _close_all(decodings: list[Decoding]) -> None:
    for decoding in decodings:
        decoding.close()


class RemoteTrack(MediaStreamTrack):
    """What the peer sends. Every reader, and every clone, gets every frame."""

    def __init__(self, kind: "MediaKind", media: RemoteMedia, id: str | None = None) -> None:
        super().__init__(kind, id=id, label=f"remote {kind}")
        self._media = media
        self._readers: list[FrameReader[MediaFrame]] = []
        self._own: FrameReader[MediaFrame] | None = None
        self._muted = True
        media.tracks.add(self)

    def getSettings(self) -> dict[str, object]:
        """What is known about the media."""
        return self._media.settings()

    async def recv(self) -> MediaFrame:
        """Take the next picture or piece of sound; without a codec package, the next encoded frame.

        Raises:
            MediaStreamError: The track has ended.
        """
        if self._own is None:
            self._own = self.subscribe()
        frame = await self._own.get()
        return frame if self.enabled else self._media.blank(frame)

    def subscribe(self, limit: int | None = None) -> FrameReader[MediaFrame]:
        """Read beside others: every reader gets every frame from now on. Close the reader in the end.

        Args:
            limit: How many frames may wait, of more the oldest are thrown away; by default four pictures, or five seconds of sound.
        """
        reader = self._media.subscribe(limit)
        if self._ended:
            reader.close()
        else:
            self._readers = [each for each in self._readers if not each.ended]
            self._readers.append(reader)
        return reader

    def clone(self) -> "RemoteTrack":
        """Make a track with a state of its own that delivers the same, and goes on when this one is stopped."""
        clone = RemoteTrack(self.kind, self._media)
        clone.enabled, clone.contentHint = self.enabled, self.contentHint
        clone._muted, clone._ended = self._muted, self._ended
        return clone

    def end(self, *, told: bool) -> None:
        """Its source has ended; called by the receiver."""
        self._end(told=told)

    def _end(self, *, told: bool) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.close()
        super()._end(told=told)
