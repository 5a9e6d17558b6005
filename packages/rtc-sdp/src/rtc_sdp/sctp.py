"""SCTP over DTLS in SDP: what data channels run on.

::

    m=application 9 UDP/DTLS/SCTP webrtc-datachannel
    a=sctp-port:5000
    a=max-message-size:262144

and as it was before RFC 8841, where the format is the port::

    m=application 9 DTLS/SCTP 5000
    a=sctpmap:5000 webrtc-datachannel 1024

See :rfc:`8841`.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from rtc_sdp.attribute import TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import canonical_digits, digits, in_range, token, words
from rtc_sdp.media import MediaDescription

WEBRTC_DATACHANNEL: Final = "webrtc-datachannel"
SCTP_PROTOCOLS: Final = frozenset({"UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"})
LEGACY_SCTP_PROTOCOL: Final = "DTLS/SCTP"
DEFAULT_MAX_MESSAGE_SIZE: Final = 65_536
"""Bytes that a peer takes which says nothing about it."""

_MAX_SIZE: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class SctpPort(TypedAttribute):
    """``sctp-port``: the SCTP port, whatever the ports below.

    See :rfc:`8841#section-5`.
    """

    NAME: ClassVar[str] = "sctp-port"

    port: int

    def __post_init__(self) -> None:
        in_range(self.port, "SCTP port", high=65_535)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        # [rfc8841:5.2/1]
        return cls(canonical_digits(value, "SCTP port", high=65_535))

    def serialize(self) -> str:
        """Return the port."""
        return str(self.port)


@dataclass(frozen=True, slots=True)
class MaxMessageSize(TypedAttribute):
    """``max-message-size``: bytes of the longest user message that the writer takes; 0 means any.

    See :rfc:`8841#section-6`.
    """

    NAME: ClassVar[str] = "max-message-size"

    size: int

    def __post_init__(self) -> None:
        in_range(self.size, "message size", high=_MAX_SIZE)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        # [rfc8841:6.2/1]
        return cls(canonical_digits(value, "message size", high=_MAX_SIZE))

    def serialize(self) -> str:
        """Return the number of bytes."""
        return str(self.size)


@dataclass(frozen=True, slots=True)
class SctpMap(TypedAttribute):
    """``sctpmap``: port, application and number of streams, as older drafts wrote it."""

    NAME: ClassVar[str] = "sctpmap"
    REPEATABLE: ClassVar[bool] = True

    port: int
    application: str = WEBRTC_DATACHANNEL
    stream_count: int | None = None

    def __post_init__(self) -> None:
        in_range(self.port, "SCTP port", high=65_535)
        token(self.application, "application")
        in_range(self.stream_count or 0, "number of streams", high=65_535)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        port, application, *count = words(value, 2, 3)
        return cls(
            digits(port, "SCTP port", high=65_535),
            application,
            digits(count[0], "number of streams", high=65_535) if count else None,
        )

    def serialize(self) -> str:
        """Return port, application and number of streams."""
        text = f"{self.port} {self.application}"
        return text if self.stream_count is None else f"{text} {self.stream_count}"


def is_data_section(media: MediaDescription) -> bool:
    """Whether a media section is for WebRTC data channels, in today's form or the older one."""
    if media.media_type != "application" or media.protocol not in SCTP_PROTOCOLS:
        return False
    if media.protocol == LEGACY_SCTP_PROTOCOL:
        return any(entry.application == WEBRTC_DATACHANNEL for entry in media.get_all(SctpMap))
    return WEBRTC_DATACHANNEL in media.formats


def sctp_port_of(media: MediaDescription) -> int | None:
    """Return the SCTP port of a media section, from ``sctp-port`` or, in the older form, from the format.

    None means that the section is invalid: there is no default.

    Raises:
        ParseError: What should be the port is none.

    See :rfc:`8841#section-5.1`.
    """
    attribute = media.get(SctpPort)
    if attribute is not None:
        return attribute.port
    # [rfc8841:5.1/1]
    return SctpPort.parse(media.formats[0]).port if media.protocol == LEGACY_SCTP_PROTOCOL else None


def max_message_size_of(media: MediaDescription) -> int | None:
    """Return the bytes of the longest message that the writer of a media section takes; None means any length.

    See :rfc:`8841#section-6.1`.
    """
    attribute = media.get(MaxMessageSize)
    # [rfc8841:6.1/2]
    size = DEFAULT_MAX_MESSAGE_SIZE if attribute is None else attribute.size
    return size or None


def data_section(
    *, mid: str, sctp_port: int = 5000, max_message_size: int | None = None, port: int = 9
) -> MediaDescription:
    """Return a media section for data channels; its connection, ICE and DTLS attributes are still to be added.

    Args:
        mid: Its identification tag.
        sctp_port: Our SCTP port.
        max_message_size: Bytes of the longest message we take, 0 for any; None leaves the attribute out.
        port: The transport port; 9 as long as ICE has not found one.

    See :rfc:`8841#section-7`.
    """
    from rtc_sdp.grouping import Mid

    # [rfc8841:12.2/2]
    media = MediaDescription("application", port, "UDP/DTLS/SCTP", (WEBRTC_DATACHANNEL,))
    media.add(Mid(mid))
    media.add(SctpPort(sctp_port))
    if max_message_size is not None:
        media.add(MaxMessageSize(max_message_size))
    return media
