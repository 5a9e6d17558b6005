"""One browser that opened the page: its signalling socket, its peer connection, and what travels over it. The browser makes the offer."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from rtc_asyncio import DOMException, RTCConfiguration, RTCDataChannel, RTCIceCandidate, RTCPeerConnection

from .call import Call
from .errors import CommandError, reason
from .files import LABEL as FILE_LABEL
from .files import TransferError, receive_file, refuse, send_file
from .negotiated import describe, path, security
from .report import Report

CHAT_LABEL: Final = "chat"
STATISTICS_LABEL: Final = "statistics"
STATISTICS_INTERVAL: Final = 1.0
"""Seconds between two messages of statistics to the page."""
LEVEL_INTERVAL: Final = 0.1
"""Seconds between two messages about how loud the page is."""
MAX_RECEIVING: Final = 8
"""Files that one browser may send at the same time; its page keeps to four."""
MAX_QUOTE_LENGTH: Final = 200
"""Characters of what is wrong with a signalling message; it may quote the message."""
MAX_CHAT_BACKLOG: Final = 1_000_000
"""Bytes of chat that may wait for one browser; further lines are not sent to it."""
MAX_CHAT_LENGTH: Final = 4000
"""Characters of a chat line."""


EFFECTS: Final[dict[str, str]] = {
    "mirror": "its mirror image",
    "edges": "its edges",
    "same": "the same picture",
    "card": "a test card",
    "film": "the file",
}
"""What Python sends back, in words."""
STREAM_FACTS: Final = [
    "type",
    "kind",
    "framesPerSecond",
    "frameWidth",
    "frameHeight",
    "bytesSent",
    "bytesReceived",
    "packetsLost",
    "jitter",
    "framesDecoded",
    "framesEncoded",
    "nackCount",
    "pliCount",
    "decoderImplementation",
    "encoderImplementation",
]
"""What the page is told of each stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What all browsers share."""

    directory: Path
    """Where files go."""
    max_file_length: int
    """Bytes."""
    timeout: float
    """Seconds that a browser may take to connect."""
    configuration: RTCConfiguration
    film: Path | None = None
    """What is played to each browser."""


class Browser:
    """A page and the connection to it. `run` does everything; `close` ends it."""

    def __init__(self, number: int, socket: web.WebSocketResponse, settings: Settings, report: Report) -> None:
        self.number = number
        self._socket = socket
        self._settings = settings
        self._report = report
        self._chat: RTCDataChannel | None = None
        self._statistics: RTCDataChannel | None = None
        self._has_candidate = False
        self._was_lost = False
        self._receiving = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._pc = RTCPeerConnection(settings.configuration)
        self._call = Call(self._pc, settings.film)
        self._in_call = False
        self._pc.on("icecandidate")(self._send_candidate)
        self._pc.on("datachannel")(self._channel)
        self._pc.on("connectionstatechange")(self._state_changed)

    @property
    def name(self) -> str:
        """What it is called in the report."""
        return f"browser {self.number}"

    @property
    def connected(self) -> bool:
        """Whether data can flow."""
        return self._pc.connectionState == "connected"

    async def run(self) -> None:
        """Do the signalling until the page goes away."""
        self._say("page_opened", self.name)
        self._start(self._expect_connection())
        await self._signal({"effect": self._call.effect, "film": self._settings.film is not None})
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await self._signalled(json.loads(message.data))
            except (DOMException, TypeError, ValueError, RecursionError) as error:
                self._say("error", f"{self.name} signalled something unusable: {str(error)[:MAX_QUOTE_LENGTH]}")
        self._say("page_closed", self.name)

    async def close(self) -> None:
        """Close the connection and end every transfer. Idempotent."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._call.close()
        await self._pc.close()
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    def chat(self, text: str) -> None:
        """Send one line, if the chat is open; a browser that does not keep up loses lines."""
        chat = self._chat
        if chat is not None and chat.readyState == "open" and chat.bufferedAmount < MAX_CHAT_BACKLOG:
            with contextlib.suppress(DOMException):
                chat.send(json.dumps({"text": text[:MAX_CHAT_LENGTH]}))

    def send_file(self, file: Path) -> None:
        """Begin to send a file; the report tells how it went."""
        self._start(self._send(file))

    # --- signalling ---

    async def _signalled(self, message: object) -> None:
        match message:
            case {"description": dict(description)}:
                await self._pc.setRemoteDescription(description)
                if self._pc.signalingState == "have-remote-offer":
                    await self._answer_media()
                    await self._pc.setLocalDescription()
                    if (answer := self._pc.localDescription) is not None:
                        await self._signal({"description": answer.toJSON()})
            case {"effect": effect}:
                await self._choose(effect)
            case {"candidate": dict(candidate)}:
                await self._pc.addIceCandidate(candidate)
                self._has_candidate = self._has_candidate or bool(candidate.get("candidate"))
            case _:
                pass  # a newer page may say more

    async def _answer_media(self) -> None:
        try:
            in_call = await self._call.answer()
        except CommandError as error:
            self._say("error", f"{self.name}: {error}")
            await self._signal({"error": str(error)})
            return
        if in_call and not self._in_call:
            self._say("call", f"{self.name} sees {EFFECTS[self._call.effect]}", effect=self._call.effect)
        self._in_call = in_call

    async def _choose(self, effect: object) -> None:
        try:
            chosen = await self._call.choose(effect)
        except CommandError as error:  # the film has gone meanwhile
            self._say("error", f"{self.name}: {error}")
            return
        if chosen:
            self._say("effect", f"{self.name} sees {EFFECTS[self._call.effect]}", effect=self._call.effect)

    async def _send_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is not None:
            await self._signal({"candidate": candidate.toJSON()})

    async def _signal(self, message: dict[str, object]) -> None:
        with contextlib.suppress(ConnectionError):  # the page left; its socket says so
            if not self._socket.closed:
                await self._socket.send_json(message)

    # --- the connection ---

    async def _expect_connection(self) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._pc.wait_for("connected")
        except (TimeoutError, DOMException):
            why = f"no connection within {self._settings.timeout:g} s (ICE is {self._pc.iceConnectionState}); {self._hint()}"
            self._say("error", f"{self.name}: {why}")
            await self._signal({"error": why})
            await self._leave()
            return
        negotiated = describe(await self._pc.getStats())
        local, remote = path(negotiated)
        text = f"{self.name}: {local} ⇄ {remote}, {security(negotiated)}"
        self._say("connected", text, **negotiated)

    def _hint(self) -> str:
        if self._pc.remoteDescription is None:
            return "it never made an offer"
        if not self._has_candidate and "\na=candidate:" not in self._pc.remoteDescription.sdp:
            return "it found no address to use: browsers need a network beside loopback"
        return "is it on another network? Then --stun may help"

    def _state_changed(self) -> None:
        state = self._pc.connectionState
        if state in {"disconnected", "failed"}:
            self._say(state, self.name)
            self._was_lost = True
        elif state == "connected" and self._was_lost:
            self._say("reconnected", self.name)
        if state == "failed":  # the page makes a new connection when its socket closes
            self._start(self._leave())

    async def _leave(self) -> None:
        """Close the socket, upon which `run` ends."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    def _channel(self, channel: RTCDataChannel) -> None:
        if channel.label == CHAT_LABEL and self._chat is None:
            self._chat = channel
            channel.on("message")(self._line)
        elif channel.label == STATISTICS_LABEL and self._statistics is None:
            self._statistics = channel
            self._start(self._send_statistics(channel))
        elif channel.label == FILE_LABEL and self._receiving < MAX_RECEIVING:
            self._receiving += 1
            self._start(self._receive(channel))
        elif channel.label == FILE_LABEL:
            refuse(channel, f"{MAX_RECEIVING} files are on their way already")
        else:
            channel.close()

    def _line(self, message: str | bytes) -> None:
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            return
        match content:
            case {"text": str(text)}:
                self._say("chat", f"{self.name}: {text[:MAX_CHAT_LENGTH]}", message=text[:MAX_CHAT_LENGTH])
            case _:
                pass

    async def _send(self, file: Path) -> None:
        try:
            with self._report.progress(f"{file.name} to {self.name}") as progress:
                size = await send_file(self._pc, file, progress)
        except (TransferError, OSError, DOMException) as error:
            self._say("error", f"{self.name}: {_sentence(f'{file.name} cannot be read', error)}")
            return
        except asyncio.CancelledError:
            self._say("error", f"{self.name}: the connection ended before {file.name} had arrived")
            raise
        self._say("file_sent", f"{file.name} to {self.name}", path=str(file), size=size)

    async def _receive(self, channel: RTCDataChannel) -> None:
        try:
            with self._report.progress(f"file from {self.name}") as progress:
                settings = self._settings
                file = await receive_file(channel, settings.directory, settings.max_file_length, progress)
        except (TransferError, OSError) as error:
            self._say("error", f"{self.name}: {_sentence('its file cannot be written', error)}")
            return
        except asyncio.CancelledError:
            self._say("error", f"{self.name}: the connection ended before its file had arrived")
            raise
        finally:
            self._receiving -= 1
        self._say(
            "file_received",
            f"{file.path} from {self.name}",
            path=str(file.path),
            size=file.length,
            sha256=file.sha256,
        )

    async def _send_statistics(self, channel: RTCDataChannel) -> None:
        """What Python sees, for the page to show beside what the browser sees."""
        levels = round(STATISTICS_INTERVAL / LEVEL_INTERVAL)
        turn = 0
        while channel.readyState == "open":
            message: dict[str, object] | None = None
            if turn % levels == 0:
                report = await self._pc.getStats()
                shown = (report.transport, report.selected_pair)
                message = {stats.type: stats.toJSON() for stats in shown if stats is not None}
                streams = [stats.toJSON() for stats in report.values() if stats.type in {"inbound-rtp", "outbound-rtp"}]
                message["streams"] = [
                    {name: stream[name] for name in STREAM_FACTS if name in stream} for stream in streams
                ]
            elif self._call.level_dbov is not None:
                message = {"level": round(self._call.level_dbov, 1)}
            if message is not None:
                with contextlib.suppress(DOMException):  # a browser that does not keep up misses some
                    channel.send(json.dumps(message))
            turn += 1
            await asyncio.sleep(LEVEL_INTERVAL)

    def _say(self, event: str, text: str, **details: object) -> None:
        self._report.say(event, text, browser=self.number, **details)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _sentence(what: str, error: Exception) -> str:
    """What went wrong with a file; what the system says needs words in front."""
    return f"{what}: {reason(error)}" if isinstance(error, OSError) else str(error)
