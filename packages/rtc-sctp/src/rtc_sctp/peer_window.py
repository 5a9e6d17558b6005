"""The peer's receive window, and how a peer that has no room is probed. See :rfc:`9260#section-6.1`."""

from .context import Context
from .rto import RtoEstimator
from .timers import Timer


class PeerWindow:
    """What the peer said that it has room for; whatever is in flight counts against it."""

    __slots__ = ("_context", "_interval", "_refusals", "_rto", "probe_due", "size")

    def __init__(self, context: Context, rto: RtoEstimator, size: int) -> None:
        self._context = context
        self._rto = rto
        self.size = size
        """Bytes, as of the last SACK."""

        self.probe_due = False
        """Whether one chunk may leave although there is no room for it."""

        self._interval = 0.0
        """Seconds between the last two probes."""

        self._refusals = 0

    def told(self, size: int, needed: int) -> None:
        """Take what a SACK says of the window; with less than ``needed`` bytes the peer has no room."""
        # [rfc9260:6.2.1/1]
        self.size = size
        if size >= needed:
            self._interval = 0.0
            self._context.timers.stop(Timer.ZERO_WINDOW)
        else:
            self._refusals += 1

    @property
    def is_refused(self) -> bool:
        """Whether the peer said that it has no room since `listen_anew`: it is alive."""
        return self._refusals > 0

    def listen_anew(self) -> None:
        """Count from now on what the peer says while T3-rtx runs."""
        self._refusals = 0

    def wait(self) -> None:
        """Probe later, the longer it takes the more rarely, unless the window opens before."""
        # [rfc9260:6.1/3] [rfc9260:6.1/4] [rfc9260:6.1/6]
        rto = self._rto.rto
        self._interval = rto if self._interval == 0 else min(self._interval * 2, self._context.config.rto_max)
        self._context.timers.start(Timer.ZERO_WINDOW, self._context.now + self._interval)

    def probe(self) -> None:
        """Let one chunk leave: the timer expired."""
        # [rfc9260:6.1/2] [rfc9260:6.1/7] The congestion window is checked, and grows, as for any other chunk.
        self.probe_due = True
