"""Event targets: `pc.onopen = handler`, `addEventListener`, and the `@target.on("open")` decorator, all three at once.

The first two are the Web's and hand over an event object. `on` is for people: it hands over what the event is about (the
channel, the message, the track) or nothing where there is nothing, so that most handlers take one plain argument.
Handlers may be plain or async functions.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, Self, TypeAlias, TypeVar, overload


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
E_contra = TypeVar("E_contra", bound=Event, contravariant=True)
Handler: TypeAlias = Callable[[E], Awaitable[None] | None]
AnyHandler = TypeVar("AnyHandler", bound=Callable[..., object])


class EventListener(Protocol[E_contra]):
    """An object that listens: `addEventListener` takes it in place of a function."""

    def handleEvent(self, event: E_contra) -> Awaitable[None] | None:
        """Take an event."""


class Listener:
    """One registration."""

    __slots__ = ("callback", "handler", "once", "plain", "removed")

    def __init__(self, callback: object, *, once: bool = False, plain: bool = False, handler: bool = False) -> None:
        self.callback = callback
        """A function, or an object with the method `handleEvent`, which is looked up when an event comes."""
        self.once = once
        self.plain = plain
        """Whether the callback takes the payload instead of the event."""
        self.handler = handler
        """Whether an `on...` attribute holds it."""
        self.removed = False
        """Whether it is not to be called any more, even by an event that is being dispatched."""

    def call(self, event: Event) -> object:
        """Hand over an event, and return what the callback returns."""
        callback = self.callback if callable(self.callback) else getattr(self.callback, "handleEvent", None)
        if not callable(callback):
            raise TypeError(f"{self.callback!r} neither is a function nor has a method handleEvent")
        return callback(*event.payload()) if self.plain else callback(event)


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

    def addEventListener(self, type: str, listener: Handler[E] | EventListener[E], *, once: bool = False) -> None:
        """Call `listener` with every event of this type; a second registration of the same one is ignored."""
        if self._find(type, listener) is None:
            self._attach(type, Listener(listener, once=once))

    def removeEventListener(self, type: str, listener: Callable[..., object] | EventListener[E]) -> None:
        """Forget what `addEventListener` or the decorator `on` attached, even for an event that is being dispatched."""
        for plain in (False, True):
            found = self._find(type, listener, plain=plain)
            if found is not None:
                self._remove(type, found)

    def dispatchEvent(self, event: Event) -> bool:
        """Call every listener of the event's type, in order of attachment; those that are attached meanwhile come next time.

        What a handler raises goes to the exception handler of the event loop and does not disturb the others.

        Returns:
            True: no event of WebRTC can be cancelled.
        """
        event.target = self
        for listener in tuple(self._listeners.get(event.type, ())):
            if listener.removed:
                continue
            if listener.once:
                self._remove(event.type, listener)
            self._call(listener, event)
        return True

    def _dispatch_to_plain(self, event: Event) -> None:
        """Call those alone that were attached with `on`: of what the Web's events keep silent about."""
        event.target = self
        for listener in tuple(self._listeners.get(event.type, ())):
            if listener.plain and not listener.removed:
                self._call(listener, event)

    def _on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Make the decorator of a handler that takes what the event is about: classes give it types as their `on`."""

        def attach(handler: AnyHandler) -> AnyHandler:
            self._attach(type, Listener(handler, plain=True))
            return handler

        return attach

    def _has_listener(self, type: str) -> bool:
        return bool(self._listeners.get(type))

    def _find(self, type: str, callback: object, *, plain: bool = False) -> Listener | None:
        for known in self._listeners.get(type, ()):
            if known.callback == callback and known.plain is plain and not known.handler:
                return known
        return None

    def _attach(self, type: str, listener: Listener) -> None:
        self._listeners.setdefault(type, []).append(listener)

    def _remove(self, type: str, listener: Listener) -> None:
        listener.removed = True
        if listener in self._listeners.get(type, ()):  # unless one before it has ended everything
            self._listeners[type].remove(listener)

    def _let_go(self) -> None:
        """Forget everybody who listens, where nothing will happen any more: they mostly refer to what they listen to."""
        self._listeners = {}

    def _held(self, type: str) -> Listener | None:
        """Return what the `on...` attribute holds."""
        return next((known for known in self._listeners.get(type, ()) if known.handler), None)

    def _handler(self, type: str) -> Callable[..., Awaitable[None] | None] | None:
        held = self._held(type)
        return None if held is None else held.callback  # type: ignore[return-value]  # put there by _set_handler

    def _set_handler(self, type: str, handler: Callable[..., Awaitable[None] | None] | None) -> None:
        held = self._held(type)
        if held is None:
            if handler is not None:
                self._attach(type, Listener(handler, handler=True))
        elif handler is None:
            self._remove(type, held)
        else:
            held.callback = handler

    def _call(self, listener: Listener, event: Event) -> None:
        try:
            result = listener.call(event)
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
