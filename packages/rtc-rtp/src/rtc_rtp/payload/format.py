"""What every payload format can do: cut a frame into payloads, find the frame's borders, join it again.

What a payload format is to RTP: :rfc:`3551#section-3` and :rfc:`8088`.
"""

from collections.abc import Sequence
from typing import Protocol

from rtc_rtp.frame import EncodedFrame
from rtc_rtp.packet import RtpPacket


class PayloadFormat(Protocol):
    """The payload format of one codec with its negotiated parameters, for one stream in one direction.

    Formats that number frames (VP8, VP9) keep the number, so every stream needs its own object.
    """

    @property
    def mime_type(self) -> str:
        """Media type as in SDP, such as "video/VP8"."""

    @property
    def clock_rate(self) -> int:
        """Ticks of the RTP timestamp in a second; 90,000 for all video."""

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Cut a frame into the payloads of as many packets, of nearly equal length.

        Args:
            frame: A whole frame.
            max_payload_length: What one packet may carry, bytes; at least `MIN_PAYLOAD_LENGTH`.

        Returns:
            Payload and marker bit of each packet, in order; all have the frame's timestamp. Empty if there is nothing to send.

        Raises:
            ValueError: ``frame.data`` is not of this format, or cannot be cut so small.
        """

    def starts_frame(self, payload: bytes, /) -> bool:
        """Tell whether the packet with this payload is the first of a frame; false for what cannot be read."""

    def ends_frame(self, packet: RtpPacket, /) -> bool:
        """Tell whether the packet is the last of its frame."""

    def starts_keyframe(self, payload: bytes, /) -> bool:
        """Tell whether the packet with this payload is the first of a frame at which decoding may start."""

    def follows(self, payload: bytes, frame_id: int, /) -> bool:
        """Tell whether the packet with this payload is the first of the frame right after the one with this number.

        False also if the format does not number frames.
        """

    def assemble(self, packets: Sequence[RtpPacket]) -> EncodedFrame:
        """Join the packets of one frame.

        Args:
            packets: All of one frame and nothing else, in order of their sequence numbers, at least one.

        Raises:
            ParseError: The payloads do not make a frame.
        """

    def duration(self, payload: bytes, /) -> int | None:
        """Return how long the payload lasts, in ticks of `clock_rate`; None if it does not say (all video)."""
