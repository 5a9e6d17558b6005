"""RTP header extensions: elements in one- and two-byte form, and what their numbers mean (:rfc:`8285`)."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, Generic, Self, TypeVar

ONE_BYTE_PROFILE: Final = 0xBEDE
"""What stands in "defined by profile" before elements with one-byte headers."""
# [rfc8285:4.3/1]
TWO_BYTE_PROFILE: Final = 0x1000
"""The same for two-byte headers, where the lowest four bits belong to the application."""
TWO_BYTE_MASK: Final = 0xFFF0

MAX_ONE_BYTE_ID: Final = 14
MAX_TWO_BYTE_ID: Final = 255
MAX_ONE_BYTE_LENGTH: Final = 16
MAX_TWO_BYTE_LENGTH: Final = 255
RESERVED_ID: Final = 15
"""In one-byte form it ends the extension."""

_BEYOND: Final = 1 << 18
"""More bytes than an extension can have."""
_STEPS: Final = (
    *(1, *(_BEYOND,) * 15),
    *[2 + (header & 15) for header in range(1 << 4, RESERVED_ID << 4)],
    *(_BEYOND,) * 16,
)
"""How far it is from one byte to the next element in one-byte form: by padding 1, by the identifiers that end it all beyond the end."""
# [rfc8285:4.2/2] What goes before a value of each identifier and length that the form has room for.
_ONE_BYTE_HEADERS: Final = {
    (identifier, length): bytes((identifier << 4 | length - 1,))
    for identifier in range(1, MAX_ONE_BYTE_ID + 1)
    for length in range(1, MAX_ONE_BYTE_LENGTH + 1)
}
_BYTES: Final = tuple([bytes((byte,)) for byte in range(256)])
_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")

V = TypeVar("V")


def is_two_byte_profile(profile: int) -> bool:
    """Tell whether elements with two-byte headers follow, whatever the bits of the application are."""
    # [rfc8285:4.3/2]
    return profile & TWO_BYTE_MASK == TWO_BYTE_PROFILE


def is_element_profile(profile: int) -> bool:
    """Tell whether the 16 bits "defined by profile" of :rfc:`3550#section-5.3.1` announce elements of :rfc:`8285`."""
    return profile == ONE_BYTE_PROFILE or is_two_byte_profile(profile)


def parse_elements(profile: int, data: bytes) -> dict[int, bytes]:
    """Return the elements of a header extension by their local identifier.

    Whatever cannot be understood ends the parsing and leaves the elements before it, as the reserved identifiers do: one
    bad element does not cost the packet. An identifier that comes twice keeps its first value. An extension in neither
    form has no elements.

    Args:
        profile: The 16 bits "defined by profile" of :rfc:`3550#section-5.3.1`.
        data: What the length field counts, padding included.

    See :rfc:`8285#section-4`.
    """
    # [rfc8285:6/1] Whatever the form of other packets of the stream.
    # [rfc8285:4.1.2/8]
    if profile == ONE_BYTE_PROFILE:
        return _parse_one_byte(data)
    if is_two_byte_profile(profile):
        return _parse_two_byte(data)
    return {}


def _parse_one_byte(data: bytes) -> dict[int, bytes]:
    """Read elements that start with four bits of identifier and four of length minus one."""
    elements: dict[int, bytes] = {}
    at = 0
    end = len(data)
    while at < end:
        header = data[at]
        at += 1
        if not header:
            continue
        identifier = header >> 4
        stop = at + (header & 15) + 1
        # Zero with a length, or the reserved identifier: what came before counts.
        # [rfc8285:4.1.2/4] [rfc8285:4.1.2/5] [rfc8285:4.2/4] [rfc8285:4.2/5]
        if not 0 < identifier < RESERVED_ID or stop > end:
            break
        if identifier not in elements:
            elements[identifier] = data[at:stop]
        at = stop
    return elements


def _parse_two_byte(data: bytes) -> dict[int, bytes]:
    """Read elements that start with a byte of identifier and a byte of length."""
    elements: dict[int, bytes] = {}
    at = 0
    end = len(data)
    while at < end:
        identifier = data[at]
        at += 1
        if not identifier:
            continue
        if at == end:
            break
        stop = at + 1 + data[at]
        if stop > end:
            break
        if identifier not in elements:
            elements[identifier] = data[at + 1 : stop]
        at = stop
    return elements


def find_element(profile: int, data: bytes, identifier: int) -> bytes | None:
    """Return one element of a header extension, as `parse_elements` would, without looking at those after it."""
    if profile != ONE_BYTE_PROFILE:
        return parse_elements(profile, data).get(identifier)
    at = 0
    end = len(data)
    while at < end:
        header = data[at]
        step = _STEPS[header]
        if header >> 4 == identifier and step > 1:
            return data[at + 1 : at + step] if at + step <= end else None
        at += step
    return None


def serialize_elements(elements: Mapping[int, bytes], *, two_byte: bool = False) -> tuple[int, bytes]:
    """Return the profile and the padded data of a header extension.

    The one-byte form is used whenever every element fits it; whether the peer takes the other is for the caller to know.

    Args:
        elements: Values by local identifier: 1 to 14 and 1 to 16 bytes each for the one-byte form, else 1 to 255 and up
            to 255 bytes.
        two_byte: Use the two-byte form in any case.

    Raises:
        ValueError: An identifier or a value is out of these ranges.

    See :rfc:`8285#section-4`.
    """
    if two_byte:
        return TWO_BYTE_PROFILE, _serialize_two_byte(elements)
    data = b""
    for identifier, value in elements.items():
        header = _ONE_BYTE_HEADERS.get((identifier, len(value)))
        # [rfc8285:4.1.2/6] [rfc8285:4.1.2/7] [rfc8285:4.2/3] One that does not fit takes all others with it.
        if header is None:
            return TWO_BYTE_PROFILE, _serialize_two_byte(elements)
        data += header + value
    # [rfc8285:4.2/1]
    return ONE_BYTE_PROFILE, data + _PADDING[len(data) & 3]


def _serialize_two_byte(elements: Mapping[int, bytes]) -> bytes:
    data = b""
    for identifier, value in elements.items():
        # [rfc8285:4.1.2/3] [rfc8285:4.1.2/12]
        if not 0 < identifier <= MAX_TWO_BYTE_ID:
            raise ValueError(f"the identifier of a header extension is 1 to {MAX_TWO_BYTE_ID}, not {identifier}")
        if len(value) > MAX_TWO_BYTE_LENGTH:
            raise ValueError(f"a header extension has at most {MAX_TWO_BYTE_LENGTH} bytes, not {len(value)}")
        data += _BYTES[identifier] + _BYTES[len(value)] + value
    return data + _PADDING[len(data) & 3]


class HeaderExtension(str, Generic[V]):
    """The URI of a header extension that also knows what the value means. Anything that takes a URI takes it.

    `parse` and `serialize` translate between bytes and the value; the former raises `ParseError` and nothing else, the
    latter `ValueError`. See :rfc:`8285#section-5`.
    """

    __slots__ = ("parse", "serialize")

    parse: Callable[[bytes], V]
    serialize: Callable[[V], bytes]

    def __new__(cls, uri: str, *, parse: Callable[[bytes], V], serialize: Callable[[V], bytes]) -> Self:
        """Make the one of this URI."""
        made = super().__new__(cls, uri)
        made.parse = parse
        made.serialize = serialize
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Copy and pickle as the plain URI."""
        return str, (str(self),)


class ExtensionMap(Mapping[int, str]):
    """Which local identifier stands for which URI in a media section or session; what was negotiated, and never changed.

    Read it as a mapping from identifier to URI, or ask `id_of`.

    See :rfc:`8285#section-5`.
    """

    __slots__ = ("_ids", "_uris", "allow_mixed", "encrypted")

    def __init__(
        self,
        uris: Mapping[int, str] | None = None,
        *,
        allow_mixed: bool = False,
        encrypted: Collection[int] = (),
    ) -> None:
        """Take the mapping.

        Args:
            uris: URI by local identifier, 1 to 255. A URI may not stand for two of them.
            allow_mixed: Whether the peer takes one- and two-byte headers in one stream (``a=extmap-allow-mixed``).
            encrypted: Identifiers of those that SRTP encrypts (:rfc:`6904`). Nothing here does so: it is told to whom it
                concerns.

        Raises:
            ValueError: An identifier is out of range, or a URI occurs twice.
        """
        # A URI is hashed and compared as the text it is; `str` forgets what a `HeaderExtension` knows.
        self._uris: dict[int, str] = {identifier: str(uri) for identifier, uri in (uris or {}).items()}
        self._ids: dict[str, int] = {uri: identifier for identifier, uri in self._uris.items()}
        self.allow_mixed = allow_mixed
        self.encrypted = frozenset(encrypted)
        """Identifiers of those that SRTP encrypts."""
        for identifier in self._uris:
            # [rfc8285:5/2]
            if not 0 < identifier <= MAX_TWO_BYTE_ID:
                raise ValueError(f"the identifier of a header extension is 1 to {MAX_TWO_BYTE_ID}, not {identifier}")
        # [rfc8285:4.1.2/2] [rfc8285:5/6] [rfc6904:4.1/4] Encrypted or not makes no difference.
        if len(self._ids) != len(self._uris):
            raise ValueError("a URI stands for one identifier")
        if not self.encrypted <= self._uris.keys():
            raise ValueError("what is encrypted is among the header extensions")

    def __getitem__(self, identifier: int) -> str:
        return self._uris[identifier]

    def __iter__(self) -> Iterator[int]:
        return iter(self._uris)

    def __len__(self) -> int:
        return len(self._uris)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExtensionMap):
            return NotImplemented
        same_headers = self.allow_mixed == other.allow_mixed and self.encrypted == other.encrypted
        return self._uris == other._uris and same_headers

    def __hash__(self) -> int:
        return hash((frozenset(self._uris.items()), self.allow_mixed, self.encrypted))

    def __repr__(self) -> str:
        return f"ExtensionMap({self._uris!r}, allow_mixed={self.allow_mixed}, encrypted={sorted(self.encrypted)})"

    def id_of(self, uri: str) -> int | None:
        """Return the local identifier of a URI; None if it was not negotiated."""
        return self._ids.get(uri)

    def uri_of(self, identifier: int) -> str | None:
        """Return the URI of a local identifier; None if it was not negotiated."""
        return self._uris.get(identifier)

    def read(self, elements: Mapping[int, bytes], extension: HeaderExtension[V]) -> V | None:
        """Return the value of an extension in a packet; None if it is absent or was not negotiated.

        Args:
            elements: The ``extensions`` of a packet.
            extension: Which one, such as ``AUDIO_LEVEL``.

        Raises:
            ParseError: The element is there and malformed.
        """
        identifier = self._ids.get(extension)
        # [rfc8285:4.1.2/1] What was not negotiated is not looked at.
        value = None if identifier is None else elements.get(identifier)
        return None if value is None else extension.parse(value)

    def write(self, elements: dict[int, bytes], extension: HeaderExtension[V], value: V) -> bool:
        """Put the value of an extension into a packet, if it was negotiated; tell whether it was.

        Args:
            elements: The ``extensions`` of a packet.
            extension: Which one.
            value: What it serializes.

        Raises:
            ValueError: The extension cannot say this.
        """
        identifier = self._ids.get(extension)
        # [rfc8285:4.1.2/1]
        if identifier is None:
            return False
        elements[identifier] = extension.serialize(value)
        return True
