"""Which value counts for a section: its own, the session's, or that of the section it is bundled with."""

import pytest
from tests.sdp.vectors import FINGERPRINT, build, load

from rtc_sdp import (
    DEFAULT_MAX_MESSAGE_SIZE,
    Bundles,
    Direction,
    Extmap,
    Fingerprint,
    Group,
    IceLite,
    IceOptions,
    IceUfrag,
    MaxMessageSize,
    MediaDescription,
    Mid,
    ParseError,
    SctpPort,
    Setup,
    answer_group,
    data_section,
    is_data_section,
    max_message_size_of,
    sctp_port_of,
    select_tagged,
)


def test_a_media_value_overrides_the_session_value() -> None:
    description = build("a=ice-ufrag:sess", "m=audio 1 RTP/AVP 0", "a=ice-ufrag:mine", "m=audio 1 RTP/AVP 0")
    first, second = description.media

    assert description.effective(first, IceUfrag) == IceUfrag("mine")
    assert description.effective(second, IceUfrag) == IceUfrag("sess")


@pytest.mark.spec("rfc8122:5/3")
def test_session_fingerprints_count_for_sections_without_their_own() -> None:
    description = build(
        f"a=fingerprint:{FINGERPRINT}",
        "a=fingerprint:sha-1 " + ":".join(["00"] * 20),
        "m=audio 1 RTP/AVP 0",
        "m=audio 1 RTP/AVP 0",
        "a=fingerprint:sha-1 " + ":".join(["01"] * 20),
    )

    assert len(description.effective_all(description.media[0], Fingerprint)) == 2
    assert description.effective_all(description.media[1], Fingerprint) == [Fingerprint("sha-1", b"\1" * 20)]


def test_a_media_attribute_at_the_session_level_counts_for_nobody() -> None:
    description = build("a=mid:x", "m=audio 1 RTP/AVP 0")

    assert description.effective(description.media[0], Mid) is None
    assert description.effective_all(description.media[0], Mid) == []


def test_a_session_attribute_counts_for_every_section() -> None:
    description = build("a=ice-lite", "m=audio 1 RTP/AVP 0")

    assert description.effective(description.media[0], IceLite) == IceLite()


def test_extensions_at_the_session_level_count_for_all() -> None:
    description = build("a=extmap:1 urn:x", "m=audio 1 RTP/AVP 0")

    assert description.effective_all(description.media[0], Extmap) == [Extmap(1, "urn:x")]


@pytest.mark.spec("rfc8866:6.7/1")
def test_a_direction_comes_from_the_section_the_session_or_is_sendrecv() -> None:
    description = build("a=recvonly", "m=audio 1 RTP/AVP 0", "a=inactive", "m=audio 1 RTP/AVP 0")

    assert description.direction_of(description.media[0]) is Direction.INACTIVE
    assert description.direction_of(description.media[1]) is Direction.RECVONLY
    assert build("m=audio 1 RTP/AVP 0").direction_of(build("m=audio 1 RTP/AVP 0").media[0]) is Direction.SENDRECV


def test_without_any_connection_there_is_none() -> None:
    description = build("m=audio 1 RTP/AVP 0")

    assert description.connection_of(description.media[0]) is None


def test_sections_are_found_by_mid() -> None:
    description = load("chromium-offer-media.sdp")

    assert description.by_mid("1") is description.media[1]
    assert description.by_mid("9") is None
    assert list(description.media_by_mid()) == ["0", "1", "2"]


# --- data sections ---


@pytest.mark.parametrize(
    ("name", "index", "size"),
    [
        ("chromium-offer-data.sdp", 0, 262144),
        ("chromium-offer-media.sdp", 2, 262144),
        ("firefox-offer-data.sdp", 0, 1073741823),
        ("firefox-52-offer-data.sdp", 0, 1073741823),
        ("pion-offer-data.sdp", 0, 1073741823),
        ("libdatachannel-offer-data.sdp", 0, 262144),
    ],
)
def test_data_sections_of_all_stacks_are_understood(name: str, index: int, size: int) -> None:
    media = load(name).media[index]

    assert is_data_section(media)
    assert sctp_port_of(media) == 5000
    assert max_message_size_of(media) == size


def test_other_sections_are_no_data_sections() -> None:
    assert not any(is_data_section(media) for media in load("sip-phone-offer.sdp").media)
    assert not is_data_section(build("m=application 9 DTLS/SCTP 5000").media[0])
    assert not is_data_section(build("m=application 9 UDP/DTLS/SCTP other").media[0])


@pytest.mark.spec("rfc8841:6.1/2")
def test_a_peer_without_max_message_size_takes_64_kib_and_zero_means_any() -> None:
    media = build("m=application 9 UDP/DTLS/SCTP webrtc-datachannel").media[0]

    assert max_message_size_of(media) == DEFAULT_MAX_MESSAGE_SIZE == 65536
    media.add(MaxMessageSize(0))
    assert max_message_size_of(media) is None


@pytest.mark.spec("rfc8841:5.1/1")
def test_there_is_no_default_sctp_port() -> None:
    assert sctp_port_of(build("m=application 9 UDP/DTLS/SCTP webrtc-datachannel").media[0]) is None
    with pytest.raises(ParseError):
        sctp_port_of(build("m=application 9 DTLS/SCTP what").media[0])
    with pytest.raises(ParseError):
        sctp_port_of(build("m=application 9 DTLS/SCTP 70000").media[0])


@pytest.mark.spec("rfc8841:12.2/2")
def test_a_new_data_section_is_what_browsers_write() -> None:
    media = data_section(mid="0", max_message_size=262144)

    assert str(media) == (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    )
    assert is_data_section(media)
    assert not data_section(mid="0").has(MaxMessageSize)
    assert data_section(mid="0", sctp_port=1).get(SctpPort) == SctpPort(1)


# --- bundles ---


@pytest.mark.spec("rfc9143:7.1.3/4", "rfc9143:7.2/3")
def test_transport_comes_from_the_tagged_section() -> None:
    description = load("firefox-offer-media.sdp")
    bundles = Bundles(description)
    audio, video, data = description.media

    assert bundles.groups == (Group("BUNDLE", ("0", "1", "2")),)
    assert bundles.tagged(bundles.groups[0]) is audio
    assert bundles.transport_section(video) is audio
    assert bundles.transport(data, IceUfrag) == audio.get(IceUfrag)
    assert bundles.transport(data, IceOptions) == description.get(IceOptions)


def test_the_value_of_the_tagged_section_passes_over_the_sections_own() -> None:
    description = build(
        "a=group:BUNDLE b a",
        *("m=audio 1 RTP/AVP 0", "a=mid:a", "a=setup:active"),
        *("m=audio 1 RTP/AVP 0", "a=mid:b", "a=setup:passive"),
        *("m=audio 1 RTP/AVP 0", "a=mid:c", "a=setup:actpass"),
    )
    bundles = Bundles(description)

    assert [bundles.transport(media, Setup) for media in description.media] == [
        Setup.parse("passive"),
        Setup.parse("passive"),
        Setup.parse("actpass"),
    ]
    assert bundles.group_of(description.media[2]) is None


@pytest.mark.spec("rfc9143:6/1", "rfc9143:7.5.3/1", "rfc3264:6/7")
def test_bundle_only_counts_only_within_a_bundle() -> None:
    description = build(
        "a=group:BUNDLE a b",
        *("m=audio 1 RTP/AVP 0", "a=mid:a"),
        *("m=audio 0 RTP/AVP 0", "a=mid:b", "a=bundle-only"),
        *("m=audio 0 RTP/AVP 0", "a=mid:c", "a=bundle-only"),
        *("m=audio 0 RTP/AVP 0", "a=mid:d"),
    )
    bundles = Bundles(description)

    assert [bundles.is_bundle_only(media) for media in description.media] == [False, True, False, False]
    assert [bundles.is_rejected(media) for media in description.media] == [False, False, True, True]


@pytest.mark.spec("rfc5888:6/3")
def test_a_group_that_names_a_missing_section_is_ignored() -> None:
    description = build("a=group:BUNDLE a x", "a=group:BUNDLE", "m=audio 1 RTP/AVP 0", "a=mid:a")
    bundles = Bundles(description)

    assert bundles.groups == (Group("BUNDLE"),)
    assert bundles.tagged(Group("BUNDLE")) is None
    assert bundles.transport_section(description.media[0]) is description.media[0]


def test_no_section_is_grouped_if_one_has_no_mid_unless_that_one_is_rejected() -> None:
    lines = ("a=group:BUNDLE a", "m=audio 1 RTP/AVP 0", "a=mid:a")

    assert Bundles(build(*lines, "m=video 1 RTP/AVP 31")).groups == ()
    assert len(Bundles(build(*lines, "m=video 0 RTP/AVP 31")).groups) == 1


@pytest.mark.spec("rfc9143:7.3.1/1", "rfc9143:7.3.1/2", "rfc9143:7.3.1/3")
def test_the_first_kept_section_with_a_port_becomes_the_tagged_one() -> None:
    offer = build(
        "a=group:BUNDLE a b c",
        *("m=audio 1 RTP/AVP 0", "a=mid:a"),
        *("m=audio 0 RTP/AVP 0", "a=mid:b", "a=bundle-only"),
        *("m=audio 1 RTP/AVP 0", "a=mid:c"),
    )
    group = Bundles(offer).groups[0]

    assert select_tagged(offer, group, {"a", "b", "c"}) == "a"
    assert select_tagged(offer, group, {"b", "c"}) == "c"
    assert select_tagged(offer, group, {"b"}) is None
    assert answer_group(offer, group, {"b"}) is None


@pytest.mark.spec("rfc9143:7.3/1", "rfc9143:7.3/2")
def test_an_answered_group_names_the_tagged_section_first_and_nothing_that_was_not_offered() -> None:
    offer = build(
        "a=group:BUNDLE b a c",
        *("m=audio 1 RTP/AVP 0", "a=mid:a"),
        *("m=audio 0 RTP/AVP 0", "a=mid:b", "a=bundle-only"),
        *("m=audio 1 RTP/AVP 0", "a=mid:c"),
        *("m=audio 1 RTP/AVP 0", "a=mid:d"),
    )

    assert answer_group(offer, Bundles(offer).groups[0], {"a", "b", "c", "d"}) == Group("BUNDLE", ("a", "b", "c"))


def test_sections_of_no_group_use_their_own_transport() -> None:
    description = build("m=audio 1 RTP/AVP 0", "a=setup:active")
    media: MediaDescription = description.media[0]

    assert Bundles(description).transport(media, Setup) == Setup.parse("active")
