// Lines of text in both directions, over the channel "chat": {"text": ...}. Text is never inserted as HTML.
const MOST_LINES = 500;
const $ = (id) => document.getElementById(id);

export class Chat {
  constructor() {
    this.channel = undefined;
    $("form").onsubmit = (event) => { event.preventDefault(); this.say($("text").value.trim()); };
  }

  connected(channel) {
    this.channel = channel;
    $("send").disabled = false;
    channel.onmessage = ({ data }) => {
      const { text } = JSON.parse(data);
      if (typeof text === "string") this.line(text, "theirs");
    };
  }

  disconnected() {
    if (this.channel) this.line("The connection ended.", "note");
    this.channel = undefined;
    $("send").disabled = true;
  }

  say(text) {
    if (!text || this.channel?.readyState !== "open") return;  // what was typed stays until it can be sent
    this.channel.send(JSON.stringify({ text }));
    this.line(text, "mine");
    $("text").value = "";
  }

  line(text, kind) {
    const lines = $("lines"), item = document.createElement("li");
    if (kind !== "note") {
      const who = document.createElement("span");
      who.className = "unseen";
      who.textContent = kind === "mine" ? "You: " : "Python: ";
      item.append(who);
    }
    item.append(text);
    item.className = kind;
    lines.append(item);
    if (lines.children.length > MOST_LINES) lines.firstChild.remove();
    lines.scrollTop = lines.scrollHeight;
  }
}
