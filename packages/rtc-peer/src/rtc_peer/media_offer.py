"""What a section of audio or video says in our offer (RFC 8829 sections 5.2.1 and 5.2.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rtc_peer.capabilities import ExtensionEncryption, HeaderExtensionCapability
from rtc_peer.codec_matching import codec_name
from rtc_peer.codecs import offered_codecs
from rtc_peer.media_content import MediaContent, Source
from rtc_peer.numbers import EXTENSION_IDS, MAX_ONE_BYTE_ID
from rtc_peer.wishes import MediaWish
from rtc_rtp.parameters import RtpCodec
from rtc_sdp import Direction, Extmap, Rid, RidDirection, Simulcast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtc_peer.numbers import Numbers

# [rfc8866:6.5/2]
OPUS_MAXPTIME_MS: Final = 120
"""The longest packet of Opus (:rfc:`7587#section-6.1`)."""


def offered_content(
    wish: MediaWish, agreed: MediaContent | None, written: MediaContent | None, numbers: Numbers
) -> MediaContent:
    """Return what a section offers.

    Args:
        wish: Of its transceiver.
        agreed: What we say in the agreement in force, narrowed to what the peer took; None for a new section.
        written: What we said last.
        numbers: Gives payload types and identifiers, and remembers them.
    """
    codecs = offered_codecs(
        wish.codecs, () if agreed is None else agreed.codecs, numbers, keep_order=not wish.has_preferences
    )
    # [rfc8829:5.2.1/34] [rfc8829:5.2.2/19] [rfc8851:6.1/1] [rfc8851:6.5/2] [rfc8853:5.5/1]
    rids = [Rid(name, RidDirection.SEND) for name in wish.send_rids if wish.direction.sends]
    rids += [Rid(name, RidDirection.RECV) for name in wish.receive_rids if wish.direction.receives]
    streams = streams_of(wish, wish.direction, written)
    return MediaContent(
        kind=wish.kind,
        direction=wish.direction,
        # [rfc3264:5.1/5] [rfc3264:5.1/6] [rfc3264:5.1/7] Whatever the direction: what we have is sent and received alike.
        codecs=codecs,
        extensions=_extensions(wish, agreed, numbers),
        # [rfc8285:6/4]
        allow_mixed=True,
        cryptex=wish.cryptex,
        streams=streams,
        track_id=None if streams is None else wish.track_id,
        sources=sources_of(wish, wish.direction, codecs, named=bool(wish.send_rids)),
        rids=tuple(rids),
        simulcast=_simulcast(wish),
        # [rfc8829:5.2.2/27] [rfc8829:5.2.2/28] [rfc8829:5.2.2/29]
        rtcp_mux_only=agreed is None,
        reduced_size=agreed is None or agreed.reduced_size,
        rtcp=wish.rtcp,
        maxptime_ms=OPUS_MAXPTIME_MS if any(codec_name(each) == "opus" for each in codecs) else None,
    )


def _extensions(wish: MediaWish, agreed: MediaContent | None, numbers: Numbers) -> tuple[Extmap, ...]:
    known = {} if agreed is None else {each.name: each for each in agreed.extensions}
    found: list[Extmap] = []
    # [rfc6904:4.1/1] What is in the clear comes first: it is what most peers take, and low identifiers cost less.
    for encrypted in (False, True):
        for capability in wish.extensions:
            # [rfc8829:5.2.2/24] Those that the answer left out are inactive, unless the application has chosen them again.
            if capability.direction is Direction.INACTIVE:
                continue
            forms = _forms(capability, known, numbers)
            if encrypted not in forms:
                continue
            # [rfc6904:4/1] [rfc6904:4/2] All sections of media have SRTP.
            wanted = extmap(0, capability, numbers, encrypted=encrypted)
            # What is one of two costs nobody two-byte headers: Firefox refuses offers that have their identifiers.
            most = MAX_ONE_BYTE_ID if encrypted and len(forms) > 1 else EXTENSION_IDS[-1]
            # [rfc8285:7/10]
            number = known[wanted.name].id if wanted.name in known else numbers.extension_id(wanted.name, most=most)
            if number is not None:
                found.append(replace(wanted, id=number))
    return tuple(found)


def _forms(capability: HeaderExtensionCapability, known: Mapping[str, Extmap], numbers: Numbers) -> tuple[bool, ...]:
    """Return in which forms to offer a header extension: whether encrypted. What the peer has encrypted stays so."""
    if capability.encryption is ExtensionEncryption.ACCEPT:
        encrypted = extmap(0, capability, numbers, encrypted=True).name
        if encrypted in known:
            return ExtensionEncryption.REQUIRE.offered
        if capability.uri not in known and numbers.knows_extension(encrypted):
            return ExtensionEncryption.PREFER.offered
    return capability.encryption.offered


def extmap(number: int, capability: HeaderExtensionCapability, numbers: Numbers, *, encrypted: bool) -> Extmap:
    """Return the line of a header extension; both directions are not spelled out."""
    uri, direction = capability.uri, capability.direction
    # [rfc8285:5/1] [rfc8285:7/1]
    shown = None if direction is Direction.SENDRECV else direction
    return Extmap(number, uri, shown, numbers.extension_attributes(uri), encrypted)


def streams_of(wish: MediaWish, direction: Direction, written: MediaContent | None) -> tuple[str, ...] | None:
    """Return the streams that a section names: those of the track while it is sent, else what it named before."""
    if direction.sends:
        # [rfc8829:5.2.2/8]
        return wish.streams
    # [rfc8829:5.2.2/7] [rfc8829:5.3.2/14]
    return None if written is None else written.streams


def sources_of(
    wish: MediaWish, direction: Direction, codecs: tuple[RtpCodec, ...], *, named: bool
) -> tuple[Source, ...]:
    """Return the SSRCs to announce: none where the encodings are told apart by their names (RFC 8853 section 5.5)."""
    if named or not direction.sends:
        return ()
    repaired = any(each.rtx_payload_type is not None for each in codecs)
    has_fec = any(codec_name(each) == "flexfec-03" for each in codecs)
    return (
        replace(
            wish.source,
            rtx_ssrc=wish.source.rtx_ssrc if repaired else None,
            fec_ssrc=wish.source.fec_ssrc if has_fec else None,
        ),
    )


def _simulcast(wish: MediaWish) -> Simulcast | None:
    # [rfc8829:5.2.1/38] [rfc8829:5.2.2/20] [rfc8853:5.3.1/1]
    send = wish.send_rids if wish.direction.sends and len(wish.send_rids) > 1 else ()
    recv = wish.receive_rids if wish.direction.receives and len(wish.receive_rids) > 1 else ()
    return Simulcast.of(send=send, recv=recv) if send or recv else None
