"""RtpReceiver: what arrives through a transceiver (RFC 8829 section 3.4.3, section 5.3 of webrtc-pc)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.errors import ArgumentError
from rtc_rtp.parameters import JitterSettings

if TYPE_CHECKING:
    from rtc_peer.media_services import MediaServices
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_rtp import Source
    from rtc_rtp.parameters import Delivery, ReceiveParameters


class RtpReceiver:
    """What arrives through one transceiver. Made by the connection alone."""

    __slots__ = ("_deliver", "_jitter", "_services", "muted", "remote_stream_ids", "track_id", "transceiver")

    def __init__(self, services: MediaServices, transceiver: RtpTransceiver, *, track_id: str) -> None:
        self._services = services
        self.transceiver = transceiver
        self.track_id = track_id
        """Identifier of the track: what the first description of the peer calls it, else one of our own."""
        self.remote_stream_ids: tuple[str, ...] = ()
        """The MediaStreams that the peer puts the track in."""
        self.muted = True
        """Whether nothing arrives: nothing has come yet, the peer said so, or we do not want it."""
        self._jitter = JitterSettings()
        self._deliver: Delivery = "frames"

    @property
    def kind(self) -> str:
        """Audio or video."""
        return self.transceiver.kind

    @property
    def parameters(self) -> ReceiveParameters | None:
        """What was negotiated, or offered by us; None before that, and while nothing may arrive."""
        return self._services.receive_parameters(self.transceiver.id)

    @property
    def jitter(self) -> JitterSettings:
        """How long media wait for those that are late."""
        return self._jitter

    @property
    def jitter_buffer_target_ms(self) -> float | None:
        """The least that media shall wait, in milliseconds, 0 to 4000; None for as little as the network lets them."""
        target = self._jitter.target_delay
        return None if target is None else target * 1000

    @jitter_buffer_target_ms.setter
    def jitter_buffer_target_ms(self, target: float | None) -> None:
        if target is not None and not 0 <= target <= 4000:
            raise ArgumentError("jitter_buffer_target_ms is 0 to 4000")
        self._jitter = replace(self._jitter, target_delay=None if target is None else target / 1000)
        self._services.settings_changed(self.transceiver.id)

    @property
    def deliver(self) -> Delivery:
        """What arrives as events: whole frames in order, packets at once, or both."""
        return self._deliver

    @deliver.setter
    def deliver(self, deliver: Delivery) -> None:
        self._deliver = deliver
        self._services.settings_changed(self.transceiver.id)

    @property
    def synchronization_sources(self) -> list[Source]:
        """The SSRCs that were heard or seen within ten seconds, the latest first."""
        return self._services.flow.sources(self.transceiver.id)[0]

    @property
    def contributing_sources(self) -> list[Source]:
        """Whom a mixer has put together within ten seconds, the latest first. See :rfc:`3550#section-7.1`."""
        return self._services.flow.sources(self.transceiver.id)[1]

    def request_key_frame(self, rid: str | None = None) -> None:
        """Ask the peer for a picture that stands alone; flush next. Nothing happens if nothing arrives.

        Args:
            rid: The encoding; None for all that arrive.

        Raises:
            StateError: The connection is closed.
        """
        self._services.flow.request_key_frame(self.transceiver.id, rid)

    def media_arrived(self) -> bool:
        """Follow media that arrive, and return whether the track is muted no longer. Not for applications."""
        if not self.muted:
            return False
        expected = self.transceiver.fired_direction is None or self.transceiver.fired_direction.receives
        if not expected or self.transceiver.stopping:
            return False
        self.muted = False
        return True

    def media_ended(self) -> bool:
        """Follow the peer's word that a stream is over, and return whether the track is muted since. Not for applications."""
        was_muted, self.muted = self.muted, True
        return not was_muted

    def __repr__(self) -> str:
        return f"<RtpReceiver {self.track_id}: {self.kind}>"
