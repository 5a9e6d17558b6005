"""The states that the outside sees, and every legal step between them.

A pair's states and inputs are those of :rfc:`8445#section-6.1.2.6`, figure 6; the steps that the figure leaves out come
from the sections named below. The states of the connection and of gathering are the W3C's (RTCIceTransportState,
RTCIceGatheringState): they are derived from the checklists, so their tables list the legal steps without an input.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class PairState(Enum):
    """Where a candidate pair is in its life (:rfc:`8445#section-6.1.2.6`)."""

    FROZEN = "frozen"
    WAITING = "waiting"
    IN_PROGRESS = "in-progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PairInput(Enum):
    """What happens to a candidate pair."""

    UNFREEZE = "unfreeze"
    PERFORM = "perform"
    SUCCEED = "succeed"
    FAIL = "fail"
    TRIGGER = "trigger"


PAIR_TRANSITIONS: Final[Mapping[tuple[PairState, PairInput], PairState]] = MappingProxyType(
    {
        (PairState.FROZEN, PairInput.UNFREEZE): PairState.WAITING,
        (PairState.FROZEN, PairInput.TRIGGER): PairState.WAITING,
        # Another pair's check can prove this one: the mapped address decides which pair is valid (section 7.2.5.3.2).
        (PairState.FROZEN, PairInput.SUCCEED): PairState.SUCCEEDED,
        (PairState.WAITING, PairInput.PERFORM): PairState.IN_PROGRESS,
        (PairState.WAITING, PairInput.TRIGGER): PairState.WAITING,
        # The check that a triggered one replaced is still answered (section 7.3.1.4).
        (PairState.WAITING, PairInput.SUCCEED): PairState.SUCCEEDED,
        (PairState.WAITING, PairInput.FAIL): PairState.FAILED,
        (PairState.IN_PROGRESS, PairInput.SUCCEED): PairState.SUCCEEDED,
        (PairState.IN_PROGRESS, PairInput.FAIL): PairState.FAILED,
        (PairState.IN_PROGRESS, PairInput.TRIGGER): PairState.WAITING,
        # A nomination repeats the check of a pair that succeeded (section 8.1.1); it stays valid meanwhile.
        (PairState.SUCCEEDED, PairInput.PERFORM): PairState.SUCCEEDED,
        (PairState.SUCCEEDED, PairInput.SUCCEED): PairState.SUCCEEDED,
        (PairState.SUCCEEDED, PairInput.FAIL): PairState.FAILED,
        (PairState.FAILED, PairInput.TRIGGER): PairState.WAITING,
        (PairState.FAILED, PairInput.SUCCEED): PairState.SUCCEEDED,
        (PairState.FAILED, PairInput.FAIL): PairState.FAILED,
    }
)


class ChecklistState(Enum):
    """Where the checks of one data stream are (:rfc:`8445#section-6.1.2.1`)."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class ConnectionState(Enum):
    """What the agent as a whole has reached."""

    NEW = "new"
    """Gathering, or waiting for what the peer signals."""
    CHECKING = "checking"
    """Checks run; no usable pair for every component yet."""
    CONNECTED = "connected"
    """Data may flow; better pairs may still turn up."""
    COMPLETED = "completed"
    """Pairs are selected and neither side will add candidates."""
    DISCONNECTED = "disconnected"
    """The peer was not heard from for a while; it may come back by itself."""
    FAILED = "failed"
    """Nothing works, or consent is lost. A restart leads out of it, or a check of the peer that arrives after all."""
    CLOSED = "closed"


CONNECTION_STEPS: Final[Mapping[ConnectionState, frozenset[ConnectionState]]] = MappingProxyType(
    {
        ConnectionState.NEW: frozenset(
            {
                ConnectionState.CHECKING,
                ConnectionState.CONNECTED,
                ConnectionState.COMPLETED,
                ConnectionState.FAILED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.CHECKING: frozenset(
            {
                ConnectionState.CONNECTED,
                ConnectionState.COMPLETED,
                ConnectionState.DISCONNECTED,
                ConnectionState.FAILED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.CONNECTED: frozenset(
            {
                ConnectionState.CHECKING,
                ConnectionState.COMPLETED,
                ConnectionState.DISCONNECTED,
                ConnectionState.FAILED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.COMPLETED: frozenset(
            {
                ConnectionState.CHECKING,
                ConnectionState.CONNECTED,
                ConnectionState.DISCONNECTED,
                ConnectionState.FAILED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.DISCONNECTED: frozenset(
            {
                ConnectionState.CHECKING,
                ConnectionState.CONNECTED,
                ConnectionState.COMPLETED,
                ConnectionState.FAILED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.FAILED: frozenset(
            {
                ConnectionState.CHECKING,
                ConnectionState.CONNECTED,
                ConnectionState.COMPLETED,
                # A check of the peer revives a checklist whose valid pair has been silent for a while.
                ConnectionState.DISCONNECTED,
                ConnectionState.CLOSED,
            }
        ),
        ConnectionState.CLOSED: frozenset(),
    }
)


class GatheringState(Enum):
    """How far the local candidates are known."""

    NEW = "new"
    """No local address was added yet."""
    GATHERING = "gathering"
    """Servers are being asked, or more local addresses may come."""
    COMPLETE = "complete"
    """This session gets no further local candidates."""


GATHERING_STEPS: Final[Mapping[GatheringState, frozenset[GatheringState]]] = MappingProxyType(
    {
        GatheringState.NEW: frozenset({GatheringState.GATHERING, GatheringState.COMPLETE}),
        GatheringState.GATHERING: frozenset({GatheringState.COMPLETE}),
        # A restart, or an address added after all were thought to be known and before a pair was chosen.
        GatheringState.COMPLETE: frozenset({GatheringState.GATHERING}),
    }
)
