"""Remote descriptions: what is accepted, what is refused, and that a refused one changes nothing (RFC 8829 section 5.8)."""

import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.peer.descriptions import DIGITS, FINGERPRINT, FOLDER, answer_to, audio, describe, parsed, section, vector
from tests.peer.pair import Pair, make_peer
from tests.support.effort import examples

from rtc_peer import DescriptionError, DescriptionSyntaxError, PeerConnection, PeerError, SdpType, SessionDescription
from rtc_peer.reading import MAX_FINGERPRINTS
from rtc_sdp import BundleOnly, Fingerprint, IceUfrag

VECTORS = sorted(path.stem for path in FOLDER.glob("*.sdp"))


def _refused(peer: PeerConnection, description: SessionDescription) -> str:
    before = pickle.dumps(peer)
    with pytest.raises(DescriptionError) as raised:
        peer.set_remote_description(description, 0.0)
    assert pickle.dumps(peer) == before
    return str(raised.value)


BROKEN = {
    "no ufrag": section(ufrag=None),
    "no password": section(password=None),
    "a short ufrag": section(ufrag="abc"),
    "a short password": section(password="x" * 21),
    "a long ufrag": section(ufrag="u" * 257),
    "a ufrag of other characters": section(ufrag="a b c d"),
    "no fingerprint": section(fingerprint=None),
    "a fingerprint of no known hash function": section(fingerprint=f"fingerprint:sha3-256 {DIGITS}"),
    "a fingerprint of a broken hash function": section(fingerprint="fingerprint:md5 " + ":".join(["0A"] * 16)),
    "a fingerprint of the wrong length": section(fingerprint="fingerprint:sha-256 0A:0B"),
    "a fingerprint that is no hexadecimal": section(fingerprint="fingerprint:sha-256 xyz"),
    "an unknown role": section(setup="both"),
    "a role that holds back": section(setup="holdconn"),
    "no SCTP port": section(sctp_port=None),
    "an SCTP port that is none": section(sctp_port="sctp-port:70000"),
}


@pytest.mark.spec("rfc8829:5.1.1/2", "rfc8829:5.8.3/1", "rfc8829:5.8.3/2", "rfc8829:5.8.3/4", "rfc8829:5.8.3/5")
@pytest.mark.spec("rfc8829:5.8.3/12", "rfc8829:5.8.2/12", "rfc8829:5.10/1", "rfc8829:5.10/4", "rfc8829:5.8.2/5")
@pytest.mark.parametrize("name", BROKEN)
def test_a_section_without_what_webrtc_demands_is_refused(name: str) -> None:
    _refused(make_peer(), describe(BROKEN[name]))


@pytest.mark.spec("rfc8829:5.8.3/4")
@pytest.mark.parametrize("setup", ["actpass", "holdconn"])
def test_class_28_an_answer_takes_a_role(setup: str) -> None:
    peer = make_peer()
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)

    _refused(peer, describe(section(setup=setup), kind=SdpType.ANSWER))


@pytest.mark.spec("rfc8829:5.2.1/50", "rfc8829:5.8.1/7", "rfc8829:5.8.2/5", "rfc8829:5.10/2")
def test_attributes_may_stand_at_the_session_level() -> None:
    bare = section(ufrag=None, password=None, fingerprint=None, setup=None)
    session = ("ice-ufrag:8hhY", "ice-pwd:asd88fgpdd777uzjYhagZg", f"fingerprint:sha-256 {DIGITS}", "setup:active")
    peer = make_peer()

    media = answer_to(peer, describe(bare, session=session)).media[0]

    assert media.port == 9
    assert peer.transports[0].remote_credentials is not None
    assert peer.transports[0].remote_credentials.ufrag == "8hhY"
    assert peer.transports[0].is_dtls_client is False


@pytest.mark.spec("rfc8829:5.8.1/9", "rfc8829:5.8.2/15", "rfc8829:5.8.2/7", "rfc8829:5.8.2/3", "rfc8829:5.8.1/8")
@pytest.mark.spec("rfc8829:5.8.2/14")
def test_what_is_not_known_or_not_used_is_ignored() -> None:
    extra = section("x-unknown:1", "remote-candidates:1 192.0.2.9 5000", "fmtp:whatever", "identity")
    extra[1] = "c=IN IP4 203.0.113.99"

    answer = answer_to(make_peer(), describe(extra, session=("x-session", "identity:eyJ", "msid-semantic: WMS")))

    assert answer.media[0].port == 9


@pytest.mark.spec("rfc8829:5.8.1/6", "rfc8829:5.8.2/4", "rfc8829:5.10/3", "rfc8829:5.10/10")
def test_bandwidth_lines_are_kept_and_change_nothing() -> None:
    plain = describe(section())
    lines = plain.sdp.replace("t=0 0\r\n", "b=AS:1\r\nb=CT:2\r\nt=0 0\r\n")
    lines = lines.replace("c=IN IP4 0.0.0.0\r\n", "c=IN IP4 0.0.0.0\r\nb=AS:3\r\nb=CT:4\r\n")
    peer, other = make_peer(), make_peer()

    answers = answer_to(peer, SessionDescription(SdpType.OFFER, lines)), answer_to(other, plain)

    assert str(answers[0]) == str(answers[1])
    assert peer.remote_description is not None
    assert peer.remote_description.sdp == lines


SYNTAX = {
    "no version": "o=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
    "another version": "v=1\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n",
    "no origin": "v=0\r\ns=-\r\nt=0 0\r\n",
    "a short origin": "v=0\r\no=- 1 1 IN\r\ns=-\r\nt=0 0\r\n",
    "lines in another order": "v=0\r\ns=-\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n",
    "no name": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n",
    "a broken timing line": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=soon\r\n",
    "a broken connection line": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4\r\nt=0 0\r\n",
    "a broken media line": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio x RTP/AVP 0\r\n",
    "a line that is none": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nhello\r\n",
    "a section with lines in another order": (
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=x\r\nc=IN IP4 0.0.0.0\r\n"
    ),
    "a broken bandwidth line": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nb=AS\r\nt=0 0\r\n",
}


@pytest.mark.spec("rfc8829:5.8/1", "rfc8829:5.8.1/1", "rfc8829:5.8.1/2", "rfc8829:5.8.1/3", "rfc8829:5.8.1/4")
@pytest.mark.spec("rfc8829:5.8.1/5", "rfc8829:5.8.2/1", "rfc8829:5.8.2/2", "rfc8829:5.6/4", "rfc8829:8/1")
@pytest.mark.parametrize("name", SYNTAX)
def test_what_breaks_the_grammar_is_refused_with_its_line(name: str) -> None:
    peer = make_peer()
    before = pickle.dumps(peer)

    with pytest.raises(DescriptionSyntaxError) as raised:
        peer.set_remote_description(SessionDescription(SdpType.OFFER, SYNTAX[name]), 0.0)

    assert raised.value.line_number is not None
    assert pickle.dumps(peer) == before


CONTRADICTIONS = {
    "two sections of one name": describe(section(mid="x"), audio(mid="x")),
    "a group with a name that no section has": describe(section(mid="x"), session=("group:BUNDLE x y",)),
    "a section in two groups": describe(section(mid="x"), session=("group:BUNDLE x", "group:BUNDLE x")),
    "a section twice in a group": describe(section(mid="x"), session=("group:BUNDLE x x",)),
    "more sections than anybody needs": describe(*[audio(mid=str(number)) for number in range(300)]),
}


@pytest.mark.spec("rfc8829:5.8.3/12", "rfc8829:5.10/2")
@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_description_that_contradicts_itself_is_refused(name: str) -> None:
    _refused(make_peer(), CONTRADICTIONS[name])


@pytest.mark.parametrize("name", VECTORS)
def test_whatever_others_write_is_answered_section_by_section(name: str) -> None:
    peer = make_peer()

    answer = answer_to(peer, vector(name))

    assert len(answer.media) == len(parsed(vector(name)).media)
    accepted = {media.media_type for media in answer.media if media.port != 0}
    # What neither encrypts nor speaks of ICE is of another world.
    if re.match("rfc4317|sip|announcement", name):
        assert accepted == set()
    else:
        offered = [media for media in parsed(vector(name)).media if media.port != 0 or media.has(BundleOnly)]
        assert accepted == {media.media_type for media in offered}


@pytest.mark.spec("rfc9143:6/1")
def test_bundle_only_outside_of_a_group_is_port_zero_and_no_more() -> None:
    bare = section("bundle-only", port=0, ufrag=None, password=None, fingerprint=None, setup=None)

    answer = answer_to(make_peer(), describe(bare, section(mid="1")))

    assert [media.port for media in answer.media] == [0, 9]


def test_fingerprints_are_bounded() -> None:
    lines = [FINGERPRINT] * MAX_FINGERPRINTS
    answer_to(make_peer(), describe(section(fingerprint=None), session=tuple(lines)))

    reason = _refused(make_peer(), describe(section(fingerprint=None), session=(*lines, FINGERPRINT)))

    assert f"more than {MAX_FINGERPRINTS}" in reason


# --- answers ---


def _offered() -> PeerConnection:
    peer = make_peer()
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)
    return peer


WRONG_ANSWERS = {
    "no section": describe(kind=SdpType.ANSWER),
    "one section too many": describe(section(setup="active"), audio(setup="active"), kind=SdpType.ANSWER),
    "another media type": describe(audio(mid="0", setup="active"), kind=SdpType.ANSWER),
    "another protocol": describe(section(setup="active", protocol="TCP/DTLS/SCTP"), kind=SdpType.ANSWER),
    "another mid": describe(section(setup="active", mid="7"), kind=SdpType.ANSWER),
    "a group that was not offered": describe(
        section(setup="active", mid=None), session=("group:BUNDLE 9",), kind=SdpType.ANSWER
    ),
}


@pytest.mark.spec("rfc8829:5.8.3/10", "rfc8829:5.8.3/11", "rfc8829:5.8.3/12", "rfc8829:5.11/1", "rfc8829:5.10/1")
@pytest.mark.parametrize("name", WRONG_ANSWERS)
def test_an_answer_fits_its_offer_or_is_refused(name: str) -> None:
    _refused(_offered(), WRONG_ANSWERS[name])


@pytest.mark.spec("rfc8841:10.3/10", "rfc8839:4.4.1.1.2/2")
@pytest.mark.spec("rfc8829:5.11/1", "rfc8829:4.1.10/5")
def test_an_answer_may_reject_the_data_section() -> None:
    peer = _offered()

    peer.set_remote_description(
        describe(section(port=0, setup="active", ufrag=None, password=None, fingerprint=None), kind=SdpType.ANSWER), 0.0
    )

    assert peer.transports == ()
    assert peer.sctp is None
    assert peer.signaling_state.value == "stable"


def test_an_answer_cannot_accept_what_was_not_offered() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(audio(mid="0")), 0.0)
    peer.set_local_description(None, 0.0)
    peer.set_local_description(SessionDescription(SdpType.OFFER), 0.0)

    _refused(peer, describe(audio(mid="0", setup="active"), kind=SdpType.ANSWER))


@pytest.mark.parametrize("setup", ["active", "passive", None])
def test_the_answerers_role_decides_ours(setup: str | None) -> None:
    peer = _offered()

    peer.set_remote_description(describe(section(setup=setup), kind=SdpType.ANSWER), 0.0)

    # Without a role the answerer is passive (RFC 4145 section 4).
    assert peer.transports[0].is_dtls_client is (setup != "active")


# --- later descriptions ---


@pytest.mark.spec("rfc8829:5.8.3/3")
def test_another_association_needs_an_ice_restart() -> None:
    peer = make_peer()
    answer_to(peer, describe(section("tls-id:" + "a" * 24)))

    _refused(peer, describe(section("tls-id:" + "b" * 24), version=2))
    peer.set_remote_description(
        describe(section("tls-id:" + "b" * 24, ufrag="other", password="y" * 24), version=2), 0.0
    )


@pytest.mark.spec("rfc8842:4/5")
@pytest.mark.spec("rfc8829:5.8.3/3")
def test_class_28_another_fingerprint_needs_an_ice_restart() -> None:
    peer = make_peer()
    answer_to(peer, describe(section()))

    _refused(peer, describe(section(fingerprint="fingerprint:sha-256 " + ":".join(["0B"] * 32)), version=2))


@pytest.mark.spec("rfc8829:5.8.3/4")
def test_the_role_of_an_association_cannot_change() -> None:
    peer = make_peer()
    answer_to(peer, describe(section(setup="passive")))

    _refused(peer, describe(section(setup="active"), version=2))
    peer.set_remote_description(describe(section(setup="actpass"), version=2), 0.0)


def test_an_answer_that_only_changes_the_role_goes_on_with_the_association() -> None:
    """Firefox answers a restart with "active", whatever it was before."""
    peer = make_peer()
    answer_to(peer, describe(section(setup="passive")))
    peer.restart_ice()
    peer.set_local_description(None, 0.0)
    restarted = section(setup="active", ufrag="other", password="y" * 24)
    peer.set_remote_description(describe(restarted, kind=SdpType.ANSWER), 0.0)
    peer.set_local_description(None, 0.0)

    assert peer.local_description is not None
    assert "a=setup:actpass" in peer.local_description.sdp
    _refused(peer, describe(restarted, version=3))


@pytest.mark.spec("rfc8829:5.11/2")
def test_an_answer_with_another_association_but_no_restart_is_refused() -> None:
    peer = _offered()
    peer.set_remote_description(describe(section("tls-id:" + "a" * 24, setup="active"), kind=SdpType.ANSWER), 0.0)
    peer.set_local_description(None, 0.0)

    _refused(peer, describe(section("tls-id:" + "b" * 24, setup="active"), kind=SdpType.ANSWER))


def test_an_answer_restarts_ice_exactly_if_the_offer_did() -> None:
    peer = _offered()
    peer.set_remote_description(describe(section(setup="active"), kind=SdpType.ANSWER), 0.0)
    peer.set_local_description(None, 0.0)
    changed = section(setup="active", ufrag="other", password="y" * 24)
    _refused(peer, describe(changed, kind=SdpType.ANSWER))
    peer.set_local_description(SessionDescription(SdpType.ROLLBACK), 0.0)
    peer.restart_ice()
    peer.set_local_description(None, 0.0)

    _refused(peer, describe(section(setup="active"), kind=SdpType.ANSWER))
    peer.set_remote_description(describe(changed, kind=SdpType.ANSWER), 0.0)


def test_a_provisional_no_does_not_excuse_the_final_answer_from_restarting() -> None:
    peer = _offered()
    answer = section(setup="active")
    peer.set_remote_description(describe(answer, kind=SdpType.ANSWER), 0.0)
    peer.restart_ice()
    peer.set_local_description(None, 0.0)
    peer.set_remote_description(describe(section(setup="active", port=0), kind=SdpType.PRANSWER), 0.0)

    _refused(peer, describe(answer, kind=SdpType.ANSWER))


def test_an_answer_rejects_by_port_zero_whatever_stands_beside_it() -> None:
    peer = _offered()

    peer.set_remote_description(
        describe(section("bundle-only", setup="active", port=0), session=("group:BUNDLE 0",), kind=SdpType.ANSWER), 0.0
    )

    assert peer.transports == ()


@pytest.mark.spec("rfc8829:5.11/2")
def test_the_answer_cannot_change_the_role_of_the_association() -> None:
    peer = _offered()
    peer.set_remote_description(describe(section(setup="active"), kind=SdpType.ANSWER), 0.0)
    peer.set_local_description(None, 0.0)

    _refused(peer, describe(section(setup="passive"), kind=SdpType.ANSWER))


def test_a_later_offer_keeps_its_sections() -> None:
    peer = make_peer()
    answer_to(peer, describe(section()))

    _refused(peer, describe(version=2))
    _refused(peer, describe(audio(mid="0"), version=2))
    _refused(peer, describe(section(mid="other"), version=2))


@pytest.mark.spec("rfc8841:10.4/4")
def test_a_later_offer_may_end_the_data_section() -> None:
    pair = Pair().connect()
    channel = pair.right.channel()
    offer = parsed(pair.left.machine.create_offer())
    rejected = str(offer).replace(f"m=application {offer.media[0].port} ", "m=application 0 ")

    pair.right.machine.set_remote_description(SessionDescription(SdpType.OFFER, rejected), pair.now)
    assert pair.right.machine.sctp is not None, "nothing happens before the answer"
    pair.right.machine.set_local_description(None, pair.now)
    pair.network.flush()

    assert pair.right.machine.sctp is None
    assert pair.right.machine.transports == ()
    assert channel.state.value == "closed"


# --- junk ---


@examples(60)
@given(position=st.integers(0, 2000), junk=st.text(max_size=8), cut=st.integers(0, 40))
def test_damaged_offers_raise_nothing_but_our_own_errors(position: int, junk: str, cut: int) -> None:
    text = vector("chromium-offer-data").sdp
    at = position % len(text)
    peer = make_peer()

    try:
        peer.set_remote_description(SessionDescription(SdpType.OFFER, text[:at] + junk + text[at + cut :]), 0.0)
        peer.set_local_description(None, 0.0)
    except PeerError:
        pass
    peer.datagrams_to_send(0.0)
    peer.events()


def test_fingerprints_of_several_hash_functions_are_read() -> None:
    peer = make_peer()
    several = section(f"fingerprint:sha-512 {':'.join(['0C'] * 64)}", f"fingerprint:sha3-512 {DIGITS}")

    answer = answer_to(peer, describe(several))

    assert answer.media[0].has(Fingerprint)
    assert answer.media[0].has(IceUfrag)
