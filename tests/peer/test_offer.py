"""What our offers say (RFC 8829 section 5.2)."""

import itertools
import re

import pytest
from tests.peer.descriptions import audio, describe, parsed, section
from tests.peer.pair import WALL_CLOCK, Pair, make_peer
from tests.support.rng import SeededRng

from rtc_dtls import Certificate
from rtc_peer import Configuration, PeerConnection, SdpType, SessionDescription
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
    SctpPort,
    Setup,
    TlsId,
)

SIGNED_WITH_SHA_384 = """\
-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAxByovsTNDGT+c71Oa
V2ZWSXSYNPTiZ+TZbKgxL9YryJwhSDwuB1gXUujv4jIfa7ihZANiAARv7s04qi7v
MeUrObuvVl1bXe56Qacm869fpte+58P5d2nzhmlwfhqqWPhG1Kko+iLwSPbYwROu
YWE1LcqveUtB+23jyzrD0fuInylwJKaAakfEX1YY3xJqenycTZYIQRI=
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBSTCB0KADAgECAgEBMAoGCCqGSM49BAMDMA8xDTALBgNVBAMMBHRlc3QwIBcN
MjUwMTAxMDAwMDAwWhgPMjk5OTAxMDEwMDAwMDBaMA8xDTALBgNVBAMMBHRlc3Qw
djAQBgcqhkjOPQIBBgUrgQQAIgNiAARv7s04qi7vMeUrObuvVl1bXe56Qacm869f
pte+58P5d2nzhmlwfhqqWPhG1Kko+iLwSPbYwROuYWE1LcqveUtB+23jyzrD0fuI
nylwJKaAakfEX1YY3xJqenycTZYIQRIwCgYIKoZIzj0EAwMDaAAwZQIwIlI6MqzD
dVySt8xcYacy7KIOP7ikLOhDIV+1KLo5QxEsogekGS8mYwoSzLUGwaW4AjEAicRb
EIZ+g9foQ1PNZNvm1c6P0bdrETP0SQbKqrvG8XqHMADowdjj+ZWrKOuqL8vV
-----END CERTIFICATE-----
"""


def _offering() -> PeerConnection:
    peer = make_peer()
    peer.create_data_channel("chat")
    return peer


def _lines(description: SessionDescription) -> list[str]:
    return description.sdp.split("\r\n")


@pytest.mark.spec("rfc8829:5.2.1/1", "rfc8829:5.2.1/2", "rfc8829:5.2.1/3", "rfc8829:5.2.1/6", "rfc8829:5.2.1/7")
@pytest.mark.spec("rfc8829:5.2.1/8", "rfc8829:5.2.1/11", "rfc8829:5.2.1/12")
def test_the_session_level_begins_as_jsep_says() -> None:
    version, origin, name, timing = _lines(_offering().create_offer())[:4]

    assert version == "v=0"
    assert re.fullmatch(r"o=- \d+ \d+ IN IP4 0\.0\.0\.0", origin)
    assert name == "s=-"
    assert timing == "t=0 0"


@pytest.mark.spec("rfc8829:5.2.1/9", "rfc8829:5.2.1/10")
def test_there_are_no_lines_that_tell_more_than_needed() -> None:
    offer = _offering().create_offer()

    assert {line[0] for line in _lines(offer) if line} == set("vostamc")


@pytest.mark.spec("rfc8829:5.2.1/4", "rfc8829:5.2.1/5")
def test_session_ids_are_63_random_bits() -> None:
    ids = [int(parsed(make_peer(f"peer {number}").create_offer()).origin.sess_id) for number in range(40)]

    assert len(set(ids)) == 40
    assert all(0 <= each < 2**63 - 1 for each in ids)
    assert any(each >= 2**62 for each in ids)


@pytest.mark.spec("rfc8829:5.2.1/41", "rfc8829:5.2.1/42", "rfc8829:5.2.1/43", "rfc8829:5.2.1/18", "rfc8829:5.1.2/2")
@pytest.mark.spec("rfc8829:5.2.1/20", "rfc8829:5.2.1/24", "rfc8829:5.2.1/25", "rfc8829:5.2.2/10")
def test_the_first_channel_brings_a_data_section() -> None:
    peer = make_peer()
    assert parsed(peer.create_offer()).media == []

    peer.create_data_channel()

    lines = _lines(peer.create_offer())
    at = lines.index("m=application 9 UDP/DTLS/SCTP webrtc-datachannel")
    assert lines[at + 1] == "c=IN IP4 0.0.0.0"
    assert sum(line.startswith("m=") for line in lines) == 1


@pytest.mark.spec("rfc8842:4/4", "rfc8839:4.3.1/2", "rfc8841:12.2/5")
@pytest.mark.spec("rfc8829:5.1.1/1", "rfc8829:5.2.1/15", "rfc8829:5.2.1/27", "rfc8829:5.2.1/40", "rfc8829:5.2.1/44")
@pytest.mark.spec("rfc8829:5.2.1/45", "rfc8829:5.2.1/49", "rfc8829:5.2.1/39", "rfc8829:5.2.1/26")
def test_the_section_says_everything_about_itself() -> None:
    peer = _offering()

    document = parsed(peer.create_offer())
    media = document.media[0]

    assert media.has(IceUfrag)
    assert media.has(IcePwd)
    assert [str(each) for each in media.get_all(Fingerprint)] == [str(_fingerprint(peer))]
    assert media.get(Setup) == Setup(Role.ACTPASS)
    assert media.get(SctpPort) == SctpPort(5000)
    assert media.get(MaxMessageSize) == MaxMessageSize(262_144)
    tls_id = media.get(TlsId)
    assert tls_id is not None
    assert len(tls_id.tls_id) >= 20
    assert not any(document.has(each) for each in (IceUfrag, IcePwd, Fingerprint, Setup, TlsId))


def _fingerprint(peer: PeerConnection) -> Fingerprint:
    made = peer.certificates[0].fingerprint()
    return Fingerprint(made.algorithm, made.digest)


@pytest.mark.spec("rfc8122:5.1/1", "rfc8122:5.1/3")
@pytest.mark.spec("rfc8829:5.2.1/17")
def test_every_certificate_of_the_connection_shows() -> None:
    certificates = tuple(Certificate.generate(rng=SeededRng(f"{number}"), wall_clock=WALL_CLOCK) for number in range(3))
    peer = make_peer(configuration=Configuration(certificates=certificates))
    peer.create_data_channel()

    shown = parsed(peer.create_offer()).media[0].get_all(Fingerprint)

    assert [each.digest for each in shown] == [each.fingerprint().digest for each in certificates]


@pytest.mark.spec("rfc8122:5.1/2", "rfc8122:5.1/3")
def test_hash_of_a_certificate_s_signature_shows_beside_sha_256() -> None:
    certificates = (
        Certificate.generate(rng=SeededRng("one"), wall_clock=WALL_CLOCK),
        Certificate.from_pem(SIGNED_WITH_SHA_384),
    )
    peer = make_peer(configuration=Configuration(certificates=certificates))
    peer.create_data_channel()

    shown = parsed(peer.create_offer()).media[0].get_all(Fingerprint)

    expected = [each.fingerprint(name) for each in certificates for name in ("sha-256", "sha-384")]
    assert [(each.algorithm, each.digest) for each in shown] == [(each.algorithm, each.digest) for each in expected]


@pytest.mark.spec("rfc9143:7.2/2", "rfc8839:4.2.1.5/1", "rfc8839:4.2.1.4/2")
@pytest.mark.spec("rfc8829:5.2.1/13", "rfc8829:5.2.1/46", "rfc8829:5.2.1/47")
def test_trickle_ice2_and_bundle_are_announced() -> None:
    document = parsed(_offering().create_offer())

    options = document.get(IceOptions)
    assert options is not None
    assert set(options.options) == {"trickle", "ice2"}
    assert document.get_all(Group) == [Group("BUNDLE", ("0",))]


@pytest.mark.spec("rfc9143:15.2/1", "rfc9143:17/1")
@pytest.mark.spec("rfc8829:5.2.1/28", "rfc8829:5.2.1/29")
def test_mids_are_short_and_the_same_for_everybody() -> None:
    mids = {str(parsed(_named(f"user {number}").create_offer()).media[0].get(Mid)) for number in range(5)}

    assert mids == {"0"}


def _named(name: str) -> PeerConnection:
    peer = make_peer(name)
    peer.create_data_channel()
    return peer


# --- later offers ---


@pytest.mark.spec("rfc8842:5.5/3")
@pytest.mark.spec("rfc8829:4.1.8/1", "rfc8829:5.2.2/2", "rfc8829:5.2.2/3", "rfc8829:5.2.2/11", "rfc8829:5.2.2/12")
def test_a_later_offer_keeps_what_was_agreed() -> None:
    pair = Pair().connect()
    before = parsed(pair.left.local)

    after = parsed(pair.left.machine.create_offer())

    assert after.origin.sess_id == before.origin.sess_id
    assert after.origin.sess_version > before.origin.sess_version
    assert str(after).split("\r\n")[2:4] == str(before).split("\r\n")[2:4]
    for kind in (Mid, IceUfrag, IcePwd, Fingerprint, TlsId, SctpPort):
        assert after.media[0].get(kind) == before.media[0].get(kind)
    assert after.get_all(Group) == before.get_all(Group)


@pytest.mark.spec("rfc8829:5.2.2/2")
def test_the_version_goes_up_with_every_offer() -> None:
    peer = _offering()

    versions = [parsed(peer.create_offer()).origin.sess_version for _ in range(4)]

    assert [later - earlier for earlier, later in itertools.pairwise(versions)] == [1, 1, 1]


@pytest.mark.spec("rfc8829:5.2.2/1")
def test_an_offer_that_nobody_answered_can_be_made_again() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    first = parsed(pair.offer())
    pair.settle(0.1)

    second = parsed(pair.offer())

    assert second.media[0].get(Mid) == first.media[0].get(Mid)
    assert second.media[0].get(IceUfrag) == first.media[0].get(IceUfrag)
    assert second.media[0].get(Setup) == Setup(Role.ACTPASS)


@pytest.mark.spec("rfc8839:4.3.1/1", "rfc8834:10/2")
@pytest.mark.spec("rfc8829:5.2.2/9", "rfc8829:5.2.2/16", "rfc8829:5.2.2/17")
def test_later_offers_show_the_candidates_and_that_there_are_no_more() -> None:
    pair = Pair().connect()
    pair.settle()

    media = parsed(pair.left.machine.create_offer()).media[0]

    assert media.port == 5001
    assert str(media.connections[0].address) == "192.0.2.1"
    assert len(media.get_all(Candidate)) == 1
    assert media.has(EndOfCandidates)


def test_candidates_of_no_known_address_leave_the_default_open() -> None:
    pair = Pair(hosts=(("192.0.2.1",), ("192.0.2.2",)), gather=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)

    media = parsed(pair.left.local).media[0]

    assert (media.port, str(media.connections[0].address)) == (9, "0.0.0.0")
    assert not media.has(EndOfCandidates)


@pytest.mark.spec("rfc8829:5.1.2/8")
def test_a_later_offer_modernises_what_an_old_peer_wrote() -> None:
    peer = make_peer()
    old = section("sctpmap:5000 webrtc-datachannel 256", protocol="DTLS/SCTP", fmt="5000", sctp_port=None)
    peer.set_remote_description(describe(old), 0.0)
    peer.set_local_description(None, 0.0)
    assert parsed(peer.local_description).media[0].protocol == "DTLS/SCTP"

    media = parsed(peer.create_offer()).media[0]

    assert (media.protocol, media.formats) == ("UDP/DTLS/SCTP", ("webrtc-datachannel",))


@pytest.mark.spec("rfc8839:4.4.1.1.2/2")
@pytest.mark.spec("rfc8829:5.2.2/6", "rfc8829:5.2.2/32", "rfc8829:5.2.2/4", "rfc8829:4.1.8/2")
def test_rejected_sections_stay_with_port_zero_until_one_is_recycled() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(audio(mid="a"), audio(mid="v"), session=("group:BUNDLE a v",)), 0.0)
    peer.set_local_description(None, 0.0)
    kept = parsed(peer.create_offer())
    assert [media.port for media in kept.media] == [0, 0]
    assert kept.get_all(Group) == []

    peer.create_data_channel()
    peer.add_transceiver("video")
    offer = parsed(peer.create_offer())

    # A place is not taken by what is of another kind: Firefox would refuse it.
    assert [media.media_type for media in offer.media] == ["video", "audio", "application"]
    assert [str(media.get(Mid)) for media in offer.media] == ["0", "v", "1"]
    assert offer.get_all(Group) == [Group("BUNDLE", ("0", "1"))]


@pytest.mark.spec("rfc8829:5.2.2/30")
def test_bundle_only_is_not_written() -> None:
    pair = Pair().connect()

    for document in (parsed(pair.left.local), parsed(pair.left.machine.create_offer()), parsed(pair.right.local)):
        assert not any(media.has(BundleOnly) for media in document.media)


@pytest.mark.spec("rfc8829:5.2.2/32")
def test_a_data_section_joins_the_group_beside_rejected_media() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(audio(mid="a"), section(mid="d"), session=("group:BUNDLE a d",)), 0.0)
    peer.set_local_description(None, 0.0)
    assert peer.local_description is not None
    assert peer.local_description.type is SdpType.ANSWER

    assert parsed(peer.create_offer()).get_all(Group) == [Group("BUNDLE", ("d",))]


# --- ICE restart ---


@pytest.mark.spec("rfc8829:5.2.3.1/1")
@pytest.mark.parametrize("how", ["option", "method"])
def test_an_ice_restart_draws_new_credentials_and_shows_no_old_candidates(how: str) -> None:
    pair = Pair().connect()
    before = parsed(pair.left.local).media[0]
    if how == "method":
        pair.left.machine.restart_ice()
        assert pair.left.machine.negotiation_needed

    after = parsed(pair.left.machine.create_offer(ice_restart=how == "option")).media[0]

    assert after.get(IceUfrag) != before.get(IceUfrag)
    assert after.get(IcePwd) != before.get(IcePwd)
    assert after.get_all(Candidate) == []
    assert after.port == 9
    assert after.get(TlsId) == before.get(TlsId)
    assert after.get(Mid) == before.get(Mid)
