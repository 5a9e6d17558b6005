"""The allocation: how a client asks for it, and what it knows of it (:rfc:`8656#section-7`, :rfc:`8656#section-8`)."""

from dataclasses import replace
from typing import Self

from rtc_stun import Address, Attribute, ErrorCode, Message, RequestFailed, RequestSucceeded, UnknownAttributes
from rtc_turn.attributes import (
    TCP,
    UDP,
    AdditionalAddressFamily,
    AddressErrorCode,
    AddressFamily,
    DontFragment,
    EvenPort,
    Lifetime,
    MobilityTicket,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    XorRelayedAddress,
)
from rtc_turn.config import DEFAULT_LIFETIME, TurnConfig
from rtc_turn.dataclass import dataclass
from rtc_turn.events import Allocated

MOBILITY_FORBIDDEN = 405
MIN_REFRESH_INTERVAL = 5.0
"""Seconds: a server that grants next to nothing is not asked without pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateWish:
    """What is asked for with an Allocate request."""

    families: tuple[AddressFamily, ...]
    lifetime: int | None
    even_port: EvenPort | None
    reservation_token: bytes | None
    dont_fragment: bool
    mobility: bool
    tcp: bool

    @classmethod
    def of(cls, config: TurnConfig) -> Self:
        """Return what the caller wants."""
        reserve = config.reserve_next_port
        return cls(
            families=config.families,
            lifetime=config.lifetime,
            even_port=EvenPort(reserve) if config.even_port or reserve else None,
            reservation_token=config.reservation_token,
            dont_fragment=config.dont_fragment,
            mobility=config.mobility,
            tcp=config.tcp,
        )

    def attributes(self) -> list[Attribute]:
        """Return what the request carries."""
        # [rfc8656:7.1/4] [rfc6062:4.1/2] [rfc6062:4.1/3]
        attributes: list[Attribute] = [RequestedTransport(TCP if self.tcp else UDP)]
        if self.lifetime is not None:
            # [rfc8656:7.1/11] [rfc6062:4.1/5]
            attributes.append(Lifetime(self.lifetime))
        if self.reservation_token is not None:
            # [rfc8656:7.1/13]
            attributes.append(ReservationToken(self.reservation_token))
        elif len(self.families) > 1:
            # [rfc8656:7.1/7] [rfc8656:7.1/8] [rfc8656:18.11/1]
            attributes.append(AdditionalAddressFamily(AddressFamily.IPV6))
        elif self.families != (AddressFamily.IPV4,):
            # [rfc8656:7.1/5] IPv4 is what a server gives unasked, and what old ones understand.
            attributes.append(RequestedAddressFamily(self.families[0]))
        if self.even_port is not None:
            attributes.append(self.even_port)
        if self.dont_fragment:
            # [rfc8656:7.1/12]
            attributes.append(DontFragment())
        if self.mobility:
            attributes.append(MobilityTicket(b""))
        return attributes

    def without_what_is_refused(self, failure: RequestFailed) -> "AllocateWish | None":
        """Return what to ask for after a refusal; None if there is nothing to take back."""
        # [rfc8016:3.1.4/1]
        if failure.error_code == MOBILITY_FORBIDDEN and self.mobility:
            return replace(self, mobility=False)
        unknown = None if failure.response is None else failure.response.get(UnknownAttributes)
        # [rfc8656:7.4/7]
        if failure.error_code == 420 and self.dont_fragment and unknown and DontFragment.TYPE in unknown.types:
            return replace(self, dont_fragment=False)
        return None


@dataclass(slots=True, eq=False)
class Allocation:
    """What the server has granted."""

    relayed: tuple[Address, ...]
    mapped: Address
    families: frozenset[AddressFamily]
    dont_fragment: bool
    """Whether the server can send datagrams that no router may cut."""
    lifetime: int
    expires_at: float
    """Seconds."""
    refresh_at: float | None
    """Seconds; None while a refresh is under way."""
    reservation_token: bytes | None
    missing: AddressErrorCode | None
    ticket: bytes | None
    """What takes it to another address of ours; None if the server gave none."""

    def begins_refresh(self, now: float) -> bool:
        """Whether it is to be refreshed now; it is under way then."""
        is_due = self.refresh_at is not None and now >= self.refresh_at
        if is_due:
            self.refresh_at = None
        return is_due

    def refreshed(self, now: float, response: Message, margin: float) -> None:
        """The server prolonged it."""
        lifetime = response.get(Lifetime)
        self.lifetime = DEFAULT_LIFETIME if lifetime is None else lifetime.value
        self.expires_at = now + self.lifetime
        self.refresh_at = _refresh_time(now, self.lifetime, margin)

    def refresh_failed(self, now: float) -> None:
        """The server did not prolong it this time: it is still there, and is asked for again before it ends."""
        self.refresh_at = now + MIN_REFRESH_INTERVAL

    def next_timeout(self) -> float:
        """Return when something is due, in seconds."""
        return self.expires_at if self.refresh_at is None else min(self.refresh_at, self.expires_at)

    def announcement(self, server: Address) -> Allocated:
        """Return the event that tells of it."""
        is_mobile = self.ticket is not None
        return Allocated(
            self.relayed, self.mapped, server, self.lifetime, self.reservation_token, self.missing, is_mobile
        )


def read_allocation(wish: AllocateWish, success: RequestSucceeded, now: float, margin: float) -> Allocation | None:
    """Return what a success response grants; None if it is of no use."""
    response = success.response
    relayed = tuple(each.address for each in response.get_all(XorRelayedAddress))
    families = frozenset(family_of(address) for address in relayed)
    # [rfc8656:7.3/1] What a reservation kept may be of either family.
    wanted = frozenset(AddressFamily) if wish.reservation_token is not None else frozenset(wish.families)
    if not relayed or not families <= wanted or len(families) < len(relayed) or success.mapped_address is None:
        return None
    lifetime = response.get(Lifetime)
    seconds = DEFAULT_LIFETIME if lifetime is None else lifetime.value
    token = response.get(ReservationToken)
    return Allocation(
        relayed=relayed,
        mapped=success.mapped_address,
        families=families,
        dont_fragment=wish.dont_fragment,
        lifetime=seconds,
        expires_at=now + seconds,
        refresh_at=_refresh_time(now, seconds, margin),
        reservation_token=None if token is None else token.value,
        # [rfc8656:7.3/4] [rfc8656:7.3/5] Told, and never asked for again by this client.
        missing=response.get(AddressErrorCode),
        ticket=ticket_of(response),
    )


def ticket_of(response: Message) -> bytes | None:
    """Return the ticket that a response hands out."""
    ticket = response.get(MobilityTicket)
    return None if ticket is None or not ticket.value else ticket.value


def family_of(address: Address) -> AddressFamily:
    """Return the family of an address."""
    return AddressFamily.IPV6 if address.is_ipv6 else AddressFamily.IPV4


def phrase_of(failure: RequestFailed) -> str:
    """Return what a failed request has to say to a person."""
    error = None if failure.response is None else failure.response.get(ErrorCode)
    return failure.reason.value if error is None or not error.reason else error.reason


def _refresh_time(now: float, lifetime: float, margin: float) -> float:
    # A minute before the end, as is suggested; half-way if the server grants little.
    return now + max(MIN_REFRESH_INTERVAL, lifetime - margin if lifetime > 2 * margin else lifetime / 2)
