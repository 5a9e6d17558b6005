// One line of the list of transfers: its name, how far it is, and a button that stops or removes it.
import { bytes, rate } from "./units.js";

const REDRAW = 100;  // milliseconds between two figures

function element(kind, className, text = "") {
  const made = document.createElement(kind);
  made.className = className;
  made.textContent = text;
  return made;
}

export class TransferRow {
  constructor(arrow, name, size) {
    this.name = name;
    this.size = size;
    this.item = element("li", "transfer");
    const head = element("div", "head"), sign = element("span", "sign", arrow);
    sign.setAttribute("aria-label", arrow === "→" ? "to Python" : "from Python");
    sign.setAttribute("role", "img");
    this.label = element("span", "name", name);
    this.label.title = name;
    this.buttons = element("span", "buttons");
    this.bar = element("progress", "bar");
    this.bar.max = Math.max(size, 1);
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", name);
    this.fact = element("div", "fact");
    head.append(sign, this.label, this.buttons);
    this.item.append(head, this.bar, this.fact);
    document.getElementById("files").prepend(this.item);
  }

  waiting(cancel) { this.fact.textContent = `${bytes(this.size)}, waiting`; this.show(["Cancel", cancel]); }

  started(cancel) { this.begun = performance.now(); this.drawn = 0; this.progress(0); this.show(["Cancel", cancel]); }

  progress(done) {
    const now = performance.now();
    if (now - this.drawn < REDRAW && done < this.size) return;
    this.drawn = now;
    this.bar.value = done;
    this.fact.textContent = `${bytes(done)} of ${bytes(this.size)}, ${rate(this.rate(done))}`;
  }

  rate(done) { return done / Math.max(performance.now() - this.begun, 1) * 1000; }

  // With a blob, the name becomes a link that saves it.
  done(sha256, blob) {
    const seconds = (performance.now() - this.begun) / 1000;
    this.end("done", `✓ ${bytes(this.size)} in ${seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(1)} s`}, ${rate(this.rate(this.size))} · SHA-256 ${sha256.slice(0, 16)}…`);
    this.fact.title = sha256;
    if (!blob) return this.show(["Remove"]);
    const link = document.createElement("a"), url = URL.createObjectURL(blob);
    link.href = url;
    link.download = link.textContent = this.name;
    this.label.replaceChildren(link);
    this.show(["Remove", () => URL.revokeObjectURL(url)]);
  }

  failed(why, again) {
    this.end("failed", `✗ ${why}`);
    this.show(...(again ? [["Try again", again]] : []), ["Remove"]);
  }

  end(kind, text) { this.item.classList.add(kind); this.bar.remove(); this.fact.textContent = text; }

  // Buttons for what can be done now; all but "Cancel" also remove the line.
  show(...choices) {
    const focused = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren(...choices.map(([text, action]) => {
      const button = element("button", "small", text);
      button.type = "button";
      button.setAttribute("aria-label", `${text} ${this.name}`);
      button.onclick = () => { if (text !== "Cancel") this.item.remove(); action?.(); };
      return button;
    }));
    if (focused) this.buttons.lastChild.focus();
  }
}
