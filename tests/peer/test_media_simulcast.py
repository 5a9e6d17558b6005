"""Simulcast: several encodings of one source, by name (RFC 8853, RFC 8851, and section 5.4.1 of webrtc-pc)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.peer.descriptions import describe, vector
from tests.peer.media_sections import media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, negotiated, section

from rtc_peer import MediaOptions, PeerConnection, PeerOptions, SdpType, SessionDescription
from rtc_rtp.parameters import PictureRestrictions, SendEncoding
from rtc_sdp import Direction, Fmtp, Rid, RidDirection, Simulcast, Ssrc

ROLLBACK = SessionDescription(SdpType.ROLLBACK)
VP8 = "rtpmap:96 VP8/90000"


def _encodings(*rids: str | None) -> list[SendEncoding]:
    return [SendEncoding(ssrc=0, rid=rid) for rid in rids]


def _sender(rids: Sequence[str | None], options: tuple[PeerOptions | None, PeerOptions | None] = (None, None)) -> Talk:
    talk = Talk(options=options)
    talk.left.add_transceiver("video", direction=Direction.SENDONLY, encodings=_encodings(*rids))
    return talk


def _received_rids(peer: PeerConnection) -> tuple[str, ...]:
    receive = negotiated(peer)["0"].receive
    assert receive is not None
    return receive.rids


def _video(*lines: str, setup: str = "actpass") -> list[str]:
    return media_section(VP8, *lines, media="video", fmt="96", setup=setup)


# --- offering to send ---


@pytest.mark.spec("rfc8829:5.2.1/34", "rfc8829:5.2.1/35", "rfc8829:5.2.1/38", "rfc8853:5.3.1/1", "rfc8853:5.5/1")
def test_encodings_with_names_are_offered_under_them() -> None:
    media = section(_sender(["hi", "mid", "lo"]).left.create_offer())

    assert media.get_all(Rid) == [Rid(name, RidDirection.SEND) for name in ("hi", "mid", "lo")]
    assert media.get_all(Simulcast) == [Simulcast.of(send=("hi", "mid", "lo"))]
    assert not media.has(Ssrc)


@pytest.mark.spec("rfc8829:5.2.1/35", "rfc8829:5.2.1/36", "rfc8829:5.2.1/37", "rfc8851:6.1/1")
def test_encodings_without_names_get_short_ones_that_tell_nothing() -> None:
    offers = []
    for seed in "ab":
        peer = make_peer(seed)
        peer.add_transceiver("video", encodings=_encodings(None, None, None))
        offers.append([each.rid for each in section(peer.create_offer()).get_all(Rid)])

    assert offers[0] == offers[1]
    assert len(set(offers[0])) == 3
    assert all(len(rid) <= 3 for rid in offers[0])


def test_a_single_encoding_needs_no_name() -> None:
    media = section(_sender(["only"]).left.create_offer())

    assert not media.has(Rid)
    assert not media.has(Simulcast)
    assert media.has(Ssrc)


@pytest.mark.spec("rfc8853:5.2/10")
def test_pictures_grow_from_encoding_to_encoding_unless_the_application_says_otherwise() -> None:
    peer = make_peer()
    grown = peer.add_transceiver("video", encodings=_encodings("a", "b", "c")).sender
    chosen = peer.add_transceiver(
        "video", encodings=[SendEncoding(ssrc=0, rid="a", scale_resolution_down_by=3), SendEncoding(ssrc=0, rid="b")]
    ).sender

    assert [each.scale_resolution_down_by for each in grown.encodings] == [4, 2, 1]
    assert [each.scale_resolution_down_by for each in chosen.encodings] == [3, 1]
    ssrcs = [ssrc for each in grown.encodings for ssrc in (each.ssrc, each.rtx_ssrc, each.fec_ssrc)]
    assert len(set(ssrcs)) == 9


def test_all_encodings_are_agreed_upon_with_what_tells_them_apart() -> None:
    talk = _sender(["hi", "lo"])

    talk.negotiate()

    send = negotiated(talk.left)["0"].send
    assert send is not None
    assert [each.rid for each in send.encodings] == ["hi", "lo"]
    assert _received_rids(talk.right) == ("hi", "lo")
    uris = set(send.header_extensions.values())
    assert {f"urn:ietf:params:rtp-hdrext:sdes:{name}rtp-stream-id" for name in ("", "repaired-")} <= uris
    check_agreement(talk.left, talk.right)


@pytest.mark.spec("rfc8829:5.2.2/19", "rfc8829:5.2.2/20", "rfc8851:6.5/2")
def test_a_later_offer_has_the_same_encodings() -> None:
    talk = _sender(["hi", "lo"])
    talk.negotiate()
    first = section(talk.left.local_description)

    later = section(talk.left.create_offer())

    assert later.get_all(Rid) == first.get_all(Rid)
    assert later.get_all(Simulcast) == first.get_all(Simulcast)


@pytest.mark.spec("rfc8853:5.3.3/1", "rfc8853:5.3.3/3")
def test_a_peer_without_simulcast_gets_the_first_encoding() -> None:
    old = PeerOptions(media=MediaOptions(max_simulcast_encodings=1))
    talk = _sender(["hi", "mid", "lo"], (None, old))

    talk.negotiate()

    assert not section(talk.right.local_description).has(Simulcast)
    assert talk.left.transceivers[0].sender.rids == ("hi",)
    assert _received_rids(talk.right) in ((), ("hi",))


@pytest.mark.spec("rfc8853:5.3.3/3")
def test_encodings_that_the_answer_removes_are_not_sent() -> None:
    talk = _sender(["hi", "mid", "lo"], (None, PeerOptions(media=MediaOptions(max_simulcast_encodings=2))))

    talk.negotiate()

    send = negotiated(talk.left)["0"].send
    assert send is not None
    assert [each.rid for each in send.encodings] == ["hi", "mid"]
    assert _received_rids(talk.right) == ("hi", "mid")


def test_an_answer_of_firefox_names_what_it_sends() -> None:
    peer = make_peer()
    peer.add_transceiver("video", direction=Direction.RECVONLY, receive_rids=["x", "y", "z"])
    peer.set_local_description(None, 0.0)

    peer.set_remote_description(vector("firefox-153-answer-simulcast", SdpType.ANSWER), 0.0)

    assert _received_rids(peer) == ("x", "y", "z")
    assert section(peer.local_description).get(Simulcast) == Simulcast.of(recv=("x", "y", "z"))


# --- being offered ---


@pytest.mark.parametrize("name", ["chromium-156", "firefox-153"])
def test_simulcast_of_a_browser_is_received_by_its_names(name: str) -> None:
    peer = make_peer()
    peer.set_remote_description(vector(f"{name}-offer-simulcast"), 0.0)

    peer.set_local_description(None, 0.0)

    assert section(peer.local_description).get(Simulcast) == Simulcast.of(recv=("l", "m", "h"))
    assert _received_rids(peer) == ("l", "m", "h")


@pytest.mark.spec("rfc8853:5.5/4")
def test_a_peer_that_wants_several_encodings_gets_them() -> None:
    peer = make_peer()
    sender = peer.add_track("video", "camera")
    own = sender.encodings[0].ssrc
    peer.set_remote_description(
        describe(_video("rid:a recv", "rid:b recv", "rid:c recv", "simulcast:recv a,x;b;c", "rid:x recv")), 0.0
    )

    peer.set_local_description(None, 0.0)

    assert sender.rids == ("a", "b", "c")
    assert sender.encodings[0].ssrc == own
    assert [each.scale_resolution_down_by for each in sender.encodings] == [4, 2, 1]
    assert section(peer.local_description).get(Simulcast) == Simulcast.of(send=("a", "b", "c"))


@pytest.mark.spec("rfc8851:5/1", "rfc8851:5/2")
def test_restrictions_of_the_peer_bound_what_we_send() -> None:
    peer = make_peer()
    peer.add_track("video", "camera")
    lines = ("rid:a recv max-br=100000;max-fps=15", "rid:b recv max-br", "rid:c recv", "simulcast:recv a;b;c")
    peer.set_remote_description(describe(_video(*lines)), 0.0)
    peer.set_local_description(None, 0.0)

    send = negotiated(peer)["0"].send
    assert send is not None
    assert [(each.rid, each.max_bitrate_bps, each.max_framerate) for each in send.encodings] == [
        ("a", 100_000, 15),
        ("b", None, None),
        ("c", None, None),
    ]


@pytest.mark.spec("rfc8851:5/1", "rfc8851:5/2")
@pytest.mark.parametrize(("wished", "agreed"), [((50_000, 5.0), (50_000, 5.0)), ((200_000, 30.0), (100_000, 15))])
def test_of_a_restriction_and_the_wish_of_the_application_the_lower_counts(
    wished: tuple[int, float], agreed: tuple[int, float]
) -> None:
    peer = make_peer()
    sender = peer.add_track("video", "camera")
    peer.set_remote_description(
        describe(_video("rid:a recv max-br=100000;max-fps=15", "rid:b recv", "simulcast:recv a;b")), 0.0
    )
    first, second = sender.encodings
    sender.set_encodings([replace(first, max_bitrate_bps=wished[0], max_framerate=wished[1]), second])
    peer.set_local_description(None, 0.0)

    send = negotiated(peer)["0"].send
    assert send is not None
    assert (send.encodings[0].max_bitrate_bps, send.encodings[0].max_framerate) == agreed


@pytest.mark.spec("rfc8851:5/3")
@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ("max-fps=15", None),
        ("max-width=1280;max-height=720", PictureRestrictions(max_width=1280, max_height=720)),
        ("max-fs=9216;max-pps=92160", PictureRestrictions(max_pixels=9216, max_pixels_per_second=92_160)),
        ("max-bpp=0.25", PictureRestrictions(max_bits_per_pixel=0.25)),
        ("max-bpp=2", PictureRestrictions(max_bits_per_pixel=2.0)),
    ],
)
def test_what_pictures_may_be_is_told_to_whoever_encodes(
    restrictions: str, expected: PictureRestrictions | None
) -> None:
    peer = make_peer()
    peer.add_track("video", "camera")
    lines = (f"rid:a recv {restrictions}", "rid:b recv", "simulcast:recv a;b")
    peer.set_remote_description(describe(_video(*lines)), 0.0)
    peer.set_local_description(None, 0.0)

    send = negotiated(peer)["0"].send
    assert send is not None
    assert [each.restrictions for each in send.encodings] == [expected, None]


@pytest.mark.spec("rfc8851:6.4/6")
def test_an_encoding_that_nobody_could_send_is_not_answered() -> None:
    peer = make_peer()
    peer.add_track("video", "camera")
    lines = ("rid:a recv max-width=0", "rid:b recv max-br=no", "rid:c recv", "rid:d recv", "simulcast:recv a;b;c;d")
    peer.set_remote_description(describe(_video(*lines)), 0.0)
    peer.set_local_description(None, 0.0)

    assert peer.transceivers[0].sender.rids == ("c", "d")


def test_an_encoding_has_one_of_the_formats_that_the_peer_names_for_it() -> None:
    peer = make_peer()
    peer.add_track("video", "camera")
    media = media_section(
        "rtpmap:96 VP8/90000",
        "rtpmap:98 VP9/90000",
        "fmtp:98 profile-id=0",
        "rid:a recv pt=98",
        "rid:b recv",
        "rid:c recv pt=98,96",
        "simulcast:recv a;b;c",
        media="video",
        fmt="96 98",
    )
    peer.set_remote_description(describe(media), 0.0)
    sender = peer.transceivers[0].sender
    first, second, third = sender.encodings
    sender.set_encodings([replace(first, payload_type=96), second, replace(third, payload_type=98)])
    peer.set_local_description(None, 0.0)

    send = negotiated(peer)["0"].send
    assert send is not None
    assert [each.payload_type for each in send.encodings] == [98, None, 98]


def test_wanted_encodings_are_taken_back_by_a_rollback() -> None:
    peer = make_peer()
    sender = peer.add_track("video", "camera")
    before = sender.encodings
    peer.set_remote_description(describe(_video("rid:a recv", "rid:b recv", "simulcast:recv a;b")), 0.0)
    assert sender.rids == ("a", "b")

    peer.set_remote_description(ROLLBACK, 0.0)

    assert sender.encodings == before


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("rid:a send", "rid:b send", "simulcast:send a;b;c"), ("a", "b")),
        (("rid:a send", "rid:a send", "rid:b send", "simulcast:send a;b"), ("b",)),
        (("rid:a send", "rid:b send"), ()),
        (("rid:a send",), ("a",)),
        (("rid:a send", "rid:b send", "simulcast:send a;b", "simulcast:send a;b"), ()),
        (("rid:a send pt=96", "rid:b send pt=97", "simulcast:send a;b"), ("a",)),
        (("rid:a send", "rid:b send", "simulcast:sned a;b"), ()),
    ],
)
@pytest.mark.spec("rfc8829:5.8.3/6", "rfc8853:5.2/4")
def test_names_without_a_meaning_do_not_count(lines: tuple[str, ...], expected: tuple[str, ...]) -> None:
    peer = make_peer()
    peer.set_remote_description(describe(_video("sendonly", *lines)), 0.0)

    peer.set_local_description(None, 0.0)

    assert _received_rids(peer) == expected


def test_simulcast_by_ssrc_groups_alone_is_known_by_its_sources() -> None:
    peer = make_peer()
    sources = [f"ssrc:{number} cname:them" for number in (5, 3, 4, 13, 14, 15)]
    groups = ["ssrc-group:SIM 3 4 5", "ssrc-group:FID 3 13", "ssrc-group:FID 4 14", "ssrc-group:FID 5 15"]
    lines = ("sendonly", "rtpmap:97 rtx/90000", "fmtp:97 apt=96", *sources, *groups)
    offer = media_section(VP8, *lines, media="video", fmt="96 97")
    peer.set_remote_description(describe(offer), 0.0)

    peer.set_local_description(None, 0.0)

    receive = negotiated(peer)["0"].receive
    assert receive is not None
    assert [(ssrc, each.rtx_ssrc, each.cname) for ssrc, each in receive.ssrcs.items()] == [
        (3, 13, "them"),
        (4, 14, "them"),
        (5, 15, "them"),
    ]


@pytest.mark.spec("rfc8853:5.3.1/2")
def test_both_directions_are_negotiated_side_by_side() -> None:
    talk = Talk()
    talk.left.add_transceiver("video", encodings=_encodings("a", "b"), receive_rids=["x", "y"])
    talk.right.add_track("video", "camera")
    talk.offer()
    accepted = talk.right.transceivers[0]

    talk.answer()

    assert accepted.current_direction is Direction.SENDRECV
    assert _received_rids(talk.right) == ("a", "b")
    assert _received_rids(talk.left) == ("x", "y")
    check_agreement(talk.left, talk.right)


@pytest.mark.spec("rfc8853:5.3.2/5", "rfc8853:5.3.3/2", "rfc8853:5.3.2/7")
def test_every_alternative_is_received_and_none_is_called_paused() -> None:
    peer = make_peer()
    lines = ("rid:a send", "rid:b send", "rid:c send", "simulcast:send a,~b;~c")

    peer.set_remote_description(describe(_video("sendonly", *lines)), 0.0)
    peer.set_local_description(None, 0.0)

    assert _received_rids(peer) == ("a", "b", "c")
    assert "a=simulcast:recv a,b;c" in (peer.local_description or SessionDescription(SdpType.ANSWER)).sdp


@pytest.mark.spec("rfc8851:6.1/4")
def test_formats_keep_their_parameters_beside_names() -> None:
    media = section(_sender(["hi", "lo"]).left.create_offer())

    assert any("profile-level-id" in each.parameters for each in media.get_all(Fmtp))


@pytest.mark.spec("rfc8851:6.4/2", "rfc8851:6.4/4")
@pytest.mark.parametrize("added", ["max-width=320", "pt=96"])
def test_an_encoding_to_which_the_answer_adds_restrictions_is_not_sent(added: str) -> None:
    talk = Talk()
    sent = talk.left.add_transceiver("video", encodings=_encodings(*"abc"))
    talk.offer()
    talk.right.set_local_description(None, 0.0)
    answer = talk.right.local_description
    assert answer is not None
    assert "a=rid:b recv\r\n" in answer.sdp

    text = answer.sdp.replace("a=rid:b recv\r\n", f"a=rid:b recv {added}\r\n")
    talk.left.set_remote_description(SessionDescription(SdpType.ANSWER, text), 0.0)

    assert sent.sender.rids == ("a", "c")
