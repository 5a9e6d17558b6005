"""What descriptions say about RTCP: bandwidth, interval, extended reports (RFC 3556, RFC 4585 section 4.2, RFC 3611 section 5)."""

from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, media_of
from tests.peer.descriptions import describe
from tests.peer.media_sections import media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, section

from rtc_peer import ArgumentError, MediaOptions, NegotiatedMedia, PeerConnection, PeerOptions
from rtc_peer.rtcp_terms import MAX_TRACE_SIZE, together
from rtc_rtp import USUAL_TRACE_SIZE, ExtendedReports, RtcpParameters
from rtc_sdp import RtcpXr

OPUS = "rtpmap:111 opus/48000/2"


def _with(**changes: object) -> PeerOptions:
    return PeerOptions(media=replace(MediaOptions(), **changes))  # type: ignore[arg-type]


def _answered(*lines: str, bandwidth: str = "", options: PeerOptions | None = None) -> PeerConnection:
    """Answer an offer of sound."""
    peer = make_peer("answerer", None, options)
    peer.add_track("audio", "voice")
    media = media_section(OPUS, *lines)
    media[2:2] = [f"b={each}" for each in bandwidth.split()]
    peer.set_remote_description(describe(media), 0.0)
    peer.set_local_description(None, 0.0)
    return peer


def _rtcp(peer: PeerConnection, mid: str = "0") -> RtcpParameters:
    rtcp = negotiated(peer)[mid].rtcp
    assert rtcp is not None
    return rtcp


def _limits(peer: PeerConnection) -> tuple[int | None, int | None]:
    return _rtcp(peer).senders_bps, _rtcp(peer).receivers_bps


def _written(peer: PeerConnection) -> dict[str, int]:
    return {each.bwtype: each.value for each in section(peer.local_description).bandwidths}


def _reports(peer: PeerConnection) -> str | None:
    found = section(peer.local_description).get(RtcpXr)
    return None if found is None else found.serialize()


# --- bandwidth ---


@pytest.mark.spec("rfc8834:10/8", "rfc8834:4.1/3")
@pytest.mark.parametrize(
    ("offered", "wanted", "agreed"),
    [
        ((None, None), (None, None), (None, None)),
        ((8000, 2400), (None, None), (8000, 2400)),
        ((None, None), (3000, 0), (3000, 0)),
        ((8000, 2400), (9000, 1200), (8000, 1200)),
        ((800, None), (None, 0), (800, 0)),
    ],
)
def test_both_sides_count_with_the_same_bandwidth(
    offered: tuple[int | None, int | None],
    wanted: tuple[int | None, int | None],
    agreed: tuple[int | None, int | None],
) -> None:
    left, right = (_with(rtcp_senders_bps=rs, rtcp_receivers_bps=rr) for rs, rr in (offered, wanted))
    talk = Talk(options=(left, right))
    talk.left.add_track("audio", "voice")
    talk.negotiate()

    said = zip(("RS", "RR"), offered, strict=True), zip(("RS", "RR"), agreed, strict=True)
    for peer, lines in zip((talk.left, talk.right), said, strict=True):
        assert _written(peer) == {name: value for name, value in lines if value is not None}
        assert _limits(peer) == agreed


@pytest.mark.spec("rfc8834:10/8")
def test_the_section_comes_before_the_session() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    media = media_section(OPUS)
    media[2:2] = ["b=RS:1000"]
    offer = describe(media)
    peer.set_remote_description(replace(offer, sdp=offer.sdp.replace("t=0 0", "b=RS:9000\r\nb=RR:500\r\nt=0 0")), 0.0)
    peer.set_local_description(None, 0.0)

    assert _limits(peer) == (1000, 500)


@pytest.mark.spec("rfc8834:13/1")
@pytest.mark.parametrize("bandwidth", ["RS:0 RR:0", "RS:90000000 RR:90000000", "RR:18446744073709551615"])
def test_what_would_end_congestion_control_is_not_obeyed(bandwidth: str) -> None:
    peer = _answered(bandwidth=bandwidth)

    assert _limits(peer) == (None, None)
    assert _written(peer) == {}


@pytest.mark.spec("rfc8834:13/1", "rfc8834:4.1/3")
@pytest.mark.parametrize(
    ("lines", "interval"),
    [
        ((), 0.0),
        (("rtcp-fb:* trr-int 5000",), 5.0),
        (("rtcp-fb:111 trr-int 500", "rtcp-fb:* trr-int 100"), 0.5),
        (("rtcp-fb:* trr-int 1",), 0.0),
        (("rtcp-fb:* trr-int 3600000",), 0.0),
        (("rtcp-fb:* trr-int soon",), 0.0),
        (("rtcp-fb:* trr-int",), 0.0),
    ],
)
def test_the_peer_may_ask_for_reports_further_apart(lines: tuple[str, ...], interval: float) -> None:
    assert _rtcp(_answered(*lines)).report_interval == interval


def test_no_connection_offers_to_do_without_rtcp() -> None:
    with pytest.raises(ArgumentError):
        MediaOptions(rtcp_senders_bps=0, rtcp_receivers_bps=0)
    with pytest.raises(ArgumentError):
        MediaOptions(rtcp_receivers_bps=-1)


@pytest.mark.spec("rfc8834:10/8")
def test_sections_on_one_transport_have_the_sum() -> None:
    some, others = RtcpParameters(senders_bps=100, receivers_bps=50), RtcpParameters(senders_bps=1, receivers_bps=0)

    both = together([some, others])
    assert (both.senders_bps, both.receivers_bps) == (101, 50)
    assert together([some, RtcpParameters(senders_bps=5)]).receivers_bps is None
    assert together([]) == RtcpParameters()


@pytest.mark.spec("rfc8834:4.1/3", "rfc8834:10/8")
def test_the_session_keeps_to_what_was_agreed_upon() -> None:
    slow = _with(rtcp_senders_bps=600, rtcp_receivers_bps=600)
    sizes = []
    for options in (PeerOptions(), slow):
        pair = Call([AUDIO], options=(options, options))
        pair.begin()
        before = media_of(pair.left).session.stats.rtcp_packets_sent
        pair.talk(count=1000, kinds=[AUDIO])
        sizes.append(media_of(pair.left).session.stats.rtcp_packets_sent - before)

    assert 0 < 2 * sizes[1] < sizes[0]


# --- extended reports ---


@pytest.mark.spec("rfc8834:8/2", "rfc3611:5/1", "rfc3611:5.1/6", "rfc3611:5.2/2")
def test_help_with_the_round_trip_is_offered_and_accepted() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert _reports(peer) == "rcvr-rtt=all"
        assert (_rtcp(peer).sends_reference_times, _rtcp(peer).answers_reference_times) == (True, "all")


@pytest.mark.spec("rfc3611:5.1/3")
def test_who_wants_no_extended_reports_does_not_speak_of_them() -> None:
    talk = Talk(options=(_with(round_trip_reports=False), None))
    talk.left.add_track("audio", "voice")
    talk.negotiate()

    assert (_reports(talk.left), _reports(talk.right)) == (None, None)


@pytest.mark.spec("rfc3611:5.2/3", "rfc3611:5.1/2")
@pytest.mark.parametrize(
    ("offered", "helps"),
    [("", True), ("", False), ("pkt-loss-rle stat-summary=loss", True), ("rcvr-rtt=all", False)],
)
def test_an_answer_that_wants_nothing_says_so(offered: str, helps: bool) -> None:
    options = _with(round_trip_reports=helps)
    peer = _answered(f"rtcp-xr:{offered}", options=options)

    assert _reports(peer) == ""
    assert "a=rtcp-xr:\r\n" in (peer.local_description.sdp if peer.local_description else "")


@pytest.mark.spec("rfc3611:5.1/2")
def test_a_peer_that_answers_without_parameters_gets_none() -> None:
    talk = Talk(options=(None, _with(round_trip_reports=False)))
    talk.left.add_track("audio", "voice")
    talk.negotiate()

    assert (_rtcp(talk.left).sends_reference_times, _rtcp(talk.left).answers_reference_times) == (False, "none")


@pytest.mark.spec("rfc3611:5.1/7", "rfc3611:5.1/8")
def test_mode_and_size_are_those_that_the_peer_names() -> None:
    peer = _answered("rtcp-xr:rcvr-rtt=sender:100")

    assert _reports(peer) == "rcvr-rtt=sender"
    assert (_rtcp(peer).answers_reference_times, _rtcp(peer).max_delays_size) == ("sender", 100)


def test_peers_that_never_heard_of_the_attribute_are_helped_as_before() -> None:
    peer = _answered()

    assert _reports(peer) is None
    assert _rtcp(peer) == RtcpParameters()


@pytest.mark.spec("rfc3611:5.2/1", "rfc3611:7/1", "rfc3611:5.1/8")
@pytest.mark.parametrize(
    ("offered", "reports"),
    [
        ("rcvr-rtt=all", None),
        ("new=1", None),
        ("voip-metrics new=1", ExtendedReports(voip_metrics=True)),
        ("pkt-loss-rle", ExtendedReports(loss_trace_size=USUAL_TRACE_SIZE)),
        ("pkt-dup-rle=100", ExtendedReports(duplicate_trace_size=100)),
        ("pkt-rcpt-times=99999", ExtendedReports(receipt_times_size=MAX_TRACE_SIZE)),
        ("stat-summary=loss,HL", ExtendedReports(statistics=frozenset({"loss"}))),
        ("stat-summary", ExtendedReports(statistics=frozenset({"loss", "dup", "jitt"}))),
    ],
)
def test_what_the_peer_wants_to_know_it_is_told(offered: str, reports: ExtendedReports | None) -> None:
    receive = negotiated(_answered(f"rtcp-xr:{offered}"))["0"].receive

    assert receive is not None
    assert receive.extended_reports == reports


@pytest.mark.spec("rfc3611:5.1/1")
def test_a_section_without_a_word_goes_by_the_session() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")
    offer = describe(media_section(OPUS), session=("rtcp-xr:rcvr-rtt=sender",))
    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)

    assert _rtcp(peer).answers_reference_times == "sender"


@pytest.mark.parametrize(
    "wish", ["stat-summary=TTL,HL", "stat-summary=loss,speed", "rcvr-rtt", "voip-metrics=2", "a  b"]
)
def test_a_wish_that_nobody_can_read_is_none(wish: str) -> None:
    peer = _answered(f"rtcp-xr:{wish}")

    assert _reports(peer) is None
    assert _rtcp(peer) == RtcpParameters()


def test_a_session_helps_if_one_of_its_sections_does() -> None:
    none = RtcpParameters(sends_reference_times=False, answers_reference_times="none")
    senders = RtcpParameters(answers_reference_times="sender", max_delays_size=40)

    assert together([none, none]) == none
    both = together([none, senders])
    assert (both.sends_reference_times, both.answers_reference_times, both.max_delays_size) == (True, "sender", 40)
    assert together([senders, RtcpParameters()]).answers_reference_times == "all"


@pytest.mark.spec("rfc3611:5.2/2", "rfc8834:8/2")
@pytest.mark.parametrize("helps", [True, False])
def test_who_only_receives_learns_the_round_trip_if_that_was_agreed_upon(helps: bool) -> None:
    pair = Call([], options=(_with(round_trip_reports=helps),) * 2)
    pair.left.machine.add_track(VIDEO, "camera", ["stream"])
    offer = pair.offer()
    if not helps:
        # The one who offers understands the attribute and wants nothing.
        offer = replace(offer, sdp=offer.sdp.replace("a=mid:0\r\n", "a=mid:0\r\na=rtcp-xr:\r\n"))
    pair.give(pair.right, offer)
    pair.give(pair.left, pair.answer())
    assert pair.run(lambda: all(media_of(side).srtp.profile is not None for side in pair.sides))
    for number in range(100):
        pair.send(pair.left, VIDEO, number, keyframe=not number)
        pair.settle(0.03)

    assert (media_of(pair.right).session.stats.round_trip_time is not None) is helps


def _media(peer: PeerConnection) -> NegotiatedMedia:
    return negotiated(peer)["0"]


def test_nothing_is_agreed_upon_before_the_answer() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.offer()

    assert _media(talk.left).rtcp is None
