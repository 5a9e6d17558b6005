"""`rtc record`: joins a session as one who only watches, and writes what comes into a file, as it came."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import aiohttp

from rtc_asyncio import DOMException, EncodedFrameTrack, RTCPeerConnection, RTCRtpReceiver, RTCRtpTransceiver
from rtc_asyncio.tracks import MediaKind

from .errors import CommandError
from .report import Report

if TYPE_CHECKING:
    from rtc_media import MediaRecorder

KINDS: Final[tuple[MediaKind, ...]] = ("video", "audio")
SUITABLE_CODECS: Final = {
    ".mp4": ("video/H264", "video/H265", "video/VP9", "video/AV1"),
    ".mov": ("video/H264", "video/H265"),
    ".webm": ("video/VP8", "video/VP9", "video/AV1", "audio/opus"),
    ".ivf": ("video/VP8", "video/VP9", "video/AV1"),
    ".ogg": ("audio/opus", "video/VP8"),
    ".opus": ("audio/opus",),
    ".wav": ("audio/PCMU", "audio/PCMA", "audio/G722"),
}
"""What files hold as it comes, by their names; the session is asked for these first."""
KINDS_HELD: Final[dict[str, tuple[MediaKind, ...]]] = {".ivf": ("video",), ".opus": ("audio",), ".wav": ("audio",)}
"""Of files that do not hold both."""
PROGRESS_INTERVAL: Final = 5.0
"""Seconds between two lines about how far the recording is."""
MAX_ANSWER_LENGTH: Final = 256 * 1024
"""Bytes of an answer to WHEP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    url: str
    file: Path
    duration: float | None
    """Seconds; None until interrupted, or until the other side ends."""
    encode: bool
    """Decode what comes, and encode it for the file."""
    timeout: float


async def run_record(options: Options, *, as_json: bool) -> None:
    """Record until the time is over, the other side ends, or an interrupt.

    Raises:
        CommandError: There is no session at the URL, no connection, nothing to record, or the file cannot be written.
    """
    from rtc_media import MediaError

    report = Report(as_json=as_json)
    async with RTCPeerConnection() as pc:
        transceivers = _transceivers(pc, options)
        try:
            async with _joined(pc, options) as signalling:
                await _connect(pc, options, signalling)
                report.say("connected", f"{options.url}, recording into {options.file}", path=str(options.file))
                await _record(pc, transceivers, options, report, signalling)
        except MediaError as error:
            advice = (
                "" if options.encode else " (a .mkv file holds every codec, and --encode suits what comes to the file)"
            )
            raise CommandError(f"{error}{advice}") from None
        except (aiohttp.ClientError, OSError, DOMException) as error:
            raise CommandError(f"{options.url}: {str(error) or type(error).__name__}") from None


def _transceivers(pc: RTCPeerConnection, options: Options) -> list[RTCRtpTransceiver]:
    """Ask for what the file can hold."""
    extension = options.file.suffix.lower()
    suitable = () if options.encode else SUITABLE_CODECS.get(extension, ())
    made = []
    for kind in KINDS_HELD.get(extension, KINDS):
        transceiver = pc.addTransceiver(kind, {"direction": "recvonly"})
        known = RTCRtpReceiver.getCapabilities(kind)
        if known is not None and any(each.mimeType in suitable for each in known.codecs):
            wanted = [codec for mime_type in suitable for codec in known.codecs if codec.mimeType == mime_type]
            transceiver.setCodecPreferences([*wanted, *(codec for codec in known.codecs if codec not in wanted)])
        made.append(transceiver)
    return made


# --- the session ---


@contextlib.asynccontextmanager
async def _joined(pc: RTCPeerConnection, options: Options) -> AsyncIterator[asyncio.Task[None] | None]:
    """Do the signalling: over the WebSocket of `rtc serve` and `rtc play`, in a task, or, for a URL with a path, by WHEP."""
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise CommandError(f"{options.url} is no URL that begins with http:// or https://")
    async with aiohttp.ClientSession() as session:
        if parts.path.strip("/"):
            await _whep(pc, session, options)
            yield None
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        async with session.ws_connect(f"{origin}/signal", headers={"Origin": origin}) as socket:
            signalling = asyncio.create_task(_signal(pc, socket, options))
            try:
                yield signalling
            finally:
                signalling.cancel()
                await asyncio.gather(signalling, return_exceptions=True)


async def _signal(pc: RTCPeerConnection, socket: aiohttp.ClientWebSocketResponse, options: Options) -> None:
    @pc.on("icecandidate")
    async def _(candidate: object) -> None:
        to_json = getattr(candidate, "toJSON", None)
        if to_json is not None and not socket.closed:
            await socket.send_json({"candidate": to_json()})

    await pc.setLocalDescription()
    if pc.localDescription is not None:
        await socket.send_json({"description": pc.localDescription.toJSON()})
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        match json.loads(message.data):
            case {"description": dict(description)}:
                await pc.setRemoteDescription(description)
            case {"candidate": dict(candidate)}:
                await pc.addIceCandidate(candidate)
            case {"effect": "mirror" | "edges" | "same"}:  # there is nothing of ours to send back
                await socket.send_json({"effect": "card"})
            case _:
                pass
    if socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER:
        raise CommandError(f"{options.url} has too many visitors: try again later")


async def _whep(pc: RTCPeerConnection, session: aiohttp.ClientSession, options: Options) -> None:
    """One HTTP exchange: the offer with all its candidates, and the answer (draft-ietf-wish-whep)."""
    gathered = asyncio.Event()

    @pc.on("icegatheringstatechange")
    def _() -> None:
        if pc.iceGatheringState == "complete":
            gathered.set()

    await pc.setLocalDescription()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(options.timeout / 2):
            await gathered.wait()
    if pc.localDescription is None:
        raise CommandError("there is no offer: this is a fault of the library, please report it")
    headers = {"Content-Type": "application/sdp"}
    async with session.post(options.url, data=pc.localDescription.sdp.encode(), headers=headers) as response:
        answer = await response.content.read(MAX_ANSWER_LENGTH)
        if response.status != 201:
            raise CommandError(f"{options.url} answers {response.status} {response.reason}: no session to watch")
    await pc.setRemoteDescription({"type": "answer", "sdp": answer.decode(errors="replace")})


async def _connect(pc: RTCPeerConnection, options: Options, signalling: asyncio.Task[None] | None) -> None:
    connecting = asyncio.create_task(pc.wait_for("connected"))
    waiting = {connecting} if signalling is None else {connecting, signalling}
    try:
        async with asyncio.timeout(options.timeout):
            while not connecting.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await task  # which says why there will be no connection, if there will be none
    except (TimeoutError, DOMException):
        raise CommandError(
            f"{options.url}: no connection within {options.timeout:g} s (ICE is {pc.iceConnectionState})"
        ) from None
    finally:
        connecting.cancel()


# --- the file ---


async def _record(
    pc: RTCPeerConnection,
    transceivers: list[RTCRtpTransceiver],
    options: Options,
    report: Report,
    signalling: asyncio.Task[None] | None,
) -> None:
    from rtc_media import MediaError, MediaRecorder

    recorder = MediaRecorder(options.file)
    feeding: list[asyncio.Task[None]] = []
    counts: dict[str, int] = dict.fromkeys(KINDS, 0)
    sent = [each for each in transceivers if each.currentDirection in {"recvonly", "sendrecv"}]
    if not sent:
        raise CommandError(f"{options.url} sends neither pictures nor sound")
    for transceiver in sent:
        receiver = transceiver.receiver
        track = EncodedFrameTrack(receiver.track.kind)
        feeding.append(asyncio.create_task(_feed(transceiver, track, counts)))
        recorder.addTrack(receiver.track if options.encode else track)
    begun = time.monotonic()
    try:
        async with recorder:
            for transceiver in sent:
                transceiver.receiver.requestKeyFrame()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(options.duration):
                    await _until_over(pc, recorder, counts, report, begun, signalling)
    except MediaError:
        counts = dict[str, int].fromkeys(KINDS, 0)  # of which the file has none, or not all
        raise
    finally:
        for task in feeding:
            task.cancel()
        await asyncio.gather(*feeding, return_exceptions=True)
        seconds = round(time.monotonic() - begun, 1)
        text = f"{options.file}: {seconds:g} s, {counts['video']} pictures, {counts['audio']} packets of sound"
        if any(counts.values()):
            report.say("recorded", text, path=str(options.file), duration=seconds, **counts)
    if not any(counts.values()):
        raise CommandError(f"{options.url} sent neither pictures nor sound within {seconds:g} s: nothing was recorded")


async def _feed(transceiver: RTCRtpTransceiver, track: EncodedFrameTrack, counts: dict[str, int]) -> None:
    """Hand on what comes, and count it."""
    async for frame in transceiver.receiver.frames():
        counts[track.kind] += 1
        track.put_nowait(frame)
    track.end()


async def _until_over(
    pc: RTCPeerConnection,
    recorder: "MediaRecorder",
    counts: dict[str, int],
    report: Report,
    begun: float,
    signalling: asyncio.Task[None] | None,
) -> None:
    """Tell how far it is, until the other side ends, the connection breaks, or the file takes no more."""
    over = asyncio.Event()
    transports = {transport for each in pc.getReceivers() if (transport := each.transport) is not None}

    def look(event: object = None) -> None:  # noqa: ARG001 - the handler of several events
        if pc.connectionState in {"failed", "closed"} or all(each.state == "closed" for each in transports):
            over.set()

    pc.addEventListener("connectionstatechange", look)
    for transport in transports:
        transport.addEventListener("statechange", look)
    look()
    telling = asyncio.create_task(_tell(counts, report, begun))
    ends = [asyncio.create_task(over.wait()), asyncio.create_task(recorder.wait())]
    others = [] if signalling is None else [signalling]
    try:
        await asyncio.wait([*ends, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (telling, *ends):
            task.cancel()


async def _tell(counts: dict[str, int], report: Report, begun: float) -> None:
    while True:
        await asyncio.sleep(PROGRESS_INTERVAL)
        seconds = round(time.monotonic() - begun)
        report.say("recording", f"{seconds} s, {counts['video']} pictures", duration=seconds, **counts)
