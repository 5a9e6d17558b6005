"""A data channel, as both the application and the endpoint see it. See :rfc:`8831#section-6.4`."""

from enum import Enum, IntEnum

from .account import SendAccount
from .dataclass import dataclass
from .dcep import MAX_PRIORITY, MAX_RELIABILITY_PARAMETER, Open, encode_text
from .state import ChannelInput, ChannelState, next_channel_state


class Priority(IntEnum):
    """The weights that WebRTC uses. See :rfc:`8831#section-6.4`."""

    # [rfc8831:6.4/2]
    BELOW_NORMAL = 128
    NORMAL = 256
    HIGH = 512
    EXTRA_HIGH = 1024


class ChannelCloseReason(Enum):
    """Why a channel ended."""

    LOCAL = "local"
    """``close_channel`` was called."""

    REMOTE = "remote"
    """The peer closed it."""

    REFUSED = "refused"
    """The peer reset the stream instead of acknowledging the channel."""

    PROTOCOL_ERROR = "protocol_error"
    """The peer sent something on it that the protocol forbids."""

    MESSAGE_TOO_LARGE = "message_too_large"
    """The peer sent more than ``max_message_size``."""

    NO_STREAM = "no_stream"
    """The association has no stream for it."""

    ASSOCIATION_CLOSED = "association_closed"
    ASSOCIATION_FAILED = "association_failed"
    ASSOCIATION_RESTARTED = "association_restarted"
    """The peer lost its state and began anew, without the channel."""


@dataclass(slots=True)
class ChannelStats:
    """What a channel carried; bytes are those of the application."""

    messages_sent: int = 0
    bytes_sent: int = 0
    messages_received: int = 0
    bytes_received: int = 0
    messages_abandoned: int = 0
    """Sent messages that their limited reliability gave up."""


class DataChannel:
    """Two streams with one identifier, and what was agreed about them.

    Made by ``DataChannelEndpoint.create_channel`` or by the peer; every command takes the channel and is the
    endpoint's. The attributes are for reading.
    """

    __slots__ = (
        "account",
        "awaits_ack",
        "buffered_amount_low_threshold",
        "close_detail",
        "close_reason",
        "id",
        "label",
        "lifetime",
        "max_packet_life_time_ms",
        "max_retransmits",
        "negotiated",
        "ordered",
        "priority",
        "protocol",
        "state",
        "stats",
    )

    def __init__(
        self,
        label: str,
        *,
        protocol: str = "",
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time_ms: int | None = None,
        negotiated: bool = False,
        channel_id: int | None = None,
        priority: int = Priority.NORMAL,
    ) -> None:
        if max_retransmits is not None and max_packet_life_time_ms is not None:
            raise ValueError("a channel is limited by retransmissions or by lifetime, not by both")
        for limit in (max_retransmits, max_packet_life_time_ms):
            if limit is not None and not 0 <= limit <= MAX_RELIABILITY_PARAMETER:
                raise ValueError("max_retransmits and max_packet_life_time_ms have 32 bits")
        if not 0 <= priority <= MAX_PRIORITY:
            raise ValueError("priority is 0 to 65535")
        encode_text(label)
        encode_text(protocol)
        self.label = label
        self.protocol = protocol
        """Name of the subprotocol, or empty."""
        self.ordered = ordered
        self.max_retransmits = max_retransmits
        self.max_packet_life_time_ms = max_packet_life_time_ms
        self.lifetime = None if max_packet_life_time_ms is None else max_packet_life_time_ms / 1000
        """The same in seconds."""
        self.negotiated = negotiated
        """Whether the application agreed on it with the peer by other means than DCEP."""
        self.id = channel_id
        """Stream identifier, 0 to 65,534; ``None`` until the role of this side is known."""
        self.priority = priority
        """Weight of its messages against those of other channels."""
        self.buffered_amount_low_threshold = 0
        """At how many unsent bytes ``BufferedAmountLow`` tells."""
        self.stats = ChannelStats()
        self.close_reason: ChannelCloseReason | None = None
        """Why it ended or is ending; ``None`` before that."""
        self.close_detail = ""
        """One sentence for a log where the reason alone says too little."""
        self.awaits_ack = False
        """Whether our OPEN is still without its ACK."""
        self.account = SendAccount()
        self.state = ChannelState.CONNECTING
        """Where the channel is in its life; only ``step`` changes it."""

    def __repr__(self) -> str:
        return f"<DataChannel id={self.id} label={self.label!r} {self.state.value}>"

    @property
    def reliable(self) -> bool:
        """Whether every message arrives."""
        return self.max_retransmits is None and self.max_packet_life_time_ms is None

    @property
    def sends_unordered(self) -> bool:
        """Whether the next message may overtake those before it."""
        # [rfc8832:6/10] Until the peer is heard, its OPEN may not even have arrived: order keeps it first.
        # [rfc8832:6/11] [rfc8832:6/12]
        return not self.ordered and self.state is ChannelState.OPEN

    @property
    def is_announced(self) -> bool:
        """Whether our OPEN was sent and is not answered yet."""
        return self.awaits_ack and self.state is ChannelState.CONNECTING

    def to_open(self) -> Open:
        """The DCEP message that announces the channel."""
        return Open.for_channel(
            label=self.label,
            protocol=self.protocol,
            ordered=self.ordered,
            max_retransmits=self.max_retransmits,
            max_packet_life_time_ms=self.max_packet_life_time_ms,
            priority=self.priority,
        )

    @classmethod
    def from_open(cls, message: Open, stream_id: int) -> "DataChannel":
        """The channel that a peer's DCEP message describes."""
        return cls(
            message.label,
            protocol=message.protocol,
            ordered=message.ordered,
            max_retransmits=message.max_retransmits,
            max_packet_life_time_ms=message.max_packet_life_time_ms,
            channel_id=stream_id,
            priority=message.priority,
        )

    def step(self, happened: ChannelInput) -> None:
        """Go on to the next state; the endpoint's business.

        Raises:
            StateError: The table has no such step.
        """
        self.state = next_channel_state(self.state, happened)
