"""Offer and answer: making answers, rejecting, and counting versions.

Nothing here keeps a state: an exchange is two descriptions, and these functions compute one from the other. Whether
the result keeps the rules, `rtc_sdp.check_answer` and `rtc_sdp.check_offer` tell.

See :rfc:`3264#section-6`.
"""

from __future__ import annotations

import copy
from dataclasses import replace

from rtc_sdp.bundle import Bundles
from rtc_sdp.direction import Direction, answer_direction
from rtc_sdp.fields import Connection, Origin
from rtc_sdp.formats import SameParameters, any_parameters, format_parameters, match_formats
from rtc_sdp.grouping import Mid
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtp import Fmtp
from rtc_sdp.session import SessionDescription
from rtc_sdp.timing import TimeDescription


def reject(offered: MediaDescription) -> MediaDescription:
    """Return the answer to a section that is not wanted: port 0, the formats and the ``mid`` as offered, nothing else.

    See :rfc:`3264#section-6`.
    """
    # [rfc3264:6/7] [rfc3264:6/8] [rfc3264:8.2/2] [rfc9143:7.3.3/2] [rfc8841:10.3/9]
    media = MediaDescription(offered.media_type, 0, offered.protocol, offered.formats)
    media.connections = (Connection("0.0.0.0"),)  # noqa: S104 - says that there is no address
    mid = offered.get(Mid)
    if mid is not None:
        media.add(mid)
    return media


def start_answer(offer: SessionDescription, *, origin: Origin) -> SessionDescription:
    """Return an answer that rejects every section, to be replaced one by one with those that are accepted.

    Args:
        offer: The offer.
        origin: Of the answerer: `Origin.create` for the first answer, `next_origin` for later ones.

    See :rfc:`3264#section-6`.
    """
    # [rfc3264:6/5] A lenient reading may have let an offer without times through.
    answer = SessionDescription(origin, times=offer.times or (TimeDescription(),))
    # [rfc3264:6/2] [rfc3264:6/3] [rfc3264:6/4]
    answer.media = [reject(media) for media in offer.media]
    return answer


def answer_media(
    offer: SessionDescription,
    offered: MediaDescription,
    supported: MediaDescription,
    *,
    wanted: Direction = Direction.SENDRECV,
    same_parameters: SameParameters = any_parameters,
) -> MediaDescription:
    """Return the answer to a section: the formats in common, in the offer's order and under its payload types.

    The ``fmtp`` parameters are ours; port, connection and all other attributes are left to the caller.

    Args:
        offer: The offer.
        offered: A section of it.
        supported: A section that lists what we can do, with the port to answer with.
        wanted: The direction we would like.
        same_parameters: Compares ``fmtp`` parameters; see `match_formats`.

    Returns:
        The rejected section if it is offered as such, or nothing is in common.

    Raises:
        ParseError: An attribute of the section is malformed.

    See :rfc:`3264#section-6.1`.
    """
    matches = match_formats(offered, supported, same_parameters=same_parameters)
    # [rfc3264:6.1/18] [rfc3264:8.2/1]
    if Bundles(offer).is_rejected(offered) or offered.media_type != supported.media_type or not matches:
        return reject(offered)
    media = MediaDescription(
        offered.media_type, supported.port, offered.protocol, tuple(match.offered for match in matches)
    )
    mid = offered.get(Mid)
    if mid is not None:
        media.add(mid)
    media.direction = answer_direction(offer.direction_of(offered), wanted)
    parameters = format_parameters(supported)
    for match in matches:
        # [rfc3264:6.1/10] [rfc3264:6.1/11] [rfc3264:6.1/12]
        if match.rtpmap is not None:
            media.add(replace(match.rtpmap, payload_type=int(match.offered)))
        if match.supported in parameters:
            media.add(Fmtp(match.offered, parameters[match.supported]))
    return media


def next_origin(previous: SessionDescription, updated: SessionDescription) -> Origin:
    """Return the origin that the next description of a session must have.

    Args:
        previous: The last description that we sent, offer or answer.
        updated: What we are about to send, whatever its origin.

    Returns:
        The previous origin if nothing else differs, otherwise the same with the version counted up by one.

    See :rfc:`3264#section-8`.
    """
    probe = copy.deepcopy(updated)
    probe.origin = previous.origin
    # [rfc3264:8/1] [rfc3264:8/2] [rfc3264:8/3]
    if probe == previous:
        return previous.origin
    return replace(previous.origin, sess_version=previous.origin.sess_version + 1)
