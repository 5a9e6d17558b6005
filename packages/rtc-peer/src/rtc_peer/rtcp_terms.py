"""What descriptions say about RTCP itself: its bandwidth (RFC 3556), its interval (RFC 4585), and extended reports (RFC 3611 section 5).

Where RTCP goes is the transport's matter, and what feedback there is each codec's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rtc_peer.dataclass import dataclass

if TYPE_CHECKING:
    from rtc_rtp.parameters import DelayMode, ExtendedReports, RtcpParameters, Statistic
    from rtc_sdp import MediaDescription, RtcpXr, SessionDescription

MAX_RTCP_BPS: Final = 1_000_000
"""Bits per second of RTCP beyond which a description is not believed: hardly any media need so much."""
MIN_REPORT_INTERVAL: Final = 0.1
MAX_REPORT_INTERVAL: Final = 10.0
"""Seconds between reports that a peer may ask for; others are not believed: twice what is usual makes congestion control blind."""

MAX_TRACE_SIZE: Final = 1000
"""Bytes of a block of an extended report at most, whatever the peer wants: it has to fit into a packet."""

_SENDERS: Final = "RS"
_RECEIVERS: Final = "RR"
_INTERVAL: Final = "trr-int"
_MAX_DIGITS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcpTerms:
    """What one section says about RTCP, or is to say."""

    senders_bps: int | None = None
    """Bits per second for those who send media; None for what is usual."""
    receivers_bps: int | None = None
    """The same for those who do not; 0: they are to be silent."""
    report_interval: float = 0.0
    """Seconds between regular reports at least; peers alone ask for it."""
    extended: RtcpXr | None = None
    """The extended reports that are wanted; None if nothing is said of them."""


def read_rtcp_terms(document: SessionDescription, media: MediaDescription) -> RtcpTerms:
    """Return what a section says, or the session for it.

    Raises:
        ParseError: An attribute does not follow its grammar.
    """
    from rtc_sdp import RtcpFb

    # [rfc8834:10/8] What the section says comes before what the session does (RFC 3556 section 4).
    rs, rr = (_first(media.bandwidth(kind), document.bandwidth(kind)) for kind in (_SENDERS, _RECEIVERS))
    total = (rs or 0) + (rr or 0)
    # [rfc8834:13/1] Without any RTCP there is no congestion control, and neither is there where it takes all room.
    if (rs == 0 and rr == 0) or total > MAX_RTCP_BPS:
        rs = rr = None
    wishes = [each.parameters for each in media.get_all(RtcpFb) if each.kind == _INTERVAL]
    return RtcpTerms(
        senders_bps=rs,
        receivers_bps=rr,
        report_interval=max((_interval(each or "") for each in wishes), default=0.0),
        extended=_read_reports(document, media),
    )


def _read_reports(document: SessionDescription, media: MediaDescription) -> RtcpXr | None:
    """Return the extended reports that are wanted; None if nothing is said, or something that nobody can read.

    JSEP does not need this attribute, and whatever has no space in it may be a report that others know: no call fails for it.
    """
    from rtc_sdp import ParseError, RtcpXr

    try:
        return document.effective(media, RtcpXr)
    except ParseError:
        return None


def write_rtcp_terms(media: MediaDescription, terms: RtcpTerms) -> None:
    """Write what a section says of the kind."""
    from rtc_sdp import Bandwidth

    limits = ((_SENDERS, terms.senders_bps), (_RECEIVERS, terms.receivers_bps))
    said = tuple(Bandwidth(kind, value) for kind, value in limits if value is not None)
    # [rfc8834:10/8]
    if said:
        media.bandwidths = said
    # [rfc3611:5/1] [rfc8834:8/2]
    if terms.extended is not None:
        media.add(terms.extended)


def answered_rtcp_terms(wanted: RtcpTerms, offered: RtcpTerms) -> RtcpTerms:
    """Return what to answer: the narrower bandwidth, so that both sides count with the same, and the reports of both.

    Args:
        wanted: What we would offer.
        offered: What the peer did.
    """
    return RtcpTerms(
        senders_bps=least(wanted.senders_bps, offered.senders_bps),
        receivers_bps=least(wanted.receivers_bps, offered.receivers_bps),
        extended=_answered_reports(wanted.extended, offered.extended),
    )


def _answered_reports(wanted: RtcpXr | None, offered: RtcpXr | None) -> RtcpXr | None:
    # [rfc3611:5.1/3]
    if offered is None:
        return None
    from rtc_sdp import ROUND_TRIP, RoundTripMode, RtcpXr

    ours, theirs = None if wanted is None else wanted.round_trip, offered.round_trip
    # [rfc3611:5.2/3]
    if wanted is None or ours is None or theirs is None:
        return RtcpXr()
    # [rfc3611:5.1/6]
    mode = RoundTripMode.SENDER if RoundTripMode.SENDER in (ours, theirs) else RoundTripMode.ALL
    return RtcpXr.of(round_trip=mode, max_delays_size=wanted.max_size(ROUND_TRIP))


def agreed_rtcp(local: RtcpTerms, remote: RtcpTerms) -> RtcpParameters:
    """Return what a section's two descriptions make of RTCP.

    Args:
        local: What we say.
        remote: What the peer says.
    """
    from rtc_rtp.parameters import RtcpParameters
    from rtc_sdp import ROUND_TRIP, RoundTripMode

    theirs = remote.extended
    answers: DelayMode = "all"
    # Who says nothing of extended reports may yet understand them: section 5 lets them come unannounced, as with Firefox.
    # [rfc3611:5.1/2]
    if theirs is not None and theirs.round_trip is None:
        answers = "none"
    # [rfc3611:5.1/7]
    elif RoundTripMode.SENDER in [each.round_trip for each in (local.extended, theirs) if each is not None]:
        answers = "sender"
    return RtcpParameters(
        senders_bps=least(local.senders_bps, remote.senders_bps),
        receivers_bps=least(local.receivers_bps, remote.receivers_bps),
        report_interval=remote.report_interval,
        sends_reference_times=answers != "none",
        answers_reference_times=answers,
        max_delays_size=None if theirs is None else theirs.max_size(ROUND_TRIP),
    )


def agreed_reports(remote: RtcpTerms) -> ExtendedReports | None:
    """Return what the peer wants to know of the streams that it sends."""
    theirs = remote.extended
    if theirs is None:
        return None
    from rtc_rtp.parameters import USUAL_TRACE_SIZE, ExtendedReports
    from rtc_sdp import DUPLICATE_TRACE, LOSS_TRACE, RECEIPT_TIMES, STATISTICS, VOIP_METRICS

    # [rfc3611:7/1] [rfc3611:5.1/8]
    sizes = [
        min(_first(theirs.max_size(name), USUAL_TRACE_SIZE) or 0, MAX_TRACE_SIZE) if theirs.wants(name) else None
        for name in (LOSS_TRACE, DUPLICATE_TRACE, RECEIPT_TIMES)
    ]
    known: tuple[Statistic, ...] = ("loss", "dup", "jitt")
    everything = theirs.wants(STATISTICS) and not theirs.statistics
    statistics = frozenset(each for each in known if everything or each in theirs.statistics)
    # [rfc3611:5.2/1]
    found = ExtendedReports(
        loss_trace_size=sizes[0],
        duplicate_trace_size=sizes[1],
        receipt_times_size=sizes[2],
        statistics=statistics,
        voip_metrics=theirs.wants(VOIP_METRICS),
    )
    return None if found == ExtendedReports() else found


def together(sections: Sequence[RtcpParameters]) -> RtcpParameters:
    """Return what holds for the one RTP session of sections that share a transport (RFC 8859).

    Bandwidths add up. A section that says nothing has the usual one, and so have all together.
    """
    from rtc_rtp.parameters import RtcpParameters

    if not sections:
        return RtcpParameters()
    modes: list[DelayMode] = [each.answers_reference_times for each in sections]
    return RtcpParameters(
        senders_bps=_sum(each.senders_bps for each in sections),
        receivers_bps=_sum(each.receivers_bps for each in sections),
        report_interval=max(each.report_interval for each in sections),
        sends_reference_times=any(each.sends_reference_times for each in sections),
        answers_reference_times="all" if "all" in modes else "sender" if "sender" in modes else "none",
        max_delays_size=least(*(each.max_delays_size for each in sections)),
    )


def least(*limits: int | None) -> int | None:
    """Return the lowest of the bounds that there are."""
    return min((each for each in limits if each is not None), default=None)


def _sum(limits: Iterable[int | None]) -> int | None:
    total = 0
    for each in limits:
        if each is None:
            return None
        total += each
    return total


def _first(*values: int | None) -> int | None:
    return next((each for each in values if each is not None), None)


def _interval(text: str) -> float:
    """Return the seconds that ``trr-int`` asks for; 0 for what is no number, or not to be believed."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        return 0.0
    seconds = int(text) / 1000
    # [rfc8834:13/1]
    return seconds if MIN_REPORT_INTERVAL <= seconds <= MAX_REPORT_INTERVAL else 0.0
