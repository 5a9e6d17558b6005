"""Which section a stream belongs to: MID first, then signalled SSRCs, RIDs and payload types (RFC 9143 section 9.2)."""

import copy
import pickle

import pytest

from rtc_peer.bundle_router import MAX_SOURCES, BundleRouter, RoutedSection
from rtc_rtp import RtpPacket

MID, RID, REPAIRED_RID = 4, 10, 11


def _router(*, common: frozenset[int] = frozenset()) -> BundleRouter:
    """Sound in section "a", pictures with simulcast in section "v"."""
    router = BundleRouter()
    ids = (RID, REPAIRED_RID)
    router.configure(
        [
            RoutedSection(
                receiver_id="a",
                mid="a",
                payload_types=frozenset({111, 0}) | common,
                ssrcs=(1000,),
                mid_extension_id=MID,
            ),
            RoutedSection(
                receiver_id="v",
                mid="v",
                payload_types=frozenset({96, 97}) | common,
                ssrcs=(2000, 2001),
                rids=("hi", "lo"),
                mid_extension_id=MID,
                rid_extension_ids=ids,
            ),
        ]
    )
    return router


def _packet(payload_type: int, ssrc: int, sequence_number: int = 1, **named: str) -> RtpPacket:
    ids = {"mid": MID, "rid": RID, "repaired_rid": REPAIRED_RID}
    extensions = {ids[name]: value.encode() for name, value in named.items()}
    return RtpPacket(payload_type, sequence_number, 0, ssrc, b"x", extensions=extensions)


@pytest.mark.spec("rfc9143:9.2/1", "rfc8834:5.2.4/1")
def test_the_mid_of_a_packet_names_its_section_and_that_of_all_later_ones() -> None:
    router = _router(common=frozenset({98}))

    assert router.route(_packet(98, 7)) is None
    assert router.route(_packet(98, 7, mid="v")) == "v"
    assert router.route(_packet(98, 7)) == "v"


@pytest.mark.spec("rfc5576:5/2")
def test_a_mid_goes_before_a_signalled_ssrc() -> None:
    router = _router(common=frozenset({98}))

    assert router.route(_packet(98, 1000)) == "a"
    assert router.route(_packet(98, 1000, 2, mid="v")) == "v"


def test_a_stream_of_an_unknown_mid_is_for_nobody_until_its_section_is_there() -> None:
    router = _router()

    assert router.route(_packet(96, 7, mid="later")) is None
    assert router.route(_packet(96, 7)) is None, "its payload type says video, but the stream has said otherwise"
    router.configure([RoutedSection(receiver_id="later", mid="later", payload_types=frozenset({96}))])
    assert router.route(_packet(96, 7)) == "later"


def test_an_older_packet_does_not_move_a_stream_back() -> None:
    router = _router(common=frozenset({98}))
    router.route(_packet(98, 7, 0xFFFE, mid="a"))
    router.route(_packet(98, 7, 3, mid="v"))

    assert router.route(_packet(98, 7, 0xFFFF, mid="a")) == "v"
    assert router.route(_packet(98, 7, 4, mid="a")) == "a"


def test_the_age_of_a_mid_is_known_after_the_numbers_wrapped() -> None:
    router = _router(common=frozenset({98}))
    router.route(_packet(98, 7, 0, mid="a"))
    for sequence_number in (20_000, 40_000, 60_000, 14_000):
        router.route(_packet(98, 7, sequence_number))

    assert router.route(_packet(98, 7, 14_001, mid="v")) == "v"


@pytest.mark.spec("rfc8834:4.8/1")
def test_a_signalled_ssrc_needs_nothing_else() -> None:
    router = _router(common=frozenset({98}))

    assert router.route(_packet(98, 1000)) == "a"
    assert router.route(_packet(98, 2001)) == "v"


def test_a_payload_type_of_another_section_is_not_decoded() -> None:
    router = _router()

    assert router.route(_packet(96, 1000)) is None
    assert router.route(_packet(111, 1000)) == "a", "the stream itself stays where it is"
    assert router.route(_packet(111, 7, mid="v")) is None


def test_a_rid_names_the_section_where_only_one_has_it() -> None:
    router = _router(common=frozenset({98}))

    assert router.route(_packet(98, 7, rid="hi")) == "v"
    assert router.route(_packet(98, 8, repaired_rid="lo")) == "v"
    assert router.route(_packet(98, 9, rid="none")) is None


@pytest.mark.spec("rfc5576:5/5")
@pytest.mark.spec("rfc8834:4.8/3")
def test_a_unique_payload_type_names_the_section_of_a_stream_that_nobody_signalled() -> None:
    router = _router(common=frozenset({98}))

    assert router.route(_packet(96, 7)) == "v"
    assert router.route(_packet(98, 8)) is None, "both sections have it"
    assert router.route(_packet(98, 7)) == "v", "another payload type does not move the stream"
    assert router.route(_packet(111, 7)) is None


def test_the_mid_of_a_source_description_names_the_section() -> None:
    router = _router(common=frozenset({98}))
    router.describe(7, "v")
    router.describe(8, "unknown")

    assert router.route(_packet(98, 7, 30_000)) == "v"
    assert router.route(_packet(98, 8)) is None
    router.describe(7, "a")
    assert router.route(_packet(98, 7, 30_001)) == "a"


def test_guesses_give_way_to_what_descriptions_say_later() -> None:
    router = _router()
    assert router.route(_packet(96, 7)) == "v"
    assert router.route(_packet(96, 8, mid="v")) == "v"
    both = frozenset({96})
    router.configure(
        [
            RoutedSection(receiver_id="v", mid="v", payload_types=both, mid_extension_id=MID),
            RoutedSection(receiver_id="w", mid="w", payload_types=both, ssrcs=(7, 8)),
        ]
    )

    assert router.route(_packet(96, 7)) == "w"
    assert router.route(_packet(96, 8)) == "v", "the stream has said so itself"


def test_a_stream_that_ended_leaves_nothing_behind() -> None:
    router = _router(common=frozenset({98}))
    router.route(_packet(98, 7, mid="v"))
    router.forget(7)

    assert router.route(_packet(98, 7)) is None


def test_no_crowd_of_streams_grows_the_tables() -> None:
    router = _router()
    for ssrc in range(3 * MAX_SOURCES):
        router.route(_packet(96, 10_000 + ssrc))

    assert len(router._sources) == MAX_SOURCES


def test_copies_route_alike() -> None:
    router = _router(common=frozenset({98}))
    router.route(_packet(98, 7, mid="v"))

    for twin in (copy.deepcopy(router), pickle.loads(pickle.dumps(router))):
        assert twin.route(_packet(98, 7, 2)) == "v"


def test_a_section_without_a_bundle_takes_what_fits() -> None:
    router = BundleRouter()
    router.configure([RoutedSection(receiver_id="0", mid="0", payload_types=frozenset({8}))])

    assert router.route(_packet(8, 7)) == "0"
    assert router.route(_packet(9, 7)) is None
