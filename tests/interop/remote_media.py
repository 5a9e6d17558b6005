"""Sound and pictures in the other program: what its side of a call sends, plays and counts.

`equip` adds to the library of `remote`: `peer.capture({audio, video})` sends a camera and a microphone (synthetic ones, or in
Node what a timer draws), `peer.heard` and `peer.seen` tell what arrived, `peer.counters()` is a flat summary of `getStats()`.
"""

from typing import Final, cast

from .remote import Remote

_MEDIA: Final = r"""
const inBrowser = typeof document !== "undefined";

// What a browser captures: its synthetic camera and microphone, or a canvas whose size the test may change.
const captureInBrowser = async ({ audio, video, width = 640, height = 480, canvas = false }) => {
  if (!canvas) return navigator.mediaDevices.getUserMedia({ audio, video: video && { width, height, frameRate: 30 } });
  const drawn = document.createElement("canvas");
  drawn.width = width; drawn.height = height;
  const context = drawn.getContext("2d");
  let count = 0;
  setInterval(() => {
    const step = drawn.width / 8;
    ["white", "yellow", "cyan", "lime", "magenta", "red", "blue", "black"].forEach((colour, index) => {
      context.fillStyle = colour; context.fillRect(index * step, 0, step + 1, drawn.height);
    });
    context.fillStyle = "gray"; context.fillRect((count * 4) % drawn.width, drawn.height / 3, drawn.width / 10, drawn.height / 10);
    count++;
  }, 33);
  globalThis.drawn = drawn;
  const stream = drawn.captureStream(30);
  if (audio) for (const track of (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks()) stream.addTrack(track);
  return stream;
};

// In Node (libwebrtc): I420 pictures with a moving edge, and a tone of 440 Hz.
const captureInNode = async ({ audio, video, width = 320, height = 240 }) => {
  const stream = new nonstandardMedia.MediaStream();
  if (video) {
    const source = new nonstandardMedia.nonstandard.RTCVideoSource();
    let count = 0;
    setInterval(() => {
      const data = new Uint8ClampedArray(width * height * 3 / 2).fill(128);
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = ((x + count) % width) * 255 / width;
      count += 2;
      source.onFrame({ width, height, data });
    }, 33).unref();
    stream.addTrack(source.createTrack());
  }
  if (audio) {
    const source = new nonstandardMedia.nonstandard.RTCAudioSource();
    let phase = 0;
    setInterval(() => {
      const samples = new Int16Array(480);
      for (let i = 0; i < 480; i++) samples[i] = 8000 * Math.sin(2 * Math.PI * 440 * phase++ / 48000);
      source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
    }, 10).unref();
    stream.addTrack(source.createTrack());
  }
  return stream;
};

Peer.prototype.capture = async function (wish) {
  const stream = await (inBrowser ? captureInBrowser(wish) : captureInNode(wish));
  this.senders ??= [];
  for (const track of stream.getTracks()) this.senders.push(this.pc.addTrack(track, stream));
  this.stream = stream;
};

// Playing is what makes a browser decode; sizes are those of the pictures that are shown.
Peer.prototype.play = function () {
  this.seen = { frames: 0, width: 0, height: 0 }; this.heard = { samples: 0, loudest: 0 }; this.tracks = []; this.elements = [];
  this.pc.addEventListener("track", ({ track, streams, transceiver }) => {
    this.tracks.push({ kind: track.kind, id: track.id, streams: streams.map(({ id }) => id), mid: transceiver?.mid });
    if (inBrowser) {
      const element = document.createElement(track.kind === "video" ? "video" : "audio");
      element.autoplay = true; element.muted = track.kind === "video"; element.playsInline = true;
      element.srcObject = new MediaStream([track]);
      document.body?.append(element);
      element.play().catch(() => {});
      this.elements.push({ kind: track.kind, element });
    } else if (track.kind === "video") {
      new nonstandardMedia.nonstandard.RTCVideoSink(track).onframe = ({ frame }) => {
        this.seen.frames++; this.seen.width = frame.width; this.seen.height = frame.height;
      };
    } else {
      new nonstandardMedia.nonstandard.RTCAudioSink(track).ondata = ({ samples }) => {
        this.heard.samples += samples.length;
        for (const sample of samples) this.heard.loudest = Math.max(this.heard.loudest, Math.abs(sample));
      };
    }
  });
};

// The picture of the first video element that shows one, as RGBA bytes of a small canvas in base64.
Peer.prototype.picture = function (width = 64, height = 48) {
  const shown = this.elements.find(({ kind, element }) => kind === "video" && element.videoWidth);
  if (!shown) return null;
  const canvas = document.createElement("canvas");
  canvas.width = width; canvas.height = height;
  canvas.getContext("2d").drawImage(shown.element, 0, 0, width, height);
  return { width: shown.element.videoWidth, height: shown.element.videoHeight, data: canvas.toDataURL("image/png") };
};

Peer.prototype.counters = async function () {
  const sums = {};
  const codecs = {};
  const report = await this.pc.getStats();
  for (const entry of report.values()) if (entry.type === "codec") codecs[entry.id] = entry.mimeType;
  for (const entry of report.values()) {
    if (!["inbound-rtp", "outbound-rtp", "remote-inbound-rtp", "remote-outbound-rtp"].includes(entry.type)) continue;
    for (const [name, value] of Object.entries(entry)) if (typeof value === "number" && name !== "timestamp") {
      const key = `${entry.type} ${entry.kind} ${name}`;
      sums[key] = ["frameWidth", "frameHeight", "roundTripTime", "jitter"].includes(name) ? Math.max(sums[key] ?? 0, value) : (sums[key] ?? 0) + value;
    }
    if (entry.codecId) sums[`${entry.type} ${entry.kind} codec`] = codecs[entry.codecId];
  }
  return sums;
};
"""


async def equip(theirs: Remote) -> None:
    """Load the media functions into the other program, once, and play what this connection receives."""
    await theirs.run(
        "if (!Peer.prototype.capture) await (new ((async () => {}).constructor)(argument.library))(); peer.play();",
        library=_MEDIA,
    )


async def counters(theirs: Remote) -> dict[str, float | str]:
    """The sums of their RTP statistics, under keys such as "inbound-rtp video framesDecoded"."""
    return cast("dict[str, float | str]", await theirs.run("return await peer.counters();"))
