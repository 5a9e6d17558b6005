"""Numbers on a circle."""

import pytest
from hypothesis import given
from tests.sctp.strategies import uint32

from rtc_sctp.serial import greater_or_equal_32


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 0, True),
        (0, 0, True),
        (0, 1, False),
        (0, 0xFFFF_FFFF, True),
        (0xFFFF_FFFF, 0, False),
        (0x7FFF_FFFF, 0, True),
        (0x8000_0000, 0, False),
        (0, 0x8000_0000, False),
        (0x8000_0001, 0, False),
        (0, 0x8000_0001, True),
    ],
)
@pytest.mark.spec("rfc9260:1.6/2")
def test_ahead_is_less_than_half_the_circle_further_on(left: int, right: int, expected: bool) -> None:
    assert greater_or_equal_32(left, right) is expected


@given(uint32, uint32)
def test_of_two_numbers_at_most_one_is_ahead(left: int, right: int) -> None:
    assert (greater_or_equal_32(left, right) and greater_or_equal_32(right, left)) == (left == right)
