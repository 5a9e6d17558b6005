"""Rules between an offer and what came before, and between an answer and its offer."""

import copy
from collections.abc import Callable

import pytest
from tests.sdp.vectors import audio, build, data, load, secured

from rtc_sdp import (
    Attribute,
    Connection,
    DescriptionError,
    Direction,
    Group,
    Mid,
    Origin,
    Role,
    SessionDescription,
    Setup,
    check_answer,
    check_offer,
)

ANSWER_HEAD = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


def offer_problems(
    offer: SessionDescription, previous: SessionDescription | None = None, *, received: bool = False
) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        check_offer(offer, previous, received=received)
    return [problem.text for problem in caught.value.problems]


def answer_problems(offer: SessionDescription, answer: SessionDescription, **options: bool) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        check_answer(offer, answer, **options)
    return [problem.text for problem in caught.value.problems]


def answer(*lines: str) -> SessionDescription:
    return build(*lines, head=ANSWER_HEAD)


def next_offer(previous: SessionDescription, change: Callable[[SessionDescription], object]) -> SessionDescription:
    offer = copy.deepcopy(previous)
    change(offer)
    offer.increment_version()
    return offer


# --- offers ---


@pytest.mark.parametrize(
    "name",
    [
        "chromium-offer-data.sdp",
        "chromium-offer-media.sdp",
        "firefox-offer-data.sdp",
        "firefox-offer-media.sdp",
        "firefox-52-offer-data.sdp",
        "pion-offer-data.sdp",
        "libdatachannel-offer-data.sdp",
        "sip-phone-offer.sdp",
        "whip-offer.sdp",
        "rfc4317-2.1-offer.sdp",
    ],
)
def test_offers_of_all_stacks_pass(name: str) -> None:
    check_offer(load(name), received=True)


def test_a_malformed_attribute_fails_offer_and_answer() -> None:
    broken = build(*audio("a=setup:x"))

    assert "Role" in offer_problems(broken)[0]
    assert len(answer_problems(broken, broken)) == 2


@pytest.mark.spec("rfc3264:5/2", "rfc3264:5/3")
@pytest.mark.parametrize(
    ("sess_id", "version", "problem"),
    [
        (str(2**63), 1, "session id or version beyond 63 bits"),
        ("9" * 5000, 1, "session id or version beyond 63 bits"),
        ("1", 2**63, "session id or version beyond 63 bits"),
        ("1", 2**62 - 1, "the first version is not below 2^62 - 1"),
    ],
)
def test_session_id_and_version_leave_room(sess_id: str, version: int, problem: str) -> None:
    offer = build()
    offer.origin = Origin("-", sess_id, version)

    assert problem in offer_problems(offer)


@pytest.mark.spec("rfc8842:5.2/1", "rfc8842:5.5/1", "rfc8842:5.3/8")
def test_an_offer_says_actpass_but_a_received_one_may_say_otherwise() -> None:
    offer = build(*data(setup="active"))

    assert offer_problems(offer) == ["an offer says setup:actpass, not active"]
    assert offer_problems(next_offer(offer, lambda o: None), offer) == ["an offer says setup:actpass, not active"]
    check_offer(offer, received=True)


@pytest.mark.spec("rfc9143:7.1.3/2")
def test_a_bundle_only_section_of_an_initial_offer_has_no_transport_of_its_own() -> None:
    second = ("m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "a=bundle-only", "a=mid:1", "a=sctp-port:5000")

    check_offer(build("a=group:BUNDLE 0 1", *data(), *second))
    offer = build("a=group:BUNDLE 0 1", *data(), *second, "a=ice-ufrag:abcd", "a=setup:actpass")
    assert offer_problems(offer) == ["ice-ufrag in a bundle-only section", "setup in a bundle-only section"]
    check_offer(offer, received=True)
    check_offer(next_offer(offer, lambda o: None), offer)


@pytest.mark.spec("rfc3264:8/4")
def test_the_same_offer_again_is_no_problem() -> None:
    offer = load("chromium-offer-media.sdp")

    check_offer(copy.deepcopy(offer), offer)


@pytest.mark.spec("rfc3264:8/1", "rfc3264:8/2", "rfc3264:8/3")
def test_the_origin_stays_but_for_the_version_which_counts_changes() -> None:
    first = build(*data())
    changed = copy.deepcopy(first)
    changed.add(Attribute("x"))

    assert offer_problems(changed, first) == ["changed without counting up the version"]
    changed.increment_version()
    check_offer(changed, first)
    changed.increment_version()
    assert offer_problems(changed, first) == ["the version does not count up by one"]
    changed.origin = Origin("-", "9", 2)
    assert offer_problems(changed, first) == ["another origin than before"]


@pytest.mark.spec("rfc3264:8/6", "rfc3264:8/7", "rfc3264:8/8")
def test_sections_are_never_dropped() -> None:
    first = load("chromium-offer-media.sdp")

    def drop(offer: SessionDescription) -> None:
        offer.media.pop()
        offer.set(Group("BUNDLE", ("0", "1")))

    offer = next_offer(first, drop)

    assert offer_problems(offer, first) == ["fewer media sections than before"]


@pytest.mark.spec("rfc3264:8.1/1", "rfc5888:9.1/2")
def test_new_sections_come_below_and_used_ones_keep_their_mid() -> None:
    first = build(*data())
    extra = build(*audio("a=mid:1")).media[0]

    check_offer(next_offer(first, lambda o: o.media.append(extra)), first)
    offer = next_offer(first, lambda o: o.media.insert(0, extra))
    assert "another mid than before, though the section was in use" in offer_problems(offer, first)


def test_the_slot_of_a_rejected_section_may_be_used_again() -> None:
    first = build("m=audio 0 RTP/AVP 96", "a=mid:old", "a=rtpmap:96 x/8000")

    check_offer(
        next_offer(
            first,
            lambda o: o.media.__setitem__(0, build(*audio("a=mid:new", "a=rtpmap:96 y/1", formats="96")).media[0]),
        ),
        first,
    )


def test_the_slot_of_a_section_that_the_answer_rejected_may_be_used_again() -> None:
    first = build(*audio("a=mid:old"))
    rejected = answer("m=audio 0 RTP/AVP 0", "a=mid:old")
    again = next_offer(first, lambda o: o.media.__setitem__(0, build(*audio("a=mid:new")).media[0]))

    check_offer(again, first, opposite=rejected)
    assert "another mid than before, though the section was in use" in offer_problems(again, first)


def test_a_section_may_be_stopped() -> None:
    first = build(*data())

    def stop(offer: SessionDescription) -> None:
        offer.media[0].port = 0
        offer.media[0].attributes = ()

    check_offer(next_offer(first, stop), first)


@pytest.mark.spec("rfc3264:8.3.2/1")
def test_a_payload_type_keeps_its_codec() -> None:
    first = build(*audio("a=rtpmap:96 opus/48000/2", formats="96"))
    other = build(*audio("a=rtpmap:96 PCMU/8000", formats="96")).media[0]

    assert offer_problems(next_offer(first, lambda o: o.media.__setitem__(0, other)), first) == [
        "payload type 96 now means another codec"
    ]


@pytest.mark.spec("rfc8839:4.4.1.1.1/2")
@pytest.mark.parametrize("attribute", [Attribute("ice-ufrag", "other"), Attribute("ice-pwd", "a" * 22)])
def test_ice_restarts_with_both_credentials(attribute: Attribute) -> None:
    first = build(*data())

    assert offer_problems(next_offer(first, lambda o: o.media[0].set(attribute)), first) == [
        "only one of ice-ufrag and ice-pwd changed"
    ]


@pytest.mark.spec("rfc8839:4.4.1.1.1/4")
def test_ice_options_change_with_a_restart_only() -> None:
    first = build(*data())

    def change(offer: SessionDescription) -> None:
        offer.add(Attribute("ice-options", "ice2"))
        offer.add(Attribute("ice-pacing", "50"))

    assert offer_problems(next_offer(first, change), first) == [
        "ice-options, ice-pacing changed without an ICE restart"
    ]

    def restart(offer: SessionDescription) -> None:
        change(offer)
        offer.media[0].set(Attribute("ice-ufrag", "other"))
        offer.media[0].set(Attribute("ice-pwd", "a" * 22))

    check_offer(next_offer(first, restart), first)


@pytest.mark.spec("rfc9143:7.5.2/3")
def test_a_section_does_not_change_its_bundle_at_once() -> None:
    sections = [line for mid in "abcd" for line in data(mid=mid)]
    first = build("a=group:BUNDLE a b", "a=group:BUNDLE c d", *sections)

    def regroup(*groups: str) -> Callable[[SessionDescription], None]:
        def change(offer: SessionDescription) -> None:
            offer.remove(Group)
            for group in groups:
                offer.add(Group("BUNDLE", tuple(group)))

        return change

    assert offer_problems(next_offer(first, regroup("a", "cdb")), first) == [
        "b moved from one BUNDLE group to another at once"
    ]
    check_offer(next_offer(first, regroup("ba", "c")), first)
    check_offer(next_offer(first, regroup("b", "dc")), first)
    check_offer(next_offer(first, regroup("ab")), first)


# --- answers ---


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("chromium-offer-data.sdp", "chromium-answer-data.sdp"),
        ("firefox-offer-data.sdp", "chromium-answer-data.sdp"),
        ("pion-offer-data.sdp", "chromium-answer-data.sdp"),
        ("chromium-offer-media.sdp", "chromium-answer-media.sdp"),
        ("sip-phone-offer.sdp", "sip-phone-answer.sdp"),
        ("whip-offer.sdp", "whip-answer.sdp"),
        ("rfc4317-2.1-offer.sdp", "rfc4317-2.1-answer.sdp"),
    ],
)
def test_answers_of_all_stacks_pass(offer: str, answer: str) -> None:
    check_answer(load(offer), load(answer), received=True)


@pytest.mark.spec("rfc3264:6/1")
def test_an_answer_has_an_origin_of_its_own() -> None:
    offer = build(*audio())

    assert answer_problems(offer, build(*audio("a=x"))) == ["the origin is the offer's"]


@pytest.mark.spec("rfc3264:6/5")
def test_the_times_are_those_of_the_offer() -> None:
    assert answer_problems(build(), build(head=ANSWER_HEAD.replace("t=0 0", "t=1 2"))) == [
        "other times than in the offer"
    ]


@pytest.mark.spec("rfc3264:6/2", "rfc3264:6/3", "rfc3264:6/4")
@pytest.mark.parametrize(("offered", "answered"), [(0, 1), (1, 0), (2, 1), (1, 2)])
def test_every_section_is_answered(offered: int, answered: int) -> None:
    found = answer_problems(build(*audio() * offered), answer(*audio() * answered))

    assert found == [f"{offered} sections offered, {answered} answered"]


@pytest.mark.spec("rfc3264:6.1/2")
def test_the_media_type_is_that_of_the_offer() -> None:
    assert answer_problems(build(*audio()), answer("m=video 1 RTP/AVP 0")) == ["audio answered by video"]


@pytest.mark.spec("rfc8839:4.3.2/5", "rfc8841:10.3/1")
def test_the_protocol_is_that_of_the_offer() -> None:
    assert answer_problems(build(*data()), answer(*data(setup="active", protocol="TCP/DTLS/SCTP"))) == [
        "UDP/DTLS/SCTP answered by TCP/DTLS/SCTP"
    ]


@pytest.mark.spec("rfc5888:9.1/1", "rfc5888:9.1/3")
def test_the_mid_is_that_of_the_offer_section_by_section() -> None:
    offer = build(*audio("a=mid:a"), *audio("a=mid:b"))

    assert answer_problems(offer, answer(*audio("a=mid:b"), *audio("a=mid:a"))) == ["another mid than offered"] * 2
    check_answer(offer, answer(*audio("a=mid:a"), "m=audio 0 RTP/AVP 0"))


@pytest.mark.spec("rfc3264:8.2/1")
def test_a_section_that_is_off_stays_off() -> None:
    assert answer_problems(build("m=audio 0 RTP/AVP 0"), answer(*audio())) == ["accepted, though offered with port 0"]


@pytest.mark.spec("rfc3264:6.1/6", "rfc3264:6.1/7", "rfc3264:6.1/8", "rfc3264:6.1/18")
@pytest.mark.parametrize(
    ("ours", "theirs"), [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("sendrecv", "sendrecv")]
)
def test_an_accepted_section_has_a_format_of_the_offer(ours: str, theirs: str) -> None:
    offer = build(*audio(f"a={ours}", formats="0 8"))

    assert answer_problems(offer, answer(*audio(f"a={theirs}", formats="18"))) == ["no format of the offer"]
    check_answer(offer, answer(*audio(f"a={theirs}", formats="18 8")))
    check_answer(offer, answer("m=audio 0 RTP/AVP 18"))


@pytest.mark.spec("rfc3264:8.3.2/1")
def test_a_payload_type_means_what_the_offer_says() -> None:
    offer = build(*audio("a=rtpmap:96 opus/48000/2", formats="0 96"))

    assert answer_problems(offer, answer(*audio("a=rtpmap:96 x/8000", formats="0 96"))) == [
        "payload type 96 has another meaning than offered"
    ]


@pytest.mark.spec("rfc3264:6.1/3", "rfc3264:6.1/4", "rfc3264:6.1/5")
@pytest.mark.parametrize("offered", list(Direction))
@pytest.mark.parametrize("answered", list(Direction))
def test_the_direction_stays_within_the_offer(offered: Direction, answered: Direction) -> None:
    allowed = {
        Direction.SENDRECV: set(Direction),
        Direction.SENDONLY: {Direction.RECVONLY, Direction.INACTIVE},
        Direction.RECVONLY: {Direction.SENDONLY, Direction.INACTIVE},
        Direction.INACTIVE: {Direction.INACTIVE},
    }
    offer, reply = build(*audio(f"a={offered.value}")), answer(*audio(f"a={answered.value}"))

    if answered in allowed[offered]:
        check_answer(offer, reply)
    else:
        assert answer_problems(offer, reply) == [f"{offered.value} answered by {answered.value}"]


@pytest.mark.spec("rfc8841:9.2/1")
def test_the_direction_of_an_sctp_section_means_nothing() -> None:
    check_answer(build(*data("a=sendonly")), answer(*data("a=sendonly", setup="active")))


@pytest.mark.spec("rfc3264:6.1/1")
def test_unicast_is_answered_by_unicast() -> None:
    reply = answer(*audio())
    reply.media[0].connections = (Connection("224.2.1.1", ttl=1),)

    assert answer_problems(build(*audio()), reply) == ["a multicast answer to a unicast offer"]


@pytest.mark.spec("rfc3264:6.2/1", "rfc3264:6.2/2", "rfc3264:6.2/3", "rfc3264:6.2/4")
def test_multicast_is_answered_by_the_same() -> None:
    lines = ("m=audio 5004 RTP/AVP 0 8", "c=IN IP4 224.2.1.1/1", "b=AS:64", "a=ptime:20", "a=recvonly")
    offer = build(*lines)

    check_answer(offer, answer(*lines))
    check_answer(offer, answer(lines[0].replace(" 8", ""), *lines[1:]))
    assert answer_problems(offer, answer("m=audio 5006 RTP/AVP 0 18", lines[1], "a=sendonly")) == [
        "another address than the multicast offer's",
        "another direction than the multicast offer's",
        "formats that the multicast offer lacks",
        "another ptime or bandwidth than the multicast offer's",
    ]


def test_extensions_were_offered() -> None:
    assert answer_problems(build(*audio("a=extmap:1 urn:x")), answer(*audio("a=extmap:1 urn:y"))) == [
        "extension urn:y was not offered"
    ]


@pytest.mark.spec("rfc5576:8/1")
def test_sources_are_not_those_of_the_offer() -> None:
    lines = audio("a=ssrc:1 cname:x")

    assert answer_problems(build(*lines), answer(*lines)) == ["an SSRC of the offer"]


@pytest.mark.spec("rfc8853:5.3.2/1", "rfc8853:5.3.2/4", "rfc8853:5.3.2/6")
def test_simulcast_stays_within_the_offer() -> None:
    offer = build(*audio("a=rid:1 send", "a=rid:2 send", "a=simulcast:send 1;2"))

    check_answer(offer, answer(*audio("a=rid:1 recv", "a=simulcast:recv 1")))
    for lines in (
        ("a=rid:1 send", "a=simulcast:send 1"),
        ("a=rid:3 recv", "a=simulcast:recv 3"),
        ("a=rid:1 recv", "a=rid:2 recv", "a=rid:3 recv", "a=simulcast:recv 1;2;3"),
    ):
        assert answer_problems(offer, answer(*audio(*lines))) == ["simulcast streams that were not offered"]
    session_level = build("a=rid:1 send", "a=simulcast:send 1", *audio())
    assert answer_problems(session_level, answer(*audio("a=rid:1 recv", "a=simulcast:recv 1"))) == [
        "simulcast streams that were not offered"
    ]


@pytest.mark.spec("rfc8864:6.4/2")
def test_channels_are_as_offered() -> None:
    offer = build(*data("a=dcmap:1 max-retr=3", "a=dcmap:2"))

    check_answer(offer, answer(*data('a=dcmap:1 max-retr=3;label="x"', setup="active")))
    assert answer_problems(offer, answer(*data("a=dcmap:1", "a=dcmap:3", setup="active"))) == [
        "channel 1 is not as offered",
        "channel 3 is not as offered",
    ]


@pytest.mark.spec("rfc5888:9.2/3", "rfc5888:9.2/6", "rfc9143:7.3/1", "rfc9143:7.4/1")
def test_groups_are_parts_of_offered_ones() -> None:
    offer = build("a=group:BUNDLE 0", *secured(), *secured(mid="1"))
    sections = (*secured(setup="active"), *secured(mid="1", setup="active"))

    check_answer(offer, answer(*sections))
    check_answer(offer, answer("a=group:BUNDLE 0", *sections))
    assert answer_problems(offer, answer("a=group:BUNDLE 0 1", *sections)) == ["group BUNDLE 0 1 was not offered"]
    assert answer_problems(offer, answer("a=group:LS 0", *sections)) == ["group LS 0 was not offered"]
    many = answer(*["a=group:LS 0"] * 33, *sections)
    assert answer_problems(offer, many) == ["more than 32 groups"]


@pytest.mark.spec("rfc9143:7.3.2/1")
def test_a_bundle_only_section_is_not_accepted_outside_its_bundle() -> None:
    second = [line.replace("m=audio 9", "m=audio 0") for line in secured("a=bundle-only", mid="1")]
    offer = build("a=group:BUNDLE 0 1", *secured(), *second)
    sections = (*secured(setup="active"), *secured(mid="1", setup="active"))

    check_answer(offer, answer("a=group:BUNDLE 0 1", *sections))
    assert answer_problems(offer, answer("a=group:BUNDLE 0", *sections)) == [
        "bundle-only, yet accepted outside the bundle"
    ]


@pytest.mark.spec("rfc9143:7.3.2/3", "rfc9143:7.3.3/3")
def test_an_answer_is_not_bundle_only_outside_a_bundle() -> None:
    assert answer_problems(build(*audio()), answer("m=audio 0 RTP/AVP 0", "a=bundle-only")) == [
        "bundle-only outside a bundle"
    ]


@pytest.mark.spec("rfc9143:9.3.1.2/3")
def test_a_bundled_answer_has_no_rtcp_but_browsers_write_it() -> None:
    offer = build("a=group:BUNDLE 0", *secured())
    reply = answer("a=group:BUNDLE 0", *secured("a=rtcp:9 IN IP4 0.0.0.0", setup="active"))

    assert answer_problems(offer, reply) == ["rtcp in a bundled section"]
    check_answer(offer, reply, received=True)


@pytest.mark.spec("rfc8839:4.4.2/1")
def test_an_answer_has_no_remote_candidates() -> None:
    assert answer_problems(build(*data()), answer(*data("a=remote-candidates:1 192.0.2.1 1", setup="active"))) == [
        "remote-candidates in an answer"
    ]


@pytest.mark.spec("rfc8839:4.3.2/7", "rfc8839:4.3.2/8")
def test_ice_is_not_answered_to_an_offer_without() -> None:
    offer = build(*audio())

    for line in ("a=ice-ufrag:abcd", "a=ice-pwd:" + "a" * 22, "a=candidate:x"):
        assert answer_problems(offer, answer(*audio(line))) == ["ICE, though the offer has none"]


@pytest.mark.spec("rfc8842:5.3/1")
@pytest.mark.parametrize("offered", ["actpass", "active", "passive"])
@pytest.mark.parametrize("answered", ["actpass", "active", "passive", "holdconn"])
def test_the_answered_role_fits_the_offered_one(offered: str, answered: str) -> None:
    allowed = {"actpass": {"active", "passive"}, "active": {"passive"}, "passive": {"active"}}
    offer, reply = build(*data(setup=offered)), answer(*data(setup=answered))

    if answered in allowed[offered]:
        check_answer(offer, reply)
    else:
        assert answer_problems(offer, reply) == [f"setup:{offered} answered by {answered}"]


def test_a_missing_setup_is_left_to_check_description() -> None:
    reply = answer(*data())
    reply.media[0].remove(Setup)

    check_answer(build(*data()), reply)
    assert build(*data()).media[0].get(Setup) == Setup(Role.ACTPASS)


@pytest.mark.spec("rfc8842:5.3/6")
def test_tls_id_is_not_answered_to_an_offer_without() -> None:
    line = "a=tls-id:abc3de65cddef001be82"

    check_answer(build(*data(line)), answer(*data(line, setup="active")))
    assert answer_problems(build(*data()), answer(*data(line, setup="active"))) == ["tls-id, though the offer has none"]


@pytest.mark.spec("rfc8858:4.3/1", "rfc9143:9.3/2")
def test_exclusive_multiplexing_is_accepted_or_the_section_rejected() -> None:
    offer = build(*audio("a=rtcp-mux", "a=rtcp-mux-only"))

    check_answer(offer, answer(*audio("a=rtcp-mux")))
    check_answer(offer, answer("m=audio 0 RTP/AVP 0"))
    assert answer_problems(offer, answer(*audio())) == ["rtcp-mux-only answered without rtcp-mux"]


@pytest.mark.spec("rfc8858:4.3/2")
def test_an_answer_is_not_exclusive() -> None:
    lines = audio("a=rtcp-mux", "a=rtcp-mux-only")

    assert answer_problems(build(*lines), answer(*lines)) == ["rtcp-mux-only in an answer"]


def test_multiplexing_is_not_answered_to_an_offer_without() -> None:
    assert answer_problems(build(*audio()), answer(*audio("a=rtcp-mux"))) == ["rtcp-mux, though it was not offered"]


@pytest.mark.spec("rfc8841:10.3/5")
def test_a_closed_association_stays_closed() -> None:
    offer = build(*[line.replace("port:5000", "port:0") for line in data()])

    assert answer_problems(offer, answer(*data(setup="active"))) == ["SCTP port 0 answered by another"]
    check_answer(offer, answer(*[line.replace("port:5000", "port:0") for line in data(setup="active")]))


def test_mid_of_the_answer_is_compared_as_a_value() -> None:
    assert build(*data()).media[0].get(Mid) == Mid("0")
