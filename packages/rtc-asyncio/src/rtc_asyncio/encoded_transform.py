"""Work on encoded frames between codec and packets: end-to-end encryption, metadata, counting (WebRTC Encoded Transform).

On the Web the work is done by a script in a worker; here it is a function. The simplest form is one that takes a frame and returns what goes
on in its place, or None for nothing::

    receiver.transform = decrypt

`RTCRtpScriptTransform` takes an async function that reads and writes frames at its own pace, as on the Web.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, TypeVar

from .errors import InvalidStateError, MediaStreamError
from .event_target import Event, EventHandler, EventTarget
from .frame_queue import FrameQueue, FrameReader

if TYPE_CHECKING:
    from rtc_rtp import EncodedFrame

READABLE_LIMIT: Final = 256
"""Frames that may wait for a transform; of more, the oldest are lost."""

FrameFunction: TypeAlias = "Callable[[EncodedFrame], EncodedFrame | None]"
RequestHandler = TypeVar("RequestHandler", bound=Callable[[str | None], object])


class KeyFrameRequestEvent(Event):
    """A peer needs a key frame; one will be made.

    Attributes:
        rid: The encoding; None for the only one.
    """

    __slots__ = ("rid",)

    def __init__(self, type: str, rid: str | None = None) -> None:
        super().__init__(type)
        self.rid = rid

    def payload(self) -> tuple[str | None]:
        """The encoding."""
        return (self.rid,)


class TransformedEnd(Protocol):
    """The sender or receiver that a transform belongs to."""

    @property
    def sends(self) -> bool:
        """Which of both it is."""

    def transformed(self, frame: "EncodedFrame") -> None:
        """Take a frame that has passed through the transform."""

    def key_frame_wanted(self, rid: str | None) -> None:
        """Make a key frame, or ask the peer for one."""


class FrameWriter:
    """Where a transform writes frames."""

    def __init__(self, end: TransformedEnd) -> None:
        self._end = end

    async def write(self, frame: "EncodedFrame") -> None:
        """Let a frame go on: into packets, or to the decoder."""
        self._end.transformed(frame)


class RTCRtpScriptTransformer(EventTarget):
    """What the function of an `RTCRtpScriptTransform` works with.

    Attributes:
        readable: Frames in: `async for frame in transformer.readable`.
        writable: Frames out: `await transformer.writable.write(frame)`.
        options: What the transform was made with.
    """

    onkeyframerequest = EventHandler[KeyFrameRequestEvent]()

    def __init__(self, end: TransformedEnd, options: object) -> None:
        super().__init__()
        self._end = end
        self._frames: FrameQueue[EncodedFrame] = FrameQueue(READABLE_LIMIT)
        self.readable: FrameReader[EncodedFrame] = self._frames
        self.writable = FrameWriter(end)
        self.options = options

    async def generateKeyFrame(self, rid: str | None = None) -> None:
        """Let the encoder make its next frame a key frame.

        Raises:
            InvalidStateError: It transforms what is received.
        """
        if not self._end.sends:
            raise InvalidStateError("a receiver makes no frames")
        self._end.key_frame_wanted(rid)

    async def sendKeyFrameRequest(self) -> None:
        """Ask the peer for a key frame.

        Raises:
            InvalidStateError: It transforms what is sent.
        """
        if self._end.sends:
            raise InvalidStateError("a sender asks for no frames")
        self._end.key_frame_wanted(None)

    def on(self, type: Literal["keyframerequest"]) -> Callable[[RequestHandler], RequestHandler]:
        """Decorate a handler; it receives the `rid` of the encoding."""
        return self._on(type)

    # --- what happens to it; called by its transform ---

    def read(self, frame: "EncodedFrame") -> None:
        """A frame came."""
        self._frames.push(frame)

    def end(self) -> None:
        """No frame will come."""
        self._frames.end()


class RTCRtpScriptTransform:
    """An async function that reads frames and writes frames. Give each sender or receiver its own.

    Args:
        transform: Runs in a task until its `readable` ends: when the transform is replaced, or sender or receiver end.
        options: Handed on to it.
    """

    def __init__(self, transform: Callable[[RTCRtpScriptTransformer], Awaitable[None]], options: object = None) -> None:
        self._transform = transform
        self._options = options
        self._transformer: RTCRtpScriptTransformer | None = None
        self._task: asyncio.Future[None] | None = None

    @property
    def in_use(self) -> bool:
        """Whether a sender or receiver has it, or had it."""
        return self._transformer is not None

    def begin(self, end: TransformedEnd) -> None:
        """Run for a sender or receiver; called by it."""
        self._transformer = RTCRtpScriptTransformer(end, self._options)
        self._task = asyncio.ensure_future(self._run(self._transformer))

    def read(self, frame: "EncodedFrame") -> None:
        """A frame came."""
        if self._transformer is not None:
            self._transformer.read(frame)

    def key_frame_requested(self, rid: str | None) -> None:
        """A peer needs a key frame."""
        if self._transformer is not None:
            self._transformer.dispatchEvent(KeyFrameRequestEvent("keyframerequest", rid))

    def end(self) -> None:
        """Run no more."""
        if self._transformer is not None:
            self._transformer.end()
        if self._task is not None:
            self._task.cancel()

    async def _run(self, transformer: RTCRtpScriptTransformer) -> None:
        try:
            await self._transform(transformer)
        except MediaStreamError:
            return  # nothing is left to read
        except Exception as error:  # noqa: BLE001 - the application's function: its fault is told, and ends it alone
            asyncio.get_running_loop().call_exception_handler({"message": "a transform raised", "exception": error})


Transform: TypeAlias = "RTCRtpScriptTransform | FrameFunction"


class TransformSlot:
    """The `transform` attribute of one sender or receiver.

    Args:
        end: That sender or receiver.
    """

    def __init__(self, end: TransformedEnd) -> None:
        self._end = end
        self._transform: Transform | None = None

    @property
    def transform(self) -> "Transform | None":
        """What frames pass through."""
        return self._transform

    def assign(self, transform: "Transform | None") -> None:
        """Let frames pass through another transform, or none.

        Raises:
            InvalidStateError: Another sender or receiver has the transform.
        """
        if transform is self._transform:
            return
        if isinstance(transform, RTCRtpScriptTransform) and transform.in_use:
            raise InvalidStateError("a transform belongs to one sender or receiver")
        self.end()
        self._transform = transform
        if isinstance(transform, RTCRtpScriptTransform):
            transform.begin(self._end)

    def process(self, frame: "EncodedFrame") -> None:
        """Send a frame through."""
        if self._transform is None:
            self._end.transformed(frame)
        elif isinstance(self._transform, RTCRtpScriptTransform):
            self._transform.read(frame)
        elif (changed := self._apply(self._transform, frame)) is not None:
            self._end.transformed(changed)

    def key_frame_requested(self, rid: str | None) -> None:
        """A peer needs a key frame."""
        if isinstance(self._transform, RTCRtpScriptTransform):
            self._transform.key_frame_requested(rid)

    def end(self) -> None:
        """Nothing passes any more."""
        transform, self._transform = self._transform, None
        if isinstance(transform, RTCRtpScriptTransform):
            transform.end()

    def _apply(self, function: FrameFunction, frame: "EncodedFrame") -> "EncodedFrame | None":
        try:
            return function(frame)
        except Exception as error:  # noqa: BLE001 - as above: the frame is lost
            asyncio.get_running_loop().call_exception_handler({"message": "a transform raised", "exception": error})
            return None
