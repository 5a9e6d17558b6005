"""Which ICE restarts are still to come: `restart_ice` of webrtc-pc, and "needs-ice-restart" (RFC 8829 section 3.5.1)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from rtc_ice import Credentials

_NONE: frozenset[Credentials] = frozenset()


class RestartWishes:
    """The credentials that shall be replaced. A wish is fulfilled once none of its credentials is in use."""

    __slots__ = ("asked", "outdated")

    def __init__(self) -> None:
        self.asked = _NONE
        """In use when the application asked for a restart: it needs an offer for that."""
        self.outdated = _NONE
        """In use when servers or policy changed: an offer that is made anyway replaces them as well."""

    def __bool__(self) -> bool:
        return bool(self.asked or self.outdated)

    def state(self) -> tuple[frozenset[Credentials], frozenset[Credentials]]:
        """Return a value that is equal as long as the wishes are the same."""
        return self.asked, self.outdated

    def settle(self, in_use: AbstractSet[Credentials]) -> None:
        """Forget what is fulfilled: a final answer was applied.

        Args:
            in_use: Our credentials from now on.
        """
        if self.asked.isdisjoint(in_use):
            self.asked = _NONE
        if self.outdated.isdisjoint(in_use):
            self.outdated = _NONE
