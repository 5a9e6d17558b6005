"""The call between a page and Python: what Python sees and hears, what it sends back, and how loud it is."""

import asyncio
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from rtc_asyncio import MediaStreamError, MediaStreamTrack, RTCPeerConnection, RTCRtpTransceiver

from .errors import CommandError

if TYPE_CHECKING:
    from av import AudioFrame

    from rtc_media import MediaPlayer

Effect: TypeAlias = Literal["mirror", "edges", "same", "card", "film"]

FILTERS: Final[dict[Effect, tuple[tuple[str, str], ...]]] = {
    "mirror": (("hflip", ""),),
    "edges": (("edgedetect", "low=0.08:high=0.2:mode=colormix"), ("format", "yuv420p")),
    "same": (),
}
"""What becomes of the browser's picture; the names are libav's."""
QUIETEST: Final = 100.0
"""What silence counts as, -dBov."""
TONE_LEVEL: Final = -30.0


class Call:
    """Answers the media of one browser.

    Args:
        pc: The connection.
        film: What is played to the browser instead of sending its picture back; None for nothing.
    """

    def __init__(self, pc: RTCPeerConnection, film: Path | None) -> None:
        self._pc = pc
        self._film = film
        self._player: MediaPlayer | None = None
        self._own: dict[RTCRtpTransceiver, MediaStreamTrack] = {}
        """What each section sends."""
        self._metering: asyncio.Task[None] | None = None
        self.effect: Effect = "film" if film is not None else "mirror"
        """What Python sends back."""
        self.level_dbov: float | None = None
        """How loud the browser is; None if it sends nothing."""

    async def answer(self) -> bool:
        """Send and receive whatever the offer has room for; call it between the offer and the answer.

        Returns:
            Whether there is anything to see or hear.

        Raises:
            CommandError: The film cannot be played.
        """
        any_media = False
        for transceiver in self._pc.getTransceivers():
            if transceiver.stopped:
                continue
            any_media = True
            transceiver.direction = "sendrecv"
            if transceiver.sender.track is None:
                await self._send(transceiver)
            if transceiver.receiver.track.kind == "audio" and self._metering is None:
                self._metering = asyncio.create_task(self._meter(transceiver.receiver.track))
        return any_media

    async def choose(self, effect: object) -> bool:
        """Send something else back.

        Returns:
            False if there is no such effect.
        """
        for known in get_args(Effect):
            if known == effect and (known != "film" or self._film is not None):
                self.effect = known
                break
        else:
            return False
        for transceiver in self._pc.getTransceivers():
            if not transceiver.stopped:
                await self._send(transceiver)
        return True

    async def close(self) -> None:
        """End all that it began. Idempotent."""
        metering, self._metering = self._metering, None
        if metering is not None:
            metering.cancel()
            await asyncio.gather(metering, return_exceptions=True)
        for track in self._own.values():
            track.stop()
        self._own.clear()
        player, self._player = self._player, None
        if player is not None:
            await player.close()

    async def _send(self, transceiver: RTCRtpTransceiver) -> None:
        received = transceiver.receiver.track
        before = self._own.get(transceiver)
        track = await self._track(received)
        await transceiver.sender.replaceTrack(track)
        self._own[transceiver] = track
        # Those of the film are played on for when it is chosen again.
        film = () if self._player is None else (self._player.audio, self._player.video)
        if before is not None and before is not track and before not in film:
            before.stop()

    async def _track(self, received: MediaStreamTrack) -> MediaStreamTrack:
        """Make what is sent instead of what is received."""
        from rtc_media import FilteredTrack, MediaRelay, TestCardTrack, ToneTrack

        if self.effect == "film":
            player = await self._play()
            played = player.video if received.kind == "video" else player.audio
            if played is not None:
                return played
        if received.kind == "audio":
            return (
                ToneTrack(level_dbov=TONE_LEVEL)
                if self.effect in {"card", "film"}
                else MediaRelay().subscribe(received)
            )
        if self.effect in FILTERS:
            return FilteredTrack(received, FILTERS[self.effect])
        return TestCardTrack()

    async def _play(self) -> "MediaPlayer":
        from rtc_media import MediaError, MediaPlayer

        if self._player is None:
            if self._film is None:
                raise CommandError("there is nothing to play")
            try:
                self._player = await MediaPlayer.open(self._film, loop=True)
            except MediaError as error:
                raise CommandError(str(error)) from None
        return self._player

    async def _meter(self, track: MediaStreamTrack) -> None:
        from av import AudioFrame

        frames = track.subscribe()
        try:
            while True:
                frame = await frames.get()
                if isinstance(frame, AudioFrame):
                    self.level_dbov = level(frame)
        except MediaStreamError:
            self.level_dbov = None
        finally:
            frames.close()


def level(frame: "AudioFrame") -> float:
    """Return how loud a decoded frame is: its root mean square against the loudest there is, dBov, 0 to -100."""
    samples = memoryview(frame.planes[0])[: 2 * frame.samples * len(frame.layout.channels)].cast("h")
    energy = math.hypot(*samples)
    if not energy:
        return -QUIETEST
    return max(-QUIETEST, 20 * math.log10(energy / math.sqrt(len(samples)) / 32768))
