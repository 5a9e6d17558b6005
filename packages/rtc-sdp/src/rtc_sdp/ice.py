"""ICE in SDP.

::

    a=ice-ufrag:8hhY
    a=ice-pwd:asd88fgpdd777uzjYhagZg
    a=ice-options:ice2 trickle
    a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host
    a=end-of-candidates

Candidates are text here; their grammar belongs to the ICE agent.

See :rfc:`8839#section-5` and :rfc:`8840#section-4`.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Flag, Scope, Text, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import digits, in_range, visible, words

DEFAULT_PACING_MS: Final = 50
"""Pacing where no ``ice-pacing`` stands."""

DISCARD_PORT: Final = 9
"""Stands where ICE has yet to find the port. See :rfc:`8840#section-4.1.1`."""

TRICKLE: Final = "trickle"
ICE2: Final = "ice2"
RENOMINATION: Final = "renomination"

_MAX_COMPONENT: Final = 256
_ICE_CHARS: Final = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)


def _ice_chars(text: str, what: str, low: int, high: int) -> None:
    if _ICE_CHARS.fullmatch(text) is None:
        raise ValueError(f"{what} holds other than letters, digits, plus and slash")
    in_range(len(text), f"length of {what}", low=low, high=high)


@dataclass(frozen=True, slots=True)
class IceUfrag(TypedAttribute):
    """``ice-ufrag``: the user name fragment, 4 to 256 characters (write at most 32).

    See :rfc:`8839#section-5.4`.
    """

    NAME: ClassVar[str] = "ice-ufrag"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT

    ufrag: str

    def __post_init__(self) -> None:
        # [rfc8839:5.4/5]
        _ice_chars(self.ufrag, "ufrag", 4, 256)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(value)

    def serialize(self) -> str:
        """Return the fragment."""
        return self.ufrag


@dataclass(frozen=True, slots=True)
class IcePwd(TypedAttribute):
    """``ice-pwd``: the password, 22 to 256 characters.

    See :rfc:`8839#section-5.4`.
    """

    NAME: ClassVar[str] = "ice-pwd"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT

    password: str = field(repr=False)

    def __post_init__(self) -> None:
        _ice_chars(self.password, "password", 22, 256)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(value)

    def serialize(self) -> str:
        """Return the password."""
        return self.password


@dataclass(frozen=True, slots=True)
class IceOptions(TypedAttribute):
    """``ice-options``: extensions that the agent supports, such as ``trickle`` and ``ice2``.

    See :rfc:`8839#section-5.6`.
    """

    NAME: ClassVar[str] = "ice-options"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT

    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError("no option")
        for option in self.options:
            # RFC 8839 allows ICE characters only, yet names that are in use hold others ("google-ice").
            if "," in visible(option, "option"):
                raise ValueError(f"option {option!r} holds a comma")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        # libdatachannel writes commas between them.
        return cls(tuple(words(value.replace(",", " "), 1)))

    def serialize(self) -> str:
        """Return the options."""
        return " ".join(self.options)

    def __contains__(self, option: str) -> bool:
        return option in self.options


@dataclass(frozen=True, slots=True)
class IcePacing(TypedAttribute):
    """``ice-pacing``: the wanted time between connectivity checks.

    See :rfc:`8839#section-5.5`.
    """

    NAME: ClassVar[str] = "ice-pacing"
    SCOPE: ClassVar[Scope] = Scope.SESSION

    pacing_ms: int

    def __post_init__(self) -> None:
        in_range(self.pacing_ms, "pacing", high=9_999_999_999)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(digits(value, "pacing", high=9_999_999_999))

    def serialize(self) -> str:
        """Return the milliseconds."""
        return str(self.pacing_ms)


class Candidate(Text):
    """``candidate``: one candidate as text, without ``candidate:`` in front.

    See :rfc:`8839#section-5.1`.
    """

    __slots__ = ()
    NAME: ClassVar[str] = "candidate"
    REPEATABLE: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """The remote candidate that was selected for a component."""

    component_id: int
    """1 to 256."""
    address: str
    port: int

    def __post_init__(self) -> None:
        in_range(self.component_id, "component", low=1, high=_MAX_COMPONENT)
        visible(self.address, "address")
        in_range(self.port, "port", high=65_535)


@dataclass(frozen=True, slots=True)
class RemoteCandidates(TypedAttribute):
    """``remote-candidates``: what a controlling agent selected, in offers after ICE has completed.

    See :rfc:`8839#section-5.2`.
    """

    NAME: ClassVar[str] = "remote-candidates"
    # The grammar wants one line for all components, the example in the RFC shows a line for each.
    REPEATABLE: ClassVar[bool] = True

    candidates: tuple[RemoteCandidate, ...]

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError("no candidate")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        parts = words(value, 3)
        if len(parts) % 3:
            raise ValueError("not component, address and port each")
        return cls(
            tuple(
                RemoteCandidate(
                    digits(parts[i], "component", low=1, high=_MAX_COMPONENT),
                    parts[i + 1],
                    digits(parts[i + 2], "port", high=65_535),
                )
                for i in range(0, len(parts), 3)
            )
        )

    def serialize(self) -> str:
        """Return component, address and port of each."""
        return " ".join(f"{c.component_id} {c.address} {c.port}" for c in self.candidates)


class IceLite(Flag):
    """``ice-lite``: the agent is a lite implementation. See :rfc:`8839#section-5.3`."""

    __slots__ = ()
    NAME: ClassVar[str] = "ice-lite"
    SCOPE: ClassVar[Scope] = Scope.SESSION


class IceMismatch(Flag):
    """``ice-mismatch``: the offer's default destination was no candidate; no ICE then. See :rfc:`8839#section-5.3`."""

    __slots__ = ()
    NAME: ClassVar[str] = "ice-mismatch"


class EndOfCandidates(Flag):
    """``end-of-candidates``: no more will come, for the section or for all. See :rfc:`8840#section-8.2`."""

    __slots__ = ()
    NAME: ClassVar[str] = "end-of-candidates"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT
