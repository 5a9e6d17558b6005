"""Comfort noise (:rfc:`3389`): what a receiver plays while the other side is silent, for codecs without a silence of their own."""

from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.payload.audio import AudioFormat

MAX_NOISE_LEVEL: Final = 127


@dataclass(slots=True, frozen=True, kw_only=True)
class ComfortNoise:
    """The noise: how loud, and its spectrum as an all-pole model.

    ::

        0 | level   N1 | quantized reflection coefficient 1   N2 | ...
        1     7                         8

    See :rfc:`3389#section-3`.
    """

    level: int
    """-dBov, 0 to 127."""
    reflection_coefficients: tuple[float, ...] = ()
    """-1 to 1, the model's order is their number. A receiver may ignore the last of them, or all."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse the payload of one packet.

        Raises:
            ParseError: It is empty.
        """
        if not data:
            raise ParseError("comfort noise has at least its level")
        return cls(
            level=data[0] & MAX_NOISE_LEVEL,
            reflection_coefficients=tuple([(index - 127) * 258 / 32768 for index in data[1:]]),
        )

    def serialize(self) -> bytes:
        """Return the payload; coefficients are rounded to one of 255 values."""
        if not 0 <= self.level <= MAX_NOISE_LEVEL:
            raise ValueError(f"a noise level is 0 to {MAX_NOISE_LEVEL} -dBov, not {self.level}")
        quantized = [min(254, max(0, round(k * 32768 / 258) + 127)) for k in self.reflection_coefficients]
        return bytes([self.level, *quantized])


class ComfortNoiseFormat(AudioFormat):
    """CN, static payload type 13: sent once when a silence begins and when the noise changes."""

    mime_type: ClassVar = "audio/CN"
    clock_rate: ClassVar = 8000

    def duration(self, payload: bytes) -> None:
        """Return None: noise lasts until the next packet."""

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Return the noise as one payload, never marked: the talkspurt begins with the packet after it."""
        return [(payload, False) for payload, _ in super().packetize(frame, max_payload_length)]
