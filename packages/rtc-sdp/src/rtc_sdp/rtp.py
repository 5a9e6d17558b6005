"""RTP formats in SDP: ``rtpmap``, ``fmtp``, ``rtcp-fb``, ``extmap``.

::

    a=rtpmap:111 opus/48000/2
    a=fmtp:111 minptime=10;useinbandfec=1
    a=rtcp-fb:96 nack pli
    a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid
    a=extmap:5 urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on
    a=cryptex

See :rfc:`8866#section-6.6`, :rfc:`4585#section-4.2`, :rfc:`8285#section-5`, :rfc:`6904#section-4`, :rfc:`9335#section-4`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Flag, Scope, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.direction import Direction
from rtc_sdp.grammar import digits, in_range, single_line, token, visible, words

ALL_FORMATS: Final = "*"
"""The format of an ``rtcp-fb`` that counts for all of the section."""

ENCRYPTED_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:encrypt"
"""The URI of an ``extmap`` that has another URI behind it: of the header extension that is encrypted."""

_PAYLOAD_TYPE_MAX: Final = 127
_CLOCK_RATE_MAX: Final = 2**32 - 1
_EXTENSION_ID_MAX: Final = 99_999


@dataclass(frozen=True, slots=True)
class RtpMap(TypedAttribute):
    """``rtpmap``: the encoding that a payload type stands for.

    See :rfc:`8866#section-6.6`.
    """

    NAME: ClassVar[str] = "rtpmap"
    REPEATABLE: ClassVar[bool] = True

    payload_type: int
    """0 to 127."""
    encoding: str
    """In the case it was spelled with; compare with `same_encoding`."""
    clock_rate: int
    """RTP ticks per second."""
    parameters: str | None = None
    """For audio the number of channels; None where there is nothing to say."""

    def __post_init__(self) -> None:
        in_range(self.payload_type, "payload type", high=_PAYLOAD_TYPE_MAX)
        token(self.encoding, "encoding name")
        in_range(self.clock_rate, "clock rate", low=1, high=_CLOCK_RATE_MAX)
        if self.parameters is not None:
            visible(self.parameters, "encoding parameters")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        payload_type, encoding = words(value, 2, 2)
        name, slash, rest = encoding.partition("/")
        if not slash:
            raise ValueError(f"no clock rate in {encoding[:40]!r}")
        clock_rate, slash, parameters = rest.partition("/")
        return cls(
            digits(payload_type, "payload type", high=_PAYLOAD_TYPE_MAX),
            name,
            digits(clock_rate, "clock rate", low=1, high=_CLOCK_RATE_MAX),
            parameters if slash else None,
        )

    def serialize(self) -> str:
        """Return payload type and encoding."""
        text = f"{self.payload_type} {self.encoding}/{self.clock_rate}"
        return text if self.parameters is None else f"{text}/{self.parameters}"

    @property
    def channel_count(self) -> int:
        """The number of audio channels; 1 where nothing is said."""
        parameters = self.parameters or "1"
        return int(parameters[:3]) if parameters.isascii() and parameters.isdigit() else 1

    def same_encoding(self, other: RtpMap) -> bool:
        """Whether both mean the same encoding, whatever the payload type and the case of the name."""
        return (self.encoding.lower(), self.clock_rate, self.channel_count) == (
            other.encoding.lower(),
            other.clock_rate,
            other.channel_count,
        )


@dataclass(frozen=True, slots=True)
class Fmtp(TypedAttribute):
    """``fmtp``: parameters of a format, in the format's own syntax.

    See :rfc:`8866#section-6.15`.
    """

    NAME: ClassVar[str] = "fmtp"
    REPEATABLE: ClassVar[bool] = True

    format: str
    parameters: str
    """As text, spaces included."""

    def __post_init__(self) -> None:
        token(self.format, "format")
        single_line(self.parameters, "parameters")
        if not self.parameters:
            raise ValueError("no parameters")

    @classmethod
    def from_dict(cls, fmt: str, parameters: Mapping[str, str]) -> Self:
        """Return the attribute with ``name=value`` pairs; a value of "" leaves out the equals sign."""
        return cls(fmt, ";".join(f"{name}={value}" if value else name for name, value in parameters.items()))

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        fmt, _, parameters = value.partition(" ")
        return cls(fmt, parameters)

    def serialize(self) -> str:
        """Return format and parameters."""
        return f"{self.format} {self.parameters}"

    def to_dict(self) -> dict[str, str]:
        """Return the parameters that most formats write as ``name=value`` with semicolons between.

        Names come in lower case. A parameter without an equals sign (``0-15``, ``96/97``) has the value "". Of a
        name that comes twice the first counts.
        """
        found: dict[str, str] = {}
        for part in self.parameters.split(";"):
            name, _, value = part.strip().partition("=")
            if name:
                found.setdefault(name.strip().lower(), value.strip())
        return found


@dataclass(frozen=True, slots=True)
class RtcpFb(TypedAttribute):
    """``rtcp-fb``: a kind of RTCP feedback that may be sent for a format.

    See :rfc:`4585#section-4.2`.
    """

    NAME: ClassVar[str] = "rtcp-fb"
    REPEATABLE: ClassVar[bool] = True

    format: str
    """A payload type, or ``*`` for all of the section."""
    kind: str
    """``nack``, ``ccm``, ``ack``, ``trr-int``, ``goog-remb``, ``transport-cc`` or another token."""
    parameters: str = ""
    """What follows, such as ``pli`` or ``fir``."""

    def __post_init__(self) -> None:
        if self.format != ALL_FORMATS:
            digits(self.format, "payload type", high=_PAYLOAD_TYPE_MAX)
        token(self.kind, "feedback type")
        single_line(self.parameters, "feedback parameters")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        fmt, _, rest = value.partition(" ")
        kind, _, parameters = rest.partition(" ")
        return cls(fmt, kind, parameters)

    def serialize(self) -> str:
        """Return format, feedback type and parameters."""
        text = f"{self.format} {self.kind}"
        return f"{text} {self.parameters}" if self.parameters else text

    def applies_to(self, fmt: str) -> bool:
        """Whether it counts for a format of its section."""
        return self.format in (ALL_FORMATS, fmt)


@dataclass(frozen=True, slots=True)
class Extmap(TypedAttribute):
    """``extmap``: the local identifier of an RTP header extension.

    See :rfc:`8285#section-5`, and :rfc:`6904#section-4` for those that are encrypted.
    """

    NAME: ClassVar[str] = "extmap"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT
    REPEATABLE: ClassVar[bool] = True

    id: int
    """1 to 14 for one-byte headers, to 255 for two-byte headers; 4096 and above only asks for one."""
    uri: str
    """Of the extension itself, encrypted or not."""
    direction: Direction | None = None
    """None if nothing is said, which means ``sendrecv``."""
    attributes: str = ""
    """What the extension itself wants said."""
    encrypted: bool = False
    """Whether SRTP encrypts it. It is then another extension than the one of the same URI that is not encrypted."""

    def __post_init__(self) -> None:
        in_range(self.id, "extension id", high=_EXTENSION_ID_MAX)
        visible(self.uri, "extension URI")
        single_line(self.attributes, "extension attributes")
        # [rfc6904:4/4]
        if self.encrypted and self.uri == ENCRYPTED_EXTENSION:
            raise ValueError("what is encrypted is not encrypted again")

    @property
    def name(self) -> str:
        """What tells it from all others: the URI, behind that of encryption if it is encrypted."""
        return f"{ENCRYPTED_EXTENSION} {self.uri}" if self.encrypted else self.uri

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        entry, _, rest = value.partition(" ")
        number, slash, direction = entry.partition("/")
        uri, _, attributes = rest.partition(" ")
        inner, _, others = attributes.partition(" ")
        # Encryption of nothing, or of itself, is an extension like any other that nobody knows.
        encrypted = uri == ENCRYPTED_EXTENSION and inner not in ("", ENCRYPTED_EXTENSION)
        return cls(
            digits(number, "extension id", high=_EXTENSION_ID_MAX),
            inner if encrypted else uri,
            Direction(direction) if slash else None,
            others if encrypted else attributes,
            encrypted,
        )

    def serialize(self) -> str:
        """Return identifier, direction, URI and attributes."""
        entry = str(self.id) if self.direction is None else f"{self.id}/{self.direction.value}"
        return f"{entry} {self.name} {self.attributes}" if self.attributes else f"{entry} {self.name}"


class ExtmapAllowMixed(Flag):
    """``extmap-allow-mixed``: one-byte and two-byte header extensions may share a stream. See :rfc:`8285#section-6`."""

    __slots__ = ()
    NAME: ClassVar[str] = "extmap-allow-mixed"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT


class Cryptex(Flag):
    """``cryptex``: packets whose header extensions and contributing sources are encrypted can be received.

    See :rfc:`9335#section-4`.
    """

    __slots__ = ()
    NAME: ClassVar[str] = "cryptex"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT


@dataclass(frozen=True, slots=True)
class ImageAttr(TypedAttribute):
    """``imageattr``: picture sizes that can be sent and received, the sizes as text.

    See :rfc:`6236#section-3.1.1`.
    """

    NAME: ClassVar[str] = "imageattr"
    REPEATABLE: ClassVar[bool] = True

    format: str
    """A payload type, or ``*``."""
    sizes: str

    def __post_init__(self) -> None:
        token(self.format, "format")
        single_line(self.sizes, "sizes")
        if not self.sizes or self.sizes.startswith(" "):
            raise ValueError("no sizes, or a space before them")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        fmt, _, sizes = value.partition(" ")
        return cls(fmt, sizes.lstrip(" "))

    def serialize(self) -> str:
        """Return format and sizes."""
        return f"{self.format} {self.sizes}"
