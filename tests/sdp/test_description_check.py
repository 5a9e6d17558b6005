"""Rules within one description."""

import pytest
from tests.sdp.vectors import FINGERPRINT, audio, build, data, load, secured

from rtc_sdp import DescriptionError, Problem, SessionDescription, check_description

MID = "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"


def problems(description: SessionDescription) -> list[str]:
    with pytest.raises(DescriptionError) as caught:
        check_description(description)
    return [f"{problem.media_index}: {problem.text}" for problem in caught.value.problems]


def passes(*lines: str) -> None:
    check_description(build(*lines))


@pytest.mark.spec("rfc3264:5/1")
@pytest.mark.parametrize(
    "name",
    [
        "chromium-offer-data.sdp",
        "chromium-answer-data.sdp",
        "chromium-offer-media.sdp",
        "chromium-answer-media.sdp",
        "firefox-offer-data.sdp",
        "firefox-offer-media.sdp",
        "firefox-52-offer-data.sdp",
        "pion-offer-data.sdp",
        "libdatachannel-offer-data.sdp",
        "sip-phone-answer.sdp",
        "whip-offer.sdp",
        "whip-answer.sdp",
        "rfc4317-2.1-offer.sdp",
        "rfc4317-2.1-answer.sdp",
    ],
)
def test_what_browsers_and_phones_send_passes(name: str) -> None:
    check_description(load(name))


@pytest.mark.spec("rfc3264:5/1")
def test_malformed_attributes_are_all_named_and_nothing_else() -> None:
    description = build("a=ice-lite:x", "m=audio 9 RTP/AVP 0", "a=setup:x", "a=mid:a b")

    assert problems(description) == [
        "None: a=ice-lite: a property attribute has no value, got 'x' in line 5",
        "0: a=setup: 'x' is not a valid Role in line 7",
        "0: a=mid: identification tag 'a b' is not a token in line 8",
    ]


def test_a_problem_names_section_and_source_and_survives_pickling() -> None:
    import pickle

    with pytest.raises(DescriptionError) as caught:
        check_description(build("m=audio 9 RTP/AVP 0"))

    assert str(caught.value) == "media section 0: no connection at either level (RFC 8866 section 5.7)"
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems
    assert str(Problem("x", "y")) == "session: x (y)"


@pytest.mark.spec("rfc8866:5.7/1")
def test_every_section_has_a_connection() -> None:
    assert problems(build(*audio(), "m=audio 9 RTP/AVP 0")) == ["1: no connection at either level"]


@pytest.mark.spec("rfc8866:5.3/4", "rfc8866:5.4/1")
def test_text_that_is_not_utf8_needs_a_charset() -> None:
    text = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=\xe9\r\ni=\xe9\r\nt=0 0\r\n"

    assert problems(SessionDescription.parse(text)) == [
        "None: s= is not UTF-8 and there is no charset",
        "None: i= is not UTF-8 and there is no charset",
    ]
    check_description(SessionDescription.parse(text + b"a=charset:ISO-8859-1\r\n"))


@pytest.mark.spec("rfc8866:5.12/1")
def test_key_lines_are_not_to_be_used() -> None:
    assert problems(build("k=prompt", *audio())) == ["None: k= is not to be used"]


@pytest.mark.spec("rfc8853:5.2/1", "rfc8853:5.2/2")
def test_attributes_at_the_wrong_level_or_too_often_are_named() -> None:
    lines = ("a=rid:1 send", "a=simulcast:send 1", "a=simulcast:send 1")

    assert problems(build("a=simulcast:send 1", *audio("a=ice-lite", *lines))) == [
        "None: a=simulcast means nothing at this level",
        "0: a=ice-lite means nothing at this level",
        "0: a=simulcast comes 2 times",
    ]


# --- groups ---


@pytest.mark.spec("rfc5888:4/1")
def test_a_mid_is_unique() -> None:
    assert problems(build(*audio("a=mid:a"), *audio("a=mid:a"))) == ["None: mid a is used 2 times"]


@pytest.mark.spec("rfc5888:6/1")
def test_groups_need_a_mid_in_every_section() -> None:
    assert problems(build("a=group:LS a", *audio("a=mid:a"), *audio())) == ["1: no mid, yet there are groups"]


def test_a_group_names_existing_sections() -> None:
    assert problems(build("a=group:LS a b", *audio("a=mid:a"))) == ["None: group names b, which no section has"]


@pytest.mark.spec("rfc5888:9.2/5", "rfc9143:14/1", "rfc9143:7.3.3/3", "rfc9143:7.5.3/2")
@pytest.mark.parametrize("semantics", ["LS", "BUNDLE"])
def test_a_group_does_not_name_sections_that_are_off(semantics: str) -> None:
    description = build(f"a=group:{semantics} a", "m=audio 0 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=mid:a")

    assert "None: group names a, which has port 0" in problems(description)


@pytest.mark.spec("rfc9143:5/1")
def test_a_section_is_in_one_bundle_only() -> None:
    description = build("a=group:BUNDLE 0", "a=group:BUNDLE 0", *data())

    assert problems(description) == ["None: 0 is in a BUNDLE group twice"]


@pytest.mark.spec("rfc9143:7.2.1/1", "rfc9143:7.5/2")
def test_the_tagged_section_is_not_bundle_only() -> None:
    lines = [line.replace("m=application 9", "m=application 0") for line in data("a=bundle-only")]

    assert "None: the tagged section is bundle-only" in problems(build("a=group:BUNDLE 0", *lines))


@pytest.mark.spec("rfc9143:7.2/4")
def test_bundle_only_goes_with_port_zero() -> None:
    description = build("a=group:BUNDLE 0 1", *data(), *data("a=bundle-only", mid="1"))

    assert problems(description) == ["1: bundle-only with a port"]


@pytest.mark.spec("rfc9143:8/1")
def test_a_bundle_uses_one_transport() -> None:
    description = build("a=group:BUNDLE 0 1", *data(), *data(mid="1", protocol="TCP/DTLS/SCTP"))

    assert problems(description) == ["1: a bundle of different transports"]


@pytest.mark.spec("rfc9143:7.1.1/1")
def test_a_bundle_uses_one_address_type() -> None:
    other = [line.replace("IP4 0.0.0.0", "IP6 ::") for line in data(mid="1")]

    assert problems(build("a=group:BUNDLE 0 1", *data(), *other)) == ["1: a bundle of different address types"]


@pytest.mark.spec("rfc9143:9.1/2")
def test_a_bundle_uses_one_rtp_profile() -> None:
    other = [line.replace("SAVPF", "SAVP") for line in secured(mid="1")]

    assert problems(build("a=group:BUNDLE 0 1", *secured(), *other)) == ["1: a bundle of different RTP profiles"]


@pytest.mark.spec("rfc9143:9.1/3")
def test_bundled_rtp_has_the_mid_extension() -> None:
    lines = [line for line in secured() if line != MID]

    assert problems(build("a=group:BUNDLE 0", *lines)) == ["0: bundled without the MID header extension"]
    passes("a=group:BUNDLE 0", MID, *lines)


@pytest.mark.spec("rfc9143:9.3/1", "rfc9143:9.3.1.1/1")
def test_bundled_rtp_multiplexes_rtcp() -> None:
    lines = [line for line in secured() if line != "a=rtcp-mux"]

    assert problems(build("a=group:BUNDLE 0", *lines)) == ["0: bundled without rtcp-mux"]
    passes("a=group:BUNDLE 1 0", *secured(mid="1"), *lines)


@pytest.mark.spec("rfc9143:9.1.1/1")
def test_a_payload_type_means_one_thing_in_a_bundle() -> None:
    other = [line.replace("opus/48000/2", "PCMU/8000") for line in secured(mid="1")]

    assert problems(build("a=group:BUNDLE 0 1", *secured(), *other)) == [
        "1: payload type 111 has two meanings in a bundle"
    ]


@pytest.mark.spec("rfc9143:12/1")
def test_an_extension_identifier_means_one_thing_in_a_bundle() -> None:
    description = build("a=group:BUNDLE 0 1", *secured("a=extmap:5 urn:x"), *secured("a=extmap:5 urn:y", mid="1"))

    assert problems(description) == ["1: extension 5 has two meanings in a bundle"]


# --- ICE and DTLS ---


@pytest.mark.spec("rfc8839:5.4/1")
@pytest.mark.parametrize("gone", ["a=ice-ufrag", "a=ice-pwd"])
def test_ice_credentials_come_together(gone: str) -> None:
    lines = [line for line in data() if not line.startswith(gone)]

    assert problems(build(*lines)) == ["0: ice-ufrag and ice-pwd are not both there"]
    passes("a=ice-ufrag:abcd", "a=ice-pwd:asd88fgpdd777uzjYhagZg", *lines)


def test_candidates_need_credentials() -> None:
    lines = [line for line in data("a=candidate:1 1 UDP 1 192.0.2.1 1 typ host") if not line.startswith("a=ice")]

    assert problems(build(*lines)) == ["0: ice-ufrag and ice-pwd are not both there"]


@pytest.mark.spec("rfc8839:5.4/2")
def test_a_ufrag_has_one_password() -> None:
    other = [line.replace("asd88", "other") for line in data(mid="1")]

    assert problems(build(*data(), *other)) == ["1: one ice-ufrag with two ice-pwd"]


@pytest.mark.spec("rfc8839:5.4/4")
def test_a_long_ufrag_is_not_to_be_sent() -> None:
    assert problems(build(*[line.replace("8hhY", "a" * 33) for line in data()])) == ["0: ice-ufrag longer than 32"]


@pytest.mark.spec("rfc8839:4.3.1/4", "rfc8839:4.3.2/4")
def test_a_lite_agent_has_no_pacing() -> None:
    assert problems(build("a=ice-lite", "a=ice-pacing:50")) == [
        "None: ice-pacing of a lite agent, which makes no checks"
    ]


@pytest.mark.spec("rfc8839:4.2.1.6/2", "rfc8839:4.4.1.1.2/1")
def test_a_section_that_is_off_has_no_candidates() -> None:
    lines = ("m=audio 0 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host")

    assert problems(build(*lines)) == ["0: candidates of a section with port 0"]


@pytest.mark.spec("rfc8839:4.2.5/2")
def test_a_section_with_a_mismatch_has_no_candidates() -> None:
    description = build(*data("a=ice-mismatch", "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host"))

    assert problems(description) == ["0: candidates beside ice-mismatch"]


@pytest.mark.spec("rfc8122:5/1", "rfc8841:10.1/1", "rfc8842:5.2/2", "rfc8842:5.3/2")
@pytest.mark.parametrize("lines", [data(), secured()])
def test_dtls_needs_a_fingerprint(lines: tuple[str, ...]) -> None:
    rest = [line for line in lines if not line.startswith("a=fingerprint")]

    assert problems(build(*rest)) == ["0: no fingerprint with a hash function that counts"]
    passes(f"a=fingerprint:{FINGERPRINT}", *rest)


@pytest.mark.spec("rfc8122:5/2")
def test_a_broken_hash_function_is_no_fingerprint() -> None:
    lines = [line.replace(FINGERPRINT, "md5 " + ":".join(["00"] * 16)) for line in data()]

    assert problems(build(*lines)) == ["0: no fingerprint with a hash function that counts"]


@pytest.mark.spec("rfc8841:10.2/1", "rfc8841:10.3/2")
def test_dtls_needs_a_setup() -> None:
    assert problems(build(*[line for line in data() if "setup" not in line])) == ["0: no setup"]


@pytest.mark.spec("rfc8841:9.5/1", "rfc8842:5.1/2")
def test_dtls_knows_no_holdconn() -> None:
    assert problems(build(*data(setup="holdconn"))) == ["0: setup:holdconn has no meaning for DTLS"]


def test_sections_that_are_off_need_none_of_it() -> None:
    passes("m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0")
    passes("m=audio 0 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0")


# --- SCTP ---


@pytest.mark.spec("rfc8841:5.1/1", "rfc8841:10.2/2", "rfc8841:10.3/3")
def test_an_sctp_section_has_a_port() -> None:
    assert problems(build(*[line for line in data() if "sctp-port" not in line])) == ["0: no sctp-port"]


@pytest.mark.spec("rfc8841:4.3/2")
def test_an_sctp_section_has_one_format() -> None:
    lines = [line.replace("webrtc-datachannel", "webrtc-datachannel x") for line in data()]

    assert problems(build(*lines)) == ["0: an SCTP section has exactly one format"]


@pytest.mark.spec("rfc8864:6.3/2")
def test_channels_and_their_attributes_fit_together() -> None:
    passes(*data("a=dcmap:1", "a=dcmap:2", "a=dcsa:1 x"))
    assert problems(build(*data("a=dcmap:1", "a=dcmap:1", "a=dcsa:2 x"))) == [
        "0: two dcmap for one stream",
        "0: a dcsa without its dcmap",
    ]


# --- RTP ---


@pytest.mark.spec("rfc8866:8.2.3/3")
@pytest.mark.parametrize("fmt", ["128", "opus", "0999"])
def test_rtp_formats_are_payload_types(fmt: str) -> None:
    assert problems(build(*audio(formats=fmt))) == [f"0: format {fmt} is not a payload type"]


@pytest.mark.spec("rfc8866:8.2.3/4", "rfc8866:5.14/4")
def test_dynamic_payload_types_are_explained() -> None:
    assert problems(build(*audio(formats="0 96"))) == ["0: payload type 96 without an rtpmap"]


@pytest.mark.spec("rfc8858:4.2/2", "rfc8858:4.5/2")
def test_rtcp_mux_only_comes_with_rtcp_mux() -> None:
    assert problems(build(*audio("a=rtcp-mux-only"))) == ["0: rtcp-mux-only without rtcp-mux"]
    passes(*audio("a=rtcp-mux", "a=rtcp-mux-only"))


@pytest.mark.spec("rfc8858:4.2/3")
@pytest.mark.parametrize(
    ("rtcp", "good"),
    [("5004", True), ("5004 IN IP4 192.0.2.1", True), ("5005", False), ("5004 IN IP4 192.0.2.2", False)],
)
def test_rtcp_is_where_rtp_is_if_multiplexed_exclusively(rtcp: str, good: bool) -> None:
    lines = audio("a=rtcp-mux", "a=rtcp-mux-only", f"a=rtcp:{rtcp}")

    if good:
        passes(*lines)
    else:
        assert problems(build(*lines)) == ["0: rtcp elsewhere than RTP, yet rtcp-mux-only"]


@pytest.mark.spec("rfc5576:4.1/1", "rfc5576:6.1/3", "rfc5576:6.1/4")
@pytest.mark.parametrize(("lines", "count"), [(["a=ssrc:1 msid:x"], 0), (["a=ssrc:1 cname:x", "a=ssrc:1 cname:y"], 2)])
def test_a_source_has_exactly_one_cname(lines: list[str], count: int) -> None:
    assert problems(build(*audio(*lines))) == [f"0: source 1 has {count} cname"]


@pytest.mark.spec("rfc5576:4.2/3")
def test_grouped_sources_are_described() -> None:
    assert problems(build(*audio("a=ssrc:1 cname:x", "a=ssrc-group:FID 1 2"))) == [
        "0: group FID of sources without ssrc"
    ]


@pytest.mark.spec("rfc8866:6.10/4")
@pytest.mark.parametrize(("charset", "fits"), [("ISO-8859-1", True), ("us-ascii", False), ("no-such-charset", True)])
def test_text_is_in_the_charset_of_the_description(charset: str, fits: bool) -> None:
    data = b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=caf\xe9\r\nt=0 0\r\na=charset:" + charset.encode() + b"\r\n"
    description = SessionDescription.parse(data)

    if fits:
        check_description(description)
    else:
        assert problems(description) == ["None: s= is not in the charset of the description"]


@pytest.mark.spec("rfc5576:6.3/1")
def test_formats_of_sources_are_those_of_the_section() -> None:
    passes(*audio("a=ssrc:1 cname:x", "a=ssrc:1 fmtp:0 mode=1"))

    assert problems(build(*audio("a=ssrc:1 cname:x", "a=ssrc:1 fmtp:97 mode=1"))) == [
        "0: fmtp of source 1 for format 97, which the section lacks"
    ]


@pytest.mark.spec("rfc8858:3/1", "rfc8842:4/6")
@pytest.mark.parametrize("name", ["rtcp-mux-only", "tls-id:abc3de65cddef001be82"])
def test_some_attributes_are_none_of_sources(name: str) -> None:
    found = problems(build(*audio("a=ssrc:1 cname:x", f"a=ssrc:1 {name}")))

    assert found == [f"0: {name.partition(':')[0]} as an attribute of a source"]


@pytest.mark.spec("rfc8830:2/1")
def test_a_section_has_one_track() -> None:
    passes(*audio("a=msid:a t", "a=msid:b t"))
    assert problems(build(*audio("a=msid:a t", "a=msid:b u"))) == ["0: msid of different tracks"]


@pytest.mark.spec("rfc8285:5/3", "rfc8285:5/10")
def test_extension_identifiers_are_unique_and_at_one_level() -> None:
    assert problems(build(*audio("a=extmap:1 urn:x", "a=extmap:1 urn:y"))) == ["0: an extension identifier comes twice"]
    assert problems(build("a=extmap:2 urn:x", *audio("a=extmap:1 urn:y"))) == ["None: extmap at both levels"]


@pytest.mark.spec("rfc8851:4/4", "rfc8851:6.1/3")
@pytest.mark.parametrize("lines", [["a=rid:1 send", "a=rid:1 send"], ["a=rid:1 send pt=0,9"], ["a=rid:1 both"]])
def test_rids_are_well_formed_unique_and_of_this_section(lines: list[str]) -> None:
    found = problems(build(*audio(*lines)))

    assert set(found) == {"0: rid 1 is malformed, comes twice or names other formats"}


@pytest.mark.spec("rfc8853:5.2/4", "rfc8853:5.2/5", "rfc8853:5.2/11")
def test_simulcast_names_defined_rids_of_its_direction_once() -> None:
    rids = ("a=rid:1 send", "a=rid:2 recv")

    passes(*audio(*rids, "a=simulcast:send 1 recv 2"))
    assert problems(build(*audio(*rids, "a=simulcast:send 1,1"))) == ["0: a rid comes twice in simulcast"]
    assert problems(build(*audio(*rids, "a=simulcast:send 2;3"))) == [
        "0: simulcast: no rid 2 to send",
        "0: simulcast: no rid 3 to send",
    ]
    assert problems(build(*audio(*rids, "a=simulcast:what"))) == ["0: a=simulcast: expected 2 to 4 words, got 1"]


@pytest.mark.spec("rfc8285:5/6")
def test_a_header_extension_comes_once() -> None:
    assert problems(build(*audio("a=extmap:1 urn:x", "a=extmap:2 urn:x"))) == ["0: a header extension comes twice"]
    passes(*audio("a=extmap:1 urn:x short", "a=extmap:2 urn:x long"))


@pytest.mark.spec("rfc8285:5/2")
@pytest.mark.parametrize("number", [0, 256, 4095, 4352])
def test_extension_identifiers_are_within_the_valid_range(number: int) -> None:
    assert problems(build(*audio(f"a=extmap:{number} urn:x"))) == [f"0: {number} identifies no extension"]
    passes(*audio("a=extmap:1 urn:x", "a=extmap:255 urn:y", "a=extmap:4096 urn:z", "a=extmap:4351 urn:a"))
