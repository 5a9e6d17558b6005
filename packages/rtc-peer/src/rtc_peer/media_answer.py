"""What a section of audio or video says in our answer (RFC 8829 section 5.3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.capabilities import ExtensionEncryption, HeaderExtensionCapability
from rtc_peer.codec_matching import codec_name
from rtc_peer.codecs import answered_codecs
from rtc_peer.media_content import MediaContent
from rtc_peer.media_offer import OPUS_MAXPTIME_MS, extmap, sources_of, streams_of
from rtc_peer.media_reading import FIRST_REQUESTED_ID
from rtc_peer.media_writing import formats_of
from rtc_peer.rtcp_terms import answered_rtcp_terms
from rtc_peer.wishes import MediaWish
from rtc_sdp import (
    Direction,
    Extmap,
    MediaDescription,
    Rid,
    RidDirection,
    Simulcast,
    answer_direction,
    answer_rids,
    answer_simulcast,
)

if TYPE_CHECKING:
    from rtc_peer.numbers import Numbers


def answered_content(
    wish: MediaWish,
    offered: MediaContent,
    description: MediaDescription,
    written: MediaContent | None,
    numbers: Numbers,
) -> MediaContent | None:
    """Return what a section answers, None if nothing that was offered is of use.

    Args:
        wish: Of its transceiver.
        offered: What the section offers.
        description: The section itself.
        written: What we said in it last.
        numbers: Gives identifiers to header extensions that are offered without one.
    """
    codecs = answered_codecs(wish.codecs, offered.codecs, keep_order=not wish.has_preferences)
    if not codecs:
        return None
    # [rfc3264:6.1/3]
    direction = Direction.INACTIVE if wish.stopping else answer_direction(offered.direction, wish.direction)
    answer = MediaContent(
        kind=wish.kind,
        direction=direction,
        codecs=codecs,
        extensions=_extensions(wish, offered, numbers),
        # [rfc8285:6/2] [rfc8285:6/5] [rfc5506:5/3]
        allow_mixed=offered.allow_mixed,
        # [rfc9335:4/5]
        cryptex=offered.cryptex and wish.cryptex,
        reduced_size=offered.reduced_size,
        rtcp=answered_rtcp_terms(wish.rtcp, offered.rtcp),
        maxptime_ms=OPUS_MAXPTIME_MS if any(codec_name(each) == "opus" for each in codecs) else None,
    )
    rids, simulcast = _simulcast(wish, direction, description, set(formats_of(answer)))
    streams = streams_of(wish, direction, written)
    return replace(
        answer,
        streams=streams,
        track_id=None if streams is None else wish.track_id,
        rids=rids,
        simulcast=simulcast,
        sources=sources_of(wish, direction, codecs, named=any(each.direction is RidDirection.SEND for each in rids)),
    )


def _extensions(wish: MediaWish, offered: MediaContent, numbers: Numbers) -> tuple[Extmap, ...]:
    wanted = {each.uri: each for each in wish.extensions}
    # [rfc6904:4.1/3] [rfc6904:4.1/4] One form of each; the other is left out, for not all peers read "inactive".
    encrypted = {
        each.uri
        for each in offered.extensions
        if each.encrypted and each.uri in wanted and _direction(each, wanted[each.uri]) is not Direction.INACTIVE
    }
    found: list[Extmap] = []
    chosen: set[int] = set()
    # [rfc8829:5.10/9] [rfc8834:10/7]
    for each in offered.extensions:
        ours = wanted.get(each.uri)
        # [rfc8285:7/3] [rfc8285:7/8] Of those offered with one identifier, at most one.
        if ours is None or each.id in chosen or each.encrypted is not (each.uri in encrypted):
            continue
        if ours.encryption is ExtensionEncryption.REQUIRE and not each.encrypted:
            continue
        direction = _direction(each, ours)
        if direction is Direction.INACTIVE:
            continue
        # [rfc8285:7/6] [rfc8285:7/7] [rfc8285:7/9]
        number = each.id if each.id < FIRST_REQUESTED_ID else numbers.extension_id(each.name)
        if number is not None and number not in [known.id for known in found]:
            found.append(extmap(number, replace(ours, direction=direction), numbers, encrypted=each.encrypted))
            chosen.add(each.id)
    return tuple(found)


def _direction(offered: Extmap, ours: HeaderExtensionCapability) -> Direction:
    # [rfc8285:7/2] [rfc8285:7/4] [rfc8285:7/5]
    return answer_direction(offered.direction or Direction.SENDRECV, ours.direction)


def _simulcast(
    wish: MediaWish, direction: Direction, description: MediaDescription, formats: set[str]
) -> tuple[tuple[Rid, ...], Simulcast | None]:
    """Return the encodings to answer with: those of ours that the peer wants, those of the peer's that we want."""
    rids = answer_rids(description, formats)
    most = wish.max_encodings if wish.max_encodings > 1 else 0
    sent = [each for each in rids if each.direction is RidDirection.SEND and each.rid in wish.send_rids]
    received = [each for each in rids if each.direction is RidDirection.RECV][:most]
    kept = [*(sent if direction.sends else []), *(received if direction.receives else [])]
    simulcast = _unpaused(answer_simulcast(description, kept))
    if simulcast is None:
        # Without simulcast there is one encoding in each direction, named or not.
        kept = [each for each in kept if [other.direction for other in kept].count(each.direction) == 1]
    return tuple(kept), simulcast


def _unpaused(simulcast: Simulcast | None) -> Simulcast | None:
    """Return it with no stream that begins paused: nobody could ask for it to go on (RFC 7728)."""
    # [rfc8853:5.3.2/7]
    if simulcast is None:
        return None
    send, recv = (
        tuple(tuple(replace(form, paused=False) for form in stream) for stream in streams)
        for streams in (simulcast.send, simulcast.recv)
    )
    return replace(simulcast, send=send, recv=recv)
