"""Payload types, identifiers of header extensions, names of sections: what stands for what in a session, once and for all.

A number that was said keeps its meaning for the session, in every section (RFC 3264 section 8.3.2, RFC 9143 section 10.1.2);
so does what the peer has said. What was never applied leaves no trace: drafts work on copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rtc_peer.capabilities import AUDIO_LEVEL_EXTENSION, RTX, CodecCapability
from rtc_peer.media_content import MediaContent

if TYPE_CHECKING:
    from rtc_rtp.parameters import RtpCodec

RTCP_PAYLOAD_TYPES: Final = range(64, 96)
"""Payload types that look like RTCP, with a marker or without; nothing is sent or received under them."""

# [rfc5761:4/2] [rfc5761:4/3] [rfc5761:4/4] [rfc5761:4/5] 64 to 95 would look like RTCP; 35 to 63 have no static meaning.
DYNAMIC_PAYLOAD_TYPES: Final = (*range(96, 128), *range(35, 64))

# [rfc8829:5.2.1/29]
MAX_MID_LENGTH: Final = 3

EXTENSION_IDS: Final = (*range(1, 15), *range(16, 256))
"""Identifiers from 15 on need headers of two bytes; 15 itself has no meaning in those of one."""


MAX_ONE_BYTE_ID: Final = 14


class Numbers:
    """The numbers in use."""

    __slots__ = ("_codecs", "_extension_attributes", "_extensions", "next_mid")

    def __init__(
        self,
        codecs: Mapping[int, RtpCodec] | None = None,
        extensions: Mapping[str, int] | None = None,
        next_mid: int = 0,
        extension_attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._codecs: dict[int, RtpCodec] = dict(codecs or {})
        """By payload type. Retransmission stands as a format of its own, with its ``apt``."""
        self._extensions: dict[str, int] = dict(extensions or {})
        """Identifier by name: the URI, behind that of encryption where it is encrypted."""
        self._extension_attributes: dict[str, str] = dict(extension_attributes or {})
        """What the peer said first of an extension that has attributes."""
        self.next_mid = next_mid
        """The first number that no section was ever named by."""

    def copy(self) -> Numbers:
        """Return one that can be added to without changing this."""
        return Numbers(self._codecs, self._extensions, self.next_mid, self._extension_attributes)

    # [rfc8834:4.3/2] [rfc8834:4.3/3]
    def payload_type(self, wanted: CodecCapability) -> int | None:
        """Return the payload type of a codec, a new one if it has none; None if there is none left."""
        from rtc_peer.codec_matching import same_codec
        from rtc_rtp.parameters import RtpCodec

        for number, codec in self._codecs.items():
            if same_codec(wanted, codec):
                return number
        free = self._free(_static_payload_type(wanted))
        if free is not None:
            self._codecs[free] = RtpCodec(
                payload_type=free,
                mime_type=wanted.mime_type,
                clock_rate=wanted.clock_rate,
                channels=wanted.channels,
                parameters=wanted.parameters,
            )
        return free

    def rtx_payload_type(self, codec: RtpCodec) -> int | None:
        """Return the payload type that retransmits a codec, a new one if it has none; None if there is none left."""
        rtx = _rtx(codec, 0)
        for number, known in self._codecs.items():
            if known.mime_type == rtx.mime_type and known.parameters == rtx.parameters:
                return number
        free = self._free(None)
        if free is not None:
            self._codecs[free] = _rtx(codec, free)
        return free

    def extension_id(self, name: str, *, most: int = EXTENSION_IDS[-1]) -> int | None:
        """Return the identifier of a header extension, a new one if it has none; None if none is left up to `most`."""
        number = self._extensions.get(name)
        if number is None:
            taken = set(self._extensions.values())
            number = next((each for each in EXTENSION_IDS if each not in taken and each <= most), None)
            if number is not None:
                self._extensions[name] = number
        return number

    def knows_extension(self, name: str) -> bool:
        """Whether a header extension has an identifier in the session."""
        return name in self._extensions

    def extension_attributes(self, uri: str) -> str:
        """Return what is said of a header extension beside its URI: what it means stays as it is."""
        # [rfc6464:4/3]
        return self._extension_attributes.get(uri, "")

    def note_mid(self, mid: str) -> None:
        """Remember that a section was called so: Chromium does not take the name for another one later."""
        if mid.isascii() and mid.isdigit() and len(mid) <= MAX_MID_LENGTH:
            self.next_mid = max(self.next_mid, int(mid) + 1)

    def note(self, content: MediaContent, agreed: Sequence[MediaContent]) -> None:
        """Remember what the peer calls its formats and extensions.

        A number that we gave to something else goes over to the peer, unless that was agreed upon.

        Args:
            content: What the peer says.
            agreed: Our side of what is in force.
        """
        kept = {number for each in agreed for number in payload_types(each)}
        for codec in content.codecs:
            self._take(codec.payload_type, codec, kept)
            if codec.rtx_payload_type is not None:
                self._take(codec.rtx_payload_type, _rtx(codec, codec.rtx_payload_type), kept)
        names = {extension.name for each in agreed for extension in each.extensions}
        for each in content.extensions:
            if each.uri == AUDIO_LEVEL_EXTENSION:
                self._extension_attributes.setdefault(each.uri, each.attributes)
            holder = next((name for name, number in self._extensions.items() if number == each.id), None)
            if each.id in EXTENSION_IDS and holder not in names and each.name not in names:
                self._extensions.pop(holder or "", None)
                self._extensions[each.name] = each.id

    def _take(self, number: int, codec: RtpCodec, kept: set[int]) -> None:
        if number not in kept:
            self._codecs[number] = codec

    def _free(self, preferred: int | None) -> int | None:
        if preferred is not None and preferred not in self._codecs:
            return preferred
        return next((number for number in DYNAMIC_PAYLOAD_TYPES if number not in self._codecs), None)


def payload_types(content: MediaContent) -> list[int]:
    """Return the payload types of a section, those of retransmission included."""
    numbers = ((each.payload_type, each.rtx_payload_type) for each in content.codecs)
    return [number for pair in numbers for number in pair if number is not None]


def _static_payload_type(wanted: CodecCapability) -> int | None:
    """Return the payload type that RFC 3551 gives to a codec."""
    from rtc_sdp import STATIC_PAYLOAD_TYPES

    for number, rtpmap in STATIC_PAYLOAD_TYPES.items():
        same = (rtpmap.encoding.lower(), rtpmap.clock_rate, rtpmap.channel_count)
        if same == (wanted.name, wanted.clock_rate, wanted.channels) and wanted.mime_type.startswith("audio/"):
            return int(number)
    return None


def _rtx(codec: RtpCodec, number: int) -> RtpCodec:
    from rtc_rtp.parameters import RtpCodec

    return RtpCodec(
        payload_type=number,
        mime_type=f"{codec.mime_type.partition('/')[0]}/{RTX}",
        clock_rate=codec.clock_rate,
        parameters={"apt": str(codec.payload_type)},
    )
