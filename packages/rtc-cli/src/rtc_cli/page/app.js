// The browser's half of `rtc serve`: joins the connection with the four parts of the page, and makes a new one when it ends.
import { Call } from "./call.js";
import { Chat } from "./chat.js";
import { Files } from "./files.js";
import { Session } from "./session.js";
import { Statistics } from "./statistics.js";

const FIRST_PAUSE = 500, LONGEST_PAUSE = 5000;  // milliseconds between attempts
const STATES = { connecting: "connecting …", disconnected: "disconnected, still trying" };
const state = document.getElementById("state");
const call = new Call(), chat = new Chat(), files = new Files(), statistics = new Statistics();
let session, pause = FIRST_PAUSE, waiting;

function show(text, kind = "") { state.textContent = text; state.className = `state ${kind}`; }

function connect() {
  clearTimeout(waiting);
  session?.close();
  session = new Session({
    state(name) { if (name !== "closed") show(STATES[name] ?? name, name); },
    open() { pause = FIRST_PAUSE; chat.connected(session.chat); files.connected(session.pc); call.connected(session);
      statistics.connected(session.pc, session.statistics, (message) => call.told(message)); },
    channel(channel) { if (channel.label === "file") files.receive(channel); else channel.close(); },
    ended(why) {
      show(`${why} – trying again`, "broken");
      chat.disconnected(); files.disconnected(); statistics.disconnected(); call.disconnected();
      waiting = setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    },
  });
}

addEventListener("pagehide", () => { clearTimeout(waiting); session?.close(); });
addEventListener("pageshow", ({ persisted }) => { if (persisted) connect(); });
addEventListener("beforeunload", (event) => { if (files.busy) event.preventDefault(); });
connect();
