"""Opus decoded by libopus itself, which can do what libav's decoders cannot: make lost sound of the packet behind it, or of what was heard.

It is the very library that libav is linked with: what is asked of PyAV's modules is looked for in what they depend on, too. See
:rfc:`6716#section-2.1.7` and `opus_decode` in libopus' documentation.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import av.codec.codec

from rtc_media.errors import CodecError
from rtc_media.packet_decoder import CONCEALED_SECONDS, Filling
from rtc_rtp.payload.opus import opus_redundancy

SAMPLE_RATE: Final = 48_000
STEP: Final = 120
"""Samples: what is lost is filled in multiples of 2.5 ms."""
LONGEST: Final = 5760
"""Samples of the longest packet."""
AUDIBLE: Final = int(CONCEALED_SECONDS * SAMPLE_RATE)


@cache
def libopus() -> ctypes.CDLL | None:
    """Return the library; None if there is none to be found, as where libav was built without it."""
    for place in _places():
        try:
            library = ctypes.CDLL(place)
            _declare(library)
        except (OSError, AttributeError):
            continue
        return library
    return None


def _places() -> Iterator[str]:
    """Where it may be: behind PyAV's own modules, beside them (Windows does not look behind), or installed for all."""
    yield av.codec.codec.__file__
    yield from (str(path) for path in sorted(Path(av.__file__).parent.parent.glob("av.libs/*opus*")))
    installed = ctypes.util.find_library("opus")
    if installed is not None:
        yield installed


def _declare(library: ctypes.CDLL) -> None:
    """Say what its functions take; raises AttributeError if it has them not."""
    number, text, state = ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
    library.opus_decoder_get_size.argtypes = [number]
    library.opus_decoder_init.argtypes = [state, ctypes.c_int32, number]
    library.opus_decode.argtypes = [state, text, ctypes.c_int32, state, number, number]
    library.opus_strerror.argtypes, library.opus_strerror.restype = [number], text
    library.opus_get_version_string.restype = text


class LibopusDecoder:
    """Decodes one stream of Opus to samples of 48,000 Hz; see `PacketDecoder`.

    Args:
        library: What `libopus` found.
        channels: 1 or 2, whatever is received.
    """

    implementation: Final = "libopus"
    runs_inline: Final = True
    """A packet takes some 40 µs, to wake a thread and come back 60."""

    def __init__(self, library: ctypes.CDLL, channels: int) -> None:
        self._library = library
        self._channels = channels
        # The state is plain memory that refers to nothing else: it goes when this object does.
        self._state = ctypes.create_string_buffer(library.opus_decoder_get_size(channels))
        self._samples = ctypes.create_string_buffer(2 * channels * LONGEST)
        # [rfc7874:3/13] [rfc7587:6.1/1] [rfc7587:6.1/4] [rfc7587:7.1/1] Every mode, bandwidth and number of channels comes out as asked here.
        _check(library, library.opus_decoder_init(self._state, SAMPLE_RATE, channels))

    def decode(self, packet: bytes) -> bytes:
        """Decode a packet; see `PacketDecoder.decode`."""
        return self._decode(packet, LONGEST, recover=False)

    def fill(self, count: int, packet: bytes) -> Filling:
        """Take what is missing from the error correction of the packet behind it, and go on with what was heard up to there.

        libopus goes on ever more quietly, and with the noise that was in the background. See `PacketDecoder.fill`.
        """
        # [rfc8834:6.2/1] [rfc8854:7/1] [rfc7587:6.1/6]
        recovered = opus_redundancy(packet)
        if recovered > count:
            recovered = 0  # what is missing is shorter than a frame: no loss of one
        concealed = count - recovered
        samples = self._conceal(concealed)
        if recovered:
            samples += self._decode(packet, recovered, recover=True)
        return Filling(samples=samples, concealed=concealed, silent=max(0, concealed - AUDIBLE))

    def _conceal(self, count: int) -> bytes:
        steps = count - count % STEP
        made = bytearray()
        for begins in range(0, steps, LONGEST):
            made += self._decode(None, min(LONGEST, steps - begins), recover=False)
        # What is no whole step is no loss of packets: it is nothing that was sent by Opus.
        return bytes(made) + bytes(2 * self._channels * (count - steps))

    def _decode(self, packet: bytes | None, count: int, *, recover: bool) -> bytes:
        length = 0 if packet is None else len(packet)
        decode = self._library.opus_decode
        made: int = _check(self._library, decode(self._state, packet, length, self._samples, count, recover))
        return ctypes.string_at(self._samples, 2 * self._channels * made)


def _check(library: ctypes.CDLL, result: int) -> int:
    if result < 0:
        raise CodecError(f"libopus failed: {library.opus_strerror(result).decode('ascii', 'replace')}")
    return result
