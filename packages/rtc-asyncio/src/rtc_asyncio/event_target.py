"""Event targets: `pc.onopen = handler`, `addEventListener`, and the `@target.on("open")` decorator, all three at once.

The first two are the Web's and hand over an event object. `on` is for people: it hands over what the event is about (the
channel, the message, the track) or nothing where there is nothing, so that most handlers take one plain argument.
Handlers may be plain or async functions.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeAlias, TypeVar, overload


class Event:
    """Something happened to `target`.

    Attributes:
        type: The name of the event, such as "open".
        target: The object it happened to.
    """

    __slots__ = ("target", "type")

    def __init__(self, type: str) -> None:
        self.type = type
        self.target: EventTarget | None = None

    def payload(self) -> tuple[object, ...]:
        """The arguments for handlers that were attached with `on`."""
        return ()


E = TypeVar("E", bound=Event)
Handler: TypeAlias = Callable[[E], Awaitable[None] | None]
AnyHandler = TypeVar("AnyHandler", bound=Callable[..., Awaitable[None] | None])


class Listener:
    """One registration."""

    __slots__ = ("callback", "handler", "once", "plain")

    def __init__(self, callback: Callable[..., object], *, once: bool, plain: bool, handler: str | None = None) -> None:
        self.callback = callback
        self.once = once
        self.plain = plain
        """Whether the callback takes the payload instead of the event."""
        self.handler = handler
        """The name of the `on...` attribute that holds it, if one does."""


class EventHandler(Generic[E]):
    """An `on...` attribute: reads as the handler or None, and is set to a handler or None."""

    def __init__(self) -> None:
        self._type = ""

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._type = name.removeprefix("on")

    @overload
    def __get__(self, instance: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, instance: "EventTarget", owner: type[object]) -> Handler[E] | None: ...
    def __get__(self, instance: "EventTarget | None", owner: type[object]) -> "Self | Handler[E] | None":
        if instance is None:
            return self
        return instance._handler(self._type)  # noqa: SLF001 - the descriptor is part of the target

    def __set__(self, instance: "EventTarget", handler: Handler[E] | None) -> None:
        instance._set_handler(self._type, handler)  # noqa: SLF001 - as above


class EventTarget:
    """Holds listeners and calls them; base of every W3C object that fires events."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler that takes what the event is about: `@channel.on("message")` gets the message itself."""

        def attach(handler: AnyHandler) -> AnyHandler:
            self._attach(type, Listener(handler, once=False, plain=True))
            return handler

        return attach

    def addEventListener(self, type: str, listener: Handler[E], *, once: bool = False) -> None:
        """Call `listener` with every event of this type; a second registration of the same one is ignored."""
        if all(known.callback != listener or known.plain for known in self._listeners.get(type, ())):
            self._attach(type, Listener(listener, once=once, plain=False))

    def removeEventListener(self, type: str, listener: Callable[..., object]) -> None:
        """Forget `listener`, however it was attached."""
        self._listeners[type] = [known for known in self._listeners.get(type, ()) if known.callback != listener]

    def dispatchEvent(self, event: Event) -> None:
        """Call every listener of the event's type, in order of attachment.

        What a handler raises goes to the exception handler of the event loop and does not disturb the others.
        """
        event.target = self
        listeners = self._listeners.get(event.type)
        if not listeners:
            return
        for listener in tuple(listeners):
            if listener.once:
                listeners.remove(listener)
            self._call(listener, event)

    def _has_listener(self, type: str) -> bool:
        return bool(self._listeners.get(type))

    def _attach(self, type: str, listener: Listener) -> None:
        self._listeners.setdefault(type, []).append(listener)

    def _handler(self, type: str) -> Callable[..., Awaitable[None] | None] | None:
        for listener in self._listeners.get(type, ()):
            if listener.handler == type:
                return listener.callback  # type: ignore[return-value]  # put there by _set_handler
        return None

    def _set_handler(self, type: str, handler: Callable[..., Awaitable[None] | None] | None) -> None:
        listeners = self._listeners.setdefault(type, [])
        for position, listener in enumerate(listeners):
            if listener.handler == type:
                del listeners[position]
                if handler is not None:
                    listeners.insert(position, Listener(handler, once=False, plain=False, handler=type))
                return
        if handler is not None:
            self._attach(type, Listener(handler, once=False, plain=False, handler=type))

    def _call(self, listener: Listener, event: Event) -> None:
        try:
            result = listener.callback(*event.payload()) if listener.plain else listener.callback(event)
        except Exception as error:  # noqa: BLE001 - a handler's fault is the application's, and must not stop the protocol
            self._report(error, listener, event)
            return
        if isinstance(result, Awaitable):
            task = asyncio.ensure_future(self._await(result, listener, event))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _await(self, result: Awaitable[object], listener: Listener, event: Event) -> None:
        try:
            await result
        except Exception as error:  # noqa: BLE001 - as above
            self._report(error, listener, event)

    def _report(self, error: Exception, listener: Listener, event: Event) -> None:
        asyncio.get_running_loop().call_exception_handler(
            {
                "message": f"handler of {event.type!r} on {self.__class__.__name__} raised",
                "exception": error,
                "handler": listener.callback,
            }
        )
