"""`RTCDataChannel` (WebRTC 1.0, section 6.2), with what an asyncio program expects on top.

async for message in channel:          # until the channel closes
    channel.send(message.upper())
    await channel.drain()              # wait for room, as with asyncio.StreamWriter
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final, Literal, Protocol, TypeVar, overload

from rtc_datachannel import BufferFullError, ChannelCloseReason, DataChannel, MessageTooLargeError

from .dictionaries import BinaryType, RTCDataChannelState, RTCPriorityType
from .errors import InvalidStateError, NetworkError, OperationError, RTCError, RTCErrorDetailType
from .event_target import AnyHandler, Event, EventHandler, EventTarget, Listener
from .events import MessageEvent, RTCErrorEvent

DRAIN_LEVEL: Final = 1024 * 1024
"""`drain` waits while more than this many bytes are buffered."""
DRAIN_LOW: Final = 256 * 1024
"""Bytes left when `drain` goes on."""

PRIORITIES: Final[dict[RTCPriorityType, int]] = {"very-low": 128, "low": 256, "medium": 512, "high": 1024}
"""The weights of the W3C's priorities. See :rfc:`8831#section-6.4`."""

_FAILURES: Final[dict[ChannelCloseReason, RTCErrorDetailType]] = {
    ChannelCloseReason.PROTOCOL_ERROR: "data-channel-failure",
    ChannelCloseReason.MESSAGE_TOO_LARGE: "data-channel-failure",
    ChannelCloseReason.NO_STREAM: "data-channel-failure",
    ChannelCloseReason.ASSOCIATION_FAILED: "sctp-failure",
}
"""The ends of a channel that are errors."""
H_none = TypeVar("H_none", bound=Callable[[], object])


class Channels(Protocol):
    """What a channel needs from its connection."""

    def send(self, channel: DataChannel, data: str | bytes) -> None:
        """Queue a message."""

    def close_channel(self, channel: DataChannel) -> None:
        """Begin to close."""

    def buffered_amount(self, channel: DataChannel) -> int:
        """Bytes that are queued."""

    def set_low_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Ask to be told when that few bytes are left."""

    def unread_changed(self, difference: int) -> None:
        """Bytes came to wait for a reader, or no longer do."""

    def message_told(self) -> None:
        """The application has got a message, and may answer."""


class RTCDataChannel(EventTarget):
    """A bidirectional channel for messages. Made by `RTCPeerConnection.createDataChannel`, or handed over by `datachannel`.

    Messages that arrive while nobody listens wait for the first listener or iterator; meanwhile they take up the receive window, so that
    the peer is slowed down instead of memory growing.
    """

    onopen = EventHandler[Event]()
    onbufferedamountlow = EventHandler[Event]()
    onerror = EventHandler[RTCErrorEvent]()
    onclosing = EventHandler[Event]()
    onclose = EventHandler[Event]()
    onmessage = EventHandler[MessageEvent]()

    def __init__(self, channel: DataChannel, channels: Channels) -> None:
        super().__init__()
        self._channel = channel
        self._channels = channels
        self._ready_state: RTCDataChannelState = "connecting"
        self._binary_type: BinaryType = "arraybuffer"
        self._low_threshold = 0
        self._amount_at_close = 0
        self._inbox: deque[str | bytes] = deque()
        self._inbox_length = 0
        self._consumed_by_events = False
        self._announced = False
        self._readers = 0
        self._arrival: asyncio.Event | None = None
        self._drained: list[asyncio.Future[None]] = []
        self._state_waiters: list[asyncio.Future[None]] = []

    # --- attributes ---

    @property
    def label(self) -> str:
        """The name it was created with; not necessarily unique."""
        return self._channel.label

    @property
    def ordered(self) -> bool:
        """Whether messages arrive in the order they were sent."""
        return self._channel.ordered

    @property
    def maxPacketLifeTime(self) -> int | None:
        """Milliseconds during which a message is sent, None for no limit."""
        return self._channel.max_packet_life_time_ms

    @property
    def maxRetransmits(self) -> int | None:
        """How often a message is sent again, None for no limit."""
        return self._channel.max_retransmits

    @property
    def priority(self) -> RTCPriorityType:
        """How important it is, ours or as its opener said (WebRTC Priority Control)."""
        weight = self._channel.priority
        return next((name for name, highest in PRIORITIES.items() if weight <= highest), "high")

    @property
    def protocol(self) -> str:
        """Name of the subprotocol, or empty."""
        return self._channel.protocol

    @property
    def negotiated(self) -> bool:
        """Whether both applications created it by themselves."""
        return self._channel.negotiated

    @property
    def id(self) -> int | None:
        """Stream identifier, None until the DTLS role is known."""
        return self._channel.id

    @property
    def readyState(self) -> RTCDataChannelState:
        """One of "connecting", "open", "closing" and "closed"."""
        return self._ready_state

    @property
    def bufferedAmount(self) -> int:
        """Bytes that were sent by `send` and not yet handed to the network."""
        if self._ready_state == "closed":
            return self._amount_at_close
        return self._channels.buffered_amount(self._channel)

    @property
    def bufferedAmountLowThreshold(self) -> int:
        """Bytes at which `bufferedamountlow` fires; 0 at first."""
        return self._low_threshold

    @bufferedAmountLowThreshold.setter
    def bufferedAmountLowThreshold(self, threshold: int) -> None:
        if not 0 <= threshold < 2**32:
            raise TypeError("bufferedAmountLowThreshold has 32 bits")
        self._low_threshold = threshold
        self._apply_threshold()
        if self._drained and self.bufferedAmount <= self._amount_awaited:
            self._wake_senders()

    @property
    def binaryType(self) -> BinaryType:
        """Kept for compatibility: binary messages are `bytes` whatever it says."""
        return self._binary_type

    @binaryType.setter
    def binaryType(self, value: BinaryType) -> None:
        if value in {"arraybuffer", "blob"}:  # the Web ignores other values of an enumeration without a word
            self._binary_type = value

    # --- commands ---

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """Queue one message: text as text, anything else as binary.

        Raises:
            InvalidStateError: The channel is not open.
            TypeError: The message is larger than the peer accepts (`RTCSctpTransport.maxMessageSize`), or of another type.
            OperationError: The send buffer is full; `await drain()` before going on.
        """
        if self._ready_state != "open":
            raise InvalidStateError(f"the channel is {self._ready_state}")
        if not isinstance(data, str | bytes):
            data = bytes(memoryview(data))  # whatever is no buffer is a TypeError
        try:
            self._channels.send(self._channel, data)
        except MessageTooLargeError as error:
            raise TypeError(str(error)) from None
        except BufferFullError as error:
            raise OperationError(str(error)) from None

    def close(self) -> None:
        """Close once everything queued was sent; `close` fires when the peer has closed too. Idempotent."""
        if self._ready_state in {"closing", "closed"}:
            return
        self._channels.close_channel(self._channel)
        self._ready_state = "closing"
        self._state_changed()

    async def drain(self) -> None:
        """Wait until there is room for more: at once below 1 MiB, else until no more than 256 KiB are buffered.

        Where `bufferedAmountLowThreshold` is higher than one of these, it takes its place.

        Raises:
            NetworkError: The channel closed meanwhile.
        """
        if self._ready_state not in {"connecting", "open"}:
            raise NetworkError(f"the channel is {self._ready_state}")
        if self.bufferedAmount <= max(DRAIN_LEVEL, self._low_threshold):
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drained.append(waiter)
        self._apply_threshold()
        try:
            await waiter
        finally:
            if waiter in self._drained:
                self._drained.remove(waiter)
                self._apply_threshold()

    async def wait_for(self, state: Literal["open", "closed"]) -> None:
        """Wait until `readyState` is "open" or "closed".

        Raises:
            NetworkError: The channel closed and will never open.
        """
        while self._ready_state != state:
            if self._ready_state in {"closing", "closed"} and state == "open":
                raise NetworkError(f"the channel is {self._ready_state}")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._state_waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._state_waiters:
                    self._state_waiters.remove(waiter)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the messages one by one until the channel closes. Each message goes to one iterator."""
        self._readers += 1
        try:
            while True:
                while self._inbox:
                    yield self._take()
                if self._ready_state == "closed":
                    return
                if self._arrival is None:
                    self._arrival = asyncio.Event()
                self._arrival.clear()
                await self._arrival.wait()
        finally:
            self._readers -= 1

    # --- handlers, typed ---

    @overload
    def on(self, type: Literal["message"]) -> "Callable[[MessageHandler], MessageHandler]": ...
    @overload
    def on(self, type: Literal["error"]) -> "Callable[[ErrorHandler], ErrorHandler]": ...
    @overload
    def on(self, type: Literal["open", "closing", "close", "bufferedamountlow"]) -> Callable[[H_none], H_none]: ...
    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler: "message" hands over the message, "error" the error, the others nothing."""
        return self._on(type)

    # --- what happens to it; called by the connection ---

    def opened(self) -> None:
        """Enter "open" without firing yet, so that a `datachannel` handler can already send."""
        if self._ready_state != "connecting":
            return
        self._ready_state = "open"
        self._apply_threshold()

    def announce_open(self) -> None:
        """Fire "open", unless somebody has closed it since; then the messages that came meanwhile."""
        self._announced = True
        if self._ready_state == "open":
            self.dispatchEvent(Event("open"))
        self._state_changed()
        if self._consumed_by_events:
            self._deliver_inbox()

    def received(self, data: str | bytes) -> None:
        """A message arrived; after `close` nobody wants it any more."""
        if self._ready_state in {"closing", "closed"}:
            return
        if self._consumed_by_events and self._announced and not self._readers and not self._inbox:
            self.dispatchEvent(MessageEvent("message", data=data))
        else:
            self._inbox.append(data)
            self._inbox_length += len(data)
            self._channels.unread_changed(len(data))
            if self._arrival is not None:
                self._arrival.set()
        self._channels.message_told()

    def became_low(self) -> None:
        """The buffered amount fell to the threshold that was asked for."""
        if not self._drained and not self._has_listener("bufferedamountlow"):
            return  # It happens after most messages, and mostly nobody wants to know.
        amount = self.bufferedAmount
        if self._drained:
            self._wake_senders()
        if amount <= self._low_threshold:
            self.dispatchEvent(Event("bufferedamountlow"))

    def _wake_senders(self) -> None:
        """Let those go on who wait for room."""
        for waiter in self._drained:
            if not waiter.done():
                waiter.set_result(None)
        self._drained.clear()
        self._apply_threshold()

    def closing(self) -> None:
        """The peer closes it."""
        if self._ready_state in {"closing", "closed"}:
            return
        self._ready_state = "closing"
        self.dispatchEvent(Event("closing"))
        self._state_changed()

    def closed(self, *, silent: bool = False) -> None:
        """It has ended; `silent` where the whole connection did, by our own wish."""
        if self._ready_state == "closed":
            return
        self._amount_at_close = self.bufferedAmount
        self._ready_state = "closed"
        for waiter in self._drained:
            if not waiter.done():
                waiter.set_exception(NetworkError("the channel closed"))
        self._drained.clear()
        if self._arrival is not None:
            self._arrival.set()
        if silent and self._consumed_by_events:
            self._inbox.clear()  # no event fires any more
        if not silent:
            reason = self._channel.close_reason
            detail = None if reason is None else _FAILURES.get(reason)
            if reason is not None and detail is not None:
                message = self._channel.close_detail or reason.value.replace("_", " ")
                self.dispatchEvent(RTCErrorEvent("error", error=RTCError(detail, message)))
            self.dispatchEvent(Event("close"))
        self._state_changed()

    def _attach(self, type: str, listener: Listener) -> None:
        super()._attach(type, listener)
        if type == "message" and not self._consumed_by_events:
            self._consumed_by_events = True
            asyncio.get_running_loop().call_soon(self._deliver_inbox)

    def _deliver_inbox(self) -> None:
        """Hand to the first listener what came before it."""
        while self._announced and self._inbox and not self._readers:
            self.dispatchEvent(MessageEvent("message", data=self._take()))

    def _take(self) -> str | bytes:
        data = self._inbox.popleft()
        self._inbox_length -= len(data)
        self._channels.unread_changed(-len(data))
        return data

    @property
    def _amount_awaited(self) -> int:
        """Buffered bytes that are few enough for the application, or sooner for those who wait for room."""
        return max(DRAIN_LOW, self._low_threshold) if self._drained else self._low_threshold

    def _apply_threshold(self) -> None:
        """Ask to be told when that few are left."""
        if self._ready_state == "open":
            self._channels.set_low_threshold(self._channel, self._amount_awaited)

    def _state_changed(self) -> None:
        for waiter in self._state_waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._state_waiters.clear()


MessageHandler = TypeVar(
    "MessageHandler",
    bound=Callable[[str | bytes], None] | Callable[[str | bytes], Coroutine[None, None, None]],
)
ErrorHandler = TypeVar(
    "ErrorHandler", bound=Callable[[RTCError], None] | Callable[[RTCError], Coroutine[None, None, None]]
)
