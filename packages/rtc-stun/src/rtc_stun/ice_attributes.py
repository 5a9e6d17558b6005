"""The attributes that an ICE agent adds to its connectivity checks.

PRIORITY, USE-CANDIDATE, ICE-CONTROLLED and ICE-CONTROLLING are of :rfc:`8445#section-16.1`. The two GOOG ones are not
standardized but common (libwebrtc sends the second with every check); both are comprehension-optional.
"""

from struct import Struct
from typing import Final, Self

from rtc_stun.attribute import (
    Attribute,
    AttributeSet,
    FlagAttribute,
    Uint32Attribute,
    Uint64Attribute,
    attribute_set,
)
from rtc_stun.attributes import STUN_ATTRIBUTES
from rtc_stun.dataclass import dataclass
from rtc_stun.errors import ParseError

_NETWORK_INFO: Final = Struct("!HH")


class Priority(Uint32Attribute):
    """PRIORITY: what a peer-reflexive candidate discovered by this check would have."""

    __slots__ = ()
    TYPE = 0x0024


class UseCandidate(FlagAttribute):
    """USE-CANDIDATE: the controlling agent nominates the pair."""

    __slots__ = ()
    TYPE = 0x0025


class IceControlled(Uint64Attribute):
    """ICE-CONTROLLED: the sender takes the controlled role; the value breaks ties."""

    __slots__ = ()
    TYPE = 0x8029


class IceControlling(Uint64Attribute):
    """ICE-CONTROLLING: the sender takes the controlling role; the value breaks ties."""

    __slots__ = ()
    TYPE = 0x802A


class GoogNomination(Uint32Attribute):
    """Number of a nomination; the highest one received wins (draft-thatcher-ice-renomination)."""

    __slots__ = ()
    TYPE = 0xC001


@dataclass(slots=True)
class GoogNetworkInfo(Attribute):
    """Which of the sender's networks the check uses, and how dear that is: two 16-bit numbers."""

    TYPE = 0xC057

    network_id: int
    network_cost: int
    """0 to 999; less is better."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read both numbers."""
        if len(value) != _NETWORK_INFO.size:
            raise ParseError(f"GOOG-NETWORK-INFO has 4 bytes, not {len(value)}")
        return cls(*_NETWORK_INFO.unpack(value))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write both numbers."""
        if not (0 <= self.network_id <= 0xFFFF and 0 <= self.network_cost <= 0xFFFF):
            raise ValueError("network id and cost have 16 bits each")
        return _NETWORK_INFO.pack(self.network_id, self.network_cost)


ICE_ATTRIBUTES: Final[AttributeSet] = attribute_set(
    Priority,
    UseCandidate,
    IceControlled,
    IceControlling,
    GoogNomination,
    GoogNetworkInfo,
    based_on=STUN_ATTRIBUTES,
)
"""What an ICE agent understands: that of :rfc:`8489` and the above."""
