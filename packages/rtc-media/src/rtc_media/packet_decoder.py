"""From packets of sound to samples, and from nothing to samples where packets got lost: what decoders share, and libav's."""

from array import array
from typing import Final, Protocol

import av
from av import AudioResampler
from av.audio.codeccontext import AudioCodecContext

from rtc_media.audio_settings import AudioCodecKind
from rtc_media.dataclass import dataclass
from rtc_media.errors import CodecError, libav_fails_as
from rtc_media.sound import LAYOUTS, samples_of

CONCEALED_SECONDS: Final = 0.06
"""For how long a lost packet's sound goes on to be heard; after that there is noise or silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """Samples that stand for lost ones."""

    samples: bytes
    concealed: int
    """How many of them, per channel, are made up: neither received nor recovered."""
    silent: int
    """How many of those are silence or noise."""


class PacketDecoder(Protocol):
    """Decodes one stream to 16-bit samples in the machine's byte order, channels in turns."""

    @property
    def implementation(self) -> str:
        """The library that does it."""

    @property
    def runs_inline(self) -> bool:
        """Whether it costs less than to wake a thread for it."""

    def decode(self, packet: bytes) -> bytes:
        """Decode a packet; what comes may be none yet.

        Raises:
            CodecError: It cannot be decoded.
        """

    def fill(self, count: int, packet: bytes) -> Filling:
        """Make the sound that is missing before a packet, which is decoded next.

        Args:
            count: Samples per channel.
            packet: What comes behind the gap; empty for a packet without sound.

        Raises:
            CodecError: The packet is so broken that nothing can be made of it.
        """


class LibavDecoder:
    """Decodes by libav. What is missing is the last packet's sound, ever quieter.

    Args:
        name: libav's name of the decoder.
        kind: The codec.
        channels: 1 or 2.

    Raises:
        CodecError: It does not open.
    """

    def __init__(self, name: str, kind: AudioCodecKind, channels: int) -> None:
        self.implementation = name
        self.runs_inline = kind.cheap
        self._channels = channels
        self._audible = int(CONCEALED_SECONDS * kind.sample_rate)
        self._last = array("h")
        with libav_fails_as(CodecError, f"{name} does not open"):
            context = av.CodecContext.create(name, "r")
            if not isinstance(context, AudioCodecContext):
                raise CodecError(f"{name} is no decoder of sound")
            context.sample_rate = kind.sample_rate
            # [rfc7874:3/13] Opus decodes every mode to what it is asked for: mono is made of stereo and the other way round.
            context.layout = LAYOUTS[channels]
            context.open()
        self._context = context
        self._to_s16 = AudioResampler(format="s16", layout=LAYOUTS[channels])

    def decode(self, packet: bytes) -> bytes:
        """Decode a packet; see `PacketDecoder.decode`."""
        with libav_fails_as(CodecError, f"{self.implementation} failed"):
            decoded = self._context.decode(av.Packet(packet))
            pieces = [bytes(samples_of(piece)) for raw in decoded for piece in self._to_s16.resample(raw)]
        if pieces:
            self._last = array("h", pieces[-1])
        return b"".join(pieces)

    def fill(self, count: int, packet: bytes) -> Filling:
        """Let the last sound fade, and be silent after it; see `PacketDecoder.fill`."""
        del packet
        audible = min(count, self._audible)
        samples = self._fading(audible) + bytes(2 * self._channels * (count - audible))
        return Filling(samples=samples, concealed=count, silent=count - audible)

    def _fading(self, count: int) -> bytes:
        """Repeat the last sound, ever quieter. Every other time backwards: so its waves join without a crack."""
        if not self._last:
            return bytes(2 * count * self._channels)
        width = self._channels
        length = count * width
        backwards = array(
            "h", [self._last[i + c] for i in range(len(self._last) - width, -1, -width) for c in range(width)]
        )
        there_and_back = backwards + self._last
        repeated = (there_and_back * (length // len(there_and_back) + 1))[:length]
        return array("h", [sample * (length - i) // length for i, sample in enumerate(repeated)]).tobytes()
