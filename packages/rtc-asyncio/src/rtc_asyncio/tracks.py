"""`MediaStreamTrack` (Media Capture and Streams, section 4.3), and tracks that an application feeds.

A track delivers one of three things: raw media (pictures, sound: objects that the installed codec package understands), encoded frames, or
RTP packets. A sender takes any of them.
"""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from .errors import MediaStreamError
from .event_target import Event, EventHandler, EventTarget
from .frame_queue import FrameReader
from .sources import READER_LIMIT, PullSource, Source

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame, ExtensionMap, RtpCodec, RtpPacket

MediaKind: TypeAlias = Literal["audio", "video"]
MediaStreamTrackState: TypeAlias = Literal["live", "ended"]

NoneHandler = TypeVar("NoneHandler", bound=Callable[[], object])


class RawFrame(Protocol):
    """Sound or a picture, as the codec package has it; `av.AudioFrame` and `av.VideoFrame` are such."""

    @property
    def pts(self) -> int | None:
        """When it is to be presented, in units of `time_base`."""

    @property
    def time_base(self) -> Fraction | None:
        """Seconds per unit of `pts`."""


MediaFrame: TypeAlias = "RawFrame | EncodedFrame | RtpPacket"
"""What a track may deliver."""


def picture_size(frame: RawFrame) -> tuple[int, int] | None:
    """Return width and height of a picture; None of sound."""
    width, height = getattr(frame, "width", None), getattr(frame, "height", None)
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


F = TypeVar("F", "EncodedFrame", "RtpPacket")


class MediaStreamTrack(EventTarget, ABC):
    """Audio or video from one source. Inherit from it, set `kind` and define `recv` to make your own.

    Args:
        kind: "audio" or "video"; may be a class attribute instead.
        id: The name that the peer learns; a new UUID if None.
        label: For people.
    """

    kind: MediaKind
    """What it delivers."""
    enabled: bool
    """False sends silence or black pictures in place of what the track delivers. Encoded frames and packets are left out."""
    contentHint: str
    """What an encoder shall preserve: "", "speech", "music", "motion", "detail" or "text"."""

    onmute = EventHandler[Event]()
    onunmute = EventHandler[Event]()
    onended = EventHandler[Event]()

    def __init__(self, kind: MediaKind | None = None, *, id: str | None = None, label: str = "") -> None:
        super().__init__()
        if kind is not None:
            self.kind = kind
        if getattr(self, "kind", None) not in {"audio", "video"}:
            raise TypeError("a track has the kind 'audio' or 'video'")
        self.enabled = True
        self.contentHint = ""
        self._id = id if id is not None else str(uuid.uuid4())
        self._label = label
        self._muted = False
        self._ended = False
        self._constraints: dict[str, object] = {}
        self._pulled: PullSource[MediaFrame] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MediaFrame:
        try:
            return await self.recv()
        except MediaStreamError:
            raise StopAsyncIteration from None

    # --- what it is ---

    @property
    def id(self) -> str:
        """The name by which the peer may know it."""
        return self._id

    @property
    def label(self) -> str:
        """A name for people."""
        return self._label

    @property
    def muted(self) -> bool:
        """Whether the source delivers nothing at the moment."""
        return self._muted

    @property
    def readyState(self) -> MediaStreamTrackState:
        """Whether it is "live", or "ended" for good."""
        return "ended" if self._ended else "live"

    def getSettings(self) -> dict[str, object]:
        """What is known about the media: for video width, height and frameRate, for audio sampleRate and channelCount."""
        return {}

    def getCapabilities(self) -> dict[str, object]:
        """The range of each setting; a track in Python has nothing to choose from."""
        return {}

    def getConstraints(self) -> dict[str, object]:
        """What `applyConstraints` was given last."""
        return dict(self._constraints)

    async def applyConstraints(self, constraints: Mapping[str, object] | None = None) -> None:
        """Remember what is wished for. Tracks that can choose override this."""
        self._constraints = dict(constraints or {})

    # --- what it delivers ---

    @abstractmethod
    async def recv(self) -> MediaFrame:
        """Take the next frame or packet, and wait until it is due.

        Whoever gets it may look at it later, beside the next call: what was returned once is not drawn into again.

        Raises:
            MediaStreamError: The track has ended.
        """

    def subscribe(self, limit: int = READER_LIMIT) -> FrameReader[MediaFrame]:
        """Read beside others: every reader gets every frame from now on. Close the queue in the end.

        Args:
            limit: How many frames may wait; of more, the oldest are thrown away.
        """
        if self._pulled is None:
            self._pulled = PullSource(self.recv, self._source_ended)
            if self._ended:
                self._pulled.end()
        return self._pulled.subscribe(limit)

    # --- its life ---

    def clone(self) -> "MediaStreamTrack":
        """Make a track with a state of its own that delivers the same; it ends with this one, which is its source."""
        return ClonedTrack(self)

    def stop(self) -> None:
        """End it. Only handlers attached with `on` hear of it, as the others are the Web's, which tells nothing here."""
        self._end(told=False)

    def on(self, type: Literal["mute", "unmute", "ended"]) -> Callable[[NoneHandler], NoneHandler]:
        """Decorate a handler; it receives nothing. For "ended" it is called whoever ended the track, you or its source."""
        return self._on(type)

    # --- what happens to it; called by its source ---

    def set_muted(self, muted: bool) -> None:
        """Begin or stop to deliver nothing, and tell."""
        if muted is not self._muted and not self._ended:
            self._muted = muted
            self.dispatchEvent(Event("mute" if muted else "unmute"))

    def _source_ended(self) -> None:
        """The source has no more."""
        self._end(told=True)

    def _end(self, *, told: bool) -> None:
        if self._ended:
            return
        self._ended = True
        if self._pulled is not None:
            self._pulled.end()
        if told:
            self.dispatchEvent(Event("ended"))
        else:
            self._dispatch_to_plain(Event("ended"))


def checked_track(track: MediaStreamTrack) -> MediaStreamTrack:
    """Return a track.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(track, MediaStreamTrack):
        raise TypeError(f"expected a MediaStreamTrack, got {type(track).__name__}")
    return track


class ClonedTrack(MediaStreamTrack):
    """Delivers what another track delivers."""

    def __init__(self, original: MediaStreamTrack) -> None:
        super().__init__(original.kind, label=original.label)
        self.enabled = original.enabled
        self.contentHint = original.contentHint
        self._original = original
        self._muted = original.muted
        self._constraints = original.getConstraints()
        self._own: FrameReader[MediaFrame] | None = None
        if original.readyState == "ended":
            self._ended = True
        else:
            original.addEventListener("mute", self._original_changed)
            original.addEventListener("unmute", self._original_changed)
            original.on("ended")(self._source_ended)

    def getSettings(self) -> dict[str, object]:
        """What is known about the media."""
        return self._original.getSettings()

    async def recv(self) -> MediaFrame:
        """Take the next frame of the original."""
        if self._ended:
            raise MediaStreamError("the track has ended")
        if self._own is None:
            self._own = self._original.subscribe()
        return await self._own.get()

    def _original_changed(self, event: Event) -> None:
        self.set_muted(event.type == "mute")

    def _end(self, *, told: bool) -> None:
        if self._own is not None:
            self._own.close()
        super()._end(told=told)


class _FedTrack(MediaStreamTrack, Generic[F]):
    """A track that the application puts things into."""

    def __init__(self, kind: MediaKind | None = None, *, id: str | None = None, label: str = "") -> None:
        super().__init__(kind, id=id, label=label)
        self._source: Source[F] = Source()
        self._own: FrameReader[F] | None = None

    async def put(self, frame: F) -> None:
        """Hand over the next one, and wait while any reader lags behind.

        Raises:
            MediaStreamError: The track has ended.
        """
        if self._ended:
            raise MediaStreamError("the track has ended")
        await self._source.put(frame)

    def put_nowait(self, frame: F) -> None:
        """Hand over the next one at once; a reader that lags behind loses its oldest.

        Raises:
            MediaStreamError: The track has ended.
        """
        if self._ended:
            raise MediaStreamError("the track has ended")
        self._source.push(frame)

    def end(self) -> None:
        """Nothing will be put any more: the track ends, and tells."""
        self._end(told=True)

    async def recv(self) -> F:
        """Take the next one.

        Raises:
            MediaStreamError: The track has ended.
        """
        if self._own is None:
            self._own = self._source.subscribe()
        return await self._own.get()

    def subscribe(self, limit: int = READER_LIMIT) -> FrameReader[F]:
        """Read beside others: every reader gets everything from now on. Close the queue in the end."""
        return self._source.subscribe(limit)

    def _end(self, *, told: bool) -> None:
        self._source.end()
        super()._end(told=told)


class EncodedFrameTrack(_FedTrack["EncodedFrame"]):
    """A track of encoded frames, for which no codec is needed: `await track.put(frame)`.

    Args:
        kind: "audio" or "video".
        id: The name that the peer learns.
        label: For people.
        on_key_frame_request: Called when a peer needs a key frame: as soon as the track is sent to it, and whenever it asks.
    """

    def __init__(
        self,
        kind: MediaKind,
        *,
        id: str | None = None,
        label: str = "",
        on_key_frame_request: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(kind, id=id, label=label)
        self.on_key_frame_request = on_key_frame_request
        """Called when a receiver needs a key frame: as soon as the track is sent to it, and whenever it asks."""


class RtpPacketTrack(_FedTrack["RtpPacket"]):
    """A track of RTP packets: `await track.put(packet)`.

    SSRC and sequence numbers become those of the sender, and timestamps go on where another source begins; marker and payload stay.

    Args:
        kind: "audio" or "video".
        id: The name that the peer learns.
        label: For people.
        codecs: What the payload types of the packets stand for, so that each leaves under the one that the peer knows for it. Without
            them, packets leave under the payload type of the codec that the sender uses.
        extension_map: What the identifiers of header extensions stand for; those of the sender if None.
        on_key_frame_request: Called when a peer needs a key frame: as soon as the track is sent to it, and whenever it asks.
    """

    def __init__(
        self,
        kind: MediaKind,
        *,
        id: str | None = None,
        label: str = "",
        codecs: "Sequence[RtpCodec]" = (),
        extension_map: "ExtensionMap | None" = None,
        on_key_frame_request: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(kind, id=id, label=label)
        self.codecs = codecs
        self.extension_map = extension_map
        self.on_key_frame_request = on_key_frame_request
        """Called when a receiver needs a key frame: as soon as the track is sent to it, and whenever it asks."""
