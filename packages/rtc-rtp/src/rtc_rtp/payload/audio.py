"""What all audio formats have in common: one packet is one frame, and the marker bit begins a talkspurt (:rfc:`3551#section-4.1`)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.packet import RtpPacket
from rtc_rtp.payload.joining import joined_frame

_TIMESTAMPS: Final = 1 << 32


class AudioFormat(ABC):
    """A payload format in which every packet holds a whole frame that can be decoded by itself."""

    mime_type: ClassVar[str]
    clock_rate: ClassVar[int]

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.parameters = dict(parameters)
        self._expected_timestamp: int | None = None

    @abstractmethod
    def duration(self, payload: bytes) -> int | None:
        """Return how long the payload lasts, in ticks of `clock_rate`; None if it does not say."""

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Return the frame as one payload, marked if it comes after silence; nothing for an empty one.

        Raises:
            ValueError: The frame is longer than a payload may be: its encoder must make shorter ones.
        """
        data = frame.data
        if not data:
            return []
        if len(data) > max_payload_length:
            raise ValueError(f"{self.mime_type} cannot be cut: {len(data)} bytes, {max_payload_length} allowed")
        # [rfc3551:4.1/2] [rfc3551:4.1/3] [rfc7587:4.1/3] The first packet after time in which nothing was sent begins a talkspurt.
        marker = frame.timestamp != self._expected_timestamp
        lasts = self.duration(data)
        self._expected_timestamp = None if lasts is None else (frame.timestamp + lasts) % _TIMESTAMPS
        return [(data, marker)]

    def starts_frame(self, _payload: bytes, /) -> bool:
        """Return true: every packet is a frame."""
        return True

    def ends_frame(self, _packet: RtpPacket, /) -> bool:
        """Return true: every packet is a frame."""
        return True

    def starts_keyframe(self, _payload: bytes, /) -> bool:
        """Return true: every packet can be decoded by itself."""
        return True

    def follows(self, _payload: bytes, _frame_id: int, /) -> bool:
        """Return false: frames of audio have no numbers."""
        return False

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Return the one packet as a frame; see `PayloadFormat.assemble`."""
        # [rfc3551:4.1/1] [rfc3551:4.2/2] [rfc3551:4.4/1] As long as it is, with a gap before it or not.
        # [rfc7587:6.1/6] [rfc7587:7.1/7] What is in it is for the decoder, whatever was wished for.
        if len(packets) != 1:
            raise ParseError(f"a frame of {self.mime_type} is one packet, not {len(packets)}")
        return joined_frame(packets, packets[0].payload, self.mime_type)
