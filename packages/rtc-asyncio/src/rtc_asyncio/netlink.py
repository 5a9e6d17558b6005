"""The addresses of this machine as Linux lists them (rtnetlink(7)): with their links and flags, and without a library that takes longer to load.

request    nlmsghdr | rtgenmsg
answers    nlmsghdr | ifinfomsg or ifaddrmsg | attributes: length (2) type (2) value, padded to whole words
"""

import socket
import struct
from collections.abc import Iterator
from typing import Final, Protocol

from .dataclass import dataclass

_NETLINK_ROUTE: Final = 0
_MESSAGE: Final = struct.Struct("=IHHII")
"""Length, type, flags, sequence number and port."""
_GENERAL: Final = struct.Struct("=B3x")
_LINK: Final = struct.Struct("=BxHiII")
"""Family, type, index, flags and mask of changes."""
_ADDRESS: Final = struct.Struct("=BBBBI")
"""Family, length of the prefix, flags, scope and index of the link."""
_ATTRIBUTE: Final = struct.Struct("=HH")

_NEW_LINK, _GET_LINK, _NEW_ADDRESS, _GET_ADDRESS = 16, 18, 20, 22
_ERROR, _DONE = 2, 3
_REQUEST_DUMP: Final = 0x301
_LINK_NAME, _LINK_STATE = 3, 16
_DOWN: Final = (b"\x01", b"\x02", b"\x03")
"""States of a link (:rfc:`2863`): not present, down, or down because of what is below."""
_ADDRESS_OF_PREFIX, _ADDRESS_OF_LINK = 1, 2
_TEMPORARY: Final = 0x01
_DEPRECATED: Final = 0x20

_RECEIVE_LENGTH: Final = 65_536
_UNTOLD: Final = "the kernel does not list its addresses"
_TIMEOUT: Final = 1.0
"""Seconds. The kernel answers at once; what only seems to be Linux may not answer at all."""


class Route(Protocol):
    """What is asked: a socket of rtnetlink."""

    def send(self, data: bytes, /) -> int:
        """Ask."""

    def recv(self, length: int, /) -> bytes:
        """Return the next part of the answer."""


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """An address of a link that is not down."""

    host: str
    """IP literal, without a zone."""
    interface: str
    """Name of the link."""
    index: int
    """Number of the link."""
    prefix_length: int
    is_temporary: bool
    """Whether it is one of IPv6 that lives for a day or so, and not deprecated yet."""


def list_addresses() -> list[ListedAddress]:
    """List the addresses, those of IPv4 first, in the order of the links.

    Raises:
        OSError: The system does not tell.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as route:
        route.settimeout(_TIMEOUT)
        return _read(route)


def _read(route: Route) -> list[ListedAddress]:
    try:
        return _addresses(route, _names_of_links(route))
    except (LookupError, ValueError, struct.error) as error:  # from what only seems to be Linux
        raise OSError(_UNTOLD) from error


def _names_of_links(route: Route) -> dict[int, str]:
    names = {}
    for body in _dump(route, _GET_LINK, _NEW_LINK):
        _, _, index, _, _ = _LINK.unpack_from(body)
        attributes = _attributes(body[_LINK.size :])
        # Addresses of IPv4 stay when a link goes down.
        if attributes.get(_LINK_STATE) not in _DOWN:
            names[index] = attributes[_LINK_NAME].rstrip(b"\0").decode("utf-8", "replace")
    return names


def _addresses(route: Route, names: dict[int, str]) -> list[ListedAddress]:
    found = []
    for body in _dump(route, _GET_ADDRESS, _NEW_ADDRESS):
        family, prefix_length, flags, _, index = _ADDRESS.unpack_from(body)
        attributes = _attributes(body[_ADDRESS.size :])
        # Where a link has two ends, the address of the prefix is that of the other one.
        packed = attributes.get(_ADDRESS_OF_LINK) or attributes.get(_ADDRESS_OF_PREFIX)
        if index not in names or packed is None or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        is_temporary = family == socket.AF_INET6 and flags & (_TEMPORARY | _DEPRECATED) == _TEMPORARY
        host = socket.inet_ntop(family, packed)
        found.append(ListedAddress(host, names[index], index, prefix_length, is_temporary=is_temporary))
    return found


def _dump(route: Route, kind: int, answer: int) -> Iterator[bytes]:
    """Ask for everything of a kind, and yield the bodies of the answers."""
    request = _GENERAL.pack(socket.AF_UNSPEC)
    route.send(_MESSAGE.pack(_MESSAGE.size + len(request), kind, _REQUEST_DUMP, 0, 0) + request)
    while True:
        data = route.recv(_RECEIVE_LENGTH)
        at = 0
        while at + _MESSAGE.size <= len(data):
            length, found, *_ = _MESSAGE.unpack_from(data, at)
            if found == _DONE:
                return
            if found == _ERROR or length < _MESSAGE.size:
                raise OSError(_UNTOLD)
            if found == answer:
                yield data[at + _MESSAGE.size : at + length]
            at += length + 3 & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes of a message by their types."""
    attributes = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        attributes[kind] = data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return attributes
