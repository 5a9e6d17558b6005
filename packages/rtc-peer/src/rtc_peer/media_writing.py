"""Writing what a section of audio or video says (RFC 8829 section 5.2.1)."""

from __future__ import annotations

from rtc_peer.capabilities import CONGESTION_CONTROL_FEEDBACK
from rtc_peer.media_content import MediaContent, Source
from rtc_peer.rtcp_terms import write_rtcp_terms
from rtc_rtp.parameters import RtpCodec
from rtc_sdp import (
    NO_STREAM,
    Attribute,
    Cryptex,
    ExtmapAllowMixed,
    Fmtp,
    MaxPtime,
    MediaDescription,
    Msid,
    Ptime,
    RtcpFb,
    RtpMap,
    Section,
    Ssrc,
    SsrcGroup,
)


def formats_of(content: MediaContent) -> tuple[str, ...]:
    """Return the formats of the m-line, each followed by the one that retransmits it."""
    return tuple(
        str(number)
        for codec in content.codecs
        for number in (codec.payload_type, codec.rtx_payload_type)
        if number is not None
    )


def write_cryptex(where: Section) -> None:
    """Write that packets can be received whose header extensions are encrypted as a whole, here or in all sections."""
    # [rfc9335:4/4]
    where.add(Cryptex())


def write_media(media: MediaDescription, content: MediaContent) -> None:
    """Write into a section what is not about its transport."""
    # [rfc8829:5.2.1/51] [rfc8829:3.6.1/1]
    if content.allow_mixed:
        media.add(ExtmapAllowMixed())
    # [rfc8829:5.2.1/31] [rfc8829:5.3.1/18] [rfc8834:5.2/1] [rfc8834:10/6]
    for extension in content.extensions:
        media.add(extension)
    media.direction = content.direction
    _write_streams(media, content)
    for codec in content.codecs:
        _write_codec(media, codec)
    # [rfc8888:6/1]
    if any(CONGESTION_CONTROL_FEEDBACK in codec.feedback for codec in content.codecs):
        media.add(_feedback_line("*", CONGESTION_CONTROL_FEEDBACK))
    if content.ptime_ms is not None:
        media.add(Ptime(content.ptime_ms))
    if content.maxptime_ms is not None:
        media.add(MaxPtime(content.maxptime_ms))
    write_rtcp_terms(media, content.rtcp)
    # [rfc8829:5.2.1/34] [rfc8829:5.2.1/38]
    for rid in content.rids:
        media.add(rid)
    if content.simulcast is not None:
        media.add(content.simulcast)
    for source in content.sources:
        _write_source(media, source, content)


def _write_streams(media: MediaDescription, content: MediaContent) -> None:
    if content.streams is None:
        return
    # The track's name is written as browsers write and expect it.
    for stream in content.streams or (NO_STREAM,):
        media.add(Msid(stream, content.track_id))


def _write_codec(media: MediaDescription, codec: RtpCodec) -> None:
    number, name = codec.payload_type, codec.mime_type.partition("/")[2]
    channels = str(codec.channels) if codec.channels > 1 else None
    # [rfc8834:10/4] [rfc8834:10/5] [rfc3264:5.1/9] [rfc8851:6.1/4]
    media.add(RtpMap(number, name, codec.clock_rate, channels))
    # [rfc8829:5.2.1/33] [rfc8829:5.3.1/20]
    # [rfc4585:4.2/1] [rfc4585:4.2/2] [rfc4585:4.2/4] [rfc4585:4.2/5] [rfc5104:7.1/1]
    for each in sorted(codec.feedback - {CONGESTION_CONTROL_FEEDBACK}):
        media.add(_feedback_line(str(number), each))
    if codec.parameters:
        media.add(Fmtp.from_dict(str(number), codec.parameters))
    if codec.rtx_payload_type is not None:
        media.add(RtpMap(codec.rtx_payload_type, "rtx", codec.clock_rate))
        media.add(Fmtp(str(codec.rtx_payload_type), f"apt={number}"))


def _feedback_line(fmt: str, feedback: str) -> RtcpFb:
    kind, _, parameters = feedback.partition(" ")
    return RtcpFb(fmt, kind, parameters)


def _write_source(media: MediaDescription, source: Source, content: MediaContent) -> None:
    if source.rtx_ssrc is not None:
        media.add(SsrcGroup("FID", (source.ssrc, source.rtx_ssrc)))
    if source.fec_ssrc is not None:
        media.add(SsrcGroup("FEC-FR", (source.ssrc, source.fec_ssrc)))
    # [rfc8834:4.8/2] [rfc5576:6.1/1]
    for ssrc in (source.ssrc, source.rtx_ssrc, source.fec_ssrc):
        if ssrc is None:
            continue
        media.add(Ssrc(ssrc, Attribute("cname", source.cname)))
        # Older peers look for the stream here.
        if content.streams is not None and content.track_id is not None:
            stream = next(iter(content.streams), NO_STREAM)
            media.add(Ssrc(ssrc, Attribute("msid", f"{stream} {content.track_id}")))
