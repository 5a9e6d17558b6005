"""Seeded randomness with the signature the packages expect."""

import random


class SeededRng:
    """A `Callable[[int], bytes]` that gives the same bytes for the same seed; it can be copied and pickled in mid-stream."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def __call__(self, length: int) -> bytes:
        return self._random.randbytes(length)
