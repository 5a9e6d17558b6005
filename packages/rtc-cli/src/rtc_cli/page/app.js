// The browser's half of `rtc serve`: signalling over a WebSocket, chat and files over data channels, statistics from both sides.
const $ = (id) => document.getElementById(id);
const PIECE = 64 * 1024, HIGH_WATER = 1 << 20, LOW_WATER = 256 << 10;

// --- signalling: the browser offers, candidates trickle both ways ---
const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/signal`);
const pc = new RTCPeerConnection();
const chat = pc.createDataChannel("chat");
const signal = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));

pc.onicecandidate = ({ candidate }) => candidate && signal({ candidate });
pc.onnegotiationneeded = async () => {
  await pc.setLocalDescription();
  await opened;
  signal({ description: pc.localDescription });
};
const opened = new Promise((resolve) => { socket.onopen = resolve; });
let remote = Promise.resolve();  // messages are handled one after the other
socket.onmessage = ({ data }) => {
  remote = remote.then(async () => {
    const { description, candidate } = JSON.parse(data);
    if (description) await pc.setRemoteDescription(description);
    else if (candidate) await pc.addIceCandidate(candidate);
  }).catch((error) => show(error.message, "failed"));
};
socket.onclose = () => show("Python is gone", "failed");
pc.onconnectionstatechange = () => show(pc.connectionState, pc.connectionState);

function show(text, kind) { $("state").textContent = text; $("state").className = `state ${kind}`; }

// --- chat ---
chat.onopen = () => { for (const element of $("form").elements) element.disabled = false; };
chat.onclose = () => { for (const element of $("form").elements) element.disabled = true; };
chat.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.chat !== undefined) line(message.chat, false);
  if (message.statistics) python = message.statistics;
};
$("form").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  chat.send(JSON.stringify({ chat: text }));
  line(text, true);
  $("text").value = "";
};
function line(text, mine) {
  const item = document.createElement("li");
  item.textContent = text;
  if (mine) item.className = "mine";
  $("lines").append(item);
  item.scrollIntoView({ block: "nearest" });
}

// --- files: one channel each ---
function row(name, size, arrow) {
  const item = document.createElement("li");
  const head = document.createElement("div"), label = document.createElement("span"), state = document.createElement("span"), bar = document.createElement("progress");
  head.className = "row"; label.textContent = `${arrow} ${name}`; bar.max = Math.max(size, 1); bar.value = 0;
  head.append(label, state); item.append(head, bar); $("files").prepend(item);
  const started = performance.now();
  return {
    progress(done) { bar.value = done; state.textContent = `${bytes(done)} of ${bytes(size)}, ${bytes(done / Math.max(performance.now() - started, 1) * 1000)}/s`; },
    done(link) { bar.remove(); state.textContent = `${bytes(size)} ✓`; if (link) label.replaceChildren(link); },
    failed(why) { bar.remove(); state.textContent = why; state.className = "error"; },
  };
}

async function sendFile(file) {
  const view = row(file.name, file.size, "→");
  const channel = pc.createDataChannel("file");
  channel.bufferedAmountLowThreshold = LOW_WATER;
  const closed = new Promise((_, reject) => { channel.onclose = () => reject(new Error("refused, or Python is gone")); });
  closed.catch(() => {});
  try {
    await Promise.race([new Promise((resolve) => { channel.onopen = resolve; }), closed]);
    const answer = new Promise((resolve) => { channel.onmessage = ({ data }) => resolve(JSON.parse(data)); });
    channel.send(JSON.stringify({ name: file.name, size: file.size }));
    for (let sent = 0; sent < file.size;) {
      const piece = await file.slice(sent, sent + 16 * PIECE).arrayBuffer();
      for (let at = 0; at < piece.byteLength; at += PIECE) {
        channel.send(piece.slice(at, at + PIECE));
        if (channel.bufferedAmount > HIGH_WATER) await Promise.race([new Promise((resolve) => { channel.onbufferedamountlow = resolve; }), closed]);
      }
      sent += piece.byteLength;
      view.progress(sent - channel.bufferedAmount);
    }
    const { received } = await Promise.race([answer, closed]);
    if (received !== file.size) throw new Error("not all of it arrived");
    view.done();
  } catch (error) { view.failed(error.message); } finally { channel.onclose = null; channel.close(); }
}

pc.ondatachannel = ({ channel }) => {
  if (channel.label !== "file") return channel.close();
  channel.binaryType = "arraybuffer";
  let view, header, parts = [], received = 0;
  const finish = async () => {
    const content = new Blob(parts);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await content.arrayBuffer()));
    channel.send(JSON.stringify({ received, sha256: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("") }));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(content); link.download = header.name; link.textContent = `← ${header.name}`;
    view.done(link);
    header = undefined;
  };
  channel.onmessage = ({ data }) => {
    if (typeof data === "string") { header = JSON.parse(data); view = row(header.name, header.size, "←"); }
    else { parts.push(data); received += data.byteLength; view.progress(received); }
    if (received >= header.size) finish();
  };
  channel.onclose = () => header && view?.failed("Python stopped sending");
};

const choose = (files) => { for (const file of files) sendFile(file); };
$("picker").onchange = ({ target }) => { choose(target.files); target.value = ""; };
$("drop").ondragover = (event) => { event.preventDefault(); $("drop").classList.add("over"); };
$("drop").ondragleave = () => $("drop").classList.remove("over");
$("drop").ondrop = (event) => { event.preventDefault(); $("drop").classList.remove("over"); choose(event.dataTransfer.files); };
$("drop").onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") $("picker").click(); };

// --- statistics ---
let python = {}, before;
const series = { rtt: [], up: [], down: [] };
const bytes = (count) => { const unit = count < 1e3 ? 0 : count < 1e6 ? 1 : count < 1e9 ? 2 : 3; return `${(count / 1e3 ** unit).toFixed(unit ? 1 : 0)} ${["B", "kB", "MB", "GB"][unit]}`; };

function plot(name, value, text) {
  series[name].push(value); if (series[name].length > 120) series[name].shift();
  $(name).textContent = text;
  const canvas = $(`plot-${name}`), context = canvas.getContext("2d"), top = Math.max(...series[name]) * 1.15 || 1;
  const style = getComputedStyle(document.documentElement);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.beginPath();
  series[name].forEach((sample, index) => context.lineTo(index * canvas.width / 119, canvas.height - 4 - sample / top * (canvas.height - 8)));
  context.strokeStyle = style.getPropertyValue("--accent"); context.lineWidth = 2; context.stroke();
}

setInterval(async () => {
  if (pc.connectionState !== "connected") return;
  const report = await pc.getStats();
  const transport = [...report.values()].find(({ type }) => type === "transport");
  const pair = transport && report.get(transport.selectedCandidatePairId);
  if (!pair) return;
  const local = report.get(pair.localCandidateId), remoteCandidate = report.get(pair.remoteCandidateId);
  const theirs = Object.values(python).find(({ type }) => type === "transport") ?? {};
  const facts = {
    "path": `${local.address ?? "this browser"}:${local.port} (${local.candidateType}) ⇄ ${remoteCandidate.address ?? "Python"}:${remoteCandidate.port} (${remoteCandidate.candidateType})`,
    "security": `${{ FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" }[transport.tlsVersion] ?? transport.tlsVersion}, ${transport.dtlsCipher}`,
    "browser": `sent ${bytes(transport.bytesSent)}, received ${bytes(transport.bytesReceived)}`,
    "Python": theirs.bytesSent === undefined ? "–" : `sent ${bytes(theirs.bytesSent)}, received ${bytes(theirs.bytesReceived)}`,
  };
  $("facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => {
    const term = document.createElement("dt"), definition = document.createElement("dd");
    term.textContent = name; definition.textContent = value;
    return [term, definition];
  }));
  const now = performance.now();
  if (before) {
    const seconds = (now - before.now) / 1000;
    const up = (transport.bytesSent - before.sent) / seconds, down = (transport.bytesReceived - before.received) / seconds;
    plot("up", up, `${bytes(up)}/s`); plot("down", down, `${bytes(down)}/s`);
    const rtt = (pair.currentRoundTripTime ?? 0) * 1000; plot("rtt", rtt, `${rtt.toFixed(2)} ms`);
  }
  before = { now, sent: transport.bytesSent, received: transport.bytesReceived };
}, 500);

addEventListener("pagehide", () => pc.close());
