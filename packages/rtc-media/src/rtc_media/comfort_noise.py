"""What comfort noise sounds like (:rfc:`3389`): white noise of the given level, shaped by the all-pole model if there is one."""

import random
from array import array
from typing import Final

from rtc_media.sound import FULL_SCALE
from rtc_rtp.payload.comfort_noise import ComfortNoise

MAX_ORDER: Final = 8
"""More coefficients describe nothing that an ear would notice in noise; a receiver may leave out the last of them."""


class NoiseGenerator:
    """Makes noise that goes on without a seam from one call to the next."""

    def __init__(self, description: ComfortNoise) -> None:
        self._random = random.Random(description.level)
        reflections = description.reflection_coefficients[:MAX_ORDER]
        self._predictor = _predictor(reflections)
        self._memory = [0.0] * len(self._predictor)
        # The model amplifies: the noise that is put in has to be quieter by as much, so that what comes out has the level.
        gain = 1.0
        for coefficient in reflections:
            gain *= 1 - min(coefficient * coefficient, 0.98)
        self._deviation = FULL_SCALE * 10 ** (-description.level / 20) * gain**0.5

    def samples(self, count: int) -> bytes:
        """Return so many 16-bit samples."""
        gauss, deviation, memory, predictor = self._random.gauss, self._deviation, self._memory, self._predictor
        made = array("h")
        for _ in range(count):
            value = gauss(0.0, deviation)
            if predictor:
                value -= sum([a * past for a, past in zip(predictor, memory, strict=True)])
                memory.insert(0, value)
                memory.pop()
            made.append(max(-FULL_SCALE, min(FULL_SCALE - 1, round(value))))
        return made.tobytes()


def _predictor(reflections: tuple[float, ...]) -> list[float]:
    """Turn reflection coefficients into those of the direct form (Levinson's recursion); all less than 1, so the filter is stable."""
    direct: list[float] = []
    for order, coefficient in enumerate(reflections):
        bounded = max(-0.99, min(0.99, coefficient))
        direct = [a + bounded * direct[order - 1 - i] for i, a in enumerate(direct)]
        direct.append(bounded)
    return direct
