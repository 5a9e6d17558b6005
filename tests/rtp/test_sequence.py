"""Numbers that wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import SequenceUnwrapper, sequence_difference, sequence_is_newer

from .strategies import uint16


@pytest.mark.parametrize(
    ("later", "earlier", "difference"),
    [(1, 0, 1), (0, 65535, 1), (65535, 0, -1), (0, 0, 0), (32767, 0, 32767), (32768, 0, -32768), (10, 65530, 16)],
)
def test_differences(later: int, earlier: int, difference: int) -> None:
    assert sequence_difference(later, earlier) == difference
    assert sequence_is_newer(later, earlier) is (difference > 0)


@pytest.mark.spec("rfc3611:4.1/9")
@given(uint16, st.lists(st.integers(-30000, 30000), max_size=50))
def test_extended_numbers_follow_a_stream(first: int, steps: list[int]) -> None:
    unwrapper = SequenceUnwrapper()
    unwrapper.unwrap(first)
    highest = first

    for step in steps:
        extended = highest + step
        assert unwrapper.peek(extended & 0xFFFF) == extended
        assert unwrapper.unwrap(extended & 0xFFFF) == extended
        highest = max(highest, extended)
        assert unwrapper.highest == highest


def test_timestamps_are_as_wide_as_they_are() -> None:
    unwrapper = SequenceUnwrapper(bits=32)
    unwrapper.unwrap(0xFFFF_FFFF)

    assert unwrapper.unwrap(0x10) == 0x1_0000_0010
