"""Sound as somebody wants it: of his rate, channels and format. libav's resampler does the work, which takes one form only."""

from av import AudioFrame, AudioResampler

from rtc_media.errors import CodecError, libav_fails_as


class SoundAdapter:
    """Converts sound; works out anew how to when the form in which it comes changes.

    Args:
        layout: Channels of the result, libav's name.
        rate: Of the result, Hz.
        format: Of the result, libav's name.
        frame_size: Samples of each frame of the result; 0 for as many as come.
    """

    def __init__(self, *, layout: str, rate: int, format: str = "s16", frame_size: int = 0) -> None:  # noqa: A002 - as PyAV
        self._layout = layout
        self._rate = rate
        self._format = format
        self._frame_size = frame_size
        self._form: tuple[str, str, int] | None = None
        self._resampler: AudioResampler | None = None

    def adapt(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return what comes of a frame, and before it what was held back of those in another form.

        Raises:
            CodecError: libav cannot convert this format.
        """
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        rest = self.rest() if form != self._form else []
        with libav_fails_as(CodecError, "the sound cannot be converted"):
            if self._resampler is None:
                self._form = form
                self._resampler = AudioResampler(
                    format=self._format, layout=self._layout, rate=self._rate, frame_size=self._frame_size or None
                )
            return [*rest, *self._resampler.resample(frame)]

    def rest(self) -> list[AudioFrame]:
        """Return what is held back; what comes next begins anew."""
        resampler, self._resampler = self._resampler, None
        return [] if resampler is None else resampler.resample(None)
