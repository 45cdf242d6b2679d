/** How loud the microphone is: pieces of PCM in, a moving picture of the last seconds out. */

const BARS = 160;

export class LevelMeter {
  #canvas;
  #levels = [];

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#paint()).observe(canvas);
  }

  add(piece) {
    let most = 0;
    for (const sample of piece) most = Math.max(most, Math.abs(sample));
    this.#levels.push(Math.sqrt(most / 32768));
    if (this.#levels.length > BARS) this.#levels.shift();
    this.#paint();
  }

  clear() {
    this.#levels = [];
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const context = this.#canvas.getContext("2d");
    context.scale(scale, scale);
    context.fillStyle = getComputedStyle(this.#canvas).color;
    const slot = width / BARS;
    this.#levels.forEach((level, index) => {
      const size = Math.max(2, level * (height - 2));
      const at = width - (this.#levels.length - index) * slot;
      context.beginPath();
      context.roundRect(at, (height - size) / 2, Math.max(1, slot - 1.5), size, 1);
      context.fill();
    });
  }
}
