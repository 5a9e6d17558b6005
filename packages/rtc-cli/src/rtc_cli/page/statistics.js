// Live statistics of both ends: the browser's from its own getStats, Python's over the channel "statistics". A table and three plots.
import { NONE, Plot } from "./plot.js";
import { bytes, rate } from "./units.js";

const INTERVAL = 500;  // milliseconds
const DTLS = { FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };
const FACTS = ["address", "round trip", "sent", "received", "security", "roles"];
const $ = (id) => document.getElementById(id);

export class Statistics {
  constructor() {
    this.plots = { "round-trip": new Plot("round-trip"), up: new Plot("up"), down: new Plot("down") };
    this.disconnected();
    setInterval(() => this.update(), INTERVAL);
  }

  // `told` hears what Python says beyond what is shown here.
  connected(pc, channel, told) {
    this.pc = pc;
    this.before = undefined;
    this.python = {};
    channel.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.transport) this.python = message;
      told(message);
    };
  }

  disconnected() {
    this.pc = undefined;
    this.python = {};
    for (const plot of Object.values(this.plots)) plot.clear();
    this.table(Object.fromEntries(FACTS.map((name) => [name, [NONE, NONE]])));
  }

  async update() {
    if (this.pc?.connectionState !== "connected") return;
    const report = await this.pc.getStats();
    const all = [...report.values()];
    const transport = all.find(({ type }) => type === "transport");
    const pair = report.get(transport?.selectedCandidatePairId)
      ?? all.find(({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded");
    if (!pair || !this.pc) return;
    const traffic = transport?.bytesSent === undefined ? pair : transport;  // Firefox counts bytes by pair alone
    this.table(this.facts(report, transport ?? {}, pair, traffic));
    this.draw(traffic, pair);
  }

  // By name: the browser's figure and Python's.
  facts(report, ours, pair, counted) {
    const theirs = this.python.transport ?? {};
    const pythonPair = this.python["candidate-pair"] ?? {};
    const traffic = (stats, way) => stats[`bytes${way}`] === undefined ? NONE
      : `${bytes(stats[`bytes${way}`])}${stats[`packets${way}`] === undefined ? "" : ` in ${stats[`packets${way}`].toLocaleString("en")} packets`}`;
    const security = ({ tlsVersion, dtlsCipher }) => dtlsCipher ? `${DTLS[tlsVersion] ?? tlsVersion}, ${dtlsCipher}` : NONE;
    const address = (id) => { const found = report.get(id); return found ? `${place(found)} (${found.candidateType})` : NONE; };
    return {
      "address": [address(pair.localCandidateId), address(pair.remoteCandidateId)],
      "round trip": [milliseconds(pair.currentRoundTripTime), milliseconds(pythonPair.currentRoundTripTime)],
      "sent": [traffic(counted, "Sent"), traffic(theirs, "Sent")],
      "received": [traffic(counted, "Received"), traffic(theirs, "Received")],
      "security": [security(ours), security(theirs)],
      "roles": [roles(ours), roles(theirs)],
    };
  }

  table(facts) {
    const rows = Object.entries(facts).map(([name, values]) => {
      const row = document.createElement("tr"), head = document.createElement("th");
      head.scope = "row";
      head.textContent = name;
      row.append(head, ...values.map((value) => { const cell = document.createElement("td"); cell.textContent = value; return cell; }));
      return row;
    });
    $("facts").replaceChildren(...rows);
  }

  draw(counted, pair) {
    const now = performance.now(), before = this.before;
    this.before = { now, sent: counted.bytesSent, received: counted.bytesReceived };
    if (!before) return;
    const seconds = (now - before.now) / 1000;
    const up = (counted.bytesSent - before.sent) / seconds, down = (counted.bytesReceived - before.received) / seconds;
    this.plots.up.add(up, rate(up));
    this.plots.down.add(down, rate(down));
    this.plots["round-trip"].add((pair.currentRoundTripTime ?? 0) * 1000, milliseconds(pair.currentRoundTripTime));
  }
}

const place = ({ address, port }) => !address ? "hidden by the browser" : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
const milliseconds = (seconds) => seconds === undefined ? NONE : `${(seconds * 1000).toFixed(seconds < 0.01 ? 2 : 0)} ms`;
const roles = ({ iceRole, dtlsRole }) => [iceRole && `ICE ${iceRole}`, dtlsRole && `DTLS ${dtlsRole}`].filter(Boolean).join(", ") || NONE;
