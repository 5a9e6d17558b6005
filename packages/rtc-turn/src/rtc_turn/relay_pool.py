"""The relayed addresses of a server: those being opened, and those kept for later (:rfc:`8656#section-7.2`)."""

from collections.abc import Callable
from dataclasses import field
from typing import Final, NamedTuple

from rtc_stun import Address
from rtc_turn.allocation import family_of
from rtc_turn.attributes import AddressFamily
from rtc_turn.dataclass import dataclass
from rtc_turn.errors import StateError
from rtc_turn.lease import NEVER
from rtc_turn.server_allocation import ClientPath
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_events import OpenRelay

TOKEN_LENGTH: Final = 8


@dataclass(slots=True, eq=False)
class RelayWish:
    """What an allocation needs, and how much of it is there."""

    families: list[AddressFamily] = field(default_factory=list)
    even: bool = False
    reserve: bool = False
    tcp: bool = False
    token: bytes | None = None
    dont_fragment: bool = False
    """Whether the client wants to be able to have its datagrams sent whole."""
    opened: dict[AddressFamily, Address] = field(default_factory=dict)
    failed: dict[AddressFamily, int] = field(default_factory=dict)
    """Error codes of those that will not be there."""
    reserved: Address | None = None


@dataclass(slots=True)
class _Wanted:
    wish: RelayWish
    path: ClientPath
    family: AddressFamily
    until: float


class _Reserved(NamedTuple):
    relayed: Address
    until: float
    account: str
    """Who reserved it."""


class RelayPool:
    """What was asked of the caller and not yet answered, and the ports that wait for their second allocation.

    Args:
        config: That of the server.
        rng: For reservation tokens.
    """

    def __init__(self, config: TurnServerConfig, rng: Callable[[int], bytes]) -> None:
        self._config = config
        self._rng = rng
        self._next_id = 0
        self._wanted: dict[int, _Wanted] = {}
        self._reserved: dict[bytes, _Reserved] = {}

    def open(self, wish: RelayWish, path: ClientPath, now: float) -> list[OpenRelay]:
        """Return what the caller is to open for a wish."""
        orders = []
        for family in wish.families:
            self._wanted[self._next_id] = _Wanted(wish, path, family, now + self._config.relay_timeout)
            orders.append(OpenRelay(self._next_id, family, wish.even, wish.reserve, path.local, wish.tcp))
            self._next_id += 1
        return orders

    def check(self, relay_id: int, relayed: Address) -> None:
        """Raise if an address is no answer to a wish.

        Raises:
            ValueError: It is of another family.
        """
        wanted = self._wanted.get(relay_id)
        if wanted is not None and family_of(relayed) is not wanted.family:
            raise ValueError(f"{relayed} is not of the family that was asked for")

    def take(self, relay_id: int) -> tuple[RelayWish, ClientPath, AddressFamily]:
        """Return what a relay was for.

        Raises:
            StateError: It was never asked for, or was answered before.
        """
        wanted = self._wanted.pop(relay_id, None)
        if wanted is None:
            raise StateError(f"relay {relay_id} is not being opened")
        return wanted.wish, wanted.path, wanted.family

    @property
    def reserved(self) -> int:
        """How many addresses are kept for later allocations."""
        return len(self._reserved)

    def reserved_by(self, account: str) -> int:
        """Return how many of them are kept for one account."""
        return sum(each.account == account for each in self._reserved.values())

    def reserve(self, relayed: Address, account: str, now: float) -> bytes:
        """Keep an address for a later allocation; return the token that names it."""
        token = self._rng(TOKEN_LENGTH)
        # [rfc8656:7.2/10]
        self._reserved[token] = _Reserved(relayed, now + self._config.reservation_lifetime, account)
        return token

    def find(self, token: bytes, now: float) -> Address | None:
        """Return the address that a token names, if it is still kept."""
        kept = self._reserved.get(token)
        return None if kept is None or kept.until <= now else kept.relayed

    def redeem(self, token: bytes) -> None:
        """Keep an address no longer: it is in use."""
        del self._reserved[token]

    def overdue(self, now: float) -> list[ClientPath]:
        """Return whose relays the caller has not opened in time; its late answers are still understood."""
        overdue = [wanted for wanted in self._wanted.values() if wanted.until <= now]
        for wanted in overdue:
            wanted.until = NEVER
        return list(dict.fromkeys(wanted.path for wanted in overdue))

    def holds(self, relayed: Address) -> bool:
        """Whether an address is kept for a later allocation."""
        return any(kept.relayed == relayed for kept in self._reserved.values())

    def expired_reservations(self, now: float) -> list[Address]:
        """Forget what nobody came for, and return it."""
        tokens = [token for token, kept in self._reserved.items() if kept.until <= now]
        return [self._reserved.pop(token).relayed for token in tokens]

    def next_timeout(self) -> float | None:
        """Return when something ends, in seconds."""
        times = [wanted.until for wanted in self._wanted.values()] + [kept.until for kept in self._reserved.values()]
        soonest = min(times, default=NEVER)
        return None if soonest == NEVER else soonest

    def close(self) -> list[Address]:
        """Forget everything; return what is to be closed."""
        reserved = [kept.relayed for kept in self._reserved.values()]
        self._reserved.clear()
        return reserved
