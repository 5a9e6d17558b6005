"""Pictures as an encoder wants them: of its size and format, upright, and its own to write times on. libav's filters do the work."""

from fractions import Fraction
from typing import Final

from av import VideoFrame
from av.filter import Graph

from rtc_media.errors import LIBAV_ERRORS, CodecError, said_by

VIDEO_CLOCK_RATE: Final = 90_000
VIDEO_TIME_BASE: Final = Fraction(1, VIDEO_CLOCK_RATE)

_TURNS: Final = {
    90: ("transpose", "dir=cclock"),
    270: ("transpose", "dir=clock"),
}


class PictureAdapter:
    """Turns, scales and converts pictures; works out anew how to when they or the wish change."""

    def __init__(self) -> None:
        self._made_for: tuple[object, ...] | None = None
        self._graph: Graph | None = None

    def adapt(
        self,
        frame: VideoFrame,
        width: int,
        height: int,
        pixel_format: str = "yuv420p",
        *,
        clockwise: int = 0,
        mirrored: bool = False,
    ) -> VideoFrame:
        """Return another frame object of the given size and format; it shares the picture's memory if nothing was to be done.

        It has the same `pts`, and the time base `VIDEO_TIME_BASE`.

        Args:
            frame: Stays as it is.
            width: Of the result, which stands upright.
            height: Of the result.
            pixel_format: Of the result, libav's name.
            clockwise: Degrees to turn it by, beside what it says itself: 0, 90, 180 or 270.
            mirrored: Whether left and right are to be swapped before it is turned.

        Raises:
            CodecError: libav cannot convert this format.
        """
        picture = (frame.width, frame.height, frame.format.name, frame.color_range, frame.rotation)
        wish = (picture, clockwise, mirrored, width, height, pixel_format)
        try:
            if self._graph is None or wish != self._made_for:
                rotation = upright_rotation(frame, clockwise)
                self._graph = _graph(frame, rotation, mirrored, width, height, pixel_format)
                self._made_for = wish
            # The graph takes no reference to the object, so times written on what comes out do not show on what went in.
            self._graph.push(frame)
            adapted = self._graph.pull()
        except LIBAV_ERRORS as failure:
            raise CodecError(f"the picture cannot be converted: {said_by(failure)}") from failure
        if not isinstance(adapted, VideoFrame):
            raise CodecError("the filters gave no picture")
        return adapted


def is_adapted(frame: VideoFrame, width: int, height: int, pixel_format: str = "yuv420p") -> bool:
    """Whether a picture is what `PictureAdapter.adapt` would make of it, but for the time base."""
    return frame.width == width and frame.height == height and frame.rotation == 0 and frame.format.name == pixel_format


def upright_rotation(frame: VideoFrame, clockwise: int = 0) -> int:
    """Return by how many degrees, anticlockwise, the picture is to be turned to stand upright: 0, 90, 180 or 270.

    Args:
        frame: Says by itself how it lies.
        clockwise: Degrees that somebody else says it is to be turned by, in the other direction.
    """
    # [rfc7742:6.2/8] In H.264 and H.265 the Display Orientation SEI message says so; libav hands it on as a display matrix.
    rotation: int = (frame.rotation - clockwise) % 360
    return rotation if rotation % 90 == 0 else 0


def upright_size(frame: VideoFrame, clockwise: int = 0) -> tuple[int, int]:
    """Return width and height of the picture once it stands upright; see `upright_rotation`."""
    if upright_rotation(frame, clockwise) in _TURNS:
        return frame.height, frame.width
    return frame.width, frame.height


def _graph(frame: VideoFrame, rotation: int, mirrored: bool, width: int, height: int, pixel_format: str) -> Graph:
    graph = Graph()
    graph.threads = 1
    chain = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=VIDEO_TIME_BASE),
    ]
    if mirrored:
        chain.append(graph.add("hflip"))
    if rotation in _TURNS:
        chain.append(graph.add(*_TURNS[rotation]))
    elif rotation:
        chain += [graph.add("hflip"), graph.add("vflip")]
    if rotation:
        # Upright now: whoever sees the picture next must not turn it again.
        chain.append(graph.add("sidedata", "mode=delete:type=DISPLAYMATRIX"))
    turned = (frame.height, frame.width) if rotation in _TURNS else (frame.width, frame.height)
    if turned != (width, height) or frame.format.name != pixel_format:
        full_range = frame.format.name.startswith("yuvj") or frame.color_range == 2
        limits = ":in_range=full:out_range=limited" if full_range and not pixel_format.startswith("rgb") else ""
        chain.append(graph.add("scale", f"w={width}:h={height}:flags=bilinear{limits}"))
    chain += [graph.add("format", pixel_format), graph.add("buffersink")]
    graph.link_nodes(*chain).configure()
    return graph
