"""One allocation of a TURN server, and the candidates that come of it. See :rfc:`8445#section-5.1.1.2`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtc_ice.candidate import RELAYED, SERVER_REFLEXIVE, Candidate
from rtc_ice.config import MAX_STUN_SERVERS
from rtc_ice.foundation import Foundations
from rtc_ice.local_address import LocalAddress
from rtc_ice.pair import LocalCandidate
from rtc_ice.priority import candidate_priority
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address, Datagram, MarkedAddress

if TYPE_CHECKING:
    from rtc_turn import TurnClient

_TRANSPORT_RANKS: Final = {"udp": 0, "dtls": 1, "tcp": 2, "tls": 3}
_RANK_STEP: Final = 8192
"""Between the local preferences of two transports to a server there is room for the addresses of a host."""
_HIDDEN: Final = (Address("0.0.0.0", 9), Address("::", 9))  # noqa: S104 - nothing is bound to it


class Relay:
    """The allocation of one local address on one server: waiting, asked for, or in use.

    Args:
        local: Where it is asked from.
        server: Whom to ask.
        place: Of the server among those of the configuration.
        client: Speaks to the server.
        tries: How many addresses the server knew already as those of other allocations.
    """

    __slots__ = (
        "bound",
        "client",
        "deadline",
        "has_own_socket",
        "is_answered",
        "is_begun",
        "is_leaving",
        "is_open",
        "local",
        "mapped",
        "marked",
        "preference",
        "relayed",
        "server",
        "tries",
    )

    def __init__(
        self,
        local: LocalAddress,
        server: TurnServer,
        place: int,
        client: TurnClient,
        *,
        has_own_socket: bool,
        tries: int = 0,
    ) -> None:
        self.local = local
        self.server = server
        self.preference = _preference(local, server, place)
        """Local preference of its candidates."""
        self.client = client
        self.tries = tries
        self.has_own_socket = has_own_socket
        """Whether its datagrams come and go by a socket of its own, as a stream would."""
        self.is_begun = False
        self.is_leaving = False
        """Whether nobody wants it any more: what the server may have allocated is given back as soon as it tells."""
        self.is_answered = False
        """Whether the server has said anything."""
        self.is_open = False
        """Whether its own socket is there and, over DTLS, connected; if it is to have one."""
        self.deadline: float | None = None
        """Until when an answer is waited for."""
        self.relayed: dict[bool, Address] = {}
        """The relayed addresses, by whether they are IPv6."""
        self.mapped: Address | None = None
        self.bound: set[Address] = set()
        """Peers that data goes to: these have channels."""
        self.marked: dict[int, MarkedAddress] = {}
        """Our address by the code point that data has, beside 0."""

    @property
    def is_pending(self) -> bool:
        """Whether it is not known yet what will come of it."""
        return not self.relayed

    @property
    def is_shared(self) -> bool:
        """Whether its datagrams come and go by the socket of the local address."""
        return self.server.transport == "udp" and not self.has_own_socket

    @property
    def path(self) -> tuple[Address, Address]:
        """Where messages of the server arrive, and from where."""
        return self.local.address, self.client.server

    def datagrams_marked(self, dscp: int, now: float) -> list[Datagram]:
        """Drain what waits for the server, to leave with the code point of the data in it; a stream and a socket of its own have none."""
        if not self.is_shared:
            return []
        local = self.marked.get(dscp)
        if local is None:
            local = self.marked[dscp] = MarkedAddress(*self.local.address, dscp)
        datagrams = self.client.datagrams_to_send(now)
        for datagram in datagrams:
            datagram.local = local
        return datagrams

    def candidates(self, foundations: Foundations, *, hides: bool) -> list[LocalCandidate]:
        """Make the candidates: the relayed ones, and the reflexive one that the server's answer told.

        Args:
            foundations: Numbers the origins of candidates.
            hides: Whether nothing but relays may be seen.
        """
        local, server = self.local, self.server
        found = []
        for address in self.relayed.values():
            # [rfc8839:5.1/6] [rfc8839:5.1/8] [rfc8839:9.1/1] Who lets nothing but relays be seen does not tell where we are.
            related = _HIDDEN[address.is_ipv6] if hides or self.mapped is None else self.mapped
            foundation = foundations.get(RELAYED, address, server.address, server.transport)
            candidate = self._candidate(RELAYED, foundation, address, related)
            found.append(LocalCandidate(candidate, address, local.stream, self.preference, server.address, server))
        if self.is_shared and self.mapped is not None and not hides:
            foundation = foundations.get(SERVER_REFLEXIVE, local.address, server.address)
            reflexive = self._candidate(SERVER_REFLEXIVE, foundation, self.mapped, local.related_address)
            found.append(
                LocalCandidate(reflexive, local.address, local.stream, self.preference, server.address, server)
            )
        return found

    def _candidate(self, candidate_type: str, foundation: str, address: Address, related: Address) -> Candidate:
        component_id = self.local.component_id
        return Candidate(
            foundation=foundation,
            component_id=component_id,
            transport="udp",
            priority=candidate_priority(candidate_type, self.preference, component_id),
            address=address,
            type=candidate_type,
            related_address=related,
        )


def _preference(local: LocalAddress, server: TurnServer, place: int) -> int:
    """Return the local preference of a relay's candidates: datagrams before streams, then by address, then by server."""
    # [rfc8445:5.1.2.2/3] [rfc8445:5.1.2.1/7]
    below = MAX_STUN_SERVERS + place + _RANK_STEP * _TRANSPORT_RANKS[server.transport]
    return max(0, local.local_preference - below)
