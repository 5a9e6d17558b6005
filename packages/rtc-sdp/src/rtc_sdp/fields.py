"""The values of the lines that are not attributes.

::

    o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
    c=<nettype> <addrtype> <connection-address>
    b=<bwtype>:<bandwidth>
    m=<media> <port>[/<number of ports>] <proto> <fmt> ...

See :rfc:`8866#section-5`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Final, Self

from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import Value, digits, in_range, token, visible, words

_UINT64: Final = 2**64 - 1
_IPV4: Final = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}", re.ASCII)
_HOST_NAME: Final = re.compile(r"[0-9A-Za-z.\-]+", re.ASCII)
_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True)
class Origin(Value):
    """``o=``: who made this description, and which version of it this is.

    All fields but the version together name the session; the version grows whenever the description changes.
    See :rfc:`8866#section-5.2`.
    """

    NAME: ClassVar[str] = "o"

    username: str
    sess_id: str
    """Decimal digits. Kept as text, so that it is always written as it was read."""
    sess_version: int
    nettype: str = "IN"
    addrtype: str = "IP4"
    unicast_address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        # [rfc8866:5.2/1]
        visible(self.username, "username")
        if re.fullmatch(r"[0-9]+", self.sess_id) is None:
            raise ValueError(f"sess-id {self.sess_id[:40]!r} is not a number")
        in_range(self.sess_version, "sess-version", high=_UINT64)
        token(self.nettype, "nettype")
        token(self.addrtype, "addrtype")
        visible(self.unicast_address, "unicast-address")

    @classmethod
    def create(cls, rng: Callable[[int], bytes], username: str = "-") -> Self:
        """Return the origin of a new session: a random session id of 63 bits, version 0, and no address told.

        Args:
            rng: Returns that many random bytes, such as ``os.urandom``.
            username: Without spaces; a dash stands for none.
        """
        # [rfc3264:5/2] [rfc3264:5/3]
        return cls(username, str(int.from_bytes(rng(8), "big") >> 1), 0)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        username, sess_id, version, nettype, addrtype, address = words(value, 6, 6)
        return cls(username, sess_id, digits(version, "sess-version", high=_UINT64), nettype, addrtype, address)

    def serialize(self) -> str:
        """Return the six words."""
        return (
            f"{self.username} {self.sess_id} {self.sess_version} {self.nettype} {self.addrtype} {self.unicast_address}"
        )

    def same_session(self, other: Origin) -> bool:
        """Whether both name the same session, in whatever version."""
        return (self.username, self.sess_id, self.nettype, self.addrtype, self.unicast_address) == (
            other.username,
            other.sess_id,
            other.nettype,
            other.addrtype,
            other.unicast_address,
        )


@dataclass(frozen=True, slots=True)
class Connection(Value):
    """``c=``: the address to send to.

    See :rfc:`8866#section-5.7`.
    """

    NAME: ClassVar[str] = "c"

    address: str
    """An address or host name; for network types other than ``IN`` all that follows the address type."""
    addrtype: str = "IP4"
    nettype: str = "IN"
    ttl: int | None = None
    """Time to live, 0 to 255, of an IPv4 multicast address; None for all others."""
    address_count: int = 1
    """How many multicast addresses in a row, beginning with this one."""

    def __post_init__(self) -> None:
        token(self.nettype, "nettype")
        token(self.addrtype, "addrtype")
        for word in self.address.split(" "):
            visible(word, "connection-address")
        if self.nettype == "IN" and self.addrtype in ("IP4", "IP6"):
            self._check_internet()
        elif self.ttl is not None or self.address_count != 1:
            raise ValueError(f"TTL and number of addresses of {self.nettype} {self.addrtype} are part of the address")

    def _check_internet(self) -> None:
        (_check_ip4 if self.addrtype == "IP4" else _check_ip6)(self.address)
        # [rfc8866:5.7/5]
        if self.ttl is not None and self.addrtype != "IP4":
            raise ValueError("only IPv4 multicast has a TTL")
        # [rfc8866:5.7/3]
        in_range(self.ttl or 0, "TTL", high=255)
        in_range(self.address_count, "number of addresses", low=1, high=_UINT64)
        # [rfc8866:5.7/7]
        if self.is_unicast_literal and (self.ttl is not None or self.address_count > 1):
            raise ValueError("a unicast address has neither TTL nor a number of addresses")
        # [rfc8866:5.7/2]
        if self.addrtype == "IP4" and self.ttl is None and (self.is_multicast or self.address_count > 1):
            raise ValueError(f"IPv4 multicast address {self.address} without a TTL")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        nettype, addrtype, *rest = words(value, 3)
        if nettype != "IN" or addrtype not in ("IP4", "IP6"):
            return cls(" ".join(rest), addrtype, nettype)
        if len(rest) > 1:
            raise ValueError("more than one address")
        address, *numbers = rest[0].split("/")
        if len(numbers) > (2 if addrtype == "IP4" else 1):
            raise ValueError(f"too many slashes in {rest[0]!r}")
        ttl = digits(numbers.pop(0), "TTL", high=255) if numbers and addrtype == "IP4" else None
        count = digits(numbers[0], "number of addresses", low=1, high=_UINT64) if numbers else 1
        return cls(address, addrtype, nettype, ttl, count)

    def serialize(self) -> str:
        """Return network type, address type and address."""
        text = f"{self.nettype} {self.addrtype} {self.address}"
        if self.ttl is not None:
            text += f"/{self.ttl}"
        return text if self.address_count == 1 else f"{text}/{self.address_count}"

    @property
    def is_multicast(self) -> bool:
        """Whether the address is an IPv4 or IPv6 multicast address. Names count as unicast."""
        if self.addrtype == "IP6":
            return self.address[:2].lower() == "ff" and ":" in self.address
        first = self.address.partition(".")[0]
        return _IPV4.fullmatch(self.address) is not None and 224 <= int(first) <= 239

    @property
    def is_unicast_literal(self) -> bool:
        """Whether the address is an IP address, not a name, and not multicast."""
        return not self.is_multicast and (":" in self.address or _IPV4.fullmatch(self.address) is not None)

    @property
    def is_unspecified(self) -> bool:
        """Whether it is 0.0.0.0 or ::, which once put a call on hold and today stands for "not known yet"."""
        # [rfc3264:8.4/3]
        return self.address in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def _check_ip4(address: str) -> None:
    # [rfc8866:5/6] [rfc8866:5/7] [rfc8866:5/8]
    if _HOST_NAME.fullmatch(address) is None:
        raise ValueError(f"{address!r} is neither an IPv4 address nor a host name")
    if address.replace(".", "").isdigit() and _IPV4.fullmatch(address) is None:
        raise ValueError(f"{address!r} is not an IPv4 address")


def _check_ip6(address: str) -> None:
    if ":" not in address:
        if _HOST_NAME.fullmatch(address) is None:
            raise ValueError(f"{address!r} is neither an IPv6 address nor a host name")
        return
    from ipaddress import IPv6Address

    if "%" in address or "/" in address:
        raise ValueError(f"{address!r} is not an IPv6 address")
    IPv6Address(address)


@dataclass(frozen=True, slots=True)
class Bandwidth(Value):
    """``b=``: a proposed bandwidth.

    Known types: ``CT`` and ``AS`` in kilobits per second, ``TIAS`` in bits per second (:rfc:`3890`), ``RS`` and ``RR``
    for RTCP in bits per second (:rfc:`3556`). See :rfc:`8866#section-5.8`.
    """

    NAME: ClassVar[str] = "b"

    bwtype: str
    value: int

    def __post_init__(self) -> None:
        token(self.bwtype, "bwtype")
        in_range(self.value, "bandwidth", high=_UINT64)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        bwtype, _, number = value.partition(":")
        return cls(bwtype, digits(number, "bandwidth", high=_UINT64))

    def serialize(self) -> str:
        """Return type and value."""
        return f"{self.bwtype}:{self.value}"

    @property
    def bits_per_second(self) -> int | None:
        """The value in bits per second; None if the type is not known to us."""
        # [rfc8866:5.8/5]
        match self.bwtype:
            case "CT" | "AS":
                return self.value * 1000
            case "TIAS" | "RS" | "RR":
                return self.value
            case _:
                return None


@dataclass(frozen=True, slots=True)
class MediaField(Value):
    """``m=``: media type, port, transport protocol and formats of a media section.

    See :rfc:`8866#section-5.14`.
    """

    NAME: ClassVar[str] = "m"

    media_type: str
    """``audio``, ``video``, ``text``, ``application``, ``message``, ``image`` or another token."""
    port: int
    """0 to 65,535; 0 means rejected, or bundled with another section."""
    protocol: str
    formats: tuple[str, ...]  # [rfc3264:5.1/10] [rfc3264:6.1/13]
    """In order of preference; payload type numbers if the protocol is RTP."""
    port_count: int = 1
    """How many ports (for RTP: port pairs) in a row."""

    def __post_init__(self) -> None:
        token(self.media_type, "media type")
        in_range(self.port, "port", high=_PORT_MAX)
        in_range(self.port_count, "number of ports", low=1, high=_UINT64)
        for part in self.protocol.split("/"):
            token(part, "protocol")
        # [rfc3264:6/8] [rfc8841:4.3/1]
        if not self.formats:
            raise ValueError("no format")
        for fmt in self.formats:
            token(fmt, "format")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        media_type, ports, protocol, *formats = words(value, 4)
        port, slash, count = ports.partition("/")
        return cls(
            media_type,
            digits(port, "port", high=_PORT_MAX),
            protocol,
            tuple(formats),
            digits(count, "number of ports", low=1, high=_UINT64) if slash else 1,
        )

    def serialize(self) -> str:
        """Return media type, port, protocol and formats."""
        ports = str(self.port) if self.port_count == 1 else f"{self.port}/{self.port_count}"
        return f"{self.media_type} {ports} {self.protocol} {' '.join(self.formats)}"
