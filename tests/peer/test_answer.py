"""What our answers say (RFC 8829 section 5.3), to our own offers and to those of other implementations."""

import pytest
from tests.peer.descriptions import answer_to, audio, describe, parsed, section, vector
from tests.peer.pair import Pair, make_peer

from rtc_peer import (
    BundlePolicy,
    Configuration,
    GatheringWanted,
    MediaOptions,
    PeerOptions,
    SdpType,
    SessionDescription,
)
from rtc_sdp import (
    BundleOnly,
    Candidate,
    EndOfCandidates,
    Fingerprint,
    Group,
    IceOptions,
    IcePwd,
    IceUfrag,
    MaxMessageSize,
    Mid,
    Role,
    SctpMap,
    SctpPort,
    Setup,
    TlsId,
)

DATA_OFFERS = [
    "chromium-offer-data",
    "firefox-offer-data",
    "firefox-52-offer-data",
    "libdatachannel-offer-data",
    "pion-offer-data",
]
MEDIA_OFFERS = ["chromium-offer-media", "firefox-offer-media"]


@pytest.mark.spec("rfc8829:5.3.1/25", "rfc8829:5.3.1/26", "rfc8829:5.3.1/27", "rfc8829:5.3.1/21", "rfc8829:5.3.1/16")
@pytest.mark.spec("rfc8829:4.1.9/2", "rfc8829:5.1.2/5", "rfc8829:5.3.1/8", "rfc8829:5.3.1/6", "rfc8829:5.2.1/53")
@pytest.mark.parametrize("name", DATA_OFFERS)
def test_data_offers_of_other_implementations_are_accepted(name: str) -> None:
    offer = vector(name)

    answer = answer_to(make_peer(), offer)
    ours, theirs = answer.media[0], parsed(offer).media[0]

    assert (ours.media_type, ours.protocol, ours.formats) == (theirs.media_type, theirs.protocol, theirs.formats)
    assert ours.port == 9
    assert ours.get(Mid) == theirs.get(Mid)
    assert ours.get(Setup) == Setup(Role.ACTIVE)
    assert all(ours.has(each) for each in (IceUfrag, IcePwd, Fingerprint, SctpPort, MaxMessageSize))
    assert answer.get_all(Group) == [each for each in parsed(offer).get_all(Group) if each.semantics == "BUNDLE"]


@pytest.mark.spec("rfc8829:5.3.1/5", "rfc8829:5.3.1/2", "rfc8829:5.3.1/25", "rfc8829:5.3.1/28", "rfc8829:5.3.1/29")
@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_without_codecs_media_is_rejected_section_by_section_and_data_accepted(name: str) -> None:
    offer = vector(name)
    data_alone = PeerOptions(media=MediaOptions(audio_codecs=(), video_codecs=()))

    answer = answer_to(make_peer(options=data_alone), offer)

    theirs = parsed(offer)
    assert [media.media_type for media in answer.media] == [media.media_type for media in theirs.media]
    assert [media.protocol for media in answer.media] == [media.protocol for media in theirs.media]
    assert [media.get(Mid) for media in answer.media] == [media.get(Mid) for media in theirs.media]
    accepted = [media for media in answer.media if media.port != 0]
    # Firefox offers its data section for the bundle alone, and the tag of that is rejected (RFC 9143 section 7.3.1).
    data = [media for media in theirs.media if media.media_type == "application" and not media.has(BundleOnly)]
    assert [media.get(Mid) for media in accepted] == [media.get(Mid) for media in data]
    names = tuple(str(media.get(Mid)) for media in accepted)
    assert answer.get_all(Group) == ([Group("BUNDLE", names)] if names else [])


@pytest.mark.spec("rfc9143:7.3/1", "rfc9143:7.3/2", "rfc9143:7.3.1/2", "rfc8829:5.3.1/29", "rfc8829:5.3.1/15")
@pytest.mark.parametrize("name", MEDIA_OFFERS)
def test_media_and_data_are_accepted_side_by_side(name: str) -> None:
    answer = answer_to(make_peer(), vector(name))

    assert [media.port for media in answer.media] == [9, 9, 9]
    assert answer.get_all(Group)[0] == Group("BUNDLE", ("0", "1", "2"))
    assert [media.has(IceUfrag) for media in answer.media] == [True] * 3
    assert len({str(media.get(IceUfrag)) for media in answer.media}) == 1


def test_an_offer_of_media_alone_is_rejected_entirely_and_wants_no_sockets() -> None:
    peer = make_peer()

    answer = answer_to(peer, describe(audio(mid="a"), audio(mid="v"), session=("group:BUNDLE a v",)))

    assert [media.port for media in answer.media] == [0, 0]
    assert answer.get_all(Group) == []
    assert peer.transports == ()
    assert not any(isinstance(event, GatheringWanted) for event in peer.events())


@pytest.mark.spec("rfc8829:5.3.1/5")
def test_only_the_first_of_two_data_sections_is_accepted() -> None:
    answer = answer_to(make_peer(), describe(section(mid="a"), section(mid="b", ufrag="9iiZ")))

    assert [media.port for media in answer.media] == [9, 0]


def test_a_second_data_section_does_not_take_the_place_of_the_one_in_use() -> None:
    peer = make_peer()
    answer_to(peer, describe(audio(mid="a"), section(mid="d")))

    answer = answer_to(peer, describe(section(mid="e", ufrag="9iiZ"), section(mid="d"), version=2))

    assert [media.port for media in answer.media] == [0, 9]
    assert [(each.id, each.mid) for each in peer.transports] == [(0, "d")]


def test_a_section_that_was_rejected_by_the_offerer_stays_rejected() -> None:
    answer = answer_to(make_peer(), describe(audio(mid="a", port=0), section(mid="b", port=0)))

    assert [media.port for media in answer.media] == [0, 0]


@pytest.mark.spec("rfc8829:5.3.1/7", "rfc8829:5.3.1/13", "rfc8829:5.3.1/14", "rfc8829:5.3.2/1")
def test_an_answer_without_candidates_uses_the_discard_port() -> None:
    media = answer_to(make_peer(), describe(section())).media[0]

    assert media.port == 9
    assert str(media.connections[0]) == "IN IP4 0.0.0.0"


@pytest.mark.spec("rfc8829:5.3.1/16")
def test_a_mid_that_was_not_offered_is_not_answered() -> None:
    answer = answer_to(make_peer(), describe(section(mid=None)))

    assert not answer.media[0].has(Mid)
    assert answer.media[0].port == 9


@pytest.mark.spec("rfc8829:5.3.1/28", "rfc8829:5.3.1/29")
@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ((), []),
        (("group:BUNDLE d",), [("d",)]),
        (("group:BUNDLE a d",), [("d",)]),
        (("group:BUNDLE a", "group:BUNDLE d"), [("d",)]),
        (("group:LS a d",), []),
    ],
)
def test_groups_are_answered_by_groups_without_the_rejected(
    groups: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    answer = answer_to(make_peer(), describe(audio(mid="a"), section(mid="d"), session=groups))

    assert [group.tags for group in answer.get_all(Group)] == expected


@pytest.mark.spec("rfc9143:7.3/5", "rfc9143:7.3.1/4")
@pytest.mark.spec("rfc8829:5.3.1/5", "rfc8829:5.3.1/30")
def test_a_section_that_only_exists_in_a_bundle_goes_with_its_tag() -> None:
    bare = section("bundle-only", mid="d", port=0, ufrag=None, password=None, fingerprint=None, setup=None)

    answer = answer_to(make_peer(), describe(audio(mid="a"), bare, session=("group:BUNDLE a d",)))

    assert [media.port for media in answer.media] == [0, 0]
    assert not any(media.has(BundleOnly) for media in answer.media)


@pytest.mark.spec("rfc8829:5.3.1/5")
@pytest.mark.parametrize(("bundled", "port"), [(True, 9), (False, 0)])
def test_max_bundle_accepts_only_what_is_bundled_with_the_first_section(bundled: bool, port: int) -> None:
    peer = make_peer(configuration=Configuration(bundle_policy=BundlePolicy.MAX_BUNDLE))
    groups = ("group:BUNDLE a d",) if bundled else ()

    answer = answer_to(peer, describe(audio(mid="a"), section(mid="d"), session=groups))

    assert [media.port for media in answer.media] == [0, port]


# --- roles ---


@pytest.mark.spec("rfc8829:5.3.1/22", "rfc8829:5.3.1/23", "rfc8829:5.3.1/24")
@pytest.mark.parametrize(
    ("offered", "answered"),
    [("actpass", Role.ACTIVE), ("active", Role.PASSIVE), ("passive", Role.ACTIVE), (None, Role.PASSIVE)],
)
def test_class_28_the_role_fits_the_offer_and_is_active_where_it_may_be(offered: str | None, answered: Role) -> None:
    media = answer_to(make_peer(), describe(section(setup=offered))).media[0]

    assert media.get(Setup) == Setup(answered)


# --- ICE options and the older ICE ---


@pytest.mark.parametrize("options", [(), ("trickle",), ("trickle", "ice2"), ("ice2", "rtp+ecn")])
def test_only_options_that_were_offered_are_answered(options: tuple[str, ...]) -> None:
    session = (f"ice-options:{' '.join(options)}",) if options else ()

    found = answer_to(make_peer(), describe(section(), session=session)).get(IceOptions)

    assert set(() if found is None else found.options) == set(options) & {"trickle", "ice2"}


@pytest.mark.spec("rfc8829:3.5.5/1", "rfc8829:5.1.1/5")
def test_a_peer_of_the_older_ice_is_answered() -> None:
    peer = make_peer()

    media = answer_to(peer, describe(section(), session=("ice-options:trickle",))).media[0]

    assert media.port == 9
    assert peer.can_trickle_ice_candidates is True


@pytest.mark.parametrize(("session", "trickles"), [((), False), (("ice-options:trickle",), True)])
def test_whether_the_peer_takes_candidates_later_can_be_seen(session: tuple[str, ...], trickles: bool) -> None:
    peer = make_peer()
    assert peer.can_trickle_ice_candidates is None

    peer.set_remote_description(describe(section(), session=session), 0.0)

    assert peer.can_trickle_ice_candidates is trickles


@pytest.mark.spec("rfc8842:4/4")
@pytest.mark.parametrize(("offered", "answered"), [("tls-id:" + "x" * 24, True), ("", False)])
def test_an_association_is_named_only_for_a_peer_that_names_it(offered: str, answered: bool) -> None:
    media = answer_to(make_peer(), describe(section(*([offered] if offered else [])))).media[0]

    assert media.has(TlsId) is answered


# --- the forms of data sections ---


@pytest.mark.spec("rfc8829:5.1.2/7", "rfc8829:5.1.2/5", "rfc8829:5.1.2/2", "rfc8829:5.8.2/10", "rfc8829:5.8.2/11")
@pytest.mark.parametrize(
    ("protocol", "fmt"),
    [("UDP/DTLS/SCTP", "webrtc-datachannel"), ("TCP/DTLS/SCTP", "webrtc-datachannel"), ("DTLS/SCTP", "5000")],
)
def test_every_profile_of_data_is_accepted_and_repeated(protocol: str, fmt: str) -> None:
    lines = ("sctpmap:5000 webrtc-datachannel 256",) if fmt == "5000" else ()

    media = answer_to(make_peer(), describe(section(*lines, protocol=protocol, fmt=fmt))).media[0]

    assert (media.port, media.protocol, media.formats) == (9, protocol, (fmt,))


@pytest.mark.spec("rfc8829:5.3.1/26", "rfc8829:5.3.1/8")
def test_the_form_of_old_drafts_is_answered_in_kind() -> None:
    old = section("sctpmap:5000 webrtc-datachannel 256", protocol="DTLS/SCTP", fmt="5000", sctp_port=None)

    media = answer_to(make_peer(), describe(old)).media[0]

    assert media.formats == ("5000",)
    assert media.get(SctpMap) == SctpMap(5000)
    assert media.get(SctpPort) == SctpPort(5000)


@pytest.mark.spec("rfc8829:5.3.1/5")
@pytest.mark.parametrize(
    ("protocol", "fmt"), [("UDP/DTLS/SCTP", "bfcp"), ("UDP/BFCP", "*"), ("TCP/MSRP", "*"), ("RTP/AVP", "111")]
)
def test_application_sections_of_other_kinds_are_rejected(protocol: str, fmt: str) -> None:
    answer = answer_to(make_peer(), describe(section(protocol=protocol, fmt=fmt), section(mid="1")))

    assert [media.port for media in answer.media] == [0, 9]


@pytest.mark.spec("rfc8829:5.8.2/13")
@pytest.mark.parametrize(
    ("line", "expected"), [((), 65_536), (("max-message-size:0",), None), (("max-message-size:100000",), 100_000)]
)
def test_the_peers_limit_of_messages_is_kept(line: tuple[str, ...], expected: int | None) -> None:
    peer = make_peer()

    answer_to(peer, describe(section(*line)))

    assert peer.sctp is not None
    assert peer.sctp.max_message_size == expected


# --- later answers ---


@pytest.mark.spec("rfc8842:5.3/5", "rfc8839:4.3.2/1")
@pytest.mark.spec("rfc8829:5.3.2/2", "rfc8829:5.3.2/3", "rfc8829:5.3.2/5", "rfc8829:5.3.2/7", "rfc8829:5.3.2/8")
@pytest.mark.spec("rfc8829:5.3.2/4", "rfc8829:5.3.2/11", "rfc8829:5.3.2/12", "rfc8829:4.1.9/4")
def test_a_later_answer_keeps_what_was_agreed_and_shows_the_candidates() -> None:
    pair = Pair().connect()
    pair.settle()
    before = parsed(pair.right.machine.current_local_description)
    pair.give(pair.right, pair.offer())

    after = parsed(pair.right.machine.create_answer())
    media = after.media[0]

    assert after.origin.sess_id == before.origin.sess_id
    assert after.origin.sess_version > before.origin.sess_version
    assert str(after).split("\r\n")[2:4] == str(before).split("\r\n")[2:4]
    for kind in (IceUfrag, IcePwd, TlsId, Setup, Mid, Fingerprint):
        assert media.get(kind) == before.media[0].get(kind)
    assert (media.port, str(media.connections[0].address)) == (5001, "192.0.2.2")
    assert len(media.get_all(Candidate)) == 1
    assert media.has(EndOfCandidates)


@pytest.mark.spec("rfc8829:5.3.2/8")
def test_the_role_of_the_association_stays_when_the_other_side_offers() -> None:
    pair = Pair().connect()
    roles = [view.is_dtls_client for side in pair.sides for view in side.machine.transports]

    pair.negotiate(pair.right)
    pair.settle()

    assert roles == [False, True]
    assert [view.is_dtls_client for side in pair.sides for view in side.machine.transports] == roles
    assert parsed(pair.left.local).media[0].get(Setup) == Setup(Role.PASSIVE)
    assert pair.left.machine.connection_state.value == "connected"


@pytest.mark.spec("rfc8829:5.3.2/5", "rfc8829:5.10/5")
def test_the_answer_to_an_ice_restart_has_new_credentials() -> None:
    pair = Pair().connect()
    before = parsed(pair.right.local).media[0]
    offer = pair.left.machine.create_offer(ice_restart=True)
    pair.left.machine.set_local_description(offer, pair.now)
    pair.give(pair.right, offer)

    after = parsed(pair.answer()).media[0]

    assert after.get(IceUfrag) != before.get(IceUfrag)
    assert after.get(IcePwd) != before.get(IcePwd)
    assert after.get(TlsId) == before.get(TlsId)
    assert after.get(Setup) == before.get(Setup)


@pytest.mark.spec("rfc8829:5.3.1/15")
def test_each_transport_has_credentials_of_its_own() -> None:
    answers = [answer_to(make_peer(f"{number}"), describe(section())).media[0] for number in range(5)]

    assert len({each.get(IceUfrag) for each in answers}) == 5


def test_an_answer_can_be_provisional_first() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(section()), 0.0)
    made = peer.create_answer()

    peer.set_local_description(SessionDescription(SdpType.PRANSWER, made.sdp), 0.0)
    peer.set_local_description(SessionDescription(SdpType.ANSWER, made.sdp), 0.0)

    assert peer.local_description == SessionDescription(SdpType.ANSWER, made.sdp)


def test_a_mid_that_is_given_later_names_the_same_section() -> None:
    peer = make_peer()
    answer_to(peer, describe(section(mid=None)))
    before = peer.transports[0].local_credentials

    answer = answer_to(peer, describe(section(mid="data"), version=2))

    assert answer.media[0].get(Mid) == Mid("data")
    assert [(each.id, each.mid, each.local_credentials) for each in peer.transports] == [(0, "data", before)]


def test_a_name_of_ours_gives_way_to_one_of_the_peer() -> None:
    peer = make_peer()
    answer_to(peer, describe(section(mid=None)))
    assert peer.transports[0].mid == "0"

    answer_to(peer, describe(section(mid=None), audio(mid="0"), version=2))

    assert [(each.id, each.mid) for each in peer.transports] == [(0, "1")]
