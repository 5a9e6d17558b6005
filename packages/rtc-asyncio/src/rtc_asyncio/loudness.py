"""How loud sound is, by the measure of webrtc-stats: 0.0 for silence, 1.0 for the loudest that can be."""

from .dataclass import dataclass


def linear_level(level: int) -> float:
    """Turn -dBov, 0 to 127, into 0.0 to 1.0 (:rfc:`6464`)."""
    return 0.0 if level >= 127 else float(10 ** (-level / 20))


@dataclass(slots=True)
class Loudness:
    """Of the sound of one track so far, as its encoder measured it."""

    level: float | None = None
    """Of the last frame."""
    total_energy: float | None = None
    total_duration: float = 0.0
    """Seconds."""

    def add(self, level: int | None, duration: float) -> None:
        """Another frame has this level in -dBov, None if nobody measured, and lasts so many seconds."""
        self.total_duration += duration
        if level is not None:
            self.level = linear_level(level)
            self.total_energy = (self.total_energy or 0.0) + self.level**2 * duration
