"""The formulas of RFC 8445, sections 5.1.2 and 6.1.2.3."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_ice import candidate_priority, pair_priority

TYPES = ["host", "prflx", "srflx", "relay"]
types = st.sampled_from(TYPES)
preferences = st.integers(0, 65_535)
component_ids = st.integers(1, 256)


@pytest.mark.spec("rfc8445:5.1.2/3", "rfc8445:5.1.2.2/1")
@pytest.mark.parametrize(
    ("candidate_type", "priority"),
    [("host", 2130706431), ("prflx", 1862270975), ("srflx", 1694498815), ("relay", 16777215)],
)
def test_the_recommended_formula(candidate_type: str, priority: int) -> None:
    """The first two are what RFC 8839 prints for its host and server-reflexive candidates."""
    assert candidate_priority(candidate_type, 65_535, 1) == priority


@pytest.mark.spec("rfc8445:5.1.2/2", "rfc8445:5.1.2.1/1", "rfc8445:5.1.2.1/2")
@given(types, preferences, component_ids)
def test_a_priority_is_positive_has_31_bits_and_shows_its_type(
    candidate_type: str, preference: int, component_id: int
) -> None:
    priority = candidate_priority(candidate_type, preference, component_id)

    assert 1 <= priority < 2**31
    assert priority >> 24 == candidate_priority(candidate_type, 0, 1) >> 24 <= 126


@pytest.mark.spec("rfc8445:5.1.2.1/3", "rfc8445:5.1.2.1/4")
@given(preferences, component_ids, preferences, component_ids)
def test_the_type_outweighs_everything_else(
    preference: int, component_id: int, other_preference: int, other_component_id: int
) -> None:
    for better, worse in pairwise(TYPES):
        higher = candidate_priority(better, preference, component_id)
        assert higher > candidate_priority(worse, other_preference, other_component_id)


@given(types, preferences, preferences, component_ids, component_ids)
def test_within_a_type_the_preference_outweighs_the_component(
    candidate_type: str, first: int, second: int, first_id: int, second_id: int
) -> None:
    if first == second:
        return
    lower, higher = min(first, second), max(first, second)
    above, below = (candidate_priority(candidate_type, *each) for each in ((higher, first_id), (lower, second_id)))
    assert above > below or above == below == 1


@pytest.mark.spec("rfc8445:5.1.2.1/5", "rfc8445:5.1.2.1/9")
@pytest.mark.parametrize(
    ("candidate_type", "preference", "component_id"),
    [("host", -1, 1), ("host", 65_536, 1), ("host", 0, 0), ("host", 0, 257), ("future", 0, 1)],
)
def test_arguments_out_of_range_are_refused(candidate_type: str, preference: int, component_id: int) -> None:
    with pytest.raises(ValueError, match=r"preference|component"):
        candidate_priority(candidate_type, preference, component_id)


priorities = st.integers(1, 2**31 - 1)


@given(priorities, priorities)
def test_both_agents_rank_a_pair_alike_and_ties_favour_one_side(controlling: int, controlled: int) -> None:
    priority = pair_priority(controlling, controlled)

    smaller, larger = sorted((controlling, controlled))
    assert priority == 2**32 * smaller + 2 * larger + (1 if controlling > controlled else 0)
    assert 0 < priority < 2**63
    if controlling != controlled:
        assert priority != pair_priority(controlled, controlling)
