// One connection: signalling over a WebSocket (the browser offers, candidates trickle both ways) and the peer connection it makes.
// It ends once, for whatever reason, and is not used again.
export class Session {
  // `handlers`: state(name), open(), channel(channel), ended(why)
  constructor(handlers) {
    this.handlers = handlers;
    this.over = false;
    this.reason = "Python is not there";
    this.offers = {};  // what Python sends back, and whether it has a film
    this.queue = Promise.resolve();  // signalling is handled one message after the other
    this.pc = new RTCPeerConnection();
    this.chat = this.pc.createDataChannel("chat");
    this.statistics = this.pc.createDataChannel("statistics", { ordered: false, maxRetransmits: 0 });
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/signal`);
    this.socket.onopen = () => { this.reason = "Python has stopped"; this.enqueue(() => this.offer()); };
    this.socket.onmessage = ({ data }) => this.enqueue(() => this.signalled(JSON.parse(data)));
    this.socket.onclose = ({ reason }) => this.end(reason || this.reason);
    this.pc.onicecandidate = ({ candidate }) => candidate && this.signal({ candidate });
    this.pc.ondatachannel = ({ channel }) => this.handlers.channel(channel);
    this.pc.onconnectionstatechange = () => {
      if (this.over) return;
      this.handlers.state(this.pc.connectionState);
      if (this.pc.connectionState === "failed") this.end(this.chat.readyState === "connecting" ? "no path to Python was found" : "the connection broke");
    };
    this.chat.onopen = () => this.handlers.open();
    this.handlers.state("connecting");
  }

  async offer() {
    await this.pc.setLocalDescription();
    this.signal({ description: this.pc.localDescription });
  }

  async signalled({ description, candidate, error, ...rest }) {
    if (description) await this.pc.setRemoteDescription(description);
    else if (candidate) await this.pc.addIceCandidate(candidate);
    else if (error) this.end(error);
    else if (rest.effect) this.offers = rest;
  }

  signal(message) { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message)); }

  enqueue(work) { this.queue = this.queue.then(() => this.over || work()).catch((error) => this.end(error.message)); }

  end(why) {
    if (this.over) return;
    this.close();
    this.handlers.ended(why);
  }

  close() {
    this.over = true;
    this.socket.close();
    this.pc.close();
  }
}
