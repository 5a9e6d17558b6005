"""What senders, receivers and transceivers ask of their connection."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rtc_peer import MediaOptions, RtpTransceiver

    from .codecs import CodecFactory
    from .stats import RTCStatsReport
    from .transports import RTCDtlsTransport


class StatsSelector(Protocol):
    """A sender or receiver, as statistics ask for it."""

    @property
    def handle(self) -> "RtpTransceiver":
        """The machine's transceiver."""

    @property
    def sends(self) -> bool:
        """Which of both ends of the transceiver it is."""


class MediaServices(Protocol):
    """The connection, as its media see it."""

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""

    @property
    def now(self) -> float:
        """The time to hand to the machine."""

    @property
    def factory(self) -> "CodecFactory | None":
        """The codec package."""

    @property
    def options(self) -> "MediaOptions":
        """What can be negotiated."""

    def wake(self) -> None:
        """Flush soon: the machine was given something."""

    def flush(self) -> None:
        """Flush now: the machine was given something, and more will not come in this turn of the event loop."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back in the next turn of the event loop."""

    def check_thread(self) -> None:
        """Refuse a call from another thread with `RuntimeError`."""

    def transport_of(self, handle: "RtpTransceiver") -> "RTCDtlsTransport | None":
        """What carries the media of a transceiver."""

    def is_connected(self, handle: "RtpTransceiver") -> bool:
        """Whether media of a transceiver can flow."""

    async def stats_of(self, selector: StatsSelector) -> "RTCStatsReport":
        """What was counted about a sender or receiver."""
