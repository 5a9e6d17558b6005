// How loud something is, as a bar. Levels are dBov: 0 is the loudest there is.
const FLOOR = -60;

export class Meter {
  constructor(name) { this.bar = document.getElementById(name); this.show(FLOOR); }

  // Measures a stream for as long as it is given.
  watch(stream) {
    this.forget();
    if (!stream?.getAudioTracks().length) return;
    this.audio = new AudioContext();
    const analyser = this.audio.createAnalyser();
    analyser.fftSize = 1024;
    this.audio.createMediaStreamSource(stream).connect(analyser);
    this.audio.resume().catch(() => {});
    const samples = new Float32Array(analyser.fftSize);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      this.show(10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length + 1e-12));
    }, 66);
  }

  show(level) {
    const part = Math.max(0, Math.min(1, 1 - level / FLOOR));
    this.bar.firstElementChild.style.transform = `scaleX(${part})`;
    this.bar.setAttribute("aria-valuenow", Math.round(part * 100));
  }

  forget() {
    clearInterval(this.timer);
    this.audio?.close();
    this.audio = undefined;
    this.show(FLOOR);
  }
}
