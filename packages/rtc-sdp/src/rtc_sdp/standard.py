"""The attributes that RFC 8866 itself defines, but for those of `rtp` and `direction`, and a few kept as text.

See :rfc:`8866#section-6`.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Scope, Text, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import digits, in_range

_REAL: Final = re.compile(r"(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?", re.ASCII)
_MAX_MS: Final = 2**32 - 1


def _real(text: str, what: str) -> float:
    if _REAL.fullmatch(text) is None:
        raise ValueError(f"{what} {text[:40]!r} is not a number")
    return float(text)


def _write_real(number: float) -> str:
    """Return a number in decimal digits, never with an exponent."""
    text = repr(float(number))
    return (f"{number:.15f}" if "e" in text else text).rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Ptime(TypedAttribute):
    """``ptime``: milliseconds of media that one packet should hold. See :rfc:`8866#section-6.4`."""

    NAME: ClassVar[str] = "ptime"

    packet_ms: float

    def __post_init__(self) -> None:
        # [rfc3264:5.1/12]
        if not 0 < self.packet_ms <= _MAX_MS:
            raise ValueError(f"packet time {self.packet_ms} is not positive")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(_real(value, "packet time"))

    def serialize(self) -> str:
        """Return the milliseconds."""
        return _write_real(self.packet_ms)


class MaxPtime(Ptime):
    """``maxptime``: milliseconds of media that one packet may hold at most. See :rfc:`8866#section-6.5`."""

    __slots__ = ()
    NAME: ClassVar[str] = "maxptime"


@dataclass(frozen=True, slots=True)
class Framerate(TypedAttribute):
    """``framerate``: pictures per second at most. See :rfc:`8866#section-6.13`."""

    NAME: ClassVar[str] = "framerate"

    frames_per_second: float

    def __post_init__(self) -> None:
        if not 0 < self.frames_per_second <= _MAX_MS:
            raise ValueError(f"frame rate {self.frames_per_second} is not positive")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(_real(value, "frame rate"))

    def serialize(self) -> str:
        """Return the number."""
        return _write_real(self.frames_per_second)


@dataclass(frozen=True, slots=True)
class Quality(TypedAttribute):
    """``quality``: 0 (worst) to 10 (best). See :rfc:`8866#section-6.14`."""

    NAME: ClassVar[str] = "quality"

    quality: int

    def __post_init__(self) -> None:
        in_range(self.quality, "quality", high=10)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(digits(value, "quality", high=10))

    def serialize(self) -> str:
        """Return the number."""
        return str(self.quality)


class Orient(Text):
    """``orient``: ``portrait``, ``landscape`` or ``seascape``. See :rfc:`8866#section-6.8`."""

    __slots__ = ()
    NAME: ClassVar[str] = "orient"


class ConferenceType(Text):
    """``type``: ``broadcast``, ``meeting``, ``moderated``, ``test`` or ``H332``. See :rfc:`8866#section-6.9`."""

    __slots__ = ()
    NAME: ClassVar[str] = "type"
    SCOPE: ClassVar[Scope] = Scope.SESSION


class Charset(Text):
    """``charset``: the character set of names and informations. See :rfc:`8866#section-6.10`."""

    __slots__ = ()
    NAME: ClassVar[str] = "charset"
    SCOPE: ClassVar[Scope] = Scope.SESSION


class SdpLang(Text):
    """``sdplang``: a language of the description. See :rfc:`8866#section-6.11`."""

    __slots__ = ()
    NAME: ClassVar[str] = "sdplang"
    SCOPE: ClassVar[Scope] = Scope.SEPARATE
    REPEATABLE: ClassVar[bool] = True


class Lang(Text):
    """``lang``: a language of the session or the media. See :rfc:`8866#section-6.12`."""

    __slots__ = ()
    NAME: ClassVar[str] = "lang"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT
    REPEATABLE: ClassVar[bool] = True


class Tool(Text):
    """``tool``: what made the description. See :rfc:`8866#section-6.3`."""

    __slots__ = ()
    NAME: ClassVar[str] = "tool"
    SCOPE: ClassVar[Scope] = Scope.SESSION


class Content(Text):
    """``content``: what is shown: ``slides``, ``speaker``, ``sl``, ``main``, ``alt``. See :rfc:`4796#section-5`."""

    __slots__ = ()
    NAME: ClassVar[str] = "content"


class Label(Text):
    """``label``: a pointer to the section from outside. See :rfc:`4574#section-4`."""

    __slots__ = ()
    NAME: ClassVar[str] = "label"


class Identity(Text):
    """``identity``: an identity assertion. See :rfc:`8827#section-5.1`."""

    __slots__ = ()
    NAME: ClassVar[str] = "identity"
    SCOPE: ClassVar[Scope] = Scope.SESSION


class Crypto(Text):
    """``crypto``: SRTP keys in the clear, as SIP devices send them. WebRTC forbids it. See :rfc:`4568#section-4`."""

    __slots__ = ()
    NAME: ClassVar[str] = "crypto"
    REPEATABLE: ClassVar[bool] = True
