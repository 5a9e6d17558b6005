"""A peer that misbehaves: one of our own ends, whose handshake messages are changed before it hashes and sends them.

So the rest of the handshake is right, and what the other end finds is the one thing that was changed.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.dtls.ends import Ends

from rtc_dtls import ConnectionFailed, DtlsConnection, Role
from rtc_dtls.client_hello import ClientHello
from rtc_dtls.extensions import Extensions
from rtc_dtls.handshake import HandshakeMessage, HandshakeType
from rtc_dtls.handshake_layer import HandshakeLayer, MessageBody
from rtc_dtls.server_hello import ServerHello

Change = Callable[[bytes], bytes]


class Changed:
    """A message with another body, or of another type."""

    def __init__(self, message_type: HandshakeType, body: bytes) -> None:
        self.message_type = message_type
        self.body = body

    def __bytes__(self) -> bytes:
        return self.body


def misbehave(
    monkeypatch: pytest.MonkeyPatch,
    connection: DtlsConnection,
    message_type: HandshakeType,
    change: Change,
    *,
    become: HandshakeType | None = None,
    skip: int = 0,
    until: int = 99,
) -> None:
    """Change the messages of a type that an end sends, but for the first ones.

    Args:
        monkeypatch: Undoes it after the test.
        connection: Whose messages.
        message_type: Which.
        change: Makes another body.
        become: Another type, if any.
        skip: How many stay as they are at first.
        until: From this one on they stay as they are again.
    """
    compose, once = HandshakeLayer.compose, HandshakeLayer.send_message_once
    seen = 0

    def changed(layer: HandshakeLayer, body: MessageBody) -> MessageBody:
        nonlocal seen
        if layer is not connection._context.layer or body.message_type != message_type:
            return body
        seen += 1
        return Changed(become or message_type, change(bytes(body))) if skip < seen <= until else body

    def composed(self: HandshakeLayer, body: MessageBody) -> HandshakeMessage:
        return compose(self, changed(self, body))

    def sent_once(self: HandshakeLayer, body: MessageBody, message_seq: int, number: int) -> None:
        once(self, changed(self, body), message_seq, number)

    monkeypatch.setattr(HandshakeLayer, "compose", composed)
    monkeypatch.setattr(HandshakeLayer, "send_message_once", sent_once)


def say(connection: DtlsConnection, message: MessageBody) -> None:
    """Let an end of DTLS 1.3 send a message that it would not send by itself, and wait for its acknowledgement."""
    layer = connection._context.layer
    layer.compose(message)
    layer.send_flight(awaits_ack=True, is_answer=False)


def failure(pair: Ends, role: Role) -> ConnectionFailed:
    """How an end failed, which has to be by its own finding."""
    (failed,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert not failed.received
    return failed


# --- changes ---


def client_hello(**changes: object) -> Change:
    """Another value of some fields of a ClientHello."""
    return lambda body: bytes(replace(ClientHello.parse(body), **changes))  # type: ignore[arg-type]


def server_hello(**changes: object) -> Change:
    """Another value of some fields of a ServerHello or HelloRetryRequest."""
    return lambda body: bytes(replace(ServerHello.parse(body), **changes))  # type: ignore[arg-type]


def _with_items(body: bytes, kind: type[ClientHello] | type[ServerHello], items: list[tuple[int, bytes]]) -> bytes:
    return bytes(replace(kind.parse(body), extensions=Extensions(items)))


def extension(message: type[ClientHello] | type[ServerHello], code: int, data: bytes | None) -> Change:
    """Another content of an extension, added if there was none; None takes it away."""

    def change(body: bytes) -> bytes:
        items = dict(message.parse(body).extensions.items)
        items.pop(code, None)
        if data is not None:
            items[code] = data
        return _with_items(body, message, list(items.items()))

    return change


def twice(message: type[ClientHello] | type[ServerHello], code: int) -> Change:
    """An extension is there twice."""

    def change(body: bytes) -> bytes:
        items = list(message.parse(body).extensions.items)
        return _with_items(body, message, [*items, *(item for item in items if item[0] == code)])

    return change


def add_to_extensions(code: int, data: bytes) -> Change:
    """One more extension at the end of a message that is a list of them."""

    def change(body: bytes) -> bytes:
        items = body[2:] + code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
        return len(items).to_bytes(2, "big") + items

    return change


def flip_last(body: bytes) -> bytes:
    """The last bit is another."""
    return body[:-1] + bytes([body[-1] ^ 1])
