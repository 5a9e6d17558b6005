"""A test card: colour bars, a grey ramp, a circle, a clock, a bar that moves, and a strip that tells a program the picture's number.

Drawn into planes of bytes: a picture of 640 by 480 takes a fraction of a millisecond, and nothing but libav is needed.

::

    +---------------------------+
    | colour bars  +------+     |   75 %, as the EBU has them
    |              |circle|     |
    +---------------------------+
    | grey ramp, bar that moves |
    +---------------------------+
    | 00:00:12.345      n 00370 |   time and number of the picture
    +---------------------------+
    |# .....#.#..##.#...#.#.   #|   the number in cells, see `read_picture_number`
    +---------------------------+
"""

import math
from typing import Final

from av import VideoFrame

BARS: Final = (
    (180, 128, 128),
    (162, 44, 142),
    (131, 156, 44),
    (112, 72, 58),
    (84, 184, 198),
    (65, 100, 212),
    (35, 212, 114),
    (16, 128, 128),
)
"""White to black: Y, Cb, Cr of BT.601, limited range."""
WHITE: Final = 235
BLACK: Final = 16

NUMBER_BITS: Final = 20
CELLS: Final = NUMBER_BITS + 4
"""A white and a black one, the number with its highest bit first, two that hold its bits' sum modulo 4."""

FONT: Final = {
    "0": (0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E),
    "1": (0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E),
    "2": (0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F),
    "3": (0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E),
    "4": (0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02),
    "5": (0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E),
    "6": (0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E),
    "7": (0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08),
    "8": (0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E),
    "9": (0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C),
    ":": (0x00, 0x0C, 0x0C, 0x00, 0x0C, 0x0C, 0x00),
    ".": (0x00, 0x00, 0x00, 0x00, 0x00, 0x0C, 0x0C),
    "n": (0x00, 0x00, 0x16, 0x19, 0x11, 0x11, 0x11),
    " ": (0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00),
}
"""Five by seven points; the lowest bit is the one on the right."""


class TestCardPainter:
    """Draws test cards of one size.

    Args:
        width: Pixels, even, at least 96.
        height: Pixels, even, at least 64.
    """

    __test__ = False  # "Test" begins the name of what pytest takes for a test

    def __init__(self, width: int, height: int) -> None:
        if width < 96 or height < 64 or width % 2 or height % 2:
            raise ValueError(f"a test card is even and at least 96 by 64 pixels, not {width} by {height}")
        self.width = width
        self.height = height
        self._bars_end = height * 6 // 10
        self._ramp_end = height * 7 // 10
        self._text_end = height * 9 // 10
        self._strides = [plane.line_size for plane in VideoFrame(width, height, "yuv420p").planes]
        self._luma = self._still_luma()
        self._chroma = [self._still_chroma(index) for index in (1, 2)]

    def paint(self, number: int, seconds: float) -> VideoFrame:
        """Draw the card; whoever asked sets `pts` and `time_base`.

        Args:
            number: Of the picture, 0 and up.
            seconds: What the clock shows.
        """
        luma = bytearray(self._luma)
        self._draw_moving_bar(luma, number)
        hours, rest = divmod(int(seconds * 1000), 3_600_000)
        minutes, milliseconds = divmod(rest, 60_000)
        clock = f"{hours % 100:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
        self._draw_text(luma, f"{clock}  n {number % 100_000:05}")
        self._draw_number(luma, number)
        frame = VideoFrame(self.width, self.height, "yuv420p")
        for plane, drawn in zip(frame.planes, (luma, *self._chroma), strict=True):
            plane.update(
                bytes(drawn) if len(drawn) == plane.buffer_size else bytes(drawn).ljust(plane.buffer_size, b"\0")
            )
        return frame

    # --- what stays ---

    def _still_luma(self) -> bytearray:
        stride = self._strides[0]
        bars = _row([bar[0] for bar in BARS], self.width, stride)
        ramp = bytes([BLACK + (WHITE - BLACK) * x // self.width for x in range(self.width)]).ljust(stride, b"\0")
        dark = bytes([BLACK]) * stride
        rows = [bars] * self._bars_end + [ramp] * (self._ramp_end - self._bars_end)
        luma = bytearray(b"".join(rows) + dark * (self.height - len(rows)))
        self._draw_circle(luma)
        return luma

    def _still_chroma(self, plane: int) -> bytes:
        stride = self._strides[plane]
        bars = _row([bar[plane] for bar in BARS], self.width // 2, stride)
        return bars * (self._bars_end // 2) + bytes([128]) * stride * (self.height // 2 - self._bars_end // 2)

    def _draw_circle(self, luma: bytearray) -> None:
        stride, radius = self._strides[0], self._bars_end * 0.42
        thick = max(2, self.height // 120)
        middle_x, middle_y = self.width / 2, self._bars_end / 2
        for step in range(int(radius * 8)):
            angle = step * math.tau / (radius * 8)
            x, y = int(middle_x + radius * math.cos(angle)), int(middle_y + radius * math.sin(angle))
            for row in range(y, y + thick):
                luma[row * stride + x : row * stride + x + thick] = bytes([WHITE]) * thick

    # --- what changes ---

    def _draw_moving_bar(self, luma: bytearray, number: int) -> None:
        stride, breadth = self._strides[0], max(4, self.width // 40)
        x = number * max(2, self.width // 160) % (self.width - breadth)
        for row in range(self._bars_end, self._ramp_end):
            luma[row * stride + x : row * stride + x + breadth] = bytes([WHITE]) * breadth

    def _draw_text(self, luma: bytearray, text: str) -> None:
        stride = self._strides[0]
        size = max(1, min(self.width // (6 * len(text) + 12), (self._text_end - self._ramp_end) // 9))
        left = (self.width - 6 * size * len(text)) // 2
        top = self._ramp_end + (self._text_end - self._ramp_end - 7 * size) // 2
        for line in range(7):
            points = "".join(f"{FONT[letter][line]:06b}" for letter in text)
            row = bytes([WHITE if point == "1" else BLACK for point in points for _ in range(size)])
            for y in range(top + line * size, top + (line + 1) * size):
                luma[y * stride + left : y * stride + left + len(row)] = row

    def _draw_number(self, luma: bytearray, number: int) -> None:
        stride = self._strides[0]
        row = _row([WHITE if cell else BLACK for cell in _cells(number)], self.width, stride)
        for y in range(self._text_end, self.height):
            luma[y * stride : (y + 1) * stride] = row


def read_picture_number(frame: VideoFrame) -> int | None:
    """Read the number off a test card, whatever its size has become on its way and however it has suffered.

    Returns:
        The number modulo 2**20; None if what is there is none.
    """
    luma = frame.reformat(format="gray").planes[0]
    samples, stride = memoryview(luma), luma.line_size
    top, bottom = frame.height * 92 // 100, max(frame.height * 98 // 100, frame.height * 92 // 100 + 1)
    levels = []
    for cell in range(CELLS):
        left = int(frame.width * (cell + 0.3) / CELLS)
        right = max(left + 1, int(frame.width * (cell + 0.7) / CELLS))
        inside = [sample for y in range(top, bottom) for sample in samples[y * stride + left : y * stride + right]]
        levels.append(sum(inside) / len(inside))
    if levels[0] - levels[1] < 60:
        return None
    middle = (levels[0] + levels[1]) / 2
    bits = [level > middle for level in levels]
    number = int("".join("1" if bit else "0" for bit in bits[2 : 2 + NUMBER_BITS]), 2)
    return number if _cells(number) == bits else None


def _cells(number: int) -> list[bool]:
    bits = [bool(number >> bit & 1) for bit in range(NUMBER_BITS - 1, -1, -1)]
    check = sum(bits) % 4
    return [True, False, *bits, bool(check & 2), bool(check & 1)]


def _row(values: list[int], width: int, stride: int) -> bytes:
    """Divide a line of pixels evenly among values."""
    return bytes([values[x * len(values) // width] for x in range(width)]).ljust(stride, b"\0")
