// A line that moves: the last values of one figure, newest on the right.
export const NONE = "–";
const SAMPLES = 120;

export class Plot {
  constructor(name) { this.output = document.getElementById(name); this.canvas = document.getElementById(`plot-${name}`); this.samples = []; }

  clear() { this.samples = []; this.output.textContent = NONE; this.draw(); }

  add(value, text) {
    this.samples.push(value);
    if (this.samples.length > SAMPLES) this.samples.shift();
    this.output.textContent = text;
    this.draw();
  }

  draw() {
    const { canvas, samples } = this, context = canvas.getContext("2d"), scale = devicePixelRatio || 1;
    const width = canvas.width = canvas.clientWidth * scale, height = canvas.height = canvas.clientHeight * scale;
    const top = Math.max(...samples, 0) * 1.15 || 1, x = (index) => index * width / (SAMPLES - 1), y = (sample) => height - 2 * scale - sample / top * (height - 6 * scale);
    if (!samples.length) return;
    context.strokeStyle = context.fillStyle = getComputedStyle(canvas).getPropertyValue("--accent");
    context.lineWidth = 2 * scale;
    context.lineJoin = "round";
    context.beginPath();
    samples.forEach((sample, index) => context.lineTo(x(index), y(sample)));
    context.stroke();
    context.lineTo(x(samples.length - 1), height);
    context.lineTo(0, height);
    context.globalAlpha = 0.12;
    context.fill();
  }
}
