// One measurement of a Node implementation, both ends in one process; prints one line of JSON, like worker.py.
import { createRequire } from "node:module";

const [, , folder, name, benchmark] = process.argv;
const require = createRequire(`${folder}/package.json`);
const load = {
  "libdatachannel": () => import(require.resolve("node-datachannel/polyfill")),
  "libwebrtc": async () => require("@roamhq/wrtc"),
  "werift": async () => require("werift"),
};
const { RTCPeerConnection } = await load[name]();
const HIGH_WATER = 4 << 20, LOW_WATER = 1 << 20;
const TOTAL = { "libdatachannel": 128 << 20, "libwebrtc": 96 << 20, "werift": 16 << 20 }[name];
const SMALL = { "libdatachannel": 100000, "libwebrtc": 40000, "werift": 2000 }[name];

const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };

async function connect() {
  const first = new RTCPeerConnection({ iceServers: [] }), second = new RTCPeerConnection({ iceServers: [] });
  const early = new Map([[first, []], [second, []]]);
  const add = (pc, candidate) => pc.remoteDescription ? pc.addIceCandidate(candidate).catch(() => {}) : early.get(pc).push(candidate);
  first.onicecandidate = ({ candidate }) => candidate && add(second, candidate);
  second.onicecandidate = ({ candidate }) => candidate && add(first, candidate);
  const sender = first.createDataChannel("bench");
  const opened = new Promise((resolve) => { sender.onopen = () => resolve(); });
  const received = new Promise((resolve) => { second.ondatachannel = ({ channel }) => resolve(channel); });
  await first.setLocalDescription(await first.createOffer());
  await second.setRemoteDescription(first.localDescription);
  for (const candidate of early.get(second)) await second.addIceCandidate(candidate).catch(() => {});
  await second.setLocalDescription(await second.createAnswer());
  await first.setRemoteDescription(second.localDescription);
  for (const candidate of early.get(first)) await first.addIceCandidate(candidate).catch(() => {});
  await opened;
  const receiver = await received;
  receiver.binaryType = sender.binaryType = "arraybuffer";
  return { first, second, sender, receiver };
}

async function transfer(size, count) {
  const { sender, receiver } = await connect();
  let remaining = count;
  const done = new Promise((resolve) => { receiver.onmessage = () => { if (--remaining === 0) resolve(); }; });
  const payload = new Uint8Array(size);
  const before = cpu();
  for (let sent = 0; sent < count; sent++) {
    sender.send(payload);
    // Not every implementation fires bufferedamountlow; looking once a millisecond costs next to nothing.
    if (sender.bufferedAmount > HIGH_WATER) while (sender.bufferedAmount > LOW_WATER) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await done;
  return cpu() - before;
}

const benchmarks = {
  async setup() {
    const times = [];
    for (let round = 0; round < 11; round++) {
      const wall = performance.now(), spent = cpu();
      const { first, second } = await connect();
      times.push([performance.now() - wall, (cpu() - spent) * 1000]);
      first.close(); second.close();
    }
    times.shift();
    const walls = times.map(([wall]) => wall).sort((a, b) => a - b);
    return { wall_ms: walls[5], cpu_ms: times.reduce((sum, [, spent]) => sum + spent, 0) / times.length };
  },
  async bulk() { const count = TOTAL / 65536; return { mb_per_cpu_second: count * 65536 / 1e6 / await transfer(65536, count) }; },
  async small() { return { messages_per_cpu_second: SMALL / await transfer(100, SMALL) }; },
  async round_trip() {
    const { sender, receiver } = await connect();
    receiver.onmessage = ({ data }) => receiver.send(data);
    const times = [], spent = cpu();
    for (let round = 0; round < 300; round++) {
      const start = performance.now();
      const answered = new Promise((resolve) => { sender.onmessage = resolve; });
      sender.send(new Uint8Array(4));
      await answered;
      times.push(performance.now() - start);
    }
    return { wall_us: times.sort((a, b) => a - b)[150] * 1000, cpu_us: (cpu() - spent) / 300 * 1e6 };
  },
};

process.stdout.write(JSON.stringify(await benchmarks[benchmark]()) + "\n", () => process.exit(0));
