"""Pictures on their way through libav's filters: mirrored, blurred, reduced to their edges."""

import asyncio
from collections.abc import Sequence

from av import VideoFrame
from av.filter import Graph

from rtc_asyncio import FrameReader, MediaStreamError, MediaStreamTrack
from rtc_asyncio.tracks import MediaFrame, MediaKind
from rtc_media.errors import CodecError, libav_fails_as
from rtc_media.picture import VIDEO_TIME_BASE

SOURCE_LIMIT = 2
"""Pictures that wait to be filtered; a filter that is slower than its source shows the newest."""


class FilteredTrack(MediaStreamTrack):
    """What another track of pictures shows, filtered.

    Args:
        track: The source, of raw pictures; it ends this track with it.
        filters: Names of libav's filters with their arguments, one after the other, such as ``[("hflip", "")]``; none for the same picture.
    """

    kind: MediaKind = "video"

    def __init__(self, track: MediaStreamTrack, filters: Sequence[tuple[str, str]]) -> None:
        super().__init__(label=track.label)
        self._filters = tuple(filters)
        self._source = track
        self._frames: FrameReader[MediaFrame] | None = None
        self._made_for: tuple[int, int, str] | None = None
        self._graph: Graph | None = None
        track.on("ended")(self._source_ended)

    async def recv(self) -> VideoFrame:
        """Take the next picture, filtered in a thread.

        Raises:
            MediaStreamError: The track, or its source, has ended.
            CodecError: There is no such filter, or it refuses the picture.
        """
        if self.readyState == "ended":
            raise MediaStreamError("the track has ended")
        if self._frames is None:
            self._frames = self._source.subscribe(SOURCE_LIMIT)
        while True:
            frame = await self._frames.get()
            if isinstance(frame, VideoFrame):
                return await asyncio.to_thread(self._filter, frame) if self._filters else frame

    def _filter(self, frame: VideoFrame) -> VideoFrame:
        kind = (frame.width, frame.height, frame.format.name)
        with libav_fails_as(CodecError, "the picture cannot be filtered"):
            try:
                if self._graph is None or kind != self._made_for:
                    self._graph, self._made_for = self._made(frame), kind
            except ValueError as error:  # PyAV tells of an unknown filter by it
                raise CodecError(f"the picture cannot be filtered: {error}") from error
            self._graph.push(frame)
            filtered = self._graph.pull()
        if not isinstance(filtered, VideoFrame):
            raise CodecError("the filters gave no picture")
        filtered.pts, filtered.time_base = frame.pts, frame.time_base
        return filtered

    def _made(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or VIDEO_TIME_BASE
        )
        chain = [graph.add(name, arguments) for name, arguments in self._filters]
        graph.link_nodes(source, *chain, graph.add("buffersink")).configure()
        return graph

    def _end(self, *, told: bool) -> None:
        if self._frames is not None:
            self._frames.close()
        super()._end(told=told)
