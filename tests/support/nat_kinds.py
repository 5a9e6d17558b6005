"""The common kinds of network that people are behind, and which path two peers get: the table behind the guide on NATs.

The same table is held against NATs of the kernel (tests/interop/nat) and against simulated ones (tests/simulation).
"""

from enum import Enum
from typing import Final, NamedTuple

from .nat import Behaviour, Nat


class Kind(Enum):
    """A kind of network, from the most open to the most closed."""

    OPEN = "open"
    """A public address."""
    FULL_CONE = "full-cone"
    RESTRICTED = "restricted"
    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    UDP_BLOCKED = "udp-blocked"

    def nat(self, public_host: str) -> Nat | None:
        """A simulated translator of this kind; None where there is none."""
        if self is Kind.OPEN:
            return None
        mapping, filtering = _BEHAVIOUR[self]
        return Nat(public_host, mapping=mapping, filtering=filtering, udp_blocked=self is Kind.UDP_BLOCKED)


_INDEPENDENT, _BY_ADDRESS, _BY_PORT = Behaviour
_BEHAVIOUR: Final = {
    Kind.FULL_CONE: (_INDEPENDENT, _INDEPENDENT),
    Kind.RESTRICTED: (_INDEPENDENT, _BY_ADDRESS),
    Kind.PORT_RESTRICTED: (_INDEPENDENT, _BY_PORT),
    Kind.SYMMETRIC: (_BY_PORT, _BY_PORT),
    Kind.UDP_BLOCKED: (_INDEPENDENT, _BY_PORT),
}
_STRICT: Final = frozenset({Kind.PORT_RESTRICTED, Kind.SYMMETRIC})
_DIRECT_TYPE: Final = {
    Kind.OPEN: "host",
    Kind.FULL_CONE: "srflx",
    Kind.RESTRICTED: "srflx",
    Kind.PORT_RESTRICTED: "srflx",
    # Its address towards the peer is not the one that the STUN server saw: only checks discover it.
    Kind.SYMMETRIC: "prflx",
    Kind.UDP_BLOCKED: "none",
}


class PairTypes(NamedTuple):
    """The types of the two candidates of the selected pair, of which the second belongs to the second peer."""

    near: str
    far: str

    @property
    def is_direct(self) -> bool:
        """Whether no relay is in between."""
        return "relay" not in self

    def allows(self, seen: "PairTypes") -> bool:
        """Tell whether a pair that was selected is the one that was expected.

        An address that a STUN server tells may be learned from a check first, and is peer-reflexive then.
        """
        learned = {"srflx": "prflx"}
        return all(one in (wanted, learned.get(wanted)) for one, wanted in zip(seen, self, strict=True))

    @property
    def reversed(self) -> "PairTypes":
        """The same, as the second peer sees it."""
        return PairTypes(self.far, self.near)


def connects_directly(near: Kind, far: Kind) -> bool:
    """Tell whether two peers with a STUN server find a path without a relay."""
    if Kind.UDP_BLOCKED in (near, far):
        return False
    # A symmetric NAT writes from a port that nobody could have been told; a strict filter does not let it in.
    return not (Kind.SYMMETRIC in (near, far) and {near, far} <= _STRICT)


def direct_path(near: Kind, far: Kind) -> PairTypes:
    """The path of two peers that connect directly."""
    return PairTypes(_DIRECT_TYPE[near], _DIRECT_TYPE[far])


def relayed_paths(near: Kind, far: Kind) -> set[PairTypes]:
    """The paths that two peers may use who do not connect directly: as a rule, a relay of one of them."""
    direct = direct_path(near, far)
    by_near, by_far, by_both = (
        PairTypes("relay", direct.far),
        PairTypes(direct.near, "relay"),
        PairTypes("relay", "relay"),
    )
    match (near, far):
        case (Kind.UDP_BLOCKED, Kind.UDP_BLOCKED):
            return {by_both}
        case (Kind.UDP_BLOCKED, _):
            return {by_near}
        case (_, Kind.UDP_BLOCKED):
            return {by_far}
        case (Kind.SYMMETRIC, Kind.SYMMETRIC):
            # The pair of both relays may be found half a second before a better one, and then it stays.
            return {by_near, by_far, by_both}
        case _:
            return {by_near, by_far}


def table() -> list[str]:
    """The matrix as a table in Markdown, for the guide on NATs."""
    lines = [f"| | {' | '.join(far.value for far in Kind)} |", f"|---|{'---|' * len(Kind)}"]
    for near in Kind:
        cells = [" ↔ ".join(direct_path(near, far)) if connects_directly(near, far) else "**relay**" for far in Kind]
        lines.append(f"| **{near.value}** | {' | '.join(cells)} |")
    return lines
