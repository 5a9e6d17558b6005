"""Media and data on one transport or on several, by policy and by peer (RFC 9143, RFC 8829 sections 5.2.1 and 5.3.1)."""

import itertools
from collections.abc import Callable

import pytest
from tests.peer.descriptions import describe, parsed
from tests.peer.descriptions import section as data_section
from tests.peer.media_sections import media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, negotiated, sections

from rtc_peer import (
    BundlePolicy,
    Configuration,
    DescriptionError,
    GatheringWanted,
    PeerConnection,
    SdpType,
    SessionDescription,
    TransportClosed,
)
from rtc_sdp import BUNDLE_ATTRIBUTES, BundleOnly, Candidate, Fingerprint, Group, IceUfrag, Role, RtcpMux, Setup, TlsId
from rtc_stun import Address

OPUS = "rtpmap:111 opus/48000/2"
POLICIES = list(BundlePolicy)
ROLLBACK = SessionDescription(SdpType.ROLLBACK)


def _call(policy: BundlePolicy, right: BundlePolicy = BundlePolicy.BALANCED) -> Talk:
    """Audio, two videos and a data channel, ready to be offered."""
    talk = Talk(left=Configuration(bundle_policy=policy), right=Configuration(bundle_policy=right))
    for kind in ("audio", "video", "video"):
        talk.left.add_transceiver(kind)
    talk.left.create_data_channel()
    return talk


def _transports(peer: PeerConnection) -> list[int]:
    return [each.id for each in peer.transports]


def _gathering(peer: PeerConnection) -> list[int]:
    return [event.transport_id for event in peer.events() if isinstance(event, GatheringWanted)]


# --- offers ---


@pytest.mark.spec("rfc8829:5.2.1/15", "rfc8829:5.2.1/16", "rfc8829:5.2.1/19", "rfc9143:7.2/1", "rfc9143:7.1.3/2")
@pytest.mark.spec("rfc9143:7.1.3/3", "rfc9143:10/1", "rfc9143:7.2.1/1")
@pytest.mark.parametrize(
    ("policy", "alone"),
    [
        (BundlePolicy.BALANCED, [True, True, False, True]),
        (BundlePolicy.MAX_COMPAT, [True, True, True, True]),
        (BundlePolicy.MAX_BUNDLE, [True, False, False, False]),
    ],
)
def test_the_policy_says_which_sections_could_stand_alone(policy: BundlePolicy, alone: list[bool]) -> None:
    peer = _call(policy).left

    peer.set_local_description(None, 0.0)

    media = sections(peer.local_description)
    assert [each.media_type for each in media] == ["audio", "video", "video", "application"]
    assert [each.port for each in media] == [9 if each else 0 for each in alone]
    assert [each.has(BundleOnly) for each in media] == [not each for each in alone]
    assert len({str(each.get(IceUfrag)) for each in media}) == 1, "a bundle changes nothing for any of them"
    assert len({str(each.get(TlsId)) for each in media}) == sum(alone)
    assert len(_gathering(peer)) == sum(alone)
    assert parsed(peer.local_description).get_all(Group) == [Group("BUNDLE", ("0", "1", "2", "3"))]


@pytest.mark.spec("rfc8827:6.5/6")
@pytest.mark.parametrize("policy", POLICIES)
def test_every_section_of_an_offer_shows_a_fingerprint(policy: BundlePolicy) -> None:
    document = parsed(_call(policy).left.create_offer())

    assert all(document.effective(media, Fingerprint) is not None for media in document.media)
    assert all("/TLS/" in f"/{media.protocol}/" or "/DTLS/" in f"/{media.protocol}/" for media in document.media)


@pytest.mark.spec("rfc9143:7.1.3/1")
def test_what_a_section_says_of_its_own_media_does_not_depend_on_its_bundle() -> None:
    def said(policy: BundlePolicy, *, bundled: bool) -> list[list[str]]:
        talk = _call(policy)
        if bundled:
            talk.negotiate()
        media = sections(talk.left.create_offer())
        own = [[each for each in part.attributes if each.name not in BUNDLE_ATTRIBUTES] for part in media]
        return [[each.text for each in part if each.name not in ("bundle-only", "ssrc", "ssrc-group")] for part in own]

    alone = said(BundlePolicy.MAX_COMPAT, bundled=False)

    assert all(f"mid:{index}" in part for index, part in enumerate(alone))
    assert all(said(policy, bundled=False) == alone for policy in POLICIES)
    later = said(BundlePolicy.MAX_BUNDLE, bundled=True)
    assert [{each.partition(":")[0] for each in part} for part in later] == [
        {each.partition(":")[0] for each in part} for part in alone
    ]


@pytest.mark.spec("rfc9143:11/1")
def test_a_bundle_has_one_way_to_agree_upon_its_association() -> None:
    talk = _call(BundlePolicy.MAX_BUNDLE)
    talk.negotiate()
    talk.left.add_transceiver("audio")
    talk.negotiate()

    for peer, role in ((talk.left, "actpass"), (talk.right, "active")):
        media = sections(peer.local_description)
        assert len(media) == 5
        assert {str(each.get(Setup)) for each in media} == {str(Setup(Role(role)))}
        assert len({str(each.get(TlsId)) for each in media}) == 1
        assert media[0].has(TlsId)


# --- answers that bundle ---


@pytest.mark.spec("rfc9143:7.3/4", "rfc9143:7.4/1", "rfc8829:5.3.1/15", "rfc8834:4.4/2", "rfc9143:7.3.1/2")
@pytest.mark.parametrize(("policy", "right"), list(itertools.product(POLICIES, POLICIES)))
def test_a_peer_that_bundles_leaves_one_transport(policy: BundlePolicy, right: BundlePolicy) -> None:
    talk = _call(policy, right)

    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert _transports(peer) == [0]
        assert {each.transport_id for each in peer.negotiated_media} == {0}
        assert peer.sctp is not None
    assert [each.port for each in sections(talk.right.local_description)] == [9, 9, 9, 9]
    check_agreement(talk.left, talk.right)


def test_the_transports_that_the_bundle_does_not_need_are_given_back() -> None:
    talk = _call(BundlePolicy.MAX_COMPAT)
    talk.offer()
    wanted = _gathering(talk.left)

    talk.answer()

    closed = [event.transport_id for event in talk.left.events() if isinstance(event, TransportClosed)]
    assert wanted == [0, 1, 2, 3]
    assert closed == [1, 2, 3]


@pytest.mark.spec("rfc5888:9.2/4")
@pytest.mark.spec("rfc9143:7.3.1/1", "rfc9143:7.3.1/2", "rfc9143:7.4/1")
def test_a_bundle_moves_to_the_first_section_that_the_answer_keeps() -> None:
    talk = _call(BundlePolicy.BALANCED)
    talk.offer()
    talk.right.transceivers[0].stop()

    talk.answer()

    assert parsed(talk.right.local_description).get_all(Group) == [Group("BUNDLE", ("1", "2", "3"))]
    assert _transports(talk.left) == [1]
    assert _transports(talk.right) == [0]
    assert [each.mid for each in talk.left.negotiated_media] == ["1", "2"]


@pytest.mark.spec("rfc9143:7.3.1/4", "rfc8829:5.3.1/5", "rfc9143:7.3/5")
def test_a_bundle_whose_only_transport_is_rejected_is_rejected_as_a_whole() -> None:
    talk = _call(BundlePolicy.MAX_BUNDLE)
    talk.offer()
    talk.right.transceivers[0].stop()

    talk.answer()

    assert [each.port for each in sections(talk.right.local_description)] == [0, 0, 0, 0]
    assert talk.left.transceivers == talk.right.transceivers == ()
    assert _transports(talk.left) == _transports(talk.right) == []


def test_candidates_of_sections_that_are_bundled_away_do_no_harm() -> None:
    talk = _call(BundlePolicy.MAX_COMPAT)
    talk.offer()
    talk.left.add_local_address(1, Address("192.0.2.1", 5000), 0.0)
    talk.answer()

    talk.right.add_ice_candidate("candidate:1 1 udp 1 192.0.2.1 5000 typ host", 0.0, sdp_mid="1")

    assert _transports(talk.right) == [0]


# --- peers that do not bundle ---


def _unbundled_answer(*parts: list[str]) -> SessionDescription:
    return describe(*parts, kind=SdpType.ANSWER)


def _media_answer(peer: PeerConnection, index: int, ufrag: str, *, port: int = 9) -> list[str]:
    media = sections(peer.local_description)[index]
    lines = [each.text for each in media.attributes if each.name in ("rtpmap", "fmtp")]
    part = media_section(
        *lines, media=media.media_type, fmt=" ".join(media.formats), mid=str(index), port=port, setup="active"
    )
    return [line.replace("8hhY", ufrag) for line in part]


@pytest.mark.spec("rfc8834:4.4/1", "rfc8834:4.4/3", "rfc9143:7.4/3", "rfc9143:1.2/1")
def test_a_peer_that_does_not_bundle_keeps_a_transport_for_each_kind() -> None:
    talk = _call(BundlePolicy.BALANCED)
    peer = talk.left
    peer.set_local_description(None, 0.0)
    data = data_section(mid="3", setup="active", ufrag="dddd")

    peer.set_remote_description(
        _unbundled_answer(
            _media_answer(peer, 0, "aaaa"), _media_answer(peer, 1, "bbbb"), _media_answer(peer, 2, "cccc", port=0), data
        ),
        0.0,
    )

    assert _transports(peer) == [0, 1, 2]
    assert [(each.mid, each.transport_id) for each in peer.negotiated_media] == [("0", 0), ("1", 1)]
    assert [each.mid for each in peer.transceivers] == ["0", "1"]


def test_a_section_for_the_bundle_alone_cannot_be_accepted_without_one() -> None:
    talk = _call(BundlePolicy.BALANCED)
    peer = talk.left
    peer.set_local_description(None, 0.0)
    parts = [_media_answer(peer, index, f"aaa{index}") for index in range(3)]

    with pytest.raises(DescriptionError, match="bundle"):
        peer.set_remote_description(_unbundled_answer(*parts, data_section(mid="3", setup="active")), 0.0)

    assert [each.current_direction for each in peer.transceivers] == [None] * 3


@pytest.mark.spec("rfc9143:7.3.1/1")
def test_a_section_without_a_transport_cannot_tag_a_bundle() -> None:
    talk = _call(BundlePolicy.MAX_BUNDLE)
    talk.offer()
    text = talk.right.create_answer().sdp.replace("BUNDLE 0 1 2 3", "BUNDLE 1 0 2 3")

    with pytest.raises(DescriptionError, match="transport"):
        talk.left.set_remote_description(SessionDescription(SdpType.ANSWER, text), 0.0)


@pytest.mark.spec("rfc9143:7.3/5", "rfc8829:5.3.1/29")
def test_an_offer_without_a_bundle_is_answered_without_one() -> None:
    peer = make_peer()
    parts = [
        media_section(OPUS, mid="a"),
        [
            line.replace("8hhY", "zzzz")
            for line in media_section("rtpmap:96 VP8/90000", mid="v", media="video", fmt="96")
        ],
        data_section(mid="d", ufrag="dddd"),
    ]

    peer.set_remote_description(describe(*parts), 0.0)
    peer.set_local_description(None, 0.0)

    document = parsed(peer.local_description)
    assert document.get_all(Group) == []
    assert len({str(media.get(IceUfrag)) for media in document.media}) == 3
    assert _transports(peer) == [0, 1, 2]


@pytest.mark.spec("rfc8829:5.3.1/5")
@pytest.mark.parametrize(
    ("policy", "ports"),
    [
        (BundlePolicy.MAX_COMPAT, [9, 9, 9]),
        (BundlePolicy.BALANCED, [9, 0, 9]),
        (BundlePolicy.MAX_BUNDLE, [9, 0, 0]),
    ],
)
def test_the_policy_says_how_many_transports_an_answer_takes(policy: BundlePolicy, ports: list[int]) -> None:
    peer = make_peer(configuration=Configuration(bundle_policy=policy))
    parts = [media_section(OPUS, mid="a"), media_section(OPUS, mid="b"), data_section(mid="d")]

    peer.set_remote_description(
        describe(*[[line.replace("8hhY", f"ufr{at}") for line in part] for at, part in enumerate(parts)]), 0.0
    )
    peer.set_local_description(None, 0.0)

    assert [media.port for media in sections(peer.local_description)] == ports


# --- data beside media ---


def _bare(part: list[str]) -> list[str]:
    """A section for its bundle alone."""
    lines = [line for line in part if not line.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    return [lines[0].replace(" 9 ", " 0 ", 1), *lines[1:], "a=bundle-only"]


@pytest.mark.parametrize("order", list(itertools.permutations(["audio", "video", "data"])))
@pytest.mark.parametrize("bare", [False, True])
def test_data_and_media_are_accepted_in_every_order(order: tuple[str, ...], bare: bool) -> None:
    makers = {
        "audio": media_section(OPUS, mid="audio"),
        "video": media_section("rtpmap:96 VP8/90000", media="video", fmt="96", mid="video"),
        "data": data_section(mid="data"),
    }
    parts = [makers[name] for name in order]
    if bare:
        parts[1:] = [_bare(part) for part in parts[1:]]
        if order[0] == "data":
            parts[0].append("a=rtcp-mux")
    peer = make_peer()

    peer.set_remote_description(describe(*parts, session=(f"group:BUNDLE {' '.join(order)}",)), 0.0)
    peer.set_local_description(None, 0.0)

    assert [media.port for media in sections(peer.local_description)] == [9, 9, 9]
    assert _transports(peer) == [0]
    assert set(negotiated(peer)) == {"audio", "video"}
    assert peer.sctp is not None


@pytest.mark.spec("rfc9143:7.5/1", "rfc9143:7.3/4")
@pytest.mark.parametrize("first", ["audio", "data"])
def test_what_is_added_later_joins_the_bundle_without_a_transport_of_its_own(first: str) -> None:
    talk = Talk()
    adding: dict[str, Callable[[], object]] = {
        "audio": lambda: talk.left.add_track("audio", "voice"),
        "data": talk.left.create_data_channel,
    }
    adding.pop(first)()
    talk.negotiate()
    for peer in (talk.left, talk.right):
        peer.events()

    for add in adding.values():
        add()
    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert _gathering(peer) == []
        assert _transports(peer) == [0]
        assert [each.transport_id for each in peer.negotiated_media] == [0]
    media = sections(talk.left.local_description)
    assert [each.port for each in media] == [9, 9]
    assert not any(each.has(BundleOnly) for each in media)
    assert media[0].has(RtcpMux)


@pytest.mark.spec("rfc8829:5.2.2/18", "rfc8829:5.3.2/13")
def test_candidates_stand_in_the_tag_alone() -> None:
    talk = _call(BundlePolicy.BALANCED)
    talk.negotiate()
    for peer, host in ((talk.left, "192.0.2.1"), (talk.right, "192.0.2.2")):
        peer.add_local_address(0, Address(host, 5000), 0.0)
        peer.end_of_local_addresses(0, 0.0)
        peer.datagrams_to_send(0.0)

    talk.negotiate()

    for peer in (talk.left, talk.right):
        media = sections(peer.local_description)
        assert [each.has(Candidate) for each in media] == [True, False, False, False]
        assert media[0].port == 5000


def test_the_tag_may_end_while_the_others_go_on_over_its_transport() -> None:
    talk = _call(BundlePolicy.BALANCED)
    talk.negotiate()

    talk.left.transceivers[0].stop()
    talk.negotiate()
    talk.right.transceivers[0].stop()
    talk.negotiate(talk.right)

    for peer in (talk.left, talk.right):
        assert _transports(peer) == [0]
        assert [each.mid for each in peer.negotiated_media] == ["2"]
        assert peer.sctp is not None
    assert parsed(talk.right.local_description).get_all(Group) == [Group("BUNDLE", ("2", "3"))]


def test_an_offer_that_rejects_the_last_section_closes_its_transport_with_the_answer() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.negotiate()
    talk.left.transceivers[0].stop()

    talk.left.set_local_description(None, 0.0)
    under_way = _transports(talk.left)
    talk.left.set_local_description(ROLLBACK, 0.0)
    talk.negotiate()

    assert under_way == [0]
    assert _transports(talk.left) == _transports(talk.right) == []


def test_a_bundle_that_begins_anew_with_a_new_section_gets_another_transport() -> None:
    def offer(version: int, audio: list[str], group: str, ufrag: str) -> SessionDescription:
        parts = [[line.replace("8hhY", ufrag) for line in part] for part in (audio, data_section(mid="1"))]
        return describe(*parts, session=(f"group:BUNDLE {group}",), version=version)

    peer = make_peer()
    steps = [
        offer(1, media_section(OPUS, mid="0"), "0 1", "aaaa"),
        offer(2, media_section(OPUS, mid="0", port=0), "1", "aaaa"),
        offer(3, media_section(OPUS, mid="2"), "2 1", "bbbb"),
    ]
    transports = []

    for step in steps:
        peer.set_remote_description(step, 0.0)
        peer.set_local_description(None, 0.0)
        transports.append(_transports(peer))

    assert transports == [[0], [0], [1]]
    assert [each.transport_id for each in peer.negotiated_media] == [1]
    assert peer.sctp is not None
    assert _gathering(peer) == [0, 1]
