"""A decoder of video: takes encoded frames in order, gives pictures with times, and waits for a key frame when it has lost the thread."""

import os
from typing import Final

import av
from av import VideoFrame
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from rtc_asyncio import RawFrame
from rtc_media.availability import decoder_name
from rtc_media.errors import LIBAV_ERRORS, CodecError, libav_fails_as, said_by
from rtc_media.picture import VIDEO_TIME_BASE, PictureAdapter, upright_rotation, upright_size
from rtc_media.timeline import Timeline
from rtc_rtp import EncodedFrame, RtpCodec, VideoOrientation

MOST_THREADS: Final = 2
"""Only parts of one picture are decoded at a time: a decoder that works on several pictures holds them back."""


class VideoDecoder:
    """Decodes one stream. Pictures may change their size at any time; what comes out has the size of each.

    Args:
        codec: What is received.

    Raises:
        CodecError: This build of libav has no such decoder.
    """

    runs_inline = False
    concealment = None

    def __init__(self, codec: RtpCodec) -> None:
        name = decoder_name(codec.mime_type)
        if name is None:
            raise CodecError(f"the installed libav has no decoder for {codec.mime_type}")
        self.implementation = name
        """libav's name of the decoder."""
        self._timeline = Timeline()
        self._adapter = PictureAdapter()
        self._context: VideoCodecContext | None = self._open()
        self._waits_for_keyframe = True

    def decode(self, frame: EncodedFrame) -> list[RawFrame]:
        """Decode a frame; see `rtc_asyncio.Decoder`.

        Raises:
            CodecError: libav cannot, or there was no key frame yet: the sender has to be asked for one.
        """
        if self._context is None:
            raise CodecError("the decoder is closed")
        if self._waits_for_keyframe and not frame.keyframe:
            raise CodecError("a key frame has to come first")
        packet = av.Packet(frame.data)
        packet.pts = packet.dts = self._timeline.ticks(frame.timestamp)
        packet.time_base = VIDEO_TIME_BASE
        try:
            pictures = self._context.decode(packet)
        except LIBAV_ERRORS as failure:
            # What it remembers may be spoilt: it begins anew, with the next key frame.
            self._context = self._open()
            self._waits_for_keyframe = True
            raise CodecError(f"{self.implementation} failed: {said_by(failure)}") from failure
        self._waits_for_keyframe = False
        # [rfc7742:3.2/1] Pictures of another size come out in that size. [rfc7742:6.2/11] libav passes over what it does not know.
        # [rfc7742:4/4] [rfc7742:4/7] What comes out stands upright, and left is left.
        orientation = frame.orientation
        return [
            picture if orientation is None and not picture.rotation else self._upright(picture, orientation)
            for picture in pictures
        ]

    def close(self) -> None:
        """Free what it holds. Idempotent."""
        self._context = None

    def _open(self) -> VideoCodecContext:
        with libav_fails_as(CodecError, f"{self.implementation} does not open"):
            context = av.CodecContext.create(self.implementation, "r")
            if not isinstance(context, VideoCodecContext):
                raise CodecError(f"{self.implementation} is no decoder of video")
            # [rfc7742:6/3]
            context.thread_type = "SLICE"
            context.thread_count = max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 3))
            context.flags |= Flags.low_delay
            if self.implementation == "libdav1d":
                context.options = {"max_frame_delay": "1"}
            context.open()
        return context

    def _upright(self, picture: VideoFrame, orientation: VideoOrientation | None) -> VideoFrame:
        clockwise, mirrored = (0, False) if orientation is None else (orientation.rotation, orientation.flip)
        if not mirrored and not upright_rotation(picture, clockwise):
            return picture
        pts, size, name = picture.pts, upright_size(picture, clockwise), picture.format.name
        picture = self._adapter.adapt(picture, *size, name, clockwise=clockwise, mirrored=mirrored)
        picture.pts = pts
        return picture
