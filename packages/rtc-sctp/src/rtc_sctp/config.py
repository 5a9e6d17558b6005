"""The settings of an association. The defaults are those of :rfc:`9260#section-16`, where it has any."""

from enum import Enum
from typing import Final

from .dataclass import dataclass

MAX_STREAMS: Final = 65_535
"""The most streams that can be negotiated in each direction."""

MIN_WINDOW: Final = 1500
"""No endpoint may announce a smaller receive window. See :rfc:`9260#section-3.3.2`."""

MAX_WINDOW: Final = 0xFFFF_FFFF
"""What INIT and SACK have room for."""

MIN_PACKET_SIZE: Final = 256
"""Room for every chunk that cannot be divided."""


class SchedulerKind(Enum):
    """How streams with data take turns. See :rfc:`8260#section-3`."""

    FIRST_COME = "first_come"
    """Messages leave in the order in which they were queued."""

    ROUND_ROBIN = "round_robin"
    """Streams take turns, message by message, whatever their length."""

    FAIR_CAPACITY = "fair_capacity"
    """Streams get the same number of bytes."""

    WEIGHTED_FAIR = "weighted_fair"
    """Streams get bytes in proportion to their weights; what data channels use."""

    PRIORITY = "priority"
    """A stream waits while one of greater weight has data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationConfig:
    """Settings of one association; lengths in bytes, times in seconds.

    Raises:
        ValueError: A value is outside its range.
    """

    local_port: int = 5000
    remote_port: int = 5000

    # [rfc8261:5/8]
    max_packet_size: int = 1200
    """Longest SCTP packet; whatever carries it must take packets of this length."""

    path_mtu_limit: int | None = None
    """Longest SCTP packet that is worth a probe, at least ``max_packet_size``; ``None`` to stay with that. Meant for paths
    below which nothing fragments packets: without the Don't Fragment bit a probe proves little."""

    max_outbound_streams: int = MAX_STREAMS
    max_inbound_streams: int = MAX_STREAMS

    send_buffer_size: int = 16 << 20
    """Bytes that may wait to be sent; over it ``send`` raises. What is on its way does not count: that is bounded by the
    windows, and by 32,767 packets."""

    receive_buffer_size: int = 2 << 20
    """Bytes held for the application or for reassembly; what the peer is told as window."""

    max_received_message_size: int = 1 << 20
    """A longer message of the peer ends the association. At most half of the receive buffer is wise: what fills the buffer
    gets its last packets through a window of zero, one by one."""

    # [rfc9260:16/1] [rfc9260:16/2]
    rto_initial: float = 1.0
    rto_min: float = 1.0
    """Lower values find losses sooner where the path's delay does not vary; never below the peer's delay of SACKs."""

    rto_max: float = 60.0

    max_init_retransmissions: int | None = 8
    """How often INIT or COOKIE ECHO is repeated before the peer counts as absent; ``None`` for without end."""

    association_max_retransmissions: int | None = 10
    """How often in a row nothing may be acknowledged before the peer counts as gone. ``None`` where another layer
    watches the path, and calls ``abort`` when it is lost."""

    max_burst: int = 4
    """Packets of new data that leave together beyond what acknowledgements made room for. See :rfc:`9260#section-6.1`."""

    sack_delay: float = 0.2
    """How long an acknowledgement may wait for company, at most 0.5."""

    sack_frequency: int = 2
    """After how many packets with data an acknowledgement does not wait any longer."""

    cookie_lifetime: float = 60.0

    heartbeat_interval: float | None = 30.0
    """Seconds of silence after which the peer is asked whether it is there; ``None`` for never."""

    scheduler: SchedulerKind = SchedulerKind.WEIGHTED_FAIR

    partial_reliability: bool = True
    """Announce :rfc:`3758`. Without it on both sides every message is reliable."""

    stream_reconfiguration: bool = True
    """Announce :rfc:`6525`."""

    message_interleaving: bool = False
    """Announce :rfc:`8260`: a long message does not hold up other streams."""

    zero_checksum: bool = True
    """Announce that packets need no checksum, as DTLS protects them: :rfc:`9653`."""

    def __post_init__(self) -> None:
        # [rfc9260:3.1/1] [rfc9260:3.1/2]
        if not (1 <= self.local_port <= 65_535 and 1 <= self.remote_port <= 65_535):
            raise ValueError("ports are 1 to 65,535")
        self._check_packet_sizes()
        # [rfc9260:3.3.2/13] [rfc9260:3.3.2/17] [rfc9260:3.3.3/14] [rfc9260:3.3.3/19]
        if not (1 <= self.max_outbound_streams <= MAX_STREAMS and 1 <= self.max_inbound_streams <= MAX_STREAMS):
            raise ValueError(f"streams are 1 to {MAX_STREAMS} in each direction")
        # [rfc9260:3.3.2/8] [rfc9260:3.3.3/9]
        if (
            not MIN_WINDOW <= self.receive_buffer_size <= MAX_WINDOW
            or self.send_buffer_size < 1
            or self.max_received_message_size < 1
        ):
            raise ValueError(f"the receive buffer has {MIN_WINDOW} to {MAX_WINDOW} bytes, other sizes are positive")
        if not 0 < self.rto_min <= self.rto_initial <= self.rto_max:
            if not 0 < self.rto_min <= self.rto_max:
                raise ValueError("0 < rto_min <= rto_max")
            if self.rto_initial <= 0:
                raise ValueError("rto_initial is positive")
        # [rfc9260:6.2/13]
        if not 0 <= self.sack_delay <= 0.5:
            raise ValueError("sack_delay is at most half a second")
        if self.sack_frequency < 1 or self.max_burst < 1:
            raise ValueError("sack_frequency and max_burst are positive")
        limits = (self.max_init_retransmissions, self.association_max_retransmissions)
        if any(limit is not None and limit < 0 for limit in limits):
            raise ValueError("numbers of retransmissions are not negative")
        if self.cookie_lifetime <= 0 or (self.heartbeat_interval is not None and self.heartbeat_interval <= 0):
            raise ValueError("cookie_lifetime and heartbeat_interval are positive")

    def _check_packet_sizes(self) -> None:
        if not MIN_PACKET_SIZE <= self.max_packet_size <= 65_535:
            raise ValueError(f"max_packet_size is {MIN_PACKET_SIZE} to 65,535")
        if self.path_mtu_limit is not None and not self.max_packet_size <= self.path_mtu_limit <= 65_535:
            raise ValueError("path_mtu_limit is max_packet_size to 65,535")
