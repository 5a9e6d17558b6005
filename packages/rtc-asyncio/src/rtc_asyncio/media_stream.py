"""`MediaStream` (Media Capture and Streams, section 4.2): tracks that belong together."""

import uuid
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from .event_target import Event, EventHandler, EventTarget
from .tracks import MediaStreamTrack

TrackHandler = TypeVar("TrackHandler", bound=Callable[[MediaStreamTrack], object])


class MediaStreamTrackEvent(Event):
    """The other side added a track to a stream, or removed one.

    Attributes:
        track: The track.
    """

    __slots__ = ("track",)

    def __init__(self, type: str, *, track: MediaStreamTrack) -> None:
        super().__init__(type)
        self.track = track

    def payload(self) -> tuple[MediaStreamTrack]:
        """The track."""
        return (self.track,)


class MediaStream(EventTarget):
    """Tracks that are to be played together.

    Args:
        tracks: Tracks to begin with, or another stream whose tracks are taken over.
        id: The name that the peer knows; a new UUID if None.
    """

    onaddtrack = EventHandler[MediaStreamTrackEvent]()
    onremovetrack = EventHandler[MediaStreamTrackEvent]()

    def __init__(self, tracks: "MediaStream | Iterable[MediaStreamTrack]" = (), *, id: str | None = None) -> None:
        super().__init__()
        self._id = id if id is not None else str(uuid.uuid4())
        self._tracks: dict[str, MediaStreamTrack] = {}
        for track in tracks.getTracks() if isinstance(tracks, MediaStream) else tracks:
            self.addTrack(track)

    @property
    def id(self) -> str:
        """The name by which the peer may know it."""
        return self._id

    @property
    def active(self) -> bool:
        """Whether any track is live."""
        return any(track.readyState == "live" for track in self._tracks.values())

    def getTracks(self) -> list[MediaStreamTrack]:
        """All tracks, in the order they came."""
        return list(self._tracks.values())

    def getAudioTracks(self) -> list[MediaStreamTrack]:
        """The tracks of audio."""
        return [track for track in self._tracks.values() if track.kind == "audio"]

    def getVideoTracks(self) -> list[MediaStreamTrack]:
        """The tracks of video."""
        return [track for track in self._tracks.values() if track.kind == "video"]

    def getTrackById(self, trackId: str) -> MediaStreamTrack | None:
        """The track with this id."""
        return self._tracks.get(trackId)

    def addTrack(self, track: MediaStreamTrack) -> None:
        """Add a track, unless it is there. No event tells of what the application does itself."""
        if not isinstance(track, MediaStreamTrack):
            raise TypeError(f"expected a MediaStreamTrack, got {type(track).__name__}")
        self._tracks.setdefault(track.id, track)

    def removeTrack(self, track: MediaStreamTrack) -> None:
        """Remove a track, if it is there."""
        if self._tracks.get(track.id) is track:
            del self._tracks[track.id]

    def clone(self) -> "MediaStream":
        """Make a stream of clones of all tracks."""
        return MediaStream(track.clone() for track in self._tracks.values())

    def on(self, type: Literal["addtrack", "removetrack"]) -> Callable[[TrackHandler], TrackHandler]:
        """Decorate a handler; it receives the track."""
        return self._on(type)

    # --- what the other side does to it; called by the connection ---

    def track_added(self, track: MediaStreamTrack) -> None:
        """The peer added a track."""
        if track.id not in self._tracks:
            self._tracks[track.id] = track
            self.dispatchEvent(MediaStreamTrackEvent("addtrack", track=track))

    def track_removed(self, track: MediaStreamTrack) -> None:
        """The peer removed a track."""
        if self._tracks.get(track.id) is track:
            del self._tracks[track.id]
            self.dispatchEvent(MediaStreamTrackEvent("removetrack", track=track))


def stream_ids(streams: Iterable[MediaStream]) -> tuple[str, ...]:
    """Return the ids of streams, each once.

    Raises:
        TypeError: One of them is no stream.
    """
    found: dict[str, None] = {}
    for stream in streams:
        if not isinstance(stream, MediaStream):
            raise TypeError(f"expected a MediaStream, got {type(stream).__name__}")
        found[stream.id] = None
    return tuple(found)
