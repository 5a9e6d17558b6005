// The call: a camera or a drawing goes to Python, and what Python makes of it comes back. Meters, figures and plots of both directions.
import { Drawing } from "./drawing.js";
import { Meter } from "./meter.js";
import { NONE, Plot } from "./plot.js";

const INTERVAL = 500;  // milliseconds
const FACTS = ["picture", "codec", "bit rate", "lost", "jitter"];
const $ = (id) => document.getElementById(id);

export class Call {
  constructor() {
    this.plots = { "video-up": new Plot("video-up"), "video-down": new Plot("video-down"), "frame-rate": new Plot("frame-rate") };
    this.meters = { mine: new Meter("meter-mine"), heard: new Meter("meter-heard"), theirs: new Meter("meter-theirs") };
    $("camera").onclick = () => this.start(() => this.camera());
    $("drawing").onclick = () => this.start(() => this.drawing());
    $("watch").onclick = () => this.watch();
    $("hang-up").onclick = () => this.hangUp();
    $("effect").onchange = () => this.session?.signal({ effect: $("effect").value });
    $("listen").onchange = () => { $("theirs").muted = !$("listen").checked; };
    $("theirs").onresize = () => { $("theirs-size").textContent = size($("theirs")); };
    $("mine").onresize = () => { $("mine-size").textContent = size($("mine")); };
    this.disconnected();
    setInterval(() => this.update(), INTERVAL);
  }

  connected(session) {
    this.session = session;
    this.transceivers = undefined;
    this.buttons();
    const { effect, film } = session.offers;
    $("effect").querySelector("[value=film]").hidden = !film;
    if (this.stream) {  // the connection is a new one, the call goes on
      session.signal({ effect: $("effect").value });
      this.send();
    } else {
      $("effect").value = effect ?? "mirror";
      if (film) this.watch();
    }
  }

  disconnected() {
    this.session = undefined;
    this.clear();
    this.buttons();
  }

  watch() {
    if (!["card", "film"].includes($("effect").value)) $("effect").value = "card";
    this.session.signal({ effect: $("effect").value });
    return this.start(() => new MediaStream());
  }

  async camera() {
    return navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: true });
  }

  async drawing() {
    this.drawn = new Drawing();
    return this.drawn.stream;
  }

  async start(source) {
    this.release();
    this.buttons("starting …");
    try {
      this.stream = await source();
    } catch (error) {
      this.buttons(error.name === "NotAllowedError" ? "The browser did not allow the camera: use the drawing." : `No camera: ${error.message}`);
      return;
    }
    $("mine").srcObject = this.stream;
    this.meters.mine.watch(this.stream);
    await this.send();
  }

  // Puts the stream into the connection: with transceivers that are there from the last call, or new ones.
  async send() {
    const { session, stream } = this;
    if (!session) return this.buttons();
    this.before = undefined;
    if (this.transceivers) {
      for (const transceiver of this.transceivers) {
        await transceiver.sender.replaceTrack(stream.getTracks().find(({ kind }) => kind === transceiver.receiver.track.kind) ?? null);
        transceiver.direction = transceiver.sender.track ? "sendrecv" : "recvonly";
      }
    } else {
      this.transceivers = ["video", "audio"].map((kind) => {
        const track = stream.getTracks().find((each) => each.kind === kind);
        return session.pc.addTransceiver(track ?? kind, { direction: track ? "sendrecv" : "recvonly", streams: [stream] });
      });
    }
    const theirs = new MediaStream(this.transceivers.map(({ receiver }) => receiver.track));
    $("theirs").srcObject = theirs;
    $("theirs").play().catch(() => {});
    this.meters.theirs.watch(theirs);
    session.enqueue(() => session.offer());
    this.buttons();
  }

  hangUp() {
    this.release();
    for (const transceiver of this.transceivers ?? []) { transceiver.direction = "inactive"; transceiver.sender.replaceTrack(null); }
    if (this.transceivers && this.session) this.session.enqueue(() => this.session.offer());
    this.clear();
    this.buttons();
  }

  release() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.drawn?.stop();
    this.stream = this.drawn = undefined;
  }

  clear() {
    for (const plot of Object.values(this.plots)) plot.clear();
    for (const meter of Object.values(this.meters)) meter.forget();
    for (const name of ["mine", "theirs"]) { if (!this.stream) $(name).srcObject = null; $(`${name}-size`).textContent = ""; }
    this.table(Object.fromEntries(FACTS.map((name) => [name, [NONE, NONE]])));
  }

  buttons(note = "") {
    const calling = Boolean(this.stream);
    $("camera").disabled = $("drawing").disabled = $("watch").disabled = !this.session || note.startsWith("starting");
    $("hang-up").disabled = !calling;
    $("tiles").classList.toggle("live", calling);
    $("call-note").textContent = note || (navigator.mediaDevices ? "" : "Cameras need a page from this machine (localhost) or HTTPS: use the drawing.");
  }

  // What Python says over the channel "statistics".
  told({ level, streams }) {
    if (level !== undefined) this.meters.heard.show(level);
    if (streams) this.python = streams;
  }

  async update() {
    if (!this.stream || this.session?.pc.connectionState !== "connected") return;
    const report = [...(await this.session.pc.getStats()).values()];
    const find = (type) => report.find((stats) => stats.type === type && stats.kind === "video");
    const sent = find("outbound-rtp"), received = find("inbound-rtp"), remote = find("remote-inbound-rtp");
    if (!received || !this.stream) return;
    const now = performance.now(), before = this.before;
    this.before = { now, sent: sent?.bytesSent ?? 0, received: received.bytesReceived };
    if (!before) return;
    const seconds = (now - before.now) / 1000;
    const up = ((sent?.bytesSent ?? 0) - before.sent) * 8 / seconds, down = (received.bytesReceived - before.received) * 8 / seconds;
    const codec = (stats) => report.find(({ id }) => id === stats?.codecId)?.mimeType?.replace("video/", "") ?? NONE;
    this.plots["video-up"].add(up, kilobits(up));
    this.plots["video-down"].add(down, kilobits(down));
    this.plots["frame-rate"].add(received.framesPerSecond ?? 0, `${Math.round(received.framesPerSecond ?? 0)} per second`);
    this.table({
      "picture": [picture(sent), picture(received)],
      "codec": [codec(sent), codec(received)],
      "bit rate": [kilobits(up), kilobits(down)],
      "lost": [remote?.packetsLost === undefined ? NONE : `${remote.packetsLost} packets`, `${received.packetsLost ?? 0} packets`],
      "jitter": [milliseconds(remote?.jitter), milliseconds(received.jitter)],
    });
  }

  table(facts) {
    $("call-facts").replaceChildren(...Object.entries(facts).map(([name, values]) => {
      const row = document.createElement("tr"), head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      row.append(head, ...values.map((value) => { const cell = document.createElement("td"); cell.textContent = value; return cell; }));
      return row;
    }));
  }
}

const size = ({ videoWidth, videoHeight }) => videoWidth ? `${videoWidth} × ${videoHeight}` : "";
const picture = ({ frameWidth, frameHeight, framesPerSecond } = {}) => frameWidth ? `${frameWidth} × ${frameHeight}, ${Math.round(framesPerSecond ?? 0)} a second` : NONE;
const kilobits = (perSecond) => `${(perSecond / 1000).toFixed(0)} kbit/s`;
const milliseconds = (seconds) => seconds === undefined ? NONE : `${(seconds * 1000).toFixed(1)} ms`;
