"""One TCP port that many connections share: streams are accepted, and handed on when they have said whom they are for."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from rtc_ice import Multiplexer, MuxPeer, Refused, Routed, StreamDoor
from rtc_stun import Address

from .stream import Stream
from .tcp_listener import TcpListener

if TYPE_CHECKING:
    from .streams import MachineStreams


class StreamTaker(MuxPeer, Protocol):
    """What a connection that shares a port does with streams."""

    def accept(self, local: Address, remote: Address) -> "tuple[MachineStreams, int] | None":
        """Take a stream that turned out to be for this connection; None if it does not want it."""


T = TypeVar("T", bound=StreamTaker)


class SharedListeners(Generic[T]):
    """Listens at the addresses of a port.

    Args:
        addresses: Where.
        mux: Knows whose user fragments are whose.

    Raises:
        OSError: The port is taken at one of the addresses.
    """

    def __init__(self, addresses: Iterable[Address], mux: Multiplexer[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._door: StreamDoor[T] = StreamDoor(mux)
        self._callers: dict[int, Caller] = {}
        """Streams that have not said yet whom they are for."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[TcpListener] = []
        try:
            for local in addresses:
                self._listen(local)
        except OSError:
            self.close()
            raise

    @property
    def dropped(self) -> dict[str, int]:
        """Streams that were turned away, by reason."""
        return self._door.dropped

    def close(self) -> None:
        """Listen no more, and close what waits. Streams that were handed on stay."""
        for listener in self._listeners:
            listener.close()
        for caller in list(self._callers.values()):
            caller.stream.close(abort=True)
        self._callers.clear()
        for task in self._tasks:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _received(self, caller: "Caller", data: bytes) -> None:
        """A stream that waits has said something."""
        match self._door.receive(caller.number, data):
            case Routed(peer=share, data=said):
                del self._callers[caller.number]
                caller.owner = share.accept(caller.local, caller.remote)
                if caller.owner is None:
                    caller.stream.close(abort=True)
                    return
                streams, transport_id = caller.owner
                streams.adopt(transport_id, caller.stream)
                streams.received(transport_id, said)
            case Refused():
                self._turn_away(caller.number)
            case None:
                pass

    def _lost(self, caller: "Caller") -> None:
        """A stream that waited has ended."""
        self._door.leave(caller.number)
        self._callers.pop(caller.number, None)

    def _listen(self, local: Address) -> None:
        self._listeners.append(TcpListener(local, lambda accepted, remote: self._accepted(local, accepted, remote)))

    def _accepted(self, local: Address, accepted: socket.socket, remote: Address) -> None:
        number = self._door.accept(self._loop.time())
        if number is None:
            accepted.close()
            return
        caller = self._callers[number] = Caller(number, local, remote, self._received, self._lost)
        task = self._loop.create_task(self._connect(caller, accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._set_timer()

    async def _connect(self, caller: "Caller", accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: caller.stream, accepted)
        except (OSError, asyncio.CancelledError):
            accepted.close()
            self._lost(caller)

    def _set_timer(self) -> None:
        at = self._door.next_timeout()
        if self._timer is None and at is not None:
            self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer = None
        for number in self._door.expired(self._loop.time()):
            self._turn_away(number)
        self._set_timer()

    def _turn_away(self, number: int) -> None:
        caller = self._callers.pop(number, None)
        if caller is not None:
            caller.stream.close(abort=True)


class Caller:
    """An accepted stream, on its way from the port to a connection."""

    def __init__(
        self,
        number: int,
        local: Address,
        remote: Address,
        on_said: "Callable[[Caller, bytes], None]",
        on_lost: "Callable[[Caller], None]",
    ) -> None:
        self.number = number
        self.local = local
        self.remote = remote
        self.owner: tuple[MachineStreams, int] | None = None
        """Whose stream it is, and its number there."""
        self._on_said = on_said
        self._on_lost = on_lost
        self.stream = Stream(
            on_opened=lambda: None, on_data=self._received, on_closed=self._lost, on_full=lambda _: None
        )

    def _received(self, data: bytes) -> None:
        if self.owner is None:
            self._on_said(self, data)
        else:
            streams, transport_id = self.owner
            streams.received(transport_id, data)

    def _lost(self) -> None:
        if self.owner is None:
            self._on_lost(self)
        else:
            streams, transport_id = self.owner
            streams.lost(transport_id)
