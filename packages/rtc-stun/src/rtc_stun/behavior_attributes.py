"""The attributes of NAT behaviour discovery (:rfc:`5780#section-7`), in the order of their sections."""

from struct import Struct
from typing import Final, Self

from rtc_stun.attribute import AddressAttribute, Attribute, AttributeSet, BytesAttribute, attribute_set
from rtc_stun.attributes import STUN_ATTRIBUTES
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import MAX_PORT
from rtc_stun.errors import ParseError

_FLAGS: Final = Struct("!I")
_CHANGE_IP: Final = 0x04
_CHANGE_PORT: Final = 0x02
_PORT: Final = Struct("!H2x")


@dataclass(slots=True)
class ChangeRequest(Attribute):
    """CHANGE-REQUEST: which of the server's addresses the response is to come from.

    ::

        29 zero bits | change IP | change port | 0

    See :rfc:`5780#section-7.2`.
    """

    TYPE = 0x0003

    ip: bool
    """From its other IP address."""
    port: bool
    """From its other port."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read both flags; the other bits mean nothing."""
        if len(value) != _FLAGS.size:
            raise ParseError(f"CHANGE-REQUEST has {_FLAGS.size} bytes, not {len(value)}")
        (flags,) = _FLAGS.unpack(value)
        return cls(ip=bool(flags & _CHANGE_IP), port=bool(flags & _CHANGE_PORT))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write both flags."""
        return _FLAGS.pack(_CHANGE_IP * self.ip | _CHANGE_PORT * self.port)


class ResponseOrigin(AddressAttribute):
    """RESPONSE-ORIGIN: where the server sent the response from, before any translator."""

    __slots__ = ()
    TYPE = 0x802B


class OtherAddress(AddressAttribute):
    """OTHER-ADDRESS: the server's other address and other port, which it would answer from if both were to change."""

    __slots__ = ()
    TYPE = 0x802C


@dataclass(slots=True)
class ResponsePort(Attribute):
    """RESPONSE-PORT: the port of the sender's address that the response is to go to.

    ::

              port, 16 bits      |     two bytes of padding

    See :rfc:`5780#section-7.5`.
    """

    TYPE = 0x0027

    port: int
    """0 to 65535."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the port; some count the padding in the length, some do not."""
        if len(value) not in (_PORT.size - 2, _PORT.size):
            raise ParseError(f"RESPONSE-PORT has {_PORT.size} bytes, not {len(value)}")
        return cls(int.from_bytes(value[:2], "big"))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write the port."""
        if not 0 <= self.port <= MAX_PORT:
            raise ValueError(f"a port is 0 to {MAX_PORT}, not {self.port}")
        return _PORT.pack(self.port)


class Padding(BytesAttribute):
    """PADDING: makes a message as long as it takes to be cut into fragments; its bytes mean nothing."""

    __slots__ = ()
    TYPE = 0x0026
    # [rfc5780:7.6/1] IP header, UDP header, STUN header and this attribute's own make it 64 KiB at most.
    LENGTHS = range(0x1_0000 - 40 - 8 - 20 - 4)

    @classmethod
    def of_mtu(cls, mtu: int) -> Self:
        """Return as much padding as the outgoing interface carries at once, so that the whole needs two fragments."""
        # [rfc5780:7.6/2]
        return cls(bytes(mtu + (-mtu & 3)))


BEHAVIOR_ATTRIBUTES: Final[AttributeSet] = attribute_set(
    ChangeRequest, ResponseOrigin, OtherAddress, ResponsePort, Padding, based_on=STUN_ATTRIBUTES
)
"""What a client or server of NAT behaviour discovery understands: that of :rfc:`8489` and the above."""
