"""Typed attributes: what each parses to, and what each refuses."""

import pytest
from tests.sdp.vectors import FINGERPRINT, build, load

from rtc_sdp import (
    ENCRYPTED_EXTENSION,
    KNOWN_ATTRIBUTES,
    Attribute,
    BundleOnly,
    Candidate,
    Charset,
    Connection,
    Cryptex,
    Crypto,
    Dcmap,
    Dcsa,
    Direction,
    Extmap,
    Fingerprint,
    Fmtp,
    Framerate,
    Group,
    IceLite,
    IceOptions,
    IcePacing,
    IcePwd,
    IceUfrag,
    ImageAttr,
    MaxMessageSize,
    MaxPtime,
    Mid,
    Msid,
    MsidSemantic,
    ParseError,
    Ptime,
    Quality,
    RemoteCandidate,
    RemoteCandidates,
    Rid,
    RidDirection,
    Role,
    Rtcp,
    RtcpFb,
    RtpMap,
    Scope,
    SctpMap,
    SctpPort,
    Setup,
    Simulcast,
    SimulcastFormat,
    Ssrc,
    SsrcGroup,
    TlsId,
    TypedAttribute,
    answer_role,
    preferred_fingerprints,
    usable_dcsas,
    usable_msids,
)

TLS_ID = "abc3de65cddef001be82"

ROUND_TRIPS: list[tuple[TypedAttribute, str]] = [
    (IceUfrag("8hhY"), "8hhY"),
    (IcePwd("asd88fgpdd777uzjYhagZg"), "asd88fgpdd777uzjYhagZg"),
    (IceOptions(("ice2", "rtp+ecn")), "ice2 rtp+ecn"),
    (IcePacing(50), "50"),
    (IceLite(), ""),
    (Candidate("1 1 UDP 2130706431 203.0.113.141 8998 typ host"), "1 1 UDP 2130706431 203.0.113.141 8998 typ host"),
    (
        RemoteCandidates((RemoteCandidate(1, "192.0.2.3", 45664), RemoteCandidate(2, "::1", 45665))),
        "1 192.0.2.3 45664 2 ::1 45665",
    ),
    (Setup(Role.ACTPASS), "actpass"),
    (Fingerprint("sha-256", b"\x0a" * 32), FINGERPRINT),
    (TlsId(TLS_ID), TLS_ID),
    (SctpPort(5000), "5000"),
    (SctpPort(0), "0"),
    (MaxMessageSize(262144), "262144"),
    (SctpMap(5000, "webrtc-datachannel", 1024), "5000 webrtc-datachannel 1024"),
    (SctpMap(5000), "5000 webrtc-datachannel"),
    (Mid("foo"), "foo"),
    (Group("BUNDLE", ("a", "b")), "BUNDLE a b"),
    (Group("LS"), "LS"),
    (BundleOnly(), ""),
    (Msid("stream", "track"), "stream track"),
    (Msid("-"), "-"),
    (MsidSemantic("WMS", ("*",)), "WMS *"),
    (RtpMap(111, "opus", 48000, "2"), "111 opus/48000/2"),
    (RtpMap(0, "PCMU", 8000), "0 PCMU/8000"),
    (Fmtp("111", "minptime=10; useinbandfec=1"), "111 minptime=10; useinbandfec=1"),
    (RtcpFb("*", "ccm", "fir"), "* ccm fir"),
    (RtcpFb("96", "nack"), "96 nack"),
    (Extmap(4, "urn:x", Direction.SENDONLY, "short long"), "4/sendonly urn:x short long"),
    (Extmap(4, "urn:x"), "4 urn:x"),
    (Extmap(4, "urn:x", encrypted=True), f"4 {ENCRYPTED_EXTENSION} urn:x"),
    (Extmap(4, "urn:x", Direction.RECVONLY, "short long", True), f"4/recvonly {ENCRYPTED_EXTENSION} urn:x short long"),
    (Extmap(4, ENCRYPTED_EXTENSION), f"4 {ENCRYPTED_EXTENSION}"),
    (Cryptex(), ""),
    (ImageAttr("*", "send [x=640,y=480]"), "* send [x=640,y=480]"),
    (Rtcp(9, Connection("0.0.0.0")), "9 IN IP4 0.0.0.0"),
    (Rtcp(53020), "53020"),
    (Ssrc(314159, Attribute("cname", "user@example.com")), "314159 cname:user@example.com"),
    (Ssrc(0, Attribute("flag")), "0 flag"),
    (SsrcGroup("FID", (1, 4294967295)), "FID 1 4294967295"),
    (Rid("hi", RidDirection.SEND), "hi send"),
    (
        Rid("1", RidDirection.RECV, ("96", "97"), (("max-width", "1280"), ("max-fps", None))),
        "1 recv pt=96,97;max-width=1280;max-fps",
    ),
    (Simulcast.of(send=("hi", "~lo"), recv=("in",)), "send hi;~lo recv in"),
    (
        Simulcast(
            ((SimulcastFormat("a"), SimulcastFormat("b", paused=True)),), ((SimulcastFormat("c"),),), recv_first=True
        ),
        "recv c send a,~b",
    ),
    (Dcmap(stream_id=0), "0"),
    (
        Dcmap(stream_id=2, subprotocol="msrp", label="a;b", ordered=False, max_retr=5, priority=128),
        '2 subprotocol="msrp";label="a;b";ordered=false;max-retr=5;priority=128',
    ),
    (Dcmap(stream_id=4, label="foo\tbar ä", max_time_ms=15000), '4 label="foo%09bar %C3%A4";max-time=15000'),
    (Dcsa(2, Attribute("accept-types", "text/plain")), "2 accept-types:text/plain"),
    (Ptime(20), "20"),
    (MaxPtime(0.125), "0.125"),
    (Framerate(29.97), "29.97"),
    (Quality(10), "10"),
    (Charset("UTF-8"), "UTF-8"),
    (Crypto("1 AES_CM_128_HMAC_SHA1_80 inline:x"), "1 AES_CM_128_HMAC_SHA1_80 inline:x"),
]


@pytest.mark.parametrize(("value", "text"), ROUND_TRIPS, ids=[f"{type(v).__name__}-{t[:24]}" for v, t in ROUND_TRIPS])
def test_typed_attributes_round_trip(value: TypedAttribute, text: str) -> None:
    assert value.serialize() == str(value) == text
    assert type(value).parse(text) == value
    assert hash(type(value).parse(text)) == hash(value)
    assert KNOWN_ATTRIBUTES[value.NAME] is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (IceUfrag, "abc"),
        (IceUfrag, "abc-"),
        (IceUfrag, "a" * 257),
        (IcePwd, "a" * 21),
        (IcePwd, "a" * 22 + " "),
        (IceOptions, ""),
        (IceOptions, "a  b"),
        (IcePacing, "x"),
        (IcePacing, "10000000000"),
        (IceLite, "x"),
        (Candidate, ""),
        (RemoteCandidates, "1 192.0.2.3"),
        (RemoteCandidates, "0 192.0.2.3 1"),
        (RemoteCandidates, "1 192.0.2.3 1 2"),
        (Setup, "ACTIVE"),
        (Setup, ""),
        (Fingerprint, "sha-256"),
        (Fingerprint, "sha-256 0A:0B"),
        (Fingerprint, "sha-1 " + "0A" * 20),
        (Fingerprint, "x 0A:0"),
        (Fingerprint, "x 0A 0B"),
        (SctpPort, "65536"),
        (SctpPort, ""),
        (MaxMessageSize, "1" * 21),
        (SctpMap, "5000"),
        (Mid, ""),
        (Mid, "a b"),
        (Group, ""),
        (Group, "BUNDLE  a"),
        (Msid, ""),
        (Msid, "a b c"),
        (Msid, "a" * 65),
        (MsidSemantic, ""),
        (RtpMap, "128 x/1"),
        (RtpMap, "96 x"),
        (RtpMap, "96 x/0"),
        (RtpMap, "96 x/8000/"),
        (RtpMap, "96"),
        (Fmtp, "96"),
        (Fmtp, ""),
        (RtcpFb, "x nack"),
        (RtcpFb, "96"),
        (Extmap, "4"),
        (Extmap, "4/ urn:x"),
        (Extmap, "4/both urn:x"),
        (Extmap, "100000 urn:x"),
        (ImageAttr, "*"),
        (Rtcp, "x"),
        (Rtcp, "9 IN"),
        (Ssrc, "1"),
        (Ssrc, "4294967296 cname:x"),
        (Ssrc, "1 :x"),
        (SsrcGroup, "FID 4294967296"),
        (Rid, "a"),
        (Rid, "a sendrecv"),
        (Rid, "a b send"),
        (Rid, "ä send"),
        (Rid, "a send max_width=1"),
        (Rid, "a send pt="),
        (Simulcast, ""),
        (Simulcast, "send"),
        (Simulcast, "send a;"),
        (Simulcast, "send a recv"),
        (Simulcast, "both a"),
        (Dcmap, "65536"),
        (Dcmap, "1 "),
        (Dcmap, '1 label="a'),
        (Dcmap, '1 label="%zz"'),
        (Dcmap, '1 label="%ff"'),
        (Dcmap, '1 label="a";'),
        (Dcmap, '1 label="a";label="b"'),
        (Dcmap, "1 max-retr=01"),
        (Dcmap, "1 max-time=4294967296"),
        (Dcmap, "1 priority=65536"),
        (Dcsa, "1"),
        (Ptime, "-20"),
        (Ptime, "1e3"),
        (Framerate, "0"),
        (Framerate, "x"),
        (Quality, "11"),
        (Charset, ""),
    ],
)
def test_malformed_values_are_refused(kind: type[TypedAttribute], text: str) -> None:
    with pytest.raises(ParseError) as caught:
        kind.parse(text)

    assert caught.value.reason.startswith(f"{kind.NAME}: ")
    assert caught.value.line is None


@pytest.mark.spec("rfc8866:5.13/1")
@pytest.mark.parametrize("name", ["", "ä", "a b", "a:b", "a\r"])
def test_attribute_names_are_ascii_tokens(name: str) -> None:
    with pytest.raises(ValueError, match="token"):
        Attribute(name)


def test_a_malformed_attribute_names_its_line() -> None:
    media = build("m=audio 1 RTP/AVP 0", "a=x", "a=setup:perhaps").media[0]

    with pytest.raises(ParseError, match="line 7: setup"):
        media.get(Setup)
    with pytest.raises(ParseError, match="line 7: setup"):
        media.get_all(Setup)
    assert media.get("setup") == Attribute("setup", "perhaps")


@pytest.mark.spec("rfc8839:5.4/5")
def test_a_ufrag_of_256_characters_is_taken() -> None:
    assert IceUfrag.parse("a" * 256).ufrag == "a" * 256


def test_passwords_stay_out_of_representations() -> None:
    assert "asd88" not in repr(IcePwd("asd88fgpdd777uzjYhagZg"))


def test_ice_options_separated_by_commas_are_taken() -> None:
    options = load("libdatachannel-offer-data.sdp").get(IceOptions)

    assert options is not None
    assert "trickle" in options
    assert "renomination" not in options


@pytest.mark.spec("rfc8122:5/4")
def test_fingerprints_are_written_in_upper_case_whatever_was_read() -> None:
    lower = Fingerprint.parse("SHA-256 " + ":".join(["ab"] * 32))

    assert lower.serialize() == "sha-256 " + ":".join(["AB"] * 32)


@pytest.mark.spec("rfc8122:5/2")
def test_broken_and_unknown_hash_functions_do_not_count() -> None:
    prints = [Fingerprint("md5", bytes(16)), Fingerprint("md2", bytes(16)), Fingerprint("sha3-256", bytes(32))]

    assert [fingerprint.is_usable for fingerprint in prints] == [False] * 3
    assert preferred_fingerprints(prints) == []


@pytest.mark.spec("rfc8122:5.1/4")
def test_only_the_strongest_offered_hash_function_verifies() -> None:
    weak, strong, second = (
        Fingerprint("sha-1", bytes(20)),
        Fingerprint("sha-384", bytes(48)),
        Fingerprint("sha-384", b"\1" * 48),
    )

    assert preferred_fingerprints([weak, strong, second]) == [strong, second]


def test_a_fingerprint_of_the_wrong_length_or_case_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Fingerprint("sha-256", bytes(31))
    with pytest.raises(ValueError, match="lower case"):
        Fingerprint("SHA-256", bytes(32))


@pytest.mark.spec("rfc8842:4/1")
@pytest.mark.parametrize("length", [19, 256])
def test_tls_id_has_20_to_255_characters(length: int) -> None:
    with pytest.raises(ParseError):
        TlsId.parse("a" * length)
    with pytest.raises(ParseError):
        TlsId.parse("a" * 20 + "=")


@pytest.mark.spec("rfc8842:4/3")
def test_a_new_tls_id_holds_192_random_bits() -> None:
    asked: list[int] = []

    def rng(count: int) -> bytes:
        asked.append(count)
        return b"\xfb\xff" * (count // 2)

    tls_id = TlsId.create(rng)

    assert asked == [24]
    assert TlsId.parse(tls_id.serialize()) == tls_id
    assert len(tls_id.tls_id) == 32


@pytest.mark.spec("rfc8842:5.3/8")
@pytest.mark.parametrize(
    ("offered", "role"),
    [
        (Role.ACTPASS, Role.ACTIVE),
        (Role.ACTIVE, Role.PASSIVE),
        (Role.PASSIVE, Role.ACTIVE),
        (Role.HOLDCONN, Role.HOLDCONN),
    ],
)
def test_the_answered_role_complements_the_offered_one(offered: Role, role: Role) -> None:
    assert answer_role(offered) is role


def test_the_answerer_may_prefer_to_be_passive() -> None:
    assert answer_role(Role.ACTPASS, prefer=Role.PASSIVE) is Role.PASSIVE
    with pytest.raises(ValueError, match="active or passive"):
        answer_role(Role.ACTPASS, prefer=Role.ACTPASS)


@pytest.mark.spec("rfc8841:5.2/1")
@pytest.mark.parametrize("text", ["05000", "00"])
def test_sctp_port_has_no_leading_zeros(text: str) -> None:
    with pytest.raises(ParseError, match="leading zeros"):
        SctpPort.parse(text)


@pytest.mark.spec("rfc8841:6.2/1")
def test_max_message_size_has_no_leading_zeros() -> None:
    with pytest.raises(ParseError, match="leading zeros"):
        MaxMessageSize.parse("0100")


@pytest.mark.spec("rfc5576:4.2/2")
def test_a_group_of_no_sources_is_refused() -> None:
    with pytest.raises(ParseError):
        SsrcGroup.parse("FID")
    with pytest.raises(ValueError, match="no sources"):
        SsrcGroup("FID", ())


def test_encodings_compare_without_case_and_with_channels() -> None:
    opus = RtpMap.parse("111 opus/48000/2")

    assert opus.same_encoding(RtpMap.parse("96 OPUS/48000/2"))
    assert not opus.same_encoding(RtpMap.parse("96 opus/48000"))
    assert RtpMap.parse("9 G722/8000/1").same_encoding(RtpMap.parse("9 G722/8000"))
    assert RtpMap.parse("96 x/1/weird").channel_count == 1


def test_format_parameters_read_as_pairs() -> None:
    assert Fmtp.parse("99 profile-level-id=42801F; Packetization-Mode=0;;x=1;x=2").to_dict() == {
        "profile-level-id": "42801F",
        "packetization-mode": "0",
        "x": "1",
    }
    assert Fmtp.parse("101 0-16").to_dict() == {"0-16": ""}
    assert Fmtp.from_dict("101", {"0-16": "", "a": "b"}).serialize() == "101 0-16;a=b"


def test_feedback_applies_to_its_format_or_to_all() -> None:
    assert RtcpFb.parse("* nack pli").applies_to("96")
    assert RtcpFb.parse("96 nack").applies_to("96")
    assert not RtcpFb.parse("97 nack").applies_to("96")


@pytest.mark.spec("rfc8851:6.1/2")
@pytest.mark.parametrize("direction", ["sendrecv", "both", ""])
def test_a_rid_has_a_direction(direction: str) -> None:
    with pytest.raises(ParseError):
        Rid.parse(f"a {direction}")
    assert Rid.parse("a recv").direction is RidDirection.RECV


@pytest.mark.spec("rfc8851:5/4")
def test_max_bpp_has_at_most_four_decimals() -> None:
    assert Rid.parse("a send max-bpp=0.1234").restrictions == (("max-bpp", "0.1234"),)
    with pytest.raises(ParseError, match="max-bpp"):
        Rid.parse("a send max-bpp=0.12345")


def test_a_rid_written_with_spaces_behind_semicolons_is_read() -> None:
    assert Rid.parse("a send pt=96; max-width=1;max-height").restrictions == (("max-width", "1"), ("max-height", None))


def test_a_rid_that_no_line_could_hold_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="token"):
        Rid("a", RidDirection.SEND, ("9,6",))
    with pytest.raises(ValueError, match="malformed"):
        Rid("a", RidDirection.SEND, (), (("max-width", "1;2"),))


@pytest.mark.spec("rfc8853:5.1/1")
def test_simulcast_takes_restriction_identifiers_only() -> None:
    with pytest.raises(ParseError, match="rid"):
        Simulcast.parse("send a.b")


@pytest.mark.spec("rfc8853:5.2/3")
def test_simulcast_has_each_direction_once() -> None:
    with pytest.raises(ParseError, match="twice"):
        Simulcast.parse("send a send b")


@pytest.mark.spec("rfc8864:5.1.1/1", "rfc8864:6.2/1")
def test_max_retr_and_max_time_exclude_each_other() -> None:
    with pytest.raises(ParseError, match="both"):
        Dcmap.parse("1 max-retr=1;max-time=1")
    with pytest.raises(ValueError, match="both"):
        Dcmap(stream_id=1, max_retr=0, max_time_ms=0)


@pytest.mark.spec("rfc8864:5.1.3/1")
def test_labels_are_quoted_byte_by_byte() -> None:
    dcmap = Dcmap(stream_id=1, label='a"%\tä')

    assert dcmap.serialize() == '1 label="a%22%25%09%C3%A4"'
    assert Dcmap.parse(dcmap.serialize()) == dcmap


def test_an_unknown_value_of_ordered_means_true() -> None:
    assert Dcmap.parse("1 ordered=maybe").ordered


@pytest.mark.spec("rfc8864:6.7/1")
def test_dcsa_without_a_dcmap_is_discarded() -> None:
    media = build("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=dcmap:2", "a=dcsa:2 x", "a=dcsa:3 y").media[0]

    assert usable_dcsas(media) == [Dcsa(2, Attribute("x"))]


@pytest.mark.spec("rfc8830:3/1")
def test_a_malformed_msid_is_ignored() -> None:
    media = build("m=audio 1 RTP/AVP 0", "a=msid:a b c", "a=msid:s t", "a=msid").media[0]

    assert usable_msids(media) == [Msid("s", "t")]


@pytest.mark.spec("rfc3264:5.1/12")
@pytest.mark.parametrize("text", ["0", "0.0"])
def test_a_ptime_is_positive(text: str) -> None:
    with pytest.raises(ParseError, match="positive"):
        Ptime.parse(text)
    with pytest.raises(ValueError, match="positive"):
        Ptime(0)


def test_scopes_are_what_their_documents_say() -> None:
    by_scope = {scope: {name for name, kind in KNOWN_ATTRIBUTES.items() if kind.SCOPE is scope} for scope in Scope}

    assert by_scope[Scope.SESSION] >= {"group", "ice-lite", "ice-pacing", "charset", "tool", "identity"}
    assert by_scope[Scope.DEFAULT] >= {"ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "extmap"}
    assert by_scope[Scope.MEDIA] >= {"mid", "candidate", "rtpmap", "tls-id", "sctp-port", "msid"}
    assert by_scope[Scope.SEPARATE] == {"sdplang"}


def test_attributes_that_no_line_could_hold_cannot_be_made() -> None:
    for make in (
        lambda: IceOptions(()),
        lambda: RemoteCandidates(()),
        lambda: Rid("ä", RidDirection.SEND),
        lambda: Simulcast(),
        lambda: Simulcast(((),)),
        lambda: Fmtp("96", ""),
        lambda: ImageAttr("96", ""),
        lambda: Attribute("x", "\ud800"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - many reasons
            make()


def test_flags_are_equal_to_their_kind_only() -> None:
    assert IceLite() == IceLite()
    assert IceLite() != BundleOnly()
    assert repr(IceLite()) == "IceLite()"
    assert RidDirection.SEND.reversed is RidDirection.RECV
    assert RidDirection.RECV.reversed is RidDirection.SEND
