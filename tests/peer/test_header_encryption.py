"""Header extensions that the network cannot read: one by one (RFC 6904), and as a whole (RFC 9335)."""

from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, frame, frames, media_datagrams, media_of, sent, transceiver
from tests.peer.descriptions import describe
from tests.peer.descriptions import section as data_section
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, check_agreement, negotiated, section, sections
from tests.peer.test_media_codecs import LEVEL, MID, answered, media_section

from rtc_peer import (
    AUDIO_EXTENSIONS,
    VIDEO_EXTENSIONS,
    Configuration,
    DescriptionError,
    ExtensionEncryption,
    FrameReceived,
    HeaderExtensionCapability,
    MediaOptions,
    ModificationError,
    PeerConnection,
    PeerOptions,
    RtpHeaderEncryptionPolicy,
    SdpType,
    SessionDescription,
    TargetBitrateChanged,
)
from rtc_rtp import AudioLevel, RtpPacket, is_rtcp
from rtc_sdp import ENCRYPTED_EXTENSION, Cryptex, Direction, Extmap, MediaDescription
from rtc_stun import Datagram

OPUS = "rtpmap:111 opus/48000/2"
VP8 = "rtpmap:96 VP8/90000"
CSRC_LEVEL = "urn:ietf:params:rtp-hdrext:csrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
PREFER, REQUIRE, ACCEPT = ExtensionEncryption.PREFER, ExtensionEncryption.REQUIRE, ExtensionEncryption.ACCEPT
DISABLE, NEGOTIATE, HIDE = RtpHeaderEncryptionPolicy
LOUD = AudioLevel(30, voice_activity=True)
ROLLBACK = SessionDescription(SdpType.ROLLBACK)


def wishing(encryption: ExtensionEncryption, *uris: str) -> PeerOptions:
    """Options by which some header extensions, or all, are encrypted."""

    def chosen(known: tuple[HeaderExtensionCapability, ...]) -> tuple[HeaderExtensionCapability, ...]:
        return tuple(
            replace(each, encryption=encryption) if each.uri in (uris or [each.uri]) else each for each in known
        )

    return PeerOptions(
        media=MediaOptions(
            audio_header_extensions=chosen(AUDIO_EXTENSIONS), video_header_extensions=chosen(VIDEO_EXTENSIONS)
        )
    )


def hiding(policy: RtpHeaderEncryptionPolicy) -> Configuration:
    return Configuration(rtp_header_encryption_policy=policy)


def levels(media: MediaDescription) -> list[str]:
    return [each.serialize() for each in media.get_all(Extmap) if each.uri == LEVEL]


def form(peer: PeerConnection, uri: str = LEVEL, mid: str = "0") -> tuple[bool | None, bool | None]:
    """How a header extension is sent and received: encrypted, in the clear (False) or not at all."""
    media = negotiated(peer)[mid]
    found: list[bool | None] = []
    for parameters in (media.send, media.receive):
        extensions = None if parameters is None else parameters.header_extensions
        number = None if extensions is None else extensions.id_of(uri)
        found.append(None if extensions is None or number is None else number in extensions.encrypted)
    return found[0], found[1]


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


# --- on the wire ---


def rtp_of(seen: list[Datagram]) -> list[bytes]:
    return [each.data for each in seen if not is_rtcp(each.data) and each.data[0] & 0x10]


def elements(protected: bytes) -> dict[int, bytes]:
    """What the network sees of the header extension of a packet; padding is within what it cannot read."""
    return RtpPacket.parse(bytes((protected[0] & ~0x20,)) + protected[1:]).extensions


def talk_and_listen(pair: Call) -> list[bytes]:
    """Let both sides talk; return the packets of the left one that have header extensions, as the network sees them."""
    seen = media_datagrams(pair.left)
    pair.talk()
    for side in pair.sides:
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind)[-10:] == sent(kind, range(10)), (side.name, kind)
    assert not any(key.startswith(("srtp", "rtp")) for side in pair.sides for key in side.machine.stats.dropped)
    return rtp_of(seen)


def level_heard(pair: Call) -> AudioLevel | None:
    """Say something on the left, and return how loud it is on the right."""
    loud = replace(frame(AUDIO, 500), audio_level=LOUD)
    transceiver(pair.left, AUDIO).sender.send_frame(loud, now=pair.now)
    pair.network.flush()
    pair.settle(0.1)
    return pair.right.of(FrameReceived)[-1].frame.audio_level


@pytest.mark.spec("rfc9335:4/5", "rfc9335:5.1/2", "rfc8834:13/2", "rfc8834:5.2.2/3", "rfc8834:5.2.3/2")
def test_by_default_two_of_ours_hide_all_header_extensions() -> None:
    pair = Call().begin()

    packets = talk_and_listen(pair)

    assert len(packets) > 30
    assert {packet[12:14] for packet in packets} == {bytes.fromhex("c0de")}
    assert level_heard(pair) == LOUD


def test_header_extensions_are_readable_where_a_side_does_without() -> None:
    pair = Call(right=hiding(DISABLE)).begin()

    packets = talk_and_listen(pair)

    assert {packet[12:14] for packet in packets} == {bytes.fromhex("bede")}
    assert level_heard(pair) == LOUD


@pytest.mark.spec("rfc9335:5.2/3")
def test_where_it_is_required_readable_headers_are_dropped() -> None:
    pair = Call(left=hiding(HIDE)).begin()
    talk_and_listen(pair)
    right = media_of(pair.right).srtp
    right.encrypt_headers(replace(right._sent, cryptex=False), right._received)

    pair.send(pair.right, AUDIO, 20)
    pair.settle(0.1)

    assert pair.left.machine.stats.dropped["srtp:unencrypted"] > 0


@pytest.mark.spec("rfc8834:5.2.2/2", "rfc8834:5.2.3/1", "rfc6904:4.1/3")
def test_single_header_extensions_are_hidden_both_ways() -> None:
    options = wishing(PREFER)
    pair = Call(left=hiding(DISABLE), options=(options, PeerOptions())).begin()
    send = negotiated(pair.left.machine)["0"].send
    assert send is not None
    mid = send.header_extensions.id_of(MID)
    assert mid is not None
    assert set(send.header_extensions) == set(send.header_extensions.encrypted)

    packets = talk_and_listen(pair)

    values = [value for packet in packets if (value := elements(packet).get(mid)) is not None]
    assert len(values) > 10
    assert len(set(values)) > 10, "the same for all packets of a section, and encrypted otherwise in each"
    assert level_heard(pair) == LOUD
    assert all(packet[12:14] in (bytes.fromhex("bede"), bytes.fromhex("1000")) for packet in packets)


def test_feedback_on_arrivals_works_with_hidden_sequence_numbers() -> None:
    pair = Call(left=hiding(DISABLE), options=(wishing(PREFER, TRANSPORT_CC), PeerOptions())).begin()
    send = negotiated(pair.left.machine)["1"].send
    assert send is not None
    number = send.header_extensions.id_of(TRANSPORT_CC)
    assert number in send.header_extensions.encrypted

    seen = talk_and_listen(pair)

    assert any(number in elements(packet) for packet in seen)
    estimates = [each.bitrate_bps for each in pair.left.of(TargetBitrateChanged)]
    assert estimates[-1] > 2 * estimates[0], "the estimate rises by feedback alone"


def _choose(pair: Call, encryption: ExtensionEncryption) -> None:
    for side in pair.sides:
        for each in side.machine.transceivers:
            each.set_header_extensions([replace(known, encryption=encryption) for known in each.header_extensions])


def test_a_call_goes_on_while_header_extensions_are_encrypted() -> None:
    pair = Call(left=hiding(DISABLE), right=hiding(DISABLE)).begin()
    for number in range(50):
        if number == 20:
            _choose(pair, PREFER)
            pair.negotiate()
        for side in pair.sides:
            for kind in (AUDIO, VIDEO):
                pair.send(side, kind, number)
        pair.settle(0.02)
    pair.settle(0.5)

    for side in pair.sides:
        for kind in (AUDIO, VIDEO):
            assert frames(side, kind) == sent(kind, range(50))
        assert not any(key.startswith("srtp") for key in side.machine.stats.dropped)
    assert form(pair.left.machine) == (True, True)


def test_a_header_extension_in_the_clear_that_is_to_be_encrypted_is_ignored_and_counted() -> None:
    pair = Call([AUDIO], left=hiding(DISABLE), options=(wishing(PREFER, LEVEL), PeerOptions())).begin()
    media = negotiated(pair.left.machine)["0"]
    (clear,) = media.refused_extension_ids
    theirs = media_of(pair.right)
    send = negotiated(pair.right.machine)["0"].send
    assert send is not None
    forged = RtpPacket(send.codecs[0].payload_type, 7, 0, send.encodings[0].ssrc, b"x", extensions={clear: b"\x1e"})
    before = pair.left.machine.stats.dropped.get("rtp:readable header extension", 0)

    media_of(pair.left).receive(theirs.srtp.protect([bytes(forged)]), pair.now)

    assert pair.left.machine.stats.dropped["rtp:readable header extension"] == before + 1
    (source,) = media_of(pair.left).session.synchronization_sources(transceiver(pair.left, AUDIO).id)
    assert source.audio_level is None
