"""Data channels agreed upon in SDP: ``dcmap`` and ``dcsa``.

::

    a=dcmap:2 subprotocol="msrp";ordered=true;label="msrp"
    a=dcsa:2 accept-types:text/plain

See :rfc:`8864`.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Attribute, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import canonical_digits, digits, in_range
from rtc_sdp.media import MediaDescription

DEFAULT_PRIORITY: Final = 256
MAX_STREAM_ID: Final = 65_535

_OPTION: Final = re.compile(r'([a-z-]+)=("[^"]*"|[^;"]*)(?:;(?!$)|$)')
_QUOTED: Final = re.compile(r"(?:[\x20-\x21\x23-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*", re.ASCII)
_MAX_UINT32: Final = 2**32 - 1


def quote(text: str) -> str:
    """Return text in quotes; bytes of its UTF-8 form that are not plain visible characters become ``%XX``."""
    # [rfc8864:5.1.3/1]
    return '"' + "".join(chr(b) if 0x20 <= b <= 0x7E and b not in b'"%' else f"%{b:02X}" for b in text.encode()) + '"'


def unquote(text: str) -> str:
    """Return the text that `quote` made ``text`` of."""
    inner = text[1:-1]
    if len(text) < 2 or text[0] != '"' or text[-1] != '"' or _QUOTED.fullmatch(inner) is None:
        raise ValueError(f"{text[:40]!r} is not a quoted string")
    return re.sub("%(..)", lambda match: chr(int(match[1], 16)), inner).encode("latin-1").decode("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dcmap(TypedAttribute):
    """``dcmap``: a data channel.

    See :rfc:`8864#section-5.1`.
    """

    NAME: ClassVar[str] = "dcmap"
    REPEATABLE: ClassVar[bool] = True

    stream_id: int
    """SCTP stream identifier, 0 to 65,535."""
    subprotocol: str = ""
    label: str = ""
    ordered: bool = True
    max_retr: int | None = None
    """How often a message is sent again at most; None for no such limit."""
    max_time_ms: int | None = None
    """How long a message is worth sending; None for no such limit. Not together with ``max_retr``."""
    priority: int = DEFAULT_PRIORITY
    """0 to 65,535."""

    def __post_init__(self) -> None:
        in_range(self.stream_id, "stream id", high=MAX_STREAM_ID)
        # [rfc8864:5.1.1/1] [rfc8864:6.2/1]
        if self.max_retr is not None and self.max_time_ms is not None:
            raise ValueError("both max-retr and max-time")
        in_range(self.max_retr or 0, "max-retr", high=_MAX_UINT32)
        in_range(self.max_time_ms or 0, "max-time", high=_MAX_UINT32)
        in_range(self.priority, "priority", high=65_535)
        # A lone surrogate has no UTF-8 form.
        self.label.encode()
        self.subprotocol.encode()

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        stream_id, space, text = value.partition(" ")
        options = _options(text) if space else {}
        max_retr, max_time = options.get("max-retr"), options.get("max-time")
        return cls(
            stream_id=digits(stream_id, "stream id", high=MAX_STREAM_ID),
            subprotocol=unquote(options.get("subprotocol", '""')),
            label=unquote(options.get("label", '""')),
            ordered=options.get("ordered") != "false",
            max_retr=None if max_retr is None else canonical_digits(max_retr, "max-retr", high=_MAX_UINT32),
            max_time_ms=None if max_time is None else canonical_digits(max_time, "max-time", high=_MAX_UINT32),
            priority=canonical_digits(options.get("priority", str(DEFAULT_PRIORITY)), "priority", high=65_535),
        )

    def serialize(self) -> str:
        """Return the stream and the options that differ from their defaults."""
        options = [f"subprotocol={quote(self.subprotocol)}"] if self.subprotocol else []
        if self.label:
            options.append(f"label={quote(self.label)}")
        if not self.ordered:
            options.append("ordered=false")
        if self.max_retr is not None:
            options.append(f"max-retr={self.max_retr}")
        if self.max_time_ms is not None:
            options.append(f"max-time={self.max_time_ms}")
        if self.priority != DEFAULT_PRIORITY:
            options.append(f"priority={self.priority}")
        return f"{self.stream_id} {';'.join(options)}" if options else str(self.stream_id)


def _options(text: str) -> dict[str, str]:
    """Return the options of a ``dcmap``. A semicolon within quotes does not separate."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None or match[1] in found:
            raise ValueError(f"option malformed or twice: {text[at : at + 40]!r}")
        found[match[1]] = match[2]
        at = match.end()
    if not found:
        raise ValueError("no option behind the stream id")
    return found


@dataclass(frozen=True, slots=True)
class Dcsa(TypedAttribute):
    """``dcsa``: an attribute of the protocol that runs over a data channel.

    See :rfc:`8864#section-5.2`.
    """

    NAME: ClassVar[str] = "dcsa"
    REPEATABLE: ClassVar[bool] = True

    stream_id: int
    attribute: Attribute

    def __post_init__(self) -> None:
        in_range(self.stream_id, "stream id", high=MAX_STREAM_ID)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        stream_id, _, attribute = value.partition(" ")
        return cls(digits(stream_id, "stream id", high=MAX_STREAM_ID), Attribute.from_text(attribute))

    def serialize(self) -> str:
        """Return the stream and the attribute."""
        return f"{self.stream_id} {self.attribute.text}"


def usable_dcsas(media: MediaDescription) -> list[Dcsa]:
    """Return the ``dcsa`` lines of a section whose channel is described by a ``dcmap``, in order.

    Raises:
        ParseError: A ``dcmap`` or ``dcsa`` is malformed.

    See :rfc:`8864#section-6.7`.
    """
    channels = {dcmap.stream_id for dcmap in media.get_all(Dcmap)}
    # [rfc8864:6.7/1]
    return [dcsa for dcsa in media.get_all(Dcsa) if dcsa.stream_id in channels]
