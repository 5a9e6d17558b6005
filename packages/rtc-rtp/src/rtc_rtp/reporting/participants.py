"""Who of the other end takes part, by SSRC. See :rfc:`3550#section-6.2.1`."""

from collections.abc import KeysView

from rtc_rtp.dataclass import dataclass


@dataclass(slots=True)
class Participant:
    """One SSRC of the peer that RTCP told of."""

    heard_at: float
    cname: str | None = None
    """Canonical name; the same for all SSRCs of one end."""


class Participants:
    """The SSRCs that RTCP packets of the peer came from."""

    __slots__ = ("_known", "_max_count")

    def __init__(self, max_count: int) -> None:
        self._known: dict[int, Participant] = {}
        self._max_count = max_count

    def ssrcs(self) -> KeysView[int]:
        """The SSRCs."""
        return self._known.keys()

    def hear(self, ssrc: int, now: float) -> Participant | None:
        """Note a sign of life; ``None`` if there are too many."""
        found = self._known.get(ssrc)
        # [rfc3550:6.2.1/1]
        if found is None:
            if len(self._known) >= self._max_count:
                return None
            found = self._known[ssrc] = Participant(now)
        found.heard_at = now
        return found

    def leave(self, ssrc: int) -> None:
        """Forget an SSRC: it said goodbye, or was silent for too long."""
        # [rfc3550:6.2.1/3]
        self._known.pop(ssrc, None)

    def cname(self, ssrc: int) -> str | None:
        """Return the canonical name that was told for an SSRC."""
        found = self._known.get(ssrc)
        return None if found is None else found.cname

    def expire(self, oldest: float) -> None:
        """Forget those not heard of since a time."""
        for ssrc in [ssrc for ssrc, one in self._known.items() if one.heard_at < oldest]:
            del self._known[ssrc]
