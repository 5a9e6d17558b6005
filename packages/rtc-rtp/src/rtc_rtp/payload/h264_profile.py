"""The profile-level-id of H.264: what it means and whether two of them agree (:rfc:`6184#section-8.1`, :rfc:`6184#section-8.2.2`)."""

import enum
from collections.abc import Mapping
from typing import Final, Self

from rtc_rtp.dataclass import dataclass

LEVEL_1B: Final = 9
"""Level 1b, which is above 1 and below 1.1; the other levels are ten times their number."""
_LEVEL_11: Final = 11
_CONSTRAINT_SET3: Final = 0x10


class H264Profile(enum.Enum):
    """A subset of H.264 that one side's encoder and the other's decoder must share."""

    CONSTRAINED_BASELINE = enum.auto()
    BASELINE = enum.auto()
    MAIN = enum.auto()
    EXTENDED = enum.auto()
    HIGH = enum.auto()
    CONSTRAINED_HIGH = enum.auto()
    PROGRESSIVE_HIGH = enum.auto()
    HIGH_10 = enum.auto()
    HIGH_422 = enum.auto()
    HIGH_444_PREDICTIVE = enum.auto()
    HIGH_10_INTRA = enum.auto()
    HIGH_422_INTRA = enum.auto()
    HIGH_444_INTRA = enum.auto()
    CAVLC_444_INTRA = enum.auto()


_PROFILES: Final = (
    # profile_idc, mask and value of profile-iop (the constraint flags, high bit first)
    (0x42, 0b0100_1111, 0b0100_0000, H264Profile.CONSTRAINED_BASELINE),
    (0x4D, 0b1000_1111, 0b1000_0000, H264Profile.CONSTRAINED_BASELINE),
    (0x58, 0b1100_1111, 0b1100_0000, H264Profile.CONSTRAINED_BASELINE),
    (0x42, 0b0100_1111, 0b0000_0000, H264Profile.BASELINE),
    (0x58, 0b1100_1111, 0b1000_0000, H264Profile.BASELINE),
    (0x4D, 0b1010_1111, 0b0000_0000, H264Profile.MAIN),
    (0x58, 0b1100_1111, 0b0000_0000, H264Profile.EXTENDED),
    (0x64, 0b1111_1111, 0b0000_0000, H264Profile.HIGH),
    (0x64, 0b1111_1111, 0b0000_1100, H264Profile.CONSTRAINED_HIGH),
    (0x64, 0b1111_1111, 0b0000_1000, H264Profile.PROGRESSIVE_HIGH),
    (0x6E, 0b1111_1111, 0b0000_0000, H264Profile.HIGH_10),
    (0x7A, 0b1111_1111, 0b0000_0000, H264Profile.HIGH_422),
    (0xF4, 0b1111_1111, 0b0000_0000, H264Profile.HIGH_444_PREDICTIVE),
    (0x6E, 0b1111_1111, 0b0001_0000, H264Profile.HIGH_10_INTRA),
    (0x7A, 0b1111_1111, 0b0001_0000, H264Profile.HIGH_422_INTRA),
    (0xF4, 0b1111_1111, 0b0001_0000, H264Profile.HIGH_444_INTRA),
    (0x2C, 0b1111_1111, 0b0001_0000, H264Profile.CAVLC_444_INTRA),
)
"""Which combinations name the same profile. See :rfc:`6184#section-8.1`, table 5."""
_WITH_CONSTRAINT_SET3: Final = frozenset({0x42, 0x4D, 0x58})


@dataclass(slots=True, frozen=True)
class H264ProfileLevel:
    """The value of profile-level-id: 6 hexadecimal digits, profile_idc, profile-iop and level_idc."""

    profile: H264Profile
    level: int
    """Ten times the level's number, 31 for level 3.1; `LEVEL_1B` for 1b."""
    profile_bytes: int
    """profile_idc and profile-iop as they were written: several pairs mean the same profile."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the value of profile-level-id.

        Raises:
            ValueError: It is not of 6 hexadecimal digits, or the profile is not known.
        """
        if len(text) != 6:
            raise ValueError(f"profile-level-id has 6 digits, not {text!r}")
        profile_idc, profile_iop, level = bytes.fromhex(text)
        profile = next(
            (each[3] for each in _PROFILES if profile_idc == each[0] and profile_iop & each[1] == each[2]), None
        )
        if profile is None:
            raise ValueError(f"profile-level-id {text!r} names no known profile")
        if level == _LEVEL_11 and profile_idc in _WITH_CONSTRAINT_SET3 and profile_iop & _CONSTRAINT_SET3:
            level = LEVEL_1B
        return cls(profile, level, profile_idc << 8 | profile_iop)

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Return what the parameters of an a=fmtp line say.

        Raises:
            ValueError: As `parse`.
        """
        # [rfc6184:8.1/1] Baseline of level 1 is meant where nothing is said.
        return cls.parse(parameters.get("profile-level-id", "42000a"))

    def with_level(self, level: int) -> "H264ProfileLevel":
        """Return the same profile with another level."""
        profile_bytes = self.profile_bytes
        if profile_bytes >> 8 in _WITH_CONSTRAINT_SET3:
            profile_bytes = profile_bytes | _CONSTRAINT_SET3 if level == LEVEL_1B else profile_bytes & ~_CONSTRAINT_SET3
        return H264ProfileLevel(self.profile, level, profile_bytes)

    def __str__(self) -> str:
        level = self.level
        if level == LEVEL_1B and self.profile_bytes >> 8 in _WITH_CONSTRAINT_SET3:
            level = _LEVEL_11
        return f"{self.profile_bytes:04x}{level:02x}"


def lower_level(one: int, other: int) -> int:
    """Return the lower of two levels; 1b is between 1 and 1.1."""
    return min(one, other, key=lambda level: 10.5 if level == LEVEL_1B else level)
