"""Requests as they wait for an answer, and the answers (:rfc:`8656#section-19`, :rfc:`6062#section-6.3`, :rfc:`8016#section-3.4`)."""

from typing import Final

from rtc_stun import Attribute, Authenticated, Message
from rtc_turn.dataclass import dataclass
from rtc_turn.server_allocation import ClientPath

TRY_ALTERNATE: Final = 300
BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
MOBILITY_FORBIDDEN: Final = 405
UNKNOWN_ATTRIBUTE: Final = 420
ALLOCATION_MISMATCH: Final = 437
FAMILY_NOT_SUPPORTED: Final = 440
WRONG_CREDENTIALS: Final = 441
UNSUPPORTED_TRANSPORT: Final = 442
FAMILY_MISMATCH: Final = 443
CONNECTION_EXISTS: Final = 446
CONNECTION_FAILED: Final = 447
QUOTA_REACHED: Final = 486
INSUFFICIENT_CAPACITY: Final = 508

REASONS: Final = {
    FORBIDDEN: "Forbidden",
    MOBILITY_FORBIDDEN: "Mobility Forbidden",
    ALLOCATION_MISMATCH: "Allocation Mismatch",
    FAMILY_NOT_SUPPORTED: "Address Family not Supported",
    WRONG_CREDENTIALS: "Wrong Credentials",
    UNSUPPORTED_TRANSPORT: "Unsupported Transport Protocol",
    FAMILY_MISMATCH: "Peer Address Family Mismatch",
    CONNECTION_EXISTS: "Connection Already Exists",
    CONNECTION_FAILED: "Connection Timeout or Failure",
    QUOTA_REACHED: "Allocation Quota Reached",
    INSUFFICIENT_CAPACITY: "Insufficient Capacity",
}
"""Phrases of the codes that TURN and its extensions add (:rfc:`8656#section-19`)."""


@dataclass(slots=True)
class Reply:
    """What a request is answered."""

    code: int = 0
    """Error code; 0 for success."""
    attributes: tuple[Attribute, ...] = ()


@dataclass(slots=True, eq=False)
class Asked:
    """A request, from whom, and by which way."""

    request: Message
    path: ClientPath
    user: Authenticated

    @property
    def account(self) -> str:
        """Whose quota it counts for."""
        return self.user.account or self.user.username
