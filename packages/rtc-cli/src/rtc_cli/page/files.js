// Files in both directions, one channel each; rtc_cli/files.py describes the protocol and is the other half.
import { Sha256 } from "./sha256.js";
import { TransferRow } from "./transfer_row.js";
import { bytes } from "./units.js";

const PIECE = 64 * 1024;  // bytes of one message
const BLOCK = 16 * PIECE;  // bytes read from a file at once
const HIGH_WATER = 1 << 20, LOW_WATER = 256 << 10;  // bytes buffered: wait above the one until below the other
const MOST_AT_ONCE = 4;  // files sent at the same time; the others wait
const FOLD = 16 << 20;  // bytes received after which they are handed to the browser, which may keep them on disk
const BROKEN = "the connection broke";
const $ = (id) => document.getElementById(id);

export class Files {
  constructor() {
    this.pc = undefined;
    this.waiting = [];  // { file, row }
    this.running = new Set();  // functions that break a transfer off, with the reason
    this.sending = 0;
    $("choose").onclick = () => $("picker").click();
    $("picker").onchange = ({ target }) => { this.choose([...target.files]); target.value = ""; };
    const drop = $("drop"), over = (event, is) => { event.preventDefault(); drop.classList.toggle("over", is); };
    drop.ondragover = (event) => over(event, true);
    drop.ondragleave = (event) => over(event, false);
    drop.ondrop = (event) => { over(event, false); this.choose([...event.dataTransfer.files]); };
    for (const type of ["dragover", "drop"]) addEventListener(type, (event) => event.preventDefault());  // beside the field: do not leave the page
  }

  get busy() { return this.running.size > 0; }

  connected(pc) { this.pc = pc; $("choose").disabled = false; this.next(); }

  disconnected() {
    this.pc = undefined;
    $("choose").disabled = true;
    for (const abort of [...this.running]) abort(BROKEN);
  }

  // --- to Python ---

  choose(files) {
    for (const file of files) {
      const row = new TransferRow("→", file.name, file.size), item = { file, row };
      row.waiting(() => { this.waiting.splice(this.waiting.indexOf(item), 1); row.failed("cancelled"); });
      this.waiting.push(item);
    }
    this.next();
  }

  next() {
    while (this.pc && this.sending < MOST_AT_ONCE && this.waiting.length) {
      const { file, row } = this.waiting.shift();
      this.sending += 1;
      this.send(file, row).catch((error) => row.failed(error.message, () => this.choose([file]))).finally(() => { this.sending -= 1; this.next(); });
    }
  }

  async send(file, row) {
    const channel = this.pc.createDataChannel("file");
    channel.bufferedAmountLowThreshold = LOW_WATER;
    let outcome;  // what ends the transfer: the receiver's answer, or why there is none
    const ended = new Promise((resolve) => {
      const end = (value) => { outcome ??= value; resolve(); };
      channel.onmessage = ({ data }) => end(JSON.parse(data));
      channel.onclose = () => end({ refused: BROKEN });
      this.running.add(row.abort = (why) => end({ refused: why }));
    });
    row.started(() => row.abort("cancelled"));
    try {
      await Promise.race([new Promise((resolve) => { channel.onopen = resolve; }), ended]);
      if (!outcome) channel.send(JSON.stringify({ name: file.name, size: file.size }));
      const hash = await this.pieces(file, channel, row, ended, () => outcome);
      await ended;
      if (outcome.refused) throw new Error(outcome.refused);
      if (outcome.received !== file.size || outcome.sha256 !== hash.hex()) throw new Error("it arrived changed");
      row.done(outcome.sha256);
    } finally {
      this.running.delete(row.abort);
      channel.onclose = null;
      channel.close();
    }
  }

  async pieces(file, channel, row, ended, outcome) {
    const hash = new Sha256();
    for (let start = 0; start < file.size && !outcome(); start += BLOCK) {
      const block = new Uint8Array(await file.slice(start, start + BLOCK).arrayBuffer().catch(() => { throw new Error("it cannot be read"); }));
      for (let at = 0; at < block.length && !outcome(); at += PIECE) {
        const piece = block.subarray(at, at + PIECE);
        hash.update(piece);
        if (channel.readyState === "open") channel.send(piece);
        row.progress(start + at + piece.length - channel.bufferedAmount);
        if (channel.bufferedAmount > HIGH_WATER) await Promise.race([new Promise((resolve) => { channel.onbufferedamountlow = resolve; }), ended]);
      }
    }
    return hash;
  }

  // --- from Python ---

  receive(channel) {
    channel.binaryType = "arraybuffer";
    const hash = new Sha256();
    let row, name, size, received = 0, parts = [], unfolded = 0;
    const end = (why) => {
      this.running.delete(end);
      channel.onmessage = channel.onclose = null;
      channel.close();
      if (why) row?.failed(why);
    };
    const finish = () => {
      const sha256 = hash.hex();
      channel.send(JSON.stringify({ received, sha256 }));
      row.done(sha256, new Blob(parts));
      $("news").textContent = `${name} arrived, ${bytes(size)}`;
      channel.onmessage = null;
      channel.onclose = () => end();  // the sender closes when it has the answer
    };
    this.running.add(end);
    channel.onclose = () => end("Python stopped it");
    channel.onmessage = ({ data }) => {
      if (row === undefined) {
        ({ name, size } = JSON.parse(data));
        row = new TransferRow("←", name, size);
        row.started(() => end("cancelled"));
      } else {
        hash.update(new Uint8Array(data));
        parts.push(data);
        received += data.byteLength;
        if ((unfolded += data.byteLength) > FOLD) { parts = [new Blob(parts)]; unfolded = 0; }
        row.progress(received);
      }
      if (received >= size) finish();
    };
  }
}
