"""Hellos of DTLS 1.3 with other extensions."""

from collections.abc import Callable

from rtc_dtls.extensions import Extensions, ExtensionType
from rtc_dtls.presentation import Reader, vector

Change = Callable[[list[tuple[int, bytes]]], list[tuple[int, bytes]]]


def extensions_of(body: bytes, at: int) -> list[tuple[int, bytes]]:
    """The extensions of a body that ends with them."""
    return list(Extensions.parse_required(Reader(body[at:], "test")).items)


def with_extensions(body: bytes, at: int, change: Change) -> bytes:
    """The body with other extensions."""
    changed = b"".join(int(kind).to_bytes(2, "big") + vector(2, data) for kind, data in change(extensions_of(body, at)))
    return body[:at] + vector(2, changed)


def of_client_hello(body: bytes) -> int:
    """Where in a ClientHello the extensions begin."""
    at = 34
    at += 1 + body[at]  # session id
    at += 1 + body[at]  # cookie
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    return at + 1 + body[at]


def of_server_hello(body: bytes) -> int:
    """Where in a ServerHello the extensions begin."""
    return 34 + 1 + body[34] + 3


def replacing(kind: ExtensionType, data: bytes) -> Change:
    """Give one extension another content."""
    return lambda items: [(each, data if each == kind else content) for each, content in items]


def adding(kind: int, data: bytes) -> Change:
    """Add an extension."""
    return lambda items: [*items, (kind, data)]


def removing(kind: ExtensionType) -> Change:
    """Leave an extension out."""
    return lambda items: [(each, content) for each, content in items if each != kind]


def twice(kind: ExtensionType) -> Change:
    """Say an extension twice."""
    return lambda items: [item for item in items for _ in range(2 if item[0] == kind else 1)]
