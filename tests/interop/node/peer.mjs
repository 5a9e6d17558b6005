// A peer in Node, driven like the browser page: each line on standard input is {id, code, argument}, `code` the body of an
// async function; each line on standard output is {id, result} or {id, error}. The argument names the implementation.
import { createInterface } from "node:readline";

const load = {
  "werift": async () => (await import("werift")).RTCPeerConnection,
  "node-datachannel": async () => (await import("node-datachannel/polyfill")).RTCPeerConnection,
  "wrtc": async () => (globalThis.nonstandardMedia = (await import("@roamhq/wrtc")).default).RTCPeerConnection,
};

globalThis.RTCPeerConnection = await load[process.argv[2]]();
console.log = console.error;
const AsyncFunction = (async () => {}).constructor;
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, code, argument } = JSON.parse(line);
  try {
    const result = await new AsyncFunction("argument", code)(argument);
    say({ id, result: result === undefined ? null : result });
  } catch (error) {
    say({ id, error: String(error?.stack ?? error) });
  }
}).on("close", () => process.exit(0));
say({ ready: true });
