"""The other side of an interop test: a peer connection in a browser page or in Node, commanded by small pieces of JavaScript.

Both kinds of program run the same library, which keeps connections by name, collects candidates until they are asked for, and
remembers what every channel received.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Final, Protocol, cast

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection

LIBRARY: Final = r"""
const sha256 = async (data) => [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");
const until = async (condition, what, seconds = 30) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5)))
    if (await condition()) return;
  throw new Error(`waited in vain for ${what}`);
};
const pattern = (length, seed) => { const data = new Uint8Array(length); for (let i = 0; i < length; i++) data[i] = (i * 31 + seed) & 255; return data; };
const plain = (description) => ({ type: description.type, sdp: description.sdp });

class Peer {
  constructor(configuration) {
    this.pc = new RTCPeerConnection(configuration);
    this.channels = {}; this.candidates = []; this.states = [];
    this.pc.onicecandidate = ({ candidate }) => this.candidates.push(candidate ? { candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex, usernameFragment: candidate.usernameFragment } : null);
    this.pc.onconnectionstatechange = () => this.states.push(this.pc.connectionState);
    this.pc.ondatachannel = ({ channel }) => this.keep(channel);
  }
  keep(channel) {
    channel.binaryType = "arraybuffer";
    const kept = { channel, messages: [], bytes: 0, bulk: null, echo: false, closed: false, wasOpen: channel.readyState === "open" };
    channel.onopen = () => { kept.wasOpen = true; };
    channel.onclose = () => { kept.closed = true; };
    channel.onmessage = ({ data }) => {
      const length = typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
      kept.bytes += length;
      if (kept.bulk) kept.bulk.push(new Uint8Array(data instanceof ArrayBuffer ? data : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)));
      else if (kept.echo) channel.send(data);
      else kept.messages.push(typeof data === "string" ? data : `binary ${length}`);
    };
    this.channels[channel.label] = kept;
    return kept;
  }
  async local(kind, options) {
    const description = kind === "offer" ? await this.pc.createOffer(options ?? {}) : await this.pc.createAnswer();
    await this.pc.setLocalDescription(description);
    return plain(this.pc.localDescription);
  }
  drainCandidates() { const found = this.candidates; this.candidates = []; return found; }
  async opened(label) {
    await until(() => this.channels[label]?.channel.readyState === "open", `channel ${label} to open`);
    return this.channels[label];
  }
  async sendBulk(label, total, size, seed) {
    const { channel } = this.channels[label];
    const data = pattern(total, seed);
    for (let at = 0; at < total; at += size) {
      channel.send(data.slice(at, at + size));
      if (channel.bufferedAmount > 4 << 20) await until(() => channel.bufferedAmount < 1 << 20, "the buffer to drain", 60);
    }
    return sha256(data);
  }
  async bulkHash(label, total) {
    const kept = this.channels[label];
    await until(() => kept.bytes >= total, `${total} bytes, have ${kept.bytes}`, 60);
    const data = new Uint8Array(kept.bytes);
    let at = 0;
    for (const part of kept.bulk) { data.set(part, at); at += part.length; }
    return sha256(data);
  }
}
globalThis.Peer = Peer; globalThis.peers ??= {}; globalThis.until = until; globalThis.sha256 = sha256; globalThis.pattern = pattern; globalThis.plain = plain;
"""


class Program(Protocol):
    """A browser page or a Node process."""

    name: str

    async def run(self, code: str, argument: object = None, *, timeout: float = ...) -> object: ...


class Remote:
    """One peer connection in the other program."""

    _count = 0

    def __init__(self, program: Program, key: str) -> None:
        self._program = program
        self._key = key

    @property
    def program_name(self) -> str:
        """The browser's or implementation's name."""
        return self._program.name

    @classmethod
    async def create(cls, program: Program, configuration: Mapping[str, object] | None = None) -> "Remote":
        """Make a connection there; the library is loaded when it is not there yet."""
        await program.run("if (!globalThis.Peer) await (new ((async () => {}).constructor)(argument))();", LIBRARY)
        Remote._count += 1
        remote = cls(program, f"peer{Remote._count}")
        await remote.run("", configuration=configuration or {"iceServers": []}, create=True)
        return remote

    async def another(self) -> "Remote":
        """Make another connection in the same program."""
        return await Remote.create(self._program)

    async def run(self, code: str, *, timeout: float = 60.0, create: bool = False, **argument: object) -> object:
        """Run code with `peer`, `pc` and the keyword arguments in `argument` at hand; returns its result."""
        begin = "peers[argument.key] = new Peer(argument.configuration);" if create else ""
        script = f"{begin} const peer = peers[argument.key]; const pc = peer.pc; {code}"
        return await self._program.run(script, {**argument, "key": self._key}, timeout=timeout)

    async def close(self) -> None:
        """Close the connection and forget it, and free what it captured: a camera keeps the size that its first user asked for."""
        await self.run(
            "let senders = []; try { senders = pc.getSenders(); } catch {}"  # libdatachannel has none, and says so by throwing
            "for (const track of [...senders].map(({track}) => track).concat(peer.stream?.getTracks() ?? []))"
            " track?.stop?.();"
            "pc.close(); delete peers[argument.key];"
        )

    async def channel(self, label: str, **init: object) -> None:
        """Create a data channel."""
        await self.run("peer.keep(pc.createDataChannel(argument.label, argument.init));", label=label, init=init)

    async def opened(self, label: str) -> dict[str, object]:
        """Wait until a channel is open and read its attributes."""
        attributes = await self.run(
            "const {channel} = await peer.opened(argument.label);"
            "return {id: channel.id, ordered: channel.ordered, protocol: channel.protocol, negotiated: channel.negotiated,"
            " maxRetransmits: channel.maxRetransmits, maxPacketLifeTime: channel.maxPacketLifeTime};",
            label=label,
        )
        return cast("dict[str, object]", attributes)

    async def messages(self, label: str, count: int) -> list[str]:
        """Wait for that many messages; binary ones are given as "binary LENGTH"."""
        received = await self.run(
            "const kept = await peer.opened(argument.label);"
            "await until(() => kept.messages.length >= argument.count, `${argument.count} messages on ${argument.label}`);"
            "return kept.messages.splice(0);",
            label=label,
            count=count,
        )
        return cast("list[str]", received)

    async def echo(self, label: str) -> None:
        """Send everything back from now on."""
        await self.run("(await peer.opened(argument.label)).echo = true;", label=label)

    async def send(self, label: str, text: str) -> None:
        """Send a text message."""
        await self.run("(await peer.opened(argument.label)).channel.send(argument.text);", label=label, text=text)


class Call:
    """Our peer connection and theirs, with signalling in between."""

    def __init__(self, ours: RTCPeerConnection, theirs: Remote, *, trickle: bool = True) -> None:
        self.ours = ours
        self.theirs = theirs
        self.channels: dict[str, RTCDataChannel] = {}
        self._arrived = asyncio.Event()
        self._trickle = trickle
        self._pumps: list[asyncio.Task[None]] = []
        self._early: list[RTCIceCandidate] = []
        self._they_have_ours = False
        ours.on("datachannel")(self._keep)
        if trickle:
            ours.on("icecandidate")(self._send_candidate)

    def create(self, label: str, **init: object) -> RTCDataChannel:
        """Create a channel on our side."""
        channel = self.ours.createDataChannel(label, init)
        self.channels[label] = channel
        return channel

    async def channel(self, label: str) -> RTCDataChannel:
        """Our end of a channel, open; waits for it if they created it."""
        async with asyncio.timeout(30):
            while label not in self.channels:
                self._arrived.clear()
                await self._arrived.wait()
            await self.channels[label].wait_for("open")
        return self.channels[label]

    async def connect(self, *, offerer: str) -> None:
        """Negotiate once and wait until both sides are connected."""
        await self.negotiate(offerer=offerer)
        async with asyncio.timeout(30):
            await self.ours.wait_for("connected")
        await self.theirs.run("await until(() => pc.connectionState === 'connected', 'connected');")

    async def negotiate(self, *, offerer: str, **options: object) -> None:
        """One offer and one answer, from "ours" or "theirs"; candidates trickle in the background."""
        if offerer == "ours":
            await self.ours.setLocalDescription(await self.ours.createOffer(options))
            await self._describe(
                "await pc.setRemoteDescription(argument.description); return await peer.local('answer');"
            )
        else:
            offer = await self.theirs.run("return await peer.local('offer', argument.options);", options=options)
            if not self._trickle:
                offer = await self._gathered()
            await self.ours.setRemoteDescription(cast("dict[str, object]", offer))
            await self.ours.setLocalDescription(await self.ours.createAnswer())
            await self._describe("await pc.setRemoteDescription(argument.description);", answer=False)
        if self._trickle and not self._pumps:
            self._pumps.append(asyncio.create_task(self._receive_candidates()))

    async def _describe(self, code: str, *, answer: bool = True) -> None:
        assert self.ours.localDescription is not None
        reply = await self.theirs.run(code, description=self.ours.localDescription.toJSON())
        self._they_have_ours = True
        while self._early:
            await self._send_candidate(self._early.pop(0))
        if answer:
            if not self._trickle:
                reply = await self._gathered()
            await self.ours.setRemoteDescription(cast("dict[str, object]", reply))

    async def _gathered(self) -> object:
        return await self.theirs.run(
            "await until(() => pc.iceGatheringState === 'complete', 'gathering'); return plain(pc.localDescription);"
        )

    @property
    def theirs_is_faithful(self) -> bool:
        """Whether their channels report their properties as the W3C has it; the Node ones take liberties with absent values."""
        return self.theirs.program_name in {"chromium", "firefox"}

    async def close(self) -> None:
        """Close both sides."""
        for pump in self._pumps:
            pump.cancel()
        await self.ours.close()
        await self.theirs.close()

    def _keep(self, channel: RTCDataChannel) -> None:
        self.channels[channel.label] = channel
        self._arrived.set()

    async def _send_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is None:
            return
        if not self._they_have_ours:
            self._early.append(candidate)
            return
        await self.theirs.run("await pc.addIceCandidate(argument.candidate);", candidate=candidate.toJSON())

    async def _receive_candidates(self) -> None:
        while True:
            for candidate in cast(
                "list[dict[str, object] | None]", await self.theirs.run("return peer.drainCandidates();")
            ):
                if candidate is not None:
                    await self.ours.addIceCandidate(candidate)
            await asyncio.sleep(0.02)


def pattern(length: int, seed: int) -> bytes:
    """The same bytes as the JavaScript function of that name."""
    return bytes((index * 31 + seed) & 255 for index in range(256)) * (length // 256) + bytes(
        (index * 31 + seed) & 255 for index in range(length % 256)
    )


def sha256(data: bytes) -> str:
    """Hexadecimal."""
    return hashlib.sha256(data).hexdigest()
