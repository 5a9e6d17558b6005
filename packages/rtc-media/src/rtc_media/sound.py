"""Sound as 16-bit samples: how loud it is, and frames made of bytes."""

import math
from fractions import Fraction
from typing import Final

from av import AudioFrame

FULL_SCALE: Final = 32768
QUIETEST: Final = 127
"""-dBov of digital silence. See :rfc:`6464#section-3`."""
LAYOUTS: Final = {1: "mono", 2: "stereo"}


def samples_of(frame: AudioFrame) -> memoryview:
    """Return the samples of a frame in the packed format s16, channels in turns."""
    length = frame.samples * len(frame.layout.channels) * 2
    return memoryview(frame.planes[0])[:length].cast("h")


def level_of(frame: AudioFrame) -> int:
    """Return how loud a frame of format s16 is: its root mean square in -dBov, 0 to 127, less is louder.

    See :rfc:`6464#section-3` and :rfc:`6465`.
    """
    samples = samples_of(frame)
    # The length of a vector is the root of the sum of its squares, and this function is the fastest that Python has for it.
    energy = math.hypot(*samples)
    if not energy:
        return QUIETEST
    root_mean_square = energy / math.sqrt(len(samples))
    return min(QUIETEST, max(0, round(-20 * math.log10(root_mean_square / FULL_SCALE))))


def sound_frame(data: bytes, sample_rate: int, channels: int, pts: int) -> AudioFrame:
    """Make a frame of 16-bit samples, channels in turns.

    Args:
        data: The samples in the machine's byte order.
        sample_rate: Per second and channel, Hz.
        channels: 1 or 2.
        pts: When it begins, in samples.
    """
    frame = AudioFrame("s16", LAYOUTS[channels], len(data) // (2 * channels))
    plane = frame.planes[0]
    plane.update(data + bytes(plane.buffer_size - len(data)))
    frame.sample_rate = sample_rate
    frame.time_base = Fraction(1, sample_rate)
    frame.pts = pts
    return frame
