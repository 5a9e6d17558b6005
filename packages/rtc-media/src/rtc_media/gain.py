"""Automatic gain control: speech at the level that others expect (:rfc:`7874#section-4`)."""

import math
from fractions import Fraction
from typing import Final

from av import AudioFrame
from av.filter import Graph

from rtc_asyncio import MediaStreamTrack
from rtc_asyncio.tracks import MediaKind
from rtc_media.errors import CodecError, libav_fails_as
from rtc_media.sound import FULL_SCALE, LAYOUTS, samples_of, sound_frame
from rtc_media.sound_adapter import SoundAdapter

TARGET_LEVEL: Final = 2600
"""Root mean square of active speech, of 32,767: -19 dBm0."""
CUTOFF_HZ: Final = 300
SPEECH_THRESHOLD: Final = 160
"""Root mean square: what is quieter is no speech, and does not count."""
MAX_GAIN: Final = 16.0
MIN_GAIN: Final = 1 / 16
RISES_PER_SECOND: Final = 1.6
"""Factor by which the gain grows in a second of speech at most: slowly, so that pauses do not swell."""
FALLS_PER_SECOND: Final = 16.0
"""Factor by which it falls at most: fast, as too loud is worse."""
SAMPLE_RATE: Final = 48_000


class GainControl:
    """Measures speech and amplifies it to `TARGET_LEVEL`; works on s16 frames of one rate and layout."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._sample_rate = sample_rate
        self._channels = channels
        self._filter = _high_pass(sample_rate, channels)
        self.gain = 1.0
        """The factor in use."""

    def process(self, frame: AudioFrame) -> AudioFrame:
        """Return the frame at the right level.

        Raises:
            CodecError: libav refuses the frame.
        """
        with libav_fails_as(CodecError, "the level cannot be measured"):
            self._filter.push(frame)
            filtered = self._filter.pull()
        if isinstance(filtered, AudioFrame):
            self._adapt(_root_mean_square(samples_of(filtered)), frame.samples / self._sample_rate)
        samples = samples_of(frame)
        loudest = max(map(abs, samples), default=1) or 1
        # [rfc7874:4/2] What would clip lowers the gain at once.
        self.gain = min(self.gain, max((FULL_SCALE - 1) / loudest, MIN_GAIN))
        return _amplified(frame, self.gain, self._channels)

    def _adapt(self, level: float, duration: float) -> None:
        if level < SPEECH_THRESHOLD:
            return
        # [rfc7874:4/4]
        wanted = min(MAX_GAIN, max(MIN_GAIN, TARGET_LEVEL / level))
        if wanted > self.gain:
            self.gain = min(wanted, self.gain * RISES_PER_SECOND**duration)
        else:
            self.gain = max(wanted, self.gain / FALLS_PER_SECOND**duration)


class LevelledTrack(MediaStreamTrack):
    """A track of speech at the level that others expect.

    Args:
        track: The source, of raw sound. It ends this track with it.
        automatic: Follow the speaker; False for music and shared desktops, whose dynamics are meant.
        gain: The factor in use to begin with; without `automatic` it stays.
    """

    kind: MediaKind = "audio"

    def __init__(self, track: MediaStreamTrack, *, automatic: bool | None = None, gain: float = 1.0) -> None:
        super().__init__(label=track.label)
        self._frames = track.subscribe()
        # [rfc7874:4/5] [rfc7874:4/6]
        self._automatic = track.contentHint != "music" if automatic is None else automatic
        self.gain = gain
        """Factor; set it at any time where it is not automatic."""
        self._control: GainControl | None = None
        self._channels = 1
        self._adapter: SoundAdapter | None = None
        self._waiting: list[AudioFrame] = []
        track.on("ended")(self._source_ended)

    async def recv(self) -> AudioFrame:
        """Take the next frame: s16, 48 kHz.

        Raises:
            MediaStreamError: The track has ended.
        """
        while not self._waiting:
            frame = await self._frames.get()
            if isinstance(frame, AudioFrame):
                self._waiting += self._levelled(frame)
        return self._waiting.pop(0)

    def _levelled(self, frame: AudioFrame) -> list[AudioFrame]:
        if self._adapter is None or self._control is None:
            self._channels = min(2, len(frame.layout.channels))
            self._adapter = SoundAdapter(layout=LAYOUTS[self._channels], rate=SAMPLE_RATE)
            self._control = GainControl(SAMPLE_RATE, self._channels)
            self._control.gain = self.gain
        frames = self._adapter.adapt(frame)
        if not self._automatic:
            self._control.gain = self.gain
            return [_amplified(each, self.gain, self._channels) for each in frames]
        levelled = [self._control.process(each) for each in frames]
        self.gain = self._control.gain
        return levelled

    def _end(self, *, told: bool) -> None:
        self._frames.close()
        super()._end(told=told)


def _amplified(frame: AudioFrame, gain: float, channels: int) -> AudioFrame:
    samples = samples_of(frame)
    data = memoryview(bytearray(2 * len(samples))).cast("h")
    for index, sample in enumerate(samples):
        data[index] = max(-FULL_SCALE, min(FULL_SCALE - 1, int(sample * gain)))
    return sound_frame(data.tobytes(), frame.sample_rate, channels, frame.pts or 0)


def _root_mean_square(samples: memoryview) -> float:
    return math.hypot(*samples) / math.sqrt(len(samples) or 1)


def _high_pass(sample_rate: int, channels: int) -> Graph:
    # [rfc7874:4/1] [rfc7874:4/7] libav's filter with two poles is a Butterworth.
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=sample_rate, format="s16", layout=LAYOUTS[channels], time_base=Fraction(1, sample_rate)
        ),
        graph.add("highpass", f"f={CUTOFF_HZ}:p=2"),
        graph.add("aformat", f"sample_fmts=s16:channel_layouts={LAYOUTS[channels]}"),
        graph.add("abuffersink"),
    ).configure()
    return graph
