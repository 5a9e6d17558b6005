"""What the parts of an association share: settings, the clock's last value, state, and where output gathers."""

from collections.abc import Callable, Mapping

from .config import AssociationConfig
from .events import Event
from .state import MAY_RECEIVE, MAY_SEND, AssociationState, Input, next_state
from .stats import AssociationStats
from .timers import Timers

Trace = Callable[[float, str, Mapping[str, object]], None]
"""Takes the time, the name of what happened such as ``sctp:state_changed``, and plain data about it."""


class ViolationError(Exception):
    """The peer broke a rule that ends the association. Never leaves the package: the association turns it into an ABORT."""

    def __init__(self, reason: str, section: str, cause: bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.section = section
        self.cause = cause
        """The serialized error cause for the ABORT."""


class PeerGoneError(Exception):
    """The peer no longer answers. Never leaves the package: the association turns it into `AssociationFailed`."""

    def __init__(self, reason: str, section: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.section = section


class Context:
    """One per association; every part of it holds a reference."""

    __slots__ = (
        "config",
        "control",
        "dirty",
        "error_count",
        "events",
        "may_receive",
        "may_send",
        "now",
        "packets",
        "rng",
        "state",
        "stats",
        "timers",
        "trace",
    )

    def __init__(self, config: AssociationConfig, rng: Callable[[int], bytes], trace: Trace | None) -> None:
        self.config = config
        self.rng = rng
        self.trace = trace
        self.now = 0.0
        """The latest time that was passed in."""

        self.state = AssociationState.CLOSED
        self.may_receive = False
        """Whether DATA are taken in this state."""

        self.may_send = False
        """Whether DATA leave in this state."""

        self.events: list[Event] = []
        self.stats = AssociationStats()
        self.timers = Timers()
        self.packets: list[bytes] = []
        """Whole packets that wait: those whose chunk must travel alone or under another tag."""

        self.control: list[bytes] = []
        """Serialized control chunks that wait to be bundled."""

        self.error_count = 0
        """Retransmissions in a row to which nothing was answered."""

        self.dirty = False
        """Whether something happened since the last flush, so that there may be something to send."""

    def step(self, happened: Input) -> None:
        """Change the state by one legal step; nothing else assigns it."""
        before = self.state
        self.state = next_state(before, happened)
        # [rfc9260:6/1] [rfc9260:6/2]
        self.may_receive = self.state in MAY_RECEIVE
        self.may_send = self.state in MAY_SEND
        if self.trace is not None and self.state is not before:
            self.trace(self.now, "sctp:state_changed", {"old": before.value, "new": self.state.value})

    def drop(self, reason: str) -> None:
        """Count and trace something of the peer's that is not taken."""
        self.stats.drop(reason)
        if self.trace is not None:
            self.trace(self.now, "sctp:packet_dropped", {"reason": reason})

    def count_error(self) -> None:
        """Count one expiry without an answer.

        Raises:
            PeerGoneError: That was one too many.
        """
        # [rfc9260:8.1/1] [rfc8261:6.1/2] One path: its limit is the association's.
        self.error_count += 1
        # [rfc9260:8.1/3]
        limit = self.config.association_max_retransmissions
        if limit is not None and self.error_count > limit:
            raise PeerGoneError("the peer does not answer", "rfc9260:8.1")

    def random_32(self) -> int:
        """A random number of 32 bits, 0 excluded."""
        # [rfc9260:5.1/2] [rfc9260:5.3.1/1]
        while not (number := int.from_bytes(self.rng(4), "big")):
            pass
        return number
