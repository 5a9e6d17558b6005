"""Sections that share a transport (RFC 9143), and transports that share a connection."""

import pytest
from tests.peer.descriptions import answer_to, audio, describe, parsed, section
from tests.peer.pair import WALL_CLOCK, Pair, make_peer
from tests.support.rng import SeededRng

from rtc_dtls import Certificate
from rtc_ice import Credentials
from rtc_peer import DescriptionError, PeerOptions, SdpType, SessionDescription
from rtc_peer.journal import Journal
from rtc_peer.orders import Outcome
from rtc_peer.section import DataParameters, MediaSection, TransportParameters
from rtc_peer.transport_set import TransportSet
from rtc_peer.writing import DescriptionPlan, WrittenTransport, write
from rtc_sdp import Candidate, EndOfCandidates, Fingerprint, Group, IceUfrag, Origin, Role
from rtc_stun import Address, Datagram

CANDIDATE = "candidate:1 1 udp 2130706431 192.0.2.2 5000 typ host"


def _bundled_offer() -> SessionDescription:
    """As a later offer writes it: the transport stands in the tag alone."""
    bare = section(mid="d", ufrag=None, password=None, fingerprint=None, setup=None)
    return describe(audio(mid="a", ufrag="tagged"), bare, session=("group:BUNDLE a d", "ice-options:trickle"))


@pytest.mark.spec("rfc9143:7.4/2")
def test_a_bundled_section_has_the_transport_of_its_tag() -> None:
    peer = make_peer()

    answer = answer_to(peer, _bundled_offer())

    assert [media.port for media in answer.media] == [0, 9]
    credentials = peer.transports[0].remote_credentials
    assert credentials is not None
    assert credentials.ufrag == "tagged"
    assert peer.transports[0].mid == "d"
    # The tag was rejected, so the next section of the group takes its place.
    assert answer.get_all(Group) == [Group("BUNDLE", ("d",))]
    assert answer.media[1].has(IceUfrag)


def test_a_bundled_section_that_shows_a_transport_of_its_own_has_that() -> None:
    peer = make_peer()

    answer_to(
        peer, describe(audio(mid="a", ufrag="tagged"), section(mid="d", ufrag="owned"), session=("group:BUNDLE a d",))
    )

    credentials = peer.transports[0].remote_credentials
    assert credentials is not None
    assert credentials.ufrag == "owned"


def test_candidates_of_a_bundled_section_belong_to_the_generation_of_its_tag() -> None:
    peer = make_peer()
    answer_to(peer, _bundled_offer())

    peer.add_ice_candidate(CANDIDATE, 0.0, sdp_mid="d", username_fragment="tagged")

    assert [each.address.host for each in peer.transports[0].remote_candidates] == ["192.0.2.2"]
    assert len(parsed(peer.remote_description).media[1].get_all(Candidate)) == 1


def test_candidates_that_stand_in_the_tag_are_used_for_the_bundled() -> None:
    peer = make_peer()
    bare = section(mid="d", ufrag=None, password=None, fingerprint=None, setup=None)

    answer_to(peer, describe(audio(CANDIDATE, mid="a"), bare, session=("group:BUNDLE a d",)))

    assert [each.address.host for each in peer.transports[0].remote_candidates] == ["192.0.2.2"]


def test_a_group_cannot_come_back_once_it_was_not_answered() -> None:
    peer = make_peer()
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)
    peer.set_remote_description(describe(section(setup="active"), kind=SdpType.ANSWER), 0.0)
    peer.set_local_description(None, 0.0)
    assert parsed(peer.local_description).get_all(Group) == []

    with pytest.raises(DescriptionError):
        peer.set_remote_description(
            describe(section(setup="active"), session=("group:BUNDLE 0",), kind=SdpType.ANSWER), 0.0
        )


def test_a_section_may_be_recycled_for_another_kind() -> None:
    peer = make_peer()
    answer_to(peer, describe(audio(mid="a")))

    answer = answer_to(peer, describe(section(mid="d"), version=2))

    assert [media.port for media in answer.media] == [9]
    assert peer.transports[0].mid == "d"


def test_a_section_may_be_recycled_under_another_name() -> None:
    peer = make_peer()
    answer_to(peer, describe(audio(mid="a")))

    answer = answer_to(peer, describe(audio(mid="b"), version=2))

    assert [media.port for media in answer.media] == [0]


# --- several transports ---


def _parameters(name: str) -> TransportParameters:
    fingerprint = Fingerprint("sha-256", bytes(32))
    return TransportParameters(
        credentials=Credentials.generate(SeededRng(name)), fingerprints=(fingerprint,), role=Role.ACTPASS
    )


def test_datagrams_go_to_the_transport_that_owns_their_local_address() -> None:
    rng = SeededRng("set")
    journal = Journal(trace=None, now=0.0)
    certificate = Certificate.generate(rng=rng, wall_clock=WALL_CLOCK)
    transports = TransportSet(certificate=certificate, options=PeerOptions(), rng=rng, journal=journal)
    transports.apply(Outcome(gather=[(0, _parameters("zero")), (1, _parameters("one"))]), controlling=True, now=0.0)
    addresses = [Address("192.0.2.1", 5000), Address("192.0.2.1", 5001)]
    for key, address in enumerate(addresses):
        assert transports.add_local_address(key, address, 0.0)
    stranger = Address("192.0.2.9", 9)

    transports.receive(
        [Datagram(b"\x00bad", local, stranger) for local in (addresses[1], addresses[0], addresses[1], stranger)], 0.0
    )

    received = [each.ice.agent.stats.datagrams_received for each in transports.transports.values()]
    assert received == [1, 2]
    assert journal.stats.dropped == {"unknown-local-address": 1}


def test_an_address_belongs_to_one_transport() -> None:
    pair = Pair(gather=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.left.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), 0.0)
    pair.offer()
    address = Address("192.0.2.1", 5000)

    assert not pair.left.machine.add_local_address(0, address, 0.0), "its transport was closed"
    assert pair.left.machine.add_local_address(1, address, 0.0)


@pytest.mark.spec("rfc8829:5.2.2/18")
def test_of_two_bundled_sections_only_the_tag_shows_the_candidates() -> None:
    sections = [MediaSection(index=index, mid=mid, transport_id=0) for index, mid in enumerate("ab")]
    document = write(
        DescriptionPlan(
            origin=Origin.create(SeededRng("origin")),
            sections=sections,
            groups=(("b", "a"),),
            transports={0: WrittenTransport(parameters=_parameters("shared"), gathering_complete=True)},
            data=DataParameters(sctp_port=5000, max_message_size=None),
            ice_options=(),
        )
    )

    assert [media.has(EndOfCandidates) for media in document.media] == [False, True]
    assert [media.has(IceUfrag) and media.has(Fingerprint) for media in document.media] == [True, True]
