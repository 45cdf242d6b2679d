/** How loud the microphone is: pieces of PCM in, a moving picture of the last seconds out. */

import { blank } from "./dom.js";

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
    const { context, width, height } = blank(this.#canvas);
    if (!width || !height) return;
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
