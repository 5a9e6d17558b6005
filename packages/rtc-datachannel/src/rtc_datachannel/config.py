"""The settings of an endpoint."""

from dataclasses import field, replace
from typing import Final

from rtc_sctp import AssociationConfig

from .dataclass import dataclass
from .dcep import MAX_OPEN_LENGTH
from .streams import MAX_STREAM_ID

DEFAULT_REMOTE_MAX_MESSAGE_SIZE: Final = 65_536
"""What a peer accepts that does not say so. See :rfc:`8841#section-6.1`."""

MAX_PACKET_SIZE: Final = 1192
"""Longest SCTP packet: what a packet of 1280 bytes has room for beside IPv6, UDP and DTLS 1.2, in whole words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChannelConfig:
    """Settings of one endpoint; lengths in bytes, times in seconds.

    Raises:
        ValueError: A value is outside its range.
    """

    association: AssociationConfig = field(default_factory=lambda: AssociationConfig(max_packet_size=MAX_PACKET_SIZE))
    """Settings of the association below. Its ``max_received_message_size`` and ``receive_buffer_size`` are raised where
    the endpoint needs more."""

    max_message_size: int = 262_144
    """Longest message this side accepts, to be announced to the peer (``a=max-message-size``). A longer one closes
    its channel; one beyond the association's own limit ends the association."""

    remote_max_message_size: int = DEFAULT_REMOTE_MAX_MESSAGE_SIZE
    """Longest message the peer accepts; 0 for any."""

    max_channels: int = MAX_STREAM_ID + 1
    """How many channels may exist at once; further ones of the peer are refused."""

    max_peer_text_size: int = 4 << 20
    """Bytes of labels and protocols that the peer's channels may have together; channels beyond are refused."""

    early_message_buffer_size: int = 65_536
    """Unordered messages may overtake the opening of their channel if the peer does not keep the order that
    :rfc:`8832` wants. So many bytes of them are held for ``early_message_timeout``; 0 closes such a stream at
    once."""

    early_message_timeout: float = 5.0

    swap_empty_identifiers: bool = False
    """Exchange the payload protocol identifiers of empty text and empty binary messages: the peer is GStreamer 1.22."""

    def __post_init__(self) -> None:
        if self.max_message_size < 1 or self.remote_max_message_size < 0:
            raise ValueError("message sizes are positive; the peer's may be 0 for unlimited")
        if not 1 <= self.max_channels <= MAX_STREAM_ID + 1:
            raise ValueError(f"max_channels is 1 to {MAX_STREAM_ID + 1}")
        if self.max_peer_text_size < 0 or self.early_message_buffer_size < 0 or self.early_message_timeout < 0:
            raise ValueError("sizes and times are not negative")

    @property
    def max_streams(self) -> int:
        """The most streams that the association may have in both directions."""
        return min(self.association.max_outbound_streams, self.association.max_inbound_streams)

    def for_association(self) -> AssociationConfig:
        """The association's settings, with room for the longest message and the longest OPEN."""
        # [rfc8832:7/1]
        needed = max(self.max_message_size, MAX_OPEN_LENGTH, self.association.max_received_message_size)
        # A message that fills the buffer would get its last packets through a window of zero.
        buffer_size = max(2 * needed, self.association.receive_buffer_size)
        return replace(self.association, max_received_message_size=needed, receive_buffer_size=buffer_size)
