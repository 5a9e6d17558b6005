"""Whether an answer fits its offer.

See :rfc:`3264#section-6`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rtc_sdp.answer_transport_check import check_bundled_answer, check_transport_answer, check_written_answer
from rtc_sdp.attribute_check import malformed_attributes
from rtc_sdp.bundle import Bundles
from rtc_sdp.datachannel import Dcmap
from rtc_sdp.direction import Direction
from rtc_sdp.errors import DescriptionError, Problem
from rtc_sdp.formats import match_formats, rtpmaps
from rtc_sdp.grouping import Mid
from rtc_sdp.media import MediaDescription
from rtc_sdp.restrictions import usable_simulcast
from rtc_sdp.rtp import Extmap
from rtc_sdp.sctp import SCTP_PROTOCOLS
from rtc_sdp.session import SessionDescription
from rtc_sdp.simulcast import SimulcastStream
from rtc_sdp.source import Ssrc
from rtc_sdp.standard import Ptime


def check_answer(offer: SessionDescription, answer: SessionDescription, *, received: bool = False) -> None:
    """Check that an answer fits its offer; call `check_description` for the rules of any description.

    Args:
        offer: The offer, as it was sent.
        answer: The answer to it.
        received: Leave out what a receiver has to tolerate: browsers write ``rtcp`` into bundled sections.

    Raises:
        DescriptionError: With all problems. If attributes are malformed in either, only those.
    """
    problems = malformed_attributes(offer) + malformed_attributes(answer)
    if not problems:
        problems = list(_check(offer, answer))
        if not received:
            problems += check_written_answer(answer)
    if problems:
        raise DescriptionError(problems)


def _check(offer: SessionDescription, answer: SessionDescription) -> Iterator[Problem]:
    # [rfc3264:6/1]
    if answer != offer and answer.origin == offer.origin:
        yield Problem("the origin is the offer's", "RFC 3264 section 6")
    # [rfc3264:6/5]
    if answer.times != offer.times:
        yield Problem("other times than in the offer", "RFC 3264 section 6")
    # [rfc3264:6/2] [rfc3264:6/3] [rfc3264:6/4]
    if len(answer.media) != len(offer.media):
        yield Problem(f"{len(offer.media)} sections offered, {len(answer.media)} answered", "RFC 3264 section 6")
        return
    ours, theirs = Bundles(offer), Bundles(answer)
    yield from check_bundled_answer(offer, answer, ours, theirs)
    # [rfc5888:9.1/3]
    for index, (offered, answered) in enumerate(zip(offer.media, answer.media, strict=True)):
        yield from _check_section(offered, answered, index)
        if theirs.is_rejected(answered):
            continue
        # [rfc3264:8.2/1]
        if ours.is_rejected(offered):
            yield Problem("accepted, though offered with port 0", "RFC 3264 section 8.2", index)
            continue
        yield from _check_formats(offered, answered, index)
        yield from check_transport_answer(offer, answer, ours, theirs, index)
        if answered.protocol in SCTP_PROTOCOLS:
            yield from _check_channels(offered, answered, index)
        # [rfc8841:9.2/1] An SCTP section has no direction.
        else:
            yield from _check_direction(offer, answer, index)
            yield from _check_streams(offer, answer, index)


def _check_section(offered: MediaDescription, answered: MediaDescription, index: int) -> Iterator[Problem]:
    # [rfc3264:6.1/2]
    if answered.media_type != offered.media_type:
        yield Problem(f"{offered.media_type} answered by {answered.media_type}", "RFC 3264 section 6.1", index)
    # [rfc8839:4.3.2/5] [rfc8841:10.3/1]
    if answered.protocol != offered.protocol:
        yield Problem(f"{offered.protocol} answered by {answered.protocol}", "RFC 3264 section 6.1", index)
    # [rfc5888:9.1/1]
    if answered.get(Mid) != offered.get(Mid) and (answered.has(Mid) or answered.port != 0):
        yield Problem("another mid than offered", "RFC 5888 section 9.1", index)


def _check_formats(offered: MediaDescription, answered: MediaDescription, index: int) -> Iterator[Problem]:
    # [rfc3264:6.1/6] [rfc3264:6.1/7] [rfc3264:6.1/8] [rfc3264:6.1/18]
    if not match_formats(offered, answered):
        yield Problem("no format of the offer", "RFC 3264 section 6.1", index)
    if not answered.is_rtp:
        return
    asked = rtpmaps(offered)
    for fmt, rtpmap in rtpmaps(answered).items():
        # [rfc3264:8.3.2/1]
        if fmt in asked and not rtpmap.same_encoding(asked[fmt]):
            yield Problem(f"payload type {fmt} has another meaning than offered", "RFC 3264 section 8.3.2", index)


def _check_direction(offer: SessionDescription, answer: SessionDescription, index: int) -> Iterator[Problem]:
    offered, answered = offer.media[index], answer.media[index]
    asked, got = offer.direction_of(offered), answer.direction_of(answered)
    address, own = offer.connection_of(offered), answer.connection_of(answered)
    if address is not None and address.is_multicast:
        # [rfc3264:6.2/1]
        if own != address or answered.port != offered.port:
            yield Problem("another address than the multicast offer's", "RFC 3264 section 6.2", index)
        # [rfc3264:6.2/2]
        if got is not asked:
            yield Problem("another direction than the multicast offer's", "RFC 3264 section 6.2", index)
        # [rfc3264:6.2/3]
        if not set(answered.formats) <= set(offered.formats):
            yield Problem("formats that the multicast offer lacks", "RFC 3264 section 6.2", index)
        # [rfc3264:6.2/4]
        if offered.bandwidths != answered.bandwidths or offered.get(Ptime) not in (None, answered.get(Ptime)):
            yield Problem("another ptime or bandwidth than the multicast offer's", "RFC 3264 section 6.2", index)
        return
    # [rfc3264:6.1/1]
    if own is not None and own.is_multicast:
        yield Problem("a multicast answer to a unicast offer", "RFC 3264 section 6.1", index)
    # [rfc3264:6.1/3] [rfc3264:6.1/4] [rfc3264:6.1/5]
    if got & asked.reversed is not got:
        yield Problem(f"{asked.value} answered by {got.value}", "RFC 3264 section 6.1", index)


def _check_streams(offer: SessionDescription, answer: SessionDescription, index: int) -> Iterator[Problem]:
    offered, answered = offer.media[index], answer.media[index]
    extensions = {extmap.name for extmap in offer.effective_all(offered, Extmap)}
    encrypted: dict[str, bool] = {}
    for extmap in answer.effective_all(answered, Extmap):
        if extmap.name not in extensions:
            yield Problem(f"extension {extmap.name} was not offered", "RFC 8285 section 6", index)
        # [rfc6904:4.1/4]
        used = extmap.direction is not Direction.INACTIVE
        if used and encrypted.setdefault(extmap.uri, extmap.encrypted) is not extmap.encrypted:
            yield Problem(f"extension {extmap.uri} both encrypted and in the clear", "RFC 6904 section 4.1", index)
    # [rfc5576:8/1]
    if not {s.ssrc for s in offered.get_all(Ssrc)}.isdisjoint(s.ssrc for s in answered.get_all(Ssrc)):
        yield Problem("an SSRC of the offer", "RFC 5576 section 8", index)
    asked, got = usable_simulcast(offered), usable_simulcast(answered)
    if got is not None:
        limits = ((), ()) if asked is None else (asked.recv, asked.send)
        for streams, limit in zip((got.send, got.recv), limits, strict=True):
            # [rfc8853:5.3.2/1] [rfc8853:5.3.2/4] [rfc8853:5.3.2/6]
            if len(streams) > len(limit) or not _rids(streams) <= _rids(limit):
                yield Problem("simulcast streams that were not offered", "RFC 8853 section 5.3.2", index)


def _rids(streams: tuple[SimulcastStream, ...]) -> set[str]:
    return {form.rid for stream in streams for form in stream}


def _check_channels(offered: MediaDescription, answered: MediaDescription, index: int) -> Iterator[Problem]:
    channels = {dcmap.stream_id: dcmap for dcmap in offered.get_all(Dcmap)}
    for dcmap in answered.get_all(Dcmap):
        asked = channels.get(dcmap.stream_id)
        # [rfc8864:6.4/2]
        if asked is None or (dcmap.max_retr, dcmap.max_time_ms) != (asked.max_retr, asked.max_time_ms):
            yield Problem(f"channel {dcmap.stream_id} is not as offered", "RFC 8864 section 6.4", index)
