"""The checksum: known values, and the fast way equal to the plain one."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_sctp.checksum import SPARSE_MULTIPLES, crc32c, crc32c_python

POLYNOMIAL = 0x1_1EDC_6F41
REFLECTED = 0x82F6_3B78


def bit_by_bit(data: bytes) -> int:
    remainder = 0xFFFF_FFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (REFLECTED if remainder & 1 else 0)
    return remainder ^ 0xFFFF_FFFF


# The check value of the catalogue of parametrised CRCs, and the five examples of RFC 3720, appendix B.4.
VECTORS = [
    (b"", 0),
    (b"123456789", 0xE306_9283),
    (bytes(32), 0x8A91_36AA),
    (b"\xff" * 32, 0x62A8_AB43),
    (bytes(range(32)), 0x46DD_794E),
    (bytes(range(31, -1, -1)), 0x113F_DB5C),
    (
        bytes.fromhex(
            "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000"
        ),
        0xD996_3A56,
    ),
]


@pytest.mark.parametrize(("data", "expected"), VECTORS)
@pytest.mark.spec("rfc9260:6.8/1")
def test_known_values(data: bytes, expected: int) -> None:
    assert crc32c_python(data) == expected
    assert crc32c(data) == expected


@given(st.binary(max_size=300))
def test_folding_equals_division_bit_by_bit(data: bytes) -> None:
    assert crc32c_python(data) == bit_by_bit(data)


@given(st.integers(0, 5000), st.integers(0, 2**32))
def test_folding_equals_the_installed_implementation(length: int, seed: int) -> None:
    data = Random(seed).randbytes(length)

    assert crc32c_python(data) == crc32c(data)


@pytest.mark.parametrize(
    "length", [0, 1, 3, 4, 36, 37, 54, 55, 85, 129, 130, 234, 438, 847, 848, 1633, 1634, 3268, 5000]
)
def test_every_rung_of_the_ladder_and_the_lengths_around(length: int) -> None:
    data = bytes((31 * index + 7) & 0xFF for index in range(length))

    assert crc32c_python(data) == bit_by_bit(data)


@pytest.mark.parametrize("exponents", SPARSE_MULTIPLES)
def test_the_sparse_polynomials_are_multiples(exponents: tuple[int, ...]) -> None:
    remainder = 1 + sum(1 << exponent for exponent in exponents)
    for exponent in range(exponents[0], 31, -1):
        if remainder >> exponent & 1:
            remainder ^= POLYNOMIAL << exponent - 32

    assert remainder == 0


def test_no_fold_adds_a_term_to_what_it_cuts() -> None:
    length = 2 * SPARSE_MULTIPLES[0][0] - SPARSE_MULTIPLES[0][1]
    for degree, second, *_ in SPARSE_MULTIPLES:
        assert 0 < length - degree <= degree - second
        length = degree
