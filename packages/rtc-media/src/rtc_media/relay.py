"""One track for many, and none: `MediaRelay` and `MediaBlackhole`, as users of aiortc know them."""

import asyncio

from rtc_asyncio import FrameReader, MediaStreamError, MediaStreamTrack
from rtc_asyncio.tracks import MediaFrame


class MediaRelay:
    """Hands what one track delivers to any number of consumers, each at its own pace.

    A consumer that is slow loses its oldest frames and holds up nobody. The source is read only while somebody waits for it.
    """

    def subscribe(self, track: MediaStreamTrack, *, buffered: bool = True, limit: int = 32) -> MediaStreamTrack:
        """Make a track that delivers what `track` does from now on.

        Args:
            track: The source; it ends all its relayed tracks when it ends, and none of them ends it.
            buffered: False keeps the newest frame alone, for those who look at a picture now and then.
            limit: How many frames may wait for this consumer.
        """
        return RelayedTrack(track, limit if buffered else 1)


class RelayedTrack(MediaStreamTrack):
    """One consumer's view of a track."""

    def __init__(self, source: MediaStreamTrack, limit: int) -> None:
        super().__init__(source.kind, label=source.label)
        self._source = source
        self._frames: FrameReader[MediaFrame] = source.subscribe(limit)
        source.on("ended")(self._source_ended)

    def getSettings(self) -> dict[str, object]:  # noqa: N802 - the Web's name
        """What is known about the media."""
        return self._source.getSettings()

    @property
    def dropped(self) -> int:
        """How many frames this consumer missed because it was slow."""
        return self._frames.dropped

    async def recv(self) -> MediaFrame:
        """Take the next frame.

        Raises:
            MediaStreamError: The track, or its source, has ended.
        """
        if self.readyState == "ended" and not len(self._frames):
            raise MediaStreamError("the track has ended")
        return await self._frames.get()

    def stop(self) -> None:
        """Take no more; the source goes on."""
        self._frames.close()
        super().stop()


class MediaBlackhole:
    """Takes what tracks deliver and throws it away, so that sources and decoders run."""

    def __init__(self) -> None:
        self._tracks: dict[MediaStreamTrack, asyncio.Task[None] | None] = {}

    def addTrack(self, track: MediaStreamTrack) -> None:  # noqa: N802 - as in aiortc
        """Consume this track too, from `start` on."""
        self._tracks.setdefault(track, None)

    async def start(self) -> None:
        """Begin, or begin with tracks that were added since."""
        for track, task in self._tracks.items():
            if task is None:
                self._tracks[track] = asyncio.create_task(_consume(track))

    async def stop(self) -> None:
        """End. The tracks themselves go on."""
        tasks = [task for task in self._tracks.values() if task is not None]
        self._tracks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _consume(track: MediaStreamTrack) -> None:
    try:
        while True:
            await track.recv()
    except MediaStreamError:
        return
