// Asks for the figures once a second and shows them. Names of users are text, never markup.
import { Plot } from "./plot.js";
import { bytes, rate } from "./units.js";

const INTERVAL = 1000;
const MEANINGS = {
  0: "success", 300: "sent to another server", 400: "bad request", 401: "who are you?", 403: "peer forbidden", 405: "mobility forbidden",
  420: "unknown attribute", 437: "no such allocation, or there is one", 438: "another nonce, please", 440: "family not served",
  441: "somebody else's", 442: "transport not served", 443: "peer of another family", 446: "connection exists", 447: "peer not reached",
  486: "quota reached", 508: "no room",
};
const plots = Object.fromEntries(["allocations", "up", "down"].map((name) => [name, new Plot(name)]));
const by = (id) => document.getElementById(id);
let last = null;

function row(cells, heading) {
  const line = document.createElement("tr");
  cells.forEach((cell, index) => {
    const element = document.createElement(heading && index === 0 ? "th" : "td");
    if (heading && index === 0) element.scope = "row";
    element.textContent = cell;
    line.append(element);
  });
  return line;
}

function duration(seconds) {
  const whole = Math.round(seconds), parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([length]) => whole >= length);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).map(([length, unit], index) => {
    const count = Math.floor((index ? whole % parts[first][0] : whole) / length);
    return index && !count ? "" : `${count} ${unit}`;
  }).join(" ").trim();
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

function show(now, seconds) {
  by("realm").textContent = now.realm;
  by("state").textContent = `up for ${duration(now.uptime)}`;
  by("state").className = "state connected";
  plots.allocations.add(now.allocations, `${now.allocations}`);
  if (last) {
    for (const [name, key] of [["up", "bytes_to_peers"], ["down", "bytes_to_clients"]]) {
      const speed = Math.max(0, now[key] - last[key]) / seconds;
      plots[name].add(speed, rate(speed));
    }
  }
  by("totals").replaceChildren(...[
    ["Listening", now.listeners.join("  ")],
    ["Allocations", `${now.allocations} of ${count(now.users, "user")} now, ${now.allocations_made} in all`],
    ["Relayed", `${bytes(now.bytes_to_peers)} in ${now.datagrams_to_peers} datagrams to peers, ${bytes(now.bytes_to_clients)} in ${now.datagrams_to_clients} to clients`],
    ["Connected", `${now.streams} over TCP and TLS, ${now.dtls_clients} over DTLS; ${now.connections_refused} refused`],
    ["Lost here", `${now.datagrams_lost} datagrams by full sockets, ${now.messages_dropped} messages for clients that read too slowly`],
    ["Strangers", `sent ${bytes(now.unauthenticated_bytes_received)}, were answered ${bytes(now.unauthenticated_bytes_sent)}`],
  ].map((cells) => row(cells, true)));
  by("rows").replaceChildren(...now.list.map((each) => row([
    each.username, `${each.client} ${each.transport}`, each.relayed.join(" "),
    each.peers_by === "tcp" ? "by TCP" : `${count(each.permissions, "host")}, ${count(each.channels, "channel")}`,
    duration(each.lifetime), bytes(each.bytes_to_peers), bytes(each.bytes_to_client),
  ])));
  by("list").hidden = !now.list.length;
  by("none").hidden = Boolean(now.list.length);
  by("more").textContent = now.allocations > now.list.length ? `The last ${now.list.length} of ${now.allocations}.` : "";
  by("responses").replaceChildren(...Object.entries(now.responses).map(([code, count]) => row([`${code === "0" ? "" : `${code} `}${MEANINGS[code] ?? ""}`, count], true)));
  by("dropped").replaceChildren(...Object.entries(now.dropped).map(([why, count]) => row([why, count], true)));
  by("nothing").hidden = Boolean(Object.keys(now.dropped).length);
}

async function ask() {
  try {
    const answer = await fetch("/statistics.json");
    const now = await answer.json();
    now.at = performance.now();
    show(now, last ? (now.at - last.at) / 1000 : 1);
    last = now;
  } catch {
    by("state").textContent = "the server does not answer";
    by("state").className = "state broken";
  }
  setTimeout(ask, INTERVAL);
}

ask();
