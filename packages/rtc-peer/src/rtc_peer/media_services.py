"""What senders, receivers and transceivers ask of their connection. They go by the number of the transceiver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtc_peer.capabilities import MediaOptions
    from rtc_rtp import EncodedFrame, ExtensionMap, RtpPacket, Source
    from rtc_rtp.parameters import ReceiveParameters, SendParameters


class MediaPath(Protocol):
    """The way of media through the transports. Commands raise `StateError` once the connection is closed."""

    def send_frame(self, transceiver_id: int, frame: EncodedFrame, rid: str | None, now: float | None) -> None:
        """See `RtpSender.send_frame`."""

    def send_packets(
        self,
        transceiver_id: int,
        packets: Sequence[RtpPacket],
        *,
        rid: str | None,
        rewrite: bool,
        payload_types: Mapping[int, int] | None,
        extension_map: ExtensionMap | None,
        now: float | None,
    ) -> None:
        """See `RtpSender.send_packets`."""

    def can_insert_dtmf(self, transceiver_id: int) -> bool:
        """See `RtpSender.can_insert_dtmf`."""

    def resume(self, transceiver_id: int, *, rid: str | None, now: float | None) -> None:
        """See `RtpSender.resume`."""
        ...

    def insert_dtmf(self, transceiver_id: int, tones: str, *, duration: float, gap: float, now: float | None) -> None:
        """See `RtpSender.insert_dtmf`."""

    def request_key_frame(self, transceiver_id: int, rid: str | None) -> None:
        """See `RtpReceiver.request_key_frame`."""

    def sources(self, transceiver_id: int) -> tuple[list[Source], list[Source]]:
        """Return synchronization sources and contributing sources of late."""


class MediaServices(Protocol):
    """The connection, as its transceivers see it."""

    @property
    def options(self) -> MediaOptions:
        """What can be negotiated."""

    @property
    def flow(self) -> MediaPath:
        """The way to and from the transports."""

    def require_open(self) -> None:
        """Raise `StateError` once the connection is closed."""

    def touch(self) -> None:
        """Something was changed that an offer may have to tell."""

    def settings_changed(self, transceiver_id: int) -> None:
        """A sender or receiver has other settings, which count at once."""

    def stopped_by_application(self) -> None:
        """A transceiver was stopped: nothing flows through it from now on."""

    def new_ssrc(self) -> int:
        """Draw an SSRC that nobody has."""

    def send_parameters(self, transceiver_id: int) -> SendParameters | None:
        """Return what was negotiated about sending."""

    def cryptex_negotiated(self, transceiver_id: int) -> bool:
        """Return whether packets are sent with their header extensions encrypted as a whole."""
        ...

    def receive_parameters(self, transceiver_id: int) -> ReceiveParameters | None:
        """Return what was negotiated about receiving."""
