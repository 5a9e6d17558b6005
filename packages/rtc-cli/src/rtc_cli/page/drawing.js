// What the page sends where there is no camera, or where nobody wants to be seen: a drawing that moves, and two notes.
const WIDTH = 640, HEIGHT = 480, FRAMES_PER_SECOND = 30;

export class Drawing {
  constructor() {
    this.canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
    this.context = this.canvas.getContext("2d");
    this.draw();
    this.timer = setInterval(() => this.draw(), 1000 / FRAMES_PER_SECOND);
    this.audio = new AudioContext();
    this.gain = this.audio.createGain();
    this.note = this.audio.createOscillator();
    const outlet = this.audio.createMediaStreamDestination();
    this.note.connect(this.gain).connect(outlet);
    this.note.start();
    this.audio.resume().catch(() => {});
    this.stream = new MediaStream([...this.canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks(), ...outlet.stream.getAudioTracks()]);
  }

  draw() {
    const { context } = this, seconds = performance.now() / 1000;
    const sky = context.createLinearGradient(0, 0, 0, HEIGHT);
    sky.addColorStop(0, "#0b1f4b");
    sky.addColorStop(1, "#f59e6c");
    context.fillStyle = sky;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    const turn = seconds / 4 % 1;  // the sun crosses the picture
    context.fillStyle = "#ffe08a";
    context.beginPath();
    context.arc(turn * (WIDTH + 120) - 60, 330 - Math.sin(turn * Math.PI) * 220, 44, 0, 7);
    context.fill();
    for (let hill = 0; hill < 3; hill += 1) {
      context.fillStyle = ["#27486b", "#1d3652", "#122338"][hill];
      context.beginPath();
      context.moveTo(0, HEIGHT);
      for (let x = 0; x <= WIDTH; x += 8) context.lineTo(x, 330 + hill * 45 + Math.sin(x / (90 - hill * 20) + seconds * (hill + 1) / 3) * 26);
      context.lineTo(WIDTH, HEIGHT);
      context.fill();
    }
    context.fillStyle = "#fff";
    context.font = "600 30px system-ui, sans-serif";
    context.fillText(new Date().toLocaleTimeString(), 24, 48);
    if (this.note) {
      this.note.frequency.value = seconds % 2 < 1 ? 440 : 554;
      this.gain.gain.value = 0.15 * (1 - seconds % 1);  // each note fades
    }
  }

  stop() {
    clearInterval(this.timer);
    for (const track of this.stream.getTracks()) track.stop();
    this.audio.close();
  }
}
