"""The two states that an agent shows, and the only place where they change."""

from rtc_ice.errors import StateError
from rtc_ice.events import ConnectionStateChanged, GatheringStateChanged
from rtc_ice.state import CONNECTION_STEPS, GATHERING_STEPS, ConnectionState, GatheringState


class Status:
    """Where connection and gathering stand."""

    __slots__ = ("connection", "gathering")

    def __init__(self) -> None:
        self.connection = ConnectionState.NEW
        self.gathering = GatheringState.NEW

    def step_connection(self, state: ConnectionState) -> ConnectionStateChanged:
        """Take a step of the table and return its event.

        Raises:
            StateError: The table has no such step.
        """
        if state not in CONNECTION_STEPS[self.connection]:
            raise StateError(f"no step leads from {self.connection} to {state}")
        self.connection = state
        return ConnectionStateChanged(state)

    def step_gathering(self, state: GatheringState, ufrag: str) -> GatheringStateChanged:
        """Take a step of the table and return its event.

        Raises:
            StateError: The table has no such step.
        """
        if state not in GATHERING_STEPS[self.gathering]:
            raise StateError(f"no step leads from {self.gathering} to {state}")
        self.gathering = state
        return GatheringStateChanged(state, ufrag)
