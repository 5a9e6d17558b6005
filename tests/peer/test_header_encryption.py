"""Header extensions that the network cannot read: one by one (RFC 6904), and as a whole (RFC 9335)."""

from dataclasses import replace

import pytest
from tests.peer.descriptions import describe
from tests.peer.descriptions import section as data_section
from tests.peer.hidden_headers import ACCEPT, DISABLE, HIDE, PREFER, REQUIRE, form, hiding, wishing
from tests.peer.media_sections import LEVEL, MID, answered, media_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, negotiated, section, sections

from rtc_peer import (
    DescriptionError,
    ExtensionEncryption,
    HeaderExtensionCapability,
    MediaOptions,
    ModificationError,
    PeerOptions,
    SdpType,
    SessionDescription,
)
from rtc_sdp import ENCRYPTED_EXTENSION, Cryptex, Direction, Extmap, MediaDescription

OPUS = "rtpmap:111 opus/48000/2"
VP8 = "rtpmap:96 VP8/90000"
CSRC_LEVEL = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
ROLLBACK = SessionDescription(SdpType.ROLLBACK)


def levels(media: MediaDescription) -> list[str]:
    return [each.serialize() for each in media.get_all(Extmap) if each.uri == LEVEL]


# --- one by one: offers ---


def test_offers_have_header_extensions_in_the_clear_unless_asked_otherwise() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")

    assert not any(each.encrypted for each in section(peer.create_offer()).get_all(Extmap))


@pytest.mark.spec("rfc6904:4.1/1", "rfc6904:4/1", "rfc6904:4/2", "rfc8834:5.2.2/2", "rfc8834:5.2.3/1")
def test_a_header_extension_is_offered_in_both_forms() -> None:
    peer = make_peer(options=wishing(PREFER, LEVEL, CSRC_LEVEL))
    peer.add_transceiver("audio")
    peer.create_data_channel("data")

    audio, data = sections(peer.create_offer())

    extensions = audio.get_all(Extmap)
    assert [(each.uri, each.direction) for each in extensions if each.encrypted] == [
        (LEVEL, None),
        (CSRC_LEVEL, Direction.RECVONLY),
    ]
    assert {LEVEL, CSRC_LEVEL} <= {each.uri for each in extensions if not each.encrypted}
    assert len({each.id for each in extensions}) == len(extensions)
    assert audio.is_srtp
    assert not data.has(Extmap)


@pytest.mark.spec("rfc6904:4.1/2")
def test_what_has_to_be_encrypted_is_offered_in_no_other_form() -> None:
    peer = make_peer(options=wishing(REQUIRE, LEVEL))
    peer.add_transceiver("audio")

    assert [each.encrypted for each in section(peer.create_offer()).get_all(Extmap) if each.uri == LEVEL] == [True]


def test_each_form_has_one_identifier_in_all_sections() -> None:
    peer = make_peer(options=wishing(PREFER))
    for kind in ("audio", "video", "audio"):
        peer.add_transceiver(kind)

    ids: dict[int, str] = {}
    for media in sections(peer.create_offer()):
        for each in media.get_all(Extmap):
            assert ids.setdefault(each.id, each.name) == each.name


@pytest.mark.parametrize(("encryption", "offered"), [(PREFER, [False]), (REQUIRE, [True])])
def test_what_is_offered_in_both_forms_needs_no_long_identifiers(
    encryption: ExtensionEncryption, offered: list[bool]
) -> None:
    many = tuple(HeaderExtensionCapability(f"urn:x:{number}") for number in range(14 - (encryption is PREFER)))
    hidden = HeaderExtensionCapability(LEVEL, encryption=encryption)
    peer = make_peer(options=PeerOptions(media=MediaOptions(audio_header_extensions=(*many, hidden))))
    peer.add_transceiver("audio")

    extensions = section(peer.create_offer()).get_all(Extmap)

    assert [each.encrypted for each in extensions if each.uri == LEVEL] == offered
    assert max(each.id for each in extensions) == (14 if encryption is PREFER else 16)


def test_where_identifiers_run_out_what_has_to_be_encrypted_is_left_out() -> None:
    many = tuple(HeaderExtensionCapability(f"urn:x:{number}") for number in range(254))
    hidden = HeaderExtensionCapability(LEVEL, encryption=REQUIRE)
    peer = make_peer(options=PeerOptions(media=MediaOptions(audio_header_extensions=(*many, hidden))))
    peer.add_transceiver("audio")

    assert levels(section(peer.create_offer())) == []


# --- one by one: answers ---


@pytest.mark.spec("rfc6904:4.1/3", "rfc6904:4.1/4", "rfc8834:5.2.2/2")
@pytest.mark.parametrize("encrypted_first", [True, False])
def test_the_answer_takes_the_encrypted_form(encrypted_first: bool) -> None:
    peer = make_peer()
    lines = [f"extmap:3 {LEVEL}", f"extmap:4 {ENCRYPTED_EXTENSION} {LEVEL}"]

    (media,) = answered(peer, media_section(OPUS, *(reversed(lines) if encrypted_first else lines)))

    assert levels(media) == [f"4 {ENCRYPTED_EXTENSION} {LEVEL}"]
    assert form(peer) == (True, True)


@pytest.mark.parametrize(
    ("encryption", "lines", "expected"),
    [
        (ACCEPT, ["3 {clear}"], "3 {clear}"),
        (ACCEPT, ["4/sendonly {hidden} vad=on"], "4/recvonly {hidden} vad=on"),
        (ACCEPT, ["3 {clear}", "4/inactive {hidden}"], "3 {clear}"),
        (PREFER, ["3 {clear}"], "3 {clear}"),
        (REQUIRE, ["3 {clear}"], None),
        (REQUIRE, ["3 {clear}", "4/inactive {hidden}"], None),
        (REQUIRE, ["3 {clear}", "4 {hidden}"], "4 {hidden}"),
        (ACCEPT, ["4096 {clear}", "4096 {hidden}"], "1 {hidden}"),
        (ACCEPT, ["4 {hidden}", "4 {clear}"], "4 {hidden}"),
    ],
)
def test_the_form_that_is_answered(encryption: ExtensionEncryption, lines: list[str], expected: str | None) -> None:
    names = {"clear": LEVEL, "hidden": f"{ENCRYPTED_EXTENSION} {LEVEL}"}
    peer = make_peer(options=wishing(encryption, LEVEL))

    (media,) = answered(peer, media_section(OPUS, *(f"extmap:{line.format(**names)}" for line in lines)))

    assert levels(media) == ([] if expected is None else [expected.format(**names)])


@pytest.mark.spec("rfc6904:4/4")
def test_what_is_encrypted_twice_is_ignored() -> None:
    twice = f"extmap:4 {ENCRYPTED_EXTENSION} {ENCRYPTED_EXTENSION} {LEVEL}"

    (media,) = answered(make_peer(), media_section(OPUS, twice, f"extmap:5 {ENCRYPTED_EXTENSION}", f"extmap:3 {MID}"))

    assert [each.serialize() for each in media.get_all(Extmap)] == [f"3 {MID}"]


@pytest.mark.spec("rfc6904:4/3")
def test_an_encrypted_extension_of_the_session_counts_for_media_alone() -> None:
    peer = make_peer()
    lines = ("group:BUNDLE 0 1", f"extmap:4 {ENCRYPTED_EXTENSION} {LEVEL}", f"extmap:3 {MID}")

    peer.set_remote_description(describe(media_section(OPUS), data_section(mid="1"), session=lines), 0.0)
    peer.set_local_description(None, 0.0)

    media, data = sections(peer.local_description)
    assert levels(media) == [f"4 {ENCRYPTED_EXTENSION} {LEVEL}"]
    assert not data.has(Extmap)


@pytest.mark.spec("rfc9143:12/1")
def test_a_bundle_that_disagrees_on_what_is_encrypted_is_refused() -> None:
    offer = describe(
        media_section(OPUS, f"extmap:4 {MID}"),
        media_section(VP8, f"extmap:4 {ENCRYPTED_EXTENSION} {MID}", media="video", fmt="96", mid="1"),
        session=("group:BUNDLE 0 1",),
    )
    peer = make_peer()

    with pytest.raises(DescriptionError, match="header extension 4"):
        peer.set_remote_description(offer, 0.0)
    apart = replace(offer, sdp=offer.sdp.replace("a=group:BUNDLE 0 1\r\n", ""))
    peer.set_remote_description(apart, 0.0)


# --- one by one: both sides ---


@pytest.mark.parametrize(
    ("offerer", "answerer", "expected"),
    [
        (PREFER, ACCEPT, True),
        (PREFER, PREFER, True),
        (PREFER, REQUIRE, True),
        (REQUIRE, ACCEPT, True),
        (REQUIRE, REQUIRE, True),
        (ACCEPT, ACCEPT, False),
        (ACCEPT, PREFER, False),
        (ACCEPT, REQUIRE, None),
    ],
)
@pytest.mark.parametrize("left_offers", [True, False])
def test_both_sides_agree_on_the_form(
    left_offers: bool, offerer: ExtensionEncryption, answerer: ExtensionEncryption, expected: bool | None
) -> None:
    options = wishing(offerer, LEVEL), wishing(answerer, LEVEL)
    talk = Talk(options=options if left_offers else (options[1], options[0]))
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")

    talk.negotiate(talk.left if left_offers else talk.right)

    assert form(talk.left) == form(talk.right) == (expected, expected)
    check_agreement(talk.left, talk.right)


@pytest.mark.spec("rfc6904:4.1/4")
def test_an_answer_with_both_forms_is_taken_for_the_encrypted_one() -> None:
    talk = Talk(options=(wishing(PREFER, LEVEL), None))
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")
    talk.offer()
    talk.right.set_local_description(None, 0.0)
    local = talk.right.local_description
    assert local is not None
    clear, hidden = (each.id for each in section(talk.left.local_description).get_all(Extmap) if each.uri == LEVEL)
    both = f"a=extmap:{clear} {LEVEL}\r\na=extmap:{hidden} {ENCRYPTED_EXTENSION} {LEVEL}\r\n"

    talk.left.set_remote_description(
        replace(local, sdp=local.sdp.replace(f"a=extmap:{hidden} {ENCRYPTED_EXTENSION} {LEVEL}\r\n", both)), 0.0
    )

    media = negotiated(talk.left)["0"]
    assert media.send is not None
    assert media.send.header_extensions.id_of(LEVEL) == hidden
    assert form(talk.left) == (True, True)
    assert media.refused_extension_ids == {clear}


def test_a_form_that_is_answered_as_inactive_is_not_used() -> None:
    talk = Talk(options=(wishing(PREFER, LEVEL), None))
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")
    talk.offer()
    talk.right.set_local_description(None, 0.0)
    local = talk.right.local_description
    assert local is not None
    clear, hidden = (each.id for each in section(talk.left.local_description).get_all(Extmap) if each.uri == LEVEL)
    lines = f"a=extmap:{clear} {LEVEL}\r\na=extmap:{hidden}/inactive {ENCRYPTED_EXTENSION} {LEVEL}\r\n"

    talk.left.set_remote_description(
        replace(local, sdp=local.sdp.replace(f"a=extmap:{hidden} {ENCRYPTED_EXTENSION} {LEVEL}\r\n", lines)), 0.0
    )

    assert form(talk.left) == (False, False)
    kept = next(each for each in talk.left.transceivers[0].header_extensions if each.uri == LEVEL)
    assert kept == HeaderExtensionCapability(LEVEL, Direction.SENDRECV, PREFER)


def test_what_the_peer_has_encrypted_stays_encrypted_in_our_offers() -> None:
    talk = Talk(options=(wishing(REQUIRE, LEVEL, MID), None))
    talk.left.add_track("audio", "one")
    talk.negotiate()

    talk.right.add_transceiver("audio")
    talk.negotiate(talk.right)

    first, second = sections(talk.right.local_description)
    assert [each.encrypted for each in first.get_all(Extmap) if each.uri == LEVEL] == [True]
    assert [each.encrypted for each in second.get_all(Extmap) if each.uri == LEVEL] == [False, True]
    assert form(talk.left, mid="1") == (True, True)
    check_agreement(talk.left, talk.right)


def test_rolling_back_an_offer_leaves_the_form_as_it_was() -> None:
    talk = Talk(options=(wishing(PREFER, LEVEL), None))
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")
    talk.negotiate()
    before = negotiated(talk.left), negotiated(talk.right)
    ours = talk.left.transceivers[0]
    ours.set_header_extensions([replace(each, encryption=ACCEPT) for each in ours.header_extensions])
    talk.left.add_transceiver("video")

    talk.offer(talk.left)
    for peer in (talk.left, talk.right):
        (peer.set_local_description if peer is talk.left else peer.set_remote_description)(ROLLBACK, 0.0)

    assert (negotiated(talk.left), negotiated(talk.right)) == before
    talk.negotiate(talk.right)
    assert form(talk.left) == form(talk.right) == (True, True)


# --- as a whole ---


@pytest.mark.spec("rfc9335:4/4", "rfc9335:4/1", "rfc8834:13/2")
def test_our_descriptions_say_that_such_packets_can_be_received() -> None:
    talk = Talk()
    for kind in ("audio", "video"):
        talk.left.add_track(kind, kind)
    talk.left.create_data_channel("data")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        document = peer.local_description
        assert document is not None
        assert document.sdp.partition("m=")[0].count("a=cryptex\r\n") == 1
        assert document.sdp.count("a=cryptex") == 1
        assert all(each.cryptex for each in peer.negotiated_media)


def test_descriptions_without_media_say_nothing_of_it() -> None:
    talk = Talk()
    talk.left.create_data_channel("data")

    talk.negotiate()

    for peer in (talk.left, talk.right):
        assert peer.local_description is not None
        assert "cryptex" not in peer.local_description.sdp


@pytest.mark.spec("rfc9335:4/5")
@pytest.mark.parametrize("offerer", ["left", "right"])
def test_where_one_side_does_not_say_it_nobody_does_it(offerer: str) -> None:
    talk = Talk(left=hiding(DISABLE))
    peer = talk.left if offerer == "left" else talk.right
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")

    talk.negotiate(peer)

    assert not any(each.cryptex for each in (*talk.left.negotiated_media, *talk.right.negotiated_media))
    assert not any(each.accepts_cryptex for each in talk.left.negotiated_media)
    assert talk.left.local_description is not None
    assert "cryptex" not in talk.left.local_description.sdp


@pytest.mark.spec("rfc9335:4/6")
@pytest.mark.parametrize("place", ["session", "sections", "tag"])
def test_a_peer_may_say_it_in_several_places(place: str) -> None:
    peer = make_peer()
    line = ("cryptex",)
    offer = describe(
        media_section(OPUS, f"extmap:4 {MID}", *(line if place != "session" else ())),
        media_section(VP8, f"extmap:4 {MID}", *(line if place == "sections" else ()), media="video", fmt="96", mid="1"),
        session=("group:BUNDLE 0 1", *(line if place == "session" else ())),
    )

    peer.set_remote_description(
        replace(offer, sdp=offer.sdp.replace("a=ice-ufrag", "a=ice-ufrag", 1)) if place != "tag" else _tagged(offer),
        0.0,
    )
    peer.set_local_description(None, 0.0)

    assert peer.local_description is not None
    assert peer.local_description.sdp.partition("m=")[0].count("a=cryptex") == 1


def _tagged(offer: SessionDescription) -> SessionDescription:
    """Leave what transports need to the section that tags the bundle."""
    head, first, second = offer.sdp.split("m=")
    kept = [line for line in second.splitlines(True) if not line.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    return replace(offer, sdp="m=".join((head, first, "".join(kept))))


@pytest.mark.spec("rfc9335:4/1")
def test_a_bundle_of_which_a_part_says_it_does_without() -> None:
    peer = make_peer()
    offer = describe(
        media_section(OPUS, f"extmap:4 {MID}"),
        media_section(VP8, f"extmap:4 {MID}", "cryptex", media="video", fmt="96", mid="1"),
        session=("group:BUNDLE 0 1",),
    )

    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)

    assert peer.local_description is not None
    assert "cryptex" not in peer.local_description.sdp


@pytest.mark.spec("rfc9335:4/1")
def test_bundles_are_told_apart() -> None:
    peer = make_peer()
    offer = describe(
        media_section(OPUS, f"extmap:4 {MID}", "cryptex"),
        data_section("cryptex", mid="1"),
        media_section(VP8, f"extmap:4 {MID}", media="video", fmt="96", mid="2"),
        session=("group:BUNDLE 0 1",),
    )

    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)

    assert peer.local_description is not None
    assert "cryptex" not in peer.local_description.sdp.partition("m=")[0]
    assert [each.has(Cryptex) for each in sections(peer.local_description)] == [True, True, False]


@pytest.mark.spec("rfc9335:5.2/3")
@pytest.mark.parametrize("offers", [True, False])
def test_a_peer_that_cannot_do_it_is_refused_where_it_is_required(offers: bool) -> None:
    talk = Talk(left=hiding(HIDE), right=hiding(DISABLE))
    talk.left.add_track("audio", "one")
    talk.right.add_track("audio", "two")
    if offers:
        talk.offer(talk.left)
        talk.right.set_local_description(None, 0.0)
        description = talk.right.local_description
    else:
        description = talk.right.create_offer()
    assert description is not None
    before = talk.left.signaling_state

    with pytest.raises(DescriptionError, match="cryptex") as error:
        talk.left.set_remote_description(description, 0.0)

    assert error.value.dom_name == "InvalidAccessError"
    assert talk.left.signaling_state is before


def test_data_channels_need_none_of_it() -> None:
    talk = Talk(left=hiding(HIDE), right=hiding(DISABLE))
    talk.right.create_data_channel("data")

    talk.negotiate(talk.right)


def test_the_policy_cannot_be_changed() -> None:
    peer = make_peer()

    with pytest.raises(ModificationError, match="header encryption"):
        peer.set_configuration(hiding(HIDE))


@pytest.mark.spec("rfc9335:5/1")
def test_an_identifier_that_no_element_has_is_not_agreed_upon() -> None:
    (media,) = answered(make_peer(), media_section(OPUS, f"extmap:256 {LEVEL}", f"extmap:3 {MID}", "cryptex"))

    assert [each.serialize() for each in media.get_all(Extmap)] == [f"3 {MID}"]
