"""From a track to RTP: reads the track, encodes what is raw, and hands frames and packets to the machine."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from rtc_peer import ArgumentError
from rtc_rtp import BufferFullError, EncodedFrame, RtpPacket

from .codecs import CodecError, CodecFactory
from .encoding import Encoding
from .errors import MediaStreamError
from .frame_queue import FrameReader
from .loudness import Loudness
from .paced_tracks import VIDEO_CLOCK_RATE, VIDEO_TIME_BASE
from .restrictions import restricted
from .timeline import Timeline
from .tracks import EncodedFrameTrack, MediaFrame, MediaStreamTrack, RawFrame, RtpPacketTrack, picture_size

if TYPE_CHECKING:
    from rtc_rtp import RtpCodec, SendEncoding, SendParameters

    from .rtp_dictionaries import RTCDegradationPreference
    from .tracks import MediaKind

_LOGGER: Final = logging.getLogger("rtc_asyncio")

BLACK_INTERVAL: Final = 1.0
"""Seconds between the black pictures of a track that is disabled or has ended."""
PATIENCE: Final = 0.5
"""Seconds after which a key frame that has not come is asked for again."""
_QUEUE_LIMITS: Final = {"audio": 50, "video": 1}
"""How many raw frames may wait for a slow encoder, beside the next one: a second of sound, and of pictures the newest."""
_FED_LIMIT: Final = 256
"""How many encoded frames or packets may wait."""
_READY: Final = (EncodedFrame, RtpPacket)
"""What needs no encoder."""

Work: TypeAlias = "tuple[Encoding, RtpCodec, str | None]"
"""An encoding, its codec and its name."""


class Outlet(Protocol):
    """Where the frames of a sender go."""

    @property
    def parameters(self) -> "SendParameters | None":
        """What was negotiated; None while nothing may be sent."""

    def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
        """Queue an encoded frame; raises `BufferFullError` if too much waits."""

    def send_packets(self, packets: Sequence[RtpPacket], track: MediaStreamTrack) -> None:
        """Queue packets of a track, all or none; raises `BufferFullError` if too much waits."""

    def wake(self) -> None:
        """Send what is queued in the next turn of the event loop, together with what others queue in this one."""

    def flush(self) -> None:
        """Send what is queued now."""

    def scale_for(self, frame: RawFrame, encoding: "SendEncoding") -> float:
        """By what to divide width and height of a picture."""


class SendingPump:
    """Sends one track for as long as it runs. `start` and `stop` as often as you like; `close` at last.

    Args:
        kind: "audio" or "video".
        outlet: Where the frames go.
        factory: The codec package, None if raw media cannot be sent.
    """

    def __init__(self, kind: "MediaKind", outlet: Outlet, factory: CodecFactory | None) -> None:
        self._kind = kind
        self._outlet = outlet
        self._factory = factory
        self._encodings: dict[str | None, Encoding] = {}
        self._timelines: dict[str | None, Timeline] = {}
        self._task: asyncio.Task[None] | None = None
        self._track: MediaStreamTrack | None = None
        self._reader: FrameReader[MediaFrame] | None = None
        self._being_encoded = 0
        """How many frames the encoders have not done with."""
        self._idle: asyncio.Future[None] | None = None
        """Done when they have."""
        self._planned_for: tuple[object, ...] = ()
        """What the plan was made of; nothing when it has to be made anew."""
        self._plan: list[Work] = []
        """What raw frames are encoded to: all encodings that are active."""
        self._black_at = 0.0
        self._starving: set[str | None] = set()
        """Encodings that wait for a picture that stands alone."""
        self._asked_at = 0.0
        self._warned: set[str] = set()
        self._source_at: deque[float] = deque(maxlen=200)
        self.degradation_preference: RTCDegradationPreference | None = None
        """What encoders shall give up first when the path leaves too little."""
        self.frames_dropped = 0
        """Frames that the machine had no room for, or no negotiated codec."""
        self.loudness = Loudness()
        """Of the sound that was encoded."""
        self.source_frames = 0
        """Raw frames that came from the track."""
        self.source_size: tuple[int, int] | None = None
        """Width and height of the raw picture that came last. The picture is not kept: its memory serves the next one."""

    @property
    def encodings(self) -> Mapping[str | None, Encoding]:
        """What is encoded, by `rid`."""
        return self._encodings

    def source_frames_per_second(self, now: float) -> int:
        """How many raw frames came in the last second."""
        return sum(1 for at in self._source_at if at > now - 1)

    @property
    def running(self) -> bool:
        """Whether a track is being read."""
        return self._task is not None

    def start(self, track: MediaStreamTrack) -> None:
        """Read this track from now on, instead of the one before; one that is read already is read on, by what is negotiated and wanted now."""
        self._planned_for = ()
        if track is self._track and self._task is not None:
            return
        self.stop()
        if track is not self._track:
            self._track = track
            self._forget_source()
        limit = _FED_LIMIT if isinstance(track, EncodedFrameTrack | RtpPacketTrack) else _QUEUE_LIMITS[track.kind]
        self._reader = track.subscribe(limit)
        self._task = asyncio.get_running_loop().create_task(self._run(track, self._reader))
        if track.kind == "video":
            # Who did not see the frames before, or those of a pause, begins with a key frame.
            self._ask_feeder()

    def _forget_source(self) -> None:
        """Another source is counted from its own beginning."""
        self._source_at.clear()
        self.loudness = Loudness()
        self.source_frames = 0
        self.source_size = None

    def pause(self) -> None:
        """Read no more until sending is allowed again, which then begins with a key frame. Idempotent."""
        self.stop()
        for encoding in self._encodings.values():
            encoding.want_key_frame()

    def stop(self) -> None:
        """Read no more for the time being. Idempotent."""
        task, self._task = self._task, None
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        if task is not None:
            task.cancel()
        for encoding in self._encodings.values():
            encoding.abandon()
        self._being_encoded = 0

    def close(self) -> None:
        """Stop, and free the encoders and their threads."""
        self.stop()
        for encoding in self._encodings.values():
            encoding.finish()

    def key_frame_requested(self, rid: str | None) -> None:
        """The peer needs a key frame of an encoding."""
        encoding = self._encodings.get(rid)
        if encoding is not None:
            encoding.want_key_frame()
        self._ask_feeder()

    def _ask_feeder(self) -> None:
        """Ask whoever puts frames into the track for a key frame."""
        track = self._track
        if not isinstance(track, EncodedFrameTrack | RtpPacketTrack) or track.on_key_frame_request is None:
            return
        try:
            track.on_key_frame_request()
        except Exception as error:  # noqa: BLE001 - the application's function: told, and nobody else suffers
            asyncio.get_running_loop().call_exception_handler(
                {"message": "on_key_frame_request raised", "exception": error}
            )

    def share_changed(self, rid: str | None, bitrate_bps: int) -> None:
        """The path leaves so much for an encoding."""
        if self._factory is not None:
            self._encoding(rid, self._factory).set_share(bitrate_bps)

    def loss_changed(self, rid: str | None, fraction_lost: float) -> None:
        """So much of an encoding is lost on its way."""
        if self._factory is not None:
            self._encoding(rid, self._factory).fraction_lost = fraction_lost

    # --- the track ---

    async def _run(self, track: MediaStreamTrack, reader: FrameReader[MediaFrame]) -> None:
        dropped = 0
        try:
            with contextlib.suppress(MediaStreamError):
                while True:
                    frame = await reader.get()
                    if not isinstance(frame, _READY):
                        if self._being_encoded and await self._is_outrun(reader):
                            continue
                        self._send_raw(track, frame)
                        del frame  # or a second one would be there while the next is drawn
                        continue
                    if reader.dropped != dropped:
                        dropped = reader.dropped
                        self._starve(*self._timelines)
                    await self._send_ready(track, [frame, *reader.take_all()])
            if track.kind == "video":
                await self._send_black(track)
        except Exception as error:  # noqa: BLE001 - of the codec package, or of frames that are none
            _report(error)
        finally:
            reader.close()  # whoever feeds the track shall not wait for this reader

    async def _send_ready(self, track: MediaStreamTrack, frames: list[MediaFrame]) -> None:
        """Send what needs no encoder, and what else may be among it."""
        if packets := [frame for frame in frames if isinstance(frame, RtpPacket)]:
            self._send_packets(track, packets)
        for frame in frames:
            if isinstance(frame, EncodedFrame):
                self._send_encoded(track, frame)
            elif not isinstance(frame, RtpPacket):
                await self._encoded_all()
                self._send_raw(track, frame)
        self._outlet.wake()

    async def _send_black(self, track: MediaStreamTrack) -> None:
        """Show black for as long as a track that has ended is not replaced."""
        if self._factory is None or self.source_size is None:
            return
        while (parameters := self._outlet.parameters) is not None:
            await self._encoded_all()
            # It has the time of its own clock: what that of the track's pictures was does not matter any more.
            now = asyncio.get_running_loop().time()
            black = self._factory.blank_video(*self.source_size, round(now * VIDEO_CLOCK_RATE), VIDEO_TIME_BASE)
            self._encode(track, black, parameters, now, is_blank=True, origin="black")
            await asyncio.sleep(BLACK_INTERVAL)

    # --- encoded already ---

    def _send_encoded(self, track: MediaStreamTrack, frame: EncodedFrame) -> None:
        parameters = self._outlet.parameters
        if parameters is None or not track.enabled:
            return
        rid = _encoding_of(frame.rid, parameters)
        if rid in self._starving and not self._is_fed(frame, rid):
            self.frames_dropped += 1
            return
        encoding = next((each for each in parameters.encodings if each.rid == rid), None)
        codec = _codec_named(frame.mime_type, encoding, parameters)
        if codec is None:
            self._warn(f"{frame.mime_type} was not negotiated: such frames are dropped")
            self.frames_dropped += 1
            return
        # The track's object is others' too.
        ours = EncodedFrame(
            frame.data,
            frame.timestamp,
            frame.keyframe,
            csrcs=frame.csrcs,
            capture_time=frame.capture_time,
            audio_level=frame.audio_level,
            orientation=frame.orientation,
            metadata=frame.metadata,
        )
        self._hand_over(ours, codec, rid, origin=(id(track), frame.ssrc))

    def _send_packets(self, track: MediaStreamTrack, packets: list[RtpPacket]) -> None:
        if self._outlet.parameters is None or not track.enabled:
            return
        try:
            self._outlet.send_packets(packets, track)
        except BufferFullError:
            self.frames_dropped += len(packets)
        except ArgumentError as error:
            self.frames_dropped += len(packets)
            self._warn(f"packets are not sent: {error}")

    def _hand_over(self, frame: EncodedFrame, codec: "RtpCodec", rid: str | None, origin: object) -> None:
        """Make a frame one of ours, with our timestamps and our payload types, and send it."""
        timeline = self._timelines.get(rid)
        if timeline is None:
            timeline = self._timelines[rid] = Timeline()
        now = asyncio.get_running_loop().time()
        frame.timestamp = timeline.timestamp(frame.timestamp, now, clock_rate=codec.clock_rate, origin=origin)
        frame.payload_type, frame.mime_type, frame.rid = codec.payload_type, None, rid
        try:
            self._outlet.send_frame(frame, rid)
        except BufferFullError:
            self.frames_dropped += 1
            self._starve(rid)
        except ArgumentError as error:
            self.frames_dropped += 1
            self._starve(rid)
            self._warn(f"a frame is not sent: {error}")

    def _starve(self, *rids: str | None) -> None:
        """A picture is not sent: those that refer to it are of no use, until one stands alone."""
        if self._kind == "video":
            self._starving.update(rids)
            self._asked_at = asyncio.get_running_loop().time()
            for rid in rids:
                self.key_frame_requested(rid)

    def _is_fed(self, frame: EncodedFrame, rid: str | None) -> bool:
        """Whether a frame ends the wait for one that stands alone; ask again if it takes long."""
        if frame.keyframe:
            self._starving.discard(rid)
            return True
        if asyncio.get_running_loop().time() > self._asked_at + PATIENCE:
            self._starve(rid)
        return False

    # --- raw ---

    def _send_raw(self, track: MediaStreamTrack, frame: RawFrame) -> None:
        parameters = self._outlet.parameters
        if parameters is None:
            return
        if self._factory is None:
            self._warn("raw media needs a codec package, such as rtc-media: nothing is sent")
            return
        now = asyncio.get_running_loop().time()
        self.source_frames += 1
        self._source_at.append(now)
        if self._kind == "video":
            self.source_size = picture_size(frame) or self.source_size
        if track.enabled and not track.muted:
            self._encode(track, frame, parameters, now)
        elif track.kind == "audio" or now >= self._black_at + BLACK_INTERVAL:
            self._black_at = now
            self._encode(track, self._factory.blank(frame), parameters, now, is_blank=True)

    def _encode(
        self,
        track: MediaStreamTrack,
        frame: RawFrame,
        parameters: "SendParameters",
        now: float,
        *,
        is_blank: bool = False,
        origin: object = None,
    ) -> None:
        """Encode a frame, and send what comes of it; `origin` names the clock of its time if it is not the track's."""
        reasons = (
            parameters,
            track.contentHint,
            self.degradation_preference,
            self.source_size,
            getattr(frame, "rotation", 0),
        )
        if reasons != self._planned_for:
            self._plan = self._planned(track, frame, parameters)
            self._planned_for = reasons
        # Of sound it is measured what was encoded; a picture is let go, for its memory serves the next one.
        heard = frame if self._kind == "audio" else None
        for encoding, codec, rid in self._plan:
            if is_blank or encoding.is_due(now):
                self._being_encoded += 1
                encoding.start(frame, partial(self._encoded, origin or id(track), codec, rid, heard))

    def _encoded(
        self,
        origin: object,
        codec: "RtpCodec",
        rid: str | None,
        heard: RawFrame | None,
        result: "list[EncodedFrame] | BaseException",
    ) -> None:
        """An encoder has done with a frame."""
        self._being_encoded -= 1
        if isinstance(result, BaseException):
            self._failed(codec, result)
        else:
            try:
                if heard is not None:
                    self._measure(heard, result)
                for frame in result:
                    self._hand_over(frame, codec, rid, origin)
                # Each frame was waited for: what others do in this turn is no reason to wait for another one.
                self._outlet.flush()
            except Exception as error:  # noqa: BLE001 - of frames that are none
                self._failed(codec, error)
        if self._idle is not None and not self._being_encoded and not self._idle.done():
            self._idle.set_result(None)

    def _failed(self, codec: "RtpCodec", error: BaseException) -> None:
        if isinstance(error, CodecError):
            self._warn(f"{codec.mime_type}: {error}")
            return
        if not isinstance(error, Exception) or asyncio.current_task() is self._task:
            raise error  # somebody wants the program to end, or it is the task itself that fails
        _report(error)
        if self._task is not None:
            self._task.cancel()

    async def _encoded_all(self) -> None:
        """Wait until the encoders have nothing to do."""
        while self._being_encoded:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle

    async def _is_outrun(self, reader: FrameReader[MediaFrame]) -> bool:
        """Wait until the encoders have nothing to do; tell whether the picture that waited is older than some that were thrown away."""
        dropped = reader.dropped
        await self._encoded_all()
        # Where none was, this may be the last one for long: however old it is, it is shown.
        return self._kind == "video" and reader.dropped != dropped

    def _planned(self, track: MediaStreamTrack, frame: RawFrame, parameters: "SendParameters") -> list[Work]:
        """Return what frames like this one are encoded to, and tell the encodings what is wanted of them."""
        plan: list[Work] = []
        if self._factory is None:
            return plan
        for each in parameters.encodings:
            codec = _codec_named(None, each, parameters)
            if codec is None:
                continue
            encoding = self._encoding(each.rid, self._factory)
            if not each.active:
                encoding.want_key_frame()  # for when it is active again
                continue
            scale, wanted, frame_bits = self._outlet.scale_for(frame, each), each, None
            if each.restrictions is not None:
                allowed = restricted(each, frame, scale)
                scale, wanted, frame_bits = allowed.scale, allowed.encoding, allowed.max_frame_bits
            encoding.configure(
                codec,
                wanted,
                content_hint=track.contentHint,
                scale=scale,
                degradation_preference=self.degradation_preference,
                max_frame_bits=frame_bits,
            )
            plan.append((encoding, codec, each.rid))
        return plan

    def _measure(self, frame: RawFrame, encoded: list[EncodedFrame]) -> None:
        samples, rate = getattr(frame, "samples", None), getattr(frame, "sample_rate", None)
        levels = [each.audio_level.level for each in encoded if each.audio_level is not None]
        if isinstance(samples, int) and isinstance(rate, int) and rate:
            self.loudness.add(levels[-1] if levels else None, samples / rate)

    def _encoding(self, rid: str | None, factory: CodecFactory) -> Encoding:
        encoding = self._encodings.get(rid)
        if encoding is None:
            encoding = self._encodings[rid] = Encoding(self._kind, factory)
        return encoding

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            _LOGGER.warning(text)


def _report(error: BaseException) -> None:
    """Tell what is the end of sending."""
    asyncio.get_running_loop().call_exception_handler({"message": "sending a track failed", "exception": error})


def _encoding_of(rid: str | None, parameters: "SendParameters") -> str | None:
    """Return the encoding that a frame belongs to: the one it names, else the first."""
    known = [each.rid for each in parameters.encodings]
    return rid if rid in known else known[0]


def _codec_named(
    mime_type: str | None, encoding: "SendEncoding | None", parameters: "SendParameters"
) -> "RtpCodec | None":
    """Return the negotiated codec of this name; without a name the one that the encoding uses, or the first."""
    chosen = encoding.payload_type if encoding is not None else None
    if mime_type is None:
        return next((each for each in parameters.codecs if chosen in {None, each.payload_type}), None)
    alike = [each for each in parameters.codecs if each.mime_type.lower() == mime_type.lower()]
    return next((each for each in alike if each.payload_type == chosen), alike[0] if alike else None)
