"""Opus (:rfc:`7587`): one Opus packet is one payload; its first bytes tell how long it lasts (:rfc:`6716#section-3.1`)."""

from typing import ClassVar, Final

from rtc_rtp.frame import EncodedFrame
from rtc_rtp.payload.audio import AudioFormat

CLOCK_RATE: Final = 48000
MAX_DURATION: Final = 5760
"""The longest Opus packet, in ticks: 120 ms."""
MAX_DTX_LENGTH: Final = 2
"""An encoder that has nothing to say (DTX) makes packets of so few bytes."""

_SILK: Final = (480, 960, 1920, 2880)
_HYBRID: Final = (480, 960)
_CELT: Final = (120, 240, 480, 960)
_FRAME_TICKS: Final = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""Duration of one frame by the five bits of the configuration number. See :rfc:`6716#section-3.1`, table 2."""
_FIRST_CELT: Final = 16
"""The first configuration number without SILK."""
_TWO_BYTES: Final = 252
"""From here on the length of a frame has a second byte. See :rfc:`6716#section-3.2.1`."""


def opus_duration(packet: bytes) -> int | None:
    """Return how long an Opus packet lasts in ticks of 48,000 Hz; None if it is none.

    ::

        configuration | s | c      M count of frames if c is 3
              5         1   2

    See :rfc:`6716#section-3.2`.
    """
    if not packet:
        return None
    match packet[0] & 3:
        case 0:
            count = 1
        case 1 | 2:
            count = 2
        case _:
            count = packet[1] & 0x3F if len(packet) > 1 else 0
    # [rfc7587:4.2/2] The sum of the frames' durations.
    ticks = count * _FRAME_TICKS[packet[0] >> 3]
    return ticks if 0 < ticks <= MAX_DURATION else None


def opus_channels(packet: bytes) -> int:
    """Return how many channels the packet was encoded from, 1 or 2. See :rfc:`6716#section-3.1`."""
    return 2 if packet and packet[0] & 4 else 1


def opus_redundancy(packet: bytes) -> int:
    """Return how much of the sound right before a packet can be made of the packet itself, in ticks of 48,000 Hz; 0 for nothing.

    This is its forward error correction (LBRR): the frame before its first one, once more, at a lower bit rate. Only SILK has it, alone or
    below CELT (hybrid). Its flags are among the first bits of a frame, one for each channel behind those that tell of activity.

    See :rfc:`6716#section-4.2.3`.
    """
    if not packet or packet[0] >> 3 >= _FIRST_CELT:
        return 0
    begins = _first_frame(packet)
    if begins >= len(packet):
        return 0
    ticks = _FRAME_TICKS[packet[0] >> 3]
    silk_count = max(1, ticks // 960)
    flags = 1 << 7 - silk_count
    if packet[0] & 4:
        flags |= 1 << 6 - 2 * silk_count
    return ticks if packet[begins] & flags else 0


def _first_frame(packet: bytes) -> int:
    """Return where the first frame of a packet begins, at or past the end if it has none. See :rfc:`6716#section-3.2`."""
    length = len(packet)
    at = 1
    lengths = 0
    """How many frames' lengths stand before it, of one byte each, or two if the first is 252 or more."""
    match packet[0] & 3:
        case 0 | 1:
            return at
        case 2:
            lengths = 1
        case _:
            if length < 2:
                return length
            at = 2
            count = packet[1]
            if count & 0x40:
                while at < length and packet[at] == 255:
                    at += 1
                at += 1
            if count & 0x80:
                lengths = (count & 0x3F) - 1
    is_empty = lengths > 0 and at < length and packet[at] == 0
    for _ in range(lengths):
        if at < length:
            at += 2 if packet[at] >= _TWO_BYTES else 1
    return length if is_empty else at


class OpusFormat(AudioFormat):
    """Opus. Of a run of packets without sound (DTX) the first alone is sent.

    See :rfc:`7587`.
    """

    # [rfc7587:6.1/7] [rfc7587:7/1] [rfc7587:4.1/4] What is sampled at other rates is counted as if it were at this one.
    mime_type: ClassVar = "audio/opus"
    clock_rate: ClassVar = CLOCK_RATE

    _silent = False

    def duration(self, payload: bytes) -> int | None:
        """Return how long an Opus packet lasts, see `opus_duration`."""
        return opus_duration(payload)

    def packetize(self, frame: EncodedFrame, max_payload_length: int) -> list[tuple[bytes, bool]]:
        """Return the Opus packet as one payload, or nothing if the silence goes on; see `PayloadFormat.packetize`."""
        was_silent, self._silent = self._silent, len(frame.data) <= MAX_DTX_LENGTH
        # [rfc7587:3.1.3/1] What DTX leaves out shows as a gap of the timestamp, the sequence number goes on.
        if was_silent and self._silent:
            return []
        # [rfc7587:4.2/1] One Opus packet, as the encoder made it.
        return super().packetize(frame, max_payload_length)
