"""What senders, receivers and transceivers ask of their connection."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rtc_peer import MediaOptions, RtpTransceiver

    from .codecs import CodecFactory
    from .stats import RTCStatsReport
    from .transports import RTCDtlsTransport


class MediaServices(Protocol):
    """The connection, as its media see it."""

    @property
    def closed(self) -> bool:
        """Whether the connection is closed."""

    @property
    def connected(self) -> bool:
        """Whether `connectionState` is "connected"."""

    @property
    def now(self) -> float:
        """The time to hand to the machine; in the connection's thread alone."""

    @property
    def factory(self) -> "CodecFactory | None":
        """The codec package."""

    @property
    def options(self) -> "MediaOptions":
        """What can be negotiated."""

    def wake(self) -> None:
        """Flush soon: the machine was given something."""

    def check_thread(self) -> None:
        """Refuse a call from another thread with `RuntimeError`."""

    def transport_of(self, handle: "RtpTransceiver") -> "RTCDtlsTransport | None":
        """What carries the media of a transceiver."""

    def senders_changed(self) -> None:
        """A track was exchanged, or may flow again or no longer."""

    async def stats_of(self, selector: object) -> "RTCStatsReport":
        """What was counted about a sender or receiver."""
