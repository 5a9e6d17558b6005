"""RTP and RTCP on one transport (RFC 5761): how it is negotiated, and how packets are told apart."""

import pytest
from tests.peer.call import AUDIO, VIDEO, call, frames, media_datagrams, media_of, sent
from tests.peer.descriptions import answer_to, describe, parsed, section
from tests.peer.pair import Pair

import rtc_rtp
from rtc_peer import DescriptionError, SessionDescription
from rtc_peer.capabilities import CodecCapability
from rtc_peer.numbers import DYNAMIC_PAYLOAD_TYPES, Numbers
from rtc_sdp import Candidate, RtcpMux


def _codec(number: int) -> CodecCapability:
    return CodecCapability(mime_type=f"audio/codec-{number}", clock_rate=8000, channels=1)


@pytest.mark.spec("rfc5761:4/2", "rfc5761:4/3", "rfc5761:4/4", "rfc5761:4/5")
def test_payload_types_come_from_96_on_then_from_those_without_a_static_meaning_and_are_never_like_rtcp() -> None:
    numbers = Numbers()

    given = [numbers.payload_type(_codec(number)) for number in range(70)]

    assert given[:32] == list(range(96, 128))
    assert given[32 : len(DYNAMIC_PAYLOAD_TYPES)] == list(range(35, 64))
    assert given[len(DYNAMIC_PAYLOAD_TYPES) :] == [None] * (70 - len(DYNAMIC_PAYLOAD_TYPES))


@pytest.mark.spec("rfc8858:5.3/2")
@pytest.mark.spec("rfc8839:5.1/4")
@pytest.mark.spec("rfc5761:5.1.1/1", "rfc5761:5.1.1/2", "rfc5761:5.1.3/3")
def test_offer_and_answer_say_that_both_are_multiplexed() -> None:
    pair = call((AUDIO, VIDEO))

    for side in pair.sides:
        for media in parsed(side.machine.local_description).media:
            assert media.get(RtcpMux) is not None
            assert {line.text.split()[1] for line in media.get_all(Candidate)} <= {"1"}


@pytest.mark.spec("rfc8858:4.4/2", "rfc8858:5.2/1")
@pytest.mark.spec("rfc5761:5.1.1/4")
def test_an_answer_that_does_not_multiplex_is_refused() -> None:
    pair = Pair()
    pair.left.machine.add_track(AUDIO, "sound", ["stream"])
    pair.left.machine.set_local_description(None, pair.now)
    offer = pair.left.machine.local_description
    assert offer is not None
    pair.right.machine.set_remote_description(offer, pair.now)
    pair.right.machine.set_local_description(None, pair.now)
    answer = pair.right.machine.local_description
    assert answer is not None
    without = SessionDescription(answer.type, answer.sdp.replace("a=rtcp-mux\r\n", ""))

    with pytest.raises(DescriptionError, match="multiplex"):
        pair.left.machine.set_remote_description(without, pair.now)
    pair.left.machine.set_remote_description(answer, pair.now)


@pytest.mark.spec("rfc8858:4.4/1")
@pytest.mark.spec("rfc8834:4.1/2", "rfc5761:5.1.1/5", "rfc5761:4/1", "rfc5761:7/1")
def test_rtp_and_rtcp_share_a_transport_and_are_told_apart_below_srtp() -> None:
    """A datagram is told by its second byte, which SRTP leaves readable, before it is known whose key protects it how."""
    pair = call((AUDIO,))
    seen = media_datagrams(pair.left)

    pair.talk(100, kinds=(AUDIO,))

    kinds = {rtc_rtp.is_rtcp(datagram.data) for datagram in seen}
    assert kinds == {True, False}
    assert len({(datagram.local, datagram.remote) for datagram in seen}) == 1
    assert frames(pair.right, AUDIO) == sent(AUDIO, range(100))
    assert media_of(pair.right).session.stats.rtcp_packets_received > 0
    assert not any(reason.startswith("srtp") for reason in pair.right.machine.stats.dropped)


@pytest.mark.spec("rfc5761:5.1.1/3", "rfc5761:4/2")
def test_an_answer_takes_no_format_that_looks_like_rtcp() -> None:
    lines = ["rtpmap:72 opus/48000/2", "rtpmap:95 G722/8000", "rtpmap:63 PCMA/8000", "rtpmap:96 PCMU/8000"]
    offer = describe(section("rtcp-mux", *lines, media="audio", protocol="UDP/TLS/RTP/SAVPF", fmt="72 95 63 96"))

    answer = answer_to(Pair().right.machine, offer)

    assert list(answer.media[0].formats) == ["63", "96"]


@pytest.mark.spec("rfc5761:5.1.1/3")
def test_a_section_of_such_formats_alone_is_rejected() -> None:
    offer = describe(
        section("rtcp-mux", "rtpmap:72 opus/48000/2", media="audio", protocol="UDP/TLS/RTP/SAVPF", fmt="72")
    )

    assert answer_to(Pair().right.machine, offer).media[0].port == 0
