"""Numbers on a circle."""

import pytest
from hypothesis import given
from tests.sctp.strategies import uint16, uint32

from rtc_sctp.serial import (
    add_16,
    add_32,
    distance_16,
    distance_32,
    greater_16,
    greater_32,
    greater_or_equal_16,
    greater_or_equal_32,
)


@pytest.mark.spec("rfc9260:1.6/1", "rfc9260:1.6/4")
def test_after_the_highest_tsn_comes_zero() -> None:
    assert add_32(0xFFFF_FFFF, 1) == 0
    assert add_32(0, -1) == 0xFFFF_FFFF
    assert add_16(0xFFFF, 1) == 0
    assert add_16(0, -1) == 0xFFFF


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 0, True),
        (0, 0, False),
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
def test_greater_means_less_than_half_the_circle_of_32_bits_ahead(left: int, right: int, expected: bool) -> None:
    assert greater_32(left, right) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 0, True),
        (0, 0, False),
        (0, 0xFFFF, True),
        (0xFFFF, 0, False),
        (0x7FFF, 0, True),
        (0x8000, 0, False),
        (0, 0x8000, False),
        (0, 0x8001, True),
    ],
)
@pytest.mark.spec("rfc9260:1.6/5")
def test_greater_means_less_than_half_the_circle_of_16_bits_ahead(left: int, right: int, expected: bool) -> None:
    assert greater_16(left, right) is expected


@given(uint32, uint32)
def test_of_two_32_bit_numbers_at_most_one_is_greater(left: int, right: int) -> None:
    assert not (greater_32(left, right) and greater_32(right, left))
    assert greater_or_equal_32(left, right) == (left == right or greater_32(left, right))
    assert add_32(left, distance_32(left, right)) == right


@given(uint16, uint16)
def test_of_two_16_bit_numbers_at_most_one_is_greater(left: int, right: int) -> None:
    assert not (greater_16(left, right) and greater_16(right, left))
    assert greater_or_equal_16(left, right) == (left == right or greater_16(left, right))
    assert add_16(left, distance_16(left, right)) == right
