"""Simulcast: several encodings of one source, told apart by restriction identifiers.

::

    a=rid:hi send pt=96,97;max-width=1280;max-height=720
    a=rid:lo send max-br=200000
    a=simulcast:send hi,~alt;lo recv in
                     '-----' one stream in either of two forms, the second paused at first

See :rfc:`8851` and :rfc:`8853`.
"""

from __future__ import annotations

import re
from dataclasses import field
from enum import Enum
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import token, words

_RID: Final = re.compile(r"[0-9A-Za-z\-_]+", re.ASCII)
_RESTRICTION: Final = re.compile(r"[0-9A-Za-z\-]+", re.ASCII)
_RESTRICTION_VALUE: Final = re.compile(r"(?:[\x20-\x3a\x3c-\x7e]*[\x21-\x3a\x3c-\x7e])?")
_FORMATS: Final = "pt"
MAX_RID_LENGTH: Final = 255
"""The identifier must fit into an RTP header extension of two-byte form (:rfc:`8852`)."""


def check_rid(rid: str) -> str:
    """Return ``rid`` if it is a restriction identifier: letters, digits, dash, underscore."""
    # [rfc8853:5.1/1]
    if _RID.fullmatch(rid) is None or len(rid) > MAX_RID_LENGTH:
        raise ValueError(f"rid {rid[:40]!r} holds other than letters, digits, dash and underscore, or is too long")
    return rid


class RidDirection(Enum):
    """Whose packets the restrictions are for, seen from the writer."""

    SEND = "send"
    RECV = "recv"

    @property
    def reversed(self) -> RidDirection:
        """The same seen from the other end."""
        return RidDirection.RECV if self is RidDirection.SEND else RidDirection.SEND


@dataclass(frozen=True, slots=True)
class Rid(TypedAttribute):
    """``rid``: an encoding of the section's source, and what restricts it.

    See :rfc:`8851#section-10`.
    """

    NAME: ClassVar[str] = "rid"
    REPEATABLE: ClassVar[bool] = True

    rid: str
    direction: RidDirection
    formats: tuple[str, ...] = ()
    """The formats it may use; empty means all of the section."""
    restrictions: tuple[tuple[str, str | None], ...] = field(default=())
    """Names and values in order, such as ``("max-width", "1280")``; None where no value was given."""

    def __post_init__(self) -> None:
        check_rid(self.rid)
        for fmt in self.formats:
            token(fmt, "format")
            if "," in fmt or ";" in fmt:
                raise ValueError(f"format {fmt!r} holds a separator")
        if not self.formats and self.restrictions and self.restrictions[0][0] == _FORMATS:
            raise ValueError(f"{_FORMATS} is not a restriction")
        for name, value in self.restrictions:
            if _RESTRICTION.fullmatch(name) is None or _RESTRICTION_VALUE.fullmatch(value or "") is None:
                raise ValueError(f"restriction {name[:40]!r} is malformed")
            # [rfc8851:5/4]
            if name == "max-bpp" and len((value or "").partition(".")[2]) > 4:
                raise ValueError("max-bpp has more than four decimals")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        # [rfc8851:6.1/2]
        rid, direction, *rest = value.split(" ", 2)
        formats: tuple[str, ...] = ()
        restrictions: list[tuple[str, str | None]] = []
        for part in rest[0].split(";") if rest else ():
            name, equals, text = part.strip(" ").partition("=")
            # The formats come first; elsewhere pt would be a restriction unknown to us.
            if name == _FORMATS and not formats and not restrictions:
                formats = tuple(text.split(","))
            else:
                restrictions.append((name, text if equals else None))
        return cls(rid, RidDirection(direction), formats, tuple(restrictions))

    def serialize(self) -> str:
        """Return identifier, direction, formats and restrictions."""
        parts = [f"{_FORMATS}={','.join(self.formats)}"] if self.formats else []
        parts += [name if value is None else f"{name}={value}" for name, value in self.restrictions]
        head = f"{self.rid} {self.direction.value}"
        return f"{head} {';'.join(parts)}" if parts else head


@dataclass(frozen=True, slots=True)
class SimulcastFormat:
    """One form that a simulcast stream may take."""

    rid: str
    paused: bool = False
    """Not sent at first."""

    def __post_init__(self) -> None:
        check_rid(self.rid)

    @classmethod
    def from_text(cls, text: str) -> SimulcastFormat:
        """Return the form that ``rid`` or ``~rid`` writes."""
        return cls(text.removeprefix("~"), text.startswith("~"))

    def __str__(self) -> str:
        return f"~{self.rid}" if self.paused else self.rid


SimulcastStream = tuple[SimulcastFormat, ...]
"""A stream: one form, or several alternatives in order of preference."""


@dataclass(frozen=True, slots=True)
class Simulcast(TypedAttribute):
    """``simulcast``: the streams of the section that exist side by side.

    See :rfc:`8853#section-5.1`.
    """

    NAME: ClassVar[str] = "simulcast"

    send: tuple[SimulcastStream, ...] = ()
    recv: tuple[SimulcastStream, ...] = ()
    recv_first: bool = field(default=False, compare=False)
    """``recv`` is written before ``send``; the order means nothing."""

    def __post_init__(self) -> None:
        if not self.send and not self.recv:
            raise ValueError("no stream in either direction")
        if not all(self.send) or not all(self.recv):
            raise ValueError("a stream without a format")

    @classmethod
    def of(cls, *, send: tuple[str, ...] = (), recv: tuple[str, ...] = ()) -> Self:
        """Return the attribute with streams that have one form each, given as ``rid`` or ``~rid``."""
        return cls(
            tuple((SimulcastFormat.from_text(rid),) for rid in send),
            tuple((SimulcastFormat.from_text(rid),) for rid in recv),
        )

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        parts = words(value, 2, 4)
        found: dict[str, tuple[SimulcastStream, ...]] = {}
        for direction, streams in zip(parts[::2], parts[1::2], strict=True):
            # [rfc8853:5.2/3]
            if direction not in ("send", "recv") or direction in found:
                raise ValueError(f"direction {direction[:20]!r} unknown or twice")
            found[direction] = tuple(
                tuple(SimulcastFormat.from_text(text) for text in stream.split(",")) for stream in streams.split(";")
            )
        return cls(found.get("send", ()), found.get("recv", ()), parts[0] == "recv" and len(found) > 1)

    def serialize(self) -> str:
        """Return directions and streams."""
        parts = [
            f"{name} {';'.join(','.join(map(str, stream)) for stream in streams)}"
            for name, streams in (("send", self.send), ("recv", self.recv))
            if streams
        ]
        return " ".join(reversed(parts) if self.recv_first else parts)

    @property
    def reversed(self) -> Simulcast:
        """The same streams seen from the other end: what an answer that takes all of them says."""
        # [rfc8853:5.3.2/3]
        return Simulcast(
            send=self.recv, recv=self.send, recv_first=not self.recv_first and bool(self.send and self.recv)
        )
