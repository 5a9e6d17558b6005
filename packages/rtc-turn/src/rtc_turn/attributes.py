"""The attributes that TURN adds to STUN.

Those of :rfc:`8656#section-18`, of TCP allocations (:rfc:`6062#section-6.2`), of mobility (:rfc:`8016#section-3.4`) and of
third-party authorization (:rfc:`7635#section-6`). The wire form of a value is drawn where it is more than a number.
"""

from enum import IntEnum
from typing import Final, Self

from rtc_stun import (
    STUN_ATTRIBUTES,
    Attribute,
    AttributeSet,
    BytesAttribute,
    ErrorCode,
    FlagAttribute,
    ParseError,
    Uint32Attribute,
    XorAddressAttribute,
    attribute_set,
)
from rtc_turn.dataclass import dataclass

UDP: Final = 17
"""Protocol number of REQUESTED-TRANSPORT: peers are reached by datagrams."""
TCP: Final = 6
"""Protocol number of REQUESTED-TRANSPORT: peers are reached by connections (:rfc:`6062`)."""


class AddressFamily(IntEnum):
    """The two families as attributes name them."""

    IPV4 = 0x01
    IPV6 = 0x02


@dataclass(slots=True)
class ChannelNumber(Attribute):
    """CHANNEL-NUMBER: the channel to be bound.

    ::

        | channel number, 16 bits | reserved, 16 bits |

    See :rfc:`8656#section-18.1`.
    """

    TYPE = 0x000C

    number: int

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the number. Whether it may be bound is the server's to say."""
        if len(value) != 4:
            raise ParseError(f"CHANNEL-NUMBER has 4 bytes, not {len(value)}")
        # [rfc8656:18.1/2]
        return cls(value[0] << 8 | value[1])

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write the number."""
        if not 0 <= self.number <= 0xFFFF:
            raise ValueError(f"a channel number has 16 bits, not {self.number}")
        # [rfc8656:18.1/1]
        return self.number.to_bytes(2, "big") + b"\0\0"


class Lifetime(Uint32Attribute):
    """LIFETIME: seconds until the allocation expires (:rfc:`8656#section-18.2`)."""

    __slots__ = ()
    TYPE = 0x000D


class XorPeerAddress(XorAddressAttribute):
    """XOR-PEER-ADDRESS: a peer's address as the server sees it (:rfc:`8656#section-18.3`)."""

    __slots__ = ()
    TYPE = 0x0012


class Data(BytesAttribute):
    """DATA: what goes to, or came from, a peer (:rfc:`8656#section-18.4`)."""

    __slots__ = ()
    TYPE = 0x0013


class XorRelayedAddress(XorAddressAttribute):
    """XOR-RELAYED-ADDRESS: the address that peers send to (:rfc:`8656#section-18.5`)."""

    __slots__ = ()
    TYPE = 0x0016


@dataclass(slots=True)
class _FamilyAttribute(Attribute):
    """An address family.

    ::

        | family, 8 bits | reserved, 24 bits |
    """

    family: int
    """An `AddressFamily`; whether another one is served is the server's to say."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the family."""
        if len(value) != 4:
            raise ParseError(f"{cls.__name__} has 4 bytes, not {len(value)}")
        # [rfc8656:18.6/2]
        return cls(value[0])

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write the family."""
        if not 0 <= self.family <= 0xFF:
            raise ValueError(f"an address family has 8 bits, not {self.family}")
        # [rfc8656:18.6/1]
        return bytes((self.family, 0, 0, 0))


class RequestedAddressFamily(_FamilyAttribute):
    """REQUESTED-ADDRESS-FAMILY: which kind of relayed address is meant (:rfc:`8656#section-18.6`)."""

    __slots__ = ()
    TYPE = 0x0017


class AdditionalAddressFamily(_FamilyAttribute):
    """ADDITIONAL-ADDRESS-FAMILY: an IPv6 address is wanted beside the IPv4 one (:rfc:`8656#section-18.11`)."""

    __slots__ = ()
    TYPE = 0x8000


@dataclass(slots=True)
class EvenPort(Attribute):
    """EVEN-PORT: the relayed port is to be even, and the next one perhaps to be kept for later.

    ::

        | R, 1 bit | reserved, 7 bits |

    See :rfc:`8656#section-18.7`.
    """

    TYPE = 0x0018

    reserve_next: bool = False

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the R bit."""
        if len(value) != 1:
            raise ParseError(f"EVEN-PORT has 1 byte, not {len(value)}")
        return cls(bool(value[0] & 0x80))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write the R bit."""
        return b"\x80" if self.reserve_next else b"\0"


@dataclass(slots=True)
class RequestedTransport(Attribute):
    """REQUESTED-TRANSPORT: how the server is to reach peers.

    ::

        | protocol, 8 bits | reserved, 24 bits |

    See :rfc:`8656#section-18.8`.
    """

    TYPE = 0x0019

    protocol: int = UDP
    """A protocol number of the IP header: `UDP` or `TCP`."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the protocol number."""
        if len(value) != 4:
            raise ParseError(f"REQUESTED-TRANSPORT has 4 bytes, not {len(value)}")
        # [rfc8656:18.8/2]
        return cls(value[0])

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write the protocol number."""
        if not 0 <= self.protocol <= 0xFF:
            raise ValueError(f"a protocol number has 8 bits, not {self.protocol}")
        # [rfc8656:18.8/1]
        return bytes((self.protocol, 0, 0, 0))


class DontFragment(FlagAttribute):
    """DONT-FRAGMENT: the datagram to the peer is to arrive whole or not at all (:rfc:`8656#section-18.9`)."""

    __slots__ = ()
    TYPE = 0x001A


class ReservationToken(BytesAttribute):
    """RESERVATION-TOKEN: names a relayed port that was kept (:rfc:`8656#section-18.10`)."""

    __slots__ = ()
    TYPE = 0x0022
    LENGTHS = range(8, 9)


@dataclass(slots=True)
class AddressErrorCode(Attribute):
    """ADDRESS-ERROR-CODE: why one of two relayed addresses is missing.

    ::

        | family, 8 bits | reserved, 13 bits | class, 3 bits | number, 8 bits | reason phrase ...

    See :rfc:`8656#section-18.12`.
    """

    TYPE = 0x8001

    family: int
    code: int
    """300 to 699: 440 if the server does not serve the family, 508 if it has no address left."""
    reason: str = ""

    @classmethod
    def parse(cls, value: bytes, transaction_id: bytes, /) -> Self:
        """Read family, code and phrase."""
        if len(value) < 4:
            raise ParseError(f"ADDRESS-ERROR-CODE cannot have {len(value)} bytes")
        # [rfc8656:18.12/2]
        error = ErrorCode.parse(b"\0" + value[1:], transaction_id)
        return cls(value[0], error.code, error.reason)

    def serialize(self, transaction_id: bytes, /) -> bytes:
        """Write family, code and phrase."""
        # [rfc8656:18.12/1] [rfc8656:18.12/3]
        return bytes((self.family,)) + ErrorCode(self.code, self.reason).serialize(transaction_id)[1:]


@dataclass(slots=True)
class Icmp(Attribute):
    """ICMP: what a router or the peer's host said about a datagram to the peer.

    ::

        | reserved, 16 bits | type, 7 bits | code, 9 bits | error data, 32 bits |

    See :rfc:`8656#section-18.13`.
    """

    TYPE = 0x8004

    icmp_type: int
    """3 or 11 for ICMPv4, 1, 2 or 3 for ICMPv6."""
    icmp_code: int
    error_data: int = 0
    """The next hop's MTU in bytes, where the type is about packets that are too big; 0 otherwise."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read type, code and data."""
        if len(value) != 8:
            raise ParseError(f"ICMP has 8 bytes, not {len(value)}")
        # [rfc8656:18.13/2]
        both = value[2] << 8 | value[3]
        return cls(both >> 9, both & 0x1FF, int.from_bytes(value[4:], "big"))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write type, code and data."""
        if not 0 <= self.icmp_type < 128 or not 0 <= self.icmp_code < 512 or not 0 <= self.error_data < 1 << 32:
            raise ValueError("an ICMP type has 7 bits here, a code 9, its data 32")
        # [rfc8656:18.13/1]
        return b"\0\0" + (self.icmp_type << 9 | self.icmp_code).to_bytes(2, "big") + self.error_data.to_bytes(4, "big")


class ConnectionId(Uint32Attribute):
    """CONNECTION-ID: a connection of the server with a peer (:rfc:`6062#section-6.2.1`)."""

    __slots__ = ()
    TYPE = 0x002A


class MobilityTicket(BytesAttribute):
    """MOBILITY-TICKET: proves, from a new address, whose an allocation is (:rfc:`8016#section-3.4`).

    Empty in the request that asks for one.
    """

    __slots__ = ()
    TYPE = 0x8030


class AccessToken(BytesAttribute):
    """ACCESS-TOKEN: what an authorization server vouches for, sealed for the server (:rfc:`7635#section-6.2`)."""

    __slots__ = ()
    TYPE = 0x001B


class ThirdPartyAuthorization(BytesAttribute):
    """THIRD-PARTY-AUTHORIZATION: the server's own name, to be told to the authorization server (:rfc:`7635#section-6.1`)."""

    __slots__ = ()
    TYPE = 0x802E


# [rfc8656:18/1] `rtc_stun.Message` pads them.
TURN_ATTRIBUTES: Final[AttributeSet] = attribute_set(
    ChannelNumber,
    Lifetime,
    XorPeerAddress,
    Data,
    XorRelayedAddress,
    RequestedAddressFamily,
    EvenPort,
    RequestedTransport,
    DontFragment,
    ReservationToken,
    AdditionalAddressFamily,
    AddressErrorCode,
    Icmp,
    ConnectionId,
    MobilityTicket,
    AccessToken,
    ThirdPartyAuthorization,
    based_on=STUN_ATTRIBUTES,
)
"""What a client or server of TURN understands."""
